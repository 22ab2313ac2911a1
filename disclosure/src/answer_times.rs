//! When answers about a dataset may be sent: at fixed times after the question came, and at no other.
//!
//! How long an answer takes can tell of the data: of how many rows match, or of whether a limit was
//! met. Sent at the next of a few times, it tells only between which two of them the work ended.

use std::fmt;
use std::time::Duration;

/// Times after a question's arrival, in milliseconds and ascending; none means: as soon as it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnswerTimes(Vec<u32>);

impl AnswerTimes {
    /// The most times: each more tells more.
    pub const COUNT_MAX: usize = 8;
    /// The latest time, in milliseconds: an hour, the longest that a query may take.
    pub const MS_MAX: u32 = 3_600_000;

    /// These times; `None` if there are none or too many, or one is 0, too late, or not after the
    /// one before.
    #[must_use]
    pub fn new(ms: Vec<u32>) -> Option<Self> {
        let ascending = ms.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        let in_range = ms.iter().all(|ms| (1..=Self::MS_MAX).contains(ms));
        let count = (1..=Self::COUNT_MAX).contains(&ms.len());
        (ascending && in_range && count).then_some(Self(ms))
    }

    /// Answers are sent as soon as they are ready.
    #[must_use]
    pub const fn at_once() -> Self {
        Self(Vec::new())
    }

    /// The times, in milliseconds.
    #[must_use]
    pub fn ms(&self) -> &[u32] {
        &self.0
    }

    /// The last of them; `None` if answers are sent at once. After it nothing is answered any more.
    #[must_use]
    pub fn last(&self) -> Option<Duration> {
        self.0.last().copied().map(duration)
    }

    /// When an answer is sent that is ready after this time; `None` if it is too late.
    #[must_use]
    pub fn next(&self, ready: Duration) -> Option<Duration> {
        if self.0.is_empty() {
            return Some(ready);
        }
        self.0.iter().copied().map(duration).find(|time| ready <= *time)
    }

    /// Times that tell no more of either side than its own do: those of both; where they share none,
    /// the later of their last.
    #[must_use]
    pub fn coarser(&self, other: &Self) -> Self {
        let (Some(last), Some(other_last)) = (self.0.last(), other.0.last()) else {
            return if self.0.is_empty() { other.clone() } else { self.clone() };
        };
        let both: Vec<u32> = self.0.iter().filter(|ms| other.0.contains(ms)).copied().collect();
        Self(if both.is_empty() { vec![*last.max(other_last)] } else { both })
    }

    /// Each time later by so many milliseconds.
    #[must_use]
    pub fn later_by(&self, ms: u32) -> Self {
        Self(self.0.iter().map(|time| time.saturating_add(ms)).collect())
    }
}

impl fmt::Display for AnswerTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("at once");
        }
        for (place, ms) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            match (ms.checked_div(1_000), ms.checked_rem(1_000)) {
                (Some(seconds), Some(0)) => write!(f, "{seconds}s")?,
                (Some(_) | None, Some(_) | None) => write!(f, "{ms}ms")?,
            }
        }
        Ok(())
    }
}

fn duration(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(ms: &[u32]) -> AnswerTimes {
        AnswerTimes::new(ms.to_vec()).unwrap()
    }

    #[test]
    fn an_answer_waits_for_the_next_time_and_the_last_is_the_end() {
        let times = times(&[1_000, 5_000]);
        for (ready, sent) in
            [(0, Some(1_000)), (1_000, Some(1_000)), (1_001, Some(5_000)), (5_001, None)]
        {
            let sent = sent.map(Duration::from_millis);
            assert_eq!(times.next(Duration::from_millis(ready)), sent, "{ready}");
        }
        assert_eq!(times.last(), Some(Duration::from_secs(5)));
        let ready = Duration::from_millis(7);
        assert_eq!(AnswerTimes::at_once().next(ready), Some(ready));
    }

    #[test]
    fn times_ascend_from_above_nought_to_an_hour_and_are_few() {
        for wrong in [&[][..], &[0], &[5, 5], &[5, 4], &[3_600_001]] {
            assert_eq!(AnswerTimes::new(wrong.to_vec()), None, "{wrong:?}");
        }
        assert_eq!(AnswerTimes::new((1..=9).collect()), None);
        assert!(AnswerTimes::new((1..=8).collect()).is_some());
    }

    #[test]
    fn two_datasets_times_together_tell_no_more_than_each_alone() {
        let at_once = AnswerTimes::at_once();
        let sets = [
            at_once.clone(),
            times(&[1]),
            times(&[1, 5]),
            times(&[2, 5, 9]),
            times(&[5]),
            times(&[2, 30]),
        ];
        for a in &sets {
            assert_eq!(a.coarser(&at_once), *a);
            for b in &sets {
                let both = a.coarser(b);
                assert_eq!(both, b.coarser(a));
                // Ready within the same two times of one side, sent at the same time, or beyond its end.
                for one in [a, b].into_iter().filter(|one| **one != at_once) {
                    for (x, y) in (0..40).flat_map(|x| (0..40).map(move |y| (x, y))) {
                        let [x, y] = [x, y].map(Duration::from_millis);
                        if one.next(x) == one.next(y) && one.next(x).is_some() {
                            assert_eq!(both.next(x), both.next(y), "{a} and {b}: {x:?} {y:?}");
                        }
                    }
                }
            }
        }
        assert_eq!(times(&[1, 5]).coarser(&times(&[5, 30])), times(&[5]));
        assert_eq!(times(&[1, 5]).coarser(&times(&[2, 30])), times(&[30]));
    }

    #[test]
    fn times_are_printed_as_they_are_written() {
        assert_eq!(times(&[250, 1_000, 30_000]).to_string(), "250ms, 1s, 30s");
        assert_eq!(times(&[1_000]).later_by(250).to_string(), "1250ms");
        assert_eq!(AnswerTimes::at_once().to_string(), "at once");
    }
}
