//! The FAT backend: on simulated cards, and on cards that other implementations have made.

mod broken;
mod card;
mod check;
mod cuts;
mod effort;
mod laws;
mod media;
mod pc;
mod random;
mod tools;
