//! Nothing: what an image weighs before the core is in it.
#![no_std]
#![no_main]

coracle_probes::image!(proved, ());
