//! The frames of an upload that was refused: dropped, and never read as commands.

use super::frames::{Frames, Got};
use super::upload::NOT_A_FRAME;
use super::{Misuse, Next, Outcome, Phase, Server};
use crate::buffer::{Buffer, Purpose};
use crate::machine::add_to;

impl<C: Buffer, const LINE: usize> Server<C, LINE> {
    pub(super) fn on_drained(&mut self, count: usize) -> Result<(), Misuse> {
        let Phase::Drain(frames) = &mut self.phase else { return Err(Misuse) };
        if count > drain_room(frames, self.chunk.bytes().len()) {
            return Err(Misuse);
        }
        if count == 0 {
            self.ending = self.ending.or(Some(Outcome::Lost));
            self.phase = Phase::Next(Next::Boundary);
            return Ok(());
        }
        let got = match *frames {
            Frames::Data(left) => {
                let left = left.saturating_sub(count as u32);
                *frames = if left > 0 { Frames::Data(left) } else { Frames::START };
                add_to(&mut self.counters.received, count as u64);
                Got::Part
            }
            _ => frames.received(count),
        };
        match got {
            Got::End(_) | Got::Failed => self.phase = Phase::Next(Next::Boundary),
            Got::Bad => self.phase = Phase::Next(Next::Close(NOT_A_FRAME)),
            Got::Busy => self.counters.signs = self.counters.signs.saturating_add(1),
            Got::Part | Got::Data(_) | Got::Failing => {}
        }
        Ok(())
    }
}

/// Where the next bytes of a refused upload go.
pub(super) fn drain_space<'a>(frames: &'a mut Frames, chunk: &'a mut impl Buffer) -> &'a mut [u8] {
    if let Frames::Data(_) = frames {
        chunk.reserve(Purpose::Lines);
    }
    let room = drain_room(frames, chunk.bytes().len());
    match frames {
        Frames::Data(_) => chunk.bytes_mut().get_mut(..room).unwrap_or(&mut []),
        other => other.space().unwrap_or(&mut []),
    }
}

fn drain_room(frames: &Frames, chunk_len: usize) -> usize {
    match frames {
        Frames::Data(left) => chunk_len.min(*left as usize),
        other => other.room(),
    }
}
