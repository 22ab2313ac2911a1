//! Which quantile is asked for: the share of values that lie below it, from P5 to P95.
//!
//! A quantile nearer to an end is the value of few records; at the end itself it is the minimum or maximum. So there
//! is no value of this type for it: neither a gateway nor a node has a question to ask with.

use std::fmt;

use super::Literal;
use super::typing::parse_decimal;
use crate::refusal::{Refusal, RefusalCode};

/// A share between 0.05 and 0.95, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Probability {
    millionths: u32,
}

/// 1, in the units of a [`Probability`].
pub const MILLION: u32 = 1_000_000;
/// P5.
const LEAST: u32 = 50_000;
/// P95.
const MOST: u32 = 950_000;
/// Digits after the point.
const PLACES: u8 = 6;

impl Probability {
    /// Of the median.
    pub const HALF: Self = Self { millionths: 500_000 };

    /// The share of so many millionths; `None` outside of P5 to P95.
    #[must_use]
    pub const fn new(millionths: u32) -> Option<Self> {
        if LEAST <= millionths && millionths <= MOST { Some(Self { millionths }) } else { None }
    }

    /// The share as it is written in a question.
    ///
    /// # Errors
    /// A number outside of P5 to P95 ([`RefusalCode::D205`]), with more than 6 digits after the point or none at
    /// all ([`RefusalCode::Q107`]).
    pub fn written(literal: &Literal) -> Result<Self, Refusal> {
        let number = match literal {
            Literal::Int64(_) | Literal::Decimal { .. } | Literal::Float64(_) => {
                literal.to_string()
            }
            Literal::Null(_) | Literal::Boolean(_) | Literal::Utf8(_) | Literal::Date(_) => {
                return Err(not_a_share());
            }
        };
        let millionths = parse_decimal(&number, PLACES).ok_or_else(not_a_share)?;
        u32::try_from(millionths).ok().and_then(Self::new).ok_or_else(|| {
            Refusal::new(
                RefusalCode::D205,
                format!(
                    "the quantile at {number} is close to the value of single records: quantiles are \
                     offered from 0.05 to 0.95."
                ),
                "Ask for a quantile between 0.05 and 0.95, or for `histogram`.",
            )
        })
    }

    /// The share of values above: the same quantile, counted from the largest value down.
    #[must_use]
    pub const fn from_above(self) -> Self {
        Self { millionths: MILLION.saturating_sub(self.millionths) }
    }

    /// The share in millionths.
    #[must_use]
    pub const fn millionths(self) -> u32 {
        self.millionths
    }
}

/// The Refusal for a quantile's share that isn't a number in the question's text.
#[must_use]
pub fn not_a_share() -> Refusal {
    Refusal::new(
        RefusalCode::Q107,
        "the share of a quantile is a number with at most 6 digits after the point, written in the question.",
        "Write it like 0.25.",
    )
}

impl fmt::Display for Probability {
    /// As SQL: `0.25`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = Literal::Decimal { value: self.millionths.into(), places: PLACES }.to_string();
        f.write_str(digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tabulation::ScalarType;

    fn decimal(text: &str, places: u8) -> Literal {
        Literal::parse(text, ScalarType::Decimal(places)).unwrap()
    }

    #[test]
    fn a_share_is_read_exactly() {
        for (literal, expect) in [
            (decimal("0.5", 1), 500_000),
            (decimal("0.05", 2), 50_000),
            (decimal("0.950000", 6), 950_000),
            (decimal("0.333333", 6), 333_333),
            (Literal::Float64(0.25), 250_000),
        ] {
            assert_eq!(Probability::written(&literal).unwrap().millionths(), expect, "{literal}");
        }
    }

    #[test]
    fn the_ends_cannot_be_asked_for() {
        for literal in [
            Literal::Int64(0),
            Literal::Int64(1),
            Literal::Int64(-1),
            decimal("0.049999", 6),
            decimal("0.950001", 6),
            decimal("1.0", 1),
            Literal::Float64(1e300),
        ] {
            let code = Probability::written(&literal).unwrap_err().code();
            assert!(matches!(code, RefusalCode::D205 | RefusalCode::Q107), "{literal}");
        }
        assert_eq!(Probability::new(49_999), None);
        assert_eq!(Probability::new(950_001), None);
    }

    #[test]
    fn what_is_no_number_is_told_so() {
        for literal in [
            Literal::Null(ScalarType::Float64),
            Literal::Utf8("0.5".to_owned()),
            Literal::Boolean(true),
            decimal("0.1234567", 7),
        ] {
            assert_eq!(Probability::written(&literal).unwrap_err().code(), RefusalCode::Q107);
        }
    }

    #[test]
    fn the_lower_quarter_is_three_quarters_from_above() {
        let quarter = Probability::new(250_000).unwrap();
        assert_eq!(quarter.from_above().to_string(), "0.75");
        assert_eq!(quarter.from_above().from_above(), quarter);
        assert_eq!(Probability::HALF.from_above(), Probability::HALF);
    }
}
