//! One turn of a session: what becomes of all that is known where the medium does not go along.

use super::LittleFs;
use super::flash::Flash;
use super::log::Pair;
use super::state::State;
use crate::chip::Error;

impl<F: Flash, const OPEN: usize> LittleFs<F, OPEN> {
    /// Do something that changes nothing. Without a medium, nothing that is known holds.
    pub(super) fn seen<T>(
        &mut self,
        look: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        look(self).inspect_err(|error| {
            if *error == Error::Absent {
                self.unmount();
            }
        })
    }

    #[inline(never)]
    pub(super) fn unmount(&mut self) {
        self.is_mounted = false;
        self.known = Pair::NONE;
        self.open.clear();
    }

    /// Do something in one or more commits. If it is refused, nothing has happened; if the medium
    /// failed, nobody knows, and it is mounted anew.
    pub(super) fn change<T>(
        &mut self,
        steps: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let used = self.used;
        self.settle();
        steps(self).inspect_err(|error| self.give_up(*error, used))
    }

    /// A change was refused, and the blocks that it took are free again.
    #[inline(never)]
    fn give_up(&mut self, error: Error, used: u32) {
        (self.used, self.state, self.dropped) = (used, self.disk, State::NONE);
        let is_broken = matches!(error, Error::Absent | Error::Failed | Error::Damaged);
        if is_broken || !self.disk.is_zero() {
            self.unmount();
        }
    }
}
