//! No way to a panic: whatever reads or writes the protocol'\''s bytes.
#![no_std]
#![no_main]

use coracle_probes::codecs;

coracle_probes::image!(proved, {
    codecs::paths();
    codecs::commands();
    codecs::replies();
    codecs::frames();
    codecs::arrivals();
});
