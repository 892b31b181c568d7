//! What becomes of a datagram that a relay gets. Pure: the time is handed in, and what it decides is carried out elsewhere.
use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::error::Unspecified;

use super::door::{Arrival, Door, Knock, LOGIN_COOKIE_LENGTH, LoginRates};
use super::envelope::{ENVELOPE, ENVELOPE_KIND, Envelope, LOGIN_1, LOGIN_3, MESSAGE, index_of};
use super::origin::Origin;
use super::pace::Pace;
use super::table::{Client, Counters, MAX_CLIENTS, MAX_TAGS, Table};
use crate::admission::bucket::Rate;
use crate::clock::Nanos;
use crate::counters::{Drop, Drops};

/// Relay messages of one client: a ping every 15 s, more often while it looks whether the relay is there.
const MESSAGES: Rate = Rate { burst: 32, per_second: 8 };
/// A relay message has a header of 16 bytes and a tag of 16; it must be able to name more pseudonyms than a client may know.
const MESSAGE_LENGTH: std::ops::RangeInclusive<usize> = 32..=1_232;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes in a second from all clients; 0 for no limit.
    pub bytes_per_second: u64,
    pub logins: LoginRates,
}

/// What is to be done with a datagram, or a run of them.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first `length` bytes go on, as they are now.
    Forward { to: Origin, source: Option<IpAddr>, length: usize },
    /// Back to where it came from.
    Answer([u8; LOGIN_COOKIE_LENGTH]),
    /// To the control plane.
    HandUp,
}

pub struct Exchange {
    door: Door,
    table: Table,
    limits: Limits,
    pace: Pace,
    forwarded: Forwarded,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    pub datagrams: u64,
    pub bytes: u64,
}

/// A client that can't be installed: a mistake of the caller, or a full table.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl Exchange {
    pub fn new(limits: Limits) -> Result<Self, Unspecified> {
        let (table, pace, forwarded) = Default::default();
        Ok(Self { door: Door::new(limits.logins)?, table, limits, pace, forwarded })
    }

    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.door.set_rates(limits.logins);
    }

    pub fn install(&mut self, index: u32, mut client: Client) -> Result<(), Refusal> {
        if index == 0 || client.client_index == 0 {
            return Err(Refusal("expected indices of a client from 1 to 4294967295, got 0".into()));
        }
        let tags = client.tags.len();
        if !(1..=MAX_TAGS).contains(&tags) {
            return Err(Refusal(format!("expected 1 to {MAX_TAGS} tags of a client, got {tags}")));
        }
        client.local = self.local_towards(client.origin);
        match self.table.install(index, client) {
            true => Ok(()),
            false => Err(Refusal(format!("expected at most {MAX_CLIENTS} clients"))),
        }
    }

    pub fn remove(&mut self, index: u32) {
        self.table.remove(index);
    }

    /// A connection has ended.
    pub fn remove_from(&mut self, origin: Origin) {
        self.table.remove_from(origin);
    }

    /// Our address that a client's datagrams come to.
    pub fn local_towards(&self, origin: Origin) -> Option<IpAddr> {
        self.table.local_towards(origin).or_else(|| self.door.local_towards(origin))
    }

    pub fn forwarded(&self) -> Forwarded {
        self.forwarded
    }

    pub fn counters(&self) -> impl Iterator<Item = (u32, Counters)> + '_ {
        self.table.counters()
    }

    /// Takes one datagram, or several with equal envelopes that stand one after the other, `size` bytes each but for the last.
    pub fn take(&mut self, from: &Arrival, run: &mut [u8], size: usize, drops: &Drops) -> Result<Verdict, Drop> {
        match run.first() {
            Some(&ENVELOPE_KIND) => self.forward(from, run, size, drops),
            Some(&LOGIN_1) => self.door.login_1(from, run).map(|knock| match knock {
                Knock::Pass => Verdict::HandUp,
                Knock::Cookie(answer) => Verdict::Answer(answer),
            }),
            Some(&LOGIN_3) => self.door.login_3(from, run).map(|()| Verdict::HandUp),
            Some(&MESSAGE) => self.message(from, run),
            Some(_) => Err(Drop::UnknownKind),
            None => Err(Drop::DatagramMalformed),
        }
    }

    fn message(&mut self, from: &Arrival, datagram: &[u8]) -> Result<Verdict, Drop> {
        if !MESSAGE_LENGTH.contains(&datagram.len()) {
            return Err(Drop::DatagramMalformed);
        }
        let index = index_of(datagram).ok_or(Drop::DatagramMalformed)?;
        let client = self.table.sender(index, from.origin).ok_or(Drop::ClientUnknown)?;
        client.local = from.local.or(client.local);
        if !client.messages.take(from.at, MESSAGES) {
            return Err(Drop::ClientRate);
        }
        Ok(Verdict::HandUp)
    }

    fn forward(&mut self, from: &Arrival, run: &mut [u8], size: usize, drops: &Drops) -> Result<Verdict, Drop> {
        let envelope = Envelope::parse(run).ok_or(Drop::DatagramMalformed)?;
        let sender = self.table.sender(envelope.index, from.origin).ok_or(Drop::ClientUnknown)?;
        sender.local = from.local.or(sender.local);
        sender.counters.bytes_in += run.len() as u64;
        let passing = pass(sender, (&mut self.pace, self.limits.bytes_per_second), from.at, (run.len(), size), drops);
        let (tags, name) = (Arc::clone(&sender.tags), sender.pseudonym);
        let Some(index) = self.table.find(&tags, envelope.pseudonym) else {
            drops.add(Drop::PseudonymUnknown, (passing as u64).saturating_sub(1));
            self.table.count_drops(envelope.index, passing);
            return Err(Drop::PseudonymUnknown);
        };
        let receiver = self.table.get(index).ok_or(Drop::PseudonymUnknown)?;
        let length = run.len().min(passing * size);
        let cover = Envelope { index: receiver.client_index, pseudonym: name }.emit();
        for datagram in run[..length].chunks_mut(size.max(1)) {
            datagram.get_mut(..ENVELOPE).ok_or(Drop::DatagramMalformed)?.copy_from_slice(&cover);
        }
        receiver.counters.bytes_out += length as u64;
        self.forwarded.datagrams += passing as u64;
        self.forwarded.bytes += length as u64;
        Ok(Verdict::Forward { to: receiver.origin, source: receiver.local, length })
    }
}

/// How many datagrams of a run of `length` bytes, `size` each, the limits of their sender and of all let pass.
fn pass(
    sender: &mut Client,
    (pace, in_total): (&mut Pace, u64),
    now: Nanos,
    (length, size): (usize, usize),
    drops: &Drops,
) -> usize {
    let count = length.div_ceil(size.max(1));
    let own = sender.pace.take(now, sender.bytes_per_second, size, count);
    let passing = pace.take(now, in_total, size, own);
    drops.add(Drop::ClientRate, (count - own) as u64);
    drops.add(Drop::TotalRate, (own - passing) as u64);
    sender.counters.drops += (count - passing) as u64;
    passing
}

/// How many of a message's bytes from its beginning on are datagrams that can be taken together.
pub fn run_length(message: &[u8], segment: usize) -> usize {
    let mut datagrams = message.chunks(segment.max(1));
    let Some(first) = datagrams.next() else { return 0 };
    let Some(envelope) = first.get(..ENVELOPE).filter(|_| Envelope::parse(first).is_some()) else {
        return first.len();
    };
    let alike = datagrams.take_while(|datagram| datagram.len() > ENVELOPE && datagram.starts_with(envelope));
    first.len() + alike.map(<[u8]>::len).sum::<usize>()
}

#[cfg(test)]
mod tests;
