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

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn number(bytes: &[u8]) -> u32 {
        u32::from_ne_bytes(bytes.try_into().unwrap())
    }

    #[test]
    fn frames_are_in_the_file_with_the_time_of_day() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcap");
        let before = SystemTime::now();
        let capture = Capture::create(&path).unwrap();
        let mut sink = capture.clone();
        sink.global_header(smoltcp::phy::PcapLinkType::Ethernet);
        let frames = [vec![1; 14], vec![2; 65_549]];
        for frame in &frames {
            // A clock that counts from the start of the program.
            sink.packet(Instant::from_millis(3), frame);
        }
        capture.flush();
        assert!(capture.error().is_none());

        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(number(&bytes[..4]), 0xa1b2_c3d4);
        assert_eq!(number(&bytes[20..24]), 1, "Ethernet");
        let mut rest = &bytes[24..];
        for frame in &frames {
            let (seconds, micros) = (number(&rest[..4]), number(&rest[4..8]));
            let since = Duration::new(u64::from(seconds), micros * 1000);
            let time = SystemTime::UNIX_EPOCH + since;
            // The file counts microseconds.
            let early = before - Duration::from_micros(1);
            assert!((early..=SystemTime::now()).contains(&time), "{time:?}");
            assert_eq!(number(&rest[8..12]) as usize, frame.len(), "all of it");
            assert_eq!(number(&rest[12..16]) as usize, frame.len());
            assert_eq!(rest[16..][..frame.len()], *frame);
            rest = &rest[16 + frame.len()..];
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn what_is_left_is_written_when_the_last_one_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcap");
        let capture = Capture::create(&path).unwrap();
        let mut sink = capture.clone();
        sink.packet(Instant::ZERO, &[1; 60]);
        drop(capture);
        drop(sink);
        assert_eq!(std::fs::read(&path).unwrap().len(), 76);
    }

    #[test]
    fn a_full_disk_ends_the_capture_and_is_told_once() {
        let mut capture = Capture::create(Path::new("/dev/full")).unwrap();
        for _ in 0..2 * BUFFER_LEN / 1500 {
            capture.packet(Instant::ZERO, &[1; 1500]);
        }
        assert_eq!(capture.error().unwrap().kind(), io::ErrorKind::StorageFull);
        capture.packet(Instant::ZERO, &[1; 1500]);
        capture.flush();
        assert!(capture.error().is_none());
    }
}
