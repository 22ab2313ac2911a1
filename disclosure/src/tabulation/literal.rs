//! Values and their types. Few types, each with exact meaning: what can't be exact isn't added up.

use std::fmt;

use arrow_schema::DataType;
use chrono::{Datelike, NaiveDate};

/// The type of a value in a Tabulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScalarType {
    /// True or false.
    Boolean,
    /// Whole number, 64 bits.
    Int64,
    /// Decimal number of 38 digits, so many of them after the point.
    Decimal(u8),
    /// Binary floating point. Open data only: its sums depend on the order of addition.
    Float64,
    /// Text.
    Utf8,
    /// A day.
    Date,
}

/// The most decimal places a decimal column may have: a whole number of 19 digits still fits.
pub const DECIMAL_PLACES_MAX: u8 = 18;

impl ScalarType {
    /// The Arrow type that carries it.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int64 => DataType::Int64,
            Self::Decimal(places) => DataType::Decimal128(38, i8::try_from(places).unwrap_or(0)),
            Self::Float64 => DataType::Float64,
            Self::Utf8 => DataType::Utf8,
            Self::Date => DataType::Date32,
        }
    }

    /// The type that an Arrow type of exactly this width means; `None` for every other.
    #[must_use]
    pub fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Boolean => Some(Self::Boolean),
            DataType::Int64 => Some(Self::Int64),
            DataType::Float64 => Some(Self::Float64),
            DataType::Utf8 => Some(Self::Utf8),
            DataType::Date32 => Some(Self::Date),
            DataType::Decimal128(38, places) => {
                u8::try_from(*places).ok().filter(|p| *p <= DECIMAL_PLACES_MAX).map(Self::Decimal)
            }
            // Arrow's list of types grows; what isn't named above has no meaning here.
            _ => None,
        }
    }

    /// Whether values can be added up exactly.
    #[must_use]
    pub const fn is_exact_number(self) -> bool {
        match self {
            Self::Int64 | Self::Decimal(_) => true,
            Self::Boolean | Self::Float64 | Self::Utf8 | Self::Date => false,
        }
    }

    /// Whether values are numbers at all.
    #[must_use]
    pub const fn is_number(self) -> bool {
        match self {
            Self::Int64 | Self::Decimal(_) | Self::Float64 => true,
            Self::Boolean | Self::Utf8 | Self::Date => false,
        }
    }

    /// Digits after the point of an exact number.
    #[must_use]
    pub const fn decimal_places(self) -> u8 {
        match self {
            Self::Decimal(places) => places,
            Self::Boolean | Self::Int64 | Self::Float64 | Self::Utf8 | Self::Date => 0,
        }
    }
}

impl fmt::Display for ScalarType {
    /// In the words of an analyst.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("a boolean"),
            Self::Int64 => f.write_str("a whole number"),
            Self::Decimal(places) => write!(f, "a decimal number with {places} places"),
            Self::Float64 => f.write_str("a floating-point number"),
            Self::Utf8 => f.write_str("text"),
            Self::Date => f.write_str("a date"),
        }
    }
}

/// A value written in a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// No value, of a type.
    Null(ScalarType),
    /// True or false.
    Boolean(bool),
    /// Whole number.
    Int64(i64),
    /// Decimal number: the digits as one whole number, and how many stand after the point.
    Decimal {
        /// The digits.
        value: i128,
        /// Digits after the point.
        places: u8,
    },
    /// Floating point; finite.
    Float64(f64),
    /// Text.
    Utf8(String),
    /// Days since 1970-01-01.
    Date(i32),
}

impl Eq for Literal {}

impl Literal {
    /// The literal's type.
    #[must_use]
    pub const fn scalar_type(&self) -> ScalarType {
        match self {
            Self::Null(t) => *t,
            Self::Boolean(_) => ScalarType::Boolean,
            Self::Int64(_) => ScalarType::Int64,
            Self::Decimal { places, .. } => ScalarType::Decimal(*places),
            Self::Float64(_) => ScalarType::Float64,
            Self::Utf8(_) => ScalarType::Utf8,
            Self::Date(_) => ScalarType::Date,
        }
    }

    /// Whether the literal is NULL.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null(_))
    }

    /// Reads text as a value of the type; `None` if it isn't one. Thousands separators aren't
    /// accepted here: a question is written by somebody who can leave them out.
    #[must_use]
    pub fn parse(text: &str, scalar_type: ScalarType) -> Option<Self> {
        match scalar_type {
            ScalarType::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" | "t" => Some(Self::Boolean(true)),
                "false" | "f" => Some(Self::Boolean(false)),
                _ => None,
            },
            ScalarType::Int64 => text.parse().ok().map(Self::Int64),
            ScalarType::Decimal(places) => {
                parse_decimal(text, places).map(|value| Self::Decimal { value, places })
            }
            ScalarType::Float64 => {
                text.parse().ok().filter(|v: &f64| v.is_finite()).map(Self::Float64)
            }
            ScalarType::Utf8 => Some(Self::Utf8(text.to_owned())),
            ScalarType::Date => parse_date(text).map(Self::Date),
        }
    }

    /// The same value in another type; `None` where that would change it.
    #[must_use]
    pub fn convert(&self, to: ScalarType) -> Option<Self> {
        if self.is_null() {
            return Some(Self::Null(to));
        }
        if self.scalar_type() == to {
            return Some(self.clone());
        }
        match (self, to) {
            (Self::Utf8(text), _) => Self::parse(text.trim(), to),
            (Self::Int64(v), ScalarType::Decimal(places)) => {
                let value = i128::from(*v).checked_mul(power_of_ten(places))?;
                Some(Self::Decimal { value, places })
            }
            (Self::Int64(v), ScalarType::Float64) => {
                // Above 2^53 a floating-point number can't hold every whole number.
                let limit = 1_i64.checked_shl(53)?;
                (-limit <= *v && *v <= limit).then_some(Self::Float64(*v as f64))
            }
            (Self::Decimal { value, places }, ScalarType::Decimal(to_places)) => {
                rescale(*value, *places, to_places)
                    .map(|value| Self::Decimal { value, places: to_places })
            }
            (Self::Decimal { value, places }, ScalarType::Int64) => {
                rescale(*value, *places, 0).and_then(|v| i64::try_from(v).ok()).map(Self::Int64)
            }
            (Self::Decimal { .. }, ScalarType::Float64) => {
                self.to_string().parse().ok().map(Self::Float64)
            }
            (
                Self::Null(_)
                | Self::Boolean(_)
                | Self::Int64(_)
                | Self::Decimal { .. }
                | Self::Float64(_)
                | Self::Date(_),
                _,
            ) => None,
        }
    }
}

/// 10 to the power of `places`; 38 digits at most.
#[must_use]
pub fn power_of_ten(places: u8) -> i128 {
    10_i128.checked_pow(u32::from(places)).unwrap_or(i128::MAX)
}

/// The same decimal number with another number of places; `None` if digits would be lost.
fn rescale(value: i128, from: u8, to: u8) -> Option<i128> {
    if from <= to {
        value.checked_mul(power_of_ten(to.checked_sub(from)?))
    } else {
        let divisor = power_of_ten(from.checked_sub(to)?);
        (value.checked_rem(divisor)? == 0).then(|| value.checked_div(divisor)).flatten()
    }
}

/// Reads a plain decimal number such as `-12.50` into its digits with `places` after the point;
/// `None` if it isn't one, or has more digits after the point than fit.
#[must_use]
pub fn parse_decimal(text: &str, places: u8) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = if usize::from(places) < fraction.len() {
        // Trailing zeros carry nothing; any other digit beyond the declared places would be lost.
        let kept = fraction.trim_end_matches('0');
        (kept.len() <= usize::from(places)).then_some(kept)?
    } else {
        fraction
    };
    if (whole.is_empty() && fraction.is_empty())
        || !whole.chars().chain(fraction.chars()).all(|c| c.is_ascii_digit())
        || whole.len() > 38
    {
        return None;
    }
    let missing = u8::try_from(usize::from(places).checked_sub(fraction.len())?).ok()?;
    let mut value: i128 = 0;
    for digit in whole.chars().chain(fraction.chars()).filter_map(|c| c.to_digit(10)) {
        value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
    }
    value = value.checked_mul(power_of_ten(missing))?;
    (value < power_of_ten(38)).then_some(if negative { -value } else { value })
}

/// Reads `2018-01-31` into days since 1970-01-01. Years 0001 to 9999, as ISO 8601 writes them.
#[must_use]
pub fn parse_date(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (1 <= date.year() && date.year() <= 9999).then_some(())?;
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
    i32::try_from(date.signed_duration_since(epoch).num_days()).ok()
}

/// The calendar day so many days after 1970-01-01; `None` beyond the calendar.
#[must_use]
pub fn civil(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(1970, 1, 1)?
        .checked_add_signed(chrono::TimeDelta::try_days(i64::from(days))?)
}

impl fmt::Display for Literal {
    /// As SQL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null(_) => f.write_str("NULL"),
            Self::Boolean(v) => write!(f, "{v}"),
            Self::Int64(v) => write!(f, "{v}"),
            Self::Decimal { value, places } => {
                let sign = if *value < 0 { "-" } else { "" };
                let unit = power_of_ten(*places).unsigned_abs();
                let digits = value.unsigned_abs();
                let whole = digits.checked_div(unit).unwrap_or(0);
                if *places == 0 {
                    return write!(f, "{sign}{whole}");
                }
                let fraction = digits.checked_rem(unit).unwrap_or(0);
                write!(f, "{sign}{whole}.{fraction:0width$}", width = usize::from(*places))
            }
            Self::Float64(v) => write!(f, "{v}"),
            Self::Utf8(v) => write!(f, "'{}'", v.replace('\'', "''")),
            Self::Date(days) => match civil(*days) {
                Some(date) => write!(f, "DATE '{date}'"),
                None => f.write_str("NULL"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_or_not_at_all() {
        for (text, places, expect) in [
            ("12.5", 2, Some(1250)),
            ("-0.05", 2, Some(-5)),
            ("7", 0, Some(7)),
            ("1.500", 2, Some(150)),
            ("1.505", 2, None),
            ("", 2, None),
            (".", 2, None),
            ("1,563", 0, None),
            ("99999999999999999999999999999999999999", 0, Some(power_of_ten(38) - 1)),
            ("999999999999999999999999999999999999999", 0, None),
        ] {
            assert_eq!(parse_decimal(text, places), expect, "{text}");
        }
    }

    #[test]
    fn literals_convert_only_where_the_value_stays() {
        let text = |s: &str| Literal::Utf8(s.to_owned());
        assert_eq!(text("2018-01-31").convert(ScalarType::Date), Some(Literal::Date(17562)));
        assert_eq!(text("2018-02-30").convert(ScalarType::Date), None);
        assert_eq!(text("x").convert(ScalarType::Int64), None);
        assert_eq!(
            Literal::Int64(3).convert(ScalarType::Decimal(2)),
            Some(Literal::Decimal { value: 300, places: 2 })
        );
        assert_eq!(Literal::Decimal { value: 350, places: 2 }.convert(ScalarType::Int64), None);
        assert_eq!(
            Literal::Decimal { value: 300, places: 2 }.convert(ScalarType::Int64),
            Some(Literal::Int64(3))
        );
    }

    #[test]
    fn literals_print_as_sql() {
        assert_eq!(Literal::Decimal { value: -5, places: 2 }.to_string(), "-0.05");
        assert_eq!(Literal::Utf8("O'Brien".to_owned()).to_string(), "'O''Brien'");
        assert_eq!(Literal::Date(17562).to_string(), "DATE '2018-01-31'");
    }
}
