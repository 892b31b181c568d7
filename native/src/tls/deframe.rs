//! Datagrams out of a stream of bytes, each behind its length (2 bytes).
use super::backlog::LENGTH;

/// The stream can't be followed any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Holds what isn't a whole datagram yet: less than 64 KiB once all that are whole have been taken.
#[derive(Default)]
pub struct Deframer {
    bytes: Vec<u8>,
    /// What stands before this has been taken.
    start: usize,
}

impl Deframer {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next datagram; None if there's no whole one. An empty one is an error.
    pub fn next_datagram(&mut self) -> Result<Option<&mut [u8]>, Malformed> {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        let Some(length) = rest.first_chunk::<LENGTH>().map(|bytes| usize::from(u16::from_be_bytes(*bytes))) else {
            return Ok(None);
        };
        if length == 0 {
            return Err(Malformed);
        }
        let begin = self.start + LENGTH;
        if self.bytes.len() < begin + length {
            return Ok(None);
        }
        self.start = begin + length;
        Ok(self.bytes.get_mut(begin..begin + length))
    }

    /// Bytes that haven't been taken yet.
    #[cfg(any(test, fuzzing))]
    pub fn held(&self) -> usize {
        self.bytes.len() - self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_datagram_ends_it() {
        let mut deframer = Deframer::default();
        deframer.push(&[0, 1, 5, 0, 0]);
        assert_eq!(deframer.next_datagram().map(|datagram| datagram.map(|bytes| bytes.to_vec())), Ok(Some(vec![5])));
        assert_eq!(deframer.next_datagram(), Err(Malformed));
        assert_eq!(deframer.next_datagram(), Err(Malformed));
    }

    proptest! {
        #[test]
        fn datagrams_come_out_however_the_stream_is_cut(
            datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..400), 0..20),
            cut in 1usize..500,
        ) {
            let stream: Vec<u8> = datagrams.iter().flat_map(|datagram| {
                [&(datagram.len() as u16).to_be_bytes()[..], datagram].concat()
            }).collect();
            let (mut deframer, mut got) = (Deframer::default(), Vec::new());
            for bytes in stream.chunks(cut) {
                deframer.push(bytes);
                while let Some(datagram) = deframer.next_datagram().expect("well formed") {
                    got.push(datagram.to_vec());
                }
            }
            prop_assert_eq!(got, datagrams);
        }

        #[test]
        fn no_bytes_panic_or_pile_up(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3_000), 0..40)) {
            let mut deframer = Deframer::default();
            for bytes in chunks {
                deframer.push(&bytes);
                while let Ok(Some(_)) = deframer.next_datagram() {}
                prop_assert!(deframer.next_datagram().is_err() || deframer.held() < LENGTH + 65_535);
                if deframer.next_datagram().is_err() {
                    break;
                }
            }
        }
    }
}
