//! Names on the server, as the user gives them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use coracle::Path;

use crate::failure::Failure;
use crate::print::Shown;

/// A path on the server that keeps the rules of [`Path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remote(Vec<u8>);

impl Remote {
    /// The served folder.
    pub(crate) fn root() -> Self {
        Self(b"/".to_vec())
    }

    /// Take an argument; slashes at its end say that a folder is meant, and are dropped.
    pub(crate) fn parse(argument: &OsStr) -> Result<Self, Failure> {
        let mut bytes = argument.as_bytes();
        while bytes.len() > 1 {
            let Some(shorter) = bytes.strip_suffix(b"/") else { break };
            bytes = shorter;
        }
        Self::checked(bytes.to_vec())
    }

    /// The entry `name` of the folder.
    pub(crate) fn entry(&self, name: &OsStr) -> Result<Self, Failure> {
        let folder = self.0.strip_suffix(b"/").unwrap_or(&self.0);
        Self::checked([folder, b"/", name.as_bytes()].concat())
    }

    fn checked(bytes: Vec<u8>) -> Result<Self, Failure> {
        match Path::new(&bytes) {
            Ok(_) => Ok(Self(bytes)),
            Err(why) => Err(Failure::Usage(format!("{}: {why}", Shown(&bytes)))),
        }
    }

    pub(crate) fn path(&self) -> Path<'_> {
        // Checked where it was made.
        Path::new(&self.0).unwrap_or(Path::ROOT)
    }

    /// As the user wrote it, safe to print.
    pub(crate) fn shown(&self) -> Shown<'_> {
        Shown(&self.0)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The last part of the path, as the name of a local file: chosen from what the user asked
    /// for, never from what the server says.
    pub(crate) fn local_name(&self) -> Result<OsString, Failure> {
        let name = self.path().name();
        name.map(|name| OsString::from_vec(name.to_vec()))
            .ok_or_else(|| Failure::Usage("/ is a folder; name a file".to_owned()))
    }
}
