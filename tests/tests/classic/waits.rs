//! What mostly waits, be it for the end of a wait or for the quiet behind a command: all of it at
//! the same time.

use std::thread;

use super::{asked, due, served, together};

#[test]
fn each_wait_has_its_end() {
    all_at_once(&[
        asked::a_server_that_dials_another_machine_is_told,
        asked::an_upload_that_is_not_fetched_is_told,
        due::a_download_nobody_fetches_ends,
        due::a_transfer_that_waits_too_long_for_its_turn_is_told,
        due::an_announced_upload_that_never_comes_leaves_nothing,
    ]);
}

#[test]
fn rows_of_transfers_meet_no_port_in_use() {
    all_at_once(&[
        asked::ten_downloads_in_a_row,
        asked::ten_of_both_in_turns,
        asked::ten_uploads_in_a_row,
        served::ten_of_both_in_turns,
        served::ten_of_both_without_a_pause,
        served::ten_uploads_in_a_row,
        together::ten_of_both_in_turns,
    ]);
}

fn all_at_once(tests: &[fn()]) {
    thread::scope(|scope| {
        for test in tests {
            scope.spawn(test);
        }
    });
}
