//! A wire between two hosts that loses, doubles and reorders frames, by a seed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use coracle_tests::network::{Namespace, TAP};
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
