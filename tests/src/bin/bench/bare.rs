//! The bare program: read, send; receive, write. What a copy over a socket costs at least.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::peer::{Direction, Folders, Peer, Service};

/// Bytes of one read, send, receive or write.
const PIECE: usize = 64 * 1024;

/// Bytes of a page: the kernel copies fastest to and from places that begin with one.
const PAGE: usize = 4096;

/// What a client asks for in its first byte.
const DOWNLOAD: u8 = b'd';
const UPLOAD: u8 = b'u';

/// Its processes are this executable in hidden modes.
pub(crate) struct Bare;

impl Peer for Bare {
    fn name(&self) -> &'static str {
        "bare"
    }

    fn check(&self) -> io::Result<()> {
        Ok(())
    }

    fn uses_one_port(&self) -> bool {
        true
    }

    fn serve(&self, folders: &Folders) -> io::Result<Box<dyn Service>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bare-serve").arg(&folders.root).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut line = String::new();
        if let Some(stdout) = &mut child.stdout {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().parse().map_err(io::Error::other)?;
        Ok(Box::new(Running { child, address }))
    }

    fn client(
        &self,
        address: SocketAddr,
        direction: Direction,
        folders: &Folders,
    ) -> io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        match direction {
            Direction::Download => command.arg("bare-receive"),
            Direction::Upload => command.arg("bare-send"),
        };
        command.arg(address.to_string()).arg(match direction {
            Direction::Download => &folders.downloaded,
            Direction::Upload => &folders.source,
        });
        Ok(command)
    }
}

struct Running {
    child: Child,
    address: SocketAddr,
}

impl Service for Running {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn only_process(&self) -> Option<u32> {
        Some(self.child.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // If it ended already there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serve one client after the other, for ever.
pub(crate) fn serve(root: &Path) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?);
    loop {
        let (mut stream, _) = listener.accept()?;
        let mut wish = [0];
        stream.read_exact(&mut wish)?;
        match wish[0] {
            DOWNLOAD => send_folder(&stream, &root.join("down"))?,
            _ => receive_folder(&stream, &root.join("up"))?,
        }
    }
}

/// The client that receives.
pub(crate) fn receive(address: SocketAddr, folder: &Path) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(&[DOWNLOAD])?;
    receive_folder(&stream, folder)
}

/// The client that sends; it ends when the server has written everything.
pub(crate) fn send(address: SocketAddr, folder: &Path) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(&[UPLOAD])?;
    send_folder(&stream, folder)?;
    stream.shutdown(Shutdown::Write)?;
    stream.read_to_end(&mut Vec::new()).map(|_| ())
}

/// Each file as the length of its name, its name, its length, its bytes. Small ones are gathered;
/// pieces as large as the gathering buffer pass by it.
fn send_folder(stream: &TcpStream, folder: &Path) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(PIECE, stream);
    let (mut memory, start) = piece();
    let piece = &mut memory[start..start + PIECE];
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let mut file = File::open(entry.path())?;
        let mut left = file.metadata()?.len();
        out.write_all(&[name.len() as u8])?;
        out.write_all(name)?;
        out.write_all(&left.to_be_bytes())?;
        while left > 0 {
            let count = file.read(piece)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            out.write_all(&piece[..count])?;
            left = left.saturating_sub(count as u64);
        }
    }
    out.flush()
}

/// The inverse of [`send_folder`].
fn receive_folder(stream: &TcpStream, folder: &Path) -> io::Result<()> {
    let mut input = BufReader::with_capacity(PIECE, stream);
    let (mut memory, start) = piece();
    let piece = &mut memory[start..start + PIECE];
    loop {
        let mut name_len = [0];
        if input.read(&mut name_len)? == 0 {
            return Ok(());
        }
        let name = &mut piece[..usize::from(name_len[0])];
        input.read_exact(name)?;
        let name = std::str::from_utf8(name).map_err(io::Error::other)?;
        let mut file = File::create(folder.join(name))?;
        let mut length = [0; 8];
        input.read_exact(&mut length)?;
        let mut left = u64::from_be_bytes(length);
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let count = input.read(&mut piece[..most])?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            file.write_all(&piece[..count])?;
            left -= count as u64;
        }
    }
}

/// Memory, and where in it a page begins that [`PIECE`] bytes follow.
fn piece() -> (Vec<u8>, usize) {
    let memory = vec![0; PIECE + PAGE];
    let start = memory.as_ptr().align_offset(PAGE).min(PAGE);
    (memory, start)
}
