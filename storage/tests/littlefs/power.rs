//! The power goes at any operation of the medium: after a restart there is the old or the new
//! state, what was confirmed is there, and uploads can be resumed.

use coracle::Storage;

use super::nor::SimNor;
use super::random::Random;
use super::tree::{Act, Tree};
use super::world::{
    CardDevice, Device, Served, Session, block_len, check_space, formatted, get, partial, path,
    put, served, write,
};

/// Files in a folder, with names so long that their entries have no room in one log.
const FILES: usize = 36;

fn file(folder: &str, number: usize) -> String {
    format!("{folder}/a file whose name is so long that few fit, {number}")
}

/// Acts that each change something in another way: new files, replaced ones, moves within a log
/// and to another one, over files and with folders, removals. The many files make logs long
/// enough to be rewritten and to be split.
fn acts() -> Vec<Act> {
    let mut random = Random(1);
    let mut put = |name: &str, len| Act::Put(name.to_owned(), random.bytes(len));
    let mut acts = vec![put("a", 3000), put("a", 20_000), Act::MakeFolder("d".to_owned())];
    acts.extend((0..FILES).map(|number| put(&file("d", number), number)));
    let rename = |from: &str, to: &str| Act::Rename(from.to_owned(), to.to_owned());
    acts.extend([
        rename("a", "d/a"),
        rename(&file("d", FILES - 1), &file("d", 0)),
        Act::MakeFolder("d/e".to_owned()),
        rename("d/e", "e"),
        rename("d/a", "e/a"),
        rename("d", "e/d"),
    ]);
    acts.extend((0..FILES - 1).map(|number| Act::Remove(file("e/d", number))));
    acts.extend([Act::Remove("e/d".to_owned()), put("e/a", 10), Act::Remove("e/a".to_owned())]);
    acts.push(Act::Remove("e".to_owned()));
    acts
}

/// Do one thing in which the power goes, and see what is left.
fn interrupted<D: Device>(device: &D, before: &Tree, act: &Act, when: &str) {
    let done = act.run(&mut Session::<D>::new(&served(device)));
    device.restart();
    let chip = served(device);
    let mut session = Session::<D>::new(&chip);
    let found = Tree::of(&mut session);
    let mut after = before.clone();
    after.do_it(act);
    let is_old = found == *before && done.is_err();
    found.assert_is(if is_old { before } else { &after }, when);
    still_works(device, &chip, &mut session, when);
    if matches!(act, Act::MakeFolder(_) | Act::Remove(_)) {
        nothing_is_lost(device, &mut session, &found, when);
    }
}

/// When everything is removed, every block is free again.
fn nothing_is_lost<D: Device>(device: &D, session: &mut Session<'_, D>, tree: &Tree, when: &str) {
    for name in tree.0.keys().rev() {
        session.remove(path(name)).unwrap_or_else(|error| panic!("{name}: {error:?} {when}"));
    }
    session.remove(path("again")).unwrap();
    let space = session.space().unwrap();
    let root = 2 * block_len(&device.image()) as u64;
    assert_eq!(space.total - space.free, root, "bytes in use by an empty root {when}");
}

/// Whatever happened, it can be gone on with.
fn still_works<D: Device>(device: &D, chip: &Served<D>, session: &mut Session<'_, D>, when: &str) {
    check_space(device, chip);
    put(session, "again", b"again").unwrap_or_else(|error| panic!("{error:?} {when}"));
    assert_eq!(get(session, "again").as_deref(), Ok(&b"again"[..]), "{when}");
    check_space(device, chip);
}

fn operations<D: Device>(device: &D, run: impl FnOnce(&D)) -> u64 {
    let before = device.operations();
    run(device);
    device.operations() - before
}

fn at_each_operation<D: Device>() {
    let acts = acts();
    assert_logs_are_split::<D>(&acts);
    let device = formatted::<D>();
    let mut tree = Tree::default();
    for (number, act) in acts.iter().enumerate() {
        let image = device.image();
        let operations = operations(&device, |device| {
            act.run(&mut Session::<D>::new(&served(device))).unwrap();
        });
        let done = device.image();
        for (operation, seed) in (0..operations).flat_map(|at| (0..4).map(move |seed| (at, seed))) {
            let when = format!("after a cut at operation {operation} of act {number}, seed {seed}");
            device.set_image(&image);
            device.cut_after(operation, seed);
            interrupted(&device, &tree, act, &when);
        }
        device.set_image(&done);
        tree.do_it(act);
    }
    let chip = served(&device);
    Tree::of(&mut Session::<D>::new(&chip)).assert_is(&tree, "without a cut");
    check_space(&device, &chip);
}

/// Folders are made of several logs in this test, or it does not test what it should.
fn assert_logs_are_split<D: Device>(acts: &[Act]) {
    let device = formatted::<D>();
    let chip = served(&device);
    let mut session = Session::<D>::new(&chip);
    let free = |session: &mut Session<'_, D>| session.space().unwrap().free;
    let before = free(&mut session);
    acts[..3 + FILES].iter().for_each(|act| act.run(&mut session).unwrap());
    let block_len = block_len(&device.image()) as u64;
    let blocks = (before - free(&mut session)) / block_len;
    // The files in "d" take one each, but the first; the folder more than one pair.
    let files = 20_000 / block_len + 1 + FILES as u64 - 1;
    assert!(blocks >= files + 2 + 2, "{blocks} blocks");
}

#[test]
fn old_or_new_on_a_card() {
    at_each_operation::<CardDevice>();
}

#[test]
fn old_or_new_in_flash_written_by_bytes() {
    at_each_operation::<SimNor<1>>();
}

#[test]
fn old_or_new_in_flash_written_in_larger_pieces() {
    at_each_operation::<SimNor<256>>();
}

/// The power goes again and again, also while a mount mends what the last cut left.
fn again_and_again<D: Device>(seed: u64) {
    let mut random = Random(seed);
    let device = formatted::<D>();
    let mut tree = Tree::default();
    for cut in 0..40 {
        let when = format!("after cut {cut} of seed {seed}");
        device.cut_after(random.below(60), random.next());
        let chip = served(&device);
        let mut session = Session::<D>::new(&chip);
        let mut states = vec![tree.clone()];
        loop {
            let act = Act::random(&mut random, 20_000);
            match act.run(&mut session) {
                Ok(()) => states[0].do_it(&act),
                Err(_) if !states[0].allows(&act) => {}
                Err(_) => {
                    let mut new = states[0].clone();
                    new.do_it(&act);
                    states.push(new);
                    break;
                }
            }
        }
        drop(session);
        device.restart();
        let chip = served(&device);
        let found = Tree::of(&mut Session::<D>::new(&chip));
        let expected = states.iter().find(|state| **state == found).unwrap_or(&states[0]);
        found.assert_is(expected, &when);
        check_space(&device, &chip);
        tree = found;
    }
}

#[test]
fn cuts_in_a_row_on_a_card() {
    (0..20).for_each(again_and_again::<CardDevice>);
}

#[test]
fn cuts_in_a_row_in_flash() {
    (0..20).for_each(again_and_again::<SimNor<1>>);
    (0..20).for_each(again_and_again::<SimNor<32>>);
}

/// What of an upload is stored.
const FIRST: usize = 7000;

fn upload<D: Device>(device: &D, data: &[u8]) -> Option<()> {
    let chip = served(device);
    let mut session = Session::<D>::new(&chip);
    let mut staged = session.stage(path("a"), None).ok()?;
    write(&mut session, &mut staged, 0, &data[..FIRST]).ok()?;
    session.keep(staged);
    let (mut staged, stored) = session.resume(path("a"), None).ok()?;
    write(&mut session, &mut staged, stored, &data[stored as usize..]).ok()?;
    session.keep(staged);
    Some(())
}

fn with_old<D: Device>() -> D {
    let device = formatted::<D>();
    put(&mut Session::<D>::new(&served(&device)), "a", b"old").unwrap();
    device
}

fn resumed<D: Device>() {
    let data = Random(2).bytes(20_000);
    let all = operations::<D>(&with_old(), |device| upload(device, &data).unwrap());
    for operation in 0..all {
        for seed in 0..8 {
            let when = format!("after a cut at operation {operation} with seed {seed}");
            let device = with_old::<D>();
            device.cut_after(operation, seed);
            upload(&device, &data);
            device.restart();
            let chip = served(&device);
            let mut session = Session::<D>::new(&chip);
            if let Ok(stored) = partial(&mut session, "a") {
                assert!(data.starts_with(&stored), "{when}: {} other bytes", stored.len());
                let (mut staged, length) = session.resume(path("a"), None).unwrap();
                assert_eq!(length, stored.len() as u64, "{when}");
                write(&mut session, &mut staged, length, &data[stored.len()..]).unwrap();
                session.finish(staged, coracle::Receipt::default(), None);
                session.commit();
                session.committed().unwrap().1.unwrap();
                assert!(get(&mut session, "a").unwrap() == data, "{when}: other bytes");
            } else {
                assert_eq!(get(&mut session, "a").as_deref(), Ok(&b"old"[..]), "{when}");
            }
            still_works(&device, &chip, &mut session, &when);
        }
    }
}

#[test]
fn uploads_are_resumed_on_a_card() {
    resumed::<CardDevice>();
}

#[test]
fn uploads_are_resumed_in_flash() {
    resumed::<SimNor<1>>();
    resumed::<SimNor<32>>();
}
