//! Numbers of bytes as people write them.

use std::fmt;
use std::str::FromStr;

/// The units, from the smallest.
const UNITS: [(char, u32); 3] = [('K', 10), ('M', 20), ('G', 30)];

/// A number of bytes: `16M` is 16 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let needed = || format!("{text:?} is no size: bytes, or a number with K, M or G as in 16M");
        let unit = |letter: char| UNITS.iter().find(|(name, _)| letter.eq_ignore_ascii_case(name));
        let (digits, shift) = match text.char_indices().next_back() {
            Some((at, letter)) if unit(letter).is_some() => {
                (&text[..at], unit(letter).map_or(0, |(_, shift)| *shift))
            }
            _ => (text, 0),
        };
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(needed());
        }
        let number: usize = digits.parse().map_err(|_| needed())?;
        let too_large = || format!("{text} is more than this machine can count");
        number.checked_mul(1 << shift).map(Self).ok_or_else(too_large)
    }
}

impl fmt::Display for Size {
    /// In the largest unit that tells it whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, shift): &&(char, u32)| self.0 > 0 && self.0.is_multiple_of(1 << shift);
        match UNITS.iter().rev().find(whole) {
            Some((unit, shift)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}", self.0),
        }
    }
}

/// The memory of this machine, in whole MiB.
pub(super) fn memory() -> Size {
    let system = rustix::system::sysinfo();
    #[allow(clippy::useless_conversion, reason = "the width depends on the machine")]
    let bytes = u64::from(system.totalram).saturating_mul(system.mem_unit.into());
    Size(usize::try_from(bytes >> 20).unwrap_or(usize::MAX >> 20) << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("512K", 512 << 10),
            ("16M", 16 << 20),
            ("16m", 16 << 20),
            ("2G", 2 << 30),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!(size.0, bytes, "{text}");
            assert_eq!(size.to_string().parse(), Ok(size));
        }
        assert_eq!(Size(16 << 20).to_string(), "16M");
        assert_eq!(Size(1536).to_string(), "1536");
    }

    #[test]
    fn what_is_no_size_is_told_how_it_looks() {
        for text in ["", "M", "16MB", "-1", "+1", "1.5G", "16 M", "ten", "1T", "²K"] {
            assert!(text.parse::<Size>().is_err_and(|why| why.contains("as in 16M")), "{text:?}");
        }
        assert!("99999999999G".parse::<Size>().is_err_and(|why| why.contains("more than")));
    }
}
