//! The ancestor's client.

use std::io::Write;
use std::net::SocketAddr;

use super::{Fault, connect, listen, message, number, receive, send};

/// A client of the ancestor: every command has a connection of its own, which is closed as soon
/// as the reply is there, before the transfer.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    server: SocketAddr,
    transfer_port: u16,
}

impl Client {
    /// A client of the server at this control port, which has this transfer port.
    pub fn new(server: SocketAddr, transfer_port: u16) -> Self {
        Self { server, transfer_port }
    }

    /// The listing, as far as one read gives it.
    ///
    /// # Errors
    ///
    /// [`Fault::Unreadable`] if it is not ASCII; [`Fault::Link`].
    pub fn ls(&self) -> Result<String, Fault> {
        self.ask("ls")
    }

    /// The bytes of a file. The listener is opened after the size is read, without
    /// SO_REUSEADDR.
    ///
    /// # Errors
    ///
    /// Every [`Fault`] but [`Fault::Local`].
    pub fn download(&self, name: &str) -> Result<Vec<u8>, Fault> {
        let reply = self.ask(&format!("download {name}"))?;
        if reply == "err" {
            return Err(Fault::Refused);
        }
        let size = number(reply.as_bytes())?;
        receive(listen(self.transfer_port)?, size)
    }

    /// Send a file. The transfer port is dialled once, as soon as the reply is there.
    ///
    /// # Errors
    ///
    /// [`Fault::Refused`], [`Fault::Unreadable`], [`Fault::Link`].
    pub fn upload(&self, name: &str, file: &[u8]) -> Result<(), Fault> {
        let reply = self.ask(&format!("upload {name} {}", file.len()))?;
        match reply.as_str() {
            "ok" => send(SocketAddr::new(self.server.ip(), self.transfer_port), file),
            "err" => Err(Fault::Refused),
            _ => Err(Fault::Unreadable(reply.into_bytes())),
        }
    }

    /// One command in one send, without any terminator, and one read for the reply.
    fn ask(&self, command: &str) -> Result<String, Fault> {
        let mut control = connect(self.server)?;
        control.write_all(command.as_bytes()).map_err(Fault::Link)?;
        let reply = message(&mut control)?;
        Ok(String::from_utf8_lossy(&reply).into_owned())
    }
}
