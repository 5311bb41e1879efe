//! Transfer ports for tests that run at the same time.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::ops::RangeInclusive;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use super::listen;

/// Where they are taken from: above the system's services and below the ports that connections
/// get by themselves (32768 and up on Linux), which would collide.
const RANGE: RangeInclusive<u16> = 10_000..=32_000;

/// The number of a TCP port that nobody uses, reserved for this value.
///
/// Both sides of the classic dialect need the same port, each for a short while, so that nobody
/// can hold it meanwhile; but a UDP port of the same number can be held, and tells others.
#[derive(Debug)]
pub struct TransferPort {
    number: u16,
    _reservation: UdpSocket,
}

impl TransferPort {
    /// Find and reserve a port.
    ///
    /// # Errors
    ///
    /// If none is free.
    pub fn reserve() -> io::Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let count = RANGE.end() - RANGE.start();
        for _ in 0..count {
            // Other processes begin elsewhere.
            let next = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
            let offset = process::id().wrapping_mul(97).wrapping_add(next) % u32::from(count);
            let number = RANGE.start() + offset as u16;
            let Ok(reservation) = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)) else { continue };
            if listen(number).is_ok() {
                return Ok(Self { number, _reservation: reservation });
            }
        }
        Err(io::Error::other(format!("no port of {RANGE:?} is free")))
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}
