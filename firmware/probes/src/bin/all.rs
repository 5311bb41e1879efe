//! Both sides of both dialects.
#![no_std]
#![no_main]

use coracle_probes::roles;

coracle_probes::image!(proved, {
    roles::serve_either();
    roles::ask();
    roles::ask_classic();
});
