//! The monitor of QEMU: what a person does to the machine.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long QEMU may take to make the socket.
const LIMIT: Duration = Duration::from_secs(20);

/// A connection to the monitor (QMP).
#[derive(Debug)]
pub struct Monitor {
    stream: BufReader<UnixStream>,
}

impl Monitor {
    /// Connect to where it listens, as soon as it does.
    ///
    /// # Errors
    ///
    /// If it does not for 20 s, or speaks another language.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let begun = Instant::now();
        let stream = loop {
            match UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(error) if begun.elapsed() > LIMIT => return Err(error),
                Err(_) => thread::yield_now(),
            }
        };
        stream.set_read_timeout(Some(LIMIT))?;
        let mut monitor = Self { stream: BufReader::new(stream) };
        let _greeting = monitor.read()?;
        monitor.ask(&json!({ "execute": "qmp_capabilities" }))?;
        Ok(monitor)
    }

    /// Pull the card out.
    ///
    /// # Errors
    ///
    /// If QEMU refuses.
    pub fn eject_card(&mut self) -> io::Result<()> {
        self.ask(&json!({ "execute": "eject", "arguments": { "device": "card", "force": true } }))
    }

    /// Put a card in.
    ///
    /// # Errors
    ///
    /// If QEMU refuses.
    pub fn insert_card(&mut self, path: &Path) -> io::Result<()> {
        let file = path.to_string_lossy();
        let arguments = json!({ "device": "card", "filename": file, "format": "raw" });
        self.ask(&json!({ "execute": "blockdev-change-medium", "arguments": arguments }))
    }

    /// Stop the processor, and let it go on.
    ///
    /// # Errors
    ///
    /// If QEMU refuses.
    pub fn pause(&mut self, is_paused: bool) -> io::Result<()> {
        self.ask(&json!({ "execute": if is_paused { "stop" } else { "cont" } }))
    }

    fn ask(&mut self, command: &Value) -> io::Result<()> {
        let mut line = command.to_string();
        line.push('\n');
        self.stream.get_mut().write_all(line.as_bytes())?;
        loop {
            let answer = self.read()?;
            if let Some(error) = answer.get("error") {
                return Err(io::Error::other(format!("{command}: {error}")));
            }
            // Events come in between.
            if answer.get("return").is_some() {
                return Ok(());
            }
        }
    }

    fn read(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        serde_json::from_str(&line).map_err(io::Error::other)
    }
}
