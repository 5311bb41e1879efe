//! Processor time of processes, from `/proc`.

use std::fs;
use std::io;
use std::time::Duration;

/// Fields of `/proc/<pid>/stat` behind the name of the program, counted from the state.
const OWN_USER: usize = 11;
const OWN_SYSTEM: usize = 12;
const CHILDREN_USER: usize = 13;
const CHILDREN_SYSTEM: usize = 14;

/// User and system seconds of the children of this process that have ended.
///
/// # Errors
///
/// If `/proc` cannot be read.
pub fn of_ended_children() -> io::Result<f64> {
    seconds("self", &[CHILDREN_USER, CHILDREN_SYSTEM])
}

/// User and system seconds of a process.
///
/// # Errors
///
/// If `/proc` cannot be read, or there is no such process.
pub fn of_process(id: u32) -> io::Result<f64> {
    seconds(&id.to_string(), &[OWN_USER, OWN_SYSTEM])
}

/// The time for which the threads of a process have been on a processor, to the nanosecond: what
/// clocks of hundredths tell depends on when one looks. Threads that have ended do not count.
///
/// # Errors
///
/// If `/proc` cannot be read, or there is no such process.
pub fn run_time(id: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let times = match fs::read_to_string(thread?.path().join("schedstat")) {
            Err(error) if has_ended(&error) => continue,
            times => times?,
        };
        let own = times.split_ascii_whitespace().next().and_then(|time| time.parse::<u64>().ok());
        nanoseconds += own.ok_or_else(|| io::Error::other("no times in schedstat"))?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Whether this is what `/proc` says of a thread that has ended since it was listed: no such
/// file, or no such process where the file was open already.
fn has_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

/// Bytes of memory that a process has in use, its own and shared.
///
/// # Errors
///
/// If `/proc` cannot be read, or there is no such process.
pub fn resident_bytes(id: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse().ok()
        })
        .map(|kib: u64| kib * 1024)
        .ok_or_else(|| io::Error::other("no VmRSS in /proc: not Linux?"))
}

fn seconds(process: &str, fields: &[usize]) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name may hold spaces and brackets; the last bracket ends it.
    let values: Vec<&str> =
        stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace().collect();
    let ticks: u64 = fields.iter().filter_map(|&at| values.get(at)?.parse::<u64>().ok()).sum();
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_is_counted() {
        let before = run_time(std::process::id()).unwrap();
        let begun = Instant::now();
        while run_time(std::process::id()).unwrap() < before + Duration::from_millis(20) {
            assert!(begun.elapsed() < Duration::from_secs(20), "looking is work");
        }
    }
}
