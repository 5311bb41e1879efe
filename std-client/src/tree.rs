//! Trees on this side: folders that are sent are walked, folders that are fetched are made.

use std::fs::{self, DirEntry, FileType};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::failure::Failure;
use crate::print::Shown;
use crate::progress::Progress;

/// What is in a folder, and in those below it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Folders and files, parents first; paths relative to the folder.
    pub(crate) entries: Vec<Entry>,
    /// The first failure, which was told.
    pub(crate) first_failure: Option<Failure>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    /// Bytes of a file, `None` for a folder.
    pub(crate) size: Option<u64>,
}

impl Tree {
    /// Walk a folder. Links are not followed, and special files not read: both are left out and
    /// told, so that a tree is what lies in it and has an end.
    pub(crate) fn walk(top: &Path, progress: &Progress) -> Self {
        let mut tree = Self::default();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let path = below(top, &folder);
            match list(&path) {
                Ok(listed) => {
                    for (kind, entry) in listed {
                        tree.take(&folder, kind, &entry, progress);
                        if kind.is_dir() {
                            folders.push(folder.join(entry.file_name()));
                        }
                    }
                }
                Err(error) => {
                    tree.fail(Failure::local("look through", &path, &error), progress);
                }
            }
        }
        tree.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        tree
    }

    fn take(&mut self, folder: &Path, kind: FileType, entry: &DirEntry, progress: &Progress) {
        let path = folder.join(entry.file_name());
        if kind.is_dir() {
            self.entries.push(Entry { path, size: None });
        } else if kind.is_file() {
            match entry.metadata() {
                Ok(found) => self.entries.push(Entry { path, size: Some(found.len()) }),
                Err(error) => self.fail(Failure::local("read", &entry.path(), &error), progress),
            }
        } else {
            let what = if kind.is_symlink() { "a link" } else { "neither file nor folder" };
            let path = entry.path();
            let shown = Shown::path(&path);
            progress.note(format_args!("{shown}: skipped, it is {what}"));
        }
    }

    fn fail(&mut self, failure: Failure, progress: &Progress) {
        progress.error(&failure);
        self.first_failure.get_or_insert(failure);
    }
}

fn list(folder: &Path) -> io::Result<Vec<(FileType, DirEntry)>> {
    let entries = fs::read_dir(folder)?.map(|entry| {
        let entry = entry?;
        Ok((entry.file_type()?, entry))
    });
    let mut entries: Vec<_> = entries.collect::<io::Result<_>>()?;
    entries.sort_unstable_by_key(|(_, entry)| entry.file_name());
    Ok(entries)
}

/// Make the folder `relative` below `base`, whose parents below `base` were made before.
///
/// A link at its place is refused, wherever it leads: names from a server must not lead out of
/// the folder the user named. What is looked at is each part below `base`, when it is made;
/// somebody who changes the tree at the same time on this machine is not kept out.
///
/// # Errors
///
/// [`Failure::Local`] if there is something else, or the system refuses.
pub(crate) fn make_folder(base: &Path, relative: &Path) -> Result<(), Failure> {
    let path = below(base, relative);
    if path.as_os_str().is_empty() {
        // The folder the user is in.
        return Ok(());
    }
    match fs::create_dir(&path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            check_folder(&path, relative.as_os_str().is_empty())
        }
        Err(error) => Err(Failure::local("make the folder", &path, &error)),
    }
}

fn check_folder(path: &Path, is_base: bool) -> Result<(), Failure> {
    // The folder the user named may be a link of his.
    let found = if is_base { fs::metadata(path) } else { fs::symlink_metadata(path) };
    match found {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(found) if found.is_symlink() => Err(is_link(path)),
        Ok(_) => {
            let shown = Shown::path(path);
            Err(Failure::Local(format!("{shown} is there and is no folder")))
        }
        Err(error) => Err(Failure::local("make the folder", path, &error)),
    }
}

/// What stands in the way of a tree.
pub(crate) fn is_link(path: &Path) -> Failure {
    let shown = Shown::path(path);
    Failure::Local(format!("{shown} is a link; a tree is not written through links"))
}

/// The path `relative` below `base`; `base` itself if it is empty.
pub(crate) fn below(base: &Path, relative: &Path) -> PathBuf {
    if relative.as_os_str().is_empty() { base.to_owned() } else { base.join(relative) }
}

/// Whether a relative path has nothing but names: no root, no `.` and no `..`.
pub(crate) fn is_inside(relative: &Path) -> bool {
    relative.components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn folders_are_made_below_the_base_and_not_through_links() {
        let here = tempfile::tempdir().unwrap();
        let base = here.path().join("base");
        symlink(here.path(), &base).unwrap();
        // Here needs no making. The base itself may be a link: the user named it.
        make_folder(Path::new(""), Path::new("")).unwrap();
        make_folder(&base, Path::new("")).unwrap();
        make_folder(&base, Path::new("a")).unwrap();
        make_folder(&base, Path::new("a")).unwrap();
        symlink(here.path(), here.path().join("link")).unwrap();
        fs::write(here.path().join("file"), "").unwrap();
        for (name, why) in [("link", "is a link"), ("file", "is no folder")] {
            let failure = make_folder(&base, Path::new(name)).unwrap_err().to_string();
            assert!(failure.contains(why), "{failure}");
        }
    }

    #[test]
    fn only_names_are_inside() {
        for (path, inside) in [("a/b", true), ("", true), ("..", false), ("a/../b", false)] {
            assert_eq!(is_inside(Path::new(path)), inside, "{path}");
        }
        assert!(!is_inside(Path::new("/a")));
    }
}
