//! The original reads what ours wrote, and ours what the original wrote.

use coracle::{Code, Path, Storage};
use littlefs_rust::Config;

use super::nor::SimNor;
use super::pc::{original, original_with, read, run};
use super::random::Random;
use super::tree::{Act, Tree};
use super::world::{
    CardDevice, Device, Session, block_len, check_space, code, formatted, get, path, put, served,
    write,
};

fn take_turns<D: Device>(seed: u64) {
    println!("seed {seed}");
    let mut random = Random(seed);
    let device = formatted::<D>();
    let mut tree = Tree::default();
    for turn in 0..12 {
        let when = format!("in turn {turn} of seed {seed}");
        let acts: Vec<_> = (0..30).map(|_| Act::random(&mut random, 30_000)).collect();
        let served = served(&device);
        let mut session = Session::<D>::new(&served);
        for act in acts.iter().filter(|_| turn % 2 == 0) {
            assert_eq!(act.run(&mut session).is_ok(), tree.allows(act), "{act:?} {when}");
            if tree.allows(act) {
                tree.do_it(act);
            }
        }
        Tree::of(&mut session).assert_is(&tree, &when);
        check_space(&device, &served);
        original(&device, |fs| {
            read(fs).unwrap().assert_is(&tree, &format!("to the original {when}"));
            for act in acts.iter().filter(|_| turn % 2 == 1) {
                if tree.allows(act) {
                    run(fs, act).unwrap_or_else(|error| panic!("{act:?} {when}: {error}"));
                    tree.do_it(act);
                }
            }
        });
    }
}

#[test]
fn both_take_turns_on_a_card() {
    (0..10).for_each(take_turns::<CardDevice>);
}

#[test]
fn both_take_turns_on_flash() {
    (0..10).for_each(take_turns::<SimNor<16>>);
}

/// A small file of the original lies in the log of its folder, where it moves when others come
/// and go: whoever reads it must not notice.
#[test]
fn files_in_a_log_are_read_while_it_changes() {
    let device = formatted::<CardDevice>();
    let data = Random(4).bytes(200);
    original(&device, |fs| fs.write_file("/m", &data).unwrap());
    let chip = served(&device);
    let mut session = Session::<CardDevice>::new(&chip);
    let (mut file, found) = session.open(path("m")).unwrap();
    assert_eq!(found.size, 200);
    let mut read = |session: &mut Session<'_, CardDevice>, offset: u64| {
        let mut byte = [0];
        assert_eq!(session.read_at(&mut file, offset, &mut byte), Ok(1));
        assert_eq!(byte[0], data[offset as usize], "byte {offset}");
    };
    for number in 0..40 {
        put(&mut session, &format!("{number}"), b"before it").unwrap();
        put(&mut session, &format!("x{number}"), b"behind it").unwrap();
        read(&mut session, number);
    }
    for number in 0..40 {
        session.remove(path(&format!("{number}"))).unwrap();
        read(&mut session, 40 + number);
    }
    assert_eq!(code(session.rename(path("m"), path("n"))), Some(Code::Busy));
    assert_eq!(session.read_at(&mut file, 200, &mut [0]), Ok(0));
    session.close(file);
    session.rename(path("m"), path("n")).unwrap();
    assert!(get(&mut session, "n").unwrap() == data);
}

/// The original moves worn logs to other blocks, and the root away from the superblock.
#[test]
fn a_root_that_was_moved_is_found() {
    let device = formatted::<CardDevice>();
    let mut tree = Tree::default();
    let mut random = Random(6);
    for turn in 0..6 {
        let wear = |config: &mut Config| config.block_cycles = 3;
        original_with(&device, wear, |fs| {
            for _ in 0..100 {
                let act = Act::random(&mut random, 3000);
                if tree.allows(&act) {
                    run(fs, &act).unwrap_or_else(|error| panic!("{act:?}: {error}"));
                    tree.do_it(&act);
                }
            }
        });
        let chip = served(&device);
        let mut session = Session::<CardDevice>::new(&chip);
        Tree::of(&mut session).assert_is(&tree, &format!("in turn {turn}"));
        for _ in 0..20 {
            let act = Act::random(&mut random, 3000);
            assert_eq!(act.run(&mut session).is_ok(), tree.allows(&act), "{act:?}");
            if tree.allows(&act) {
                tree.do_it(&act);
            }
        }
        check_space(&device, &chip);
    }
    // What is made in the root now does not lie in blocks 0 and 1.
    let chip = served(&device);
    put(&mut Session::<CardDevice>::new(&chip), "unmistakable", b"").unwrap();
    let image = device.image();
    let block_len = block_len(&image);
    let place = image.windows(12).position(|bytes| bytes == b"unmistakable").unwrap();
    assert!(place >= 2 * block_len, "in the log at {place}");
}

/// An upload of which nothing was stored leaves nothing.
#[test]
fn empty_leftovers_are_cleared_at_start() {
    let device = formatted::<CardDevice>();
    let chip = served(&device);
    let mut session = Session::<CardDevice>::new(&chip);
    for name in ["a", "b"] {
        let mut staged = session.stage(path(name), None).unwrap();
        write(&mut session, &mut staged, 0, b"bytes that are only gathered").unwrap();
    }
    let hidden = |device: &CardDevice| {
        original(device, |fs| fs.list_dir("/").unwrap().into_iter().map(|entry| entry.name))
            .collect::<Vec<_>>()
    };
    assert_eq!(hidden(&device), ["a#coracle-00000001", "b#coracle-00000002"]);
    let chip = served(&device);
    Session::<CardDevice>::new(&chip).stat(Path::ROOT).unwrap();
    assert_eq!(hidden(&device), Vec::<String>::new());
}
