//! The protocol core of coracle: file transfer that fits on a microcontroller.
//!
//! One idea: **the protocol is a pure state machine, everything else is a thin driver around
//! it.** Nothing here does I/O, allocates, or reads a clock; nothing here panics, whatever the
//! peer sends. The same machine serves a desktop, a userspace TCP/IP stack and a Cortex-M. The
//! bytes on the wire are specified in `PROTOCOL.md`.
//!
//! # The invariant
//!
//! **Exactly one action is outstanding: do it, report it, poll again.**
//!
//! [`Machine::poll`] says what must happen next, and says the same until it was reported:
//!
//! 1. [`Action::Receive`] lends memory for bytes of the peer → [`Machine::received`];
//! 2. [`Action::Transmit`] lends bytes for it → [`Machine::transmitted`];
//! 3. [`Action::Step`] asks something of the medium → [`Machine::answered`];
//! 4. [`Action::Done`] says how the session ended.
//!
//! A report that does not fit is a [`Misuse`] error, never a panic and never silently
//! corrected. A lent slice is never empty. State changes only in a report: a driver whose future
//! is dropped loses nothing that the link itself does not lose.
//!
//! # Drivers
//!
//! Nobody has to write that loop: [`blocking`] runs it over `embedded-io`, [`asynch`] (feature
//! `async`) over `embedded-io-async`, [`poll`] over anything that never waits. All three give
//! the same bytes for the same script. They answer steps through a [`Host`], or through one of
//! their own whose steps may take their time (`asynch::Host`, [`poll::Host`]): only that session
//! waits for a slow medium, and its peer is told that we live. [`Medium`] is a host over any
//! [`Storage`], the trait a medium implements, whose laws stand there and are checked by the kit
//! in `laws` (feature `laws`). [`RamDisk`] is such a medium.
//!
//! ```
//! use core::cell::RefCell;
//! use coracle::{Config, FixedServer, Medium, Outcome, RamDisk, RamSession, limits};
//! # struct Line<'a>(&'a [u8], Vec<u8>);
//! # impl embedded_io::ErrorType for Line<'_> { type Error = core::convert::Infallible; }
//! # impl embedded_io::Read for Line<'_> {
//! #     fn read(&mut self, to: &mut [u8]) -> Result<usize, Self::Error> {
//! #         Ok(embedded_io::Read::read(&mut self.0, to).unwrap())
//! #     }
//! # }
//! # impl embedded_io::Write for Line<'_> {
//! #     fn write(&mut self, from: &[u8]) -> Result<usize, Self::Error> {
//! #         self.1.extend_from_slice(from);
//! #         Ok(from.len())
//! #     }
//! #     fn flush(&mut self) -> Result<(), Self::Error> { Ok(()) }
//! # }
//! // Any `embedded_io::Read + Write`: a TCP socket, a UART, here a script.
//! let mut link = Line(b"hello 1\nmkdir logs\nls\nexit\n", Vec::new());
//!
//! let disk = RefCell::new(RamDisk::<16, 64>::new());
//! let mut medium = Medium::new(RamSession::new(&disk));
//! let mut server = FixedServer::new(Config::new(), [0; limits::CHUNK_BUFFER_LEN]);
//!
//! let outcome = coracle::blocking::serve(&mut server, &mut link, &mut medium);
//! assert_eq!(outcome, Ok(Outcome::Exit));
//! assert!(link.1.ends_with(b"ok\n- d - - logs\nok 1\nok\n"));
//! ```
//!
//! [`client`] is the other side: a chip may upload its logs. It is a machine as well, with three
//! drivers of the same shape. [`classic`] is the dialect of the protocol's ancestor, whose
//! machine the same drivers serve.
//!
//! # Memory
//!
//! A session takes [`SESSION_RAM`] bytes with the fixed buffers: 640 for lines, 1032 for a
//! chunk and two headers, the rest for the state. Buffers belong to the machine's type: a
//! desktop gives it larger ones ([`Buffer`]) and holds them only while bytes move.
//!
//! # Features
//!
//! All additive, none on by default: `async`, `defmt` (every public type can be logged),
//! `fast-crc` (SIMD; 16 KiB of tables), `laws` (needs `std`).
#![no_std]
#[cfg(any(test, feature = "laws"))]
extern crate std;

#[cfg(feature = "async")]
pub mod asynch;
pub mod blocking;
mod buffer;
pub mod classic;
pub mod client;
mod command;
mod crc;
mod drive;
mod emit;
mod error;
mod format;
mod frame;
mod greeting;
#[cfg(feature = "laws")]
pub mod laws;
pub mod limits;
mod machine;
mod path;
pub mod poll;
pub mod ram;
mod reply;
mod server;
mod step;
mod storage;
mod timers;
mod token;

pub use buffer::{Buffer, HOST_SPARE, Purpose, host_start};
pub use command::{BadLine, Command, Hello, Resume, VERSION};
pub use crc::Crc32;
pub use emit::Overflow;
pub use error::Error;
pub use frame::{BUSY, BadFrame, End, Frame};
pub use greeting::Greeting;
pub use machine::{Action, Counters, Machine, Misuse, Outcome, Waiting};
pub use path::{Escaped, Path, PathError, check_component};
pub use ram::{RamDisk, RamFile, RamFolder, RamSession, RamStaged};
pub use reply::{Code, Entry, Receipt, Refusal, Reply, fields};
pub use server::{Config, FixedServer, SESSION_RAM, Server};
pub use step::{Answer, Event, Host, Medium, Step};
pub use storage::{Durability, Facts, Kind, Metadata, Space, Storage};
pub use timers::{Timeouts, Timers};
