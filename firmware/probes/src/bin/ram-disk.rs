//! No way to a panic: the RAM disk, in memory of its own and in memory it was lent.
#![no_std]
#![no_main]

use core::cell::RefCell;

use coracle::ram::{BLOCK_LEN, Disk, Node};
use coracle::{RamDisk, RamSession, ram};
use coracle_probes::opaque::any;
use coracle_probes::roles;

coracle_probes::image!(proved, {
    let disk = RefCell::new(RamDisk::<16, 64>::new());
    if let Ok(mut disk) = disk.try_borrow_mut() {
        disk.set_now(any(0));
        any(disk.now());
    }
    roles::serve_from(&mut roles::server(), RamSession::new(&disk));

    let (mut nodes, mut bytes, mut links) = ([Node::FREE; 16], [[0; BLOCK_LEN]; 64], [0; 64]);
    let (nodes, bytes, links) = any((&mut nodes[..], &mut bytes[..], &mut links[..]));
    let lent = RefCell::new(Disk::lent(nodes, bytes, links));
    roles::serve_from(&mut roles::server(), ram::Session::new(&lent));
});
