//! How the process speaks with the service manager and with syslog, where they listen at a unix socket.
use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends `message` to a socket by its path, or by `@` and an abstract name, as sd_notify(3) has it.
/// Never waits: `WouldBlock` if whoever listens there doesn't read.
pub fn send_unix_datagram(socket: &str, message: &str) -> io::Result<()> {
    let address = address_of(socket)?;
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    let sent = sender.send_to_addr(message.as_bytes(), &address)?;
    if sent == message.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

fn address_of(socket: &str) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = socket.strip_prefix('@') {
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
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
