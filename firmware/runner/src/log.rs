//! The log of the chip: frames of defmt on the standard output of QEMU, as lines.

use std::io::{self, Read};

use defmt_decoder::{DecodeError, Table};

/// Read a log until it ends, and give its lines to `line`.
///
/// An image without defmt has none.
///
/// # Errors
///
/// If `elf` is no image, or the log cannot be read, or is none that fits the image.
pub fn read(
    elf: &[u8],
    mut log: impl Read,
    is_coloured: bool,
    mut line: impl FnMut(String),
) -> io::Result<()> {
    let table = Table::parse(elf).map_err(|error| io::Error::other(format!("{error:#}")))?;
    let Some(table) = table else { return io::copy(&mut log, &mut io::sink()).map(|_| ()) };
    let mut decoder = table.new_stream_decoder();
    let mut buffer = [0; 1024];
    loop {
        match log.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => decoder.received(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        loop {
            match decoder.decode() {
                Ok(frame) => line(frame.display(is_coloured).to_string()),
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) if table.encoding().can_recover() => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}
