//! Hosts on a wire, and the time that passes for them all: it jumps to the next moment at which
//! anything is to happen, so that minutes take milliseconds.

use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpEndpoint;

use super::host::{Host, Version, address};
use super::raw::Raw;
use super::session::Session;
use super::wire::Wire;

/// So often may something be due at one moment: more is a loop that makes no progress.
const SPIN_MAX: usize = 10_000;

/// The longest IP packet on the segment, where a test does not say otherwise.
pub const MTU: usize = 1500;

pub struct World {
    pub now: Instant,
    pub wire: Wire,
    pub hosts: Vec<Host>,
    pub sessions: Vec<Session>,
    pub raws: Vec<Raw>,
}

impl World {
    /// Hosts only, without a server.
    pub fn new(seed: u64) -> Self {
        Self {
            now: Instant::ZERO,
            wire: Wire::new(seed),
            hosts: Vec::new(),
            sessions: Vec::new(),
            raws: Vec::new(),
        }
    }

    /// One more host; its place comes back. Their addresses begin at 2: 1 is the server.
    pub fn host(&mut self) -> usize {
        self.host_with_mtu(MTU)
    }

    pub fn host_with_mtu(&mut self, mtu: usize) -> usize {
        let number = self.hosts.len() as u8 + 2;
        self.hosts.push(Host::new(&self.wire, number, mtu));
        self.hosts.len() - 1
    }

    /// A connection of a host to a port of the server, without manners.
    pub fn dial(&mut self, host: usize, version: Version, port: u16) -> usize {
        let to = IpEndpoint::new(address(version, 1), port);
        let socket = self.hosts[host].connect(to);
        self.raws.push(Raw::new(host, socket));
        self.raws.len() - 1
    }

    /// A socket of a host that listens.
    pub fn listen(&mut self, host: usize, port: u16) -> usize {
        let socket = self.hosts[host].listen(port);
        self.raws.push(Raw::new(host, socket));
        self.raws.len() - 1
    }

    /// Let time pass until something is so, for `most` at the longest.
    pub fn run_until(&mut self, most: Duration, mut is_so: impl FnMut(&mut Self) -> bool) {
        let end = self.now + most;
        loop {
            self.settle();
            if is_so(self) {
                return;
            }
            match self.next() {
                Some(next) if next <= end => self.now = next,
                Some(_) => panic!("not so after {most}: {}", self.sight()),
                None => panic!("at {} nothing will happen any more: {}", self.now, self.sight()),
            }
        }
    }

    /// Let so much time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.settle();
            match self.next() {
                Some(next) if next <= end => self.now = next,
                _ => break,
            }
        }
        self.now = end;
        self.settle();
    }

    /// Do everything that is due now.
    pub fn settle(&mut self) {
        for _ in 0..SPIN_MAX {
            for session in &mut self.sessions {
                session.advance(&mut self.hosts[session.host]);
            }
            for raw in &mut self.raws {
                raw.advance(&mut self.hosts[raw.host]);
            }
            let mut is_at_rest = true;
            for host in &mut self.hosts {
                if host.is_due(self.now) {
                    host.poll(self.now);
                    is_at_rest = false;
                }
            }
            if is_at_rest {
                return;
            }
        }
        panic!("something is due again and again at {}: {}", self.now, self.sight());
    }

    /// The next moment at which something is to be done.
    fn next(&mut self) -> Option<Instant> {
        let now = self.now;
        self.hosts.iter_mut().filter_map(|host| host.next(now)).min()
    }

    /// What a failed test wants to know.
    fn sight(&self) -> String {
        let sessions = self.sessions.iter().map(|session| session.sight(&self.hosts));
        let raws = self.raws.iter().map(|raw| raw.sight(&self.hosts));
        sessions.chain(raws).map(|line| format!("\n  {line}")).collect()
    }
}
