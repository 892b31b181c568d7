//! Who gets past the door of a relay.
use std::net::SocketAddr;

use super::input::{Input, damage};
use crate::clock::SECOND;
use crate::relay::door::{Arrival, Door, Knock, LOGIN_1_LENGTH, LOGIN_3_LENGTH, LOGIN_COOKIE_LENGTH, LoginRates};
use crate::relay::envelope::{LOGIN_1, LOGIN_3, LOGIN_COOKIE};
use crate::relay::origin::Origin;

const PERIOD: u64 = 120 * SECOND;

/// Where a cookie was given, when, and what it is.
type Given = (Origin, u64, [u8; 16]);

/// A story of logins: only who shows a cookie of this or the period before, from where it was given, gets past the first step;
/// only from there, and soon, the last one.
pub fn door(data: &[u8]) {
    let input = &mut Input::new(data);
    let mut door = Door::new(LoginRates { per_source: 2, in_total: 3 }).expect("random bytes");
    let mut given: Vec<Given> = Vec::new();
    let mut passed: Vec<(Origin, u64)> = Vec::new();
    let mut now = 1_000 * PERIOD;
    let mut steps = 0;
    while input.goes_on(steps) {
        steps += 4;
        now += u64::from(input.byte()) * SECOND;
        let from = arrival(input, now);
        if input.below(4) == 0 {
            let datagram = datagram(input, LOGIN_3, LOGIN_3_LENGTH);
            if door.login_3(&from, &datagram).is_ok() {
                assert!(datagram.len() == LOGIN_3_LENGTH && datagram[1] == 1);
                assert!(passed.iter().any(|(origin, at)| *origin == from.origin && now < at + 10 * SECOND));
            }
            continue;
        }
        let mut datagram = datagram(input, LOGIN_1, LOGIN_1_LENGTH);
        let shown = input.below(given.len() + 1);
        if let (Some((.., cookie)), Some(place)) = (given.get(shown), datagram.get_mut(8..24)) {
            place.copy_from_slice(cookie);
        }
        match door.login_1(&from, &datagram) {
            Ok(Knock::Pass) => {
                let is_good = |(origin, period, cookie): &Given| {
                    *origin == from.origin && now / PERIOD - period <= 1 && *cookie == datagram[8..24]
                };
                assert!(given.iter().any(is_good));
                passed.push((from.origin, now));
            }
            Ok(Knock::Cookie(answer)) => given.push(taken(&from, &datagram, &answer)),
            Err(_) => {}
        }
    }
}

fn taken(from: &Arrival, datagram: &[u8], answer: &[u8; LOGIN_COOKIE_LENGTH]) -> Given {
    assert!(answer.len() < datagram.len());
    assert!(answer[..4] == [LOGIN_COOKIE, 1, 0, 0] && answer[4..8] == datagram[4..8]);
    let mut cookie = [0; 16];
    cookie.copy_from_slice(&answer[8..]);
    (from.origin, from.at / PERIOD, cookie)
}

fn arrival(input: &mut Input, at: u64) -> Arrival {
    let number = input.byte() % 4;
    let address = SocketAddr::from(([192, 0, 2, number / 2], 4_900));
    let origin = if number == 3 { Origin::Tls(7) } else { Origin::Udp(address) };
    Arrival { at, origin, address, local: None }
}

fn datagram(input: &mut Input, kind: u8, length: usize) -> Vec<u8> {
    let mut datagram = vec![input.byte(); length];
    datagram[..2].copy_from_slice(&[kind, 1]);
    damage(&mut datagram, input, 1);
    if input.below(8) == 0 {
        datagram.truncate(usize::from(input.short()) % length);
    }
    datagram
}
