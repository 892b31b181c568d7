//! Sealed datagrams and the replay window.
use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};

use super::input::{Input, damage};
use crate::counters::Drop;
use crate::open::{Opener, Windows};
use crate::packet::{CUT_WHOLE, HEADER, KIND_FRAME, OFFLOAD, OVERHEAD, Offload, PREFIX, Part, Prefix};
use crate::replay::{Verdict, WINDOW, Window};
use crate::seal::{Lane, Place, Sealer};

/// A story of datagrams for one session: what its peer sealed opens to what it was, once; nothing else opens at all, and
/// neither costs the windows anything.
pub fn transport(data: &[u8]) {
    let input = &mut Input::new(data);
    // Another for each input: a fuzzer sees what's compared, and would use a datagram that it saw sealed before.
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, data).as_ref());
    let sealer = Sealer::new(&key, 7).expect("a key");
    let opener = Opener::new(&key).expect("a key");
    let mut windows = Windows::default();
    let mut steps = 0;
    while input.goes_on(steps) {
        steps += 4;
        let lane = Lane::numbered(u16::from(input.byte() % 16)).expect("one of 16");
        let (datagram, plaintext) = sealed(&sealer, lane, input);
        let mut other = match input.below(3) {
            0 => input.string().to_vec(),
            _ => datagram.clone(),
        };
        damage(&mut other, input, 3);
        other.truncate(other.len() - input.below(3).min(other.len()));
        if other != datagram {
            assert!(open(&opener, &mut windows, &other).is_err());
        }
        assert_eq!(open(&opener, &mut windows, &datagram), Ok(plaintext));
        assert_eq!(open(&opener, &mut windows, &datagram), Err(Drop::Replayed));
    }
}

/// A frame or control messages, and what they open to.
fn sealed(sealer: &Sealer, lane: Lane, input: &mut Input) -> (Vec<u8>, Vec<u8>) {
    let bytes = input.string();
    if input.flag() {
        return (sealer.seal_control(lane, bytes).expect("seals"), bytes.to_vec());
    }
    let offload = Offload::parse(&input.array());
    let part = Part { index: input.byte(), count: input.byte(), total: input.short() };
    let lead = bytes.len().min(input.below(60));
    let place = Place { lane, counter: sealer.take(lane, 1), cut: CUT_WHOLE };
    let mut datagram = vec![0; bytes.len() + OVERHEAD];
    sealer.seal_part(place, part, offload, bytes.split_at(lead), &mut datagram).expect("seals");
    assert_eq!(Part::parse(&datagram), Some(part));
    (datagram, [&offload.emit()[..OFFLOAD], bytes].concat())
}

/// Both ways to open must agree; the second is asked first and with windows of its own.
fn open(opener: &Opener, windows: &mut Windows, datagram: &[u8]) -> Result<Vec<u8>, Drop> {
    let prefix = Prefix::parse(datagram).ok_or(Drop::DatagramMalformed)?;
    let header = if prefix.kind == KIND_FRAME { HEADER } else { PREFIX };
    let room = datagram.len().checked_sub(header + 16).ok_or(Drop::DatagramMalformed)?;
    let mut elsewhere = vec![0; room];
    let apart = opener.open_to(&mut Windows::default(), &prefix, header, datagram, &mut elsewhere);
    let mut own = datagram.to_vec();
    let opened = opener.open(windows, &prefix, header, &mut own).map(|plaintext| plaintext.to_vec());
    if let Ok(plaintext) = &opened {
        assert_eq!(apart, Ok(()));
        assert_eq!(*plaintext, elsewhere);
    }
    opened
}

/// The window against one that remembers everything.
pub fn replay(data: &[u8]) {
    let input = &mut Input::new(data);
    let mut window = Window::default();
    let (mut seen, mut highest) = (HashSet::new(), None);
    let mut at = 0u64;
    let mut steps = 0;
    while input.goes_on(steps) {
        steps += 1;
        at = match input.below(5) {
            0 => at.wrapping_add(1),
            1 => at.saturating_sub(u64::from(input.byte())),
            2 => at.saturating_add(WINDOW - 2 + u64::from(input.byte() % 4)),
            3 => at.saturating_sub(WINDOW - 2 + u64::from(input.byte() % 4)),
            _ => input.long(),
        };
        let expected = match highest {
            Some(highest) if at < highest && highest - at >= WINDOW => Verdict::TooOld,
            _ if seen.contains(&at) => Verdict::Replayed,
            _ => Verdict::Fresh,
        };
        assert_eq!(window.check(at), expected);
        if expected == Verdict::Fresh {
            window.mark(at);
            seen.insert(at);
            highest = highest.max(Some(at));
        }
    }
}
