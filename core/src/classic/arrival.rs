//! A connection that comes in on the transfer port while an upload is due: its first bytes tell
//! whether it brings the file or begins a native session.

/// How a native session begins, up to the digit of its version.
pub(crate) const NATIVE: &[u8] = b"hello ";

/// After so many bytes [`begins_native`] can always tell.
pub const ARRIVAL_LEN: usize = NATIVE.len() + 1;

/// Whether these first bytes of a connection on the transfer port begin a native session; if
/// not, they are the first of a classic upload. `None`: one cannot tell yet.
///
/// Bytes of a file that look like `hello 1` are taken for a session.
pub fn begins_native(bytes: &[u8]) -> Option<bool> {
    match bytes.strip_prefix(NATIVE) {
        Some([first, ..]) => Some(first.is_ascii_digit()),
        Some([]) => None,
        None if NATIVE.starts_with(bytes) => None,
        None => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_native_session_says_hello_and_a_number() {
        for undecided in [&b""[..], b"h", b"hello", b"hello "] {
            assert_eq!(begins_native(undecided), None);
            assert!(undecided.len() < ARRIVAL_LEN);
        }
        for native in [&b"hello 1"[..], b"hello 1\n", b"hello 23 line=700\n"] {
            assert_eq!(begins_native(native), Some(true));
        }
        for other in [&b"x"[..], b"help", b"hello\n", b"hello w", b"\0"] {
            assert_eq!(begins_native(other), Some(false));
        }
    }
}
