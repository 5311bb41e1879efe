//! A wire between two hosts that loses, doubles and reorders frames, by a seed.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use coracle_tests::network::{Family, Namespace, TAP, Wire, or_skip};
use coracle_tests::restart::restarted;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

/// A device of the far host that leads to the near one.
const NEAR: &str = "near";

/// Frames that overtake one that is held back, at most.
const OVERTAKEN: u64 = 8;

/// How long a frame is held back where none comes to overtake it.
const HELD: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

/// How long an end is looked at before it is asked whether all is over.
const ROUND: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Bytes of a frame, generously.
const FRAME: usize = 2048;

/// What happens to frames, of a hundred.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub lost: u64,
    pub doubled: u64,
    pub late: u64,
}

/// A running link; it ends with this value.
pub struct Link {
    /// Where the server runs.
    pub far: Namespace,
    stop: Arc<AtomicBool>,
    ways: Vec<JoinHandle<()>>,
}

impl Link {
    /// From the TAP device of the near host to the one of a new far host.
    pub fn new(near: &Namespace, faults: Faults, seed: u64) -> io::Result<Self> {
        eprintln!("{faults:?} by seed {seed}");
        let far = Namespace::new()?;
        far.ip(&format!("tuntap add dev {TAP} mode tap"))?;
        far.ip("link add bridge type bridge mcast_snooping 0")?;
        let ends = [near.on(|| open(TAP))?, far.on(|| open(NEAR))?].map(Arc::new);
        for device in [TAP, NEAR] {
            far.ip(&format!("link set {device} master bridge up"))?;
        }
        far.ip("link set bridge up")?;
        let stop = Arc::new(AtomicBool::new(false));
        let way = |from: usize, seed| {
            let (from, to) = (Arc::clone(&ends[from]), Arc::clone(&ends[1 - from]));
            let way = Way { from, to, faults, dice: Dice(seed), late: Vec::new() };
            let stop = Arc::clone(&stop);
            thread::spawn(move || way.run(&stop))
        };
        let ways = vec![way(0, seed), way(1, !seed)];
        Ok(Self { far, stop, ways })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for way in self.ways.drain(..) {
            // One that panicked has said so.
            let _ = way.join();
        }
    }
}

fn open(name: &str) -> io::Result<SyncDevice> {
    DeviceBuilder::new().name(name).layer(Layer::L2).build_sync()
}

/// One direction.
struct Way {
    from: Arc<SyncDevice>,
    to: Arc<SyncDevice>,
    faults: Faults,
    dice: Dice,
    /// What is held back, and how many frames go before it.
    late: Vec<(u64, Vec<u8>)>,
}

impl Way {
    fn run(mut self, stop: &AtomicBool) {
        let mut buffer = [0; FRAME];
        while !stop.load(Ordering::SeqCst) {
            let wait = if self.late.is_empty() { ROUND } else { HELD };
            let mut polled = [PollFd::new(&*self.from, PollFlags::IN)];
            match poll(&mut polled, Some(&wait)) {
                Ok(0) => self.release(u64::MAX),
                Ok(_) => {
                    let Ok(count) = self.from.recv(&mut buffer) else { return };
                    self.pass(&buffer[..count]);
                }
                Err(_) => {}
            }
        }
    }

    fn pass(&mut self, frame: &[u8]) {
        if self.dice.is_under(self.faults.lost) {
            return;
        }
        if self.dice.is_under(self.faults.late) {
            self.late.push((1 + self.dice.roll() % OVERTAKEN, frame.to_vec()));
            return;
        }
        self.send(frame);
        if self.dice.is_under(self.faults.doubled) {
            self.send(frame);
        }
        self.release(1);
    }

    /// So many frames have overtaken those that are held back.
    fn release(&mut self, count: u64) {
        for (left, _) in &mut self.late {
            *left = left.saturating_sub(count);
        }
        let (due, late) = std::mem::take(&mut self.late).into_iter().partition(|late| late.0 == 0);
        self.late = late;
        let due: Vec<(u64, Vec<u8>)> = due;
        for (_, frame) in due {
            self.send(&frame);
        }
    }

    fn send(&self, frame: &[u8]) {
        // A device that takes no more loses the frame, as any wire does.
        let _ = self.to.send(frame);
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn is_under(&mut self, percent: u64) -> bool {
        self.roll() % 100 < percent
    }
}

/// What is sent until anything comes.
const HELLO: u64 = u64::MAX;

/// Datagrams that are sent at once.
const STEP: u64 = 20;

/// What comes of so many numbered datagrams over a link with these faults.
fn numbers_over(faults: Faults, count: u64) -> Option<Vec<u64>> {
    let wire = or_skip(|| Wire::new(1500))?;
    let link = or_skip(|| Link::new(&wire.host, faults, 7))?;
    let (near, far) = ((Family::V4.host(2), 9), (Family::V4.server(), 9));
    link.far.ip(&format!("address add {} dev bridge", Family::V4.server_network())).unwrap();
    let receiver = link.far.on(|| UdpSocket::bind(far).unwrap());
    let sender = wire.host.on(|| UdpSocket::bind(near).unwrap());
    let mut numbers = Vec::new();
    let receive_for = |millis| {
        receiver.set_read_timeout(Some(Duration::from_millis(millis))).unwrap();
        let (mut numbers, mut bytes) = (Vec::new(), [0; 8]);
        while restarted(|| receiver.recv(&mut bytes)).is_ok() {
            numbers.push(u64::from_be_bytes(bytes));
        }
        numbers
    };
    // The neighbour has to be found first, and what looks for it is lost as well.
    while numbers.is_empty() {
        sender.send_to(&HELLO.to_be_bytes(), far).unwrap();
        numbers = receive_for(200);
    }
    numbers.clear();
    for number in 0..count {
        sender.send_to(&number.to_be_bytes(), far).unwrap();
        // In steps that no queue is too short for.
        if number % STEP == STEP - 1 {
            numbers.extend(receive_for(50));
        }
    }
    numbers.extend(receive_for(500));
    numbers.retain(|number| *number != HELLO);
    Some(numbers)
}

#[test]
fn a_link_does_what_it_is_told() {
    let all: Vec<u64> = (0..200).collect();
    let Some(numbers) = numbers_over(Faults::default(), 200) else { return };
    assert_eq!(numbers, all);
    let doubled = numbers_over(Faults { doubled: 30, ..Faults::default() }, 200).unwrap();
    assert!((230..300).contains(&doubled.len()) && doubled.is_sorted(), "{}", doubled.len());
    let lost = numbers_over(Faults { lost: 30, ..Faults::default() }, 200).unwrap();
    assert!((100..180).contains(&lost.len()) && lost.is_sorted(), "{}", lost.len());
    let mut late = numbers_over(Faults { late: 30, ..Faults::default() }, 200).unwrap();
    assert!(!late.is_sorted());
    late.sort_unstable();
    assert_eq!(late, all);
}
