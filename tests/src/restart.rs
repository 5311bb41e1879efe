//! Calls that are made again when the machine was stopped while they waited.

use std::io::{self, ErrorKind};

/// Make a call until something other than an interruption comes of it.
///
/// Linux does not restart a call on a socket with a timeout after the process was stopped and
/// continued, even if it handles no signal (signal(7)); a test machine is stopped now and then,
/// and what std reads to an end or exactly it restarts itself.
///
/// # Errors
///
/// Those of the call, but for [`ErrorKind::Interrupted`].
pub fn restarted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_interruption_is_passed_on() {
        let mut results = [
            Err(ErrorKind::Interrupted.into()),
            Ok(3),
            Err(ErrorKind::Interrupted.into()),
            Err(ErrorKind::TimedOut.into()),
        ]
        .into_iter();
        let mut next = || results.next().unwrap();
        assert_eq!(restarted(&mut next).unwrap(), 3);
        assert_eq!(restarted(&mut next).unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
