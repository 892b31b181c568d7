//! macOS: a routing socket (route(4)).
use std::io::{self, Read};
use std::os::fd::AsFd;

use socket2::{Domain, Socket, Type};

use super::routing::matters;
use crate::poll::Poller;

/// Bytes of messages that are read at once; each is some hundred.
const MESSAGES: usize = 4_096;

pub struct Changes(Socket);

impl Changes {
    pub fn open() -> io::Result<Self> {
        let socket = Socket::new(Domain::from(libc::PF_ROUTE), Type::RAW, None)?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    pub fn watch(&self, poller: &Poller, place: usize) -> io::Result<()> {
        poller.watch(place, self.0.as_fd())
    }

    /// Reads what is there; true if any of it matters. An overrun says that there were changes which nobody will name.
    pub fn drain(&self) -> bool {
        let mut messages = [0; MESSAGES];
        let mut some_matters = false;
        loop {
            match (&self.0).read(&mut messages) {
                Ok(count) => some_matters |= matters(&messages[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return some_matters,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return true,
            }
        }
    }
}
