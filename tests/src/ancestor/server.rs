//! The ancestor's server.

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::{Fault, PATIENCE, listen, message, receive, send};

/// A running server of the ancestor: one client at a time, one command a connection.
///
/// It ends at its first fault, which [`finish`](Self::finish) tells.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    serving: Option<JoinHandle<Result<(), Fault>>>,
}

/// What the serving thread has.
struct Service {
    root: PathBuf,
    transfer_port: u16,
}

impl Server {
    /// Serve a folder on a free control port of the loopback.
    ///
    /// # Errors
    ///
    /// If there is no port to listen on.
    pub fn start(root: &Path, transfer_port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let service = Service { root: root.to_owned(), transfer_port };
        let serving = {
            let stopped = Arc::clone(&stopped);
            thread::spawn(move || service.run(&listener, &stopped))
        };
        Ok(Self { address, stopped, serving: Some(serving) })
    }

    /// Its control port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// End it after the command it is at.
    ///
    /// # Errors
    ///
    /// The fault at which it ended by itself.
    pub fn finish(mut self) -> Result<(), Fault> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the serving thread; if it cannot be reached it has ended.
        let _ = TcpStream::connect(self.address);
        match self.serving.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Fault::Link(io::Error::other("the serving thread panicked"))),
            None => Ok(()),
        }
    }
}

impl Drop for Server {
    /// A test that does not ask for the fault hears of it all the same.
    fn drop(&mut self) {
        if thread::panicking() || self.serving.is_none() {
            return;
        }
        if let Err(fault) = self.end() {
            panic!("the ancestor's server: {fault}");
        }
    }
}

impl Service {
    fn run(&self, listener: &TcpListener, stopped: &AtomicBool) -> Result<(), Fault> {
        // A control connection is never closed but by the next one in its place.
        let mut _control;
        loop {
            let (mut stream, _) = listener.accept().map_err(Fault::Link)?;
            if stopped.load(Ordering::SeqCst) {
                return Ok(());
            }
            stream.set_read_timeout(Some(PATIENCE)).map_err(Fault::Link)?;
            self.serve(&mut stream)?;
            _control = stream;
        }
    }

    fn serve(&self, control: &mut TcpStream) -> Result<(), Fault> {
        let command = message(control)?;
        let command = String::from_utf8_lossy(&command);
        let words: Vec<&str> = command.trim().split(' ').collect();
        match words[..] {
            ["ls"] | ["ls", _] => reply(control, &self.list()?),
            ["download", name, ..] => self.send(control, name),
            ["upload", name, size, ..] => match size.parse() {
                Ok(size) => self.receive(control, name, size),
                Err(_) => reply(control, "err"),
            },
            _ => reply(control, "err"),
        }
    }

    /// Names joined by LF: nothing at all for an empty folder.
    fn list(&self) -> Result<String, Fault> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(Fault::Local)? {
            let name = entry.map_err(Fault::Local)?.file_name();
            let name = name.into_encoded_bytes();
            match String::from_utf8(name) {
                Ok(name) if name.is_ascii() => names.push(name),
                Ok(name) => return Err(Fault::Unreadable(name.into_bytes())),
                Err(error) => return Err(Fault::Unreadable(error.into_bytes())),
            }
        }
        Ok(names.join("\n"))
    }

    /// The transfer port is dialled right behind the size, once, at the name of this machine.
    fn send(&self, control: &mut TcpStream, name: &str) -> Result<(), Fault> {
        let path = self.root.join(name);
        if !path.is_file() {
            return reply(control, "err");
        }
        let file = fs::read(path).map_err(Fault::Local)?;
        reply(control, &file.len().to_string())?;
        send(SocketAddr::from((Ipv4Addr::LOCALHOST, self.transfer_port)), &file)
    }

    /// The listener is opened after the reply, without SO_REUSEADDR.
    fn receive(&self, control: &mut TcpStream, name: &str, size: u64) -> Result<(), Fault> {
        reply(control, "ok")?;
        let file = receive(listen(self.transfer_port)?, size)?;
        fs::write(self.root.join(name), file).map_err(Fault::Local)
    }
}

fn reply(control: &mut TcpStream, text: &str) -> Result<(), Fault> {
    control.write_all(text.as_bytes()).map_err(Fault::Link)
}
