//! The shell: asks for commands and does them, over one session, until the user leaves.

mod complete;
mod help;
mod input;
mod jobs;
mod local;
mod names;
mod output;
mod question;
mod terminal;
mod verb;
mod words;

use core::time::Duration;
use std::ffi::OsStr;
use std::io::{IsTerminal, stdin, stdout};

use coracle::{Code, Command as Request, Kind};

use crate::cli::{Cli, Command, Options};
use crate::connection::Host;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::progress::Progress;
use crate::remote::Remote;
use crate::session::Session;
use crate::shell::complete::Completer;
use crate::shell::input::{Input, Pipe, Read};
use crate::shell::jobs::{Jobs, Task};
use crate::shell::names::Names;
use crate::shell::output::{print, say, tell};
use crate::shell::question::Question;
use crate::shell::terminal::Terminal;
use crate::shell::verb::{Line, Verb};
use crate::shell::words::Words;
use crate::site::Site;
use crate::watch::Interrupt;

/// A shell.
struct Shell<'a> {
    host: &'a Host,
    /// As the program was started.
    defaults: &'a Options,
    keep_going: bool,
    input: Input,
    interrupt: Interrupt,
    /// Where the user is on the server, and was before.
    folder: Remote,
    former: Remote,
    /// The session, between two commands.
    control: Option<Session>,
    jobs: Jobs,
    /// The user was told that leaving stops jobs.
    is_warned: bool,
    first_failure: Option<Failure>,
}

/// How long jobs may take to stop when the program is told to end.
const END_PATIENCE: Duration = Duration::from_secs(15);

/// What happens behind a line.
enum Next {
    Line,
    Leave,
}

/// Ask for commands until the user leaves; what goes wrong is told where it happens.
pub(crate) fn run(cli: &Cli) -> Exit {
    let progress = Progress::shell(&cli.options);
    let mut shell = match Shell::new(cli) {
        Ok(shell) => shell,
        Err(failure) => {
            progress.error(&failure);
            return failure.exit();
        }
    };
    // A person wants to know at once whether the server is there. (Classic has no sessions.)
    if !cli.options.classic
        && shell.input.is_terminal()
        && let Err(failure) = shell.at_site(&cli.options, |site, options| site.open(options))
    {
        progress.error(&failure);
        return failure.exit();
    }
    let result = shell.work();
    shell.leave(result.is_err());
    let failure = result.err().or(shell.first_failure);
    failure.map_or(Exit::Done, |failure| failure.exit())
}

impl<'a> Shell<'a> {
    fn new(cli: &'a Cli) -> Result<Self, Failure> {
        let interrupt = Interrupt::of_shell();
        let jobs = Jobs::default();
        let input = if stdin().is_terminal() && stdout().is_terminal() {
            let names = Names::new(cli, interrupt.clone());
            let terminal = Terminal::new(Completer::new(names), jobs.board())?;
            Input::Terminal(Box::new(terminal))
        } else {
            Input::Pipe(Pipe::new()?)
        };
        let folder = cli.options.folder.clone().unwrap_or_default().path();
        Ok(Self {
            host: &cli.host,
            defaults: &cli.options,
            keep_going: cli.keep_going,
            input,
            interrupt,
            former: folder.clone(),
            folder,
            control: None,
            jobs,
            is_warned: false,
            first_failure: None,
        })
    }

    /// Do line after line.
    ///
    /// # Errors
    ///
    /// What ends the shell early: it has been told.
    fn work(&mut self) -> Result<(), Failure> {
        loop {
            self.begin();
            let result = match self.input.read(&self.interrupt) {
                Ok(Read::Line(line)) => self.line(&line),
                Ok(Read::Dropped) => continue,
                Ok(Read::End) => self.exit(),
                Err(failure) => {
                    Progress::shell(self.defaults).error(&failure);
                    // What is no line is followed by others; all else is the end of lines.
                    if !matches!(failure, Failure::Usage(_)) {
                        return Err(failure);
                    }
                    Err(failure)
                }
            };
            match result {
                Ok(Next::Line) => {}
                Ok(Next::Leave) => return Ok(()),
                Err(failure) => self.on_failure(failure)?,
            }
            if self.interrupt.is_end() {
                return Err(Failure::Interrupted);
            }
        }
    }

    /// Decide whether the shell goes on behind a failure, which has been told.
    fn on_failure(&mut self, failure: Failure) -> Result<(), Failure> {
        if self.input.is_terminal() {
            return Ok(());
        }
        // Ctrl-C in front of a pipe means all of it: there is nobody to type the next command.
        if !self.keep_going || matches!(failure, Failure::Interrupted) {
            return Err(failure);
        }
        self.first_failure.get_or_insert(failure);
        Ok(())
    }

    /// Before a person is asked for a line: tell what happened beside the commands.
    fn begin(&mut self) {
        let Input::Terminal(terminal) = &mut self.input else { return };
        // Not later: from the end of the line on Ctrl-C concerns the new command.
        self.interrupt.clear();
        for line in self.jobs.take_told() {
            say(&line);
        }
        if let Some(trouble) = terminal.take_trouble() {
            let progress = Progress::shell(self.defaults);
            progress.detail(format_args!("the history is not kept: {trouble}"));
        }
        terminal.begin(&self.folder);
    }

    /// Do one line.
    fn line(&mut self, line: &[u8]) -> Result<Next, Failure> {
        let progress = Progress::shell(self.defaults);
        let told = |failure: &Failure| progress.error(failure);
        let Words { words, is_job } = Words::parse(line).inspect_err(told)?;
        let Some(first) = words.first() else {
            if !is_job {
                return Ok(Next::Line);
            }
            let failure = Failure::Usage("name a command in front of `&`".to_owned());
            return Err(failure).inspect_err(told);
        };
        let is_exit = first == "exit" || first == "quit";
        self.is_warned &= is_exit;
        let Line { options, verb } = match Line::parse_words(&words, self.defaults) {
            Ok(line) => line,
            Err(error) => return help::explain(&error).map(|()| Next::Line),
        };
        match verb {
            Verb::Exit => return self.exit(),
            Verb::Remote(command) if is_job => {
                self.start(command, options, line).inspect_err(told)?;
            }
            _ if is_job => {
                let text = "only `download` and `upload` run in the background";
                return Err(Failure::Usage(text.to_owned())).inspect_err(told);
            }
            Verb::Remote(command) => self.remote(&command, &options)?,
            Verb::Wait { job } => self.wait(job, false)?,
            Verb::Stop { job } => self.wait(job, true)?,
            Verb::Help { command } => help::help(command.as_deref())?,
            verb => self.own(verb, &options).inspect_err(told)?,
        }
        Ok(Next::Line)
    }

    /// Do one of the commands that only a shell has, and that tell nothing themselves.
    fn own(&mut self, verb: Verb, options: &Options) -> Result<(), Failure> {
        match verb {
            Verb::Cd { path } => self.go(path.as_deref(), options),
            Verb::Pwd => print(&format!("{}\n", self.folder.shown())),
            Verb::Lls { path } => print(&local::list(path.as_deref())?),
            Verb::Lcd { path } => local::go(path.as_deref()),
            Verb::Lpwd => print(&format!("{}\n", local::shown(&local::folder()?))),
            Verb::Jobs => print(&self.jobs.table()),
            Verb::History => self.history(),
            _ => Ok(()),
        }
    }

    /// Do a command as if the program had been started for it.
    fn remote(&mut self, command: &Command, options: &Options) -> Result<(), Failure> {
        if let Command::Upload { names, .. } = command
            && names.first().is_some_and(|name| name == "-")
        {
            let text = "the commands come from standard input; a shell cannot upload it";
            let failure = Failure::Usage(text.to_owned());
            Progress::shell(options).error(&failure);
            return Err(failure);
        }
        self.at_site(options, |site, options| site.run(command, options))
    }

    /// Do something with the server, over the session if it is still there.
    fn at_site<T>(
        &mut self,
        options: &Options,
        work: impl FnOnce(&mut Site<'_>, &Options) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let progress = Progress::shell(options);
        let dialer = crate::dialer(self.host, options);
        let site = Site::new(dialer, &self.interrupt, &progress, self.folder(options));
        let mut site = site.of_shell(self.control.take());
        let result = work(&mut site, options);
        self.control = site.into_control();
        progress.end(result.as_ref().map_or_else(Failure::exit, |_| Exit::Done));
        result
    }

    /// What names are relative to.
    fn folder(&self, options: &Options) -> Folder {
        options.folder.clone().unwrap_or_else(|| Folder::At(self.folder.clone()))
    }

    /// Go to another folder on the server, if it is one.
    fn go(&mut self, path: Option<&OsStr>, options: &Options) -> Result<(), Failure> {
        let folder = match path {
            None => Remote::root(),
            Some(path) if path == "-" => self.former.clone(),
            Some(path) => Folder::At(self.folder.clone()).name(path)?,
        };
        if folder != Remote::root() && !options.classic {
            self.check_folder(&folder, options)?;
        }
        self.former = core::mem::replace(&mut self.folder, folder);
        Ok(())
    }

    fn check_folder(&mut self, folder: &Remote, options: &Options) -> Result<(), Failure> {
        let ask = |shell: &mut Self| {
            shell.at_site(options, |site, options| {
                let request = Request::Stat { path: folder.path() };
                let mut question = Question::new(request, |_| true);
                let result = site.ask(&mut question, options);
                question.answer(result)
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

    /// Start a transfer in the background.
    fn start(&mut self, command: Command, options: Options, line: &[u8]) -> Result<(), Failure> {
        if let Command::Upload { names, .. } = &command
            && names.first().is_some_and(|name| name == "-")
        {
            let text = "the commands come from standard input; a shell cannot upload it";
            return Err(Failure::Usage(text.to_owned()));
        }
        let command = local::detached(command)?;
        let mut dialer = crate::dialer(self.host, &options);
        // The session of the shell has it.
        dialer.local_port = None;
        let folder = self.folder(&options);
        let work = move |task: Task| {
            let progress = Progress::background(&options, task.state, task.print);
            let mut site = Site::new(dialer, &task.interrupt, &progress, folder);
            let result = site.run(&command, &options);
            progress.end(result.as_ref().map_or_else(Failure::exit, |()| Exit::Done));
            result
        };
        if let Some(session) = self.control.take_if(|session| session.is_scarce()) {
            session.leave();
        }
        let text = String::from_utf8_lossy(line);
        let text = text.trim().trim_end_matches('&').trim_end().escape_debug().to_string();
        let is_terminal = self.input.is_terminal();
        let number = self.jobs.start(text.clone(), self.interrupt.of_job(), !is_terminal, work)?;
        if is_terminal && !self.defaults.quiet {
            say(&format!("[{number}] running: {text}"));
        }
        Ok(())
    }

    /// Wait for jobs, having them stopped before if that is wanted. What goes wrong has been
    /// told, by the job or here.
    fn wait(&mut self, job: Option<u32>, stop: bool) -> Result<(), Failure> {
        let progress = Progress::shell(self.defaults);
        let told = |failure: &Failure| progress.error(failure);
        let numbers = self.jobs.named(job).inspect_err(told)?;
        if stop {
            self.jobs.interrupt(&numbers);
        }
        let is_terminal = self.input.is_terminal();
        let tell = |line: String| tell(is_terminal, &line);
        match self.jobs.wait(&numbers, &self.interrupt, tell).inspect_err(told)? {
            Some(failure) if !stop => Err(failure),
            _ => Ok(()),
        }
    }

    fn history(&self) -> Result<(), Failure> {
        let Input::Terminal(terminal) = &self.input else { return Ok(()) };
        let lines = terminal.typed().into_iter().zip(1..);
        print(
            &lines
                .map(|(line, number): (_, u32)| format!("{number:5}  {line}\n"))
                .collect::<String>(),
        )
    }

    /// Leave; where jobs are running the user of a terminal is asked to say so twice, and
    /// others get what they have begun.
    fn exit(&mut self) -> Result<Next, Failure> {
        let count = self.jobs.running_count();
        if count == 0 {
            return Ok(Next::Leave);
        }
        if !self.input.is_terminal() {
            self.wait(None, false)?;
        } else if !core::mem::replace(&mut self.is_warned, true) {
            let jobs = if count == 1 { "1 job is".to_owned() } else { format!("{count} jobs are") };
            say(&format!("{jobs} still running; a second `exit` stops what is not done"));
            return Ok(Next::Line);
        }
        Ok(Next::Leave)
    }

    /// The end, in order: nothing is lost that has come.
    fn leave(&mut self, is_failed: bool) {
        self.interrupt.clear();
        if let Ok(numbers) = self.jobs.named(None) {
            self.jobs.interrupt(&numbers);
            if self.interrupt.is_end() {
                // Which nothing waits for any more, but jobs need a moment to put things away.
                self.jobs.board().wait(END_PATIENCE);
                let is_terminal = self.input.is_terminal();
                self.jobs.take_told().iter().for_each(|line| tell(is_terminal, line));
            } else {
                self.wait(None, true).ok();
            }
        }
        if let Some(session) =
            self.control.take().filter(|session| !is_failed && session.is_alive())
        {
            session.leave();
        }
        if self.input.is_terminal() && !self.defaults.quiet {
            say("Client connection Closed!");
        }
    }
}
