//! Media that are full, protected, pulled out, not formatted, or damaged.

use coracle::{Code, Crc32, Path, Storage};
use coracle_storage::chip::{Chip, Error, Volume};
use coracle_storage::littlefs::{Card, LittleFs, PARTITION};

use super::card::{self, Mood};
use super::nor::SimNor;
use super::random::Random;
use super::tree::{Act, Tree};
use super::world::{
    CardDevice, Device, Fs, Session, block_len, check_space, code, formatted, get, names, partial,
    path, put, served, write,
};

#[test]
fn a_medium_without_a_littlefs_says_what_to_do() {
    let device = CardDevice::small();
    let chip = served(&device);
    let error = Session::<CardDevice>::new(&chip).stat(path("a")).unwrap_err();
    assert_eq!(error, Error::Unknown);
    assert!(error.to_string().ends_with("format it"), "{error}");
    let tiny = CardDevice::new(vec![0; 3 * 8192]);
    assert_eq!(LittleFs::<_, 1>::new(tiny.flash()).format(), Err(Error::NoSpace));
}

/// Bytes beside the partition stay as they are; another kind of partition is none of ours.
#[test]
fn a_partition_is_kept_to() {
    let mut bytes = vec![0x5A; 3000 * 512];
    bytes[446..510].fill(0);
    bytes[446..462].copy_from_slice(&[0, 0, 0, 0, 0x0c, 0, 0, 0, 8, 0, 0, 0, 100, 0, 0, 0]);
    bytes[462..478].copy_from_slice(&[0, 0, 0, 0, PARTITION, 0, 0, 0, 200, 0, 0, 0, 0, 8, 0, 0]);
    bytes[510..512].copy_from_slice(&[0x55, 0xAA]);
    let device = CardDevice::new(bytes.clone());
    let mut fs = LittleFs::<_, 4>::new(Card::partition(device.card(), PARTITION));
    fs.format().unwrap();
    let chip = Chip::<_, 4>::new(fs).into();
    let mut session = coracle_storage::chip::ChipSession::new(&chip);
    let data = Random(1).bytes(700_000);
    put(&mut session, "a", &data).unwrap();
    assert!(get(&mut session, "a").unwrap() == data);
    let written = device.image();
    let (first, end) = (200 * 512, (200 + 2048) * 512);
    assert!(written[..first] == bytes[..first] && written[end..] == bytes[end..]);
    let mut fs = LittleFs::<_, 4>::new(Card::partition(device.card(), 0x83));
    assert_eq!(fs.ready(), Err(Error::Unknown));
}

fn filled<D: Device>() {
    let device = formatted::<D>();
    let chip = served(&device);
    let mut session = Session::<D>::new(&chip);
    put(&mut session, "old", b"old").unwrap();
    let data = Random(3).bytes(50_000);
    let mut files = 0;
    let error = loop {
        match put(&mut session, &format!("f{files}"), &data) {
            Ok(()) => files += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error, Error::NoSpace);
    assert!(files >= 17, "{files} files of 50,000 bytes in 1 MiB");
    // Small ones, until not even a folder has room.
    let mut small = 0;
    while put(&mut session, &format!("s{small}"), b"s").is_ok() {
        small += 1;
    }
    assert_eq!(code(session.make_folder(path("d"))), Some(Code::NoSpace));
    assert_eq!(code(put(&mut session, "old", &data)), Some(Code::NoSpace));
    check_space(&device, &chip);
    let space = session.space().unwrap();
    let refused = session.stage(path("x"), Some(space.free + 1)).map(|_| ());
    assert_eq!(code(refused), Some(Code::NoSpace));
    assert_eq!(get(&mut session, "old").as_deref(), Ok(&b"old"[..]));
    // A full medium can be emptied, and used again.
    for name in names(&mut session, "").unwrap() {
        session.remove(path(&name)).unwrap();
    }
    put(&mut session, "new", &data).unwrap();
    assert!(get(&mut session, "new").unwrap() == data);
    check_space(&device, &chip);
}

#[test]
fn a_full_medium_says_so_and_recovers() {
    filled::<CardDevice>();
    filled::<SimNor<1>>();
}

#[test]
fn another_card_is_not_touched_through_old_handles() {
    let device = formatted::<CardDevice>();
    let chip = served(&device);
    let mut session = Session::<CardDevice>::new(&chip);
    put(&mut session, "a", b"a").unwrap();
    let (mut file, _) = session.open(path("a")).unwrap();
    let mut folder = session.open_folder(Path::ROOT).unwrap();
    let mut staged = session.stage(path("b"), None).unwrap();
    write(&mut session, &mut staged, 0, &[1; 3000]).unwrap();
    session.stat(path("a")).unwrap();
    device.card().set_mood(Mood::Absent);
    // What was read before is not what is there now.
    assert_eq!(session.stat(path("a")), Err(Error::Absent));
    assert_eq!(session.write_at(&mut staged, 3000, &[1; 5000]), Err(Error::Absent));
    device.card().set_mood(Mood::Good);
    // A mount clears what is left of the upload.
    session.stat(path("a")).unwrap();
    let image = device.image();
    assert_eq!(session.read_at(&mut file, 0, &mut [0; 8]), Err(Error::Exchanged));
    assert_eq!(session.next_entry(&mut folder, &mut [0; 255]), Err(Error::Exchanged));
    assert_eq!(session.write_at(&mut staged, 3000, b"x"), Err(Error::Exchanged));
    session.keep(staged);
    session.close(file);
    session.close_folder(folder);
    assert!(device.image() == image, "something was written");
    assert_eq!(get(&mut session, "a").as_deref(), Ok(&b"a"[..]));
}

#[test]
fn a_protected_card_is_read() {
    let device = formatted::<CardDevice>();
    put(&mut Session::<CardDevice>::new(&served(&device)), "a", b"a").unwrap();
    device.card().set_mood(Mood::Protected);
    let chip = served(&device);
    let mut session = Session::<CardDevice>::new(&chip);
    let mut folder = session.open_folder(Path::ROOT).unwrap();
    assert_eq!(code(put(&mut session, "b", b"b")), Some(Code::ReadOnly));
    assert_eq!(code(session.remove(path("a"))), Some(Code::ReadOnly));
    assert_eq!(code(session.make_folder(path("d"))), Some(Code::ReadOnly));
    assert_eq!(get(&mut session, "a").as_deref(), Ok(&b"a"[..]));
    // Whoever only reads is not disturbed by it.
    assert!(session.next_entry(&mut folder, &mut [0; 255]).unwrap().is_some());
    session.close_folder(folder);
}

#[test]
fn a_card_that_fails_is_mounted_anew() {
    let device = formatted::<CardDevice>();
    let chip = served(&device);
    let mut session = Session::<CardDevice>::new(&chip);
    put(&mut session, "a", b"old").unwrap();
    device.card().set_mood(Mood::WriteFails);
    assert_eq!(put(&mut session, "a", b"new"), Err(Error::Failed));
    device.card().set_mood(Mood::Good);
    assert_eq!(get(&mut session, "a").as_deref(), Ok(&b"old"[..]));
    put(&mut session, "a", b"new").unwrap();
    assert_eq!(get(&mut session, "a").as_deref(), Ok(&b"new"[..]));
    check_space(&device, &chip);
}

#[test]
fn names_of_ours_are_refused() {
    let device = formatted::<CardDevice>();
    let chip = served(&device);
    let mut session = Session::<CardDevice>::new(&chip);
    let mut staged = session.stage(path("a"), None).unwrap();
    write(&mut session, &mut staged, 0, b"bytes").unwrap();
    session.keep(staged);
    let ours = path("a#coracle-00000001");
    assert_eq!(code(session.stat(ours)), Some(Code::NotFound));
    assert_eq!(code(session.remove(ours)), Some(Code::NotFound));
    assert_eq!(code(session.stage(ours, None).map(|_| ())), Some(Code::BadPath));
    assert_eq!(code(session.make_folder(ours)), Some(Code::BadPath));
    put(&mut session, "b", b"b").unwrap();
    assert_eq!(code(session.rename(path("b"), ours)), Some(Code::BadPath));
    assert_eq!(partial(&mut session, "a").as_deref(), Ok(&b"bytes"[..]));
    put(&mut session, "#coracle-1", b"not one of them").unwrap();
    assert_eq!(names(&mut session, "").unwrap(), ["#coracle-1", "b"]);
}

/// Everything there is to do, whatever comes of it.
fn do_everything<D: Device>(device: &D, random: &mut Random) {
    let chip = served(device);
    let mut session = Session::<D>::new(&chip);
    let _ = walk(&mut session, "", 0);
    for _ in 0..20 {
        let _ = Act::random(random, 20_000).run(&mut session);
    }
    let _ = partial(&mut session, "partial");
    let _ = session.forget(path("partial"));
    let _ = walk(&mut session, "", 0);
}

/// Damaged folders may contain themselves.
fn walk(session: &mut impl Storage<Error = Error>, folder: &str, depth: u32) -> Result<(), Error> {
    let mut listing = session.open_folder(path(folder))?;
    let mut memory = [0; 255];
    while let Ok(Some((_, len))) = session.next_entry(&mut listing, &mut memory) {
        let Ok(name) = str::from_utf8(&memory[..len]) else { continue };
        let name = format!("{folder}/{name}");
        let Ok(path) = Path::new(name.as_bytes()) else { continue };
        let _ = session.stat(path);
        let _ = get(session, &name);
        if depth < 3 {
            let _ = walk(session, &name, depth + 1);
        }
    }
    session.close_folder(listing);
    Ok(())
}

/// A medium with something of everything.
fn sample<D: Device>() -> D {
    let device = formatted::<D>();
    let chip = served(&device);
    let mut session = Session::<D>::new(&chip);
    let mut random = Random(5);
    let mut tree = Tree::default();
    while tree.0.len() < 12 {
        let act = Act::random(&mut random, 60_000);
        if tree.allows(&act) && !matches!(act, Act::Remove(_)) {
            act.run(&mut session).unwrap();
            tree.do_it(&act);
        }
    }
    let mut staged = session.stage(path("partial"), None).unwrap();
    write(&mut session, &mut staged, 0, &[7; 9000]).unwrap();
    session.keep(staged);
    device.clone()
}

/// Blocks that begin like a log.
fn logs(image: &[u8], block_len: usize) -> Vec<usize> {
    let starts = (0..image.len()).step_by(block_len);
    starts.filter(|start| mend(&mut image[*start..start + block_len].to_vec()) > 0).collect()
}

/// Make the checksums of a log right, whatever it says; the commits are counted.
fn mend(log: &mut [u8]) -> usize {
    let (mut at, mut last, mut commits) = (4, u32::MAX, 0);
    let mut crc = Crc32::new();
    crc.update(&log[..4]);
    while let Some(raw) = log.get(at..at + 4) {
        let raw = <[u8; 4]>::try_from(raw).unwrap();
        let tag = u32::from_be_bytes(raw) ^ last;
        let len = if tag & 0x3ff == 0x3ff { 0 } else { tag as usize & 0x3ff };
        if tag >> 31 != 0 || at + 4 + len > log.len() {
            break;
        }
        crc.update(&raw);
        last = tag;
        if (tag >> 20) & 0x780 == 0x500 && len >= 4 {
            log[at + 4..at + 8].copy_from_slice(&(!crc.value()).to_le_bytes());
            last ^= (tag >> 20 & 1) << 31;
            crc = Crc32::new();
            commits += 1;
        } else {
            crc.update(&log[at + 4..at + 4 + len]);
        }
        at += 4 + len;
    }
    commits
}

fn damaged<D: Device>(seeds: u64, is_mended: bool) {
    let sample = sample::<D>();
    let image = sample.image();
    let block_len = block_len(&image);
    let logs = logs(&image, block_len);
    assert!(logs.len() >= 6, "{} logs", logs.len());
    for seed in 0..seeds {
        println!("seed {seed}");
        let mut random = Random(seed);
        let mut broken = image.clone();
        for _ in 0..1 + random.below(4) {
            // Mostly near the beginnings of blocks, where logs and pointers are.
            let block = match random.below(4) {
                0 => random.below((image.len() / block_len) as u64) as usize * block_len,
                _ => logs[random.below(logs.len() as u64) as usize],
            };
            let reach = 4 << random.below(9);
            let at = block + random.below(reach) as usize;
            broken[at] = random.next() as u8;
            if is_mended {
                mend(&mut broken[block..block + block_len]);
            }
        }
        sample.set_image(&broken);
        sample.damage();
        do_everything(&sample, &mut random);
    }
}

/// No panic and no endless loop.
#[test]
fn bytes_that_changed_are_survived() {
    damaged::<CardDevice>(150, false);
    damaged::<SimNor<1>>(150, false);
}

/// The same where the checksums are right, as on a medium that somebody made up.
#[test]
fn nonsense_with_right_checksums_is_survived() {
    damaged::<CardDevice>(500, true);
    damaged::<SimNor<1>>(500, true);
}

/// Before 2.1 logs had no checksum of what follows.
#[test]
fn a_medium_of_version_2_0_is_served() {
    let device = formatted::<CardDevice>();
    let mut image = device.image();
    let block_len = block_len(&image);
    for block in [0, block_len] {
        image[block + 20] = 0;
        assert_eq!(mend(&mut image[block..block + block_len]), 1);
    }
    device.set_image(&image);
    let chip = served(&device);
    let mut session = Session::<CardDevice>::new(&chip);
    let mut tree = Tree::default();
    let mut random = Random(9);
    for _ in 0..200 {
        let act = Act::random(&mut random, 5000);
        assert_eq!(act.run(&mut session).is_ok(), tree.allows(&act), "{act:?}");
        if tree.allows(&act) {
            tree.do_it(&act);
        }
    }
    drop(session);
    let chip = served(&device);
    Tree::of(&mut Session::<CardDevice>::new(&chip)).assert_is(&tree, "after a restart");
}

/// In a long block there is room for more entries than can be numbered. (The translation of the
/// original does not read logs of so many pieces.)
#[test]
fn a_folder_of_many_small_entries_is_split() {
    type Long = SimNor<1, 65_536>;
    let device = formatted::<Long>();
    let chip = served(&device);
    let mut session = Session::<Long>::new(&chip);
    let mut expected: Vec<_> = (0..1200).map(|number| number.to_string()).collect();
    expected.iter().for_each(|name| put(&mut session, name, b"").unwrap());
    let mut found = names(&mut session, "").unwrap();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    check_space(&device, &chip);
}

/// What the documentation says.
#[test]
fn it_takes_the_memory_it_says() {
    let size = size_of::<Fs<CardDevice>>();
    assert!(size <= 5200, "{size} bytes");
    assert!(size_of::<LittleFs<Card<card::Card>, 4>>() <= size - 6 * 50);
}
