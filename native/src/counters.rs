//! Counters: per reason why a datagram or frame wasn't carried. Each is an atomic that only grows.
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! drop_reasons {
    ($($variant:ident => $name:literal, $meaning:literal;)*) => {
        /// Why a datagram or frame wasn't carried.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Drop { $(#[doc = $meaning] $variant,)* }

        impl Drop {
            pub const ALL: &'static [Drop] = &[$(Drop::$variant,)*];

            /// The stable name under which `stats` and the documents know it.
            pub fn name(self) -> &'static str {
                match self { $(Drop::$variant => $name,)* }
            }
        }
    };
}

drop_reasons! {
    FrameMalformed => "frame-malformed", "shorter than an Ethernet header, or longer than 65,535 bytes";
    ReservedGroup => "reserved-group", "destination 01-80-C2-00-00-0x, never carried";
    NoSession => "no-session", "the peer has no session that may seal";
    NoEndpoint => "no-endpoint", "the peer has a session but no endpoint";
    SessionOver => "session-over", "the session's lifetime has ended";
    SendFailed => "send-failed", "the socket refused the datagram";
    SendBlocked => "send-blocked", "the socket's buffer stayed full";
    DatagramMalformed => "datagram-malformed", "too short for its kind, or from port 0";
    UnknownKind => "unknown-kind", "a first byte that this version doesn't know";
    UnknownSession => "unknown-session", "no session has this receiver index";
    UnknownLane => "unknown-lane", "a lane above the 16 that a session may have";
    Replayed => "replayed", "this counter has been seen";
    TooOld => "too-old", "a counter before the replay window";
    Forged => "forged", "the seal didn't open";
    PartMalformed => "part-malformed", "index, count, total and length contradict each other or their frame's other parts";
    OffloadMalformed => "offload-malformed", "offload fields that contradict the frame's own headers";
    Congested => "congested", "marked by a congested router though its sender can't react to marks (RFC 6040)";
    RouterAdvertisement => "router-advertisement", "a peer's router advertisement, where the kernel would heed it";
    CutUnsupported => "cut-unsupported", "a way of cutting that this version doesn't know";
    OffloadUnsupported => "offload-unsupported", "a kind of segmentation that this version doesn't know";
    RejoinEvicted => "rejoin-evicted", "an unfinished frame made room for a newer one";
    RejoinTimeout => "rejoin-timeout", "an unfinished frame waited too long";
    SourceMac => "source-mac", "a source MAC that the peer may not use";
    AddressOfAnother => "address-of-another", "it says that an IP address is its sender's which another member holds, or we do";
    AddressHidden => "address-hidden", "ARP or neighbour discovery that can't be checked: cut short, in fragments, or too deep inside";
    BroadcastLimited => "broadcast-limited", "more broadcast, multicast and unknown destinations than a member may send";
    MacMoves => "mac-moves", "a MAC behind a bridge that moves between members too fast";
    MacsFull => "macs-full", "a MAC behind a bridge more than are learned";
    NotForUs => "not-for-us", "a unicast frame for another MAC, flooded to us";
    TapFull => "tap-full", "the interface's queue is full";
    TapDown => "tap-down", "the interface is down or gone";
    HandshakeLength => "handshake-length", "a length that its kind can't have";
    HandshakeChecks => "handshake-checks", "more MACs to check than the budget allows";
    HandshakeMac => "handshake-mac", "the admission MAC is wrong";
    HandshakeRate => "handshake-rate", "over the budget of its source or of all sources";
    DhtRate => "dht-rate", "more answers of DHT nodes than the budget allows";
    HandshakeCookie => "handshake-cookie", "answered with a cookie instead of being passed up";
    ControlMalformed => "control-malformed", "control messages that don't fit their datagram";
    ControlBudget => "control-budget", "over the peer's budget of control datagrams";
    RelayDown => "relay-down", "the way leads through a relay that isn't open or has no login of ours";
    ForwardOnly => "forward-only", "not to or from a relay, and nothing else is wanted";
    RelayUnknown => "relay-unknown", "an envelope that isn't from an open relay, or isn't under our login's index";
    RelayNested => "relay-nested", "an envelope that carries what has no place in one";
    RelayBudget => "relay-budget", "more logins and messages of relays than the budget allows";
    ClientUnknown => "client-unknown", "an envelope or relay message from what isn't logged in there";
    PseudonymUnknown => "pseudonym-unknown", "an envelope for a pseudonym that nobody has under the sender's tags";
    ClientRate => "client-rate", "more than a client may send";
    TotalRate => "total-rate", "more than all clients together may send";
    LoginRate => "login-rate", "more logins than the budget of their source or of all allows";
    LoginCookie => "login-cookie", "a login without a good cookie: answered with one, or not at all when that's too many";
    LoginUnasked => "login-unasked", "the last step of a login from where none began";
    TlsRefused => "tls-refused", "a TLS connection more than are allowed, or of one source";
    TlsFailed => "tls-failed", "a TLS connection that spoke something else, or was too slow to begin";
    TlsQueue => "tls-queue", "the oldest datagram that waited for a TLS connection made room for a newer one";
    UnreadSession => "unread-session", "dropped by the kernel: it names no session, or the sessions' sockets were full";
    Unread => "unread", "dropped by the kernel: more came than is read of what isn't a session's";
    EventOverflow => "event-overflow", "JavaScript didn't take events in time";
}

/// One counter per reason.
pub struct Drops([AtomicU64; Drop::ALL.len()]);

impl Default for Drops {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Drops {
    pub fn count(&self, reason: Drop) {
        self.add(reason, 1);
    }

    pub fn add(&self, reason: Drop, times: u64) {
        self.0[reason as usize].fetch_add(times, Ordering::Relaxed);
    }

    pub fn get(&self, reason: Drop) -> u64 {
        self.0[reason as usize].load(Ordering::Relaxed)
    }

    /// Those that ever happened.
    pub fn happened(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Drop::ALL.iter().map(|&reason| (reason.name(), self.get(reason))).filter(|&(_, times)| times > 0)
    }
}
