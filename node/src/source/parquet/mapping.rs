//! Which types the declared ones can hold: all their values, unchanged.
//!
//! | declared | in the file |
//! |---|---|
//! | `boolean` | boolean |
//! | `integer` | whole numbers of up to 64 bits, unsigned ones of up to 32 |
//! | `decimal` | whole numbers; decimals with as many places at most, and room for their digits |
//! | `float` | binary numbers of 32 and 64 bits |
//! | `text` | text, plain or dictionary-encoded |
//! | `date` | days |
//!
//! So a cast never fails and never rounds. Points in time are refused: in which time zone one is
//! which day is the owner's to say, when the file is written.

use arrow_schema::DataType;
use insitu_disclosure::tabulation::ScalarType;

/// How a file's type becomes the declared one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mapping {
    /// It is the same.
    Same,
    /// By a cast that can't fail.
    Widened,
    /// Not without loss; this is what to do instead.
    Refused(&'static str),
}

const ANOTHER_TYPE: &str = "declare another `type`, or write the file with another";
const DIGITS: &str =
    "declare as many `decimal_places` as the file has; they must leave room for its digits";

/// How `found` becomes `declared`.
pub(super) fn mapping(found: &DataType, declared: ScalarType) -> Mapping {
    if *found == declared.data_type() {
        return Mapping::Same;
    }
    if let DataType::Timestamp(..) = found {
        return Mapping::Refused("write the file with a column of days, or hide this one");
    }
    match declared {
        ScalarType::Boolean => Mapping::Refused(ANOTHER_TYPE),
        ScalarType::Int64 => widened(whole_digits(found).is_some(), ANOTHER_TYPE),
        ScalarType::Decimal(places) => {
            match whole_digits(found).or_else(|| decimal_digits(found, places)) {
                Some(digits) => widened(digits.saturating_add(places) <= 38, DIGITS),
                None if found.is_decimal() => Mapping::Refused(DIGITS),
                None => Mapping::Refused(ANOTHER_TYPE),
            }
        }
        ScalarType::Float64 => widened(*found == DataType::Float32, ANOTHER_TYPE),
        ScalarType::Utf8 => widened(is_text(found), ANOTHER_TYPE),
        ScalarType::Date => Mapping::Refused(ANOTHER_TYPE),
    }
}

const fn widened(is_lossless: bool, otherwise: &'static str) -> Mapping {
    if is_lossless { Mapping::Widened } else { Mapping::Refused(otherwise) }
}

/// The digits that whole numbers of the type have at most, if they all fit in 64 bits.
const fn whole_digits(found: &DataType) -> Option<u8> {
    match found {
        DataType::Int8 | DataType::UInt8 => Some(3),
        DataType::Int16 | DataType::UInt16 => Some(5),
        DataType::Int32 | DataType::UInt32 => Some(10),
        DataType::Int64 => Some(19),
        // Arrow's list of types grows; what isn't named isn't a whole number that fits.
        _ => None,
    }
}

/// The digits before the point of a decimal type, if it has no more places than declared.
fn decimal_digits(found: &DataType, places: u8) -> Option<u8> {
    match found {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            let scale = u8::try_from(*scale).ok().filter(|scale| *scale <= places)?;
            precision.checked_sub(scale)
        }
        // As above: what isn't named isn't a decimal number.
        _ => None,
    }
}

fn is_text(found: &DataType) -> bool {
    match found {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        // As above: what isn't named isn't text.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::TimeUnit;

    use super::*;

    #[test]
    fn maps_without_loss_or_not_at_all() {
        use Mapping::{Same, Widened};
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        for (found, declared, expect) in [
            (DataType::Int64, ScalarType::Int64, Same),
            (DataType::UInt32, ScalarType::Int64, Widened),
            (DataType::Int64, ScalarType::Decimal(18), Widened),
            (DataType::Decimal128(38, 2), ScalarType::Decimal(2), Same),
            (DataType::Decimal128(18, 2), ScalarType::Decimal(4), Widened),
            (DataType::Decimal256(38, 0), ScalarType::Decimal(0), Widened),
            (DataType::Float32, ScalarType::Float64, Widened),
            (dictionary, ScalarType::Utf8, Widened),
            (DataType::Utf8View, ScalarType::Utf8, Widened),
            (DataType::Date32, ScalarType::Date, Same),
        ] {
            assert_eq!(mapping(&found, declared), expect, "{found} {declared}");
        }
        for (found, declared) in [
            (DataType::UInt64, ScalarType::Int64),
            (DataType::Decimal128(18, 0), ScalarType::Int64),
            (DataType::Decimal128(18, 4), ScalarType::Decimal(2)),
            (DataType::Decimal128(38, 2), ScalarType::Decimal(4)),
            (DataType::Decimal128(10, -2), ScalarType::Decimal(2)),
            (DataType::Float64, ScalarType::Decimal(2)),
            (DataType::Int32, ScalarType::Float64),
            (DataType::Int32, ScalarType::Utf8),
            (DataType::Binary, ScalarType::Utf8),
            (DataType::Date64, ScalarType::Date),
            (DataType::Utf8, ScalarType::Date),
            (DataType::Timestamp(TimeUnit::Microsecond, None), ScalarType::Date),
            (DataType::Int8, ScalarType::Boolean),
        ] {
            assert!(matches!(mapping(&found, declared), Mapping::Refused(_)), "{found} {declared}");
        }
    }
}
