//! Dates of FAT: years from 1980 to 2107, steps of 2 s, here always in UTC.

/// 1980-01-01 and the last two seconds of 2107, in seconds since 1970.
const FIRST: u64 = 315_532_800;
const LAST: u64 = 4_354_819_198;

const DAY_SECONDS: u32 = 86_400;

/// Years are counted from March, so that the leap day is the last one; from March 1976 on every
/// fourth year has one, but for 2100. Days from then to 1980-01-01, and to 2100-03-01 as if that
/// year had one too.
const FIRST_YEAR: u32 = 1976;
const FIRST_DAY: u32 = 1401;
const DAY_2100: u32 = 45_291;

/// Days of four years.
const FOUR_YEARS: u32 = 1461;

/// Seconds since 1970 of a date and a time of FAT; `None` for what is no date, 0 above all,
/// which stands for "unknown".
pub(super) fn to_unix(date: u16, time: u16) -> Option<u64> {
    let [date, time] = [date, time].map(u32::from);
    let (year, month, day) = (1980 + (date >> 9), date >> 5 & 15, date & 31);
    let (hour, minute, second) = (time >> 11, time >> 5 & 63, (time & 31) * 2);
    if !(1..=12).contains(&month) || day == 0 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // The months from March on begin on these days of their year.
    let (years, months) =
        if month > 2 { (year - FIRST_YEAR, month - 3) } else { (year - FIRST_YEAR - 1, month + 9) };
    let days = years * FOUR_YEARS / 4 + (153 * months + 2) / 5 + day - 1;
    let days = days - u32::from(days >= DAY_2100) - FIRST_DAY;
    // Since 1980 it fits into 32 bits, which are divided in one instruction.
    Some(FIRST + u64::from(days * DAY_SECONDS + hour * 3600 + minute * 60 + second))
}

/// Date and time of FAT for seconds since 1970; the nearest there is for earlier and later ones.
pub(super) fn from_unix(seconds: u64) -> (u16, u16) {
    let seconds = (seconds.clamp(FIRST, LAST) - FIRST) as u32;
    let (days, rest) = (seconds / DAY_SECONDS + FIRST_DAY, seconds % DAY_SECONDS);
    let days = days + u32::from(days + 1 >= DAY_2100);
    let years = (days * 4 + 3) / FOUR_YEARS;
    let of_year = days - years * FOUR_YEARS / 4;
    let months = (5 * of_year + 2) / 153;
    let day = of_year - (153 * months + 2) / 5 + 1;
    let (year, month) = if months < 10 {
        (years + FIRST_YEAR, months + 3)
    } else {
        (years + FIRST_YEAR + 1, months - 9)
    };
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
