//! What the server shows of itself in logs, over `core::fmt` and over defmt alike: never what is in
//! the buffers of its sessions and sockets.

use core::fmt;

use crate::owner::Owner;
use crate::server::Server;
use crate::slot::Slot;
use crate::stream::Stream;

impl<O: Owner, const LINE: usize> fmt::Debug for Server<'_, O, LINE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("sessions", &self.sessions()).finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<O: Owner, const LINE: usize> defmt::Format for Server<'_, O, LINE> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Server {{ sessions: {}, .. }}", self.sessions());
    }
}

impl<O: Owner, const LINE: usize> fmt::Debug for Slot<O, LINE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("state", &self.state.word()).finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<O: Owner, const LINE: usize> defmt::Format for Slot<O, LINE> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Slot {{ state: {}, .. }}", self.state.word());
    }
}

impl fmt::Debug for Stream<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("state", &self.0.state()).finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Stream<'_, '_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Stream {{ state: {}, .. }}", self.0.state());
    }
}
