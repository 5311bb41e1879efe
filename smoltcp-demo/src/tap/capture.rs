//! A file of all frames, as the stack has seen them, for tcpdump and Wireshark.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::rc::Rc;

use smoltcp::phy::PcapSink;
use smoltcp::time::Instant;

/// What is written at once.
const BUFFER_LEN: usize = 256 << 10;

/// A file of frames that can be shared; the last one to drop it writes out what is left. An
/// error ends the capture and is kept until it is asked for: the server goes on.
#[derive(Clone, Debug)]
pub struct Capture(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    /// `None` where nothing is captured, or no longer.
    file: Option<BufWriter<File>>,
    error: Option<io::Error>,
}

impl Capture {
    /// Begin a file; what was in it is gone.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self::to(Some(BufWriter::with_capacity(BUFFER_LEN, File::create(path)?))))
    }

    /// A capture of nothing.
    pub(super) fn none() -> Self {
        Self::to(None)
    }

    fn to(file: Option<BufWriter<File>>) -> Self {
        Self(Rc::new(RefCell::new(State { file, error: None })))
    }

    /// Write out what is gathered.
    pub fn flush(&self) {
        self.0.borrow_mut().attempt(Write::flush);
    }

    /// Why the capture has ended; told once.
    pub fn error(&self) -> Option<io::Error> {
        self.0.borrow_mut().error.take()
    }
}

impl State {
    fn attempt(&mut self, work: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = work(file) {
            self.error = Some(error);
            // Not dropped as it is: that would write the rest once more.
            self.file.take().map(BufWriter::into_parts);
        }
    }
}

impl PcapSink for Capture {
    fn write(&mut self, data: &[u8]) {
        self.0.borrow_mut().attempt(|file| file.write_all(data));
    }

    /// The time is that of the clock on the wall, whatever the stack's clock counts from.
    fn packet(&mut self, _timestamp: Instant, packet: &[u8]) {
        if self.0.borrow().file.is_some() {
            self.packet_header(Instant::now(), packet.len());
            self.write(packet);
        }
    }
}
