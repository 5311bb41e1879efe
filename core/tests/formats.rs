//! Every public type can be logged with defmt.

#[path = "support/formats.rs"]
mod formats;

use coracle::{asynch, classic, client, limits, poll, ram};

type Buffer = [u8; limits::CHUNK_BUFFER_LEN];
type Arrays = ram::Arrays<1, 1>;
type Refused = coracle::Refusal;

#[test]
fn every_public_type_can_be_logged() {
    formats::check!(
        env!("CARGO_MANIFEST_DIR"),
        host: &[],
        asynch::Inline<Refused>,
        classic::Client<Buffer>,
        classic::Server<Buffer, 640>,
        classic::Way,
        client::Action<'_>,
        client::Client<Buffer, 640, 4>,
        client::ClientError,
        client::Done<'_>,
        client::Error<Refused>,
        client::Event<'_>,
        client::NotNow,
        client::PeerError,
        client::Supplied,
        client::poll::Waiting,
        coracle::Action<'_>,
        coracle::Answer,
        coracle::BadFrame,
        coracle::BadLine,
        coracle::Code,
        coracle::Command<coracle::Path<'_>>,
        coracle::Config,
        coracle::Counters,
        coracle::Crc32,
        coracle::Durability,
        coracle::Entry<'_>,
        coracle::Error<Refused>,
        coracle::Escaped<'_>,
        coracle::Event<'_>,
        coracle::Facts,
        coracle::Frame,
        coracle::Greeting,
        coracle::Hello,
        coracle::Kind,
        coracle::Medium<ram::Session<'_, Arrays>>,
        coracle::Metadata,
        coracle::Misuse,
        coracle::Outcome,
        coracle::Overflow,
        coracle::Path<'_>,
        coracle::PathError,
        coracle::Purpose,
        coracle::Receipt,
        coracle::Refusal,
        coracle::Reply<'_>,
        coracle::Resume,
        coracle::Server<Buffer, 640>,
        coracle::Space,
        coracle::Step<'_>,
        coracle::Timeouts,
        coracle::Timers,
        coracle::Waiting,
        poll::Driver<Refused>,
        poll::Progress,
        ram::Arrays<1, 1>,
        ram::Disk<Arrays>,
        ram::Lent<'_>,
        ram::Node,
        ram::RamFile,
        ram::RamFolder,
        ram::RamStaged,
        ram::Session<'_, Arrays>,
    );
}
