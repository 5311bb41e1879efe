//! The ancestor's client, which cannot be changed any more: one command a connection, without a
//! terminator; the connection is closed as soon as a reply is there, before the file is moved.

use smoltcp::time::Duration;

use super::Version;
use super::world::{CONTROL, SECOND, TRANSFER, World};

/// Bytes of the longest reply that it reads.
const MESSAGE: usize = 128;

/// The longest wait for anything.
const MOST: Duration = Duration::from_secs(60);

/// Send a command and hang up with the reply, of which this much is read at once.
pub fn ask(world: &mut World, host: usize, version: Version, command: &str) -> String {
    let control = begin(world, host, version, command);
    reply(world, control)
}

/// Send a command; the connection.
pub fn begin(world: &mut World, host: usize, version: Version, command: &str) -> usize {
    let control = world.dial(host, version, CONTROL);
    world.raws[control].say(command.as_bytes());
    control
}

/// Wait for the reply and hang up.
pub fn reply(world: &mut World, control: usize) -> String {
    world.run_until(MOST, |world| {
        !world.raws[control].received.is_empty() || world.raws[control].is_over()
    });
    let raw = &mut world.raws[control];
    raw.close();
    let came = &raw.received[..raw.received.len().min(MESSAGE)];
    String::from_utf8(came.to_vec()).unwrap()
}

/// Listen after the size was read, take one connection, and close as soon as everything is there.
pub fn receive(world: &mut World, host: usize, size: usize) -> Vec<u8> {
    let transfer = world.listen(host, TRANSFER);
    world.run_until(MOST, |world| {
        let raw = &world.raws[transfer];
        raw.is_over() || raw.received.len() >= size && size > 0
    });
    world.raws[transfer].close();
    world.raws[transfer].received.clone()
}

/// A whole download: the reply if it is no size, else the file.
pub fn download(
    world: &mut World,
    host: usize,
    version: Version,
    name: &str,
) -> Result<Vec<u8>, String> {
    let reply = ask(world, host, version, &format!("download {name}"));
    match reply.parse() {
        Ok(size) => Ok(receive(world, host, size)),
        Err(_) => Err(reply),
    }
}

/// Dial once, send and hang up; the connection.
pub fn send(world: &mut World, host: usize, version: Version, file: &[u8]) -> usize {
    let transfer = world.dial(host, version, TRANSFER);
    world.raws[transfer].say(file);
    world.raws[transfer].close();
    transfer
}

/// A whole upload: the reply.
pub fn upload(
    world: &mut World,
    host: usize,
    version: Version,
    (name, file): (&str, &[u8]),
) -> String {
    let reply = ask(world, host, version, &format!("upload {name} {}", file.len()));
    if reply == "ok" {
        let transfer = send(world, host, version, file);
        world.run_until(MOST, |world| world.raws[transfer].is_over());
        assert!(world.raws[transfer].is_ended, "the server closes in order");
    }
    // The reply comes before the bytes: what was stored shows in a while.
    world.run_for(SECOND / 10);
    reply
}
