//! Which files are sent to where.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::folder::Folder;
use crate::pattern::Pattern;
use crate::print::Shown;
use crate::progress::Progress;
use crate::remote::Remote;
use crate::source::Source;
use crate::tree::Tree;

/// A file to send.
#[derive(Clone, Debug)]
pub(crate) struct Send {
    pub(crate) source: Source,
    pub(crate) remote: Remote,
    /// Bytes, if they are known already.
    pub(crate) size: Option<u64>,
}

/// What the arguments of `upload` say.
#[derive(Debug)]
pub(crate) struct Uploading {
    locals: Vec<PathBuf>,
    remote: Remote,
    into: Into,
    is_recursive: bool,
    first_failure: Option<Failure>,
}

/// What the name on the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Into {
    /// What is sent gets this name.
    Name,
    /// A folder that is there, or is made for a tree.
    Folder,
}

/// What is to be sent, and the folders that must be there before.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    pub(crate) files: Vec<Send>,
    /// Parents first.
    pub(crate) folders: Vec<Remote>,
    /// What could not be planned was told; this came first.
    pub(crate) first_failure: Option<Failure>,
}

impl Uploading {
    pub(crate) fn new(
        folder: &Folder,
        names: &[OsString],
        is_recursive: bool,
        progress: &Progress,
    ) -> Result<Self, Failure> {
        let (named, last) = match names {
            [] => return Err(Failure::Usage("name a local file".to_owned())),
            [local] => (core::slice::from_ref(local), None),
            [named @ .., name] => (named, Some(name.as_os_str())),
        };
        let mut first_failure = None;
        let mut locals = Vec::with_capacity(named.len());
        for name in named {
            if let Err(failure) = expand(name, &mut locals) {
                progress.error(&failure);
                first_failure.get_or_insert(failure);
            }
        }
        let ends_as_folder = last.is_none_or(|name| name.as_encoded_bytes().ends_with(b"/"));
        if let Some(last) = last {
            check_last(last, locals.len() > 1 && !ends_as_folder)?;
        }
        let is_folder = ends_as_folder || locals.len() > 1 || named.len() > 1;
        let into = if is_folder { Into::Folder } else { Into::Name };
        if is_folder && locals.iter().any(|local| local == Path::new("-")) {
            return Err(Failure::Usage("standard input needs a name: upload - NAME".to_owned()));
        }
        let remote = last.map_or_else(|| Ok(folder.path()), |name| folder.name(name))?;
        Ok(Self { locals, remote, into, is_recursive, first_failure })
    }

    /// A folder is sent under a name: into it, if that is a folder already, as `cp` does. What
    /// must be looked at to know: the name, and the folder in it.
    pub(crate) fn needs_look(&self) -> Result<Vec<Remote>, Failure> {
        match &*self.locals {
            [local] if self.is_recursive && self.into == Into::Name && local.is_dir() => {
                Ok(vec![self.remote.clone(), entry_of(&self.remote, local)?])
            }
            _ => Ok(Vec::new()),
        }
    }

    /// What of that is a folder. What an earlier run has sent under the name is continued there
    /// (`resume`): a folder that has no entry of this name yet.
    pub(crate) const fn looked(&mut self, is_folder: bool, has_entry: bool, resume: bool) {
        if is_folder && (has_entry || !resume) {
            self.into = Into::Folder;
        }
    }

    /// The files to send; trees are walked.
    pub(crate) fn files(self, progress: &Progress) -> Result<Sending, Failure> {
        let mut sending = Sending { first_failure: self.first_failure, ..Sending::default() };
        if self.is_recursive && self.into == Into::Folder && !self.remote.path().is_root() {
            sending.folders.push(self.remote.clone());
        }
        let needs_size = progress.wants_sizes();
        for local in self.locals {
            let remote = match self.into {
                Into::Name => self.remote.clone(),
                Into::Folder => entry_of(&self.remote, &local)?,
            };
            if local == Path::new("-") {
                sending.files.push(Send { source: Source::Input, remote, size: None });
                continue;
            }
            // What is wrong with it is told when it is opened.
            let found = (needs_size || self.is_recursive).then(|| fs::metadata(&local).ok());
            let found = found.flatten();
            if self.is_recursive && found.as_ref().is_some_and(fs::Metadata::is_dir) {
                sending.add_tree(&local, &remote, progress);
            } else {
                let size = found.map(|found| found.len());
                sending.files.push(Send { source: Source::File(local), remote, size });
            }
        }
        sending.check_doubles()?;
        Ok(sending)
    }
}

impl Sending {
    fn add_tree(&mut self, top: &Path, remote: &Remote, progress: &Progress) {
        let tree = Tree::walk(top, progress);
        self.first_failure = self.first_failure.take().or(tree.first_failure);
        if !remote.path().is_root() {
            self.folders.push(remote.clone());
        }
        // Names that the server cannot have, and with them what is below such folders.
        let mut unsendable: HashSet<PathBuf> = HashSet::new();
        for entry in tree.entries {
            if !unsendable.is_empty() && entry.path.ancestors().any(|up| unsendable.contains(up)) {
                continue;
            }
            match (remote.entry(entry.path.as_os_str()), entry.size) {
                (Ok(folder), None) => self.folders.push(folder),
                (Ok(remote), size) => {
                    let source = Source::File(top.join(&entry.path));
                    self.files.push(Send { source, remote, size });
                }
                (Err(why), _) => {
                    let failure = Failure::Local(format!("cannot be sent: {why}"));
                    progress.error(&failure);
                    self.first_failure.get_or_insert(failure);
                    unsendable.insert(entry.path);
                }
            }
        }
    }

    /// Two files cannot become one; one that is named twice is sent once.
    fn check_doubles(&mut self) -> Result<(), Failure> {
        let mut taken: HashMap<&[u8], &Path> = HashMap::with_capacity(self.files.len());
        let mut is_double = Vec::with_capacity(self.files.len());
        for Send { source, remote, .. } in &self.files {
            let Source::File(local) = source else { return Ok(()) };
            let other = taken.insert(remote.path().as_bytes(), local);
            if let Some(other) = other.filter(|other| other != local) {
                let (one, two) = (Shown::path(other), Shown::path(local));
                let text = format!("{one} and {two} would both become {}", remote.shown());
                return Err(Failure::Usage(text));
            }
            is_double.push(other.is_some());
        }
        let mut is_double = is_double.into_iter();
        self.files.retain(|_| is_double.next() != Some(true));
        Ok(())
    }

    /// Leave out what is below these folders. Returns how many files that were.
    pub(crate) fn leave_out(&mut self, missing: &[Remote]) -> u64 {
        if missing.is_empty() {
            return 0;
        }
        let missing: HashSet<&[u8]> = missing.iter().map(|path| path.path().as_bytes()).collect();
        let before = self.files.len();
        self.files.retain(|send| {
            let mut above = send.remote.path().parent();
            while let Some(folder) = above {
                if missing.contains(folder.as_bytes()) {
                    return false;
                }
                above = folder.parent();
            }
            true
        });
        (before - self.files.len()) as u64
    }

    /// Bytes of all files, if all are known.
    pub(crate) fn bytes(&self) -> Option<u64> {
        self.files.iter().map(|send| send.size).sum()
    }
}

/// A name, or what a pattern matches; a file that has the very name wins.
fn expand(name: &OsStr, locals: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let is_literal = || fs::symlink_metadata(name).is_ok();
    let Some(pattern) = Pattern::of(name).filter(|_| !is_literal()) else {
        locals.push(name.into());
        return Ok(());
    };
    let found = pattern.local()?;
    if found.is_empty() {
        let shown = Shown(name.as_bytes());
        return Err(Failure::Local(format!("{shown}: nothing here matches this pattern")));
    }
    locals.extend(found);
    Ok(())
}

/// The last of several arguments is a name on the server: not what is meant where it is one of
/// this side.
fn check_last(last: &OsStr, is_suspicious: bool) -> Result<(), Failure> {
    let shown = Shown(last.as_bytes());
    let hint = "name the folder on the server last, with / at its end";
    if is_suspicious && Path::new(last).exists() {
        return Err(Failure::Usage(format!("{shown} is a local file; {hint}")));
    }
    if let Some(pattern) = Pattern::of(last)
        && !Path::new(last).exists()
        && !pattern.local()?.is_empty()
    {
        return Err(Failure::Usage(format!("{shown} matches local files; {hint}")));
    }
    Ok(())
}

/// The name of a local file in a folder of the server. `.` stands for what is in it.
fn entry_of(folder: &Remote, local: &Path) -> Result<Remote, Failure> {
    let bytes = local.as_os_str().as_bytes();
    let end = bytes.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    let named = bytes.get(..end).unwrap_or(bytes);
    if named == b"." || named.ends_with(b"/.") {
        return Ok(folder.clone());
    }
    let name = local.file_name().ok_or_else(|| {
        let shown = Shown(named);
        Failure::Usage(format!("{shown}/ has no name; {shown}/. stands for what is in it"))
    })?;
    folder.entry(name)
}
