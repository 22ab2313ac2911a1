//! What a client binds to a placeholder, as a literal of the statement. Binding a value is the same as writing it: a number
//! with a fraction stays one where whole numbers are compared, and nothing is cut to the type that a client was told.

use arrow_schema::DataType;
use insitu_engine::common::ScalarValue;

/// The value as a literal; `None` if nobody could write it there and mean it, such as a number for a date.
///
/// It has the type told where that is the same kind of value and holds it exactly. Else it keeps its own, as a literal does.
pub(super) fn literal_for(value: ScalarValue, told: &DataType) -> Option<ScalarValue> {
    let value = match value {
        ScalarValue::Dictionary(_, value) => *value,
        other => other,
    };
    if value.is_null() {
        return ScalarValue::try_from(told).ok();
    }
    let data_type = value.data_type();
    match (Kind::of(&data_type)?, Kind::of(told)?) {
        (Kind::Boolean, Kind::Boolean)
        | (Kind::Whole, Kind::Whole)
        | (Kind::Decimal, Kind::Decimal | Kind::Float)
        | (Kind::Float, Kind::Float)
        | (Kind::Text, Kind::Text)
        | (Kind::Date, Kind::Date)
        | (Kind::Timestamp, Kind::Timestamp) => Some(exactly(&value, told).unwrap_or(value)),
        // As a literal it would be compared as text, or read in a way that a client can't see.
        (Kind::Text, Kind::Date) => exactly(&value, told),
        (Kind::Text, Kind::Timestamp) => value.cast_to(told).ok().filter(|v| !v.is_null()),
        (Kind::Whole, Kind::Decimal | Kind::Float)
        | (Kind::Decimal, Kind::Whole)
        | (Kind::Float, Kind::Whole | Kind::Decimal)
        | (Kind::Date, Kind::Timestamp)
        | (Kind::Timestamp, Kind::Date)
        // Text is also what is told where no type follows from the statement.
        | (
            Kind::Boolean | Kind::Whole | Kind::Decimal | Kind::Float | Kind::Date | Kind::Timestamp,
            Kind::Text,
        ) => Some(value),
        (
            Kind::Boolean,
            Kind::Whole | Kind::Decimal | Kind::Float | Kind::Date | Kind::Timestamp,
        )
        | (
            Kind::Whole | Kind::Decimal | Kind::Float,
            Kind::Boolean | Kind::Date | Kind::Timestamp,
        )
        | (Kind::Text, Kind::Boolean | Kind::Whole | Kind::Decimal | Kind::Float)
        | (
            Kind::Date | Kind::Timestamp,
            Kind::Boolean | Kind::Whole | Kind::Decimal | Kind::Float,
        ) => None,
    }
}

/// The same value in the type that a client was told, where a literal of its own type would change that of the result: 2 among
/// decimals is 2.00 then.
pub(super) fn told_literal_for(value: &ScalarValue, told: &DataType) -> Option<ScalarValue> {
    let is_number =
        |t: &DataType| matches!(Kind::of(t), Some(Kind::Whole | Kind::Decimal | Kind::Float));
    if is_number(&value.data_type()) && is_number(told) { exactly(value, told) } else { None }
}

/// The value in another type, if it is the same value there.
fn exactly(value: &ScalarValue, to: &DataType) -> Option<ScalarValue> {
    let cast = value.cast_to(to).ok()?;
    let back = cast.cast_to(&value.data_type()).ok()?;
    (back == *value).then_some(cast)
}

/// Values that mean the same sort of thing.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Boolean,
    Whole,
    Decimal,
    Float,
    Text,
    Date,
    Timestamp,
}

impl Kind {
    fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64 => Self::Whole,
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Self::Decimal,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Float,
            // What nothing is told of is told as text.
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                Self::Text
            }
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Timestamp(..) => Self::Timestamp,
            // Default deny: statements have no literals of other types.
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::TimeUnit;

    use super::*;

    #[test]
    fn a_value_is_never_cut_to_the_type_told() {
        let noon = ScalarValue::TimestampMicrosecond(Some(43_200_000_000), None);
        for (value, told) in [
            (ScalarValue::from(2.5), DataType::Int64),
            (ScalarValue::from(2.0), DataType::Int64),
            (ScalarValue::from(1_i64 << 40), DataType::Int32),
            (ScalarValue::Decimal128(Some(25), 3, 1), DataType::Int64),
            (ScalarValue::from(1.239), DataType::Decimal128(38, 2)),
            (ScalarValue::Decimal128(Some(1_239), 5, 3), DataType::Decimal128(38, 2)),
            (ScalarValue::from(i64::MAX), DataType::Float64),
            (noon, DataType::Date32),
            (ScalarValue::from(5_i64), DataType::Utf8),
        ] {
            assert_eq!(literal_for(value.clone(), &told), Some(value), "{told}");
        }
    }

    #[test]
    fn a_value_that_the_type_told_holds_has_that_type() {
        for (value, told, expect) in [
            (ScalarValue::from(5_i64), DataType::Int32, ScalarValue::from(5_i32)),
            (ScalarValue::from(5_i32), DataType::Int64, ScalarValue::from(5_i64)),
            (ScalarValue::from("x"), DataType::LargeUtf8, ScalarValue::LargeUtf8(Some("x".into()))),
            (ScalarValue::from("1970-01-03"), DataType::Date32, ScalarValue::Date32(Some(2))),
            (ScalarValue::Decimal128(Some(25), 3, 1), DataType::Float64, ScalarValue::from(2.5)),
            (
                ScalarValue::TimestampMicrosecond(Some(1), None),
                DataType::Timestamp(TimeUnit::Nanosecond, None),
                ScalarValue::TimestampNanosecond(Some(1_000), None),
            ),
            (ScalarValue::Null, DataType::Int64, ScalarValue::Int64(None)),
            (ScalarValue::Utf8(None), DataType::Date32, ScalarValue::Date32(None)),
        ] {
            assert_eq!(literal_for(value, &told), Some(expect), "{told}");
        }
    }

    #[test]
    fn a_value_of_another_kind_is_none() {
        for (value, told) in [
            (ScalarValue::from(2_i64), DataType::Boolean),
            (ScalarValue::from(true), DataType::Int64),
            (ScalarValue::from(5_i64), DataType::Date32),
            (ScalarValue::Date32(Some(5)), DataType::Int64),
            (ScalarValue::from("5"), DataType::Int64),
            (ScalarValue::from("true"), DataType::Boolean),
            (ScalarValue::from("1970-01-03 12:00"), DataType::Date32),
            (ScalarValue::from("soon"), DataType::Timestamp(TimeUnit::Nanosecond, None)),
        ] {
            assert_eq!(literal_for(value, &told), None, "{told}");
        }
    }
}
