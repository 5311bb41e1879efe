//! What the server on a TAP interface of Linux, `coracle-tap`, is made of.

pub mod capture;
pub mod device;
pub mod fault;
pub mod setup;
pub mod wire;
