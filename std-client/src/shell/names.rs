//! Names on the server for completion: looked up without ever keeping the prompt waiting long.

use core::time::Duration;
use std::ffi::OsStr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Instant;

use coracle::{Command, Entry, Kind};

use crate::cli::Cli;
use crate::connection::Dialer;
use crate::folder::Folder;
use crate::print::Shown;
use crate::remote::Remote;
use crate::session::Session;
use crate::shell::question::Question;
use crate::watch::Interrupt;

/// Names that are offered at most; where there are more, none is.
pub(crate) const NAMES_MAX: usize = 10_000;

/// How long a lookup may keep the prompt waiting: the editor hears nothing meanwhile, not even
/// Ctrl-C. What comes later serves the next try.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a lookup goes on behind the prompt.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long names are believed.
const FRESH: Duration = Duration::from_secs(5);

/// A name, and whether it is a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) is_folder: bool,
}

/// The names of the server.
pub(crate) struct Names {
    /// `None` where nothing is looked up.
    dialer: Option<Dialer>,
    interrupt: Interrupt,
    folder: Folder,
    found: Option<Found>,
    lookup: Option<Lookup>,
}

/// A lookup that runs; it is given up when this is dropped.
struct Lookup {
    found: Receiver<Found>,
    interrupt: Interrupt,
}

impl Drop for Lookup {
    fn drop(&mut self) {
        self.interrupt.set();
    }
}

/// What a lookup has found: all names of a folder that begin with `stem`.
struct Found {
    folder: Remote,
    stem: String,
    names: Vec<Name>,
    at: Instant,
}

impl Names {
    /// Those of the server of this program.
    pub(crate) fn new(cli: &Cli, interrupt: Interrupt) -> Self {
        let dialer = crate::dialer(&cli.host, &cli.options);
        let connect_timeout = dialer.connect_timeout.min(LOOKUP_TIMEOUT);
        // A classic listing tells nothing of folders, and is over only after a while of silence.
        let dialer = (!cli.options.classic).then_some(Dialer {
            local_port: None,
            connect_timeout,
            ..dialer
        });
        Self { dialer, interrupt, folder: Folder::default(), found: None, lookup: None }
    }

    /// Names are relative to this folder from now on, and have to be looked up anew.
    pub(crate) fn begin(&mut self, folder: &Remote) {
        self.folder = Folder::At(folder.clone());
        self.found = None;
        self.lookup = None;
    }

    /// The names in a folder that begin with `stem`, as far as they are known in time.
    pub(crate) fn starting(&mut self, folder: &str, stem: &str) -> Vec<Name> {
        let Ok(folder) = self.folder.absolute(OsStr::new(folder)) else { return Vec::new() };
        if !self.knows(&folder, stem) {
            if self.lookup.is_none() {
                self.look(folder.clone(), stem.to_owned());
            }
            self.wait();
        }
        let found = self.found.as_ref().filter(|_| self.knows(&folder, stem));
        let names = found.map_or(&[][..], |found| &found.names).iter();
        names.filter(|name| name.name.starts_with(stem)).cloned().collect()
    }

    fn knows(&self, folder: &Remote, stem: &str) -> bool {
        let is_it = |found: &Found| found.folder == *folder && stem.starts_with(&found.stem);
        self.found.as_ref().is_some_and(|found| is_it(found) && found.at.elapsed() < FRESH)
    }

    /// Begin a lookup, on a thread and a session of its own: neither a resolver nor a server
    /// that takes its time, nor one that breaks off, then touches the shell.
    fn look(&mut self, folder: Remote, stem: String) {
        let (sender, receiver) = sync_channel(1);
        let Some(dialer) = self.dialer.clone() else { return };
        let interrupt = self.interrupt.of_job();
        let dialer = Dialer { interrupt: interrupt.clone(), ..dialer };
        let body = move || {
            if let Some(names) = list(&dialer, &folder, &stem) {
                // Nobody may want to know any more.
                sender.send(Found { folder, stem, names, at: Instant::now() }).ok();
            }
        };
        let spawned = thread::Builder::new().name("names".to_owned()).spawn(body);
        self.lookup = spawned.ok().map(|_| Lookup { found: receiver, interrupt });
    }

    fn wait(&mut self) {
        let Some(lookup) = &self.lookup else { return };
        match lookup.found.recv_timeout(PATIENCE) {
            Ok(found) => self.found = Some(found),
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => {}
        }
        self.lookup = None;
    }
}

fn list(dialer: &Dialer, folder: &Remote, stem: &str) -> Option<Vec<Name>> {
    let mut names = Vec::new();
    let mut question = Question::new(Command::List { path: folder.path() }, |entry: Entry<'_>| {
        let name = str::from_utf8(entry.name).ok();
        if let Some(name) = name.filter(|name| name.starts_with(stem) && is_harmless(name)) {
            let is_folder = entry.metadata.kind == Kind::Folder;
            names.push(Name { name: name.to_owned(), is_folder });
        }
        names.len() <= NAMES_MAX
    });
    let stream = dialer.control().ok()?;
    let mut session = Session::new(stream, false, &dialer.interrupt, LOOKUP_TIMEOUT);
    let result = session.run(&mut question);
    question.answer(result).ok()?;
    session.leave();
    Some(names)
}

/// Whether a name can be shown as it is: others cannot be told apart, or would harm the terminal.
pub(crate) fn is_harmless(name: &str) -> bool {
    Shown(name.as_bytes()).to_string() == name.replace('\\', "\\\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_can_be_shown_are_offered() {
        for name in ["a b", "Blåbær", "a\\b", "-x", "'"] {
            assert!(is_harmless(name), "{name}");
        }
        for name in ["a\x1b[2J", "a\nb", "a\u{202e}b", "a\u{200b}"] {
            assert!(!is_harmless(name), "{name:?}");
        }
    }
}
