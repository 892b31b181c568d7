//! Who is logged in, and who may send to whom. Pure: the time is handed in.
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::envelope::Pseudonym;
use super::origin::Origin;
use super::pace::Pace;
use crate::admission::bucket::Bucket;

/// Clients of a relay.
pub const MAX_CLIENTS: usize = 1_024;
/// Tags that a login can carry: that of the day, and around midnight that of the neighbouring one.
pub const MAX_TAGS: usize = 2;

/// What members of one network share at one relay for a day.
pub type Tag = [u8; 16];

pub struct Client {
    pub origin: Origin,
    /// The index that the client knows its login by.
    pub client_index: u32,
    pub pseudonym: Pseudonym,
    pub tags: Arc<[Tag]>,
    /// Bytes; 0 for no limit.
    pub bytes_per_second: u64,
    /// Our address that its datagrams come to: those for it leave from there.
    pub local: Option<IpAddr>,
    pub pace: Pace,
    pub messages: Bucket,
    pub counters: Counters,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes of envelopes that came from it and went to it.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Its envelopes that weren't forwarded.
    pub drops: u64,
}

impl Client {
    pub fn new(origin: Origin, client_index: u32, pseudonym: Pseudonym, tags: Vec<Tag>, bytes_per_second: u64) -> Self {
        let (pace, messages, counters) = Default::default();
        let tags = tags.into();
        Self { origin, client_index, pseudonym, tags, bytes_per_second, local: None, pace, messages, counters }
    }
}

/// By index; and by tag and pseudonym, each of which stands for one client.
#[derive(Default)]
pub struct Table {
    clients: HashMap<u32, Client>,
    names: HashMap<(Tag, Pseudonym), u32>,
}

impl Table {
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Replaces a client with the same index or, under one of its tags, the same pseudonym. False if there's no room.
    pub fn install(&mut self, index: u32, client: Client) -> bool {
        self.remove(index);
        for tag in client.tags.iter() {
            if let Some(&older) = self.names.get(&(*tag, client.pseudonym)) {
                self.remove(older);
            }
        }
        if self.clients.len() >= MAX_CLIENTS {
            return false;
        }
        for tag in client.tags.iter() {
            self.names.insert((*tag, client.pseudonym), index);
        }
        self.clients.insert(index, client);
        true
    }

    pub fn remove(&mut self, index: u32) {
        let Some(client) = self.clients.remove(&index) else { return };
        for tag in client.tags.iter() {
            self.names.remove(&(*tag, client.pseudonym));
        }
    }

    /// Removes all that came from there.
    pub fn remove_from(&mut self, origin: Origin) {
        let gone = self.clients.iter().filter(|(_, client)| client.origin == origin).map(|(&index, _)| index);
        for index in gone.collect::<Vec<_>>() {
            self.remove(index);
        }
    }

    /// The client of an index, if this came from where it logged in.
    pub fn sender(&mut self, index: u32, origin: Origin) -> Option<&mut Client> {
        self.clients.get_mut(&index).filter(|client| client.origin == origin)
    }

    /// The index of who has a pseudonym under one of these tags.
    pub fn find(&self, tags: &[Tag], pseudonym: Pseudonym) -> Option<u32> {
        tags.iter().find_map(|tag| self.names.get(&(*tag, pseudonym)).copied())
    }

    pub fn get(&mut self, index: u32) -> Option<&mut Client> {
        self.clients.get_mut(&index)
    }

    pub fn count_drops(&mut self, index: u32, datagrams: usize) {
        if let Some(client) = self.clients.get_mut(&index) {
            client.counters.drops += datagrams as u64;
        }
    }

    /// Our address that datagrams from there come to.
    pub fn local_towards(&self, origin: Origin) -> Option<IpAddr> {
        self.clients.values().find(|client| client.origin == origin).and_then(|client| client.local)
    }

    pub fn counters(&self) -> impl Iterator<Item = (u32, Counters)> + '_ {
        self.clients.iter().map(|(&index, client)| (index, client.counters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn client(origin: u64, pseudonym: u8, tags: &[u8]) -> Client {
        let tags = tags.iter().map(|&tag| [tag; 16]).collect();
        Client::new(Origin::Tls(origin), 7, [pseudonym; 8], tags, 0)
    }

    #[test]
    fn only_a_shared_tag_joins() {
        let mut table = Table::default();
        assert!(table.install(1, client(1, 1, &[1, 2])));
        assert!(table.install(2, client(2, 2, &[2, 3])));
        assert!(table.install(3, client(3, 3, &[3])));
        assert_eq!(table.find(&[[1; 16], [2; 16]], [2; 8]), Some(2));
        assert_eq!(table.find(&[[1; 16], [2; 16]], [3; 8]), None);
        assert_eq!(table.find(&[[2; 16], [3; 16]], [3; 8]), Some(3));
    }

    #[test]
    fn an_index_counts_only_from_its_origin() {
        let mut table = Table::default();
        table.install(1, client(1, 1, &[1]));
        assert!(table.sender(1, Origin::Tls(1)).is_some());
        assert!(table.sender(1, Origin::Tls(2)).is_none());
        assert!(table.sender(1, Origin::Udp(([192, 0, 2, 1], 1).into())).is_none());
        assert!(table.sender(2, Origin::Tls(1)).is_none());
    }

    #[test]
    fn a_newer_login_takes_the_place_of_an_older() {
        let mut table = Table::default();
        table.install(1, client(1, 1, &[1]));
        table.install(2, client(2, 1, &[2, 1]));
        assert_eq!((table.len(), table.find(&[[1; 16]], [1; 8])), (1, Some(2)));
        table.install(3, client(3, 1, &[3]));
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn a_full_table_takes_only_replacements() {
        let mut table = Table::default();
        for index in 0..MAX_CLIENTS as u32 {
            let mut client = client(u64::from(index), 0, &[1]);
            client.pseudonym[..4].copy_from_slice(&index.to_be_bytes());
            assert!(table.install(index, client));
        }
        assert!(!table.install(u32::MAX, client(1, 9, &[1])));
        let mut renewed = client(5, 0, &[1]);
        renewed.pseudonym[..4].copy_from_slice(&5u32.to_be_bytes());
        assert!(table.install(u32::MAX, renewed));
    }

    proptest! {
        /// Against a plain list of who is there.
        #[test]
        fn names_and_clients_agree(steps in proptest::collection::vec((0u8..4, 0u32..6, 0u64..4, 0u8..4, proptest::collection::vec(0u8..3, 1..3)), 1..60)) {
            let mut table = Table::default();
            let mut plain: Vec<(u32, u64, u8, Vec<u8>)> = Vec::new();
            for (what, index, origin, pseudonym, tags) in steps {
                match what {
                    0 | 1 => {
                        plain.retain(|(other, _, named, under)| {
                            *other != index && !(*named == pseudonym && under.iter().any(|tag| tags.contains(tag)))
                        });
                        table.install(index, client(origin, pseudonym, &tags));
                        plain.push((index, origin, pseudonym, tags));
                    }
                    2 => {
                        plain.retain(|(other, ..)| *other != index);
                        table.remove(index);
                    }
                    _ => {
                        plain.retain(|(_, from, ..)| *from != origin);
                        table.remove_from(Origin::Tls(origin));
                    }
                }
                prop_assert_eq!(table.len(), plain.len());
                for tag in 0..3u8 {
                    for pseudonym in 0..4u8 {
                        let there = plain.iter().find(|(_, _, named, under)| *named == pseudonym && under.contains(&tag));
                        prop_assert_eq!(table.find(&[[tag; 16]], [pseudonym; 8]), there.map(|(index, ..)| *index));
                    }
                }
            }
        }
    }
}
