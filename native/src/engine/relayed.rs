//! What arrives from relays: envelopes, whose inside is like any datagram of its way, and logins and messages, which go to
//! the control plane.
use super::Shared;
use super::events::Event;
use super::inbound::Arrival;
use super::relay::Relay;
use super::tables::Tables;
use crate::admission::bucket::{Bucket, Rate};
use crate::admission::is_handshake_kind;
use crate::clock::Nanos;
use crate::counters::Drop;
use crate::packet::{KIND_CONTROL, KIND_FRAME};
use crate::relay::envelope::{ENVELOPE, Envelope, MESSAGE, index_of, is_relay_kind};
use crate::way::{RelayName, Transport, Way};

/// Messages under the index of a login: a client asks for one every 15 s, and members come and go in between.
const MESSAGES: Rate = Rate { burst: 64, per_second: 32 };
/// All others, which anyone can send who writes a relay's address on them.
const LOGINS: Rate = Rate { burst: 64, per_second: 16 };

/// What relays may tell the control plane; belongs to the receiving thread.
#[derive(Default)]
pub struct Budgets {
    messages: Bucket,
    logins: Bucket,
    /// The envelope of the datagram before, to see that another came the same way.
    last: Option<Envelope>,
}

/// The UDP relay that a datagram came straight from.
pub fn sender<'a>(tables: &'a Tables, arrival: &Arrival<'a>) -> Option<&'a std::sync::Arc<Relay>> {
    match arrival.relay {
        Some(relay) => Some(relay),
        None => tables.relay(&RelayName { transport: Transport::Udp, address: arrival.from.observed()? }),
    }
}

impl Budgets {
    /// Takes the envelope off a datagram; gives the way that its inside came, and that.
    pub fn unwrap<'a, 'd>(
        &mut self,
        tables: &'a Tables,
        arrival: Arrival<'a>,
        datagram: &'d mut [u8],
    ) -> Result<(Arrival<'a>, &'d mut [u8]), Drop> {
        let envelope = Envelope::parse(datagram).ok_or(Drop::DatagramMalformed)?;
        let relay = sender(tables, &arrival).filter(|relay| relay.knows(envelope.index)).ok_or(Drop::RelayUnknown)?;
        let inside = datagram.get_mut(ENVELOPE..).ok_or(Drop::DatagramMalformed)?;
        match inside.first() {
            Some(&(KIND_FRAME | KIND_CONTROL)) => {}
            Some(&kind) if is_handshake_kind(kind) => {}
            Some(&kind) if is_relay_kind(kind) => return Err(Drop::RelayNested),
            _ => return Err(Drop::UnknownKind),
        }
        let from = Way::Relayed { relay: relay.name, pseudonym: envelope.pseudonym };
        let first = arrival.first || self.last != Some(envelope);
        self.last = Some(envelope);
        Ok((Arrival { from, relay: Some(relay), first, ..arrival }, inside))
    }

    /// Hands a login or a message to the control plane.
    pub fn hand_up(
        &mut self,
        shared: &Shared,
        tables: &Tables,
        arrival: &Arrival,
        datagram: &[u8],
    ) -> Result<(), Drop> {
        let relay = sender(tables, arrival).ok_or(Drop::RelayUnknown)?;
        let known = datagram.first() == Some(&MESSAGE) && index_of(datagram).is_some_and(|index| relay.knows(index));
        if !self.may_hand_up(arrival.at, known) {
            return Err(Drop::RelayBudget);
        }
        let datagram = datagram.to_vec();
        shared.push(Event::RelayDatagram { at: arrival.at, relay: relay.name, datagram });
        Ok(())
    }

    fn may_hand_up(&mut self, now: Nanos, known: bool) -> bool {
        if known { self.messages.take(now, MESSAGES) } else { self.logins.take(now, LOGINS) }
    }
}
