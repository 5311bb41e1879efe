//! `coracled` and `coracle`.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use coracle_tests::process::{Server, program};

use crate::peer::{Direction, Folders, Peer, Service};

/// The programs of this project, as they were built beside this one.
pub(crate) struct Ours;

impl Peer for Ours {
    fn name(&self) -> &'static str {
        "coracle"
    }

    fn check(&self) -> io::Result<()> {
        program("coracled").and_then(|_| program("coracle")).map(|_| ())
    }

    fn uses_one_port(&self) -> bool {
        true
    }

    fn serve(&self, folders: &Folders) -> io::Result<Box<dyn Service>> {
        Ok(Box::new(start(&folders.root, &[])?))
    }

    fn client(
        &self,
        address: SocketAddr,
        direction: Direction,
        folders: &Folders,
    ) -> io::Result<Command> {
        let mut command = Command::new(program("coracle")?);
        // Whoever measures may have a configuration file.
        command.env("CORACLE_CONFIG", "/dev/null").arg("--quiet").arg(address.to_string());
        match (direction, &*folders.names) {
            (Direction::Download, [name]) => {
                command.arg("download").arg(format!("down/{name}"));
                command.arg(folders.downloaded.join(name));
            }
            (Direction::Download, names) => {
                command.arg("download").args(names.iter().map(|name| format!("down/{name}")));
                command.arg("-o").arg(folder_argument(&folders.downloaded));
            }
            (Direction::Upload, [name]) => {
                command.args(["upload", name]).arg(format!("up/{name}"));
            }
            (Direction::Upload, names) => {
                command.arg("upload").args(names).arg("up/");
            }
        }
        command.current_dir(&folders.source);
        Ok(command)
    }
}

/// Start `coracled` on `root`. No transfer port: it is another port of the same program, and
/// would lead around a relay.
pub(crate) fn start(root: &Path, arguments: &[&str]) -> io::Result<Server> {
    let mut command = Server::command(root)?;
    command.args(["--transfer-port", "none"]).args(arguments).stderr(Stdio::null());
    Server::start(command)
}

/// A folder with the slash that says so.
fn folder_argument(folder: &Path) -> std::ffi::OsString {
    let mut argument = folder.as_os_str().to_owned();
    argument.push("/");
    argument
}

impl Service for Server {
    fn address(&self) -> SocketAddr {
        Self::address(self)
    }

    fn only_process(&self) -> Option<u32> {
        Some(self.id())
    }
}
