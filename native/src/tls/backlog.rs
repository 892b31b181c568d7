//! Datagrams that wait for a TLS connection, each behind its length. Full, the oldest go: late is worse than lost.
use std::collections::VecDeque;

/// Bytes of the length before a datagram.
pub const LENGTH: usize = 2;

pub struct Backlog {
    bytes: VecDeque<u8>,
    limit: usize,
}

impl Backlog {
    /// `limit`: bytes, lengths included; one datagram always fits.
    pub fn new(limit: usize) -> Self {
        Self { bytes: VecDeque::new(), limit }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds a datagram; gives how many older ones it took the place of, or 1 if it can't be carried at all.
    pub fn push(&mut self, datagram: &[u8]) -> u64 {
        let Ok(length) = u16::try_from(datagram.len()) else { return 1 };
        if length == 0 {
            return 1;
        }
        let mut dropped = 0;
        while !self.bytes.is_empty() && self.bytes.len() + LENGTH + datagram.len() > self.limit {
            let oldest = self.first_length();
            self.bytes.drain(..oldest);
            dropped += 1;
        }
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(datagram);
        dropped
    }

    /// Moves whole datagrams with their lengths to `out`: at least one if there is any, further ones up to `most` bytes.
    pub fn take(&mut self, out: &mut Vec<u8>, most: usize) {
        let start = out.len();
        while !self.bytes.is_empty() {
            let next = self.first_length();
            if out.len() > start && out.len() - start + next > most {
                return;
            }
            out.extend(self.bytes.drain(..next));
        }
    }

    /// Bytes of the oldest datagram with its length.
    fn first_length(&self) -> usize {
        let length = self.bytes.iter().take(LENGTH).fold(0, |length, &byte| length << 8 | usize::from(byte));
        (LENGTH + length).min(self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::deframe::Deframer;
    use proptest::prelude::*;

    #[test]
    fn what_has_no_length_is_dropped() {
        let mut backlog = Backlog::new(1_000);
        assert_eq!((backlog.push(&[]), backlog.push(&vec![0; 65_536])), (1, 1));
        assert!(backlog.is_empty());
        assert_eq!(backlog.push(&vec![0; 65_535]), 0);
    }

    proptest! {
        /// Against a plain list: what comes out is the newest that fitted, in order.
        #[test]
        fn the_oldest_go(lengths in proptest::collection::vec(1usize..300, 1..60), limit in 10usize..1_000, most in 1usize..600) {
            let (mut backlog, mut plain, mut dropped) = (Backlog::new(limit), VecDeque::new(), 0);
            for (number, &length) in lengths.iter().enumerate() {
                dropped += backlog.push(&vec![number as u8; length]);
                plain.push_back(vec![number as u8; length]);
                while plain.len() > 1 && plain.iter().map(|datagram| LENGTH + datagram.len()).sum::<usize>() > limit {
                    plain.pop_front();
                }
            }
            prop_assert_eq!(lengths.len() - plain.len(), dropped as usize);
            let mut deframer = Deframer::default();
            let mut got = VecDeque::new();
            while !backlog.is_empty() {
                let mut out = Vec::new();
                backlog.take(&mut out, most);
                prop_assert!(!out.is_empty());
                deframer.push(&out);
                while let Ok(Some(datagram)) = deframer.next_datagram() {
                    got.push_back(datagram.to_vec());
                }
            }
            prop_assert_eq!(got, plain);
        }
    }
}
