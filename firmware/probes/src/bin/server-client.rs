//! Both sides of the native dialect.
#![no_std]
#![no_main]

use coracle_probes::roles;

coracle_probes::image!(proved, {
    roles::serve(&mut roles::server());
    roles::ask();
});
