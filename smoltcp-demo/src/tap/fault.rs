//! A link that is worse than a TAP device: frames lost, damaged, too long, too many.
//!
//! smoltcp's [`FaultInjector`] does it, but for one thing: it damages a frame to be sent before
//! it is written, which undoes the damage. [`Damage`] does that after.
//!
//! The injector knows frames of up to 1536 bytes. Where the MTU is larger, the stack is told so,
//! and connections agree on smaller segments; frames that are longer all the same are lost.

use std::time::Duration;

use smoltcp::phy::{self, Device, DeviceCapabilities, FaultInjector, PacketMeta};
use smoltcp::time::Instant;

/// What is to go wrong; by default, nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Of a hundred frames each way, how many are lost.
    pub drop_chance: u8,
    /// Of a hundred frames each way, how many have one bit wrong.
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
        let chance = self.corrupt_chance.min(100);
        let mut injector = FaultInjector::new(Damage { device, chance, random: seed }, seed);
        injector.set_drop_chance(self.drop_chance.min(100));
        injector.set_corrupt_chance(chance);
        injector.set_max_packet_size(self.size_limit);
        injector.set_max_tx_rate(self.tx_rate);
        injector.set_max_rx_rate(self.rx_rate);
        injector.set_bucket_interval(self.interval.into());
        injector
    }
}

/// A device that damages frames on their way out, after they are written.
pub struct Damage<D> {
    device: D,
    chance: u8,
    random: u32,
}

impl<D: Device> Device for Damage<D> {
    type RxToken<'a>
        = D::RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = DamageToken<'a, D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (chance, random) = (self.chance, &mut self.random);
        let (frame, token) = self.device.receive(now)?;
        Some((frame, DamageToken { token, chance, random }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(now)?;
        Some(DamageToken { token, chance: self.chance, random: &mut self.random })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// Room for a frame that is perhaps damaged.
pub struct DamageToken<'a, T> {
    token: T,
    chance: u8,
    random: &'a mut u32,
}

impl<T: phy::TxToken> phy::TxToken for DamageToken<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Self { token, chance, random } = self;
        token.consume(len, |frame| {
            let result = f(frame);
            if next(random) % 100 < u32::from(chance) {
                let place = next(random) as usize % frame.len().max(1);
                if let Some(byte) = frame.get_mut(place) {
                    *byte ^= 1 << (next(random) % 8);
                }
            }
            result
        })
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.token.set_meta(meta);
    }
}

/// The next number of Marsaglia's xorshift, as the injector uses it.
fn next(random: &mut u32) -> u32 {
    *random ^= *random << 13;
    *random ^= *random >> 17;
    *random ^= *random << 5;
    *random
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
