//! No way to a panic: both sides of both dialects under the driver that blocks.
#![no_std]
#![no_main]

use coracle::Outcome;
use coracle::classic::FixedServer;
use coracle_probes::{drivers, roles};

coracle_probes::image!(proved, {
    let mut native = roles::server();
    if drivers::serve_blocking(&mut native) == Some(Outcome::Classic) {
        drivers::serve_blocking(&mut FixedServer::from(native));
    }
    drivers::ask_blocking(&mut roles::client());
    drivers::ask_blocking(&mut roles::classic_client());
});
