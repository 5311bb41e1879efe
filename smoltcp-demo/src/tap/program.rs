//! The loop: serve, sleep, and end when a signal says so.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant as Moment};

use coracle::limits::LINE_MAX;
use coracle_desktop::output::say;
use rustix::event::Timespec;
use smoltcp::wire::IpAddress;

use super::device::Trouble;
use super::dhcp::Change;
use super::failure::Failure;
use super::host::Surroundings;
use super::medium::Media;
use super::network::Network;
use super::size::Size;
use super::stack::Stack;
use super::wake::{Signals, Waker, sleep};
use super::workers::Workers;
use crate::{Next, Server};

/// What the loop has of the system besides its device.
pub(super) struct System {
    signals: Signals,
    waker: Waker,
    pub(super) workers: Workers,
}

/// A server that runs.
pub(super) struct Program<'a, 's, M: Media> {
    stack: &'a mut Stack,
    server: Server<'s, Surroundings<M>, LINE_MAX>,
    system: &'a System,
    listening: Listening<'a>,
    /// Until when sessions may still finish, once the end was asked for.
    ending: Option<Moment>,
}

/// Tells where the server can be reached, and that it can be.
pub(super) struct Listening<'a> {
    port: u16,
    root: Option<&'a Path>,
    ram: Option<Size>,
    is_ready: bool,
}

impl System {
    /// # Errors
    ///
    /// If the system has no descriptors left.
    pub(super) fn new() -> io::Result<Self> {
        let (signals, waker) = (Signals::await_all()?, Waker::new()?);
        let workers = Workers::new(waker.clone());
        Ok(Self { signals, waker, workers })
    }
}

impl<'a> Listening<'a> {
    pub(super) fn new(port: u16, root: Option<&'a Path>, ram: Option<Size>) -> Self {
        Self { port, root, ram, is_ready: false }
    }

    fn at(&self, address: IpAddress) {
        let address = SocketAddr::new(address.into(), self.port);
        let root = self.root.map(|root| tracing::field::display(root.display()));
        let ram = self.ram.map(tracing::field::display);
        tracing::info!(%address, root, ram, "listening");
    }

    fn ready(&mut self) {
        if !std::mem::replace(&mut self.is_ready, true) {
            say("The server is ready to receive");
        }
    }
}

impl<'a, 's, M: Media> Program<'a, 's, M> {
    pub(super) fn new(
        stack: &'a mut Stack,
        server: Server<'s, Surroundings<M>, LINE_MAX>,
        system: &'a System,
        listening: Listening<'a>,
    ) -> Self {
        Self { stack, server, system, listening, ending: None }
    }

    /// Serve until a signal ends it; sessions get the grace to finish what they do.
    ///
    /// # Errors
    ///
    /// If the device goes, or the system cannot wait.
    pub(super) fn run(mut self, network: &Network, grace: Duration) -> Result<(), Failure> {
        self.announce(network);
        loop {
            if self.system.signals.came() {
                if self.ending.is_some() {
                    tracing::warn!("second signal: ending at once");
                    return Ok(());
                }
                tracing::info!(grace_seconds = grace.as_secs(), "shutting down");
                self.server.shut_down();
                self.ending = Some(Moment::now() + grace);
            }
            let next = self.stack.poll(&mut self.server);
            self.tell_troubles()?;
            if self.is_over() {
                return Ok(());
            }
            if !self.tell_lease() && next != Next::Now {
                self.sleep(next)?;
            }
        }
    }

    fn announce(&mut self, network: &Network) {
        say(&format!("Server Port: {}", self.listening.port));
        for ours in &network.ours {
            self.listening.at(ours.address());
        }
        if network.dhcp {
            tracing::info!("asking for an address (DHCP)");
        }
        if !network.ours.is_empty() {
            self.listening.ready();
        }
    }

    /// Returns whether the lease has changed.
    fn tell_lease(&mut self) -> bool {
        let change = self.stack.lease();
        match change {
            Some(Change::Got { address, router, server }) => {
                let router = router.map(tracing::field::display);
                tracing::info!(%address, router, %server, "an address was got (DHCP)");
                self.listening.at(address.address().into());
                self.listening.ready();
            }
            Some(Change::Lost { address }) => {
                tracing::warn!(%address, "the address is lost, and what was connected to it (DHCP)");
            }
            None => {}
        }
        change.is_some()
    }

    fn tell_troubles(&mut self) -> Result<(), Failure> {
        while let Some(trouble) = self.stack.trouble() {
            match trouble {
                Trouble::Gone(_) => return Err(Failure::Gone(trouble)),
                trouble => tracing::warn!("{trouble}"),
            }
        }
        Ok(())
    }

    /// Whether the end was asked for, and nothing is left or the grace is over.
    fn is_over(&self) -> bool {
        let Some(ending) = self.ending else { return false };
        if self.server.is_quiet() && self.system.workers.is_idle() {
            return true;
        }
        if Moment::now() < ending {
            return false;
        }
        match self.listening.ram {
            None => tracing::warn!("sessions were cut off; their uploads can be continued"),
            Some(_) => tracing::warn!("sessions were cut off"),
        }
        true
    }

    fn sleep(&mut self, next: Next) -> Result<(), Failure> {
        let until_end = self.ending.map(|end| end.saturating_duration_since(Moment::now()));
        let until_next = match next {
            Next::Now => Some(Duration::ZERO),
            Next::At(at) => {
                let now = self.stack.now();
                Some(if at > now { (at - now).into() } else { Duration::ZERO })
            }
            Next::Frame => None,
        };
        let longest = until_end.into_iter().chain(until_next).min().map(timespec);
        let System { waker, signals, .. } = self.system;
        sleep(self.stack.rest(), waker, signals, longest)
            .map_err(|error| Failure::System("wait for frames", error))
    }
}

fn timespec(time: Duration) -> Timespec {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timespec { tv_sec: seconds, tv_nsec: time.subsec_nanos().into() }
}
