//! Where the user is on the server.

use std::ffi::OsStr;

use coracle::{Code, Command as Request, Kind};

use crate::cli::Options;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::json::Found;
use crate::progress::Progress;
use crate::remote::Remote;
use crate::shell::Shell;
use crate::shell::question::Question;

impl Shell<'_> {
    /// What names are relative to.
    pub(super) fn folder(&self, options: &Options) -> Folder {
        options.folder.clone().unwrap_or_else(|| Folder::At(self.folder.clone()))
    }

    /// Go to another folder on the server, if it is one.
    pub(super) fn go(
        &mut self,
        path: Option<&OsStr>,
        options: &Options,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let folder = match path {
            None => Remote::root(),
            Some(path) if path == "-" => self.former.clone(),
            Some(path) => self.folder(options).absolute(path)?,
        };
        if folder != Remote::root() && !options.classic {
            self.check_folder(&folder, options, progress)?;
        }
        self.former = core::mem::replace(&mut self.folder, folder);
        Ok(())
    }

    fn check_folder(
        &mut self,
        folder: &Remote,
        options: &Options,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let ask = |shell: &mut Self| {
            shell.at_site(options, progress, |site, options| {
                let request = Request::Stat { path: folder.path() };
                let mut question = Question::new(request, |_| true);
                let result = site.ask(&mut question, options);
                question.answer(result).map_err(|failure| failure.about(folder))
            })
        };
        let had_session = self.control.is_some();
        let found = match ask(self) {
            // The session may have been lost since it was used last.
            Err(Failure::Connection(_)) if had_session => ask(self)?,
            result => result?,
        };
        match found {
            Some(metadata) if metadata.kind == Kind::Folder => Ok(()),
            _ => {
                let message = format!("{} is no folder", folder.shown());
                Err(Failure::Refused { code: Some(Code::NotDirectory), message })
            }
        }
    }

    /// Where the user is on the server, for a program.
    pub(super) fn place(&self) -> Found<'static> {
        Found::There { folder: String::from_utf8_lossy(self.folder.as_bytes()).into_owned() }
    }
}
