//! Power cuts after every single write: old or new, nothing lost, and a PC has no complaint.

use std::io::{Cursor, Write};
use std::rc::Rc;

use coracle::{Code, Storage};
use fatfs::FatType;

use crate::card::{Card, Loss};
use crate::check::check;
use crate::pc;
use crate::tools::{
    KINDS, Session, bytes, code, everything, get, partial, path, put, receipt, serve, small, write,
};

type Act = fn(&mut Session<'_>) -> Result<(), Code>;

const LONG: &[u8] =
    b"folder/a name of more than one slot, which may lie in two blocks of a folder.text";

/// A card with something on it, and with holes.
fn prepared(kind: FatType) -> Card {
    let card = Card::new(small(kind));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    session.make_folder(path(b"folder")).unwrap();
    session.make_folder(path(b"folder/inner")).unwrap();
    session.make_folder(path(b"empty")).unwrap();
    put(&mut session, b"folder/inner/x", b"x").unwrap();
    for number in 0..12u8 {
        let name = format!("folder/fill {number}");
        put(&mut session, name.as_bytes(), &bytes(3000, number)).unwrap();
    }
    for number in (0..12).step_by(2) {
        session.remove(path(format!("folder/fill {number}").as_bytes())).unwrap();
    }
    put(&mut session, b"old", &bytes(20_000, 77)).unwrap();
    put(&mut session, b"other", &bytes(4000, 78)).unwrap();
    keep(&mut session, b"old", &bytes(5000, 79));
    keep(&mut session, b"empty/leftover", &bytes(5000, 80));
    drop(session);
    card
}

fn keep(session: &mut Session<'_>, at: &[u8], data: &[u8]) {
    let mut staged = session.stage(path(at), None).unwrap();
    write(session, &mut staged, 0, data).unwrap();
    session.keep(staged);
}

fn resume(session: &mut Session<'_>) -> Result<(), Code> {
    let (mut staged, stored) = code(session.resume(path(b"old"), None))?;
    let whole = [&bytes(4000, 79)[..], &bytes(9000, 5)].concat();
    assert_eq!(stored, 5000);
    let result = code(session.truncate(&mut staged, 4000))
        .and_then(|()| write(session, &mut staged, 4000, &whole[4000..]));
    if let Err(error) = result {
        session.keep(staged);
        return Err(error);
    }
    session.finish(staged, receipt(&whole), None);
    session.commit();
    code(session.committed().unwrap().1).map(|_| ())
}

/// Two uploads at once, of which one is given up.
fn two_at_once(session: &mut Session<'_>) -> Result<(), Code> {
    let mut first = code(session.stage(path(b"folder/first"), None))?;
    let second = code(session.stage(path(b"folder/second"), None));
    let mut second = match second {
        Ok(second) => second,
        Err(error) => {
            session.keep(first);
            return Err(error);
        }
    };
    let mut result = Ok(());
    for part in 0..6 {
        result = result
            .and_then(|()| write(session, &mut first, part * 2000, &bytes(2000, 1)))
            .and_then(|()| write(session, &mut second, part * 2000, &bytes(2000, 2)));
    }
    session.discard(second);
    if let Err(error) = result {
        session.keep(first);
        return Err(error);
    }
    session.finish(first, receipt(b""), None);
    session.commit();
    code(session.committed().unwrap().1).map(|_| ())
}

const ACTS: [(&str, Act); 15] = [
    ("upload", |session| put(session, b"new", &bytes(3000, 1))),
    ("upload of nothing", |session| put(session, b"new", b"")),
    ("upload with a long name", |session| put(session, LONG, &bytes(30_000, 2))),
    ("long upload", |session| put(session, b"long", &bytes(150_000, 3))),
    ("replacement", |session| put(session, b"old", &bytes(9000, 4))),
    ("resume", resume),
    ("two at once", two_at_once),
    ("rename", |session| code(session.rename(path(b"old"), path(LONG)))),
    ("rename over", |session| code(session.rename(path(b"other"), path(b"old")))),
    ("rename of a folder", |session| {
        code(session.rename(path(b"folder/inner"), path(b"empty/a new name for it")))
    }),
    ("removal", |session| code(session.remove(path(b"old")))),
    ("new folder", |session| code(session.make_folder(path(LONG)))),
    ("removal of a folder", |session| code(session.remove(path(b"empty")))),
    ("forgetting", |session| code(session.forget(path(b"old")))),
    ("nothing", |session| code(session.stat(path(b"old"))).map(|_| ())),
];

/// Of how many cuts one is looked at by `fsck.fat`, too.
const PC_EVERY: u64 = 11;

/// Of how many cuts one is followed by another while it is repaired.
const AGAIN_EVERY: u64 = 7;

/// What is to be seen of a cut.
struct Seen {
    loss: Loss,
    cut: usize,
    name: &'static str,
    kind: FatType,
    asks_pc: bool,
}

fn cut_everywhere(kind: FatType) {
    let (prepared, has_pc) = (prepared(kind), pc::are_there());
    let before = everything(&mut Session::new(&serve(&prepared))).unwrap();
    for (number, (name, act)) in ACTS.into_iter().enumerate() {
        let whole = prepared.after_cut(Loss::None);
        let chip = serve(&whole);
        act(&mut Session::new(&chip)).unwrap();
        let after = everything(&mut Session::new(&chip)).unwrap();
        for cut in 0..=whole.steps() {
            let seed = (number * 1000 + cut) as u64;
            for loss in [Loss::All, Loss::None, Loss::Some(seed), Loss::Some(!seed)] {
                let card = prepared.after_cut(Loss::None);
                card.cut_after(cut);
                let told = act(&mut Session::new(&serve(&card)));
                let asks_pc = has_pc && seed.is_multiple_of(PC_EVERY);
                let seen = Seen { loss, cut, name, kind, asks_pc };
                let check = |card: &Card| {
                    let found = seen.check(card, told.is_ok());
                    assert!(
                        found == after || told.is_err() && found == before,
                        "{seen}: neither old nor new: {:?}",
                        found.keys()
                    );
                };
                let card = card.after_cut(loss);
                if seed.is_multiple_of(AGAIN_EVERY) {
                    cut_again(&card, loss, check);
                }
                check(&card);
            }
        }
    }
}

/// The power fails once more while the first cut is repaired.
fn cut_again(card: &Card, loss: Loss, check: impl Fn(&Card)) {
    let whole = card.after_cut(Loss::None);
    everything(&mut Session::new(&serve(&whole))).unwrap();
    for cut in 0..whole.steps() {
        let card = card.after_cut(Loss::None);
        card.cut_after(cut);
        // Reading does not fail before something is written, so this may be well.
        let _ = everything(&mut Session::new(&serve(&card)));
        check(&card.after_cut(loss));
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { loss, cut, name, kind, .. } = self;
        write!(f, "{kind:?}: {name}, cut after {cut} steps, losing {loss:?}")
    }
}

impl Seen {
    /// Mount again, which repairs, and look.
    fn check(
        &self,
        card: &Card,
        is_done: bool,
    ) -> std::collections::BTreeMap<String, Option<Vec<u8>>> {
        let chip = serve(card);
        let mut session = Session::new(&chip);
        let found = everything(&mut session).unwrap_or_else(|code| panic!("{self}: {code}"));
        let whole = card.bytes();
        check(&whole).unwrap_or_else(|complaint| panic!("{self}: {complaint}"));
        // Some of them, for it takes its time.
        if self.asks_pc
            && let Some(complaints) = pc::Image::new(&whole).complaints()
        {
            panic!("{self}: fsck.fat: {complaints}");
        }
        // What is left of an upload is a prefix of it.
        for (at, data) in [(&b"new"[..], bytes(3000, 1)), (b"long", bytes(150_000, 3))] {
            match partial(&mut session, at) {
                Ok(stored) => assert!(data.starts_with(&stored) && !is_done, "{self}"),
                Err(code) => assert_eq!(code, Code::NotFound, "{self}"),
            }
        }
        put(&mut session, b"new", b"again").unwrap_or_else(|code| panic!("{self}: {code}"));
        assert_eq!(get(&mut session, b"new").as_deref(), Ok(&b"again"[..]), "{self}");
        found
    }
}

#[test]
fn a_cut_leaves_old_or_new_on_fat12() {
    cut_everywhere(FatType::Fat12);
}

#[test]
fn a_cut_leaves_old_or_new_on_fat16() {
    cut_everywhere(FatType::Fat16);
}

#[test]
fn a_cut_leaves_old_or_new_on_fat32() {
    cut_everywhere(FatType::Fat32);
}

/// A file as other implementations write it, over every cluster there is: of FAT12 also those
/// whose entries lie in two blocks of the FAT, which cannot be changed in one write.
#[test]
fn a_cut_while_chains_of_others_are_freed_loses_nothing() {
    for kind in [FatType::Fat12, FatType::Fat16] {
        let mut image = Cursor::new((*small(kind)).clone());
        let volume = fatfs::FileSystem::new(&mut image, fatfs::FsOptions::new()).unwrap();
        let whole = bytes(900_000, 6);
        for name in ["large", "folder"] {
            let mut file = volume.root_dir().create_file(name).unwrap();
            file.write_all(if name == "large" { &whole } else { b"x" }).unwrap();
        }
        drop(volume);
        let before = Card::new(Rc::new(image.into_inner()));
        let acts: [(&'static str, Act); 2] = [
            ("removal", |session| code(session.remove(path(b"large")))),
            ("replacement", |session| put(session, b"large", b"small")),
        ];
        // The journal is there already.
        everything(&mut Session::new(&serve(&before))).unwrap();
        for (name, act) in acts {
            let card = before.after_cut(Loss::None);
            act(&mut Session::new(&serve(&card))).unwrap();
            for cut in 0..card.steps() {
                let loss = Loss::Some(cut as u64);
                let card = before.after_cut(Loss::None);
                card.cut_after(cut);
                let _ = act(&mut Session::new(&serve(&card)));
                let seen = Seen { loss, cut, name, kind, asks_pc: false };
                let found = seen.check(&card.after_cut(loss), false);
                let large = found.get("large").map(|data| data.as_deref().unwrap_or_default());
                assert!(large.is_none_or(|data| data == whole || data == b"small"), "{seen}");
            }
        }
    }
}

/// The first mount of a card makes the journal.
#[test]
fn a_cut_while_the_journal_is_made_loses_nothing() {
    let has_pc = pc::are_there();
    for kind in KINDS {
        let image = small(kind);
        let whole = Card::new(image.clone());
        everything(&mut Session::new(&serve(&whole))).unwrap();
        assert!(whole.steps() > 5, "{} steps", whole.steps());
        for cut in 0..whole.steps() {
            for loss in [Loss::All, Loss::None, Loss::Some(cut as u64)] {
                let card = Card::new(image.clone());
                card.cut_after(cut);
                assert!(everything(&mut Session::new(&serve(&card))).is_err());
                let card = card.after_cut(loss);
                let seen = Seen { loss, cut, name: "first mount", kind, asks_pc: has_pc };
                assert!(seen.check(&card, false).is_empty(), "{seen}");
            }
        }
    }
}
