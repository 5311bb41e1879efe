//! The RAM disk keeps the laws of storage.

use core::cell::RefCell;

use coracle::laws::{self, Fixture};
use coracle::ram::{self, Arrays, Disk, Lent, Memory};
use coracle::{Path, RamDisk, RamSession, Receipt, Storage};

struct Ram<M: Memory>(RefCell<Disk<M>>);

impl<M: Memory + 'static> Fixture for Ram<M> {
    type Session<'a> = ram::Session<'a, M>;

    fn session(&self) -> Self::Session<'_> {
        ram::Session::new(&self.0)
    }

    fn pass(&self, milliseconds: u64) {
        let mut disk = self.0.borrow_mut();
        let now = disk.now() + milliseconds;
        disk.set_now(now);
    }

    /// RAM does not survive a crash: the nearest to it are sessions that never answer again.
    fn crash(self) -> Self {
        self.pass(coracle::limits::OWNERSHIP_MILLIS);
        self
    }
}

#[test]
fn the_ram_disk_keeps_the_laws() {
    laws::check(|| Ram::<Arrays<32, 256>>(RefCell::new(RamDisk::new())));
}

#[test]
fn in_any_memory_it_keeps_them() {
    laws::check(|| {
        let nodes = vec![ram::Node::FREE; 32].leak();
        let (bytes, links) = (vec![[0xAB; ram::BLOCK_LEN]; 256].leak(), vec![0xAB; 300].leak());
        Ram::<Lent<'_>>(RefCell::new(Disk::lent(nodes, bytes, links)))
    });
}

/// A file that is replaced while its folder is listed exists throughout (law 8). Host file
/// systems may disagree, so this is no part of the kit.
#[test]
fn a_replaced_entry_is_listed_once() {
    for before in 0..6 {
        let disk = RefCell::new(RamDisk::<8, 32>::new());
        let mut session = RamSession::new(&disk);
        let put = |session: &mut RamSession<'_, 8, 32>, name: u8| {
            let staged = session.stage(Path::new(&[name]).unwrap(), None).unwrap();
            session.finish(staged, Receipt::default(), None);
            session.commit();
            session.committed().unwrap().1.unwrap();
        };
        (b'a'..=b'f').for_each(|name| put(&mut session, name));
        session.remove(Path::new(b"b").unwrap()).unwrap();
        let mut folder = session.open_folder(Path::ROOT).unwrap();
        let mut seen = Vec::new();
        let mut name = [0; 255];
        for step in 0..8 {
            if step == before {
                // The new bytes are staged in a place before or behind that of the old ones.
                (b'c'..=b'f').for_each(|name| put(&mut session, name));
                let (from, to) = (Path::new(b"f").unwrap(), Path::new(b"e").unwrap());
                session.rename(from, to).unwrap();
            }
            let Some(_) = session.next_entry(&mut folder, &mut name).unwrap() else { break };
            seen.push(name[0]);
        }
        seen.retain(|name| *name != b'f');
        assert_eq!(seen, b"acde", "replaced after {before} entries");
    }
}
