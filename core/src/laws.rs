//! The kit that checks a backend against the laws of [`Storage`]: feature `laws`, needs std.
//!
//! A backend gives a [`Fixture`] and calls [`check`] in a test. A broken law panics with its
//! number and what was seen.

mod names;
mod ownership;
mod reading;
mod staging;
mod tools;

use crate::storage::Storage;

/// An empty medium that the kit may use as it likes.
pub trait Fixture: Sized {
    /// What one session sees.
    type Session<'a>: Storage
    where
        Self: 'a;

    /// One more session on the same medium.
    fn session(&self) -> Self::Session<'_>;

    /// Let time pass for law 6, without waiting.
    fn pass(&self, milliseconds: u64);

    /// Every session is gone without a word, the server starts anew on the same medium.
    fn crash(self) -> Self;
}

/// Check every law, each on a medium of its own.
///
/// # Panics
///
/// If a law is broken.
pub fn check<F: Fixture>(mut make: impl FnMut() -> F) {
    let laws: [fn(F); 26] = [
        staging::nothing_shows_before_the_commit,
        staging::replaced_in_one_step,
        staging::a_group_is_reported_in_order,
        staging::one_failure_in_a_group_stays_alone,
        staging::sizes_around_a_chunk,
        staging::announced_sizes_are_checked,
        staging::kept_bytes_are_the_partial,
        staging::an_empty_keep_leaves_the_older_partial,
        staging::a_discarded_file_leaves_the_older_partial,
        staging::a_commit_discards_partials,
        staging::a_crash_leaves_partials,
        staging::a_resumed_file_is_cut_and_continued,
        ownership::others_are_busy,
        ownership::signs_of_life_are_progress,
        ownership::one_session_may_write_a_path_twice,
        ownership::a_resume_takes_over,
        ownership::a_fresh_upload_takes_over,
        ownership::a_finished_file_is_taken_over_whole,
        reading::reads_end_at_the_end,
        reading::an_open_file_stays_itself,
        reading::stamps_tell_changes,
        reading::listings_show_what_is_there,
        reading::listings_survive_changes,
        names::folders_are_made_and_removed,
        names::renames_replace_files_only,
        names::errors_name_the_cause,
    ];
    for law in laws {
        law(make());
    }
}
