//! Programs of classic BPF that the kernel runs on what comes to a socket (include/uapi/linux/filter.h), and what it dropped.
use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;

use super::LinuxUdp;
use crate::poll;

/// Not in libc: the accumulator as what a program returns.
const RETURN_A: u32 = 0x10;
/// Words of the answer to SO_MEMINFO, the last of which is the number of drops.
const MEMINFO: usize = libc::SK_MEMINFO_DROPS as usize + 1;

pub type Instruction = libc::sock_filter;

/// Loads a byte, two or four of the datagram into the accumulator; beyond its end the program returns 0 instead.
pub fn load(size: u32, at: u32) -> Instruction {
    instruction(libc::BPF_LD | size | libc::BPF_ABS, at, (0, 0))
}

/// Skips so many instructions if the accumulator is `k`, and so many if it isn't.
pub fn if_equal(k: u32, skipped: (u8, u8)) -> Instruction {
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, k, skipped)
}

/// The same for an accumulator of at least `k`.
pub fn if_at_least(k: u32, skipped: (u8, u8)) -> Instruction {
    instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, k, skipped)
}

/// Skips so many instructions.
pub fn skip(count: usize) -> Instruction {
    instruction(libc::BPF_JMP | libc::BPF_JA, count as u32, (0, 0))
}

/// Takes the accumulator modulo `k`.
pub fn modulo(k: u32) -> Instruction {
    instruction(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K, k, (0, 0))
}

pub fn answer(k: u32) -> Instruction {
    instruction(libc::BPF_RET | libc::BPF_K, k, (0, 0))
}

pub fn answer_accumulator() -> Instruction {
    instruction(libc::BPF_RET | RETURN_A, 0, (0, 0))
}

fn instruction(code: u32, k: u32, (jt, jf): (u8, u8)) -> Instruction {
    Instruction { code: code as u16, jt, jf, k }
}

impl LinuxUdp {
    /// `option`: SO_ATTACH_FILTER or SO_ATTACH_REUSEPORT_CBPF (socket(7)).
    pub(super) fn attach(&self, option: libc::c_int, program: &mut [Instruction]) -> io::Result<()> {
        let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        let length = size_of::<libc::sock_fprog>() as libc::socklen_t;
        let socket = self.fd.as_raw_fd();
        // SAFETY: `filter` and the instructions that it points to live through the call, which copies them.
        poll::check(unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, option, (&raw const filter).cast(), length) })?;
        Ok(())
    }

    /// What a filter refused, and what came while the queue was full, since the last call.
    pub(super) fn count_unread(&self) -> u64 {
        let mut words = [0u32; MEMINFO];
        let mut length = size_of::<[u32; MEMINFO]>() as libc::socklen_t;
        let socket = self.fd.as_raw_fd();
        // SAFETY: `words` has room for `length` bytes, and both live through the call.
        let asked = poll::check(unsafe {
            libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_MEMINFO, words.as_mut_ptr().cast(), &mut length)
        });
        if asked.is_err() {
            return 0;
        }
        let total = words[MEMINFO - 1];
        u64::from(total.wrapping_sub(self.unread.swap(total, Ordering::Relaxed)))
    }
}
