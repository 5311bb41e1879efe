//! Cards that are taken out, exchanged, full, protected or failing.

use std::cell::RefCell;
use std::rc::Rc;

use coracle::{Code, Storage};
use coracle_storage::block::{Block, BlockDevice, ErrorKind};
use coracle_storage::chip::{Chip, ChipSession};
use coracle_storage::fat::Fat;
use fatfs::FatType;

use crate::card::{Card, Failure, Loss, Mood};
use crate::check::check;
use crate::tools::{
    KINDS, Session, bytes, code, everything, get, names, partial, path, put, receipt, serve, small,
    write,
};

/// A reader of cards: the first call after another card was put in says so.
#[derive(Clone)]
struct Slot(Rc<RefCell<(Card, bool)>>);

impl Slot {
    fn exchange(&self, card: &Card) {
        *self.0.borrow_mut() = (card.clone(), true);
    }

    fn card(&self) -> Result<Card, Failure> {
        let (card, is_new) = &mut *self.0.borrow_mut();
        if std::mem::take(is_new) { Err(Failure::ABSENT) } else { Ok(card.clone()) }
    }
}

impl BlockDevice for Slot {
    type Error = Failure;

    fn kind(error: &Failure) -> ErrorKind {
        Card::kind(error)
    }

    fn count(&mut self) -> Result<u32, Failure> {
        self.card()?.count()
    }

    fn read(&mut self, first: u32, blocks: &mut [Block]) -> Result<(), Failure> {
        self.card()?.read(first, blocks)
    }

    fn write(&mut self, first: u32, blocks: &[Block]) -> Result<(), Failure> {
        self.card()?.write(first, blocks)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.card()?.flush()
    }
}

#[test]
fn handles_of_another_card_touch_nothing() {
    for kind in KINDS {
        let (first, second) = (Card::new(small(kind)), Card::new(small(kind)));
        put(&mut Session::new(&serve(&second)), b"a", &bytes(3000, 2)).unwrap();
        let slot = Slot(Rc::new(RefCell::new((first.clone(), false))));
        let chip = RefCell::new(Chip::<_, 8>::new(Fat::<_, 4, 2>::new(slot.clone())));
        let mut session = ChipSession::new(&chip);
        put(&mut session, b"a", &bytes(3000, 1)).unwrap();
        session.make_folder(path(b"d")).unwrap();
        let (mut file, _) = session.open(path(b"a")).unwrap();
        let mut folder = session.open_folder(path(b"d")).unwrap();
        let mut staged = session.stage(path(b"new"), None).unwrap();
        write(&mut session, &mut staged, 0, &bytes(2000, 3)).unwrap();
        let mut other = session.stage(path(b"other"), None).unwrap();

        slot.exchange(&second);
        let before = second.bytes();
        assert_eq!(code(session.write_at(&mut staged, 2000, &[1; 2048])), Err(Code::Io));
        let mut buffer = [0; 600];
        assert_eq!(code(session.write_at(&mut staged, 2000, b"x")), Err(Code::Changed));
        assert_eq!(code(session.read_at(&mut file, 0, &mut buffer)), Err(Code::Changed));
        assert_eq!(code(session.metadata(&mut file)), Err(Code::Changed));
        assert_eq!(code(session.next_entry(&mut folder, &mut buffer)), Err(Code::Changed));
        assert_eq!(code(session.truncate(&mut other, 0)), Err(Code::Changed));
        session.keep(other);
        session.close(file);
        session.close_folder(folder);
        session.finish(staged, receipt(b""), None);
        session.commit();
        assert_eq!(code(session.committed().unwrap().1), Err(Code::Changed));
        assert!(second.bytes() == before, "{kind:?}: nothing is written to the other card");
        assert_eq!(get(&mut session, b"a").as_deref(), Ok(&bytes(3000, 2)[..]));
        put(&mut session, b"b", &bytes(700, 4)).unwrap();

        // The first one again: as after a power cut.
        slot.exchange(&first);
        assert_eq!(code(session.stat(path(b"b"))), Err(Code::Io));
        assert_eq!(names(&mut session, b"/").unwrap(), ["a", "d"]);
        assert!(bytes(2000, 3).starts_with(&partial(&mut session, b"new").unwrap_or_default()));
        drop(session);
        check(&first.bytes()).unwrap();
        check(&second.bytes()).unwrap();
    }
}

#[test]
fn a_card_that_comes_back_is_served() {
    let card = Card::new(small(FatType::Fat16));
    let chip = serve(&card);
    card.set_mood(Mood::Absent);
    let mut session = Session::new(&chip);
    let error = session.stat(path(b"a")).unwrap_err();
    assert!(error.refusal().message.contains("no medium"), "{error}");
    card.set_mood(Mood::Good);
    put(&mut session, b"a", b"bytes").unwrap();
    card.set_mood(Mood::Absent);
    assert_eq!(put(&mut session, b"b", b"bytes"), Err(Code::Io));
    card.set_mood(Mood::Good);
    assert_eq!(get(&mut session, b"a").unwrap(), b"bytes");
    put(&mut session, b"b", b"bytes").unwrap();
    check(&card.bytes()).unwrap();
}

#[test]
fn a_full_card_says_so_and_keeps_what_it_has() {
    for kind in KINDS {
        let card = Card::new(small(kind));
        let chip = serve(&card);
        let mut session = Session::new(&chip);
        put(&mut session, b"old", &bytes(3000, 1)).unwrap();
        let space = session.space().unwrap();
        let largest = session.facts().unwrap().largest.unwrap();
        assert_eq!(
            code(session.stage(path(b"a"), Some(space.free + 1))).err(),
            Some(Code::NoSpace)
        );
        assert_eq!(
            code(session.stage(path(b"a"), Some(space.total.max(largest) + 1))).err(),
            Some(Code::TooLarge)
        );
        let mut staged = session.stage(path(b"old"), None).unwrap();
        let (mut stored, chunk) = (0, [7; 1024]);
        let error = loop {
            match session.write_at(&mut staged, stored, &chunk) {
                Ok(written) => stored += written as u64,
                Err(error) => break error,
            }
        };
        assert_eq!(error.refusal().code, Code::NoSpace);
        // Of FAT12, entries that lie in two blocks of the FAT are not given out.
        let spared = if kind == FatType::Fat12 { 8 * 512 } else { 0 };
        assert!(stored <= space.free && stored + spared >= space.free, "{kind:?}: {stored}");
        assert_eq!(put(&mut session, b"other", b"x"), Err(Code::NoSpace));
        assert_eq!(code(session.make_folder(path(b"d"))), Err(Code::NoSpace));
        // Names need no more room than they have.
        session.rename(path(b"old"), path(b"renamed")).unwrap();
        session.rename(path(b"renamed"), path(b"old")).unwrap();
        session.keep(staged);
        assert_eq!(get(&mut session, b"old").as_deref(), Ok(&bytes(3000, 1)[..]));
        drop(session);
        check(&card.bytes()).unwrap_or_else(|why| panic!("{kind:?}: {why}"));
        let mut session = Session::new(&chip);
        assert_eq!(partial(&mut session, b"old").map(|it| it.len() as u64), Ok(stored));
        session.forget(path(b"old")).unwrap();
        assert_eq!(session.space().unwrap(), space);
        put(&mut session, b"old", &bytes(3000, 2)).unwrap();
        check(&card.bytes()).unwrap();
    }
}

#[test]
fn a_protected_card_is_read() {
    for kind in KINDS {
        let card = Card::new(small(kind));
        put(&mut Session::new(&serve(&card)), b"a", &bytes(3000, 1)).unwrap();
        for image in [card.after_cut(Loss::None), Card::new(small(kind))] {
            let before = image.bytes();
            image.set_mood(Mood::Protected);
            let chip = serve(&image);
            let mut session = Session::new(&chip);
            let all = everything(&mut session).unwrap();
            assert!(all.is_empty() || all.keys().eq(["a"]));
            for _ in 0..2 {
                assert_eq!(put(&mut session, b"b", b"x"), Err(Code::ReadOnly));
                assert_eq!(code(session.make_folder(path(b"d"))), Err(Code::ReadOnly));
                assert_eq!(everything(&mut session).unwrap(), all);
            }
            if !all.is_empty() {
                assert_eq!(code(session.remove(path(b"a"))), Err(Code::ReadOnly));
            }
            assert!(image.bytes() == before);
        }
        // One that has to be repaired, and cannot.
        let card = card.after_cut(Loss::None);
        card.cut_after(20);
        let _ = put(&mut Session::new(&serve(&card)), b"a", &bytes(9000, 1));
        let cut = card.after_cut(Loss::None);
        for mood in [Mood::Protected, Mood::WriteFails] {
            cut.set_mood(mood);
            let chip = serve(&cut);
            let mut session = Session::new(&chip);
            assert_eq!(names(&mut session, b"/").unwrap(), ["a"], "{mood:?}");
            assert!(put(&mut session, b"b", b"x").is_err());
            assert_eq!(names(&mut session, b"/").unwrap(), ["a"], "{mood:?}");
        }
        cut.set_mood(Mood::Good);
        put(&mut Session::new(&serve(&cut)), b"b", b"x").unwrap();
        check(&cut.bytes()).unwrap();
    }
}

/// A block that fails once is no reason to give up, nor to lose a file that is there.
#[test]
fn errors_of_the_card_are_told_and_survived() {
    let image = Card::new(small(FatType::Fat16));
    put(&mut Session::new(&serve(&image)), b"a", &bytes(3000, 1)).unwrap();
    for steps in 0..40 {
        let card = image.after_cut(Loss::None);
        let chip = serve(&card);
        let mut session = Session::new(&chip);
        assert_eq!(names(&mut session, b"/").unwrap(), ["a"]);
        let mut staged = session.stage(path(b"a"), None).unwrap();
        card.fail_after(steps);
        let data = bytes(4000, 2);
        let told = match write(&mut session, &mut staged, 0, &data) {
            Ok(()) => {
                session.finish(staged, receipt(&data), None);
                session.commit();
                code(session.committed().unwrap().1).map(|_| ())
            }
            Err(error) => {
                session.keep(staged);
                Err(error)
            }
        };
        card.set_mood(Mood::Good);
        assert!(matches!(told, Ok(()) | Err(Code::Io | Code::Changed)), "{told:?}");
        let found = get(&mut session, b"a").unwrap();
        assert!(found == data || told.is_err() && found == bytes(3000, 1), "after {steps} steps");
        put(&mut session, b"b", b"x").unwrap();
        check(&card.bytes()).unwrap_or_else(|why| panic!("after {steps} steps: {why}"));
    }
}

/// A number that somebody else has counted wrongly refuses nothing.
#[test]
fn free_space_is_counted_where_the_volume_says_there_is_none() {
    let mut image = (*small(FatType::Fat32)).clone();
    let info = usize::from(u16::from_le_bytes([image[48], image[49]])) * 512;
    image[info + 488..info + 492].fill(0);
    let card = Card::new(Rc::new(image));
    let chip = serve(&card);
    let mut session = Session::new(&chip);
    put(&mut session, b"a", &bytes(3000, 1)).unwrap();
    drop(session);
    check(&card.bytes()).unwrap();
}
