//! The server's side of both dialects.
#![no_std]
#![no_main]

use coracle_probes::roles;

coracle_probes::image!(proved, {
    roles::serve_either();
});
