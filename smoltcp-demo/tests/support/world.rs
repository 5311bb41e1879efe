//! Hosts on a wire, and the time that passes for them all: it jumps to the next moment at which
//! anything is to happen, so that minutes take milliseconds.

use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::host::{Host, Version, address};
use super::raw::Raw;
use super::served::{Served, Setup};
use super::session::{Answer, Session, Task};
use super::wire::Wire;

/// So often may something be due at one moment: more is a loop that makes no progress.
const SPIN_MAX: usize = 10_000;

/// The ports of the server.
pub const CONTROL: u16 = 2222;
pub const TRANSFER: u16 = 3333;

pub const SECOND: Duration = Duration::from_secs(1);

/// The longest IP packet on the segment, where a test does not say otherwise.
pub const MTU: usize = 1500;

pub struct World {
    pub now: Instant,
    pub wire: Wire,
    server: Option<Served>,
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
            server: None,
            hosts: Vec::new(),
            sessions: Vec::new(),
            raws: Vec::new(),
        }
    }

    /// A server, and room for hosts.
    pub fn serving(seed: u64, setup: Setup) -> Self {
        let world = Self::new(seed);
        Self { server: Some(Served::new(&world.wire, setup)), ..world }
    }

    pub fn server(&mut self) -> &mut Served {
        self.server.as_mut().unwrap()
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
        self.dial_to(host, address(version, 1), port)
    }

    pub fn dial_to(&mut self, host: usize, to: IpAddress, port: u16) -> usize {
        let socket = self.hosts[host].connect(IpEndpoint::new(to, port));
        self.raws.push(Raw::new(host, socket));
        self.raws.len() - 1
    }

    /// A session of a host with the server.
    pub fn session(&mut self, host: usize, version: Version) -> usize {
        self.session_at(host, version, CONTROL, false)
    }

    /// The same at a port; `transfer` asks for the transfer port to be opened.
    pub fn session_at(
        &mut self,
        host: usize,
        version: Version,
        port: u16,
        transfer: bool,
    ) -> usize {
        let to = IpEndpoint::new(address(version, 1), port);
        let socket = self.hosts[host].connect(to);
        self.sessions.push(Session::new(host, socket, transfer));
        self.sessions.len() - 1
    }

    /// Have a session do something, some time.
    pub fn ask(&mut self, session: usize, tasks: impl IntoIterator<Item = Task>) {
        self.sessions[session].script.todo.extend(tasks);
    }

    /// Let time pass until a session has done everything, which must take less than `most`.
    pub fn finish(&mut self, session: usize, most: Duration) -> &[Answer] {
        self.run_until(most, |world| world.sessions[session].is_through());
        let Session { end, script, .. } = &self.sessions[session];
        assert!(matches!(end, None | Some(Ok(()))), "{end:?} {:?}", script.farewell);
        &script.answers
    }

    /// Have a session do something now, on a wire that is good; what came of it.
    pub fn does(&mut self, session: usize, tasks: impl IntoIterator<Item = Task>) -> Vec<Answer> {
        let before = self.sessions[session].script.answers.len();
        self.ask(session, tasks);
        self.finish(session, Duration::from_secs(60))[before..].to_vec()
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
            if let Some(server) = &mut self.server
                && server.due(self.now).is_some_and(|at| at <= self.now)
            {
                server.poll(self.now);
                is_at_rest = false;
            }
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
        let hosts = self.hosts.iter_mut().filter_map(|host| host.next(now));
        let server = self.server.as_ref().and_then(|server| server.due(now));
        hosts.chain(server).min()
    }

    /// What a failed test wants to know.
    fn sight(&self) -> String {
        let sessions = self.sessions.iter().map(|session| session.sight(&self.hosts));
        let raws = self.raws.iter().map(|raw| raw.sight(&self.hosts));
        let server = self.server.iter().map(Served::sight);
        server.chain(sessions).chain(raws).map(|line| format!("\n  {line}")).collect()
    }
}
