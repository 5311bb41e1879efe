//! Memory of our server for each session that is open and idle.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use coracle_tests::cpu;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::options::Options;
use crate::ours::{self, Ours};
use crate::peer::Peer;
use crate::report::Report;

/// Files this program has open besides its sessions, generously.
const OTHER_FILES: u64 = 64;

/// Open the sessions and see what the server needs more than before.
pub(crate) fn measure(options: &Options, report: &mut Report) -> io::Result<()> {
    if let Err(error) = Ours.check() {
        eprintln!("idle left out: {error}");
        return Ok(());
    }
    raise_limit(u64::from(options.sessions) + OTHER_FILES)?;
    let root = tempfile::Builder::new().prefix("bench").tempdir_in(&options.dir)?;
    let most = (options.sessions + 1).to_string();
    let limits = ["--max-sessions", &most, "--max-sessions-per-peer", &most];
    let server = ours::start(root.path(), &limits)?;
    // The first session pays for what is made once.
    let first = open(server.address())?;
    let before = cpu::resident_bytes(server.id())?;
    let sessions: Vec<TcpStream> =
        (0..options.sessions).map(|_| open(server.address())).collect::<io::Result<_>>()?;
    let after = cpu::resident_bytes(server.id())?;
    drop((first, sessions));
    report.add_idle(options.sessions, before, after);
    Ok(())
}

/// A session that has said `hello` and been answered.
fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"hello 1\n")?;
    let mut reply = String::new();
    BufReader::new(&stream).read_line(&mut reply)?;
    if reply.starts_with("ok 1 ") {
        Ok(stream)
    } else {
        Err(io::Error::other(format!("the server refused a session: {}", reply.escape_debug())))
    }
}

fn raise_limit(files: u64) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= files) {
        return Ok(());
    }
    let raised = Rlimit { current: Some(files), maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).map_err(|_| {
        io::Error::other(format!("{files} open files are not allowed here: see ulimit -Hn"))
    })
}
