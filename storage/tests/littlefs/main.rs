//! A littlefs on a card and in NOR flash.

#[path = "../fat/card.rs"]
#[allow(dead_code, reason = "shared with the tests of FAT, which need more of it")]
mod card;
mod faults;
mod half_done;
mod laws;
mod nor;
mod original;
mod pc;
mod power;
mod random;
mod tree;
mod world;
