//! Every public type of the media of chips can be logged with defmt.

#[path = "../../core/tests/support/formats.rs"]
mod formats;

use coracle_storage::block;

#[test]
fn every_public_type_can_be_logged() {
    formats::check!(env!("CARGO_MANIFEST_DIR"), host: &["folder"], block::ErrorKind);
}
