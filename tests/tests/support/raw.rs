//! Sessions line by line and byte by byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use coracle::{End, Frame};

use super::PATIENCE;

/// One connection.
pub struct Raw {
    pub stream: BufReader<TcpStream>,
}

impl Raw {
    /// A session after its `hello`, and the answer to that.
    pub fn session(address: SocketAddr) -> (Self, String) {
        let mut raw = Self::connect(address);
        let greeting = raw.ask("hello 1");
        assert!(greeting.starts_with("ok 1 "), "{greeting:?}");
        (raw, greeting)
    }

    /// A connection that has said nothing yet.
    pub fn connect(address: SocketAddr) -> Self {
        Self::from(TcpStream::connect(address).unwrap())
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// The next line that is no sign of life, without LF; empty at the end of the stream.
    pub fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            if line != "+ busy\n" {
                return line.trim_end().to_owned();
            }
        }
    }

    pub fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\n"));
        self.line()
    }

    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The frames of one transfer up to its END, whose length and checksum must hold; `None`
    /// if it ends with FAIL.
    pub fn file(&mut self) -> Option<Vec<u8>> {
        let mut file = Vec::new();
        loop {
            let header = self.exactly(4).try_into().unwrap();
            match Frame::parse(header).expect("a frame") {
                Frame::Data(length) => file.extend(self.exactly(length as usize)),
                Frame::End => {
                    let payload: [u8; 12] = self.exactly(12).try_into().unwrap();
                    assert_eq!(End::parse_payload(payload), end_of(&file));
                    return Some(file);
                }
                Frame::Fail(length) => {
                    self.exactly(length.into());
                    return None;
                }
                Frame::Busy => {}
            }
        }
    }

    /// Everything until the other side closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }

    pub fn finish_sending(&mut self) {
        self.stream.get_mut().shutdown(Shutdown::Write).unwrap();
    }
}

impl From<TcpStream> for Raw {
    fn from(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream) }
    }
}

/// The number in a field of a greeting.
pub fn field(greeting: &str, name: &str) -> Option<u64> {
    let fields = greeting.split(' ').filter_map(|field| field.split_once('='));
    fields.into_iter().find(|(known, _)| *known == name)?.1.parse().ok()
}

fn end_of(bytes: &[u8]) -> End {
    End { length: bytes.len() as u64, crc: crc32fast::hash(bytes) }
}

/// DATA frames of these bytes, and their END.
pub fn frames(bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for piece in bytes.chunks(64 << 10) {
        all.extend(Frame::Data(piece.len() as u32).emit());
        all.extend(piece);
    }
    all.extend(end_of(bytes).emit_frame());
    all
}

/// `upload <path> <size>` and its frames.
pub fn upload(path: &str, bytes: &[u8]) -> Vec<u8> {
    [format!("upload {path} {}\n", bytes.len()).into_bytes(), frames(bytes)].concat()
}
