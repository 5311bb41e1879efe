//! What machines and media show of themselves in logs, over `core::fmt` and over defmt alike:
//! where they are, never what is in their buffers.

use core::fmt;

use crate::buffer::Buffer;
use crate::client::Client;
use crate::machine::Machine;
use crate::ram::{Disk, Memory};
use crate::server::Server;
use crate::step::Medium;
use crate::storage::Storage;
use crate::{classic, ram};

/// `Debug` and `defmt::Format` of a type, with these parameters, as this text with what these
/// methods return.
macro_rules! shown {
    ($([$($parameters:tt)+] $type:ty: $text:literal, $($method:ident),+;)+) => { $(
        impl<$($parameters)+> fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $text, $(self.$method()),+)
            }
        }

        #[cfg(feature = "defmt")]
        impl<$($parameters)+> defmt::Format for $type {
            fn format(&self, f: defmt::Formatter<'_>) {
                defmt::write!(f, $text, $(self.$method()),+);
            }
        }
    )+ };
}

shown! {
    [C: Buffer, const LINE: usize] Server<C, LINE>:
        "Server {{ waiting: {:?}, counters: {:?}, .. }}", waiting, counters;
    [C: Buffer, const LINE: usize] classic::Server<C, LINE>:
        "Server {{ waiting: {:?}, counters: {:?}, .. }}", waiting, counters;
    [C: Buffer, const LINE: usize, const DEPTH: usize] Client<C, LINE, DEPTH>:
        "Client {{ unanswered: {:?}, takes_request: {:?}, .. }}", unanswered, takes_request;
    [C: Buffer] classic::Client<C>:
        "Client {{ way: {:?}, patience: {:?}, .. }}", way, patience;
    [S: Storage] Medium<S>: "Medium {{ open: {:?}, .. }}", open_kind;
    [M: Memory] Disk<M>: "Disk {{ space: {:?}, .. }}", space;
    [M: Memory] ram::Session<'_, M>: "Session {{ number: {:?}, .. }}", number;
}
