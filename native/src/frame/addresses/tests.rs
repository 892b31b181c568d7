use proptest::prelude::*;

use super::*;

const VICTIM: Address = 0xFD00_0000_0000_0000_0000_0000_0000_0002;
const SELF: Address = 0xFD00_0000_0000_0000_0000_0000_0000_0001;

fn ethernet(tags: &[[u8; 4]], kind: [u8; 2], packet: &[u8]) -> Vec<u8> {
    let macs = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    [&macs[..], &tags.concat(), &kind, packet].concat()
}

fn all(frame: &[u8]) -> Result<Vec<Address>, Drop> {
    let mut found = Vec::new();
    claimed(frame, |address| {
        found.push(address);
        Ok(())
    })?;
    Ok(found)
}

fn v4(source: [u8; 4]) -> Vec<u8> {
    [&[0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0], &source[..], &[10, 10, 10, 1]].concat()
}

fn arp(operation: u8, sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let start = [0, 1, 8, 0, 6, 4, 0, operation, 2, 0, 0, 0, 0, 2];
    [&start[..], &sender, &[0; 6], &target].concat()
}

fn v6(source: Address, next: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    let start = [0x60, 0, 0, 0, length[0], length[1], next, 255];
    [&start[..], &source.to_be_bytes(), &1u128.to_be_bytes(), payload].concat()
}

fn nd(kind: u8, addresses: &[Address]) -> Vec<u8> {
    let addresses: Vec<u8> = addresses.iter().flat_map(|address| address.to_be_bytes()).collect();
    [&[kind, 0, 0, 0, 0, 0, 0, 0], &addresses[..]].concat()
}

fn ip(text: &str) -> Address {
    address_of(text.parse().expect("an address"))
}

const V4: [u8; 2] = [8, 0];
const V6: [u8; 2] = [0x86, 0xDD];
const A: [u8; 2] = [8, 6];
const TAGS: [[u8; 4]; 4] = [[0x88, 0xA8, 0, 1], [0x81, 0, 0, 2], [0x81, 0, 0, 3], [0x81, 0, 0, 4]];

#[test]
fn a_packet_claims_its_source() {
    assert_eq!(all(&ethernet(&[], V4, &v4([10, 10, 10, 2]))), Ok(vec![ip("10.10.10.2")]));
    assert_eq!(all(&ethernet(&[], V6, &v6(VICTIM, 17, &[]))), Ok(vec![VICTIM]));
    assert_eq!(all(&ethernet(&[], [0x88, 0xB5], &v4([10, 10, 10, 2]))), Ok(vec![]));
    assert_eq!(all(&ethernet(&[], V4, &[0x45; 12])), Ok(vec![]), "no source, no claim");
}

#[test]
fn arp_claims_its_sender_and_a_probe_nobody() {
    for operation in [1, 2] {
        let frame = ethernet(&[], A, &arp(operation, [10, 10, 10, 2], [10, 10, 10, 2]));
        assert_eq!(all(&frame), Ok(vec![ip("10.10.10.2")]));
    }
    assert_eq!(all(&ethernet(&[], A, &arp(1, [0; 4], [10, 10, 10, 2]))), Ok(vec![ip("0.0.0.0")]));
    let whole = arp(1, [10, 10, 10, 2], [0; 4]);
    assert_eq!(all(&ethernet(&[], A, &whole[..27])), Err(Drop::AddressHidden));
    let mut other = whole;
    other[4] = 8;
    assert_eq!(all(&ethernet(&[], A, &other)), Err(Drop::AddressHidden));
}

#[test]
fn claims_are_found_behind_tags_and_snap() {
    let packet = v4([10, 10, 10, 2]);
    for tags in 0..=4 {
        assert_eq!(all(&ethernet(&TAGS[..tags], V4, &packet)), Ok(vec![ip("10.10.10.2")]), "{tags} tags");
    }
    let five = [TAGS.as_slice(), &TAGS[..1]].concat();
    assert_eq!(all(&ethernet(&five, V4, &packet)), Err(Drop::AddressHidden));
    for oui in [0, 0xF8] {
        let snap = [&[0xAA, 0xAA, 3, 0, 0, oui, 8, 0], &packet[..]].concat();
        let length = (snap.len() as u16).to_be_bytes();
        assert_eq!(all(&ethernet(&[], length, &snap)), Ok(vec![ip("10.10.10.2")]));
        assert_eq!(all(&ethernet(&TAGS[1..2], length, &snap)), Ok(vec![ip("10.10.10.2")]));
    }
}

#[test]
fn neighbour_discovery_claims_what_it_makes_others_believe() {
    let frame = |source, kind, addresses: &[Address]| ethernet(&[], V6, &v6(source, ICMP6, &nd(kind, addresses)));
    assert_eq!(all(&frame(0, 135, &[VICTIM])), Ok(vec![0, VICTIM]), "duplicate address detection");
    assert_eq!(all(&frame(SELF, 135, &[VICTIM])), Ok(vec![SELF]), "a question");
    assert_eq!(all(&frame(SELF, 136, &[VICTIM])), Ok(vec![SELF, VICTIM]));
    assert_eq!(all(&frame(SELF, 137, &[VICTIM, 7])), Ok(vec![SELF, VICTIM, 7]));
    for kind in [133, 134] {
        assert_eq!(all(&frame(SELF, kind, &[])), Ok(vec![SELF]));
    }
    for (kind, addresses) in [(135, 0), (136, 0), (137, 1)] {
        let short = frame(SELF, kind, &vec![VICTIM; addresses]);
        assert_eq!(all(&short), Err(Drop::AddressHidden), "{kind} with {addresses} addresses");
    }
    assert_eq!(all(&frame(SELF, 128, &[])), Ok(vec![SELF]), "an echo is none");
    assert_eq!(all(&ethernet(&[], V6, &v6(SELF, ICMP6, &[]))), Err(Drop::AddressHidden));
}

#[test]
fn extension_headers_hide_nothing() {
    let advertisement = nd(136, &[VICTIM]);
    let behind =
        |first: u8, headers: &[u8]| all(&ethernet(&[], V6, &v6(SELF, first, &[headers, &advertisement].concat())));
    let both = Ok(vec![SELF, VICTIM]);
    for kind in [0, 43, 60] {
        assert_eq!(behind(kind, &[ICMP6, 0, 0, 0, 0, 0, 0, 0]), both, "{kind}");
    }
    assert_eq!(behind(51, &[ICMP6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), both);
    let mut eight = [[60, 0, 0, 0, 0, 0, 0, 0]; 8];
    eight[7][0] = ICMP6;
    assert_eq!(behind(60, &eight.concat()), both);
    let nine = [[60, 0, 0, 0, 0, 0, 0, 0]; 9].concat();
    assert_eq!(behind(60, &nine), Err(Drop::AddressHidden), "more than are looked through");
    assert_eq!(behind(0, &[ICMP6, 200, 0, 0, 0, 0, 0, 0]), Err(Drop::AddressHidden), "it leads outside");
}

#[test]
fn neighbour_discovery_in_fragments_is_refused_and_other_fragments_pass() {
    let fragment = |offset: u16, kind: u8| {
        let [high, low] = offset.to_be_bytes();
        let payload = [&[ICMP6, 0, high, low, 0, 0, 0, 1], &nd(kind, &[VICTIM])[..]].concat();
        all(&ethernet(&[], V6, &v6(SELF, FRAGMENT, &payload)))
    };
    assert_eq!(fragment(1, 136), Err(Drop::AddressHidden), "the first of several");
    assert_eq!(fragment(0, 136), Err(Drop::AddressHidden), "the only one");
    assert_eq!(fragment(1, 128), Ok(vec![SELF]));
    assert_eq!(fragment(8, 136), Ok(vec![SELF]), "a later one has no header");
    let cut = v6(SELF, FRAGMENT, &[60, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(all(&ethernet(&[], V6, &cut)), Err(Drop::AddressHidden), "the headers go on in the next");
}

#[test]
fn the_link_local_address_of_a_mac() {
    assert_eq!(link_local(&[2, 0, 0x5E, 0x10, 0x20, 0x30]), ip("fe80::5eff:fe10:2030"));
}

/// A frame that makes a host believe that the victim's address is its sender's, wrapped in whatever a host looks through.
fn poison() -> impl Strategy<Value = Vec<u8>> {
    let wrapping = proptest::collection::vec(proptest::sample::select(TAGS.to_vec()), 0..=4);
    let extension = (proptest::sample::select(vec![0u8, 43, 60]), 0u8..4);
    let extensions = proptest::collection::vec(extension, 0..=8);
    let message = prop_oneof![
        Just((VICTIM, nd(128, &[]))),
        Just((VICTIM, nd(133, &[]))),
        Just((VICTIM, nd(134, &[]))),
        Just((VICTIM, nd(135, &[SELF]))),
        Just((0, nd(135, &[VICTIM]))),
        Just((SELF, nd(136, &[VICTIM]))),
        Just((SELF, nd(137, &[VICTIM, SELF]))),
        Just((SELF, nd(137, &[SELF, VICTIM]))),
    ];
    let options = proptest::collection::vec(any::<u8>(), 0..40);
    (wrapping, extensions, message, options).prop_map(|(tags, extensions, (source, message), options)| {
        let kinds: Vec<u8> = extensions.iter().map(|(kind, _)| *kind).chain([ICMP6]).collect();
        let mut payload = Vec::new();
        for ((_, length), next) in extensions.iter().zip(&kinds[1..]) {
            payload.extend([*next, *length]);
            payload.resize(payload.len() + 6 + usize::from(*length) * 8, 0);
        }
        payload.extend(message);
        payload.extend(options);
        ethernet(&tags, V6, &v6(source, kinds[0], &payload))
    })
}

proptest! {
    #[test]
    fn no_wrapping_hides_a_claim(frame in poison()) {
        let refused = claimed(&frame, |address| if address == VICTIM { Err(Drop::AddressOfAnother) } else { Ok(()) });
        prop_assert_eq!(refused, Err(Drop::AddressOfAnother));
    }

    /// However it's cut, it's never taken for harmless by leaving the claim out while a host could read it.
    #[test]
    fn what_is_cut_short_of_its_claim_never_passes_as_whole(frame in poison(), keep in 0usize..400) {
        let cut = &frame[..keep.min(frame.len())];
        let taken = claimed(cut, |address| if address == VICTIM { Err(Drop::AddressOfAnother) } else { Ok(()) });
        let readable = cut.windows(16).any(|bytes| bytes == VICTIM.to_be_bytes());
        prop_assert!(!readable || taken.is_err());
    }

    #[test]
    fn arp_and_ipv4_of_another_never_pass(
        tags in proptest::collection::vec(proptest::sample::select(TAGS.to_vec()), 0..=4),
        operation in any::<u8>(), hardware in any::<[u8; 2]>(), target in any::<[u8; 4]>(), tail in proptest::collection::vec(any::<u8>(), 0..30),
    ) {
        let victim = ip("10.10.10.2");
        let refuse = |address| if address == victim { Err(Drop::AddressOfAnother) } else { Ok(()) };
        let mut message = arp(operation, [10, 10, 10, 2], target);
        message[..2].copy_from_slice(&hardware);
        message.extend(&tail);
        prop_assert_eq!(claimed(&ethernet(&tags, A, &message), refuse), Err(Drop::AddressOfAnother));
        let packet = [v4([10, 10, 10, 2]), tail].concat();
        prop_assert_eq!(claimed(&ethernet(&tags, V4, &packet), refuse), Err(Drop::AddressOfAnother));
    }

    #[test]
    fn any_bytes_are_read_without_harm(frame in proptest::collection::vec(any::<u8>(), 0..120), kind in 0usize..5) {
        let kinds: [&[u8]; 5] = [&[8, 0], &[8, 6], &[0x86, 0xDD], &[0x81, 0], &[0, 40]];
        let mut frame = frame;
        for (at, byte) in kinds[kind].iter().enumerate() {
            if let Some(place) = frame.get_mut(12 + at) {
                *place = *byte;
            }
        }
        let _ = all(&frame);
    }
}
