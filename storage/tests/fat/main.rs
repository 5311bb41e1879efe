//! The FAT backend: on simulated cards, and on cards that other implementations have made.

mod broken;
mod card;
mod check;
mod cuts;
mod effort;
mod laws;
mod limits;
mod media;
mod model;
mod pc;
mod random;
mod tools;
