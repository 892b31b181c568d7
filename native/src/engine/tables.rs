//! Who the peers are and which sessions they have. The control plane changes its own copy under a lock and then publishes a
//! snapshot; packet threads read snapshots only.
use std::collections::HashMap;
use std::sync::Arc;

use super::peer::{Peer, Session};
use super::relay::Relay;
use crate::switch::{Own, Switch};
use crate::way::{RelayName, Way};

#[derive(Clone)]
pub struct Tables {
    pub switch: Switch<Arc<Peer>>,
    pub peers: HashMap<u32, Arc<Peer>>,
    /// By the index that peers put into datagrams for us.
    pub sessions: HashMap<u32, Entry>,
    /// Those that are open, `MAX_RELAYS` at most.
    pub relays: Vec<Arc<Relay>>,
}

/// A session and whose it is.
#[derive(Clone)]
pub struct Entry {
    pub session: Arc<Session>,
    pub peer: Arc<Peer>,
}

impl Tables {
    pub fn new(own: Own) -> Self {
        Self { switch: Switch::new(own), peers: HashMap::new(), sessions: HashMap::new(), relays: Vec::new() }
    }

    pub fn relay(&self, name: &RelayName) -> Option<&Arc<Relay>> {
        self.relays.iter().find(|relay| relay.name == *name)
    }

    /// The relay that a way leads through, if it does and that's open.
    pub fn relay_on(&self, way: &Way) -> Option<&Arc<Relay>> {
        match way {
            Way::Direct(_) => None,
            Way::Relayed { relay, .. } => self.relay(relay),
        }
    }

    /// The newest session of a peer that may seal.
    pub fn newest_sealing(&self, peer: &Peer) -> Option<Arc<Session>> {
        let own = self.sessions.values().filter(|entry| entry.peer.handle == peer.handle);
        let sealing = own.map(|entry| &entry.session).filter(|session| session.may_seal());
        sealing.max_by_key(|session| session.generation).map(Arc::clone)
    }

    /// A peer's sessions, oldest first.
    pub fn sessions_of(&self, peer: u32) -> Vec<Arc<Session>> {
        let own = self.sessions.values().filter(|entry| entry.peer.handle == peer);
        let mut sessions: Vec<_> = own.map(|entry| Arc::clone(&entry.session)).collect();
        sessions.sort_by_key(|session| session.generation);
        sessions
    }
}
