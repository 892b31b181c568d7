//! Token buckets, alone and per source address.
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::{Nanos, SECOND};
use crate::way::Way;

/// How much may happen: `burst` at once, then `per_second`.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub burst: u64,
    pub per_second: u64,
}

impl Rate {
    fn cost(self) -> Nanos {
        SECOND / self.per_second
    }
}

/// A token bucket, kept as the moment at which it will be full again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    full_at: Nanos,
}

impl Bucket {
    pub fn take(&mut self, now: Nanos, rate: Rate) -> bool {
        self.take_some(now, rate, 1)
    }

    /// Takes `tokens` of them, or none.
    pub fn take_some(&mut self, now: Nanos, rate: Rate, tokens: u64) -> bool {
        let after = self.full_at.max(now) + tokens * rate.cost();
        if after - now > rate.burst * rate.cost() {
            return false;
        }
        self.full_at = after;
        true
    }

    pub fn is_full(&self, now: Nanos) -> bool {
        self.full_at <= now
    }
}

/// A token bucket that several threads take from.
#[derive(Debug, Default)]
pub struct SharedBucket(AtomicU64);

impl SharedBucket {
    /// Takes `tokens` of them, or none.
    pub fn take_some(&self, now: Nanos, rate: Rate, tokens: u64) -> bool {
        let take = |full_at| {
            let mut bucket = Bucket { full_at };
            bucket.take_some(now, rate, tokens).then_some(bucket.full_at)
        };
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// A bucket per source, at most `SOURCES` at a time.
#[derive(Default)]
pub struct SourceBuckets {
    buckets: HashMap<Source, Bucket>,
    swept_at: Nanos,
}

/// Sources that are told apart at a time. Only datagrams with a good MAC make an entry.
pub const SOURCES: usize = 4_096;

/// An IPv4 address or an IPv6 /64: what one subscriber has. Behind a relay, a pseudonym.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(u64, Family);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Family {
    V4,
    V6,
    Relayed,
}

impl From<&Way> for Source {
    fn from(way: &Way) -> Self {
        match way {
            Way::Direct(address) => address.ip().into(),
            Way::Relayed { pseudonym, .. } => Self(u64::from_be_bytes(*pseudonym), Family::Relayed),
        }
    }
}

impl From<IpAddr> for Source {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self(u64::from(u32::from(ip)), Family::V4),
            IpAddr::V6(ip) => Self((u128::from(ip) >> 64) as u64, Family::V6),
        }
    }
}

impl SourceBuckets {
    /// False if the source's bucket is empty, or there's no room to give it one.
    pub fn take(&mut self, now: Nanos, source: Source, rate: Rate) -> bool {
        if let Some(bucket) = self.buckets.get_mut(&source) {
            return bucket.take(now, rate);
        }
        if self.buckets.len() >= SOURCES {
            self.sweep(now);
        }
        if self.buckets.len() >= SOURCES {
            return false;
        }
        self.buckets.entry(source).or_default().take(now, rate)
    }

    /// A full bucket says no more than none. At most once a second: it looks at all of them.
    fn sweep(&mut self, now: Nanos) {
        if now.saturating_sub(self.swept_at) < SECOND {
            return;
        }
        self.swept_at = now;
        self.buckets.retain(|_, bucket| !bucket.is_full(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 4, per_second: 2 };

    #[test]
    fn a_burst_then_the_rate() {
        let mut bucket = Bucket::default();
        let now = 100 * SECOND;
        assert_eq!((0..6).filter(|_| bucket.take(now, RATE)).count(), 4);
        assert_eq!((0..6).filter(|_| bucket.take(now + SECOND, RATE)).count(), 2);
        assert_eq!((0..6).filter(|_| bucket.take(now + 60 * SECOND, RATE)).count(), 4);
    }

    #[test]
    fn a_shared_bucket_is_one_for_all_and_large_frames_cost_more() {
        let bucket = SharedBucket::default();
        let now = 100 * SECOND;
        assert!(bucket.take_some(now, RATE, 3));
        assert!(!bucket.take_some(now, RATE, 2));
        assert!(bucket.take_some(now, RATE, 1));
        assert!(bucket.take_some(now + SECOND, RATE, 2));
        assert!(!bucket.take_some(now + 60 * SECOND, RATE, 5));
    }

    #[test]
    fn sources_are_bounded_and_come_back() {
        let mut sources = SourceBuckets::default();
        let source = |number: u32| Source::from(IpAddr::from(number.to_be_bytes()));
        let now = 100 * SECOND;
        for number in 0..SOURCES as u32 {
            assert!(sources.take(now, source(number), RATE));
        }
        assert!(!sources.take(now, source(u32::MAX), RATE));
        assert!(sources.take(now, source(0), RATE));
        assert!(sources.take(now + 10 * SECOND, source(u32::MAX), RATE));
    }

    #[test]
    fn an_ipv6_source_is_its_prefix() {
        let source = |text: &str| Source::from(text.parse::<IpAddr>().expect("an address"));
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
    }
}
