//! A link that is worse than a TAP device: frames lost, damaged, too long, too many.
//!
//! smoltcp's [`FaultInjector`] does it, but for the damage, which is done here by [`Damage`]: the
//! injector damages a frame to be sent before it is written, which undoes the damage, and it
//! damages ARP, which has no checksum: both sides would believe wrong addresses for a minute,
//! which no link does, since Ethernet has a checksum of its own.
//!
//! The injector knows frames of up to 1536 bytes. Where the MTU is larger, the stack is told so,
//! and connections agree on smaller segments; frames that are longer all the same are lost.

use std::cell::Cell;
use std::time::Duration;

use smoltcp::phy::{self, Device, DeviceCapabilities, FaultInjector, PacketMeta};
use smoltcp::time::Instant;

/// The type of a frame of ARP.
const ARP: [u8; 2] = [0x08, 0x06];

/// What is to go wrong; by default, nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Of a hundred frames each way, how many are lost.
    pub drop_chance: u8,
    /// Of a hundred frames each way, ARP's not counted, how many have one bit wrong.
    pub corrupt_chance: u8,
    /// The longest frame that is not lost, in bytes with the Ethernet header; 0: any.
    pub size_limit: usize,
    /// How many frames are sent in an interval, the others being lost; 0: all.
    pub tx_rate: u64,
    /// How many frames are received in an interval, the others being lost; 0: all.
    pub rx_rate: u64,
    /// The interval.
    pub interval: Duration,
    /// With the same seed, the same frames are lost and damaged.
    pub seed: u32,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            drop_chance: 0,
            corrupt_chance: 0,
            size_limit: 0,
            tx_rate: 0,
            rx_rate: 0,
            interval: Duration::from_millis(100),
            seed: 1,
        }
    }
}

impl Faults {
    /// Whether anything is to go wrong.
    pub fn any(&self) -> bool {
        let chance = self.drop_chance > 0 || self.corrupt_chance > 0;
        chance || self.size_limit > 0 || self.tx_rate > 0 || self.rx_rate > 0
    }

    /// The device with these faults. Chances are of a hundred: more is a hundred.
    pub fn inject<D: Device>(&self, device: D) -> FaultInjector<Damage<D>> {
        // Of 0, the generator makes nothing but 0.
        let seed = self.seed.max(1);
        // Not the injector's numbers once more: what is damaged has nothing to do with its losses.
        let random = Cell::new((seed ^ 0x9e37_79b9).max(1));
        let dice = Dice { chance: self.corrupt_chance, random };
        let device = Damage { device, dice, memory: Vec::new() };
        let mut injector = FaultInjector::new(device, seed);
        injector.set_drop_chance(self.drop_chance.min(100));
        injector.set_max_packet_size(self.size_limit);
        injector.set_max_tx_rate(self.tx_rate);
        injector.set_max_rx_rate(self.rx_rate);
        injector.set_bucket_interval(self.interval.into());
        injector
    }
}

/// A device that damages frames.
pub struct Damage<D> {
    device: D,
    dice: Dice,
    /// For a received frame, which cannot be damaged where it is.
    memory: Vec<u8>,
}

impl<D: Device> Device for Damage<D> {
    type RxToken<'a>
        = RxToken<'a, D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a, D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let Self { device, dice, memory } = self;
        let (frame, room) = device.receive(now)?;
        Some((RxToken { token: frame, dice, memory }, TxToken { token: room, dice }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(now)?;
        Some(TxToken { token, dice: &self.dice })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame that has come, perhaps to be damaged.
pub struct RxToken<'a, T> {
    token: T,
    dice: &'a Dice,
    memory: &'a mut Vec<u8>,
}

impl<T: phy::RxToken> phy::RxToken for RxToken<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let Self { token, dice, memory } = self;
        token.consume(|frame| {
            if !dice.hit(frame) {
                return f(frame);
            }
            memory.clear();
            memory.extend_from_slice(frame);
            dice.damage(memory);
            f(memory)
        })
    }

    fn meta(&self) -> PacketMeta {
        self.token.meta()
    }
}

/// Room for a frame, which is perhaps damaged when it has been written.
pub struct TxToken<'a, T> {
    token: T,
    dice: &'a Dice,
}

impl<T: phy::TxToken> phy::TxToken for TxToken<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Self { token, dice } = self;
        token.consume(len, |frame| {
            let result = f(frame);
            if dice.hit(frame) {
                dice.damage(frame);
            }
            result
        })
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}

/// What is damaged, and where.
struct Dice {
    chance: u8,
    random: Cell<u32>,
}

impl Dice {
    /// Whether a frame is to be damaged.
    fn hit(&self, frame: &[u8]) -> bool {
        self.next() % 100 < u32::from(self.chance) && frame.get(12..14) != Some(&ARP)
    }

    /// Turn one bit, the error that is the most likely and the hardest to notice.
    fn damage(&self, frame: &mut [u8]) {
        let place = self.next() as usize % frame.len().max(1);
        if let Some(byte) = frame.get_mut(place) {
            *byte ^= 1 << (self.next() % 8);
        }
    }

    /// The next number of Marsaglia's xorshift, as the injector uses it.
    fn next(&self) -> u32 {
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        self.random.set(random);
        random
    }
}

#[cfg(test)]
mod tests {
    use smoltcp::phy::{Loopback, Medium, RxToken as _, TxToken as _};

    use super::*;

    const FRAMES: usize = 2000;

    /// What comes back of frames that are sent round with these faults.
    fn round(faults: &Faults, frame: &[u8], now: impl Fn(usize) -> i64) -> Vec<Vec<u8>> {
        let mut device = faults.inject(Loopback::new(Medium::Ethernet));
        let mut back = Vec::new();
        for count in 0..FRAMES {
            let now = Instant::from_millis(now(count));
            let token = device.transmit(now).unwrap();
            token.consume(frame.len(), |room| room.copy_from_slice(frame));
            if let Some((token, _)) = device.receive(now) {
                back.push(token.consume(<[u8]>::to_vec));
            }
        }
        back
    }

    fn wrong_bits(one: &[u8], other: &[u8]) -> u32 {
        one.iter().zip(other).map(|(one, other)| (one ^ other).count_ones()).sum()
    }

    #[test]
    fn nothing_goes_wrong_by_default() {
        let faults = Faults::default();
        assert!(!faults.any());
        let back = round(&faults, &[7; 1500], |_| 0);
        assert!(back.len() == FRAMES && back.iter().all(|frame| frame == &[7; 1500]));
    }

    #[test]
    fn frames_are_lost_both_ways() {
        let faults = Faults { drop_chance: 20, ..Faults::default() };
        assert!(faults.any());
        // 0.8 of 0.8.
        let left = round(&faults, &[7; 100], |_| 0).len();
        assert!((FRAMES * 60 / 100..FRAMES * 68 / 100).contains(&left), "{left}");
        assert_eq!(left, round(&faults, &[7; 100], |_| 0).len(), "the seed is the same");
        let other = Faults { seed: 0, ..faults };
        assert!(round(&other, &[7; 100], |_| 0).len() > FRAMES / 2, "0 is no seed");
    }

    #[test]
    fn frames_are_damaged_both_ways_after_they_are_written() {
        let faults = Faults { corrupt_chance: 100, ..Faults::default() };
        let back = round(&faults, &[7; 1500], |_| 0);
        let twice = back.iter().filter(|frame| wrong_bits(frame, &[7; 1500]) == 2).count();
        // Now and then the same bit twice.
        assert!(twice > FRAMES * 99 / 100, "{twice}");
    }

    #[test]
    fn arp_is_not_damaged() {
        let faults = Faults { corrupt_chance: 100, ..Faults::default() };
        let mut frame = [7; 42];
        frame[12..14].copy_from_slice(&ARP);
        assert!(round(&faults, &frame, |_| 0).iter().all(|back| *back == frame));
    }

    #[test]
    fn long_frames_and_too_many_are_lost() {
        let faults = Faults { size_limit: 100, ..Faults::default() };
        assert!(faults.any());
        assert_eq!(round(&faults, &[7; 100], |_| 0).len(), FRAMES);
        assert_eq!(round(&faults, &[7; 101], |_| 0).len(), 0);

        let interval = Duration::from_millis(100);
        let faults = Faults { tx_rate: 3, rx_rate: 2, interval, ..Faults::default() };
        assert!(faults.any());
        // One frame a millisecond; an interval begins with the first frame after it.
        let left = round(&faults, &[7; 100], |count| 1000 + count as i64).len();
        assert_eq!(left, 2 * FRAMES.div_ceil(101));
    }
}
