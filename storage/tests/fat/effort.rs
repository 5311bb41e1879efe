//! What the backend asks of a card: few calls, few blocks of metadata.

use coracle::Storage;
use fatfs::FatType;

use crate::card::{Card, Loss};
use crate::check::check;
use crate::pc::{self, Image};
use crate::tools::{Session, bytes, get, names, path, put, receipt, serve, small, write};

#[test]
fn a_long_upload_writes_little_besides_its_bytes() {
    let card = Card::new(small(FatType::Fat32));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    names(&mut session, b"/").unwrap();
    let (steps, data) = (card.steps(), bytes(1 << 20, 1));
    put(&mut session, b"long", &data).unwrap();
    // With clusters of one block, so that the FAT is as much as it can be: 16 blocks in each copy.
    let more = card.steps() - steps - (1 << 20) / 512;
    assert!(more <= 197, "{more} other blocks and flushes for {} of the file", (1 << 20) / 512);
    let reads = card.reads();
    assert!(get(&mut session, b"long").unwrap() == data);
    // Pieces of eight blocks; a call more where the clusters do not follow each other, or for the FAT.
    let calls = card.reads() - reads;
    assert!(calls <= 273, "{calls} calls for {} pieces", (1 << 20) / 4096);
}

#[test]
fn a_small_upload_writes_few_blocks() {
    let card = Card::new(small(FatType::Fat32));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    put(&mut session, b"first", b"x").unwrap();
    let steps = card.steps();
    put(&mut session, b"second", b"x").unwrap();
    let new = card.steps() - steps;
    assert!(new <= 26, "{new} writes and flushes for a new file");
    let steps = card.steps();
    put(&mut session, b"second", b"y").unwrap();
    let replaced = card.steps() - steps;
    assert!(replaced <= 32, "{replaced} writes and flushes for a replacement");
}

/// The card may be taken out between any two calls, and a PC that does not check it may give
/// clusters to other files: then nothing must be done again that was done before.
#[test]
fn between_calls_the_journal_has_nothing_to_do() {
    let card = Card::new(small(FatType::Fat32));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    let is_settled = |when: &str| {
        let bytes = card.after_cut(Loss::All).bytes();
        let blocks = bytes.chunks(512).filter(|block| block.starts_with(b"CORACLE1"));
        let newest = blocks.max_by_key(|block| block[8]).unwrap();
        assert!(newest[12..84].iter().all(|byte| *byte == 0), "after {when}");
    };
    put(&mut session, b"old", &bytes(9000, 1)).unwrap();
    is_settled("an upload");
    put(&mut session, b"old", &bytes(9000, 2)).unwrap();
    is_settled("a replacement");
    session.make_folder(path(b"d")).unwrap();
    is_settled("a folder");
    let mut first = session.stage(path(b"a name of more than one slot"), None).unwrap();
    is_settled("stage");
    for part in 0..40 {
        write(&mut session, &mut first, part * 3000, &bytes(3000, 2)).unwrap();
        is_settled("write");
    }
    let second = session.stage(path(b"old"), None).unwrap();
    session.finish(second, receipt(b""), None);
    session.commit();
    session.committed().unwrap().1.unwrap();
    is_settled("commit");
    session.truncate(&mut first, 70_000).unwrap();
    is_settled("truncate");
    session.make_folder(path(b"folder")).unwrap();
    is_settled("mkdir");
    session.rename(path(b"folder"), path(b"another")).unwrap();
    is_settled("rename");
    session.remove(path(b"old")).unwrap();
    is_settled("remove");
    session.keep(first);
    is_settled("keep");
    let (first, _) = session.resume(path(b"a name of more than one slot"), None).unwrap();
    is_settled("resume");
    session.discard(first);
    is_settled("discard");
}

/// Small pieces, at any offset, overwriting too.
#[test]
fn pieces_of_any_size_arrive() {
    for piece in [1, 7, 511, 512, 513, 1000, 1025, 5000] {
        let card = Card::new(small(FatType::Fat16));
        let chip = serve(&card);
        let mut session = Session::new(&chip);
        let mut whole = bytes(12_000, 3);
        let mut staged = session.stage(path(b"a"), None).unwrap();
        let mut other = session.stage(path(b"b"), None).unwrap();
        for (number, part) in whole.chunks(piece).enumerate().take(3000) {
            let mut left = part;
            while !left.is_empty() {
                let at = number * piece + part.len() - left.len();
                let written = session.write_at(&mut staged, at as u64, left).unwrap();
                left = &left[written..];
            }
            if number % 5 == 0 {
                // Another upload comes in between.
                write(&mut session, &mut other, number / 5 * 3, b"abc").unwrap();
            }
        }
        whole.truncate(3000 * piece);
        for (at, len) in [(0, 10), (500, 700), (2000, 1)] {
            let new = bytes(len, 99);
            write(&mut session, &mut staged, at, &new).unwrap();
            let end = whole.len().max(at + len);
            whole.resize(end, 0);
            whole[at..at + len].copy_from_slice(&new);
        }
        let mut back = [0; 100];
        let read = session.read_staged(&mut staged, 450, &mut back).unwrap();
        assert_eq!(back[..read], whole[450..450 + read], "pieces of {piece}");
        session.finish(staged, receipt(&whole), None);
        session.keep(other);
        session.commit();
        session.committed().unwrap().1.unwrap();
        assert!(get(&mut session, b"a").unwrap() == whole, "pieces of {piece}");
        drop(session);
        check(&card.bytes()).unwrap();
    }
}

#[test]
fn times_are_kept() {
    let card = Card::new(small(FatType::Fat16));
    let fat =
        coracle_storage::fat::Fat::<_, 4, 2>::new(card.clone()).with_clock(|| Some(1_700_000_000));
    let chip = std::cell::RefCell::new(coracle_storage::chip::Chip::<_, 4>::new(fat));
    let mut session = coracle_storage::chip::ChipSession::new(&chip);
    session.make_folder(path(b"d")).unwrap();
    for (name, modified) in [(&b"now"[..], None), (b"then", Some(999_999_999))] {
        let staged = session.stage(path(name), None).unwrap();
        session.finish(staged, receipt(b""), modified);
        session.commit();
        session.committed().unwrap().1.unwrap();
    }
    let modified = |session: &mut coracle_storage::chip::ChipSession<'_, _, 4>, name: &[u8]| {
        session.stat(path(name)).unwrap().modified
    };
    assert_eq!(modified(&mut session, b"d"), Some(1_700_000_000));
    assert_eq!(modified(&mut session, b"now"), Some(1_700_000_000));
    // In steps of two seconds.
    assert_eq!(modified(&mut session, b"then"), Some(999_999_998));
    // Without a clock no date is invented.
    let again = serve(&card.after_cut(Loss::None));
    let mut session = Session::new(&again);
    session.make_folder(path(b"e")).unwrap();
    assert_eq!(session.stat(path(b"e")).unwrap().modified, None);
}

#[test]
fn a_partition_is_served() {
    if !pc::are_there() {
        return;
    }
    // The first partition holds something else, the second one the FAT.
    let volume = Image::formatted(20_000, &["-F", "16", "-h", "4096"]).card().bytes();
    let mut whole = vec![0xdb; (4096 + 20_000 + 100) * 512];
    whole[..512].fill(0);
    whole[4096 * 512..][..volume.len()].copy_from_slice(&volume);
    let entry = |kind: u8, first: u32, count: u32| {
        let mut entry = [0; 16];
        entry[4] = kind;
        entry[8..12].copy_from_slice(&first.to_le_bytes());
        entry[12..].copy_from_slice(&count.to_le_bytes());
        entry
    };
    whole[446..462].copy_from_slice(&entry(0xda, 64, 4000));
    whole[462..478].copy_from_slice(&entry(0x0e, 4096, 20_000));
    whole[510..512].copy_from_slice(&[0x55, 0xaa]);
    let card = Card::new(std::rc::Rc::new(whole.clone()));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    put(&mut session, b"a", &bytes(5000, 1)).unwrap();
    drop(session);
    let after = card.bytes();
    let (volume, outside) = (4096 * 512..(4096 + 20_000) * 512, 0..4096 * 512);
    pc::check(&Card::new(std::rc::Rc::new(after[volume.clone()].to_vec())));
    assert!(after[outside.clone()] == whole[outside] && after[volume.end..] == whole[volume.end..]);
}
