//! Several sockets on one port (SO_REUSEPORT), and which of them takes a datagram.
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::AsRawFd;

use super::LinuxUdp;
use super::bpf::{answer, answer_accumulator, if_equal, load, modulo};
use super::names::{address_of, sockaddr};
use crate::packet::{KIND_CONTROL, KIND_FRAME};
use crate::poll;
use crate::relay::envelope::{ENVELOPE_KIND, LOGIN_2, LOGIN_COOKIE, MESSAGE};

/// Where the lane stands in a datagram of a session (docs/protocol.md section 7).
const LANE_AT: u32 = 2;

impl LinuxUdp {
    /// One more socket on this one's port. This one was bound alone, so that a port that's taken is noticed.
    ///
    /// Its datagrams leave with a hop limit that's less by its number: a receiver's kernel joins datagrams (UDP_GRO) only of one
    /// hop limit, so never those of two queues, which are to be taken by two threads.
    pub fn beside(&self, number: usize) -> io::Result<Self> {
        // SAFETY: a sockaddr_in6 is integers only, for which zeros are valid.
        let mut name: libc::sockaddr_in6 = unsafe { zeroed() };
        let mut length = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
        // SAFETY: `name` has room for `length` bytes, and both live through the call.
        poll::check(unsafe { libc::getsockname(self.fd.as_raw_fd(), (&raw mut name).cast(), &mut length) })?;
        let address = address_of(&name).ok_or(io::ErrorKind::AddrNotAvailable)?;
        self.set(libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
        let another = Self::unbound(address)?;
        another.set(libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
        let (level, option) = if address.is_ipv4() {
            (libc::IPPROTO_IP, libc::IP_TTL)
        } else {
            (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS)
        };
        another.set(level, option, self.get(level, option)? - number as libc::c_int)?;
        let (name, length) = sockaddr(address);
        // SAFETY: `name` lives through the call and is at least `length` long.
        poll::check(unsafe { libc::bind(another.fd.as_raw_fd(), (&raw const name).cast(), length) })?;
        Ok(another)
    }

    /// Has the sockets of this one's port take datagrams in the order in which they were bound: the first `queues` those of sessions by
    /// their lane, modulo `queues`; the first what comes from relays as well; the one behind them everything else.
    /// (SO_ATTACH_REUSEPORT_CBPF, socket(7).)
    pub fn share(&self, queues: usize) -> io::Result<()> {
        let queues = queues as u32;
        let relays = [ENVELOPE_KIND, LOGIN_COOKIE, LOGIN_2, MESSAGE];
        let mut program = vec![
            load(libc::BPF_B, 0),
            if_equal(u32::from(KIND_FRAME), (1, 0)),
            if_equal(u32::from(KIND_CONTROL), (0, 3)),
            load(libc::BPF_H, LANE_AT),
            modulo(queues),
            answer_accumulator(),
        ];
        for kind in relays {
            program.extend([if_equal(u32::from(kind), (0, 1)), answer(0)]);
        }
        program.push(answer(queues));
        self.attach(libc::SO_ATTACH_REUSEPORT_CBPF, &mut program)
    }

    fn get(&self, level: libc::c_int, option: libc::c_int) -> io::Result<libc::c_int> {
        let mut value: libc::c_int = 0;
        let mut length = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: `value` has room for `length` bytes, and both live through the call.
        poll::check(unsafe {
            libc::getsockopt(self.fd.as_raw_fd(), level, option, (&raw mut value).cast(), &mut length)
        })?;
        Ok(value)
    }
}
