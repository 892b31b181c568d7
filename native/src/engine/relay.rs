//! The relays that this device may talk to, and the way of a datagram through one.
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::counters::Drop;
use crate::relay::envelope::{ENVELOPE, Envelope, Pseudonym};
use crate::tls::link::Link;
use crate::udp::batch::Route;
use crate::way::{RelayName, Way};

/// Relays of a device; one that is open by UDP and by TLS counts twice.
pub const MAX_RELAYS: usize = 8;

/// An open relay.
pub struct Relay {
    pub name: RelayName,
    /// Our index of the login (upper half) and the relay's (lower half); 0 without a login.
    login: AtomicU64,
    /// The connection to it, if it's reached over TLS.
    pub link: Option<Link>,
}

impl Relay {
    pub fn new(name: RelayName, link: Option<Link>) -> Self {
        Self { name, login: AtomicU64::new(0), link }
    }

    pub fn log_in(&self, own_index: u32, relay_index: u32) {
        self.login.store(u64::from(own_index) << 32 | u64::from(relay_index), Ordering::Relaxed);
    }

    /// Nothing goes this way any more, also where it's still remembered.
    pub fn close(&self) {
        self.login.store(0, Ordering::Relaxed);
        if let Some(link) = &self.link {
            link.close();
        }
    }

    /// Moves what has come over TLS to `out`.
    pub fn take_arrived(&self, out: &mut Vec<u8>) {
        out.clear();
        if let Some(link) = &self.link {
            link.take(out);
        }
    }

    /// Has the link send what waits.
    pub fn wake(&self) {
        if let Some(link) = &self.link {
            link.wake();
        }
    }

    /// Whether an index is that of our login.
    pub fn knows(&self, index: u32) -> bool {
        index != 0 && self.login.load(Ordering::Relaxed) >> 32 == u64::from(index)
    }

    fn envelope_to(&self, pseudonym: Pseudonym) -> Result<[u8; ENVELOPE], Drop> {
        match self.login.load(Ordering::Relaxed) as u32 {
            0 => Err(Drop::RelayDown),
            index => Ok(Envelope { index, pseudonym }.emit()),
        }
    }
}

/// The first stop of a datagram, and the envelope that it wears until the last.
#[derive(Clone, Copy)]
pub struct Hop<'a> {
    pub route: Route,
    pub envelope: Option<[u8; ENVELOPE]>,
    /// The relay whose link it goes by, rather than by UDP to where the route says.
    pub by: Option<&'a Arc<Relay>>,
}

impl<'a> Hop<'a> {
    /// To a relay itself.
    pub fn to(relay: &'a Arc<Relay>) -> Self {
        Self { route: Route::to(relay.name.address), envelope: None, by: relay.link.as_ref().map(|_| relay) }
    }

    /// `relay`: the one that the way leads through, if it's open. `source`: our address that datagrams are to leave from.
    pub fn on(way: &Way, relay: Option<&'a Arc<Relay>>, source: Option<IpAddr>, mark: u8) -> Result<Self, Drop> {
        match *way {
            Way::Direct(to) => Ok(Self { route: Route { to, source, mark }, envelope: None, by: None }),
            Way::Relayed { relay: RelayName { address: to, .. }, pseudonym } => {
                let relay = relay.ok_or(Drop::RelayDown)?;
                let envelope = Some(relay.envelope_to(pseudonym)?);
                Ok(Self { route: Route { to, source, mark }, envelope, by: relay.link.as_ref().map(|_| relay) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::way::Transport;

    #[test]
    fn a_way_through_a_relay_needs_a_login() {
        let name = RelayName { transport: Transport::Udp, address: ([192, 0, 2, 9], 4910).into() };
        let way = Way::Relayed { relay: name, pseudonym: [7; 8] };
        let relay = Arc::new(Relay::new(name, None));
        let hop = |relay| Hop::on(&way, relay, None, 0).map(|hop| hop.envelope);
        assert_eq!(hop(None), Err(Drop::RelayDown));
        assert_eq!(hop(Some(&relay)), Err(Drop::RelayDown));
        assert!(!relay.knows(0));
        relay.log_in(5, 6);
        assert!(relay.knows(5) && !relay.knows(6));
        assert_eq!(hop(Some(&relay)), Ok(Some(Envelope { index: 6, pseudonym: [7; 8] }.emit())));
        relay.close();
        assert_eq!(hop(Some(&relay)), Err(Drop::RelayDown));
        assert!(!relay.knows(5));
    }
}
