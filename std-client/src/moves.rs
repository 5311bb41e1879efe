//! Downloads and uploads as the user orders them: what is meant is found out first, then all
//! files are moved in one go.

use std::ffi::OsString;
use std::path::Path;

use crate::cli::Options;
use crate::download::Downloads;
use crate::failure::Failure;
use crate::made::Made;
use crate::plan::Downloading;
use crate::sending::{Sending, Uploading};
use crate::site::{Site, told};
use crate::survey::{Found, Survey};
use crate::told::{Direction, Event};
use crate::transfer::Queue;
use crate::upload::Uploads;

impl Site<'_> {
    /// Fetch files. What goes wrong is told where it happens.
    pub(crate) fn download(
        &mut self,
        names: &[OsString],
        output: Option<&Path>,
        options: &Options,
    ) -> Result<(), Failure> {
        let progress = self.progress;
        let is_output = output == Some(Path::new("-"));
        if is_output && progress.json().is_some() {
            let text = "standard output is for JSON: -o - cannot be used with --json";
            return told(progress, Err(Failure::Usage(text.to_owned())));
        }
        let plan = Downloading::new(&self.folder, names, output, options);
        let plan = told(progress, plan)?;
        if options.classic && plan.needs_survey() {
            let text = "the classic dialect cannot find out what is in a folder";
            return told(progress, Err(Failure::Usage(text.to_owned())));
        }
        let (found, unfound) =
            if plan.needs_survey() { self.survey(&plan, options)? } else { (plan.named(), None) };
        let (files, unmade) = told(progress, plan.files(found, progress))?;
        if is_output {
            progress.take_output();
        }
        let bytes = files.iter().map(|file| file.size).sum();
        let (direction, count) = (Direction::Download, files.len() as u64);
        progress.tell(Event::Plan { direction, files: count, bytes });
        let mut queue = Downloads::new(files, options.resume, options.no_clobber, progress);
        if options.classic {
            queue = queue.without_leftovers();
        }
        self.move_all(&mut queue, options);
        first(unfound.or(unmade), queue.outcome())
    }

    /// Ask the server what names, patterns and trees stand for.
    fn survey(
        &mut self,
        plan: &Downloading<'_>,
        options: &Options,
    ) -> Result<(Vec<Found>, Option<Failure>), Failure> {
        let mut survey = Survey::new(plan.wanted.clone(), options.recursive, self.progress);
        self.ask_all(&mut survey, options)?;
        survey.finish()
    }

    /// Send files. What goes wrong is told where it happens.
    pub(crate) fn upload(&mut self, names: &[OsString], options: &Options) -> Result<(), Failure> {
        let progress = self.progress;
        let plan = Uploading::new(&self.folder, names, options.recursive, progress);
        let mut plan = told(progress, plan)?;
        let look = told(progress, plan.needs_look())?;
        if !look.is_empty() {
            let mut survey = Survey::of(look, progress);
            self.ask_all(&mut survey, options)?;
            let (found, failure) = survey.finish()?;
            failure.map_or(Ok(()), Err)?;
            let has = |index| found.iter().any(|at| at.argument == index && at.is_folder());
            plan.looked(has(0), has(1), options.resume);
        }
        let mut sending = told(progress, plan.files(progress))?;
        self.make_folders(&mut sending, options)?;
        let (direction, files) = (Direction::Upload, sending.files.len() as u64);
        progress.tell(Event::Plan { direction, files, bytes: sending.bytes() });
        let compare = options.resume && options.recursive;
        let mut queue = Uploads::new(sending.files, options.resume, compare, progress);
        self.move_all(&mut queue, options);
        first(sending.first_failure, queue.outcome())
    }

    fn move_all(&mut self, queue: &mut impl Queue, options: &Options) {
        if options.classic {
            self.classic(options).run(queue);
        } else {
            self.make_room();
            self.transfer(options).run(queue);
        }
    }

    fn make_folders(&mut self, sending: &mut Sending, options: &Options) -> Result<(), Failure> {
        if sending.folders.is_empty() {
            return Ok(());
        }
        let folders = core::mem::take(&mut sending.folders);
        let mut made = Made::new(folders, self.progress);
        self.ask_all(&mut made, options)?;
        let (missing, failure) = made.finish();
        sending.first_failure = sending.first_failure.take().or(failure);
        let left = sending.leave_out(&missing);
        if left > 0 {
            self.progress.tell(Event::Left(left));
        }
        Ok(())
    }
}

/// The first failure decides.
fn first(planned: Option<Failure>, moved: Result<(), Failure>) -> Result<(), Failure> {
    planned.map_or(moved, Err)
}
