//! Dates of FAT: years from 1980 to 2107, steps of 2 s, here always in UTC.

/// 1980-01-01 and the last two seconds of 2107, in seconds since 1970.
const FIRST: u64 = 315_532_800;
const LAST: u64 = 4_354_819_198;

const DAY_SECONDS: u32 = 86_400;

/// Days from the start of the era (0000-03-01) to 1980-01-01.
const FIRST_DAY: u32 = 723_120;

/// Days of 400 years.
const ERA_DAYS: u32 = 146_097;

/// Seconds since 1970 of a date and a time of FAT; `None` for what is no date, 0 above all,
/// which stands for "unknown".
pub(super) fn to_unix(date: u16, time: u16) -> Option<u64> {
    let [date, time] = [date, time].map(u32::from);
    let (year, month, day) = (1980 + (date >> 9), date >> 5 & 15, date & 31);
    let (hour, minute, second) = (time >> 11, time >> 5 & 63, (time & 31) * 2);
    if !(1..=12).contains(&month) || day == 0 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days from civil, by Howard Hinnant: years begin in March, so that the leap day is last.
    let shifted = year - u32::from(month <= 2);
    let (era, of_era) = (shifted / 400, shifted % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - FIRST_DAY;
    // Since 1980 it fits into 32 bits, which are divided in one instruction.
    Some(FIRST + u64::from(days * DAY_SECONDS + hour * 3600 + minute * 60 + second))
}

/// Date and time of FAT for seconds since 1970; the nearest there is for earlier and later ones.
pub(super) fn from_unix(seconds: u64) -> (u16, u16) {
    let seconds = (seconds.clamp(FIRST, LAST) - FIRST) as u32;
    let (days, rest) = (seconds / DAY_SECONDS + FIRST_DAY, seconds % DAY_SECONDS);
    // Civil from days, likewise.
    let (era, of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + years + u32::from(month <= 2);
    let date = year.saturating_sub(1980) << 9 | month << 5 | day;
    let time = (rest / 3600) << 11 | (rest / 60 % 60) << 5 | (rest % 60 / 2);
    (date as u16, time as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_there_and_back() {
        // As `date --utc --date=@…` says.
        for (unix, date, time) in [
            (315_532_800, 1 << 5 | 1, 0),
            (951_827_696, 20 << 9 | 2 << 5 | 29, 12 << 11 | 34 << 5 | 28),
            (1_000_000_000, 21 << 9 | 9 << 5 | 9, 1 << 11 | 46 << 5 | 20),
            (4_354_819_198, 127 << 9 | 12 << 5 | 31, 23 << 11 | 59 << 5 | 29),
        ] {
            assert_eq!(from_unix(unix), (date, time), "{unix}");
            assert_eq!(to_unix(date, time), Some(unix), "{unix}");
        }
        for day in 0..46_000 {
            let unix = 315_532_800 + day * 86_400 + 13 * 3600;
            let (date, time) = from_unix(unix);
            assert_eq!(to_unix(date, time), Some(unix));
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        assert_eq!(from_unix(0), from_unix(FIRST));
        assert_eq!(from_unix(u64::MAX), from_unix(LAST));
        for (date, time) in [(0, 0), (1 << 5, 0), (13 << 5 | 1, 0), (1 << 5 | 1, 24 << 11)] {
            assert_eq!(to_unix(date, time), None);
        }
        for date in 0..=u16::MAX {
            for time in [0, u16::MAX, 0xbf7d] {
                let _ = to_unix(date, time);
            }
        }
    }
}
