//! What waits as long as the dialect says it does, all of it at the same time.

use std::thread;

use super::{asked, due};

#[test]
fn each_wait_has_its_end() {
    let waits: [fn(); 5] = [
        asked::a_server_that_dials_another_machine_is_told,
        asked::an_upload_that_is_not_fetched_is_told,
        due::a_download_nobody_fetches_ends,
        due::a_transfer_that_waits_too_long_for_its_turn_is_told,
        due::an_announced_upload_that_never_comes_leaves_nothing,
    ];
    thread::scope(|scope| {
        for wait in waits {
            scope.spawn(wait);
        }
    });
}
