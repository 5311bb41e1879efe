//! The shell: asks for commands and does them, over one session, until the user leaves.

mod background;
mod complete;
mod help;
mod input;
mod jobs;
mod local;
mod names;
mod output;
mod place;
mod question;
mod terminal;
mod verb;
mod words;

use core::time::Duration;
use std::io::{IsTerminal, stdin, stdout};

use crate::classic;
use crate::cli::{Cli, Command, Options};
use crate::connection::Host;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote::Remote;
use crate::session::Session;
use crate::shell::complete::Completer;
use crate::shell::input::{Input, Pipe, Read};
use crate::shell::jobs::Jobs;
use crate::shell::names::Names;
use crate::shell::output::{answer, explain, say, tell};
use crate::shell::terminal::Terminal;
use crate::shell::verb::{Line, Verb};
use crate::shell::words::{Words, continued, foreground, shown};
use crate::site::Site;
use crate::watch::Interrupt;

/// A shell.
struct Shell<'a> {
    host: &'a Host,
    /// As the program was started.
    defaults: &'a Options,
    keep_going: bool,
    /// What a line may be.
    definition: clap::Command,
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
        && let Err(failure) =
            shell.at_site(&cli.options, &progress, |site, options| site.open(options))
    {
        progress.error(&failure);
        return failure.exit();
    }
    if cli.options.classic {
        progress.note(classic::NOTE);
    }
    let result = shell.work();
    shell.leave(result.is_err());
    let failure = result.err().or(shell.first_failure);
    failure.map_or(Exit::Done, |failure| failure.exit())
}

impl<'a> Shell<'a> {
    fn new(cli: &'a Cli) -> Result<Self, Failure> {
        let interrupt = Interrupt::of_shell();
        let jobs = Jobs::new(cli.options.quiet);
        let input = if stdin().is_terminal() && stdout().is_terminal() {
            let names = Names::new(cli, interrupt.clone());
            let terminal = Terminal::new(Completer::new(names, interrupt.clone()), jobs.board())?;
            Input::Terminal(Box::new(terminal))
        } else {
            Input::Pipe(Pipe::new()?)
        };
        let folder = cli.options.folder.clone().unwrap_or_default().path();
        Ok(Self {
            host: &cli.host,
            defaults: &cli.options,
            keep_going: cli.keep_going,
            definition: Line::definition(),
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
                    let failure = Progress::shell(self.defaults).failed(failure);
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
        for line in self.jobs.take_told() {
            say(&line);
        }
        if let Some(trouble) = terminal.take_trouble() {
            let progress = Progress::shell(self.defaults);
            progress.detail(format_args!("the history is not kept: {trouble}"));
        }
        terminal.begin(&self.folder);
    }

    /// Do one line. What goes wrong has been told.
    fn line(&mut self, line: &[u8]) -> Result<Next, Failure> {
        let progress = Progress::shell(self.defaults);
        let told = |failure: &Failure| progress.error(failure);
        let result = match Words::parse(line).inspect_err(told) {
            Ok(Words { words, is_job: false }) if words.is_empty() => return Ok(Next::Line),
            Ok(Words { words, .. }) if words.is_empty() => {
                let failure = Failure::Usage("name a command in front of `&`".to_owned());
                Err(failure).inspect_err(told)
            }
            Ok(Words { words, is_job }) => {
                self.is_warned &=
                    words.first().is_some_and(|word| word == "exit" || word == "quit");
                match Line::parse_words(&mut self.definition, &words, self.defaults) {
                    Ok(Line { verb: Verb::Exit, .. }) if !is_job => return self.exit(),
                    Ok(Line { options, verb }) => return self.verb(verb, options, line, is_job),
                    Err(error) => help::explain(&error, &progress),
                }
            }
            Err(failure) => Err(failure),
        };
        progress.end(result).map(|()| Next::Line)
    }

    /// Do one command, as `line` has it.
    fn verb(
        &mut self,
        verb: Verb,
        options: Options,
        line: &[u8],
        is_job: bool,
    ) -> Result<Next, Failure> {
        let text = match is_job {
            true => shown(foreground(line)),
            false => shown(line.trim_ascii()),
        };
        let again = if options.resume { text.clone() } else { continued(&text) };
        let progress = Progress::shell(&options).continued_by(again.clone());
        let told = |failure: &Failure| progress.error(failure);
        let result = match verb {
            verb if is_job => self.start(verb, options, text, again).inspect_err(told),
            Verb::Remote(command) => self.remote(&command, &options, &progress),
            Verb::Wait { job } => self.wait(job, false, &progress),
            Verb::Stop { job } => self.wait(job, true, &progress),
            Verb::Help { command } => help::help(command.as_deref(), &progress),
            verb => self.own(verb, &options, &progress).inspect_err(told),
        };
        progress.end(result).map(|()| Next::Line)
    }

    /// Do one of the commands that only a shell has, and that tell nothing themselves.
    fn own(&mut self, verb: Verb, options: &Options, progress: &Progress) -> Result<(), Failure> {
        match verb {
            Verb::Cd { path } => {
                self.go(path.as_deref(), options, progress)?;
                answer(progress, "cd", self.place(), "")
            }
            Verb::Pwd => {
                answer(progress, "pwd", self.place(), &format!("{}\n", self.folder.shown()))
            }
            Verb::Lls { path } => local::list(path.as_deref(), progress),
            Verb::Lcd { path } => {
                local::go(path.as_deref())?;
                answer(progress, "lcd", local::here()?, "")
            }
            Verb::Lpwd => {
                let words = format!("{}\n", local::shown(&local::folder()?));
                answer(progress, "lpwd", local::here()?, &words)
            }
            Verb::Jobs => self.jobs.list(progress),
            Verb::History => self.history(progress),
            _ => Ok(()),
        }
    }

    /// Do a command as if the program had been started for it.
    fn remote(
        &mut self,
        command: &Command,
        options: &Options,
        progress: &Progress,
    ) -> Result<(), Failure> {
        check_input(command).inspect_err(|failure| progress.error(failure))?;
        self.at_site(options, progress, |site, options| site.run(command, options))
    }

    /// Do something with the server, over the session if it is still there.
    fn at_site<T>(
        &mut self,
        options: &Options,
        progress: &Progress,
        work: impl FnOnce(&mut Site<'_>, &Options) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let dialer = crate::dialer(self.host, options);
        let site = Site::new(dialer, &self.interrupt, progress, self.folder(options));
        let mut site = site.of_shell(self.control.take());
        let result = work(&mut site, options);
        self.control = site.into_control();
        result
    }

    fn history(&self, progress: &Progress) -> Result<(), Failure> {
        let Input::Terminal(terminal) = &self.input else { return Ok(()) };
        let lines = terminal.typed().into_iter().zip(1..);
        let lines = lines.map(|(line, number): (_, u32)| format!("{number:5}  {line}\n"));
        explain(progress, &lines.collect::<String>())
    }

    /// Leave; where jobs are running the user of a terminal is asked to say so twice, and
    /// others get what they have begun.
    fn exit(&mut self) -> Result<Next, Failure> {
        let count = self.jobs.running_count();
        if count == 0 {
            return Ok(Next::Leave);
        }
        if !self.input.is_terminal() {
            self.wait(None, false, &Progress::shell(self.defaults))?;
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
                self.wait(None, true, &Progress::shell(self.defaults)).ok();
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

/// The standard input is taken.
fn check_input(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Upload { names, .. } if names.first().is_some_and(|name| name == "-") => {
            let text = "the commands come from standard input; a shell cannot upload it";
            Err(Failure::Usage(text.to_owned()))
        }
        _ => Ok(()),
    }
}
