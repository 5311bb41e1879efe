//! A server, and how the user wants to be served: what all commands of one run share.

use core::time::Duration;
use std::path::Path;

use coracle::client::Handler;

use crate::cli::{Command, Options};
use crate::commands::Commands;
use crate::connection::Dialer;
use crate::download::Downloads;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::plan;
use crate::progress::Progress;
use crate::session::Session;
use crate::told::{Direction, Event};
use crate::transfer::Transfer;
use crate::upload::Uploads;
use crate::watch::Interrupt;

/// A server, and how the user wants to be served.
pub(crate) struct Site<'a> {
    pub(crate) dialer: Dialer,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) progress: &'a Progress,
    pub(crate) folder: Folder,
    /// The session for everything but file bytes: opened by the first command that needs it.
    control: Option<Session>,
    /// Whether what only reads is asked again when a connection is lost under it.
    asks_again: bool,
}

impl<'a> Site<'a> {
    pub(crate) const fn new(
        dialer: Dialer,
        interrupt: &'a Interrupt,
        progress: &'a Progress,
        folder: Folder,
    ) -> Self {
        Self { dialer, interrupt, progress, folder, control: None, asks_again: false }
    }

    /// As [`new`](Self::new), for a command of a shell: the session lives longer than it.
    pub(crate) fn of_shell(self, control: Option<Session>) -> Self {
        Self { control, asks_again: true, ..self }
    }

    /// The session, for the next command.
    pub(crate) fn into_control(self) -> Option<Session> {
        self.control
    }

    /// Do one command. What goes wrong is told where it happens.
    ///
    /// # Errors
    ///
    /// The first failure, which has been told.
    pub(crate) fn run(&mut self, command: &Command, options: &Options) -> Result<(), Failure> {
        let progress = self.progress;
        match Commands::of(command, &self.folder, progress) {
            Some(commands) => {
                let mut commands = told(progress, commands)?;
                let mut result = self.ask(&mut commands, options);
                if let Err(failure @ Failure::Connection(_)) = &result
                    && self.asks_again
                    && commands.again()
                {
                    progress.detail(format_args!("{failure}; asking again"));
                    result = self.ask(&mut commands, options);
                }
                commands.finish(result)
            }
            None => self.transfer(command, options),
        }
    }

    /// Have every request of the handler answered over the control session.
    ///
    /// # Errors
    ///
    /// Why there is no session, or why it ended; the session is gone then.
    pub(crate) fn ask(
        &mut self,
        handler: &mut impl Handler,
        options: &Options,
    ) -> Result<(), Failure> {
        let mut session = self.session(options)?;
        session.run(handler)?;
        self.control = Some(session);
        Ok(())
    }

    /// See that there is a session, and that its server greets.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(crate) fn open(&mut self, options: &Options) -> Result<(), Failure> {
        let mut session = self.session(options)?;
        session.greet()?;
        self.control = Some(session);
        Ok(())
    }

    fn session(&mut self, options: &Options) -> Result<Session, Failure> {
        let timeout = timeout(options);
        if let Some(mut session) = self.control.take() {
            if session.is_alive() {
                session.begin(timeout);
                return Ok(session);
            }
            self.progress.detail("the server has closed the session; opening a new one");
        }
        let stream = self.dialer.control()?;
        Ok(Session::new(stream, false, self.interrupt, timeout))
    }

    fn transfer(&self, command: &Command, options: &Options) -> Result<(), Failure> {
        let progress = self.progress;
        let mut dialer = self.dialer.clone();
        // A port can lead to the same server once, and the session has it.
        dialer.local_port = dialer.local_port.filter(|_| self.control.is_none());
        let transfer = Transfer {
            dialer: &dialer,
            interrupt: self.interrupt,
            progress,
            timeout: timeout(options),
            retries: options.retries,
            one_connection: options.one_connection,
        };
        match command {
            Command::Download { names, output } => {
                let files = plan::downloads(&self.folder, names, output.as_deref());
                let files = told(progress, files)?;
                if output.as_deref() == Some(Path::new("-")) {
                    progress.take_output();
                }
                progress.tell(Event::Plan {
                    direction: Direction::Download,
                    files: files.len() as u64,
                    bytes: None,
                });
                let mut queue = Downloads::new(files, options.resume, options.no_clobber, progress);
                transfer.run(&mut queue);
                queue.outcome()
            }
            Command::Upload { names } => {
                let files = told(progress, plan::uploads(&self.folder, names))?;
                progress.tell(Event::Plan {
                    direction: Direction::Upload,
                    files: files.len() as u64,
                    bytes: None,
                });
                let mut queue = Uploads::new(files, options.resume, progress);
                transfer.run(&mut queue);
                queue.outcome()
            }
            _ => Ok(()),
        }
    }
}

/// What goes wrong before there is a session is told here, all else where it happens.
fn told<T>(progress: &Progress, result: Result<T, Failure>) -> Result<T, Failure> {
    result.inspect_err(|failure| progress.error(failure))
}

fn timeout(options: &Options) -> Duration {
    Duration::from_secs(options.timeout.into())
}
