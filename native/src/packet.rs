//! Headers of transport datagrams and of Ethernet frames: parsed and written here and nowhere else (docs/protocol.md
//! sections 7 and 8).

pub const KIND_FRAME: u8 = 0x40;
pub const KIND_CONTROL: u8 = 0x41;

pub const CUT_WHOLE: u8 = 0;
pub const CUT_BYTES: u8 = 1;
pub const CUT_SEGMENTS: u8 = 2;

/// Bytes of a control datagram's header, and the first bytes of a frame's.
pub const PREFIX: usize = 16;
/// Bytes of a frame datagram's header.
pub const HEADER: usize = 20;
pub const OFFLOAD: usize = 6;
pub const TAG: usize = 16;
/// What a part adds to what it carries.
pub const OVERHEAD: usize = HEADER + OFFLOAD + TAG;
pub const MAX_LANES: usize = 16;

pub const ETHERNET: usize = 14;
/// Bytes before a frame that are kept free: the interface takes a header of its own there (a virtio-net header).
pub const HEADROOM: usize = 10;
/// Longest frame, Ethernet header included.
pub const MAX_FRAME: usize = 65_535;

pub type Mac = [u8; 6];

/// What frame and control datagrams begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    pub kind: u8,
    pub cut: u8,
    pub lane: u16,
    pub receiver: u32,
    pub counter: u64,
}

impl Prefix {
    /// None if the datagram is shorter than a prefix.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let bytes: &[u8; PREFIX] = datagram.first_chunk()?;
        Some(Self {
            kind: bytes[0],
            cut: bytes[1],
            lane: u16::from_be_bytes([bytes[2], bytes[3]]),
            receiver: u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            counter: u64::from_be_bytes([
                bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15],
            ]),
        })
    }

    pub fn emit(&self) -> [u8; PREFIX] {
        let mut bytes = [0; PREFIX];
        bytes[0] = self.kind;
        bytes[1] = self.cut;
        bytes[2..4].copy_from_slice(&self.lane.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.receiver.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.counter.to_be_bytes());
        bytes
    }

    /// Lane as 32 bits, then the counter.
    pub fn nonce(&self) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[0..4].copy_from_slice(&u32::from(self.lane).to_be_bytes());
        nonce[4..12].copy_from_slice(&self.counter.to_be_bytes());
        nonce
    }
}

/// Which part of which frame a datagram carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub index: u8,
    pub count: u8,
    /// Bytes of the frame.
    pub total: u16,
}

impl Part {
    /// None if the datagram is shorter than a frame's header.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEADER] = datagram.first_chunk()?;
        Some(Self { index: bytes[16], count: bytes[17], total: u16::from_be_bytes([bytes[18], bytes[19]]) })
    }

    pub fn emit(&self) -> [u8; HEADER - PREFIX] {
        let [high, low] = self.total.to_be_bytes();
        [self.index, self.count, high, low]
    }
}

/// How a kernel is to finish a frame: checksum it, cut it. All zeros for a frame that is complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    pub flags: u8,
    pub checksum_field: u8,
    pub l4_offset: u16,
    pub segment: u16,
}

/// What a kernel cuts a super-frame into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segments {
    Tcp4,
    Tcp6,
    Udp,
}

impl Offload {
    /// The checksum field holds the pseudo-header's sum only; the rest is to be added.
    pub const CHECKSUM_WANTED: u8 = 0x01;
    /// The only flag that asks nothing of the receiver: the sender's kernel has verified the checksum.
    pub const CHECKSUM_VERIFIED: u8 = 0x02;
    /// The congestion bit (CWR) belongs to the first segment only.
    pub const TCP_ECN: u8 = 0x80;
    const KIND_SHIFT: u32 = 4;
    const KIND: u8 = 0x70;

    pub fn parse(bytes: &[u8; OFFLOAD]) -> Self {
        Self {
            flags: bytes[0],
            checksum_field: bytes[1],
            l4_offset: u16::from_be_bytes([bytes[2], bytes[3]]),
            segment: u16::from_be_bytes([bytes[4], bytes[5]]),
        }
    }

    pub fn emit(&self) -> [u8; OFFLOAD] {
        let [l4_high, l4_low] = self.l4_offset.to_be_bytes();
        let [segment_high, segment_low] = self.segment.to_be_bytes();
        [self.flags, self.checksum_field, l4_high, l4_low, segment_high, segment_low]
    }

    /// Whether the frame can be delivered without a kernel's help.
    pub fn is_complete(&self) -> bool {
        self.flags & !Self::CHECKSUM_VERIFIED == 0
    }

    pub fn wants_checksum(&self) -> bool {
        self.flags & Self::CHECKSUM_WANTED != 0
    }

    pub fn is_segmented(&self) -> bool {
        self.flags & Self::KIND != 0
    }

    /// None if the frame isn't segmented, or in a way that this version doesn't know.
    pub fn segments(&self) -> Option<Segments> {
        match (self.flags & Self::KIND) >> Self::KIND_SHIFT {
            1 => Some(Segments::Tcp4),
            2 => Some(Segments::Tcp6),
            3 => Some(Segments::Udp),
            _ => None,
        }
    }

    pub fn segmented(mut self, kind: Segments) -> Self {
        let number = match kind {
            Segments::Tcp4 => 1u8,
            Segments::Tcp6 => 2,
            Segments::Udp => 3,
        };
        self.flags = (self.flags & !Self::KIND) | number << Self::KIND_SHIFT;
        self
    }

    /// The same for a frame that is one segment.
    pub fn single(mut self) -> Self {
        self.flags &= Self::CHECKSUM_WANTED | Self::CHECKSUM_VERIFIED;
        self.segment = 0;
        self
    }
}

/// Destination and source of an Ethernet frame; None if it's shorter than its header.
pub fn addresses(frame: &[u8]) -> Option<(Mac, Mac)> {
    let header: &[u8; ETHERNET] = frame.first_chunk()?;
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..] = *header;
    Some(([d0, d1, d2, d3, d4, d5], [s0, s1, s2, s3, s4, s5]))
}

/// Broadcast or multicast.
pub fn is_group(mac: &Mac) -> bool {
    mac[0] & 1 == 1
}

/// 01-80-C2-00-00-0x: spanning tree, LACP, LLDP and their like speak about one cable and never pass a bridge.
pub fn is_reserved(mac: &Mac) -> bool {
    mac[0..5] == [0x01, 0x80, 0xC2, 0x00, 0x00] && mac[5] & 0xF0 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prefix_is_what_the_protocol_draws() {
        let prefix = Prefix { kind: KIND_FRAME, cut: 1, lane: 2, receiver: 0x0102_0304, counter: 0x05 };
        assert_eq!(prefix.emit(), [0x40, 1, 0, 2, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 5]);
        assert_eq!(prefix.nonce(), [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 5]);
    }

    #[test]
    fn short_input_is_none() {
        assert_eq!(Prefix::parse(&[0x40; PREFIX - 1]), None);
        assert_eq!(Part::parse(&[0x40; HEADER - 1]), None);
        assert_eq!(addresses(&[0; ETHERNET - 1]), None);
    }

    #[test]
    fn reserved_groups_are_sixteen() {
        assert!(is_reserved(&[0x01, 0x80, 0xC2, 0, 0, 0x00]));
        assert!(is_reserved(&[0x01, 0x80, 0xC2, 0, 0, 0x0F]));
        assert!(!is_reserved(&[0x01, 0x80, 0xC2, 0, 0, 0x10]));
        assert!(!is_reserved(&[0x01, 0x80, 0xC2, 0, 1, 0x00]));
    }

    proptest! {
        #[test]
        fn headers_survive_a_round_trip(bytes in proptest::array::uniform20(any::<u8>())) {
            let prefix = Prefix::parse(&bytes).map(|prefix| prefix.emit());
            let part = Part::parse(&bytes).map(|part| part.emit());
            prop_assert_eq!(prefix.as_ref().map(|emitted| &emitted[..]), Some(&bytes[..PREFIX]));
            prop_assert_eq!(part.as_ref().map(|emitted| &emitted[..]), Some(&bytes[PREFIX..]));
        }

        #[test]
        fn offload_survives_a_round_trip(bytes in proptest::array::uniform6(any::<u8>())) {
            prop_assert_eq!(Offload::parse(&bytes).emit(), bytes);
        }
    }
}
