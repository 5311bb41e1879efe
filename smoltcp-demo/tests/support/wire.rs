//! An Ethernet segment in memory, in virtual time: what each end sends arrives at the others
//! late, damaged, twice, out of order or never, as each end is told to.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, EthernetFrame};

use super::random::Random;

/// Bytes of an Ethernet header, which the MTU of a device counts.
const HEADER: usize = 14;

/// What happens to frames in one direction of one end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions {
    /// How long each frame takes.
    pub delay: Duration,
    /// Of 100 frames, how many never arrive.
    pub lost: u8,
    /// Of 100 frames, how many arrive with one bit of them flipped.
    pub corrupted: u8,
    /// Of 100 frames, how many arrive twice.
    pub doubled: u8,
    /// Of 100 frames, how many are overtaken by those of the next [`LATE`].
    pub late: u8,
}

/// How much longer a frame takes that is overtaken.
const LATE: Duration = Duration::from_millis(3);

/// How long a device with little room needs for what it has taken.
const PAUSE: Duration = Duration::from_micros(20);

impl Conditions {
    /// A short cable.
    pub const GOOD: Self =
        Self { delay: Duration::from_micros(100), lost: 0, corrupted: 0, doubled: 0, late: 0 };
}

/// A frame that was sent, as it was before anything happened to it.
#[derive(Clone, Debug)]
pub struct Sent {
    pub at: Instant,
    pub from: usize,
    pub frame: Vec<u8>,
}

struct Segment {
    random: Random,
    ends: Vec<Side>,
    /// Frames sent so far.
    count: u64,
    /// All frames sent, once somebody wants to see them.
    record: Option<Vec<Sent>>,
}

/// What the segment knows of one end.
struct Side {
    mtu: usize,
    outward: Conditions,
    inward: Conditions,
    is_attached: bool,
    /// How many frames the device takes at one moment; and how many it has taken, when.
    room: usize,
    taken: (Instant, usize),
    /// What is under way, by the time of its arrival and then in order of sending.
    arriving: BTreeMap<(Instant, u64), Vec<u8>>,
}

/// The segment; clones are the same one.
#[derive(Clone)]
pub struct Wire(Rc<RefCell<Segment>>);

impl Wire {
    pub fn new(seed: u64) -> Self {
        let random = Random::new(seed);
        Self(Rc::new(RefCell::new(Segment { random, ends: Vec::new(), count: 0, record: None })))
    }

    /// One more end; `mtu` is the longest IP packet.
    pub fn attach(&self, mtu: usize) -> End {
        let mut segment = self.0.borrow_mut();
        segment.ends.push(Side {
            mtu,
            outward: Conditions::GOOD,
            inward: Conditions::default(),
            is_attached: true,
            room: usize::MAX,
            taken: (Instant::ZERO, 0),
            arriving: BTreeMap::new(),
        });
        End { wire: self.clone(), number: segment.ends.len() - 1 }
    }

    /// Keep all frames from now on.
    pub fn record(&self) {
        self.0.borrow_mut().record.get_or_insert_default();
    }

    /// The frames since [`record`](Self::record).
    pub fn recorded(&self) -> Ref<'_, [Sent]> {
        Ref::map(self.0.borrow(), |segment| segment.record.as_deref().unwrap_or_default())
    }

    /// The address of an end.
    pub fn address(number: usize) -> EthernetAddress {
        EthernetAddress([2, 0, 0, 0, 0, number as u8 + 1])
    }
}

impl Segment {
    fn send(&mut self, now: Instant, from: usize, frame: &[u8]) {
        if let Some(record) = &mut self.record {
            record.push(Sent { at: now, from, frame: frame.to_vec() });
        }
        let Ok(header) = EthernetFrame::new_checked(frame) else { return };
        let to = header.dst_addr();
        for end in 0..self.ends.len() {
            if end != from && (to.is_multicast() || to == Wire::address(end)) {
                self.carry(now, (from, end), frame);
            }
        }
    }

    /// Let happen to a frame what is to happen to it on its way.
    fn carry(&mut self, now: Instant, (from, to): (usize, usize), frame: &[u8]) {
        let (sender, receiver) = (&self.ends[from], &self.ends[to]);
        let longest = sender.mtu.min(receiver.mtu) + HEADER;
        if !(sender.is_attached && receiver.is_attached) || frame.len() > longest {
            return;
        }
        let ways = [self.ends[from].outward, self.ends[to].inward];
        let random = &mut self.random;
        let mut frame = frame.to_vec();
        let mut at = now;
        let mut copies = 1;
        for way in ways {
            if random.happens(way.lost) {
                return;
            }
            if random.happens(way.corrupted) {
                let byte = random.below(frame.len());
                frame[byte] ^= 1 << random.below(8);
            }
            if random.happens(way.doubled) {
                copies = 2;
            }
            if random.happens(way.late) {
                at += LATE;
            }
            at += way.delay;
        }
        for _ in 0..copies {
            self.count += 1;
            self.ends[to].arriving.insert((at, self.count), frame.clone());
        }
    }
}

/// One end of the segment: a network device.
pub struct End {
    wire: Wire,
    number: usize,
}

impl End {
    pub fn address(&self) -> EthernetAddress {
        Wire::address(self.number)
    }

    pub fn number(&self) -> usize {
        self.number
    }

    /// What happens to frames from here and to here.
    pub fn set(&self, outward: Conditions, inward: Conditions) {
        self.with(|side| (side.outward, side.inward) = (outward, inward));
    }

    /// Let the device take so many frames at a time, and then none for [`PAUSE`].
    pub fn set_room(&self, frames: usize) {
        self.with(|side| side.room = frames);
    }

    /// Until when the device takes no frame.
    pub fn full_until(&self, now: Instant) -> Option<Instant> {
        self.with(|side| {
            let (since, count) = side.taken;
            (count >= side.room && now < since + PAUSE).then_some(since + PAUSE)
        })
    }

    /// Pull the plug: what is under way to here is lost as well. Or put it back.
    pub fn attach(&self, is_attached: bool) {
        self.with(|side| {
            side.is_attached = is_attached;
            side.arriving.clear();
        });
    }

    /// When the next frame arrives, perhaps in the past.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.with(|side| side.arriving.keys().next().map(|&(at, _)| at))
    }

    /// The next frame that has arrived.
    pub fn take(&self, now: Instant) -> Option<Vec<u8>> {
        self.with(|side| {
            let first = side.arriving.first_entry()?;
            (first.key().0 <= now).then(|| first.remove())
        })
    }

    /// Take a place in the device for a frame.
    fn fill(&self, now: Instant) {
        self.with(|side| {
            let (since, count) = side.taken;
            side.taken = if now < since + PAUSE { (since, count + 1) } else { (now, 1) };
        });
    }

    /// Send a frame, whatever is in it.
    pub fn inject(&self, now: Instant, frame: &[u8]) {
        self.wire.0.borrow_mut().send(now, self.number, frame);
    }

    fn with<T>(&self, f: impl FnOnce(&mut Side) -> T) -> T {
        f(&mut self.wire.0.borrow_mut().ends[self.number])
    }
}

impl phy::Device for End {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Arrived, Sending<'_>)> {
        if self.full_until(now).is_some() {
            return None;
        }
        let frame = self.take(now)?;
        Some((Arrived(frame), Sending { end: self, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Sending<'_>> {
        self.full_until(now).is_none().then_some(Sending { end: self, now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.with(|side| side.mtu) + HEADER;
        capabilities
    }
}

/// A frame for the stack.
pub struct Arrived(Vec<u8>);

impl phy::RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Room for a frame of the stack.
pub struct Sending<'a> {
    end: &'a End,
    now: Instant,
}

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.end.fill(self.now);
        self.end.inject(self.now, &frame);
        result
    }
}
