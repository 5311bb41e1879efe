//! The driver of SD cards against a card in memory.

mod answer;
mod card;
mod slot;

use card::{Faults, Make, STOP};
use coracle_storage::block::{Block, BlockDevice, ErrorKind};
use coracle_storage::sd::{Error, Waited};
use slot::{Driver, Slot};

const MAKES: [Make; 4] = [Make::First, Make::Standard, Make::High, Make::Qemu];

/// Commands with which blocks are read, and written.
const READ_ONE: u8 = 17;
const READ_MANY: u8 = 18;
const STOP_READING: u8 = 12;
const WRITE: u8 = 25;
const STATUS: u8 = 13;

fn block(number: u32) -> Block {
    std::array::from_fn(|at| (at as u32 * 7 + number * 31 + number / 8) as u8)
}

fn blocks(first: u32, count: u32) -> Vec<Block> {
    (first..first + count).map(block).collect()
}

#[track_caller]
fn reads(driver: &mut Driver, first: u32, count: u32) -> Vec<Block> {
    let mut read = vec![[0xaa; 512]; count as usize];
    driver.read(first, &mut read).unwrap();
    read
}

/// A started card of 1024 blocks that are all known.
fn filled(make: Make) -> (Slot, Driver) {
    let (slot, mut driver) = Slot::with(make, 1024);
    slot.0.borrow_mut().blocks = blocks(0, 1024);
    assert_eq!(driver.count(), Ok(1024));
    slot.commands();
    (slot, driver)
}

#[test]
fn cards_of_every_make_give_back_what_was_written() {
    for make in MAKES {
        let (slot, mut driver) = Slot::with(make, 1024);
        assert_eq!(driver.count(), Ok(1024), "{make:?}");
        driver.write(3, &blocks(3, 5)).unwrap();
        driver.write(1023, &blocks(1023, 1)).unwrap();
        assert_eq!(reads(&mut driver, 3, 5), blocks(3, 5), "{make:?}");
        assert_eq!(reads(&mut driver, 1023, 1), blocks(1023, 1), "{make:?}");
        assert_eq!(reads(&mut driver, 0, 3), [[0; 512]; 3], "{make:?}");
        assert_eq!(slot.0.borrow().blocks[8], [0; 512]);
    }
}

#[test]
fn a_run_is_one_command_however_many_calls_it_comes_in() {
    let (slot, mut driver) = filled(Make::High);
    reads(&mut driver, 10, 1);
    reads(&mut driver, 10, 8);
    assert_eq!(slot.commands(), [READ_ONE, READ_MANY, STOP_READING]);
    for first in [20, 22, 24] {
        driver.write(first, &blocks(0, 2)).unwrap();
    }
    assert_eq!(slot.commands(), [WRITE]);
    driver.flush().unwrap();
    driver.flush().unwrap();
    assert_eq!(slot.commands(), [STOP, STATUS]);
    // Anything else ends it as well.
    driver.write(30, &blocks(0, 1)).unwrap();
    driver.write(32, &blocks(0, 1)).unwrap();
    reads(&mut driver, 32, 1);
    assert_eq!(slot.commands(), [WRITE, STOP, WRITE, STOP, READ_ONE]);
    assert_eq!(slot.0.borrow().blocks[20..26], [blocks(0, 2), blocks(0, 2), blocks(0, 2)].concat());
}

#[test]
fn the_card_stores_while_its_user_does_something_else() {
    let (slot, mut driver) = filled(Make::High);
    slot.0.borrow_mut().store = 100_000_000;
    let (took, result) = slot.time(|| driver.write(0, &blocks(7, 1)));
    result.unwrap();
    assert!(took < 5, "{took} ms");
    // The card is done by then.
    slot.0.borrow_mut().now += 100_000_000;
    let (took, result) = slot.time(|| driver.write(1, &blocks(8, 1)));
    result.unwrap();
    assert!(took < 5, "{took} ms");
    // This one has to wait for it, and then to be stored itself.
    let (took, result) = slot.time(|| driver.flush());
    result.unwrap();
    assert!((100..=210).contains(&took), "{took} ms");
}

#[test]
fn an_empty_slot_is_told_at_once_and_a_card_in_it_is_used() {
    let (slot, mut driver) = Slot::with(Make::High, 1024);
    slot.0.borrow_mut().inserted = false;
    for _ in 0..2 {
        let (took, error) = slot.time(|| driver.count().unwrap_err());
        assert_eq!((error, Driver::kind(&error)), (Error::Absent, ErrorKind::Absent));
        assert!(took < 50, "{took} ms");
    }
    slot.0.borrow_mut().insert(Make::First, blocks(5, 400));
    assert_eq!(driver.count(), Ok(400));
    assert_eq!(reads(&mut driver, 1, 2), blocks(6, 2));
}

#[test]
fn an_exchanged_card_is_noticed_before_it_is_touched() {
    for make in MAKES {
        let (slot, mut driver) = filled(Make::High);
        slot.0.borrow_mut().insert(make, blocks(100, 1024));
        assert_eq!(driver.write(7, &blocks(1, 1)), Err(Error::Absent));
        assert_eq!(slot.0.borrow().blocks, blocks(100, 1024));
        assert_eq!(reads(&mut driver, 7, 1), blocks(107, 1));

        slot.0.borrow_mut().insert(make, blocks(200, 1024));
        assert_eq!(driver.read(7, &mut [[0; 512]]), Err(Error::Absent));
        assert_eq!(reads(&mut driver, 7, 1), blocks(207, 1));

        driver.write(7, &blocks(1, 1)).unwrap();
        slot.0.borrow_mut().insert(make, blocks(300, 1024));
        assert_eq!(driver.write(8, &blocks(2, 1)), Err(Error::Absent));
        assert_eq!(slot.0.borrow().blocks, blocks(300, 1024));
    }
}

#[test]
fn an_exchanged_card_is_noticed_where_nothing_is_read() {
    let (slot, mut driver) = filled(Make::High);
    let wait = || slot.0.borrow_mut().now += 200_000_000;
    wait();
    assert_eq!(driver.count(), Ok(1024));
    assert_eq!(slot.commands(), [STATUS]);
    // Not at every question.
    assert_eq!(driver.count(), Ok(1024));
    assert_eq!(slot.commands(), []);
    wait();
    slot.0.borrow_mut().insert(Make::High, blocks(0, 2048));
    assert_eq!(driver.count(), Err(Error::Absent));
    assert_eq!(driver.count(), Ok(2048));
    // What is being written is ended by it.
    driver.write(0, &blocks(1, 1)).unwrap();
    wait();
    assert_eq!(driver.count(), Ok(2048));
    assert!(slot.commands().ends_with(&[WRITE, STOP, STATUS]));
}

#[test]
fn a_card_may_be_pulled_at_any_byte() {
    for after in (1..1200).step_by(7) {
        let (slot, mut driver) = filled(Make::High);
        slot.fail(Faults { pulled_after: Some(after), ..Faults::default() });
        let mut read = [[0; 512]; 2];
        let read = slot.time(|| driver.read(4, &mut read).and_then(|()| driver.count()));
        slot.0.borrow_mut().insert(Make::High, blocks(0, 1024));
        let again =
            driver.read(4, &mut [[0; 512]; 2]).or_else(|_| driver.read(4, &mut [[0; 512]; 2]));
        assert_eq!(again, Ok(()), "{after}");
        let (took, Err(error)) = read else { continue };
        assert_eq!(error, Error::Absent, "{after}");
        assert!(took < 1000, "{took} ms after {after}");

        slot.fail(Faults { pulled_after: Some(after), ..Faults::default() });
        let write = driver.write(4, &blocks(0, 2)).and_then(|()| driver.flush());
        assert_eq!(write, Err(Error::Absent), "{after}");
        slot.0.borrow_mut().insert(Make::High, blocks(0, 1024));
        assert_eq!(reads(&mut driver, 4, 2), blocks(4, 2), "{after}");
    }
}

#[test]
fn wrong_checksums_are_tried_again_but_not_for_ever() {
    let (slot, mut driver) = filled(Make::High);
    slot.fail(Faults { wrong_reads: 2, wrong_writes: 2, ..Faults::default() });
    assert_eq!(reads(&mut driver, 10, 4), blocks(10, 4));
    driver.write(10, &blocks(50, 4)).unwrap();
    assert_eq!(reads(&mut driver, 10, 4), blocks(50, 4));
    slot.fail(Faults { wrong_reads: 3, ..Faults::default() });
    let error = driver.read(10, &mut [[0; 512]]).unwrap_err();
    assert_eq!((error, Driver::kind(&error)), (Error::Checksum, ErrorKind::Failed));
    slot.fail(Faults { wrong_writes: 3, ..Faults::default() });
    assert_eq!(driver.write(10, &blocks(0, 1)), Err(Error::Checksum));
    // And it goes on.
    assert_eq!(reads(&mut driver, 10, 4), blocks(50, 4));
}

#[test]
fn what_cannot_be_read_or_written_is_told_and_the_rest_is_served() {
    let (slot, mut driver) = filled(Make::Standard);
    slot.fail(Faults { unreadable: Some(12), unwritable: Some(13), ..Faults::default() });
    assert_eq!(driver.read(12, &mut [[0; 512]]), Err(Error::NotRead(4)));
    assert_eq!(driver.read(10, &mut [[0; 512]; 4]), Err(Error::NotRead(4)));
    assert_eq!(reads(&mut driver, 13, 4), blocks(13, 4));
    assert_eq!(driver.write(12, &blocks(0, 3)), Err(Error::NotWritten));
    driver.write(14, &blocks(0, 1)).unwrap();
    driver.flush().unwrap();
    assert_eq!(reads(&mut driver, 14, 1), blocks(0, 1));
}

#[test]
fn a_protected_card_is_read_only() {
    let (slot, mut driver) = filled(Make::High);
    slot.fail(Faults { protected: true, ..Faults::default() });
    let error = driver.write(1, &blocks(0, 2)).unwrap_err();
    assert_eq!((error, Driver::kind(&error)), (Error::Protected, ErrorKind::ReadOnly));
    assert_eq!(reads(&mut driver, 1, 2), blocks(1, 2));

    let (slot, mut driver) = Slot::with(Make::High, 1024);
    slot.fail(Faults { protected_by_register: true, ..Faults::default() });
    assert_eq!(driver.write(1, &blocks(0, 2)), Err(Error::Protected));
    assert!(!slot.commands().contains(&WRITE));
    assert_eq!(reads(&mut driver, 1, 2), [[0; 512]; 2]);
}

#[test]
fn every_wait_has_an_end() {
    let (slot, mut driver) = Slot::with(Make::High, 1024);
    slot.fail(Faults { never_starts: true, ..Faults::default() });
    let (took, result) = slot.time(|| driver.count());
    assert_eq!(result, Err(Error::TimedOut(Waited::Start)));
    assert!((1000..2000).contains(&took), "{took} ms");
    slot.fail(Faults::default());
    assert_eq!(driver.count(), Ok(1024));

    slot.fail(Faults { no_data: true, ..Faults::default() });
    let (took, result) = slot.time(|| driver.read(0, &mut [[0; 512]]));
    assert_eq!(result, Err(Error::TimedOut(Waited::Data)));
    assert!((100..500).contains(&took), "{took} ms");

    slot.fail(Faults { busy_for_ever: true, ..Faults::default() });
    driver.write(0, &blocks(0, 1)).unwrap();
    let (took, result) = slot.time(|| driver.flush());
    // A card that holds the line low is as good as none.
    assert_eq!(result, Err(Error::Absent));
    assert!((500..5000).contains(&took), "{took} ms");
}

#[test]
fn a_chip_that_was_reset_starts_a_card_that_waits_for_the_rest() {
    for sent in [1, 7, 500, 514, 520, 700] {
        let (slot, mut driver) = filled(Make::High);
        slot.fail(Faults { pulled_after: Some(8 + 6 + sent), ..Faults::default() });
        // The chip is gone in the middle: to the card that is the same.
        let _lost = driver.write(0, &blocks(0, 4));
        slot.fail(Faults::default());
        slot.0.borrow_mut().inserted = true;
        let mut driver = slot.driver();
        assert_eq!(driver.count(), Ok(1024), "{sent}");
        assert_eq!(reads(&mut driver, 10, 1), blocks(10, 1), "{sent}");
    }
}

#[test]
fn there_are_no_blocks_beyond_the_end() {
    let (slot, mut driver) = filled(Make::High);
    assert_eq!(driver.read(1023, &mut [[0; 512]; 2]), Err(Error::OutOfRange));
    assert_eq!(driver.read(u32::MAX, &mut [[0; 512]; 2]), Err(Error::OutOfRange));
    assert_eq!(driver.write(1024, &blocks(0, 1)), Err(Error::OutOfRange));
    driver.write(1023, &blocks(0, 1)).unwrap();
    // Not even where it would follow.
    assert_eq!(driver.write(1024, &blocks(0, 1)), Err(Error::OutOfRange));
    driver.read(0, &mut []).unwrap();
    driver.flush().unwrap();
    assert_eq!(slot.commands().iter().filter(|command| **command == 0).count(), 0);
}

#[test]
fn errors_are_sentences() {
    assert_eq!(Error::TimedOut(Waited::Stored).to_string(), "the SD card took too long: writing");
    assert_eq!(Error::Refused(0x20).to_string(), "the SD card refused a command (R1 0x20)");
}
