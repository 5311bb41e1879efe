//! vsftpd, with curl as its client.

use std::fs::{self, Permissions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::curl;
use crate::peer::{Direction, Folders, Peer, Service};

/// How long it may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Anonymous, both ways, on a port of its own.
pub(crate) struct Vsftpd;

impl Peer for Vsftpd {
    fn name(&self) -> &'static str {
        "vsftpd"
    }

    fn check(&self) -> io::Result<()> {
        let found = |name: &str| {
            ["/usr/local/sbin", "/usr/sbin", "/usr/local/bin", "/usr/bin"]
                .iter()
                .any(|folder| Path::new(folder).join(name).is_file())
        };
        if !found("vsftpd") || !found("curl") {
            return Err(io::Error::other("not installed (apt-get install vsftpd curl)"));
        }
        if !rustix::process::geteuid().is_root() {
            return Err(io::Error::other("vsftpd must be started by root"));
        }
        Ok(())
    }

    fn uses_one_port(&self) -> bool {
        false
    }

    fn serve(&self, folders: &Folders) -> io::Result<Box<dyn Service>> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let empty = folders.root.with_file_name("vsftpd-empty");
        fs::create_dir_all(&empty)?;
        // It writes uploads as a user of its own.
        fs::set_permissions(&folders.uploaded, Permissions::from_mode(0o777))?;
        let path = folders.root.with_file_name("vsftpd.conf");
        fs::write(&path, configuration(port, &folders.root, &empty))?;
        let child = Command::new("vsftpd").arg(&path).stdin(Stdio::null()).spawn()?;
        let running = Running { child, address: (Ipv4Addr::LOCALHOST, port).into() };
        running.wait_until_ready()?;
        Ok(Box::new(running))
    }

    fn client(
        &self,
        address: SocketAddr,
        direction: Direction,
        folders: &Folders,
    ) -> io::Result<Command> {
        curl::client(address, direction, folders)
    }
}

fn configuration(port: u16, root: &Path, empty: &Path) -> String {
    format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\n\
         anonymous_enable=YES\nlocal_enable=NO\nno_anon_password=YES\nanon_root={}\n\
         write_enable=YES\nanon_upload_enable=YES\nanon_other_write_enable=YES\n\
         anon_umask=022\nallow_writeable_chroot=YES\nsecure_chroot_dir={}\n\
         seccomp_sandbox=NO\nxferlog_enable=NO\nconnect_from_port_20=NO\n",
        root.display(),
        empty.display(),
    )
}

struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    /// It says nothing when it listens: try until it does.
    fn wait_until_ready(&self) -> io::Result<()> {
        let start = Instant::now();
        loop {
            match TcpStream::connect(self.address) {
                Ok(_) => return Ok(()),
                Err(error) if start.elapsed() > START_LIMIT => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

impl Service for Running {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn only_process(&self) -> Option<u32> {
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // If it ended already there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
