//! Limits of folders, names, tables and memory.

use std::rc::Rc;

use coracle::limits::OWNERSHIP_MILLIS;
use coracle::{Code, Storage};
use coracle_storage::chip::{Chip, ChipSession};
use coracle_storage::fat::Fat;
use fatfs::FatType;

use crate::card::Card;
use crate::check::check;
use crate::tools::{Session, code, formatted, get, names, partial, path, put, serve, small};

#[test]
fn folders_have_their_limits() {
    // A root with a place of its own.
    let card = Card::new(small(FatType::Fat12));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    let mut count = 0;
    let error = loop {
        let name = format!("{count}");
        match code(session.make_folder(path(name.as_bytes()))) {
            Ok(()) => count += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error, Code::NoSpace);
    assert!(count > 200, "{count} folders");
    assert_eq!(put(&mut session, b"one more", b"x"), Err(Code::NoSpace));
    assert_eq!(put(&mut session, b"0/one more", b"x"), Ok(()));
    drop(session);
    check(&card.bytes()).unwrap();
    // A full root leaves no room for the journal: the card is read all the same.
    let mut image = (*formatted(FatType::Fat12)).clone();
    let root = 512 * (1 + 2 * usize::from(image[22]));
    for (number, slot) in image[root..].chunks_mut(32).take(512).enumerate() {
        slot[..11].copy_from_slice(format!("{number:<11}").as_bytes());
    }
    let card = Card::new(Rc::new(image.clone()));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    assert_eq!(names(&mut session, b"/").unwrap().len(), 512);
    assert!(card.bytes() == image, "nor is it said to be in use");
    let error = session.stage(path(b"0"), None).unwrap_err();
    assert_eq!(error.refusal().code, Code::ReadOnly);
    assert!(error.refusal().message.contains("journal"), "{error}");
}

/// A folder of 65,536 slots, all in use, on a card with room.
#[test]
fn a_folder_of_all_the_slots_there_may_be_is_full() {
    const CLUSTERS: usize = 65_536 / 16;
    let mut image = (*formatted(FatType::Fat32)).clone();
    let reserved = usize::from(u16::from_le_bytes([image[14], image[15]]));
    let table_len = u32::from_le_bytes(image[36..40].try_into().unwrap()) as usize;
    let data = (reserved + 2 * table_len) * 512;
    let mut entry = [0; 32];
    entry[..12].copy_from_slice(b"D          \x10");
    // The folder has the clusters behind the root's.
    entry[26] = 3;
    image[data..data + 32].copy_from_slice(&entry);
    for copy in 0..2 {
        let table = (reserved + copy * table_len) * 512;
        for cluster in 3..3 + CLUSTERS as u32 {
            let next = if cluster as usize == 2 + CLUSTERS { 0x0fff_ffff } else { cluster + 1 };
            image[table + cluster as usize * 4..][..4].copy_from_slice(&next.to_le_bytes());
        }
    }
    for (number, slot) in image[data + 512..].chunks_mut(32).take(65_536).enumerate() {
        slot[..12].copy_from_slice(format!("{number:<11} ").as_bytes());
        slot[11] = 0x20;
    }
    let card = Card::new(Rc::new(image));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    assert_eq!(get(&mut session, b"d/65535").unwrap(), b"");
    let error = session.stage(path(b"d/new"), None).unwrap_err();
    assert_eq!(error.refusal().code, Code::NoSpace);
    assert!(error.refusal().message.contains("folder"), "{error}");
    session.remove(path(b"d/1")).unwrap();
    session.remove(path(b"d/2")).unwrap();
    put(&mut session, b"d/new", b"x").unwrap();
    assert_eq!(get(&mut session, b"d/new").unwrap(), b"x");
}

#[test]
fn names_that_fat_cannot_hold_are_refused() {
    let card = Card::new(small(FatType::Fat16));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    for bad in ["a:b", "what?", "a*", "<a>", "a|b", "\"a\"", "a\u{e000}", "CORACLE.jnl"] {
        let place = path(bad.as_bytes());
        assert_eq!(code(session.stage(place, None)).err(), Some(Code::BadPath), "{bad}");
        assert_eq!(code(session.make_folder(place)), Err(Code::BadPath), "{bad}");
        assert_eq!(code(session.stat(place)).err(), Some(Code::NotFound), "{bad}");
    }
    let not_text = path(b"\xff\xfe");
    assert_eq!(code(session.stage(not_text, None)).err(), Some(Code::BadPath));
    assert_eq!(code(session.stat(not_text)).err(), Some(Code::NotFound));
    put(&mut session, b"a", b"x").unwrap();
    assert_eq!(code(session.rename(path(b"a"), path(b"b?"))), Err(Code::BadPath));
    // Upper and lower case are one.
    put(&mut session, "ÄRGER".as_bytes(), b"1").unwrap();
    put(&mut session, "ärger".as_bytes(), b"2").unwrap();
    assert_eq!(names(&mut session, b"/").unwrap(), ["a", "ÄRGER"]);
    session.rename(path("ärger".as_bytes()), path("Ärger".as_bytes())).unwrap();
    assert_eq!(names(&mut session, b"/").unwrap(), ["a", "Ärger"]);
    assert_eq!(get(&mut session, "ÄRGER".as_bytes()).unwrap(), b"2");
    // The staged file of a name of 255 letters has no letter more.
    let long = "N".repeat(255);
    let mut staged = session.stage(path(long.as_bytes()), None).unwrap();
    session.write_at(&mut staged, 0, b"x").unwrap();
    session.keep(staged);
    assert_eq!(partial(&mut session, long.to_lowercase().as_bytes()).unwrap(), b"x");
    assert_eq!(names(&mut session, b"/").unwrap().len(), 2);
}

/// As many as a chip's table holds, and what is stalled makes room.
#[test]
fn too_many_open_files_are_busy() {
    let card = Card::new(small(FatType::Fat16));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    let mut all = Vec::new();
    let error = loop {
        let name = format!("{}", all.len());
        match code(session.stage(path(name.as_bytes()), None)) {
            Ok(mut staged) => {
                session.write_at(&mut staged, 0, b"x").unwrap();
                all.push(staged);
            }
            Err(error) => break error,
        }
    };
    assert_eq!((error, all.len()), (Code::Busy, 12));
    chip.borrow_mut().set_now(OWNERSHIP_MILLIS);
    put(&mut Session::new(&chip), b"another", b"y").unwrap();
    assert_eq!(partial(&mut session, b"0").unwrap(), b"x");
    put(&mut session, b"a", b"x").unwrap();
    let mut files = Vec::new();
    let error = loop {
        match session.open(path(b"a")) {
            Ok((file, _)) => files.push(file),
            Err(error) => break error,
        }
    };
    assert_eq!((error.refusal().code, files.len()), (Code::Busy, 12));
    drop(session);
    get(&mut Session::new(&chip), b"a").unwrap();
    check(&card.bytes()).unwrap();
}

/// The memory of a chip: what the documentation of the firmware counts with.
#[test]
fn the_state_takes_the_memory_it_says() {
    type Small = Chip<Fat<Card, 3, 2>, 8>;
    assert!(size_of::<Small>() <= 3850, "{} bytes", size_of::<Small>());
    assert!(size_of::<ChipSession<'_, Fat<Card, 3, 2>, 8>>() <= 240);
}
