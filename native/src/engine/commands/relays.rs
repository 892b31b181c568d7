//! Commands about relays: which the device may talk to, and what is said to them.
use std::sync::Arc;

use super::{CommandError, Commands};
use crate::clock::now;
use crate::engine::Shared;
use crate::engine::events::Event;
use crate::engine::relay::{Hop, MAX_RELAYS, Relay};
use crate::tls::link::{Destination, Link, Told};
use crate::tls::proxy::Proxy;
use crate::way::{RelayName, Transport, Way};

impl Commands<'_> {
    /// A relay that this device may talk to from now on; one that is open already is opened anew. A proxy is for TLS only.
    pub fn open_relay(&mut self, name: RelayName, proxy: Option<Proxy>) -> Result<(), CommandError> {
        if name.transport == Transport::Udp && proxy.is_some() {
            return Err(CommandError("expected no proxy for a relay by UDP".into()));
        }
        self.close_relay(&name);
        if self.control.tables.relays.len() >= MAX_RELAYS {
            return Err(CommandError(format!("expected at most {MAX_RELAYS} relays")));
        }
        let link = match name.transport {
            Transport::Udp => None,
            Transport::Tls => Some(self.shared.link_to(name, proxy)?),
        };
        self.control.tables.relays.push(Arc::new(Relay::new(name, link)));
        self.control.changed = true;
        self.renew_paths(&name);
        Ok(())
    }

    /// Both indices must not be 0.
    pub fn set_relay_login(&mut self, name: &RelayName, own_index: u32, relay_index: u32) -> Result<(), CommandError> {
        if own_index == 0 || relay_index == 0 {
            return Err(CommandError("expected indices of a login from 1 to 4294967295, got 0".into()));
        }
        self.relay(name)?.log_in(own_index, relay_index);
        Ok(())
    }

    pub fn close_relay(&mut self, name: &RelayName) {
        let relays = &mut self.control.tables.relays;
        let Some(place) = relays.iter().position(|relay| relay.name == *name) else { return };
        relays.remove(place).close();
        self.control.changed = true;
    }

    pub fn close_relays(&mut self) {
        for relay in std::mem::take(&mut self.control.tables.relays) {
            relay.close();
        }
        self.control.changed = true;
    }

    /// Sends a login or a message to a relay as it is.
    pub fn send_relay(&mut self, name: &RelayName, datagram: &[u8]) -> Result<(), CommandError> {
        let relay = self.relay(name)?;
        self.send(&Hop::to(&relay), datagram);
        Ok(())
    }

    /// Paths through a relay that was opened anew go through that.
    fn renew_paths(&self, name: &RelayName) {
        for peer in self.control.tables.peers.values() {
            let Some(path) = peer.path.load_full() else { continue };
            if matches!(path.way, Way::Relayed { relay, .. } if relay == *name) {
                peer.path.store(Some(Arc::new(self.path_on(path.way, path.max_datagram, path.source()))));
            }
        }
    }

    fn relay(&self, name: &RelayName) -> Result<Arc<Relay>, CommandError> {
        let RelayName { transport, address } = name;
        let unknown = || CommandError(format!("no relay {address} is open by {}", transport.name()));
        self.control.tables.relay(name).cloned().ok_or_else(unknown)
    }
}

impl Shared {
    /// Begins to connect. The link knows the device only as long as it's there: the device waits for the link when it ends.
    fn link_to(self: &Arc<Self>, relay: RelayName, proxy: Option<Proxy>) -> Result<Link, CommandError> {
        let device = Arc::downgrade(self);
        let tell = move |told| {
            let Some(device) = device.upgrade() else { return };
            match told {
                Told::Open => device.push(Event::RelayOpen { at: now(), relay }),
                Told::Arrived => device.wake_links(),
                Told::Closed(error) => device.push(Event::RelayClosed { at: now(), relay, error }),
            }
        };
        let to = Destination { relay: relay.address, proxy, mark: self.fwmark };
        Link::open(to, tell).map_err(|error| CommandError(format!("starting a thread for a relay: {error}")))
    }
}
