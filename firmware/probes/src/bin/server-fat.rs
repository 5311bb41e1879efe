//! The server of the native dialect with a FAT volume.
#![no_std]
#![no_main]

use coracle_probes::opaque::Blocks;
use coracle_probes::roles;
use coracle_storage::fat::Fat;

coracle_probes::image!(proved, roles::serve_files(Fat::<_, 3, 2>::new(Blocks)));
