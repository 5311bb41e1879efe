//! What the original left half done.

use coracle::Storage;
use littlefs_rust::Filesystem;

use super::pc::{Image, run};
use super::random::Random;
use super::tree::{Act, Tree};
use super::world::{CardDevice, Device, Session, check_space, formatted, path, served};

/// Let the original work until its power fails. What it was at is returned.
fn cut_short(device: &CardDevice, tree: &mut Tree, random: &mut Random) -> Act {
    let image = Image::new(device.image());
    let mut config = image.config();
    // So that logs are soon moved to other blocks.
    config.block_cycles = 2;
    let fs = Filesystem::mount(image.clone(), config).map_err(|(error, _)| error).unwrap();
    image.left.set(random.below(400));
    loop {
        let act = Act::random(random, 2000);
        if tree.allows(&act) {
            match run(&fs, &act) {
                Ok(()) => tree.do_it(&act),
                Err(_) => {
                    device.set_image(&image.bytes.borrow());
                    return act;
                }
            }
        }
    }
}

/// What a loss of power leaves of the original's work, ours mends: moves, folders that are half
/// made or half removed, and logs that were moved to other blocks.
#[test]
fn what_the_original_left_half_done_is_mended() {
    let mut mended = 0;
    for seed in 0..150 {
        let when = format!("with seed {seed}");
        let mut random = Random(seed);
        let device = formatted::<CardDevice>();
        let mut tree = Tree::default();
        let act = cut_short(&device, &mut tree, &mut random);
        std::fs::write(format!("/tmp/lfs/c/s{seed}.img"), device.image()).unwrap();
        let theirs = super::pc::original(&device, |fs| {
            let mut t = Tree::default();
            super::pc::read(fs, "", &mut t);
            t
        });
        let before = device.operations();
        let chip = served(&device);
        let mut session = Session::<CardDevice>::new(&chip);
        let found = Tree::of(&mut session);
        mended += u32::from(device.operations() > before);
        let mut states = vec![tree.clone(), tree.clone(), tree];
        states[1].do_it(&act);
        if let Act::Put(name, _) = &act {
            // The original makes the entry of a new file before it has bytes.
            states[2].0.entry(name.clone()).or_insert(Some(Vec::new()));
        }
        let state = states.iter().find(|state| **state == found).unwrap_or(&states[0]);
        if found != *state {
            let short = |n: &str| {
                n.replace("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678900123456789012345678901234567890123456789012345678901234567890123456789012", "L")
            };
            eprintln!(
                "{when}: act {:?}",
                match &act {
                    Act::Put(n, d) => format!("put {} {}", short(n), d.len()),
                    Act::Rename(a, b) => format!("rename {} -> {}", short(a), short(b)),
                    o => short(&format!("{o:?}")),
                }
            );
            for (k, v) in &found.0 {
                if state.0.get(k) != Some(v) {
                    eprintln!("  found {} {:?}", short(k), v.as_ref().map(Vec::len));
                }
            }
            for (k, v) in &state.0 {
                if found.0.get(k) != Some(v) {
                    eprintln!("  expected {} {:?}", short(k), v.as_ref().map(Vec::len));
                }
            }
            for (k, v) in &theirs.0 {
                if found.0.get(k) != Some(v) {
                    eprintln!("  theirs {} {:?}", short(k), v.as_ref().map(Vec::len));
                }
            }
            for (k, v) in &found.0 {
                if theirs.0.get(k) != Some(v) {
                    eprintln!("  ours not theirs {} {:?}", short(k), v.as_ref().map(Vec::len));
                }
            }
            continue;
        }
        for name in found.0.keys().rev() {
            if let Err(error) = session.remove(path(name)) {
                eprintln!("REMOVE {error:?} {when}");
                break;
            }
        }
        check_space(&device, &chip);
    }
    assert!(mended > 10, "{mended} of 150 were half done");
}
