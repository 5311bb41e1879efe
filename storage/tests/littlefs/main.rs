//! A littlefs on a card and in NOR flash.

#[path = "../media/mod.rs"]
mod media;

mod laws;
mod original;
mod power;
mod tree;
mod world;
