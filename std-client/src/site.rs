//! A server, and how the user wants to be served: what all commands of one run share.

use core::time::Duration;

use coracle::client::Handler;

use crate::classic::{self, Classic};
use crate::cli::{Command, Options};
use crate::commands::Commands;
use crate::connection::Dialer;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::progress::Progress;
use crate::session::Session;
use crate::transfer::Transfer;
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
    pub(crate) fn new(
        dialer: Dialer,
        interrupt: &'a Interrupt,
        progress: &'a Progress,
        folder: Folder,
    ) -> Self {
        let dialer = Dialer { interrupt: interrupt.clone(), ..dialer };
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
        if options.classic {
            told(progress, classic::check(command, options))?;
        }
        match command {
            Command::Download { names, output } => {
                return self.download(names, output.as_deref(), options);
            }
            Command::Upload { names } => return self.upload(names, options),
            _ => {}
        }
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
            None => Ok(()),
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
        if options.classic {
            return self.classic(options).ask(handler);
        }
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

    /// How a server is asked that speaks the classic dialect.
    pub(crate) fn classic(&self, options: &Options) -> Classic<'_> {
        Classic {
            dialer: &self.dialer,
            interrupt: self.interrupt,
            timeout: timeout(options),
            port: options.classic_port,
        }
    }

    /// Before files are moved: a small server needs the session for them.
    pub(crate) fn make_room(&mut self) {
        if let Some(session) = self.control.take_if(|session| session.is_scarce()) {
            session.leave();
        }
    }

    /// How its files are moved.
    pub(crate) fn transfer(&self, options: &Options) -> Transfer<'_> {
        let mut dialer = self.dialer.clone();
        // A port leads to the same server once, and the session has it.
        dialer.local_port = dialer.local_port.filter(|_| self.control.is_none());
        Transfer {
            dialer,
            interrupt: self.interrupt,
            progress: self.progress,
            timeout: timeout(options),
            retries: options.retries,
            one_connection: options.one_connection,
        }
    }
}

/// What goes wrong before there is a session is told here, all else where it happens.
pub(crate) fn told<T>(progress: &Progress, result: Result<T, Failure>) -> Result<T, Failure> {
    result.inspect_err(|failure| progress.error(failure))
}

fn timeout(options: &Options) -> Duration {
    Duration::from_secs(options.timeout.into())
}
