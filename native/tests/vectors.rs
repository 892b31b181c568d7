//! The vectors that TypeScript and Rust share (test/vectors/README.md). A missing or empty file fails.
use std::collections::HashMap;
use std::path::Path;

use p2p_native::clock::MILLISECOND;
use p2p_native::counters::Drop;
use p2p_native::frame::addresses::{Address, address_of};
use p2p_native::open::{Opener, Windows};
use p2p_native::packet::{HEADER, OFFLOAD, OVERHEAD, Offload, PREFIX, Part, Prefix};
use p2p_native::replay::{Verdict, Window};
use p2p_native::seal::{Lane, Place, Sealer};
use p2p_native::switch::learned::{Learned, Place as LearnedAt};
use p2p_native::switch::{Destination, Inbound, Outbound, Own, Rights, Switch};
use serde::Deserialize;
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned>(file: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test/vectors").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let vectors: Vec<T> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(!vectors.is_empty(), "{} is empty", path.display());
    vectors
}

fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "half a byte in {text}");
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(byte).collect()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap_or_else(|_| panic!("expected {N} bytes, got {text}"))
}

#[derive(Deserialize)]
struct Transport {
    name: String,
    kind: String,
    key: String,
    lane: u16,
    receiver: u32,
    counter: String,
    cut: u8,
    part: Option<PartFields>,
    offload: Option<String>,
    plaintext: String,
    datagram: String,
}

#[derive(Deserialize)]
struct PartFields {
    index: u8,
    count: u8,
    total: u16,
}

impl Transport {
    fn counter(&self) -> u64 {
        self.counter.parse().expect("a 64-bit number")
    }

    fn part(&self) -> Option<Part> {
        self.part.as_ref().map(|part| Part { index: part.index, count: part.count, total: part.total })
    }

    /// None for lanes that a session can't have.
    fn sealed(&self) -> Option<Vec<u8>> {
        let lane = Lane::numbered(self.lane)?;
        let sealer = Sealer::new(&array(&self.key), self.receiver).expect("a key");
        let place = Place { lane, counter: self.counter(), cut: self.cut };
        let plaintext = hex(&self.plaintext);
        let Some(part) = self.part() else {
            return Some(sealer.seal_control_at(place, &plaintext).expect("seals"));
        };
        let offload = Offload::parse(&array(self.offload.as_deref().expect("a frame has an offload")));
        let mut datagram = vec![0; plaintext.len() + OVERHEAD];
        let split = plaintext.len().min(54);
        sealer.seal_part(place, part, offload, plaintext.split_at(split), &mut datagram).expect("seals");
        Some(datagram)
    }
}

#[test]
fn transport() {
    let mut sealed = 0;
    for vector in read::<Transport>("transport.json") {
        let name = &vector.name;
        let mut datagram = hex(&vector.datagram);
        let prefix = Prefix::parse(&datagram).expect("a prefix");
        let kind = if vector.kind == "frame" { 0x40 } else { 0x41 };
        assert_eq!((prefix.kind, prefix.cut, prefix.lane), (kind, vector.cut, vector.lane), "{name}");
        assert_eq!((prefix.receiver, prefix.counter), (vector.receiver, vector.counter()), "{name}");
        if let Some(ours) = vector.sealed() {
            assert_eq!(ours, datagram, "{name}");
            sealed += 1;
        }
        let header = if vector.part.is_some() { HEADER } else { PREFIX };
        if let Some(part) = vector.part() {
            assert_eq!(Part::parse(&datagram), Some(part), "{name}");
        }
        let opener = Opener::new(&array(&vector.key)).expect("a key");
        let plaintext = opener.open(&mut Windows::default(), &prefix, header, &mut datagram).expect(name);
        let (offload, bytes) = plaintext.split_at(if vector.part.is_some() { OFFLOAD } else { 0 });
        assert_eq!(offload, hex(vector.offload.as_deref().unwrap_or("")), "{name}");
        assert_eq!(bytes, hex(&vector.plaintext), "{name}");
    }
    assert!(sealed >= 6, "only {sealed} vectors were sealed");
}

#[derive(Deserialize)]
struct Replay {
    name: String,
    steps: Vec<ReplayStep>,
}

#[derive(Deserialize)]
struct ReplayStep {
    lane: u16,
    counter: String,
    verdict: String,
}

#[test]
fn replay() {
    for walk in read::<Replay>("replay.json") {
        let mut windows: HashMap<u16, Window> = HashMap::new();
        assert!(!walk.steps.is_empty(), "{} has no steps", walk.name);
        for (at, step) in walk.steps.iter().enumerate() {
            let window = windows.entry(step.lane).or_default();
            let counter = step.counter.parse().expect("a 64-bit number");
            let verdict = match window.check(counter) {
                Verdict::Fresh => "fresh",
                Verdict::Replayed => "replayed",
                Verdict::TooOld => "too-old",
            };
            assert_eq!(verdict, step.verdict, "{} step {at}", walk.name);
            if verdict == "fresh" {
                window.mark(counter);
            }
        }
    }
}

#[derive(Deserialize)]
struct Story {
    name: String,
    own: String,
    addresses: Vec<String>,
    bridge: bool,
    steps: Vec<SwitchStep>,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum SwitchStep {
    SetPeer { peer: u32, macs: Vec<String>, addresses: Vec<String>, bridge: bool },
    DropPeer { peer: u32 },
    Outbound { frame: String, verdict: String },
    Inbound { peer: u32, frame: String, verdict: String },
}

#[test]
fn switch() {
    for story in read::<Story>("switch.json") {
        let own = Own { mac: array(&story.own), addresses: ips(&story.addresses), bridge: story.bridge };
        let mut switch = Switch::new(own);
        assert!(!story.steps.is_empty(), "{} has no steps", story.name);
        for (at, step) in story.steps.iter().enumerate() {
            let place = format!("{} step {at}", story.name);
            match step {
                SwitchStep::SetPeer { peer, macs, addresses, bridge } => {
                    let macs = macs.iter().map(|mac| array(mac)).collect();
                    switch.set(peer, &Rights { macs, addresses: ips(addresses), bridge: *bridge });
                }
                SwitchStep::DropPeer { peer } => switch.remove(peer),
                SwitchStep::Outbound { frame, verdict } => {
                    assert_eq!(&went(&switch.outbound(&hex(frame))), verdict, "{place}");
                }
                SwitchStep::Inbound { peer, frame, verdict } => {
                    assert_eq!(&came(switch.inbound(peer, &hex(frame))), verdict, "{place}");
                }
            }
        }
    }
}

fn ips(texts: &[String]) -> Vec<Address> {
    texts.iter().map(|text| address_of(text.parse().expect("an address"))).collect()
}

fn came(inbound: Result<Inbound, Drop>) -> String {
    let Inbound { to, from_behind } = match inbound {
        Ok(inbound) => inbound,
        Err(reason) => return reason.name().into(),
    };
    let to = match to {
        Destination::Us => "us",
        Destination::Group => "group",
        Destination::Unrecorded => "unrecorded",
    };
    format!("{to}{}", if from_behind { " from behind" } else { "" })
}

#[derive(Deserialize)]
struct LearnedStep {
    r#do: String,
    /// Milliseconds.
    at: u64,
    mac: String,
    peer: u32,
    verdict: String,
}

#[test]
fn learned() {
    let mut learned = Learned::default();
    for (number, step) in read::<LearnedStep>("learned.json").iter().enumerate() {
        let (mac, at) = (array(&step.mac), step.at * MILLISECOND);
        let verdict = match step.r#do.as_str() {
            "forget" => {
                learned.forget(step.peer);
                String::new()
            }
            "find" => match learned.find(&mac, at) {
                None => "unknown".into(),
                Some(LearnedAt::Here) => "here".into(),
                Some(LearnedAt::Peer(peer)) => peer.to_string(),
            },
            _ => {
                let place = if step.peer == 0 { LearnedAt::Here } else { LearnedAt::Peer(step.peer) };
                learned.note(&mac, place, at).map_or_else(|reason| reason.name().into(), |()| "noted".into())
            }
        };
        assert_eq!(verdict, step.verdict, "step {number}");
    }
}

fn went(outbound: &Outbound<u32>) -> String {
    match outbound {
        Outbound::To(peer) => format!("to {peer}"),
        Outbound::Flood => "flood".into(),
        Outbound::Refused(reason) => reason.name().into(),
    }
}
