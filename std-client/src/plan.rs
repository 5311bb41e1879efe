//! Which files are fetched to where.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::cli::Options;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::pattern::Pattern;
use crate::print::Shown;
use crate::progress::Progress;
use crate::remote::Remote;
use crate::survey::{Found, Wanted};
use crate::tree;

/// Where a download goes.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    File(PathBuf),
    Output,
}

/// A file to fetch.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    pub(crate) remote: Remote,
    pub(crate) target: Target,
    /// Bytes, if they are known already.
    pub(crate) size: Option<u64>,
    /// The server gave the name: the target is not to be followed if it is a link.
    pub(crate) is_listed: bool,
}

/// What the arguments of `download` say.
#[derive(Debug)]
pub(crate) struct Downloading<'a> {
    pub(crate) wanted: Vec<Wanted>,
    output: Option<&'a Path>,
    is_recursive: bool,
    is_continued: bool,
}

impl<'a> Downloading<'a> {
    pub(crate) fn new(
        folder: &Folder,
        names: &'a [OsString],
        output: Option<&'a Path>,
        options: &Options,
    ) -> Result<Self, Failure> {
        let is_recursive = options.recursive;
        let (names, output) = match (names, output) {
            ([name, local], None) => (core::slice::from_ref(name), Some(Path::new(local))),
            other => other,
        };
        let wanted = names.iter().map(|name| {
            let path = folder.name(name)?;
            let pattern = Pattern::of(OsStr::from_bytes(path.as_bytes()));
            if pattern.is_none() && !is_recursive {
                // Nothing but a file can be meant.
                path.local_name()?;
            }
            Ok(Wanted { path, pattern })
        });
        let wanted: Vec<_> = wanted.collect::<Result<_, _>>()?;
        if is_recursive && output == Some(Path::new("-")) {
            let text = "a folder cannot be written to standard output";
            return Err(Failure::Usage(text.to_owned()));
        }
        let plan = Self { wanted, output, is_recursive, is_continued: options.resume };
        // Said before the server is asked.
        plan.base(plan.wanted.len())?;
        Ok(plan)
    }

    /// Whether the server must be asked what is meant.
    pub(crate) fn needs_survey(&self) -> bool {
        self.is_recursive || self.wanted.iter().any(|wanted| wanted.pattern.is_some())
    }

    /// What is named, if that is all there is to know.
    pub(crate) fn named(&self) -> Vec<Found> {
        let paths = self.wanted.iter().map(|wanted| wanted.path.clone()).enumerate();
        paths.map(|(argument, path)| Found::named(argument, path)).collect()
    }

    /// The files to fetch. Folders of trees are made here; those that cannot be are told, with
    /// the first failure, and what is in them is left out.
    pub(crate) fn files(
        &self,
        found: Vec<Found>,
        progress: &Progress,
    ) -> Result<(Vec<Fetch>, Option<Failure>), Failure> {
        if self.output == Some(Path::new("-")) {
            self.base(found.len())?;
            let fetch = |found| Fetch::new(found, Target::Output);
            return Ok((found.into_iter().map(fetch).collect(), None));
        }
        let base = self.base(found.iter().filter(|found| found.is_top).count())?;
        let mut placed = Vec::with_capacity(found.len());
        for found in found {
            let is_root = self.wanted.get(found.argument).is_some_and(|w| w.path.path().is_root());
            placed.push((base.relative(&found, is_root)?, found));
        }
        // One tree has each path once.
        let is_tree = matches!(&*self.wanted, [Wanted { pattern: None, .. }]);
        let placed = if is_tree { placed } else { without_doubles(placed)? };
        if let Base::Into(path) = base
            && self.is_recursive
        {
            tree::make_folder(path, Path::new(""))?;
        }
        Ok(make_folders(base.path(), placed, progress))
    }

    /// Whether a folder is what an earlier run has made of the one that is fetched, to be
    /// continued: it has no entry of its name.
    fn was_named(&self, output: &Path) -> bool {
        match &*self.wanted {
            [Wanted { path, pattern: None }] if self.is_recursive && self.is_continued => {
                let is_meant_into = output.as_os_str().as_encoded_bytes().ends_with(b"/");
                path.local_name().is_ok_and(|name| !is_meant_into && !output.join(name).exists())
            }
            _ => false,
        }
    }

    /// Where it all goes, if `tops` files or folders were asked for.
    fn base(&self, tops: usize) -> Result<Base<'a>, Failure> {
        match self.output {
            None => Ok(Base::Into(Path::new(""))),
            Some(path) if is_folder(path) && !self.was_named(path) => Ok(Base::Into(path)),
            Some(_) if tops > 1 => {
                let text = "several files need a folder: -o FOLDER/ (it must exist)";
                Err(Failure::Usage(text.to_owned()))
            }
            Some(path) => Ok(Base::As(path)),
        }
    }
}

/// Where it all goes.
#[derive(Clone, Copy, Debug)]
enum Base<'a> {
    /// Into this folder.
    Into(&'a Path),
    /// There is one, which gets this name.
    As(&'a Path),
}

impl<'a> Base<'a> {
    const fn path(self) -> &'a Path {
        match self {
            Self::Into(path) | Self::As(path) => path,
        }
    }

    /// Where it goes below the base; empty for the base itself. What is in the served folder
    /// (`is_root`) has no name of it before its own.
    fn relative(self, found: &Found, is_root: bool) -> Result<PathBuf, Failure> {
        let relative = Path::new(OsStr::from_bytes(found.relative()));
        if !tree::is_inside(relative) {
            let text = format!("{} leads elsewhere", found.path.shown());
            return Err(Failure::Hostile(text));
        }
        Ok(match self {
            Self::As(_) if !is_root => relative.components().skip(1).collect(),
            _ => relative.to_owned(),
        })
    }
}

impl Fetch {
    fn new(found: Found, target: Target) -> Self {
        let size = found.metadata.map(|metadata| metadata.size);
        Self { remote: found.path, target, size, is_listed: found.is_listed }
    }
}

fn is_folder(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.is_dir()
}

/// What is named twice is fetched once; two files cannot become one.
fn without_doubles(mut placed: Vec<(PathBuf, Found)>) -> Result<Vec<(PathBuf, Found)>, Failure> {
    let mut taken: HashMap<&[u8], &Found> = HashMap::with_capacity(placed.len());
    let mut is_double = Vec::with_capacity(placed.len());
    for (path, found) in &placed {
        let other = taken.insert(path.as_os_str().as_bytes(), found);
        let are_folders = found.is_folder() && other.is_some_and(Found::is_folder);
        if let Some(other) = other.filter(|other| found.path.path() != other.path.path())
            && !are_folders
        {
            let (one, two) = (other.path.shown(), found.path.shown());
            let text = format!("{one} and {two} would both become {}", Shown::path(path));
            return Err(Failure::Usage(text));
        }
        is_double.push(other.is_some());
    }
    let mut is_double = is_double.into_iter();
    placed.retain(|_| is_double.next() != Some(true));
    Ok(placed)
}

/// Make the folders, and have the rest to be fetched.
fn make_folders(
    base: &Path,
    placed: Vec<(PathBuf, Found)>,
    progress: &Progress,
) -> (Vec<Fetch>, Option<Failure>) {
    let mut files = Vec::with_capacity(placed.len());
    let mut missing: HashSet<PathBuf> = HashSet::new();
    let mut first_failure = None;
    for (relative, found) in placed {
        if !missing.is_empty() && relative.ancestors().any(|above| missing.contains(above)) {
            continue;
        }
        if !found.is_folder() {
            let target = Target::File(tree::below(base, &relative));
            files.push(Fetch::new(found, target));
        } else if let Err(failure) = tree::make_folder(base, &relative) {
            progress.error(&failure);
            first_failure.get_or_insert(failure);
            missing.insert(relative);
        }
    }
    (files, first_failure)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use coracle::{Kind, Metadata};

    use super::*;

    fn options(more: &[&str]) -> Options {
        let arguments = [&["coracle", "boat", "df"], more].concat();
        crate::cli::Cli::try_parse_from(arguments).unwrap().options
    }

    fn found(argument: usize, path: &str, top: usize, kind: Kind) -> Found {
        let path = Remote::parse(OsStr::new(path)).unwrap();
        let is_top = kind == Kind::Folder && path.as_bytes()[top..].iter().all(|&b| b != b'/');
        let metadata = Some(Metadata { kind, size: 1, modified: None, stamp: 0 });
        Found { argument, path, top, is_top, is_listed: true, metadata }
    }

    fn targets(names: &[&str], output: Option<&Path>, all: Vec<Found>) -> Vec<PathBuf> {
        let names: Vec<_> = names.iter().map(OsString::from).collect();
        let options = options(&["-r"]);
        let plan = Downloading::new(&Folder::Served, &names, output, &options).unwrap();
        let (files, failure) = plan.files(all, &Progress::new(&options)).unwrap();
        assert!(failure.is_none());
        let path = |fetch: Fetch| match fetch.target {
            Target::File(path) => path,
            Target::Output => panic!("no file"),
        };
        files.into_iter().map(path).collect()
    }

    #[test]
    fn trees_go_where_cp_puts_them() {
        let here = tempfile::tempdir().unwrap();
        let tree = || {
            vec![
                found(0, "a/b", 2, Kind::Folder),
                found(0, "a/b/c", 2, Kind::Folder),
                found(0, "a/b/c/f", 2, Kind::File),
            ]
        };
        let at = |name: &str| here.path().join(name);
        // A folder that is there gets the tree, another name becomes it.
        assert_eq!(targets(&["a/b"], Some(here.path()), tree()), [at("b/c/f")]);
        assert_eq!(targets(&["a/b"], Some(&at("new")), tree()), [at("new/c/f")]);
        assert_eq!(targets(&["a/b"], Some(&at("made/")), tree()), [at("made/b/c/f")]);
        let served = vec![found(0, "/", 1, Kind::Folder), found(0, "/f", 1, Kind::File)];
        assert_eq!(targets(&["/"], Some(&at("all")), served), [at("all/f")]);
        assert!(at("b/c").is_dir() && at("new/c").is_dir() && at("all").is_dir());
    }

    #[test]
    fn two_files_do_not_become_one() {
        let names = ["a/f", "b/f"].map(OsString::from);
        let options = options(&[]);
        let plan = Downloading::new(&Folder::Served, &names, Some(Path::new("x/")), &options);
        let plan = plan.unwrap();
        let failure = plan.files(plan.named(), &Progress::new(&options)).unwrap_err();
        assert!(failure.to_string().contains("would both become f"), "{failure}");
    }
}
