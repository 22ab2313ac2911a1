//! The types that `CAST` and typed literals may name: those a dataset can have.

use insitu_disclosure::Refusal;
use sqlparser::ast::{CharacterLength, DataType, ExactNumberInfo, TimezoneInfo};

use super::refusals::{not_offered, quote};

/// Refuses a type that no column can have.
pub(super) fn check_cast(data_type: &DataType) -> Result<(), Refusal> {
    let offered = match data_type {
        DataType::Boolean
        | DataType::Bool
        | DataType::TinyInt(None)
        | DataType::SmallInt(None)
        | DataType::Int(None)
        | DataType::Integer(None)
        | DataType::BigInt(None)
        | DataType::Real
        | DataType::Float(ExactNumberInfo::None)
        | DataType::Double(ExactNumberInfo::None)
        | DataType::DoublePrecision
        | DataType::Decimal(_)
        | DataType::Numeric(_)
        | DataType::Text
        | DataType::String(None)
        | DataType::Char(None | Some(CharacterLength::IntegerLength { unit: None, .. }))
        | DataType::Varchar(None | Some(CharacterLength::IntegerLength { unit: None, .. })) => true,
        other => is_time(other),
    };
    if offered { Ok(()) } else { Err(refuse(data_type)) }
}

/// Refuses a literal with a type's name before it, unless it is a date or a time.
pub(super) fn check_literal(data_type: &DataType) -> Result<(), Refusal> {
    if is_time(data_type) { Ok(()) } else { Err(refuse(data_type)) }
}

/// Dates and times. Default deny: sqlparser knows a hundred types, most of them one database's own.
fn is_time(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Date
            | DataType::Time(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone)
            | DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone)
    )
}

fn refuse(data_type: &DataType) -> Refusal {
    not_offered(
        &format!("the type {}", quote(&data_type.to_string())),
        "Use `BOOLEAN`, `INT`, `BIGINT`, `DOUBLE`, `DECIMAL(p, s)`, `TEXT`, `DATE` or `TIMESTAMP`.",
    )
}
