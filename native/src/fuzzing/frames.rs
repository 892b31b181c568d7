//! Frames: where their headers stand, what is changed in them, and what the interface is told of them.
use std::ops::Range;

use super::input::{Input, damage};
use crate::counters::Drop;
use crate::frame::addresses::claimed;
use crate::frame::checksum::{fold, pseudo_header, sum};
use crate::frame::headers::{Family, Network, Transport, is_router_advertisement};
use crate::frame::layout::Layout;
use crate::frame::offload::{Shape, each_complete, for_interface, shape};
use crate::frame::sample::{Recipe, build};
use crate::frame::{congestion, mss};
use crate::packet::{ETHERNET, HEADROOM, Mac, Offload, Segments, addresses, is_group, is_reserved};
use crate::switch::{Outbound, Own, Rights, Switch};
use crate::tap::vnet;

/// Where an IP packet's parts stand, as one would write it down once more.
struct Walked {
    v6: bool,
    tagged: bool,
    l3: usize,
    /// Protocol and place of L4, unless there's none.
    l4: Option<(u8, usize)>,
}

fn walk(frame: &[u8]) -> Option<Walked> {
    let at = |place: usize| frame.get(place).copied();
    let mut l3 = ETHERNET;
    let v6 = loop {
        match (at(l3 - 2)?, at(l3 - 1)?) {
            (0x08, 0x00) => break false,
            (0x86, 0xDD) => break true,
            (0x81, 0x00) | (0x88, 0xA8) if l3 < ETHERNET + 8 => l3 += 4,
            _ => return None,
        }
    };
    let (version, least) = if v6 { (6, 40) } else { (4, 20) };
    if at(l3)? >> 4 != version || frame.len() < l3 + least {
        return None;
    }
    let l4 = if v6 { behind_extensions(frame, l3) } else { behind_options(frame, l3) };
    Some(Walked { v6, tagged: l3 > ETHERNET, l3, l4: l4.filter(|(_, l4)| *l4 < frame.len()) })
}

fn behind_options(frame: &[u8], l3: usize) -> Option<(u8, usize)> {
    let words = usize::from(frame[l3] & 0x0F);
    let is_fragment = frame[l3 + 6] & 0x3F != 0 || frame[l3 + 7] != 0;
    (words >= 5 && !is_fragment).then(|| (frame[l3 + 9], l3 + 4 * words))
}

fn behind_extensions(frame: &[u8], l3: usize) -> Option<(u8, usize)> {
    let (mut next, mut l4) = (frame[l3 + 6], l3 + 40);
    for _ in 0..8 {
        if !matches!(next, 0 | 43 | 60) {
            return Some((next, l4));
        }
        next = *frame.get(l4)?;
        l4 += 8 + 8 * usize::from(*frame.get(l4 + 1)?);
    }
    None
}

/// Headers are found where a plain reading finds them, inside the frame or not at all.
pub fn headers(data: &[u8]) {
    let walked = walk(data);
    let network = Network::of(data);
    assert_eq!(network.is_some(), walked.is_some());
    let (Some(network), Some(walked)) = (network, walked) else {
        assert_eq!(Transport::of(data), None);
        return;
    };
    assert_eq!((network.family == Family::V6, network.l3, network.tagged), (walked.v6, walked.l3, walked.tagged));
    let transport = Transport::of(data);
    assert_eq!(transport.map(|found| (found.protocol, found.l4)), walked.l4);
    let advertised = walked.l4.is_some_and(|(protocol, l4)| protocol == 58 && data[l4] == 134);
    assert_eq!(is_router_advertisement(data), walked.v6 && !walked.tagged && advertised);
}

/// A frame of a member, as hostile as it likes, on its way to the interface: what passes the checks tells the kernel nothing
/// that isn't so, and comes out whole where it's cut in software.
pub fn superframe(data: &[u8]) {
    let input = &mut Input::new(data);
    let (most, mark) = (usize::from(input.short()), input.byte());
    let (mut room, offload) = crafted(input);
    let length = room.len();
    let Ok(found) = shape(&room[HEADROOM..], &offload) else { return };
    if congestion::propagate(mark, &mut room[HEADROOM..]).is_err() {
        return;
    }
    mss::clamp(&mut room[HEADROOM..], most, offload.wants_checksum());
    assert_eq!(room.len(), length);
    assert_eq!(shape(&room[HEADROOM..], &offload), Ok(found), "what's changed on the way changes no offset");
    let (told, headers) = for_interface(&found, offload);
    assert!(headers <= usize::from(u16::MAX));
    kernel_takes(&vnet::emit(&told, headers as u16), &room[HEADROOM..]);
    comes_out_whole(&mut room, offload, &found);
}

/// `HEADROOM` bytes, a frame, and what its sender says is to be done for it.
fn crafted(input: &mut Input) -> (Vec<u8>, Offload) {
    let (mut room, offload) = match input.below(5) {
        0 => ([&[0; HEADROOM][..], input.string()].concat(), Offload::default()),
        _ => build(recipe(input)),
    };
    damage(&mut room[HEADROOM..], input, 6);
    let offload = match input.below(4) {
        0 => Offload::parse(&input.array()),
        1 => vnet::parse(&input.array()),
        2 => {
            let mut fields = offload.emit();
            damage(&mut fields, input, 2);
            Offload::parse(&fields)
        }
        _ => offload,
    };
    if input.below(8) == 0 {
        room.truncate(HEADROOM.max(room.len() - usize::from(input.short()) % room.len()));
    }
    (room, offload)
}

fn recipe(input: &mut Input) -> Recipe {
    let kind = [Segments::Tcp4, Segments::Tcp6, Segments::Udp][input.below(3)];
    let v6 = if kind == Segments::Udp { input.flag() } else { kind == Segments::Tcp6 };
    let (tagged, options) = (input.flag(), input.below(11));
    let segment = input.short() % 1_500;
    Recipe { kind, v6, tagged, options, segment, payload: usize::from(input.short() % 2_500) }
}

/// What a kernel relies on in a virtio-net header (Linux, include/linux/virtio_net.h), read again from the frame itself.
fn kernel_takes(header: &[u8; HEADROOM], frame: &[u8]) {
    let field = |at: usize| usize::from(u16::from_ne_bytes([header[at], header[at + 1]]));
    let [flags, kind, ..] = *header;
    let (header_length, segment, start, offset) = (field(2), field(4), field(6), field(8));
    assert!(flags & !3 == 0 && flags != 3);
    if flags & 1 == 0 {
        assert!(kind == 0 && header_length == 0 && segment == 0);
        return;
    }
    let walked = walk(frame).expect("a checksum is wanted of IP only");
    let (protocol, l4) = walked.l4.expect("a checksum is wanted of what has an L4 header");
    assert!(start == l4 && start + offset + 2 <= frame.len());
    assert_eq!(offset, if protocol == 6 { 16 } else { 6 });
    assert!(protocol == 6 || protocol == 17);
    if kind == 0 {
        return;
    }
    let expected = match (protocol, walked.v6) {
        (17, _) => 5,
        (_, false) => 1,
        (_, true) => 4,
    };
    assert_eq!(kind & 0x7F, expected);
    assert!(kind & 0x80 == 0 || protocol == 6);
    let l4_length = if protocol == 6 { usize::from(frame[l4 + 12] >> 4) * 4 } else { 8 };
    assert!(header_length == l4 + l4_length && header_length < frame.len() && segment > 0);
    assert!(header_length + segment < frame.len(), "cut into two at least");
    let packet = if walked.v6 { 40 + word(frame, walked.l3 + 4) } else { word(frame, walked.l3 + 2) };
    assert_eq!(walked.l3 + packet, frame.len());
}

fn word(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
}

/// Cut in software, each segment is a frame that says its own length, has its checksum, and holds its part of the payload.
fn comes_out_whole(room: &mut [u8], offload: Offload, found: &Shape) {
    let kept = room.to_vec();
    let mut payload = Vec::new();
    let mut count = 0;
    let given = each_complete(room, offload, found, |room| {
        count += 1;
        let frame = &room[HEADROOM..];
        if let Shape::Super(layout) = found {
            assert!(frame.len() <= layout.headers + layout.segment);
            payload.extend_from_slice(&frame[layout.headers..]);
            is_finished(frame, layout);
        }
        Ok(())
    });
    assert_eq!(given, Ok(()));
    match found {
        Shape::Super(layout) => {
            assert_eq!(room, kept, "what it's cut from is put back");
            assert_eq!((count, &payload[..]), (layout.count(), &kept[HEADROOM + layout.headers..]));
        }
        _ => assert!(count == 1 && room.len() == kept.len()),
    }
}

fn is_finished(frame: &[u8], layout: &Layout) {
    let walked = walk(frame).expect("a segment is IP");
    assert_eq!(walked.l4, Some((layout.transport.protocol, layout.transport.l4)));
    let packet = if walked.v6 { 40 + word(frame, walked.l3 + 4) } else { word(frame, walked.l3 + 2) };
    assert_eq!(walked.l3 + packet, frame.len());
    assert!(has_l4_checksum(frame, &layout.transport));
    assert!(walked.v6 || has_l3_checksum(frame, walked.l3));
}

fn has_l4_checksum(frame: &[u8], transport: &Transport) -> bool {
    let l4 = &frame[transport.l4..];
    fold(u64::from(pseudo_header(frame, transport, l4.len())) + sum(l4)) == 0xFFFF
}

fn has_l3_checksum(frame: &[u8], l3: usize) -> bool {
    let end = l3 + usize::from(frame[l3] & 0x0F) * 4;
    end >= l3 + 20 && frame.get(l3..end).is_some_and(|header| fold(sum(header)) == 0xFFFF)
}

/// What may have changed between two frames of one length, if anything has.
fn changed(before: &[u8], after: &[u8]) -> Option<Range<usize>> {
    assert_eq!(before.len(), after.len());
    let first = before.iter().zip(after).position(|(before, after)| before != after)?;
    let last = before.iter().zip(after).rposition(|(before, after)| before != after)?;
    Some(first..last + 1)
}

/// Of a frame only the congestion bits and the header's own checksum are changed, and as RFC 6040 has it.
pub fn congestion(data: &[u8]) {
    let input = &mut Input::new(data);
    let mark = input.byte();
    let (room, _) = crafted(input);
    let before = &room[HEADROOM..];
    let mut after = before.to_vec();
    let result = congestion::propagate(mark, &mut after);
    let Some(walked) = walk(before) else {
        assert!(result == Ok(()) && after == before && congestion::outer(before) == 0);
        return;
    };
    let (inside, service) = (congestion::outer(before) & 3, congestion::outer(&after));
    let expected = match (mark & 3, inside) {
        (3, 0) => {
            assert!(result == Err(Drop::Congested) && after == before);
            return;
        }
        (3, _) => 3,
        (1, 2) => 1,
        _ => inside,
    };
    assert_eq!((result, service), (Ok(()), congestion::outer(before) & !3 | expected));
    let l3 = walked.l3;
    let Some(range) = changed(before, &after) else { return };
    assert!(range.start == l3 + 1 && range.end <= if walked.v6 { l3 + 2 } else { l3 + 12 });
    assert!(walked.v6 || before[l3 + 2..l3 + 10] == after[l3 + 2..l3 + 10]);
    assert!(walked.v6 || has_l3_checksum(before, l3) == has_l3_checksum(&after, l3), "neither spoilt nor repaired");
}

/// Only a SYN's MSS is lowered, and a checksum that was right stays so.
pub fn mss(data: &[u8]) {
    let input = &mut Input::new(data);
    let (most, partial) = (usize::from(input.short()), input.flag());
    let before = syn(input);
    let mut after = before.clone();
    mss::clamp(&mut after, most, partial);
    let Some(range) = changed(&before, &after) else { return };
    let transport = Transport::of(&before).expect("only TCP is changed");
    let l4 = transport.l4;
    assert!(transport.protocol == 6 && before[l4 + 13] & 2 != 0);
    assert!(range.start >= l4 + 16 && range.end <= l4 + 60);
    let options: Vec<usize> = (l4 + 20..before.len()).filter(|&at| before[at] != after[at]).collect();
    let (&first, &last) = (options.first().expect("an option"), options.last().expect("an option"));
    // The value's two bytes, behind its kind and its length.
    let value = if before[first - 2..first] == [2, 4] { first } else { first - 1 };
    assert!(before[value - 2..value] == [2, 4] && last <= value + 1);
    assert_eq!(word(&after, value), most.saturating_sub(l4 + 20));
    assert!(word(&after, value) < word(&before, value));
    assert!(before[l4 + 16..l4 + 18] == after[l4 + 16..l4 + 18] || !partial);
    assert!(before[l4 + 18..l4 + 20] == after[l4 + 18..l4 + 20]);
    assert!(partial || has_l4_checksum(&before, &transport) == has_l4_checksum(&after, &transport));
}

/// A frame with a TCP header that has the input's options; its checksum is right but for what's damaged.
fn syn(input: &mut Input) -> Vec<u8> {
    let Recipe { v6, tagged, .. } = recipe(input);
    let kind = if v6 { Segments::Tcp6 } else { Segments::Tcp4 };
    let recipe = Recipe { kind, v6, tagged, options: input.below(11), segment: 0, payload: input.below(40) };
    let (room, offload) = build(recipe);
    let mut frame = room[HEADROOM..].to_vec();
    let l4 = usize::from(offload.l4_offset);
    frame[l4 + 13] = input.byte();
    let end = l4 + usize::from(frame[l4 + 12] >> 4) * 4;
    let options = input.bytes(end - l4 - 20);
    frame[l4 + 20..l4 + 20 + options.len()].copy_from_slice(options);
    damage(&mut frame, input, 2);
    if let Some(transport) = Transport::of(&frame).filter(|transport| transport.l4 + 20 <= frame.len()) {
        frame[transport.l4 + 16..transport.l4 + 18].fill(0);
        let l4 = &frame[transport.l4..];
        let checksum = !fold(u64::from(pseudo_header(&frame, &transport, l4.len())) + sum(l4));
        frame[transport.l4 + 16..transport.l4 + 18].copy_from_slice(&checksum.to_be_bytes());
    }
    damage(&mut frame, input, 1);
    frame
}

/// What the kernel says of a frame is said back to it as far as it's known, and nothing else is.
pub fn vnet(data: &[u8]) {
    let input = &mut Input::new(data);
    let header = input.array();
    let offload = vnet::parse(&header);
    let again = vnet::parse(&vnet::emit(&offload, input.short()));
    assert_eq!(again.wants_checksum(), offload.wants_checksum());
    assert_eq!(again.segments(), offload.segments());
    assert!(again.is_segmented() == again.segments().is_some());
    if offload.wants_checksum() {
        assert_eq!((again.l4_offset, again.checksum_field), (offload.l4_offset, offload.checksum_field));
    } else {
        assert_eq!((offload.l4_offset, offload.checksum_field), (0, 0));
    }
    if let Some(kind) = offload.segments() {
        assert_eq!(again.segment, offload.segment);
        let ecn = |offload: Offload| offload.flags & Offload::TCP_ECN;
        assert_eq!(ecn(again), if kind == Segments::Udp { 0 } else { ecn(offload) });
    }
}

/// What a frame claims is the same behind one more tag, as long as it's looked through, and is found wherever a host would read it.
pub fn claims(data: &[u8]) {
    let found = |frame: &[u8]| {
        let mut found = Vec::new();
        let read = claimed(frame, |address| {
            found.push(address);
            Ok(())
        });
        read.map(|()| found)
    };
    let plain = found(data);
    if let Some((macs, rest)) = data.split_at_checked(12) {
        let tagged = found(&[macs, &[0x81, 0, 0, 1], rest].concat());
        assert!(tagged == plain || tagged == Err(Drop::AddressHidden));
    }
    if let (Ok(found), Some(transport)) = (plain, Transport::of(data)) {
        assert!(!found.is_empty(), "{transport:?} has a source");
    }
}

const OWN: Mac = [2, 0, 0, 0, 0, 0];

/// A story of peers and frames: a frame goes to our interface only under a MAC that its peer holds, which at most one does.
pub fn switch(data: &[u8]) {
    let input = &mut Input::new(data);
    let mut switch = Switch::new(Own { mac: OWN, addresses: Vec::new(), bridge: false });
    let mut claims: [Vec<Mac>; 4] = Default::default();
    let mut steps = 0;
    while input.goes_on(steps) {
        steps += 1;
        let peer = input.below(4);
        match input.below(4) {
            0 => {
                claims[peer] = (0..input.below(4)).map(|_| mac(input)).collect();
                switch.set(&peer, &Rights { macs: claims[peer].clone(), ..Rights::default() });
            }
            1 => {
                claims[peer].clear();
                switch.remove(&peer);
            }
            2 => may_go(&switch, &claims, &frame(input)),
            _ => goes_to(&switch, &claims, &frame(input)),
        }
    }
}

/// One of a few, so that they meet, or any.
fn mac(input: &mut Input) -> Mac {
    match input.byte() {
        number @ 0..8 => [2, 0, 0, 0, 0, number],
        number @ 8..12 => [1, 0x80, 0xC2, 0, 0, number],
        _ => input.array(),
    }
}

fn frame(input: &mut Input) -> Vec<u8> {
    [&mac(input)[..], &mac(input), input.string()].concat()
}

fn may_go(switch: &Switch<usize>, claims: &[Vec<Mac>; 4], frame: &[u8]) {
    let takers: Vec<usize> = (0..4).filter(|peer| switch.inbound(peer, frame).is_ok()).collect();
    assert!(takers.len() <= 1);
    let Some(&peer) = takers.first() else { return };
    let (destination, source) = addresses(frame).expect("an Ethernet header");
    assert!(claims[peer].contains(&source) && source != OWN && !is_group(&source));
    assert!(destination == OWN || is_group(&destination) && !is_reserved(&destination));
}

fn goes_to(switch: &Switch<usize>, claims: &[Vec<Mac>; 4], frame: &[u8]) {
    let known = addresses(frame).map(|(destination, _)| destination);
    match switch.outbound(frame) {
        Outbound::To(peer) => assert!(known.is_some_and(|mac| claims[*peer].contains(&mac))),
        Outbound::Flood => assert!(known.is_some_and(|mac| {
            mac != OWN && !is_reserved(&mac) && (is_group(&mac) || !claims.iter().any(|macs| macs.contains(&mac)))
        })),
        Outbound::Refused(_) => assert!(known.is_none_or(|mac| mac == OWN || is_reserved(&mac))),
    }
}
