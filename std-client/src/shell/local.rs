//! The local side of a shell: its folder, and names that do not depend on it.

use std::env;
use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf, absolute};
use std::time::UNIX_EPOCH;

use coracle::{Kind, Metadata};

use crate::cli::Command;
use crate::failure::Failure;
use crate::json::Found;
use crate::print::{Row, Shown};
use crate::progress::Progress;
use crate::shell::output::{answer, written};

/// Where the shell is.
///
/// # Errors
///
/// [`Failure::Local`], for example if the folder was removed.
pub(crate) fn folder() -> Result<PathBuf, Failure> {
    env::current_dir().map_err(|error| Failure::Local(format!("no local folder: {error}")))
}

/// Go to another folder, home if none is given.
///
/// # Errors
///
/// [`Failure::Local`].
pub(crate) fn go(path: Option<&Path>) -> Result<(), Failure> {
    let home = || env::home_dir().ok_or_else(|| Failure::Local("no home folder".to_owned()));
    let path = path.map_or_else(home, |path| Ok(path.to_owned()))?;
    env::set_current_dir(&path).map_err(|error| Failure::local("go to", &path, &error))
}

/// List a folder as `ls` does, by name.
///
/// # Errors
///
/// [`Failure::Local`].
pub(crate) fn list(path: Option<&Path>, progress: &Progress) -> Result<(), Failure> {
    let path = path.unwrap_or(Path::new("."));
    let entries = entries(path)?;
    if let Some(json) = progress.json() {
        let mut entries = entries.iter();
        written(entries.try_for_each(|(metadata, name)| json.entry(name, Some(*metadata))))?;
    }
    let found = Found::Here { local: text(path), entries: Some(entries.len() as u64) };
    let rows = entries.iter().map(|(metadata, name)| (*metadata, name));
    let rows = rows.map(|(metadata, name)| format!("{}\n", Row { metadata, name }));
    answer(progress, "lls", found, &rows.collect::<String>())
}

fn entries(path: &Path) -> Result<Vec<(Metadata, Vec<u8>)>, Failure> {
    let failed = |error| Failure::local("list", path, &error);
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_dir() {
        return Ok(vec![(facts(&metadata), path.as_os_str().as_bytes().to_vec())]);
    }
    let entries = fs::read_dir(path).map_err(failed)?;
    let mut entries: Vec<DirEntry> = entries.collect::<Result<_, _>>().map_err(failed)?;
    entries.sort_by_key(DirEntry::file_name);
    let entries = entries.iter().filter_map(|entry| {
        // A link that leads nowhere is shown as itself; what went away meanwhile is not shown.
        let metadata = fs::metadata(entry.path()).or_else(|_| entry.metadata()).ok()?;
        Some((facts(&metadata), entry.file_name().into_vec()))
    });
    Ok(entries.collect())
}

fn facts(metadata: &fs::Metadata) -> Metadata {
    let kind = if metadata.is_dir() { Kind::Folder } else { Kind::File };
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified = since.map(|since| since.as_secs());
    Metadata { kind, size: metadata.len(), modified, stamp: 0 }
}

/// Where the shell is, for a program.
///
/// # Errors
///
/// As [`folder`].
pub(crate) fn here() -> Result<Found<'static>, Failure> {
    Ok(Found::Here { local: text(&folder()?), entries: None })
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A transfer that does not depend on the local folder, so that a job in the background stays
/// itself when the shell goes elsewhere.
///
/// # Errors
///
/// [`Failure::Usage`] for what cannot run in the background.
pub(crate) fn detached(command: Command) -> Result<Command, Failure> {
    let wrong = |text: &str| Err(Failure::Usage(text.to_owned()));
    match command {
        Command::Download { mut names, output } => {
            let local = match (&names[..], output) {
                ([_, _], None) => names.pop().map(PathBuf::from),
                (_, output) => output,
            };
            let output = match local {
                Some(path) if path == Path::new("-") => {
                    return wrong("a job in the background cannot write to standard output");
                }
                Some(path) => fixed(&path)?,
                None => fixed(Path::new("./"))?,
            };
            Ok(Command::Download { names, output: Some(output) })
        }
        Command::Upload { mut names } => {
            let locals = if names.len() > 1 { names.len() - 1 } else { 1 };
            for name in names.iter_mut().take(locals) {
                if !name.as_bytes().starts_with(b"/") {
                    // Only what was typed is a pattern, not the folder.
                    let mut path = literal(&folder()?);
                    path.push(b'/');
                    path.extend(name.as_bytes());
                    *name = OsString::from_vec(path);
                }
            }
            Ok(Command::Upload { names })
        }
        _ => Err(no_job()),
    }
}

/// What cannot run in the background.
pub(crate) fn no_job() -> Failure {
    Failure::Usage("only `download` and `upload` run in the background".to_owned())
}

fn fixed(path: &Path) -> Result<PathBuf, Failure> {
    let failed = |error| Failure::local("find", path, &error);
    let mut path = OsString::from(absolute(path).map_err(failed)?);
    // `.` is dropped with the slash that says that a folder is meant.
    if Path::new(&path).is_dir() && !path.as_bytes().ends_with(b"/") {
        path.push("/");
    }
    Ok(path.into())
}

/// A pattern that this very path matches.
fn literal(path: &Path) -> Vec<u8> {
    let mut pattern = Vec::new();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'*' | b'?' | b'[' => pattern.extend([b'[', byte, b']']),
            byte => pattern.push(byte),
        }
    }
    pattern
}

/// A local path, safe to print.
pub(crate) fn shown(path: &Path) -> Shown<'_> {
    Shown(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn jobs_do_not_depend_on_the_folder() {
        let here = folder().unwrap();
        let download = |names: &[&str], output: Option<&str>| {
            let output = output.map(PathBuf::from);
            match detached(Command::Download { names: words(names), output }).unwrap() {
                Command::Download { names, output } => (names, output.unwrap()),
                _ => unreachable!(),
            }
        };
        let mut folder = here.clone().into_os_string();
        folder.push("/");
        let folder = PathBuf::from(folder);
        for (names, output, local) in [
            (&["a"][..], None, folder.clone()),
            (&["a", "b", "c"], None, folder),
            (&["a"], Some("x"), here.join("x")),
            (&["a"], Some("x/"), here.join("x/")),
            (&["a"], Some("/x"), PathBuf::from("/x")),
        ] {
            let (left, target) = download(names, output);
            assert_eq!((left, target.as_os_str()), (words(names), local.as_os_str()), "{names:?}");
        }
        assert_eq!(download(&["a", "b"], None), (words(&["a"]), here.join("b")));
        let upload = Command::Upload { names: words(&["a", "/b", "c"]) };
        let Command::Upload { names } = detached(upload).unwrap() else { unreachable!() };
        assert_eq!(names, [here.join("a").into(), OsString::from("/b"), OsString::from("c")]);
        assert_eq!(literal(Path::new("/a[1]/b*")), b"/a[[]1]/b[*]");
        assert!(detached(Command::Df).is_err());
        let output = Some(PathBuf::from("-"));
        assert!(detached(Command::Download { names: words(&["a"]), output }).is_err());
    }
}
