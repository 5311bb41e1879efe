//! The server's side of the native dialect: every command, under the poll driver.
#![no_std]
#![no_main]

use coracle_probes::roles;

coracle_probes::image!(proved, {
    roles::serve(&mut roles::server());
});
