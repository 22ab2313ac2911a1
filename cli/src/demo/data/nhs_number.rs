//! NHS numbers nobody has.
//!
//! An NHS number is ten digits: nine and a check digit, modulus 11. The range 999 000 0000 to
//! 999 999 9999 is reserved for tests and never issued, so an invented person cannot be mistaken
//! for a real one.

/// A valid NHS number of the test range, written without spaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NhsNumber(String);

/// The first nine digits of the smallest number in the test range.
const STEM_MIN: u64 = 999_000_000;

/// How many nine-digit beginnings the range has; one in eleven has no check digit.
const STEMS: u64 = 1_000_000;

/// Coprime to [`STEMS`]: multiplying by it visits every beginning once, in no visible order.
const STRIDE: u64 = 618_033;

impl NhsNumber {
    /// All 909,091 or so of them, each once, in an order that says nothing of their bearers.
    pub(crate) fn test_range() -> impl Iterator<Item = Self> {
        (0..STEMS).filter_map(|k| Self::with_check_digit(STEM_MIN + k * STRIDE % STEMS))
    }

    /// The ten digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The number with these first nine digits, if there is one.
    fn with_check_digit(stem: u64) -> Option<Self> {
        // Digits from the last to the first, with weights 2 to 10.
        let mut left = stem;
        let mut sum = 0;
        for weight in 2..=10 {
            sum += left % 10 * weight;
            left /= 10;
        }
        match 11 - sum % 11 {
            10 => None,
            11 => Some(Self(format!("{stem}0"))),
            check => Some(Self(format!("{stem}{check}"))),
        }
    }
}

/// Whether the text is a valid NHS number of the test range; written apart from the code above.
#[cfg(test)]
pub(crate) fn is_valid_test_number(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    if text.len() != 10 || digits.len() != 10 || !text.starts_with("999") {
        return false;
    }
    // Weights 10 to 2, and 1 for the check digit itself.
    let sum: u32 = digits.iter().zip((1..=10).rev()).map(|(digit, weight)| digit * weight).sum();
    sum.is_multiple_of(11)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_check_knows_valid_from_invalid() {
        // Two published examples, out of the test range.
        assert_eq!(NhsNumber::with_check_digit(401_023_213).unwrap().as_str(), "4010232137");
        assert_eq!(NhsNumber::with_check_digit(943_476_591).unwrap().as_str(), "9434765919");
        assert!(!is_valid_test_number("9434765919"));
        assert!(!is_valid_test_number("9990000000"));
    }

    #[test]
    fn all_are_valid_and_distinct() {
        let all: HashSet<NhsNumber> = NhsNumber::test_range().take(120_000).collect();
        assert_eq!(all.len(), 120_000);
        assert!(all.iter().all(|number| is_valid_test_number(number.as_str())));
    }

    #[test]
    fn neighbours_are_far_apart() {
        let values = NhsNumber::test_range().map(|number| number.0.parse::<u64>().unwrap());
        let values: Vec<u64> = values.take(1_000).collect();
        assert!(values.windows(2).all(|pair| pair[0].abs_diff(pair[1]) > 100_000));
    }
}
