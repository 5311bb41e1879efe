//! The FAT backend: on simulated cards, and on cards that other implementations have made.

mod card;
mod cuts;
mod laws;
mod pc;
mod tools;
