use proptest::prelude::*;

use super::*;

const START: Nanos = 1_000 * SECOND;

fn mac(number: u32) -> Mac {
    let [a, b, c, d] = number.to_be_bytes();
    [2, 0xBB, a, b, c, d]
}

#[test]
fn a_mac_is_where_it_was_heard_until_it_is_old() {
    let mut learned = Learned::default();
    assert_eq!(learned.find(&mac(1), START), None);
    assert_eq!(learned.note(&mac(1), Place::Peer(7), START), Ok(()));
    assert_eq!(learned.find(&mac(1), START + AGE - 1), Some(Place::Peer(7)));
    assert_eq!(learned.find(&mac(1), START + AGE), None);
    assert_eq!(learned.note(&mac(1), Place::Peer(7), START + SECOND), Ok(()));
    assert_eq!(learned.find(&mac(1), START + AGE), Some(Place::Peer(7)));
    learned.forget(7);
    assert_eq!(learned.find(&mac(1), START + 2 * SECOND), None);
}

#[test]
fn a_mac_moves_slowly_between_peers_and_never_away_from_us() {
    let mut learned = Learned::default();
    assert_eq!(learned.note(&mac(1), Place::Peer(1), START), Ok(()));
    assert_eq!(learned.note(&mac(1), Place::Peer(2), START + MOVES - 1), Err(Drop::MacMoves));
    assert_eq!(learned.note(&mac(1), Place::Peer(2), START + MOVES), Ok(()));
    assert_eq!(learned.note(&mac(1), Place::Peer(1), START + MOVES + 1), Err(Drop::MacMoves));
    assert_eq!(learned.note(&mac(1), Place::Here, START + MOVES + 1), Ok(()), "ours at once");
    assert_eq!(learned.note(&mac(1), Place::Peer(1), START + MOVES + AGE), Err(Drop::SourceMac));
    assert_eq!(learned.note(&mac(1), Place::Peer(1), START + MOVES + AGE + 1), Ok(()), "gone from here for long");
}

#[test]
fn a_peer_fills_its_own_share_only_and_old_ones_make_room() {
    let mut learned = Learned::default();
    for number in 0..MAX_OF_PEER as u32 {
        assert_eq!(learned.note(&mac(number), Place::Peer(1), START), Ok(()));
    }
    assert_eq!(learned.note(&mac(90_000), Place::Peer(1), START), Err(Drop::MacsFull));
    assert_eq!(learned.note(&mac(90_000), Place::Peer(2), START), Ok(()));
    assert_eq!(learned.note(&mac(90_001), Place::Peer(1), START + AGE), Ok(()));
    assert_eq!(learned.find(&mac(0), START + AGE), None);
}

#[test]
fn nothing_changes_while_what_is_known_is_fresh() {
    let mut learned = Learned::default();
    assert!(!learned.is_fresh(&mac(1), Place::Here, START));
    assert_eq!(learned.note(&mac(1), Place::Here, START), Ok(()));
    assert!(learned.is_fresh(&mac(1), Place::Here, START + SECOND));
    assert!(!learned.is_fresh(&mac(1), Place::Peer(1), START + SECOND));
    assert!(!learned.is_fresh(&mac(1), Place::Here, START + FRESH));
}

proptest! {
    /// Counts stay what the table holds, whatever happens.
    #[test]
    fn counts_and_table_agree(steps in proptest::collection::vec((0u32..6, 0u32..4, 0u64..40), 1..200)) {
        let (mut learned, mut now) = (Learned::default(), START);
        for (number, place, pause) in steps {
            now += pause * SECOND;
            let place = if place == 0 { Place::Here } else { Place::Peer(place) };
            if pause == 1 {
                learned.forget(number);
            } else if learned.note(&mac(number), place, now).is_ok() {
                prop_assert_eq!(learned.find(&mac(number), now), Some(place));
            }
            for place in [Place::Here, Place::Peer(1), Place::Peer(2), Place::Peer(3)] {
                let held = learned.macs.values().filter(|entry| entry.place == place).count();
                prop_assert_eq!(held, learned.counts.get(&place).copied().unwrap_or(0));
            }
        }
    }
}
