//! Every public type of the media of chips can be logged with defmt.

#[path = "../../core/tests/support/formats.rs"]
mod formats;

use coracle_storage::{block, chip, fat, littlefs, partition, sd};

type Fat = fat::Fat<Card, 3, 2>;

/// Some device of blocks.
struct Card;

impl block::BlockDevice for Card {
    type Error = ();

    fn kind(_error: &()) -> block::ErrorKind {
        block::ErrorKind::Absent
    }

    fn count(&mut self) -> Result<u32, ()> {
        Err(())
    }

    fn read(&mut self, _first: u32, _blocks: &mut [block::Block]) -> Result<(), ()> {
        Err(())
    }

    fn write(&mut self, _first: u32, _blocks: &[block::Block]) -> Result<(), ()> {
        Err(())
    }

    fn flush(&mut self) -> Result<(), ()> {
        Err(())
    }
}

#[test]
fn every_public_type_can_be_logged() {
    formats::check!(
        env!("CARGO_MANIFEST_DIR"),
        host: &["folder"],
        block::ErrorKind,
        chip::Chip<Fat, 4>,
        chip::ChipFile<Fat>,
        chip::ChipFolder<Fat>,
        chip::ChipSession<'_, Fat, 4>,
        chip::ChipStaged,
        chip::Entry<fat::Id>,
        chip::Error,
        chip::Leftover<fat::Id>,
        fat::Fat<Card, 3, 2>,
        fat::File,
        fat::Id,
        fat::Listing,
        fat::Place<'_>,
        fat::Staged,
        littlefs::Card<()>,
        littlefs::LittleFile,
        littlefs::LittleFs<littlefs::Card<Card>, 4>,
        littlefs::LittleId,
        littlefs::LittleListing,
        littlefs::LittlePlace<'_>,
        littlefs::LittleStaged,
        littlefs::Nor<()>,
        partition::Partition,
        sd::Error,
        sd::SdCard<(), (), ()>,
        sd::Waited,
    );
}
