//! Which logins the control plane gets to see (docs/protocol.md section 11). Pure: the time is handed in.
//!
//! A stranger's first datagram is answered with a cookie and forgotten: 24 bytes for 160, so nothing is gained by writing
//! another's address on it. Only who shows the cookie again, from the same place, costs the control plane anything, and only its
//! source's and everybody's budgets of that.
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use super::envelope::LOGIN_COOKIE;
use super::origin::Origin;
use crate::admission::bucket::{Bucket, Rate, SourceBuckets};
use crate::admission::{VERSION, mac_of};
use crate::clock::{Nanos, SECOND};
use crate::control::address_bytes;
use crate::counters::Drop;

pub const LOGIN_1_LENGTH: usize = 160;
pub const LOGIN_3_LENGTH: usize = 300;
pub const LOGIN_COOKIE_LENGTH: usize = 24;

/// How long one secret makes cookies. A cookie is good for its own period and the next.
const PERIOD: Nanos = 120 * SECOND;
/// Cookies that are sent: 96 kB/s at most.
const COOKIES: Rate = Rate { burst: 4_096, per_second: 4_096 };
/// How many times a second's logins may come at once.
const BURST: u64 = 8;
/// How long the last step of a login may take, and how often it may be repeated.
const LAST_STEP: Nanos = 10 * SECOND;
const REPEATS: u8 = 4;
/// Logins under way.
const MAX_BEGUN: usize = 4_096;

/// Logins in a second.
#[derive(Clone, Copy, Debug)]
pub struct LoginRates {
    pub per_source: u64,
    pub in_total: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Knock {
    /// To the control plane.
    Pass,
    /// Back to where it came from.
    Cookie([u8; LOGIN_COOKIE_LENGTH]),
}

/// Where something came from.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub at: Nanos,
    pub origin: Origin,
    pub address: SocketAddr,
    /// Our address that it came to, if the system said.
    pub local: Option<IpAddr>,
}

struct Begun {
    until: Nanos,
    repeats: u8,
    local: Option<IpAddr>,
}

pub struct Door {
    /// Each period's secret is derived from this one.
    root: hmac::Key,
    rates: LoginRates,
    cookies: Bucket,
    total: Bucket,
    sources: SourceBuckets,
    begun: HashMap<Origin, Begun>,
}

impl Door {
    pub fn new(rates: LoginRates) -> Result<Self, Unspecified> {
        let mut root = Zeroizing::new([0; 32]);
        rand::fill(&mut *root)?;
        let root = hmac::Key::new(hmac::HMAC_SHA256, &*root);
        let (cookies, total, sources, begun) = Default::default();
        Ok(Self { root, rates, cookies, total, sources, begun })
    }

    pub fn set_rates(&mut self, rates: LoginRates) {
        self.rates = rates;
    }

    pub fn login_1(&mut self, from: &Arrival, datagram: &[u8]) -> Result<Knock, Drop> {
        let (Some(index), Some(shown)) = (datagram.get(4..8), datagram.get(8..24)) else {
            return Err(Drop::DatagramMalformed);
        };
        if datagram.len() != LOGIN_1_LENGTH || datagram[1] != VERSION {
            return Err(Drop::DatagramMalformed);
        }
        let period = from.at / PERIOD;
        let is_good = [Some(period), period.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|period| verify_slices_are_equal(&self.cookie(period, from.origin), shown).is_ok());
        if !is_good {
            return self.offer_cookie(from, index);
        }
        let rate = |per_second: u64| Rate { burst: per_second.max(1) * BURST, per_second: per_second.max(1) };
        let allowed = self.sources.take(from.at, from.address.ip().into(), rate(self.rates.per_source))
            && self.total.take(from.at, rate(self.rates.in_total));
        if !allowed || !self.begin(from) {
            return Err(Drop::LoginRate);
        }
        Ok(Knock::Pass)
    }

    /// The last step passes from where a first one has just passed.
    pub fn login_3(&mut self, from: &Arrival, datagram: &[u8]) -> Result<(), Drop> {
        if datagram.len() != LOGIN_3_LENGTH || datagram[1] != VERSION {
            return Err(Drop::DatagramMalformed);
        }
        let begun = self.begun.get_mut(&from.origin).filter(|begun| from.at < begun.until && begun.repeats > 0);
        let begun = begun.ok_or(Drop::LoginUnasked)?;
        begun.repeats -= 1;
        Ok(())
    }

    /// Our address that a login under way from there came to.
    pub fn local_towards(&self, origin: Origin) -> Option<IpAddr> {
        self.begun.get(&origin).and_then(|begun| begun.local)
    }

    fn offer_cookie(&mut self, from: &Arrival, index: &[u8]) -> Result<Knock, Drop> {
        if !self.cookies.take(from.at, COOKIES) {
            return Err(Drop::LoginCookie);
        }
        let mut answer = [0; LOGIN_COOKIE_LENGTH];
        answer[..2].copy_from_slice(&[LOGIN_COOKIE, VERSION]);
        answer[4..8].copy_from_slice(index);
        answer[8..].copy_from_slice(&self.cookie(from.at / PERIOD, from.origin));
        Ok(Knock::Cookie(answer))
    }

    fn begin(&mut self, from: &Arrival) -> bool {
        if self.begun.len() >= MAX_BEGUN {
            self.begun.retain(|_, begun| from.at < begun.until);
        }
        if self.begun.len() >= MAX_BEGUN && !self.begun.contains_key(&from.origin) {
            return false;
        }
        let begun = Begun { until: from.at + LAST_STEP, repeats: REPEATS, local: from.local };
        self.begun.insert(from.origin, begun);
        true
    }

    fn cookie(&self, period: u64, origin: Origin) -> [u8; 16] {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.root, &period.to_be_bytes()).as_ref());
        match origin {
            Origin::Udp(address) => mac_of(&secret, &address_bytes(address)),
            Origin::Tls(number) => mac_of(&secret, &number.to_be_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::envelope::{LOGIN_1, LOGIN_3};
    use proptest::prelude::*;

    const NOW: Nanos = 1_000 * PERIOD;

    fn from(last: u8, at: Nanos) -> Arrival {
        let address = SocketAddr::from(([192, 0, 2, last], 4_900));
        Arrival { at, origin: Origin::Udp(address), address, local: None }
    }

    fn door() -> Door {
        Door::new(LoginRates { per_source: 2, in_total: 3 }).expect("random bytes")
    }

    fn login_1() -> Vec<u8> {
        let mut datagram = vec![0; LOGIN_1_LENGTH];
        datagram[..8].copy_from_slice(&[LOGIN_1, VERSION, 0, 0, 9, 8, 7, 6]);
        datagram
    }

    fn with_cookie(door: &mut Door, arrival: &Arrival) -> Vec<u8> {
        let mut datagram = login_1();
        let Ok(Knock::Cookie(answer)) = door.login_1(arrival, &datagram) else { panic!("expected a cookie") };
        assert_eq!(answer[..8], [LOGIN_COOKIE, VERSION, 0, 0, 9, 8, 7, 6]);
        datagram[8..24].copy_from_slice(&answer[8..]);
        datagram
    }

    #[test]
    fn a_cookie_is_good_for_its_origin_and_two_periods() {
        let mut door = door();
        let datagram = with_cookie(&mut door, &from(1, NOW));
        assert_eq!(door.login_1(&from(1, NOW), &datagram), Ok(Knock::Pass));
        assert_eq!(door.login_1(&from(1, NOW + PERIOD), &datagram), Ok(Knock::Pass));
        assert!(matches!(door.login_1(&from(2, NOW + PERIOD), &datagram), Ok(Knock::Cookie(_))));
        let other = Arrival { origin: Origin::Tls(1), ..from(1, NOW + PERIOD) };
        assert!(matches!(door.login_1(&other, &datagram), Ok(Knock::Cookie(_))));
        assert!(matches!(door.login_1(&from(1, NOW + 2 * PERIOD), &datagram), Ok(Knock::Cookie(_))));
    }

    #[test]
    fn logins_are_rationed_per_source_and_in_total() {
        let mut door = door();
        let passes = |door: &mut Door, last: u8| {
            let datagram = with_cookie(door, &from(last, NOW));
            (0..100).filter(|_| door.login_1(&from(last, NOW), &datagram) == Ok(Knock::Pass)).count()
        };
        assert_eq!([passes(&mut door, 1), passes(&mut door, 2), passes(&mut door, 3)], [16, 8, 0]);
        let datagram = with_cookie(&mut door, &from(3, NOW));
        assert_eq!(door.login_1(&from(3, NOW), &datagram), Err(Drop::LoginRate));
    }

    #[test]
    fn cookies_are_rationed() {
        let mut door = door();
        let given = (0..10_000).filter(|_| door.login_1(&from(1, NOW), &login_1()).is_ok()).count();
        assert_eq!(given as u64, COOKIES.burst);
    }

    #[test]
    fn the_last_step_needs_the_first() {
        let mut door = door();
        let mut last = vec![0; LOGIN_3_LENGTH];
        last[..2].copy_from_slice(&[LOGIN_3, VERSION]);
        assert_eq!(door.login_3(&from(1, NOW), &last), Err(Drop::LoginUnasked));
        let first = with_cookie(&mut door, &from(1, NOW));
        assert_eq!(door.login_3(&from(1, NOW), &last), Err(Drop::LoginUnasked));
        assert_eq!(door.login_1(&from(1, NOW), &first), Ok(Knock::Pass));
        assert_eq!(door.login_3(&from(2, NOW), &last), Err(Drop::LoginUnasked));
        let passed = (0..10).filter(|_| door.login_3(&from(1, NOW), &last).is_ok()).count();
        assert_eq!(passed, usize::from(REPEATS));
        assert_eq!(door.login_1(&from(1, NOW), &first), Ok(Knock::Pass));
        assert_eq!(door.login_3(&from(1, NOW + LAST_STEP), &last), Err(Drop::LoginUnasked));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_or_pass(bytes in proptest::collection::vec(any::<u8>(), 0..320)) {
            let mut door = door();
            match door.login_1(&from(1, NOW), &bytes) {
                Ok(Knock::Cookie(answer)) => prop_assert!(answer.len() < bytes.len()),
                got => prop_assert_eq!(got, Err(Drop::DatagramMalformed)),
            }
            prop_assert!(door.login_3(&from(1, NOW), &bytes).is_err());
        }
    }
}
