//! Nothing: what an image weighs before the core is in it.
#![no_std]
#![no_main]

use coracle_probes::opaque;

coracle_probes::image!(proved, opaque::any(()));
