//! What this process gives up for itself, and how it speaks with the service manager and with syslog.
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use caps::CapSet;

/// Nobody who isn't root may look into this process, it leaves no core dump, and the programs that it starts get none of
/// its capabilities. To be called on the thread that starts them: capabilities are a thread's. Tries all; what the system refused, in words.
pub fn lock_down() -> Vec<String> {
    let steps = [
        ("can't keep other processes of this user from reading this one's memory", undumpable()),
        ("can't turn core dumps off", no_core()),
        ("can't keep capabilities from the programs that this one starts", keep_capabilities()),
    ];
    steps.into_iter().filter_map(|(what, done)| done.err().map(|error| format!("{what}: {error}"))).collect()
}

/// A core dump that's handed to a program (core_pattern(5)) has no size limit, but an undumpable process has none either.
fn undumpable() -> io::Result<()> {
    // SAFETY: prctl with PR_SET_DUMPABLE reads nothing but its numbers.
    check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) })
}

/// Starting a program makes its process dumpable again; it inherits this limit.
fn no_core() -> io::Result<()> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` outlives the call, which only reads it.
    check(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) })
}

/// A program that an ordinary user starts gets the ambient ones, which can't be more than the inheritable ones.
fn keep_capabilities() -> io::Result<()> {
    caps::clear(None, CapSet::Inheritable).map_err(io::Error::other)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sends `message` to a socket by its path, or by `@` and an abstract name, as sd_notify(3) has it.
/// Never waits: `WouldBlock` if whoever listens there doesn't read.
pub fn send_unix_datagram(socket: &str, message: &str) -> io::Result<()> {
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    let sent = sender.send_to_addr(message.as_bytes(), &address)?;
    if sent == message.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reaches_an_abstract_socket() {
        let name = format!("p2p-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let manager = UnixDatagram::bind_addr(&address).expect("a socket");
        send_unix_datagram(&format!("@{name}"), "READY=1\n").expect("sent");
        let mut heard = [0; 64];
        let length = manager.recv(&mut heard).expect("a datagram");
        assert_eq!(&heard[..length], b"READY=1\n");
    }

    #[test]
    fn nobody_there_is_an_error() {
        assert!(send_unix_datagram("@p2p-test-nobody", "READY=1").is_err());
        assert!(send_unix_datagram("/nonexistent/socket", "READY=1").is_err());
        assert!(send_unix_datagram("", "READY=1").is_err());
    }
}
