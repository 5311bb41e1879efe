//! curl as the client of FTP servers.

use std::fmt::Write;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::Command;

use crate::peer::{Direction, Folders};

/// One curl that moves every file, over one control connection.
///
/// Its jobs stand in a file: ten thousand of them on a command line would cost it more time.
pub(crate) fn client(
    address: SocketAddr,
    direction: Direction,
    folders: &Folders,
) -> io::Result<Command> {
    let mut jobs = String::new();
    for name in &folders.names {
        let local = match direction {
            Direction::Download => folders.downloaded.join(name),
            Direction::Upload => folders.source.join(name),
        };
        let local = local.display();
        let job = match direction {
            Direction::Download => {
                writeln!(jobs, "url = \"ftp://{address}/down/{name}\"\noutput = \"{local}\"")
            }
            Direction::Upload => {
                writeln!(jobs, "upload-file = \"{local}\"\nurl = \"ftp://{address}/up/{name}\"")
            }
        };
        job.map_err(io::Error::other)?;
    }
    let list = folders.root.with_file_name(format!("curl-{}", direction.name()));
    fs::write(&list, jobs)?;
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--config"]).arg(list);
    Ok(command)
}
