//! What the control plane asks for.
pub mod addresses;
mod relays;

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use zeroize::Zeroizing;

use super::Shared;
use super::events::Event;
use super::peer::{Path, Peer, Session, SessionParts};
use super::queue::Side;
use super::relay::{Hop, Relay};
use super::sender::{Patience, Sender};
use super::switches::Help;
use super::tables::{Entry, Tables};
use crate::clock::{Nanos, now};
use crate::control::{MAX_CONTROL, is_probe};
use crate::counters::Drop;
use crate::cut::{MAX_DATAGRAM, MIN_DATAGRAM};
use crate::open::Opener;
use crate::seal::{Lane, Sealer};
use crate::switch::{Own, Rights};
use crate::tap::Tap;
use crate::udp::Passing;
use crate::way::Way;

/// Peers of a device.
pub const MAX_PEERS: usize = 4_096;
/// MACs that a peer can have recorded.
pub const MAX_MACS: usize = 64;
/// IP addresses that a peer can hold.
pub const MAX_ADDRESSES: usize = 64;
/// Sessions of a peer; the oldest that doesn't seal makes room for another.
pub const MAX_SESSIONS: usize = 4;

/// A command that can't be carried out: a mistake of the caller.
#[derive(Debug, PartialEq, Eq)]
pub struct CommandError(pub String);

impl Display for CommandError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    SealNow,
    SealWhenHeard,
}

pub struct Keys {
    pub peer: u32,
    pub local_index: u32,
    pub remote_index: u32,
    pub seal_key: Zeroizing<[u8; 32]>,
    pub open_key: Zeroizing<[u8; 32]>,
    pub used: Use,
    pub lifetime: Nanos,
}

/// The tables as the control plane has them; packet threads see what was published.
pub struct Control {
    tables: Tables,
    changed: bool,
    generation: u64,
    sender: Sender,
    /// What the sockets of sessions let pass; None as long as that's everything.
    passing: Option<Passing>,
}

impl Control {
    pub fn new(own: Own) -> Self {
        let sender = Sender::new(0, Patience::None);
        Self { tables: Tables::new(own), changed: false, generation: 0, sender, passing: None }
    }
}

/// Commands of one caller; what they changed is published at the end, or before something is sent.
pub struct Commands<'a> {
    shared: &'a Arc<Shared>,
    control: &'a mut Control,
}

impl Shared {
    pub(super) fn command<T>(self: &Arc<Self>, run: impl FnOnce(&mut Commands) -> T) -> T {
        let mut control = self.control();
        let mut commands = Commands { shared: self, control: &mut control };
        let result = run(&mut commands);
        commands.publish();
        self.wake_deadlines();
        result
    }

    /// Seals with a session from its first datagram on. Under the lock, so that one that is dropped meanwhile never seals.
    pub(super) fn seal_if_installed(&self, session: &Arc<Session>, peer: &Peer) {
        let control = self.control();
        let installed = control.tables.sessions.get(&session.local_index);
        if installed.is_some_and(|entry| Arc::ptr_eq(&entry.session, session)) {
            peer.seal_with(session);
        }
    }

    /// Drops the sessions whose time is over.
    pub(super) fn end_sessions(self: &Shared, now: Nanos) {
        let mut control = self.control();
        let over = |entry: &&Entry| entry.session.ends_at <= now;
        let ended: Vec<Entry> = control.tables.sessions.values().filter(over).cloned().collect();
        for entry in &ended {
            control.remove(entry);
        }
        control.publish(self);
        drop(control);
        for Entry { session, peer } in ended {
            self.push(Event::SessionGone { at: now, peer: peer.handle, local_index: session.local_index });
        }
    }
}

impl Control {
    /// Takes a session out; if it was the one that seals, the newest of the others seals.
    fn remove(&mut self, entry: &Entry) {
        self.changed = true;
        self.tables.sessions.remove(&entry.session.local_index);
        let sealed = entry.peer.sealing.load();
        if sealed.as_ref().is_some_and(|sealing| Arc::ptr_eq(sealing, &entry.session)) {
            entry.peer.sealing.store(self.tables.newest_sealing(&entry.peer));
        }
    }

    fn publish(&mut self, shared: &Shared) {
        if !self.changed {
            return;
        }
        self.changed = false;
        shared.tables.store(Arc::new(self.tables.clone()));
        shared.let_pass(&self.tables, &mut self.passing);
        shared.wake_deadlines();
        shared.queues.iter().for_each(|queue| queue.wake(Side::Receive));
    }
}

impl Commands<'_> {
    /// `offload`: whether the peer finishes checksums and takes super-frames.
    pub fn set_peer(&mut self, handle: u32, rights: &Rights, offload: bool) -> Result<(), CommandError> {
        let tables = &mut self.control.tables;
        for (what, most, got) in
            [("MACs", MAX_MACS, rights.macs.len()), ("IP addresses", MAX_ADDRESSES, rights.addresses.len())]
        {
            if got > most {
                return Err(CommandError(format!("expected at most {most} {what}, got {got}")));
            }
        }
        if tables.peers.len() >= MAX_PEERS && !tables.peers.contains_key(&handle) {
            return Err(CommandError(format!("expected at most {MAX_PEERS} peers")));
        }
        let peer = tables.peers.entry(handle).or_insert_with(|| Arc::new(Peer::new(handle)));
        tables.switch.set(peer, rights);
        if !rights.bridge {
            self.shared.behind.forget(handle);
        }
        peer.set_understands_offload(offload);
        self.control.changed = true;
        Ok(())
    }

    pub fn drop_peer(&mut self, handle: u32) {
        let tables = &mut self.control.tables;
        let Some(peer) = tables.peers.remove(&handle) else { return };
        tables.switch.remove(&peer);
        self.shared.behind.forget(handle);
        tables.sessions.retain(|_, entry| entry.peer.handle != handle);
        peer.sealing.store(None);
        peer.path.store(None);
        self.control.changed = true;
    }

    pub fn install_session(&mut self, keys: &Keys) -> Result<(), CommandError> {
        let peer = self.peer(keys.peer)?;
        if self.control.tables.sessions.contains_key(&keys.local_index) {
            return Err(CommandError(format!("session index {} is in use", keys.local_index)));
        }
        let refused = |_| CommandError("the cryptographic library refused a session key".into());
        let sealer = Sealer::new(&keys.seal_key, keys.remote_index).map_err(refused)?;
        let opener = Opener::new(&keys.open_key).map_err(refused)?;
        self.make_room(&peer);
        self.control.generation += 1;
        let (generation, local_index) = (self.control.generation, keys.local_index);
        let ends_at = now().saturating_add(keys.lifetime);
        let parts = SessionParts { local_index, sealer, opener, generation, ends_at };
        let session = Arc::new(Session::new(parts, keys.used == Use::SealNow));
        let entry = Entry { session: Arc::clone(&session), peer: Arc::clone(&peer) };
        self.control.tables.sessions.insert(local_index, entry);
        self.control.changed = true;
        // Published first: the peer's answer to what this session seals must find it.
        self.publish();
        if keys.used == Use::SealNow {
            peer.seal_with(&session);
        }
        Ok(())
    }

    /// Ends the oldest sessions of a peer that has as many as it may.
    fn make_room(&mut self, peer: &Arc<Peer>) {
        let sessions = self.control.tables.sessions_of(peer.handle);
        let surplus = (sessions.len() + 1).saturating_sub(MAX_SESSIONS);
        let sealing = peer.sealing.load_full().map(|session| session.local_index);
        let oldest = sessions.into_iter().filter(|session| Some(session.local_index) != sealing);
        for session in oldest.take(surplus) {
            let local_index = session.local_index;
            self.control.remove(&Entry { session, peer: Arc::clone(peer) });
            self.shared.push(Event::SessionGone { at: now(), peer: peer.handle, local_index });
        }
    }

    pub fn drop_session(&mut self, local_index: u32) {
        if let Some(entry) = self.control.tables.sessions.get(&local_index).cloned() {
            self.control.remove(&entry);
        }
    }

    pub fn set_endpoint(&mut self, handle: u32, way: Option<Way>, max_datagram: usize) -> Result<(), CommandError> {
        let peer = self.peer(handle)?;
        if !(MIN_DATAGRAM..=MAX_DATAGRAM).contains(&max_datagram) {
            let expected = format!("expected a datagram size of {MIN_DATAGRAM} to {MAX_DATAGRAM} bytes");
            return Err(CommandError(format!("{expected}, got {max_datagram}")));
        }
        let current = peer.path.load();
        let known = current.as_ref().filter(|path| Some(path.way) == way).and_then(|path| path.source());
        peer.path.store(way.map(|way| Arc::new(self.path_on(way, max_datagram, known))));
        Ok(())
    }

    fn path_on(&self, way: Way, max_datagram: usize, source: Option<IpAddr>) -> Path {
        let relay = self.control.tables.relay_on(&way).cloned();
        Path { way, relay, max_datagram, source: ArcSwapOption::from(source.map(Arc::new)) }
    }

    /// What can't be sent for want of a session or an endpoint is counted: both can vanish at any moment. One challenge may be
    /// as large as a datagram can be; it leaves whole or not at all.
    pub fn send_control(&mut self, handle: u32, messages: &[u8], to: Option<Way>) -> Result<(), CommandError> {
        if messages.len() > MAX_CONTROL && !is_probe(messages) {
            let length = messages.len();
            return Err(CommandError(format!(
                "expected control messages of at most {MAX_CONTROL} bytes, or one challenge, got {length} bytes"
            )));
        }
        let peer = self.peer(handle)?;
        let sent = self.seal_and_send(&peer, messages, to);
        sent.unwrap_or_else(|reason| self.shared.drops.count(reason));
        Ok(())
    }

    fn seal_and_send(&mut self, peer: &Peer, messages: &[u8], to: Option<Way>) -> Result<(), Drop> {
        let at = now();
        let session = peer.sealing.load_full().ok_or(Drop::NoSession)?;
        let path = peer.path.load_full();
        let to = to.or(path.as_ref().map(|path| path.way)).ok_or(Drop::NoEndpoint)?;
        if at >= session.ends_at {
            return Err(Drop::SessionOver);
        }
        let current = path.filter(|path| path.way == to);
        let datagram = session.sealer.seal_control(Lane::CONTROL, messages).map_err(|_| Drop::SendFailed)?;
        if current.is_some() {
            peer.note_sent(at);
        }
        let source = current.and_then(|path| path.source());
        let relay = self.control.tables.relay_on(&to).cloned();
        let hop = self.hop_on(&to, relay.as_ref(), source)?;
        if messages.len() > MAX_CONTROL {
            self.publish();
            self.control.sender.send_quietly(self.shared, &hop, &datagram);
        } else {
            self.send(&hop, &datagram);
        }
        if session.sealer.has_worn(Lane::CONTROL) {
            self.shared.push(Event::SessionWorn { at, peer: peer.handle, local_index: session.local_index });
        }
        Ok(())
    }

    pub fn send_datagram(&mut self, to: &Way, datagram: &[u8]) {
        self.send_on(to, datagram);
    }

    /// Answers the handshake 1 whose MAC is `answered`.
    pub fn send_cookie(&mut self, to: &Way, receiver: u32, answered: &[u8; 16]) {
        match self.shared.cookies.reply(now(), to, receiver.to_be_bytes(), answered) {
            Ok(cookie) => self.send_on(to, &cookie),
            Err(_) => self.shared.drops.count(Drop::SendFailed),
        }
    }

    /// The interface's MTU, in bytes without the Ethernet header.
    pub fn set_mtu(&self, mtu: u32) -> Result<(), CommandError> {
        self.shared.tap.set_mtu(mtu).map_err(|error| CommandError(error.to_string()))
    }

    /// From now on nothing goes out or comes in but to and from relays, or everything again.
    pub fn set_forward_only(&self, on: bool) {
        self.shared.switches.set_forward_only(on);
    }

    /// Switches a help of the system on or off.
    pub fn switch(&mut self, help: Help, on: bool) {
        self.shared.switch(help, on);
    }

    fn send_on(&mut self, way: &Way, datagram: &[u8]) {
        let relay = self.control.tables.relay_on(way).cloned();
        match self.hop_on(way, relay.as_ref(), None) {
            Ok(hop) => self.send(&hop, datagram),
            Err(reason) => self.shared.drops.count(reason),
        }
    }

    fn hop_on<'r>(&self, way: &Way, relay: Option<&'r Arc<Relay>>, source: Option<IpAddr>) -> Result<Hop<'r>, Drop> {
        if matches!(way, Way::Direct(_)) && self.shared.switches.forward_only() {
            return Err(Drop::ForwardOnly);
        }
        Hop::on(way, relay, source, 0)
    }

    fn send(&mut self, hop: &Hop, datagram: &[u8]) {
        self.publish();
        self.control.sender.send(self.shared, hop, datagram);
    }

    fn publish(&mut self) {
        self.control.publish(self.shared);
    }

    fn peer(&self, handle: u32) -> Result<Arc<Peer>, CommandError> {
        let peer = self.control.tables.peers.get(&handle).cloned();
        peer.ok_or_else(|| CommandError(format!("no peer has the handle {handle}")))
    }
}
