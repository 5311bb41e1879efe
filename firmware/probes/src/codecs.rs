//! Everything that reads or writes the protocol's bytes, with any bytes.

use core::net::IpAddr;

use coracle::{
    BUSY, Code, Command, Crc32, End, Entry, Frame, Greeting, Path, Refusal, Reply, check_component,
    classic, fields, host_start,
};

use crate::opaque::any;

const LEN: usize = 1024;

/// Bytes of any length and content.
fn with_bytes(mut use_them: impl FnMut(&mut [u8])) {
    let mut bytes = [0; LEN];
    if let Some(bytes) = any(&mut bytes).get_mut(..any(LEN)) {
        use_them(bytes);
    }
}

/// Paths and names.
pub fn paths() {
    with_bytes(|bytes| {
        any(check_component(bytes)).ok();
        any(host_start(bytes));
        if let Ok(path) = Path::new(bytes) {
            any((path.name(), path.parent(), path.is_root(), path.is_within(any(path))));
            for component in path.components().rev() {
                any(component);
            }
        }
    });
}

/// Command lines.
pub fn commands() {
    with_bytes(|bytes| match Command::parse(bytes) {
        Ok(command) => {
            any((command.verb(), command.writes()));
            with_bytes(|line| _ = any(command.emit(line)));
        }
        Err(bad) => _ = any(bad),
    });
}

/// Lines of replies.
pub fn replies() {
    with_bytes(|bytes| {
        any(Reply::parse(bytes));
        any(Code::parse(bytes));
        any(Greeting::parse(bytes));
        any(fields::metadata(bytes));
        any(fields::receipt(bytes));
        any(fields::stored(bytes));
        any(fields::download(bytes));
        any(fields::listed(bytes));
        any(fields::space(bytes));
    });
    with_bytes(|line| {
        any(Refusal::new(any(Code::Io), any("sentence")).emit(line)).ok();
        with_bytes(|name| {
            if let Some(Reply::Entry(entry)) = Reply::parse(name) {
                any(Entry::emit(&entry, line)).ok();
            }
        });
    });
}

/// Frames and checksums.
pub fn frames() {
    any(Frame::parse(any(BUSY)).map(Frame::emit)).ok();
    any(any(End::default()).emit_frame());
    any(End::parse_payload(any([0; 12])));
    with_bytes(|bytes| {
        let mut crc = Crc32::resume(any(0));
        crc.update(bytes);
        any(crc.value());
    });
}

/// What the classic dialect knows of connections.
pub fn arrivals() {
    with_bytes(|bytes| _ = any(classic::begins_native(bytes)));
    let address = || any(IpAddr::from([0; 16]));
    any(classic::comes_from(address(), address(), |address| any(address.is_ipv4())));
}
