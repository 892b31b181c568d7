//! Several sockets on one port (SO_REUSEPORT), and which of them takes a datagram.
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::AsRawFd;

use super::LinuxUdp;
use super::names::{address_of, sockaddr};
use crate::packet::{KIND_CONTROL, KIND_FRAME};
use crate::poll;

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

    /// Has the sockets of this one's port, as many as there are, take a session's datagrams by their lane, modulo `queues`, in
    /// the order in which they were bound, and the first everything else. (SO_ATTACH_REUSEPORT_CBPF, socket(7).)
    pub fn share_by_lane(&self, queues: usize) -> io::Result<()> {
        let queues = queues as u32;
        let mut program = [
            instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, (0, 0)),
            instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, u32::from(KIND_FRAME), (2, 0)),
            instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, u32::from(KIND_CONTROL), (1, 0)),
            instruction(libc::BPF_RET | libc::BPF_K, 0, (0, 0)),
            instruction(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, LANE_AT, (0, 0)),
            instruction(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K, queues, (0, 0)),
            instruction(libc::BPF_RET | BPF_A, 0, (0, 0)),
        ];
        let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        let length = size_of::<libc::sock_fprog>() as libc::socklen_t;
        let (socket, option) = (self.fd.as_raw_fd(), libc::SO_ATTACH_REUSEPORT_CBPF);
        // SAFETY: `filter` and the instructions that it points to live through the call, which copies them.
        poll::check(unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, option, (&raw const filter).cast(), length) })?;
        Ok(())
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

/// Not in libc: the accumulator as what a program returns (include/uapi/linux/filter.h).
const BPF_A: u32 = 0x10;

fn instruction(code: u32, k: u32, (jt, jf): (u8, u8)) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}
