//! Doubles of the ancestor's two programs, which speak the classic dialect: byte for byte and
//! close for close as those do, for they cannot be changed any more.
//!
//! What makes them hard to serve is kept on purpose: a listener without SO_REUSEADDR, which
//! cannot be bound while an earlier connection of its port is in TIME_WAIT, and which is opened
//! only after the reply that announces it. What would make a test hang is bounded: where the
//! ancestor waits or loops for ever, its double ends with a [`Fault`].

mod client;
mod port;
mod server;

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

pub use client::Client;
pub use port::TransferPort;
pub use server::Server;

use crate::restart::restarted;

/// Bytes read or written at a time.
const CHUNK: usize = 1024;

/// Bytes of a command or reply at most: what one read takes.
const MESSAGE: usize = 128;

/// The longest wait for the other side: longer than any wait of the dialect, so that a test
/// that meets it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a program of the ancestor fails.
#[derive(Debug)]
pub enum Fault {
    /// The transfer port cannot be bound: somebody holds it, or left it in TIME_WAIT.
    Bind(io::Error),
    /// The reply was `err`.
    Refused,
    /// A message that the program cannot read: it ends with a stack trace.
    Unreadable(Vec<u8>),
    /// The end of the stream came before the last byte: the program reads on for ever.
    Short {
        /// Bytes announced.
        announced: u64,
        /// Bytes that came.
        received: u64,
    },
    /// A connection could not be made or broke, or nothing came for half a minute.
    Link(io::Error),
    /// A local file cannot be read or written.
    Local(io::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => write!(f, "the transfer port cannot be bound: {error}"),
            Self::Refused => f.write_str("refused with `err`"),
            Self::Unreadable(message) => {
                write!(f, "a message it cannot read: \"{}\"", message.escape_ascii())
            }
            Self::Short { announced, received } => {
                write!(f, "{received} bytes came of {announced}")
            }
            Self::Link(error) => write!(f, "a connection failed: {error}"),
            Self::Local(error) => write!(f, "a local file failed: {error}"),
        }
    }
}

impl std::error::Error for Fault {}

/// The message that one read gives.
fn message(stream: &mut TcpStream) -> Result<Vec<u8>, Fault> {
    let mut buffer = [0; MESSAGE];
    let count = restarted(|| stream.read(&mut buffer)).map_err(Fault::Link)?;
    let message = buffer[..count].to_vec();
    if message.is_ascii() { Ok(message) } else { Err(Fault::Unreadable(message)) }
}

/// The number in a message: blanks around it do no harm.
fn number(message: &[u8]) -> Result<u64, Fault> {
    let text = str::from_utf8(message).ok().and_then(|text| text.trim().parse().ok());
    text.ok_or_else(|| Fault::Unreadable(message.to_vec()))
}

fn connect(address: SocketAddr) -> Result<TcpStream, Fault> {
    let stream = TcpStream::connect(address).map_err(Fault::Link)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(Fault::Link)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(Fault::Link)?;
    Ok(stream)
}

/// Listen on the transfer port: std would set SO_REUSEADDR.
fn listen(port: u16) -> Result<Socket, Fault> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).map_err(Fault::Link)?;
    let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    socket.bind(&everywhere.into()).map_err(Fault::Bind)?;
    socket.listen(MESSAGE as i32).map_err(Fault::Bind)?;
    // On Linux this bounds accept() as well.
    socket.set_read_timeout(Some(PATIENCE)).map_err(Fault::Link)?;
    Ok(socket)
}

/// Accept one connection and read `size` bytes; then listener and connection are closed at once,
/// whether or not the other side has closed.
fn receive(listener: Socket, size: u64) -> Result<Vec<u8>, Fault> {
    let (connection, _) = restarted(|| listener.accept()).map_err(Fault::Link)?;
    connection.set_read_timeout(Some(PATIENCE)).map_err(Fault::Link)?;
    let mut file = Vec::new();
    let mut chunk = [0; CHUNK];
    // It reads before it asks whether there is anything to come: an empty file waits for its end.
    loop {
        let count = restarted(|| (&connection).read(&mut chunk)).map_err(Fault::Link)?;
        file.extend_from_slice(&chunk[..count]);
        let received = file.len() as u64;
        if received >= size {
            return Ok(file);
        }
        if count == 0 {
            return Err(Fault::Short { announced: size, received });
        }
    }
}

/// Send a file over a connection of its own, and close that.
fn send(address: SocketAddr, file: &[u8]) -> Result<(), Fault> {
    let mut stream = connect(address)?;
    for chunk in file.chunks(CHUNK) {
        stream.write_all(chunk).map_err(Fault::Link)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
