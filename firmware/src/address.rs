//! The address that was chosen when the image was built.

use smoltcp::wire::{Ipv4Address, Ipv4Cidr};

/// The address with the length of the network's prefix, and the router, if there is one:
/// `CORACLE_ADDRESS` and `CORACLE_ROUTER` in the environment of the build.
pub const CHOSEN: (Ipv4Cidr, Option<Ipv4Address>) = {
    let (address, prefix, router) = include!(concat!(env!("OUT_DIR"), "/address.rs"));
    (Ipv4Cidr::new(address, prefix), router)
};
