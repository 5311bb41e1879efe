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
