//! Which datagrams may wait in a session's socket: those that name a session that there is. The kernel refuses the others, at the cost
//! of who sends them; they'd push out those of sessions otherwise, however fast they're thrown away here.
use std::io;

use super::LinuxUdp;
use super::bpf::{Instruction, answer, if_at_least, if_equal, load, skip};
use crate::packet::{KIND_CONTROL, KIND_FRAME};
use crate::relay::envelope::{ENVELOPE_KIND, LOGIN_2, LOGIN_COOKIE, MESSAGE};

/// Sessions that are told apart; with more of them any index may pass.
pub const MOST: usize = 256;
/// Bytes of the UDP header, which a socket's filter sees before the datagram.
const UDP: u32 = 8;
/// Where the receiver index stands (docs/protocol.md section 7).
const INDEX_AT: u32 = UDP + 4;
/// Indices that are compared one by one.
const FEW: usize = 4;
const PASS: u32 = u32::MAX;
const REFUSE: u32 = 0;

/// What may come to the sessions' sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passing {
    /// Receiver indices in their order; None for any.
    sessions: Option<Vec<u32>>,
    /// Whether a relay is open, so that there may be envelopes.
    relays: bool,
}

impl Passing {
    pub fn new(sessions: impl ExactSizeIterator<Item = u32>, relays: bool) -> Self {
        if sessions.len() > MOST {
            return Self { sessions: None, relays };
        }
        let mut sessions: Vec<u32> = sessions.collect();
        sessions.sort_unstable();
        Self { sessions: Some(sessions), relays }
    }

    fn program(&self) -> Vec<Instruction> {
        let mut program = vec![load(libc::BPF_B, UDP)];
        if self.relays {
            for kind in [ENVELOPE_KIND, LOGIN_COOKIE, LOGIN_2, MESSAGE] {
                program.extend([if_equal(u32::from(kind), (0, 1)), answer(PASS)]);
            }
        }
        program.extend([
            if_equal(u32::from(KIND_FRAME), (2, 0)),
            if_equal(u32::from(KIND_CONTROL), (1, 0)),
            answer(REFUSE),
            load(libc::BPF_W, INDEX_AT),
        ]);
        match &self.sessions {
            Some(sessions) => search(&mut program, sessions),
            None => program.push(answer(PASS)),
        }
        program
    }
}

/// Appends what answers whether the accumulator is one of those, halving them as long as they're many.
fn search(program: &mut Vec<Instruction>, sorted: &[u32]) {
    if sorted.len() <= FEW {
        for &index in sorted {
            program.extend([if_equal(index, (0, 1)), answer(PASS)]);
        }
        program.push(answer(REFUSE));
        return;
    }
    let (low, high) = sorted.split_at(sorted.len() / 2);
    program.push(if_at_least(high[0], (0, 1)));
    let leap = program.len();
    program.push(skip(0));
    search(program, low);
    program[leap] = skip(program.len() - leap - 1);
    search(program, high);
}

impl LinuxUdp {
    /// Has the kernel refuse everything else from now on. After an error nothing is refused.
    pub fn let_pass(&self, passing: &Passing) -> io::Result<()> {
        let attached = self.attach(libc::SO_ATTACH_FILTER, &mut passing.program());
        if attached.is_err() {
            // An older program would refuse sessions that are new.
            let _ = self.set(libc::SOL_SOCKET, libc::SO_DETACH_FILTER, 0);
        }
        attached
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::udp::UdpSocket;
    use crate::udp::batch::Inbox;
    use crate::udp::tests::bound;

    fn datagram(kind: u8, index: u32) -> Vec<u8> {
        let mut bytes = vec![kind, 0, 0, 0];
        bytes.extend(index.to_be_bytes());
        bytes
    }

    /// Sends each to a socket on the loopback interface.
    fn sent(to: SocketAddr, datagrams: &[Vec<u8>]) {
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        for datagram in datagrams {
            sender.send_to(datagram, to).expect("sends");
        }
    }

    /// All that waits in a socket.
    fn received(socket: &LinuxUdp) -> Vec<Vec<u8>> {
        let (mut inbox, mut datagrams) = (Inbox::default(), Vec::new());
        while socket.receive(&mut inbox).is_ok() {
            datagrams.extend((0..inbox.len()).filter_map(|at| inbox.get(at).map(|(_, bytes)| bytes.to_vec())));
        }
        datagrams
    }

    #[test]
    fn only_what_names_a_session_waits() {
        let (socket, to) = bound("127.0.0.1:0");
        for count in [0, 1, 4, 5, 9, 100, MOST] {
            let known: Vec<u32> = (0..count as u32).map(|at| at.wrapping_mul(0x9E37_79B9)).collect();
            socket.let_pass(&Passing::new(known.iter().copied(), false)).expect("takes the program");
            for &index in &known {
                let good = [datagram(KIND_FRAME, index), datagram(KIND_CONTROL, index)];
                sent(to, &good);
                assert_eq!(received(&socket), good, "{index} of {count}");
            }
            let near = known.iter().flat_map(|index| [index.wrapping_add(1), index.wrapping_sub(1)]);
            let others = near.chain([0x1234_5678]).filter(|index| !known.contains(index)).take(20);
            let wrong: Vec<_> = others.map(|index| datagram(KIND_FRAME, index)).collect();
            sent(to, &wrong);
            sent(to, &[vec![], vec![KIND_FRAME], datagram(0x22, 0), datagram(ENVELOPE_KIND, 0)]);
            assert_eq!(received(&socket), Vec::<Vec<u8>>::new(), "of {count}");
            assert_eq!(socket.take_unread(), wrong.len() as u64 + 4);
        }
    }

    #[test]
    fn envelopes_pass_where_there_is_a_relay_and_any_index_where_there_are_many() {
        let (socket, to) = bound("127.0.0.1:0");
        let many = Passing::new((0..MOST as u32 + 1).collect::<Vec<_>>().into_iter(), true);
        socket.let_pass(&many).expect("takes the program");
        let good = [datagram(ENVELOPE_KIND, 1), datagram(MESSAGE, 1), datagram(KIND_FRAME, u32::MAX)];
        sent(to, &good);
        sent(to, &[datagram(0x22, 0)]);
        assert_eq!(received(&socket), good);
    }
}
