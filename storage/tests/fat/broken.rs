//! Cards whose file system is damaged: an error or bounded nonsense, never a panic or a hang.

use std::rc::Rc;

use coracle::{Code, Storage};
use fatfs::FatType;

use crate::card::{Card, Loss, next_random};
use crate::tools::{
    KINDS, Session, bytes, code, everything, formatted, get, names, path, put, serve, small,
};

/// A card with a bit of everything.
fn prepared(kind: FatType) -> Vec<u8> {
    let card = Card::new(small(kind));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    session.make_folder(path(b"folder")).unwrap();
    session.make_folder(path(b"folder/inner folder")).unwrap();
    for number in 0..20u8 {
        let name = format!("folder/a file with number {number}");
        put(&mut session, name.as_bytes(), &bytes(700 * usize::from(number), number)).unwrap();
    }
    put(&mut session, b"large", &bytes(100_000, 1)).unwrap();
    let staged = session.stage(path(b"partial"), None).unwrap();
    let mut staged = staged;
    session.write_at(&mut staged, 0, &[7; 1000]).unwrap();
    session.keep(staged);
    drop(session);
    card.bytes()
}

/// Blocks with metadata: those before the data, and folders.
fn metadata(image: &[u8], kind: FatType) -> Vec<usize> {
    let end = match kind {
        FatType::Fat32 => 1100,
        _ => 80,
    };
    let is_used = |block: &usize| image[block * 512..][..512].iter().any(|byte| *byte != 0);
    (0..end).filter(is_used).collect()
}

/// Everything that a session can do, whatever comes of it.
fn use_all(card: &Card) {
    let chip = serve(card);
    let mut session = Session::new(&chip);
    let _ = session.space();
    let mut all = names(&mut session, b"/").unwrap_or_default();
    let inner = names(&mut session, b"folder").unwrap_or_default();
    all.extend(inner.into_iter().map(|name| format!("folder/{name}")));
    for name in all.iter().take(30) {
        let Ok(path) = coracle::Path::new(name.as_bytes()) else { continue };
        let _ = session.stat(path);
        if let Ok((mut file, _)) = session.open(path) {
            let (mut at, mut buffer) = (0, [0; 4096]);
            while let Ok(read @ 1..) = session.read_at(&mut file, at, &mut buffer) {
                at += read as u64;
                if at > 200_000 {
                    break;
                }
            }
            session.close(file);
        }
    }
    let _ = put(&mut session, b"large", &bytes(5000, 9));
    let _ = put(&mut session, b"folder/a new file", &bytes(9000, 9));
    let _ = session.make_folder(path(b"folder/a new folder"));
    let _ = session.rename(path(b"folder/inner folder"), path(b"moved"));
    let _ = session.rename(path(b"folder/a file with number 3"), path(b"folder/a"));
    let _ = session.remove(path(b"folder/a file with number 4"));
    let _ = session.remove(path(b"folder/a file with number 19"));
    let _ = session.remove(path(b"moved"));
    if let Ok((staged, _)) = session.resume(path(b"partial"), None) {
        session.discard(staged);
    }
}

#[test]
fn damaged_volumes_are_survived() {
    for kind in KINDS {
        let image = prepared(kind);
        let places = metadata(&image, kind);
        for seed in 0..1500 {
            let mut random = seed;
            let mut below = |end: usize| (next_random(&mut random) % end as u64) as usize;
            let mut broken = image.clone();
            for _ in 0..=below(12) {
                // The boot block now and then: most of what breaks it ends there.
                let block = if below(10) == 0 { 0 } else { places[below(places.len())] };
                let at = block * 512 + below(512);
                broken[at] = match below(4) {
                    0 => 0,
                    1 => 0xff,
                    2 => broken[at] ^ 1 << below(8),
                    _ => below(256) as u8,
                };
            }
            let result = std::panic::catch_unwind(|| {
                let card = Card::new(Rc::new(broken));
                use_all(&card);
                // And once more, as after a power cut.
                let card = card.after_cut(Loss::Some(seed));
                use_all(&card);
                card.reads()
            });
            let reads = result.unwrap_or_else(|_| panic!("{kind:?}, seed {seed}"));
            assert!(reads < 200_000, "{kind:?}, seed {seed}: {reads} reads");
        }
    }
}

/// What the first mount says of a card.
fn complaint(image: Vec<u8>) -> Code {
    let chip = serve(&Card::new(Rc::new(image)));
    code(Session::new(&chip).facts()).unwrap_err()
}

#[test]
fn what_is_no_fat_is_refused_with_its_reason() {
    let chip = serve(&Card::new(Rc::new(vec![0; 1 << 20])));
    let error = Session::new(&chip).facts().unwrap_err();
    assert!(error.refusal().message.contains("format it"), "{error}");
    let mut exfat = vec![0; 1 << 20];
    exfat[..11].copy_from_slice(b"\xeb\x76\x90EXFAT   ");
    exfat[510..512].copy_from_slice(&[0x55, 0xaa]);
    let chip = serve(&Card::new(Rc::new(exfat)));
    let error = Session::new(&chip).facts().unwrap_err();
    assert!(error.refusal().message.contains("exFAT"), "{error}");
    assert_eq!(complaint(vec![]), Code::Io);
    // Blocks of another size, more of them than the card has, and clusters of three.
    let whole = (*formatted(FatType::Fat16)).clone();
    let mut other = whole.clone();
    other[11..13].copy_from_slice(&4096u16.to_le_bytes());
    assert_eq!(complaint(other), Code::Io);
    let mut other = whole.clone();
    other.truncate(other.len() - 512);
    assert_eq!(complaint(other), Code::Io);
    let mut other = whole;
    other[13] = 3;
    assert_eq!(complaint(other), Code::Io);
}

#[test]
fn a_chain_that_ends_early_or_loops_is_an_error_where_it_does() {
    let card = Card::new(small(FatType::Fat16));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    put(&mut session, b"other", &bytes(5000, 2)).unwrap();
    put(&mut session, b"a", &bytes(5000, 1)).unwrap();
    let mut image = card.bytes();
    let slot = image.chunks(32).position(|slot| slot.starts_with(b"A          ")).unwrap() * 32;
    let first = usize::from(u16::from_le_bytes([image[slot + 26], image[slot + 27]]));
    for (value, readable) in [(0xffffu16, 1024), (0, 512), (1, 512), (0xfff7, 512)] {
        image[512 + first * 2 + 2..][..2].copy_from_slice(&value.to_le_bytes());
        let chip = serve(&Card::new(Rc::new(image.clone())));
        let mut session = Session::new(&chip);
        let (mut file, found) = session.open(path(b"a")).unwrap();
        assert_eq!(found.size, 5000);
        let (mut len, mut buffer) = (0, [0; 512]);
        let error = loop {
            match session.read_at(&mut file, len as u64, &mut buffer) {
                Ok(read) => len += read,
                Err(error) => break error,
            }
        };
        assert!(error.refusal().message.contains("damaged"), "{error}");
        assert!(len <= readable.max(1024), "{len} bytes with {value:#x}");
        session.close(file);
        assert_eq!(get(&mut session, b"other").as_deref(), Ok(&bytes(5000, 2)[..]));
    }
    // A folder that leads to itself is listed to the end of what a folder may hold.
    let card = Card::new(small(FatType::Fat12));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    session.make_folder(path(b"d")).unwrap();
    put(&mut session, b"d/x", b"x").unwrap();
    drop(session);
    let mut image = card.bytes();
    let slot = image.chunks(32).position(|slot| slot.starts_with(b"D          ")).unwrap() * 32;
    let first = usize::from(u16::from_le_bytes([image[slot + 26], image[slot + 27]]));
    let at = 512 + first * 3 / 2;
    let own = if first % 2 == 0 { first as u16 } else { (first as u16) << 4 };
    let kept = if first % 2 == 0 { 0xf0 } else { 0x0f };
    let [low, high] = own.to_le_bytes();
    if first % 2 == 0 {
        (image[at], image[at + 1]) = (low, image[at + 1] & kept | high);
    } else {
        (image[at], image[at + 1]) = (image[at] & kept | low, high);
    }
    let card = Card::new(Rc::new(image));
    let chip = serve(&card);
    assert!(everything(&mut Session::new(&chip)).is_ok());
    assert!(card.reads() < 100_000, "{} reads", card.reads());
}
