//! The virtio-net header that comes before each frame on a TAP interface: 10 bytes, native byte order (Linux,
//! include/uapi/linux/virtio_net.h).
use crate::packet::{HEADROOM, Offload, Segments};

const NEEDS_CHECKSUM: u8 = 1;
const DATA_VALID: u8 = 2;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
const GSO_ECN: u8 = 0x80;
/// In `Offload`, a kind of segmentation that nobody knows.
const UNKNOWN_KIND: u8 = 0x70;

/// What the kernel leaves to whoever reads a frame.
pub fn parse(header: &[u8; HEADROOM]) -> Offload {
    let field = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
    let mut offload = Offload::default();
    if header[0] & DATA_VALID != 0 {
        offload.flags |= Offload::CHECKSUM_VERIFIED;
    }
    if header[0] & NEEDS_CHECKSUM != 0 {
        offload.flags |= Offload::CHECKSUM_WANTED;
        offload.l4_offset = field(6);
        // None of the fields that can be wanted is that far away; 255 fits no protocol.
        offload.checksum_field = u8::try_from(field(8)).unwrap_or(u8::MAX);
    }
    if header[1] == 0 {
        return offload;
    }
    if header[1] & GSO_ECN != 0 {
        offload.flags |= Offload::TCP_ECN;
    }
    offload.segment = field(4);
    match header[1] & !GSO_ECN {
        GSO_TCPV4 => offload.segmented(Segments::Tcp4),
        GSO_TCPV6 => offload.segmented(Segments::Tcp6),
        GSO_UDP_L4 => offload.segmented(Segments::Udp),
        _ => Offload { flags: offload.flags | UNKNOWN_KIND, ..offload },
    }
}

/// What the kernel is left to do for a frame. `headers`: bytes of a super-frame's headers, Ethernet to L4.
pub fn emit(offload: &Offload, headers: u16) -> [u8; HEADROOM] {
    let mut header = [0; HEADROOM];
    if offload.flags & Offload::CHECKSUM_VERIFIED != 0 {
        header[0] |= DATA_VALID;
    }
    if offload.wants_checksum() {
        header[0] = NEEDS_CHECKSUM;
        header[6..8].copy_from_slice(&offload.l4_offset.to_ne_bytes());
        header[8..10].copy_from_slice(&u16::from(offload.checksum_field).to_ne_bytes());
    }
    let Some(kind) = offload.segments() else { return header };
    header[1] = match kind {
        Segments::Tcp4 => GSO_TCPV4,
        Segments::Tcp6 => GSO_TCPV6,
        Segments::Udp => GSO_UDP_L4,
    };
    if offload.flags & Offload::TCP_ECN != 0 && kind != Segments::Udp {
        header[1] |= GSO_ECN;
    }
    header[2..4].copy_from_slice(&headers.to_ne_bytes());
    header[4..6].copy_from_slice(&offload.segment.to_ne_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_comes_back_to_it() {
        for kind in [0, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, GSO_TCPV4 | GSO_ECN] {
            let mut header = [NEEDS_CHECKSUM, kind, 0, 0, 0, 0, 0, 0, 0, 0];
            header[6..8].copy_from_slice(&34u16.to_ne_bytes());
            header[8..10].copy_from_slice(&16u16.to_ne_bytes());
            if kind != 0 {
                header[2..4].copy_from_slice(&66u16.to_ne_bytes());
                header[4..6].copy_from_slice(&1_308u16.to_ne_bytes());
            }
            assert_eq!(emit(&parse(&header), 66), header, "kind {kind}");
        }
        assert_eq!(emit(&parse(&[DATA_VALID, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 0)[0], DATA_VALID);
    }

    #[test]
    fn an_unknown_kind_is_no_kind_that_we_know() {
        let offload = parse(&[NEEDS_CHECKSUM, 3, 0, 0, 1, 1, 0, 0, 0, 0]);
        assert!(offload.is_segmented() && offload.segments().is_none());
        let far = parse(&[NEEDS_CHECKSUM, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]);
        assert_eq!(far.checksum_field, u8::MAX);
    }
}
