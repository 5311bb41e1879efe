//! An owner of a client who may want anything.

use coracle::client::{Event, Handler, NotNow, Supplied};
use coracle::{Command, Path, Refusal, Resume};

use super::{any, filled, taken};

/// The owner of a client: some name is all it has.
#[derive(Debug)]
pub struct Caller<'a>(pub Path<'a>);

impl Handler for Caller<'_> {
    #[inline(never)]
    fn next_request(&mut self) -> Option<Command<Path<'_>>> {
        let (path, number) = (self.0, any(Some(1)));
        let resume = number.map(|offset| Resume { offset, crc: any(1) });
        any(Some(match any(0) {
            0 => Command::List { path },
            1 => Command::Stat { path },
            2 => Command::Sum { path, offset: any(1), length: number },
            3 => Command::Partial { path },
            4 => Command::Download { path, offset: any(1), length: number, prefix: any(Some(1)) },
            5 => Command::Upload { path, size: number, resume, modified: number },
            6 => Command::Forget { path },
            7 => Command::Remove { path },
            8 => Command::MakeFolder { path },
            9 => Command::Rename { from: path, to: any(path) },
            10 => Command::Space,
            11 => Command::Stats,
            12 => Command::Noop,
            13 => Command::Help,
            _ => Command::Exit,
        }))
    }

    #[inline(never)]
    fn requested(&mut self, outcome: Result<u64, NotNow>) {
        any(outcome).ok();
    }

    #[inline(never)]
    fn supply(&mut self, request: u64, offset: u64, buffer: &mut [u8]) -> Supplied {
        any((request, offset));
        any(Supplied::Bytes(filled(buffer)))
    }

    #[inline(never)]
    fn store(&mut self, request: u64, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        any((request, offset));
        taken(data);
        any(Ok(()))
    }

    #[inline(never)]
    fn event(&mut self, event: Event<'_>) -> Result<(), Refusal> {
        any(&event);
        any(Ok(()))
    }
}
