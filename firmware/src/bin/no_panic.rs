//! The proof that nothing panics: this image has the core, the file system, the driver of the card
//! and the drivers of the chip in it, and is linked only if no panic is reachable.
//!
//! What the optimizer cannot know goes in and out of it, so nothing is left out. smoltcp is not in
//! it: its version 0.14 has places where a panic is possible as far as a compiler can see.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::hint::black_box;

use coracle::limits::CHUNK_BUFFER_LEN;
use coracle::poll::{Driver, Stream, serve};
use coracle::{Config, FixedServer, Medium, Timeouts};
use coracle_firmware::board::{self, Lm3s6965};
use coracle_firmware::{clock, media, stack};
use coracle_node::{Board, Media};
use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::time::Instant;

#[entry]
fn main() -> ! {
    let parts = board::start();
    let Some((mut parts, mut files)) = parts.zip(media::on_card()) else { SCB::sys_reset() };
    let mut medium = Medium::new(files.session());
    let mut server = FixedServer::new(Config::new(), [0; CHUNK_BUFFER_LEN]);
    let mut driver = Driver::new(Timeouts::DEFAULT, clock::now());
    loop {
        turn(&mut parts.board);
        files.set_now(clock::now());
        let now = clock::now();
        let _ = black_box(serve(&mut server, &mut driver, &mut Link, &mut medium, now, 32));
    }
}

/// Everything that the main loop does with a board.
fn turn(board: &mut Lm3s6965) {
    black_box(board.seed());
    board.alive();
    let device = board.device();
    black_box(device.capabilities());
    if let Some((received, sending)) = device.receive(Instant::ZERO) {
        received.consume(|frame| {
            black_box(frame);
        });
        sending.consume(black_box(60), |frame| frame.fill(black_box(0)));
    }
    if let Some(sending) = device.transmit(Instant::ZERO) {
        sending.consume(black_box(60), |frame| frame.fill(black_box(0)));
    }
    board.sleep(black_box(0));
    black_box((stack::size(), stack::used()));
}

/// A connection of which nothing is known.
struct Link;

impl Stream for Link {
    type Error = Infallible;

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Infallible> {
        let buffer = black_box(buffer);
        Ok(black_box(Some(buffer.len())))
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<Option<usize>, Infallible> {
        Ok(black_box(Some(black_box(bytes).len())))
    }
}
