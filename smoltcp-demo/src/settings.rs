//! How a server serves.

use coracle::{Config, Timeouts};

use crate::owner::Port;

/// What can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Settings {
    /// The control port; not 0.
    pub control_port: u16,
    /// The transfer port, if there is to be one; not 0. The ancestor's programs know 3333 only,
    /// which is also the port of theirs that a classic download is sent to.
    pub transfer_port: Option<u16>,
    /// What sessions are told and allowed; [`Config::classic`] is for the control port.
    pub config: Config,
    /// How long sessions wait for their peers.
    pub timeouts: Timeouts,
    /// Milliseconds of silence after which a peer is asked whether it still lives. A connection
    /// of smoltcp 0.14 needs that in any case: if segments overtake one another while the peer's
    /// window is closed, its timers may stop, and only an answer starts them again.
    pub keep_alive: u32,
    /// Milliseconds after which a peer that answers nothing has vanished.
    pub vanished: u32,
}

impl Settings {
    /// The ports and times of the protocol, with these limits.
    pub const fn new(config: Config) -> Self {
        Self {
            control_port: 2222,
            transfer_port: Some(3333),
            config,
            timeouts: Timeouts::DEFAULT,
            keep_alive: 20_000,
            vanished: 60_000,
        }
    }

    pub(crate) fn number(&self, port: Port) -> Option<u16> {
        match port {
            Port::Control => Some(self.control_port),
            Port::Transfer => self.transfer_port,
        }
    }
}
