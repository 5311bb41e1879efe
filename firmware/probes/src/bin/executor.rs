//! No way to a panic of ours: both sides of both dialects under the driver of executors. The
//! compiler's own guard against a future that is polled after its end remains.
#![no_std]
#![no_main]

use coracle::Outcome;
use coracle::classic::FixedServer;
use coracle_probes::{drivers, roles};

coracle_probes::image!(guarded, {
    let mut native = roles::server();
    if drivers::serve_async(&mut native) == Some(Outcome::Classic) {
        drivers::serve_async(&mut FixedServer::from(native));
    }
    drivers::ask_async(&mut roles::client());
    drivers::ask_async(&mut roles::classic_client());
});
