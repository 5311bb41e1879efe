//! Every line of the log, or nothing at all without the feature `defmt`.

#[cfg(feature = "defmt")]
pub(crate) use written::{address, begun, ended, event, name, stalled, turned_away};

#[cfg(not(feature = "defmt"))]
pub(crate) use silent::{address, begun, ended, event, name, stalled, turned_away};

#[cfg(feature = "defmt")]
mod written {
    use coracle::{Event, Path, Refusal, Step};
    use coracle_smoltcp::{Ended, Port, Session};
    use smoltcp::wire::{IpEndpoint, Ipv4Cidr};

    pub(crate) fn address(address: Option<Ipv4Cidr>) {
        match address {
            Some(address) => defmt::info!("serving at {}", address),
            None => defmt::warn!("no address any more"),
        }
    }

    pub(crate) fn begun(session: &Session) {
        let port = match session.port {
            Port::Control => "control",
            Port::Transfer => "transfer",
        };
        let Session { number, peer, .. } = session;
        defmt::info!("session {=u32}: {} on the {=str} port", number, peer, port);
    }

    pub(crate) fn ended(session: &Session, ended: &Ended) {
        let number = session.number;
        match ended {
            Ok(outcome) => defmt::info!("session {=u32}: over, {}", number, outcome),
            Err(_) => defmt::warn!("session {=u32}: over, the connection is lost", number),
        }
    }

    pub(crate) fn turned_away(peer: IpEndpoint, refusal: Refusal) {
        defmt::warn!("{} turned away: {=str}", peer, refusal.message);
    }

    pub(crate) fn event(session: u32, event: Event<'_>) {
        match event {
            Event::Command { verb, path, size } => command(session, verb, path, size),
            Event::Refused(refusal) => {
                let Refusal { code, message } = refusal;
                defmt::warn!("session {=u32}: {=str} ({=str})", session, message, code.word());
            }
            event => defmt::info!("session {=u32}: {}", session, event),
        }
    }

    fn command(session: u32, verb: &str, path: Option<Path<'_>>, size: Option<u64>) {
        let Some(path) = path else { return defmt::info!("session {=u32}: {=str}", session, verb) };
        // Names are text, as a rule.
        match (core::str::from_utf8(path.as_bytes()), size) {
            (Err(_), _) => defmt::info!("session {=u32}: {=str} {}", session, verb, path),
            (Ok(path), None) => {
                defmt::info!("session {=u32}: {=str} /{=str}", session, verb, path);
            }
            (Ok(path), Some(size)) => {
                defmt::info!("session {=u32}: {=str} /{=str}, {=u64} B", session, verb, path, size);
            }
        }
    }

    pub(crate) fn stalled(session: u32, step: &str, millis: u64) {
        defmt::warn!("session {=u32}: the medium took {=u64} ms for {=str}", session, millis, step);
    }

    /// What a step that takes its time may be.
    pub(crate) const fn name(step: &Step<'_>) -> &'static str {
        match step {
            Step::Read { .. } | Step::ReadStaged { .. } => "a read",
            Step::Write { .. } => "a write",
            Step::Commit => "a commit",
            Step::NextEntry(_) => "an entry",
            Step::Open(_) | Step::OpenPartial(_) | Step::OpenFolder(_) => "opening",
            Step::Stage { .. } | Step::Resume { .. } => "staging",
            _ => "another step",
        }
    }
}

#[cfg(not(feature = "defmt"))]
mod silent {
    use coracle::{Event, Refusal, Step};
    use coracle_smoltcp::{Ended, Session};
    use smoltcp::wire::{IpEndpoint, Ipv4Cidr};

    pub(crate) const fn address(_address: Option<Ipv4Cidr>) {}
    pub(crate) const fn begun(_session: &Session) {}
    pub(crate) const fn ended(_session: &Session, _ended: &Ended) {}
    pub(crate) const fn turned_away(_peer: IpEndpoint, _refusal: Refusal) {}
    pub(crate) const fn event(_session: u32, _event: Event<'_>) {}
    pub(crate) const fn stalled(_session: u32, _step: &str, _millis: u64) {}

    pub(crate) const fn name(_step: &Step<'_>) -> &'static str {
        ""
    }
}
