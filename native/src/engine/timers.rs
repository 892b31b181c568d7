//! The two deadlines of a device: a session's end and a peer's silence. There is none while nothing is awaited, so an idle
//! device sleeps until a frame comes.
use super::Shared;
use super::events::Event;
use super::peer::{SILENCE, Silence};
use super::tables::Tables;
use crate::clock::Nanos;

#[derive(Default)]
pub struct Timers {
    session_end: Option<Nanos>,
    silence: Option<Nanos>,
}

impl Timers {
    pub fn next(&self) -> Option<Nanos> {
        [self.session_end, self.silence].into_iter().flatten().min()
    }

    /// Something went to a peer. One look at all peers is planned, however many datagrams that were.
    pub fn sent(&mut self, now: Nanos) {
        self.silence.get_or_insert(now + SILENCE);
    }

    /// The control plane has changed sessions or sent something itself.
    pub fn look_again(&mut self, tables: &Tables) {
        self.session_end = tables.sessions.values().map(|entry| entry.session.ends_at).min();
        self.silence = Some(0);
    }

    pub fn run(&mut self, shared: &Shared, tables: &Tables, now: Nanos) {
        if self.silence.is_some_and(|at| at <= now) {
            self.silence = find_silence(shared, tables, now);
        }
        if self.session_end.is_some_and(|at| at <= now) {
            // What ends wakes this thread again with the tables as they are then.
            self.session_end = None;
            shared.end_sessions(now);
        }
    }
}

/// Tells of peers that have fallen silent; gives when the next one may be.
fn find_silence(shared: &Shared, tables: &Tables, now: Nanos) -> Option<Nanos> {
    let told = |peer| shared.push(Event::Silent { at: now, peer });
    let maybe = tables.peers.values().filter_map(|peer| match peer.silence(now) {
        Silence::None => None,
        Silence::Maybe { at } => Some(at),
        Silence::Begun => {
            told(peer.handle);
            None
        }
    });
    maybe.min()
}
