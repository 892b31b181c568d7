//! Which datagrams of kinds 0x20 to 0x25 the control plane gets to see (docs/protocol.md section 2). Pure: the time is
//! handed in, and what it decides is carried out elsewhere.
//!
//! The order is length, budget of MAC checks, MAC, budgets of source and of all. Only who knows the hash gets past the
//! MAC, so a stranger can fill no table, and can't spend what members live on by writing their addresses on its datagrams.
//! A recorded datagram sent again passes the MAC: requests whose source is proven by a cookie therefore have budgets of
//! their own, and a handshake that finds the other budgets spent gets a cookie instead of silence.
pub mod bucket;
pub mod cookie;
pub mod xaes;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use crate::clock::Nanos;
use crate::counters::Drop;
use crate::way::Way;
use bucket::{Bucket, Rate, SourceBuckets};
use cookie::Cookies;

pub const VERSION: u8 = 1;
pub const HELLO: u8 = 0x20;
pub const HELLO_BACK: u8 = 0x21;
pub const HANDSHAKE_1: u8 = 0x22;
pub const HANDSHAKE_2: u8 = 0x23;
pub const COOKIE: u8 = 0x24;
pub const NOTICE: u8 = 0x25;
/// First byte of an answer of dht-rpc (docs/protocol.md section 10).
pub const DHT_REPLY: u8 = 0x13;
pub const MAC: usize = 16;

/// Bytes of a datagram of another version: a header and a MAC at least, no more than any of ours by much.
const OTHER_VERSION: std::ops::RangeInclusive<usize> = 4 + MAC..=1_400;

/// MACs that are checked: about a twentieth of a core.
const CHECKS: Rate = Rate { burst: 8_192, per_second: 32_768 };
/// An answer of a DHT node, of which the control plane uses the first ten bytes.
const DHT_REPLY_LENGTH: std::ops::RangeInclusive<usize> = 10..=1_200;
/// Answers of DHT nodes: a few are asked every 20 s. Nothing vouches for them, so a stranger can use this up, and only this.
const DHT_REPLIES: Rate = Rate { burst: 64, per_second: 16 };
/// Cookies that are sent without asking the control plane, in total: so many that a newcomer's handshake gets one soon, also if it's one
/// of tens of thousands; about a thirtieth of a core.
const COOKIES: Rate = Rate { burst: 4_096, per_second: 4_096 };
/// The same for one source. Members behind one router need one each.
const COOKIES_OF_SOURCE: Rate = Rate { burst: 64, per_second: 16 };

/// Datagrams with a good MAC. What a class has isn't spent by another.
#[derive(Clone, Copy)]
enum Class {
    /// Costs the control plane an answer, and its source address may be a lie. No cookie can prove it, so nothing else spends this.
    Hello,
    /// Handshake 1: costs the control plane most, and its source address may be a lie.
    Request,
    /// Handshake 1 with a good cookie MAC.
    Proven,
    /// Hello back, handshake 2, cookie, notice: worth little unless asked for, which the control plane sees at once.
    Reply,
}

struct Budget {
    per_source: Rate,
    in_total: Rate,
}

impl Class {
    const COUNT: usize = 4;

    /// A source can be a router with many members behind it that all start at once.
    fn budget(self) -> Budget {
        match self {
            Self::Hello | Self::Request => {
                Budget { per_source: Rate { burst: 64, per_second: 16 }, in_total: Rate { burst: 256, per_second: 64 } }
            }
            Self::Proven => Budget {
                per_source: Rate { burst: 64, per_second: 16 },
                in_total: Rate { burst: 512, per_second: 128 },
            },
            Self::Reply => Budget {
                per_source: Rate { burst: 128, per_second: 32 },
                in_total: Rate { burst: 1_024, per_second: 256 },
            },
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Admitted {
    /// To the control plane. `proven`: its source address is real.
    Pass {
        proven: bool,
    },
    /// This datagram goes back to the source, and nothing to the control plane.
    Answer(Vec<u8>),
    Refused(Drop),
}

pub struct Admission {
    network: hmac::Key,
    own: hmac::Key,
    cookies: Cookies,
    checks: Bucket,
    cookies_sent: Bucket,
    cookies_by_source: SourceBuckets,
    dht_replies: Bucket,
    totals: [Bucket; Class::COUNT],
    sources: [SourceBuckets; Class::COUNT],
}

/// The first 16 bytes of HMAC-SHA256.
pub fn mac_of(key: &hmac::Key, bytes: &[u8]) -> [u8; MAC] {
    let mut mac = [0; MAC];
    mac.copy_from_slice(&hmac::sign(key, bytes).as_ref()[..MAC]);
    mac
}

/// An admission key.
pub fn mac_key(bytes: &[u8; 32]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, bytes)
}

/// Whether a first byte belongs to this module.
pub fn is_handshake_kind(kind: u8) -> bool {
    (HELLO..=NOTICE).contains(&kind)
}

impl Admission {
    pub fn new(network: hmac::Key, own: hmac::Key, cookies: Cookies) -> Self {
        let (totals, sources) = Default::default();
        let (checks, cookies_sent, cookies_by_source, dht_replies) = Default::default();
        Self { network, own, cookies, checks, cookies_sent, cookies_by_source, dht_replies, totals, sources }
    }

    pub fn admit(&mut self, now: Nanos, source: &Way, datagram: &[u8]) -> Admitted {
        if !has_possible_length(datagram) {
            return Admitted::Refused(Drop::HandshakeLength);
        }
        if !self.checks.take(now, CHECKS) {
            return Admitted::Refused(Drop::HandshakeChecks);
        }
        if !self.has_good_mac(datagram) {
            return Admitted::Refused(Drop::HandshakeMac);
        }
        let proven = self.cookies.proves(now, source, datagram);
        if self.spend(now, source, class_of(datagram[0], proven)) {
            return Admitted::Pass { proven };
        }
        self.offer_cookie(now, source, datagram, proven)
    }

    /// Whether an answer of a DHT node goes to the control plane, which knows whether it asked.
    pub fn admit_dht_reply(&mut self, now: Nanos, datagram: &[u8]) -> Result<(), Drop> {
        if !DHT_REPLY_LENGTH.contains(&datagram.len()) {
            return Err(Drop::DatagramMalformed);
        }
        if self.dht_replies.take(now, DHT_REPLIES) { Ok(()) } else { Err(Drop::DhtRate) }
    }

    fn has_good_mac(&self, datagram: &[u8]) -> bool {
        let key = match datagram[0] {
            HELLO_BACK | HANDSHAKE_1 | HANDSHAKE_2 => &self.own,
            _ => &self.network,
        };
        let (body, mac) = datagram.split_at(datagram.len() - MAC);
        verify_slices_are_equal(&mac_of(key, body), mac).is_ok()
    }

    /// False if the class's budget doesn't allow one more from this source.
    fn spend(&mut self, now: Nanos, source: &Way, class: Class) -> bool {
        let budget = class.budget();
        self.sources[class as usize].take(now, source.into(), budget.per_source)
            && self.totals[class as usize].take(now, budget.in_total)
    }

    fn offer_cookie(&mut self, now: Nanos, source: &Way, datagram: &[u8], proven: bool) -> Admitted {
        let refused = Admitted::Refused(Drop::HandshakeRate);
        if datagram[0] != HANDSHAKE_1 || datagram[1] != VERSION || proven {
            return refused;
        }
        let may_send = self.cookies_by_source.take(now, source.into(), COOKIES_OF_SOURCE);
        if !may_send || !self.cookies_sent.take(now, COOKIES) {
            return refused;
        }
        let Some((_, mac)) = datagram.split_last_chunk::<MAC>() else { return refused };
        let receiver = [datagram[4], datagram[5], datagram[6], datagram[7]];
        self.cookies.reply(now, source, receiver, mac).map_or(refused, Admitted::Answer)
    }
}

fn class_of(kind: u8, proven: bool) -> Class {
    match kind {
        HELLO => Class::Hello,
        HANDSHAKE_1 if proven => Class::Proven,
        HANDSHAKE_1 => Class::Request,
        _ => Class::Reply,
    }
}

/// Exact for this version.
fn has_possible_length(datagram: &[u8]) -> bool {
    let [kind, version, ..] = *datagram else { return false };
    if version != VERSION {
        return OTHER_VERSION.contains(&datagram.len());
    }
    let length = match kind {
        HELLO | HELLO_BACK | HANDSHAKE_1 => 1_032,
        HANDSHAKE_2 => 972,
        COOKIE => 80,
        NOTICE => 72,
        _ => return false,
    };
    datagram.len() == length
}

#[cfg(test)]
mod tests;
