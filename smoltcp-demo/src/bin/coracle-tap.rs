//! `coracle-tap`: serves on a TAP interface.

fn main() {}
