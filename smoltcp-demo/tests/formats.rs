//! Every public type of the library can be logged with defmt.

#[path = "../../core/tests/support/formats.rs"]
mod formats;

use coracle::limits::CHUNK_BUFFER_LEN;
use coracle::{Answer, Host, Step};
use coracle_smoltcp::{
    Door, Ended, Lost, Next, Owner, Port, Server, Session, Settings, Slot, Stream,
};

/// The least owner.
struct Nobody;

impl Host for Nobody {
    fn answer(&mut self, _step: Step<'_>) -> Answer {
        Answer::Done
    }
}

impl Owner for Nobody {
    type Chunk = [u8; CHUNK_BUFFER_LEN];
    type Host = Self;

    fn chunk(&mut self) -> Self::Chunk {
        [0; CHUNK_BUFFER_LEN]
    }

    fn begin(&mut self, _session: &Session) -> Self {
        Self
    }

    fn end(&mut self, _session: &Session, _host: Self, _ended: Ended) {}
}

#[test]
fn every_public_type_can_be_logged() {
    formats::has::<Ended>();
    formats::check!(
        env!("CARGO_MANIFEST_DIR"),
        host: &["bin", "tap"],
        Door,
        Lost,
        Next,
        Port,
        Server<'_, Nobody>,
        Session,
        Settings,
        Slot<Nobody>,
        Stream<'_, '_>,
    );
}
