//! Which numbers of a connection were used: a window over the newest, in the manner of RFC 6479.
//!
//! Calls may overtake each other, so a number lower than the highest isn't refused as such. One bit is kept for each of
//! the newest numbers, in words that are used in turn; whatever is older counts as used.

/// Words of 64 numbers. One of them is always being left behind.
const WORDS: usize = 65;
/// How many of the newest numbers are told apart. At most 64 calls run at once on a connection.
pub(crate) const WINDOW: u64 = 64 * 64;

/// Why a number isn't taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotNew {
    /// It was taken before.
    Used,
    /// Whether it was taken isn't known any more.
    TooOld,
}

/// The numbers that were taken.
#[derive(Debug)]
pub(crate) struct Window {
    highest: u64,
    words: [u64; WORDS],
}

impl Default for Window {
    fn default() -> Self {
        Self { highest: 0, words: [0; WORDS] }
    }
}

/// The word of a number, counted on for ever, and its bit.
const fn place(number: u64) -> (u64, u64) {
    (number >> 6, 1 << (number & 63))
}

impl Window {
    /// Takes a number, once and never again. They count from 1.
    ///
    /// # Errors
    /// A number that was taken, or may have been.
    pub(crate) fn take(&mut self, number: u64) -> Result<(), NotNew> {
        if number == 0 || WINDOW <= self.highest.saturating_sub(number) {
            return Err(NotNew::TooOld);
        }
        let (word, bit) = place(number);
        let (last, _) = place(self.highest);
        // The words between the highest number and this one held older numbers.
        let behind = word.saturating_sub(last).min(WORDS as u64);
        for passed in 0..behind {
            if let Some(passed) = self.word(word.saturating_sub(passed)) {
                *passed = 0;
            }
        }
        self.highest = self.highest.max(number);
        match self.word(word) {
            Some(taken) if *taken & bit == 0 => {
                *taken |= bit;
                Ok(())
            }
            Some(_) | None => Err(NotNew::Used),
        }
    }

    fn word(&mut self, word: u64) -> Option<&mut u64> {
        let at = usize::try_from(word % WORDS as u64).ok()?;
        self.words.get_mut(at)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_taken_once() {
        let mut window = Window::default();
        for number in 1..10_000 {
            assert_eq!(window.take(number), Ok(()));
            assert_eq!(window.take(number), Err(NotNew::Used));
        }
        assert_eq!(window.take(0), Err(NotNew::TooOld));
    }

    #[test]
    fn those_that_were_overtaken_are_still_taken_while_they_are_among_the_newest() {
        let mut window = Window::default();
        window.take(WINDOW).unwrap();
        assert_eq!(window.take(1), Ok(()));
        window.take(WINDOW + 2).unwrap();
        assert_eq!(window.take(2), Err(NotNew::TooOld));
        assert_eq!(window.take(3), Ok(()));
        assert_eq!(window.take(3), Err(NotNew::Used));
    }

    #[test]
    fn the_last_number_of_all_and_those_before_it() {
        let mut window = Window::default();
        window.take(1).unwrap();
        window.take(u64::MAX).unwrap();
        assert_eq!(window.take(u64::MAX), Err(NotNew::Used));
        assert_eq!(window.take(u64::MAX - 1), Ok(()));
        assert_eq!(window.take(1), Err(NotNew::TooOld));
    }

    /// Steps forward and back, some within the window, some beyond it.
    fn numbers() -> impl Strategy<Value = Vec<u64>> {
        let step = prop_oneof![0_u64..200, 0_u64..3 * WINDOW, 0_u64..400 * WINDOW];
        let steps = prop::collection::vec((any::<bool>(), step, any::<bool>()), 1..300);
        steps.prop_map(|steps| {
            let mut at = 1_u64;
            let mut numbers = Vec::new();
            for (back, step, again) in steps {
                at = if back { at.saturating_sub(step) } else { at + step };
                numbers.push(at);
                if again {
                    numbers.push(at);
                }
            }
            numbers
        })
    }

    proptest! {
        /// Like a set that remembers everything, except that what is older than the window is refused.
        #[test]
        fn taken_are_just_the_new_ones_among_the_newest(numbers in numbers()) {
            let (mut window, mut taken, mut highest) = (Window::default(), BTreeSet::new(), 0);
            for number in numbers {
                let expected = if number == 0 || number + WINDOW <= highest {
                    Err(NotNew::TooOld)
                } else if taken.insert(number) {
                    highest = highest.max(number);
                    Ok(())
                } else {
                    Err(NotNew::Used)
                };
                prop_assert_eq!(window.take(number), expected, "{}", number);
            }
        }
    }
}
