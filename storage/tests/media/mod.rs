//! Simulated media of chips, whose power can be cut at any operation.

pub mod card;
pub mod nor;
pub mod random;
