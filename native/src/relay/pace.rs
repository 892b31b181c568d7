//! A token bucket of bytes.
use crate::clock::{Nanos, SECOND};

/// How long a burst at full rate may be.
const BURST: Nanos = SECOND / 4;
/// What may come at once however low the rate is: the longest run of datagrams that arrives as one.
const LEAST: u64 = 64 * 1_024;

/// Kept as the moment at which it will be full again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    full_at: Nanos,
}

impl Pace {
    /// How many of `count` datagrams of `size` bytes may pass; `per_second` is in bytes, 0 for no limit.
    pub fn take(&mut self, now: Nanos, per_second: u64, size: usize, count: usize) -> usize {
        if per_second == 0 {
            return count;
        }
        let cost = cost(size as u64, per_second).max(1);
        let room = BURST.max(cost_of_least(per_second));
        let used = self.full_at.saturating_sub(now);
        let passing = (room.saturating_sub(used) / cost).min(count as u64);
        self.full_at = self.full_at.max(now).saturating_add(passing * cost);
        passing as usize
    }
}

fn cost_of_least(per_second: u64) -> Nanos {
    cost(LEAST, per_second)
}

/// How long a rate takes for so many bytes.
fn cost(bytes: u64, per_second: u64) -> Nanos {
    u64::try_from(u128::from(bytes) * u128::from(SECOND) / u128::from(per_second)).unwrap_or(Nanos::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_limit_is_none() {
        assert_eq!(Pace::default().take(0, 0, 65_535, 1_000), 1_000);
    }

    #[test]
    fn the_longest_run_passes_at_the_lowest_rate() {
        let mut pace = Pace::default();
        assert_eq!(pace.take(SECOND, 1, 1_024, 64), 64);
        assert_eq!(pace.take(SECOND, 1, 1_024, 64), 0);
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_a_burst(
            per_second in 1_000u64..10_000_000_000,
            steps in proptest::collection::vec((0u64..50_000_000, 1usize..2_000, 1usize..64), 1..200),
        ) {
            let (mut pace, mut now, mut passed) = (Pace::default(), SECOND, 0u64);
            for (later, size, count) in steps {
                now += later;
                passed += (pace.take(now, per_second, size, count) * size) as u64;
            }
            let allowed = (now - SECOND) as f64 / SECOND as f64 * per_second as f64;
            let burst = (per_second as f64 / 4.0).max(LEAST as f64);
            // Costs are rounded down to a nanosecond each.
            prop_assert!((passed as f64) <= (allowed + burst) * 1.01 + 2_000.0 + per_second as f64 / 1e9 * 12_800.0);
        }
    }
}
