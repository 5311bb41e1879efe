//! A client brought into each state in which it can go away.

use super::raw::data;
use super::session::upload;
use super::world::{CONTROL, SECOND, World};
use super::{Setup, Version, payload};
use coracle::Command;
use smoltcp::time::Duration;

/// Where a client is when it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its SYN has come.
    HalfOpen,
    /// It is connected and has said nothing.
    Silent,
    /// It has said half a `hello`.
    FirstLine,
    /// It has said half a command.
    Line,
    /// It has been served, and asks for nothing.
    Idle,
    /// It has sent half a file.
    Upload,
    /// It reads half a file, and then no more.
    Download,
    /// It was told the last word, and has not closed.
    Closing,
}

impl Place {
    pub const ALL: [Self; 8] = [
        Self::HalfOpen,
        Self::Silent,
        Self::FirstLine,
        Self::Line,
        Self::Idle,
        Self::Upload,
        Self::Download,
        Self::Closing,
    ];
}

/// Bytes of the half file.
pub const HALF: usize = 50 * 1024;

/// The file of which half is sent.
pub fn file() -> Vec<u8> {
    payload(77, 2 * HALF)
}

/// A server with one slot, and a client in it that is somewhere: its raw connection. The first
/// host is the client's, the second is there to look.
pub fn client_at(place: Place, version: Version, setup: Setup) -> (World, usize) {
    let mut world = World::serving(place as u64, setup);
    let (host, other) = (world.host(), world.host());
    let session = world.session(other, version);
    world.does(session, [upload("big", &file()), Command::Exit.into()]);
    world.run_for(SECOND * 3);
    assert_eq!(world.server().server.sessions(), 0);
    let raw = world.dial(host, version, CONTROL);
    if place == Place::HalfOpen {
        // The neighbour is asked for and answers; then the SYN is on its way.
        world.run_for(Duration::from_micros(250));
        return (world, raw);
    }
    let (says, hears): (Vec<u8>, fn(&str) -> bool) = match place {
        Place::HalfOpen | Place::Silent => (Vec::new(), str::is_empty),
        Place::FirstLine => (b"hel".to_vec(), str::is_empty),
        Place::Line => (b"hello 1\nnoop\nls so".to_vec(), |heard| heard.ends_with("ok\\n")),
        Place::Idle => (b"hello 1\nnoop\n".to_vec(), |heard| heard.ends_with("ok\\n")),
        Place::Upload => (half_upload(), |heard| heard.starts_with("ok 1")),
        Place::Download => {
            (b"hello 1\ndownload big\n".to_vec(), |heard| heard.contains("ok 102400"))
        }
        Place::Closing => (b"hello 1\nexit\n".to_vec(), |heard| heard.ends_with("\\nok\\n")),
    };
    world.raws[raw].say(&says);
    world.run_until(SECOND, |world| hears(&world.raws[raw].text()));
    if place == Place::Download {
        world.raws[raw].reads = false;
    }
    world.run_for(SECOND);
    if place != Place::Closing {
        assert_eq!(world.server().server.sessions(), 1, "{place:?}");
    }
    (world, raw)
}

fn half_upload() -> Vec<u8> {
    let file = file();
    let mut bytes = format!("hello 1\nupload u {}\n", file.len()).into_bytes();
    bytes.extend(file[..HALF].chunks(1024).flat_map(data));
    bytes
}

/// After how long the second host is served in the only slot.
pub fn slot_is_back_after(world: &mut World, version: Version) -> Duration {
    let began = world.now;
    loop {
        let session = world.session(1, version);
        world.ask(session, [Command::Noop.into(), Command::Exit.into()]);
        world.run_until(SECOND * 60, |world| world.sessions[session].is_through());
        let Some(answer) = world.sessions[session].script.answers.first() else { continue };
        if answer.result.is_some_and(|result| result.is_ok()) {
            return world.now - began;
        }
        assert!(world.now - began < SECOND * 400, "the slot does not come back");
        world.run_for(SECOND / 4);
    }
}
