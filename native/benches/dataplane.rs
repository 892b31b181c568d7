//! What the data plane does per datagram and per frame, each by itself, so that a regression is found where it is:
//! `cargo bench --manifest-path native/Cargo.toml`.
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use p2p_native::frame::addresses::address_of;
use p2p_native::frame::checksum;
use p2p_native::frame::layout::Layout;
use p2p_native::open::{Opener, Windows};
use p2p_native::packet::{CUT_SEGMENTS, CUT_WHOLE, HEADER, OFFLOAD, OVERHEAD, Offload, Part, Prefix, Segments};
use p2p_native::replay::{Verdict, Window};
use p2p_native::seal::{Lane, Place, Sealer};
use p2p_native::switch::{Own, Rights, Switch};

const KEY: [u8; 32] = [7; 32];
/// Ethernet, IPv4 and TCP with timestamps, and a segment behind it as an overlay MTU of 1360 makes it.
const HEADERS: usize = 66;
const SEGMENT: usize = 1_308;
const SMALL: usize = 170;
const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn seal(criterion: &mut Criterion) {
    let sealer = Sealer::new(&KEY, 1).expect("a key");
    let mut group = criterion.benchmark_group("seal");
    for (name, lead, length) in [("segment", HEADERS, SEGMENT), ("whole", 0, HEADERS + SEGMENT), ("small", 0, SMALL)] {
        let (lead, bytes) = (vec![1; lead], vec![2; length]);
        let mut out = vec![0; lead.len() + bytes.len() + OVERHEAD];
        let part = Part { index: 0, count: 1, total: bytes.len() as u16 };
        group.throughput(Throughput::Bytes((lead.len() + bytes.len()) as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let place =
                    Place { lane: Lane::frames(0), counter: sealer.take(Lane::frames(0), 1), cut: CUT_SEGMENTS };
                sealer.seal_part(place, part, Offload::default(), (&lead, &bytes), black_box(&mut out)).expect("seals");
            });
        });
    }
    group.finish();
}

/// Datagrams that are opened in turn; then the windows are new and it begins again.
const DATAGRAMS: usize = 4_096;

fn open(criterion: &mut Criterion) {
    let opener = Opener::new(&KEY).expect("a key");
    let mut group = criterion.benchmark_group("open");
    for (name, length) in [("segment", HEADERS + SEGMENT), ("small", SMALL)] {
        let datagrams: Vec<Vec<u8>> = sealed(length);
        let mut out = vec![0; length + OFFLOAD];
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(name, |bencher| {
            let (mut windows, mut at) = (Windows::default(), 0);
            bencher.iter(|| {
                let datagram = &datagrams[at];
                let prefix = Prefix::parse(datagram).expect("a prefix");
                opener.open_to(&mut windows, &prefix, HEADER, datagram, black_box(&mut out)).expect("opens");
                at = (at + 1) % DATAGRAMS;
                if at == 0 {
                    windows = Windows::default();
                }
            });
        });
    }
    group.finish();
}

fn sealed(length: usize) -> Vec<Vec<u8>> {
    let sealer = Sealer::new(&KEY, 1).expect("a key");
    let part = Part { index: 0, count: 1, total: length as u16 };
    let seal = |counter| {
        let mut datagram = vec![0; length + OVERHEAD];
        let place = Place { lane: Lane::frames(0), counter, cut: CUT_WHOLE };
        sealer.seal_part(place, part, Offload::default(), (&[], &vec![2; length]), &mut datagram).expect("seals");
        datagram
    };
    (0..DATAGRAMS as u64).map(seal).collect()
}

fn switch(criterion: &mut Criterion) {
    let ip = |host: u8| address_of([10, 10, 10, host].into());
    let mut switch = Switch::new(Own { mac: OWN, addresses: vec![ip(200)], bridge: false });
    for peer in 0..64u8 {
        let rights = Rights { macs: vec![[2, 0, 0, 0, 1, peer]], addresses: vec![ip(peer)], bridge: false };
        switch.set(&u32::from(peer), &rights);
    }
    let packet = [8, 0, 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 6, 0, 0, 10, 10, 10, 33, 10, 10, 10, 200];
    let frame = |destination: [u8; 6], source: [u8; 6]| [&destination[..], &source[..], &packet].concat();
    let (out, back) = (frame([2, 0, 0, 0, 1, 33], OWN), frame(OWN, [2, 0, 0, 0, 1, 33]));
    criterion.bench_function("switch/outbound", |bencher| {
        bencher.iter(|| black_box(switch.outbound(black_box(&out))));
    });
    criterion.bench_function("switch/inbound", |bencher| {
        bencher.iter(|| switch.inbound(&33, black_box(&back)).expect("may send"));
    });
    let mut unclaimed = back.clone();
    unclaimed[12..14].copy_from_slice(&[0x88, 0xB5]);
    criterion.bench_function("switch/inbound, no IP", |bencher| {
        bencher.iter(|| switch.inbound(&33, black_box(&unclaimed)).expect("may send"));
    });
}

fn replay(criterion: &mut Criterion) {
    criterion.bench_function("replay/in-order", |bencher| {
        let (mut window, mut counter) = (Window::default(), 0);
        bencher.iter(|| {
            assert_eq!(window.check(black_box(counter)), Verdict::Fresh);
            window.mark(counter);
            counter += 1;
        });
    });
}

fn frame(criterion: &mut Criterion) {
    let mut bytes = vec![0u8; 60_000];
    let total = bytes.len() as u16 - 14;
    (bytes[12], bytes[14], bytes[23], bytes[46]) = (8, 0x45, 6, 0x80);
    bytes[16..18].copy_from_slice(&total.to_be_bytes());
    let offload = Offload { flags: Offload::CHECKSUM_WANTED, checksum_field: 16, l4_offset: 34, segment: 1_308 };
    let offload = offload.segmented(Segments::Tcp4);
    criterion.bench_function("frame/layout", |bencher| {
        bencher.iter(|| Layout::of(black_box(&bytes), bytes.len(), &offload).expect("a layout"));
    });
    criterion.bench_function("frame/checksum of a segment", |bencher| {
        bencher.iter(|| checksum::sum(black_box(&bytes[..1_374])));
    });
}

criterion_group!(benches, seal, open, switch, replay, frame);
criterion_main!(benches);
