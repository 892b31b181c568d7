//! The replay window of one lane: which counters have been opened. Looked at before opening, marked after.

/// Counters that are told apart below the highest one seen.
pub const WINDOW: u64 = 8_192;
const WORDS: usize = (WINDOW / 64) as usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Fresh,
    Replayed,
    TooOld,
}

/// A ring of one bit per counter; bit `c % WINDOW` stands for the counter `c` of (highest − WINDOW, highest].
pub struct Window {
    highest: Option<u64>,
    seen: [u64; WORDS],
}

impl Default for Window {
    fn default() -> Self {
        Self { highest: None, seen: [0; WORDS] }
    }
}

impl Window {
    pub fn check(&self, counter: u64) -> Verdict {
        let Some(highest) = self.highest else { return Verdict::Fresh };
        if counter > highest {
            return Verdict::Fresh;
        }
        if highest - counter >= WINDOW {
            return Verdict::TooOld;
        }
        let (word, bit) = place(counter);
        if self.seen[word] & bit == 0 { Verdict::Fresh } else { Verdict::Replayed }
    }

    /// Only for a counter that `check` called fresh and whose datagram opened.
    pub fn mark(&mut self, counter: u64) {
        self.advance(counter);
        let (word, bit) = place(counter);
        self.seen[word] |= bit;
    }

    /// Moves the window up to `counter`, forgetting what stood in the places it takes.
    fn advance(&mut self, counter: u64) {
        let Some(highest) = self.highest else {
            self.highest = Some(counter);
            return;
        };
        if counter <= highest {
            return;
        }
        self.highest = Some(counter);
        if counter - highest >= WINDOW {
            self.seen.fill(0);
            return;
        }
        for passed in highest + 1..=counter {
            let (word, bit) = place(passed);
            self.seen[word] &= !bit;
        }
    }
}

fn place(counter: u64) -> (usize, u64) {
    let at = counter % WINDOW;
    ((at / 64) as usize, 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// The window as one would explain it: remembers everything.
    #[derive(Default)]
    struct Model {
        highest: Option<u64>,
        seen: HashSet<u64>,
    }

    impl Model {
        fn take(&mut self, counter: u64) -> Verdict {
            if self.highest.is_some_and(|highest| counter.saturating_add(WINDOW) <= highest) {
                return Verdict::TooOld;
            }
            if !self.seen.insert(counter) {
                return Verdict::Replayed;
            }
            self.highest = self.highest.max(Some(counter));
            Verdict::Fresh
        }
    }

    fn take(window: &mut Window, counter: u64) -> Verdict {
        let verdict = window.check(counter);
        if verdict == Verdict::Fresh {
            window.mark(counter);
        }
        verdict
    }

    #[test]
    fn the_edge_of_the_window_is_exact() {
        let mut window = Window::default();
        assert_eq!(take(&mut window, WINDOW), Verdict::Fresh);
        assert_eq!(take(&mut window, 1), Verdict::Fresh);
        assert_eq!(take(&mut window, 0), Verdict::TooOld);
        assert_eq!(take(&mut window, u64::MAX), Verdict::Fresh);
        assert_eq!(take(&mut window, u64::MAX), Verdict::Replayed);
        assert_eq!(take(&mut window, u64::MAX - WINDOW + 1), Verdict::Fresh);
        assert_eq!(take(&mut window, u64::MAX - WINDOW), Verdict::TooOld);
    }

    #[test]
    fn checking_alone_changes_nothing() {
        let window = Window::default();
        assert_eq!(window.check(7), Verdict::Fresh);
        assert_eq!(window.check(7), Verdict::Fresh);
    }

    /// Walks that stay near each other, jump by about a window, or jump anywhere.
    fn counters() -> impl Strategy<Value = Vec<u64>> {
        let step = prop_oneof![
            8 => (0u64..64).prop_map(|ahead| (ahead, 32)),
            2 => (0u64..2 * WINDOW).prop_map(|ahead| (ahead, WINDOW)),
            1 => (0u64..5 * WINDOW).prop_map(|ahead| (ahead, 0)),
        ];
        (any::<u32>(), proptest::collection::vec(step, 1..400)).prop_map(|(start, steps)| {
            let mut at = u64::from(start);
            let move_on = |(ahead, back): (u64, u64)| {
                at = (at + ahead).saturating_sub(back);
                at
            };
            steps.into_iter().map(move_on).collect()
        })
    }

    proptest! {
        #[test]
        fn window_and_model_agree(counters in counters()) {
            let (mut window, mut model) = (Window::default(), Model::default());
            for counter in counters {
                prop_assert_eq!(take(&mut window, counter), model.take(counter));
            }
        }
    }
}
