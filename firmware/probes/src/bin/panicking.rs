//! The proof of the proof: an image with a way to a panic, which must not be linked.
#![no_std]
#![no_main]

use coracle_probes::opaque::any;

coracle_probes::image!(proved, {
    any([0; 2][any(2)]);
});
