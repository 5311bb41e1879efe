//! The server of the native dialect with a littlefs on a card.
#![no_std]
#![no_main]

use coracle_probes::opaque::Blocks;
use coracle_probes::roles;
use coracle_storage::littlefs::{Card, LittleFs};

coracle_probes::image!(proved, roles::serve_files(LittleFs::<_, 12>::new(Card::new(Blocks))));
