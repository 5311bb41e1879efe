//! What the user does with jobs: starts them, waits for them, stops them.

use crate::cli::Options;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::shell::jobs::Task;
use crate::shell::output::{say, tell};
use crate::shell::verb::Verb;
use crate::shell::{Shell, check_input, local};
use crate::site::Site;

impl Shell<'_> {
    /// Start a transfer in the background.
    pub(super) fn start(
        &mut self,
        verb: Verb,
        options: Options,
        text: String,
        again: String,
    ) -> Result<(), Failure> {
        let Verb::Remote(command) = verb else { return Err(local::no_job()) };
        check_input(&command)?;
        let command = local::detached(command)?;
        let mut dialer = crate::dialer(self.host, &options);
        // The session of the shell has it.
        dialer.local_port = None;
        let folder = self.folder(&options);
        let work = move |task: Task| {
            let progress = Progress::background(&options, task.state, task.print);
            let progress = progress.continued_by(again);
            let mut site = Site::new(dialer, &task.interrupt, &progress, folder);
            progress.end(site.run(&command, &options))
        };
        if let Some(session) = self.control.take_if(|session| session.is_scarce()) {
            session.leave();
        }
        let is_terminal = self.input.is_terminal();
        let number = self.jobs.start(text.clone(), self.interrupt.of_job(), !is_terminal, work)?;
        if is_terminal && !self.defaults.quiet {
            say(&format!("[{number}] running: {text}"));
        }
        Ok(())
    }

    /// Wait for jobs, having them stopped before if that is wanted. What goes wrong has been
    /// told, by the job or here.
    pub(super) fn wait(
        &mut self,
        job: Option<u32>,
        stop: bool,
        progress: &Progress,
    ) -> Result<(), Failure> {
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
}
