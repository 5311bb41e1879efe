//! One host: a network namespace of Linux.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Where `ip` keeps the namespaces it has named.
const NAMESPACES: &str = "/run/netns";

/// A host whose loopback is up and that has no other link yet; it is gone when this is dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Make a host.
    ///
    /// # Errors
    ///
    /// If `ip` is missing or may not.
    pub fn new() -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("coracle-{}-{number}", process::id());
        run(&["netns", "add", &name])?;
        let namespace = Self { name };
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Its name, as `ip` knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Run `ip` on this host; the arguments have no spaces in them.
    ///
    /// # Errors
    ///
    /// If it fails, with what it says.
    pub fn ip(&self, arguments: &str) -> io::Result<()> {
        let mut all = vec!["-n", &self.name];
        all.extend(arguments.split(' '));
        run(&all)
    }

    /// A command that runs on this host.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// The same command, on this host.
    pub fn adopt(&self, command: &Command) -> Command {
        let mut adopted = self.command(Path::new(command.get_program()));
        adopted.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => adopted.env(name, value),
                None => adopted.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            adopted.current_dir(folder);
        }
        adopted
    }

    /// Do something on this host: sockets and processes that are made meanwhile are its.
    ///
    /// # Panics
    ///
    /// If `work` does, or the host is gone.
    pub fn on<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path: PathBuf = [NAMESPACES, &self.name].iter().collect();
        let work = || {
            let namespace = File::open(path).expect("the host is there");
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), kind).expect("root may enter it");
            work()
        };
        // A thread of its own: one that has moved never comes back.
        thread::scope(|scope| match scope.spawn(work).join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Nobody is left who could be told.
        let _ = run(&["netns", "delete", &self.name]);
    }
}

fn run(arguments: &[&str]) -> io::Result<()> {
    let output = Command::new("ip").args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("ip {}: {}", arguments.join(" "), said.trim())))
}

#[cfg(test)]
mod tests {
    use crate::network::or_skip;

    use super::*;

    #[test]
    fn a_host_is_gone_with_its_value() {
        let Some(host) = or_skip(Namespace::new) else { return };
        let path: PathBuf = [NAMESPACES, host.name()].iter().collect();
        assert!(path.exists());
        let error = host.ip("link set nothing up").unwrap_err().to_string();
        assert!(error.contains("nothing"), "{error}");
        drop(host);
        assert!(!path.exists());
    }
}
