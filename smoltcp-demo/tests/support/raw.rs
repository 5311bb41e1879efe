//! A client without manners: it sends bytes, keeps what comes, and goes as it likes.

use std::collections::VecDeque;

use coracle::poll::Stream;
use coracle::{Crc32, End, Frame};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;

use super::host::{Host, Link};

/// One connection of a host, to be driven by a test.
pub struct Raw {
    pub host: usize,
    pub socket: SocketHandle,
    /// What has come.
    pub received: Vec<u8>,
    /// Whether the other side has closed its direction.
    pub is_ended: bool,
    /// Whether the connection was reset, refused or given up.
    pub is_lost: bool,
    /// Whether what comes is read, or left to fill the window.
    pub reads: bool,
    outgoing: VecDeque<u8>,
    closes: bool,
}

impl Raw {
    pub fn new(host: usize, socket: SocketHandle) -> Self {
        Self {
            host,
            socket,
            received: Vec::new(),
            is_ended: false,
            is_lost: false,
            reads: true,
            outgoing: VecDeque::new(),
            closes: false,
        }
    }

    /// Send this as soon as there is room.
    pub fn say(&mut self, bytes: &[u8]) {
        self.outgoing.extend(bytes);
    }

    /// Close the sending direction once everything is sent.
    pub fn close(&mut self) {
        self.closes = true;
    }

    /// What has come, as text.
    pub fn text(&self) -> String {
        self.received.escape_ascii().to_string()
    }

    /// Whether everything to say is in the hands of the stack.
    pub fn is_said(&self) -> bool {
        self.outgoing.is_empty()
    }

    pub fn is_over(&self) -> bool {
        self.is_ended || self.is_lost
    }

    /// Do what can be done now.
    pub fn advance(&mut self, host: &mut Host) {
        let socket = host.socket(self.socket);
        if socket.state() != tcp::State::Listen && !self.is_lost {
            self.write(socket);
            self.read(socket);
        }
    }

    /// What a failed test wants to know.
    pub fn sight(&self, hosts: &[Host]) -> String {
        let state = hosts[self.host].state(self.socket);
        let came = &self.received[..self.received.len().min(100)];
        format!(
            "raw of host {}: {state}, {} bytes to send, {} came: {}",
            self.host,
            self.outgoing.len(),
            self.received.len(),
            came.escape_ascii(),
        )
    }

    fn write(&mut self, socket: &mut tcp::Socket<'static>) {
        while !self.outgoing.is_empty() {
            let (bytes, _) = self.outgoing.as_slices();
            match Link(socket).try_write(bytes) {
                Ok(None) => return,
                Ok(Some(count)) => drop(self.outgoing.drain(..count)),
                // What has come and was not read is lost as well, on most stacks.
                Err(_) => {
                    self.is_lost = true;
                    self.outgoing.clear();
                }
            }
        }
        if self.closes && socket.state() != tcp::State::SynSent {
            self.closes = false;
            socket.close();
        }
    }

    fn read(&mut self, socket: &mut tcp::Socket<'static>) {
        let mut buffer = [0; 4096];
        while self.reads && !self.is_over() {
            match Link(socket).try_read(&mut buffer) {
                Ok(None) => return,
                Ok(Some(0)) => self.is_ended = true,
                Ok(Some(count)) => self.received.extend_from_slice(&buffer[..count]),
                Err(_) => self.is_lost = true,
            }
        }
    }
}

/// A DATA frame.
pub fn data(bytes: &[u8]) -> Vec<u8> {
    let mut frame = Frame::Data(bytes.len() as u32).emit().to_vec();
    frame.extend_from_slice(bytes);
    frame
}

/// The frames of a whole file.
pub fn frames(bytes: &[u8]) -> Vec<u8> {
    let mut frames: Vec<u8> = bytes.chunks(1024).flat_map(data).collect();
    frames.extend_from_slice(&End { length: bytes.len() as u64, crc: crc(bytes) }.emit_frame());
    frames
}

pub fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(bytes);
    crc.value()
}
