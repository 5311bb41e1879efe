//! The folder on the server that names are relative to.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::failure::Failure;
use crate::print::Shown;
use crate::remote::Remote;

/// The folder on the server that names are relative to.
#[derive(Clone, Debug, Default)]
pub(crate) enum Folder {
    /// The served folder; `.` and `..` are no names, as the protocol has it.
    #[default]
    Served,
    /// Where the user of a shell has gone: `.` and `..` mean there what they mean to a person.
    At(Remote),
}

impl Folder {
    /// The one that has this name in the served folder.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if the name cannot be one.
    pub(crate) fn below_root(name: &OsStr) -> Result<Self, Failure> {
        Self::At(Remote::root()).absolute(name).map(Self::At)
    }

    /// Its path.
    pub(crate) fn path(&self) -> Remote {
        match self {
            Self::Served => Remote::root(),
            Self::At(folder) => folder.clone(),
        }
    }

    /// The path that an argument names: as it was typed where that is enough, so that it is
    /// told as it was typed.
    pub(crate) fn name(&self, argument: &OsStr) -> Result<Remote, Failure> {
        match self {
            Self::Served => Remote::parse(argument),
            Self::At(folder) if *folder == Remote::root() => {
                Remote::parse(argument).or_else(|_| self.absolute(argument))
            }
            Self::At(_) => self.absolute(argument),
        }
    }

    /// The whole path that an argument names.
    pub(crate) fn absolute(&self, argument: &OsStr) -> Result<Remote, Failure> {
        let folder = self.path();
        let start = if argument.as_bytes().starts_with(b"/") { b"" } else { folder.as_bytes() };
        let mut parts: Vec<_> = components(start).collect();
        for part in components(argument.as_bytes()) {
            match part {
                b"." => {}
                b".." => {
                    parts.pop().ok_or_else(|| {
                        let shown = Shown(argument.as_bytes());
                        Failure::Usage(format!("{shown} leads out of the served folder"))
                    })?;
                }
                part => parts.push(part),
            }
        }
        let path = [b"/", &*parts.join(&b'/')].concat();
        Remote::parse(OsStr::from_bytes(&path))
    }
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_to_where_one_is() {
        let folder = Folder::At(Remote::parse(OsStr::new("/a/b")).unwrap());
        for (argument, path) in [
            ("c", "/a/b/c"),
            ("/c", "/c"),
            ("..", "/a"),
            ("../../", "/"),
            ("./c/./d/../e/", "/a/b/c/e"),
            ("", "/a/b"),
        ] {
            let named = folder.name(OsStr::new(argument)).unwrap();
            assert_eq!(named.as_bytes(), path.as_bytes(), "{argument}");
        }
        let root = Folder::At(Remote::root());
        for (argument, path) in [("c", "c"), ("/c", "/c"), ("a/c/", "a/c"), ("./c", "/c")] {
            let named = root.name(OsStr::new(argument)).unwrap();
            assert_eq!(named.as_bytes(), path.as_bytes(), "{argument}");
        }
        assert!(folder.name(OsStr::new("../../..")).is_err());
        assert!(folder.name(OsStr::new("a\\b")).is_err());
        assert!(Folder::Served.name(OsStr::new("a/../b")).is_err());
    }
}
