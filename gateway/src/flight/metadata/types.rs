//! The types a column can have, by the names SQL has for them.

use arrow_array::RecordBatch;
use arrow_flight::error::Result;
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{CommandGetXdbcTypeInfo, Nullable, Searchable, XdbcDataType};
use insitu_disclosure::ScalarType;

/// One of each type; decimals with their most places.
const TYPES: [ScalarType; 6] = [
    ScalarType::Boolean,
    ScalarType::Int64,
    ScalarType::Decimal(18),
    ScalarType::Float64,
    ScalarType::Utf8,
    ScalarType::Date,
];

/// The name in SQL.
pub(super) const fn name(scalar_type: ScalarType) -> &'static str {
    match scalar_type {
        ScalarType::Boolean => "BOOLEAN",
        ScalarType::Int64 => "BIGINT",
        ScalarType::Decimal(_) => "DECIMAL",
        ScalarType::Float64 => "DOUBLE",
        ScalarType::Utf8 => "VARCHAR",
        ScalarType::Date => "DATE",
    }
}

/// Digits of a number: decimal ones, or binary ones of a floating-point number.
pub(super) const fn precision(scalar_type: ScalarType) -> Option<i32> {
    match scalar_type {
        ScalarType::Int64 => Some(19),
        ScalarType::Decimal(_) => Some(38),
        ScalarType::Float64 => Some(53),
        ScalarType::Boolean | ScalarType::Utf8 | ScalarType::Date => None,
    }
}

const fn xdbc(scalar_type: ScalarType) -> XdbcDataType {
    match scalar_type {
        ScalarType::Boolean => XdbcDataType::XdbcBit,
        ScalarType::Int64 => XdbcDataType::XdbcBigint,
        ScalarType::Decimal(_) => XdbcDataType::XdbcDecimal,
        ScalarType::Float64 => XdbcDataType::XdbcDouble,
        ScalarType::Utf8 => XdbcDataType::XdbcVarchar,
        ScalarType::Date => XdbcDataType::XdbcDate,
    }
}

/// What `GetXdbcTypeInfo` answers.
pub(super) fn type_info(command: &CommandGetXdbcTypeInfo) -> Result<RecordBatch> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for scalar_type in TYPES {
        builder.append(describe(scalar_type));
    }
    builder.build()?.record_batch(command.data_type)
}

fn describe(scalar_type: ScalarType) -> XdbcTypeInfo {
    let is_text = scalar_type == ScalarType::Utf8;
    let is_number = scalar_type.is_number();
    let quoted = is_text || scalar_type == ScalarType::Date;
    let places = match scalar_type {
        ScalarType::Decimal(places) => Some((0, i32::from(places))),
        ScalarType::Int64 => Some((0, 0)),
        ScalarType::Boolean | ScalarType::Float64 | ScalarType::Utf8 | ScalarType::Date => None,
    };
    XdbcTypeInfo {
        type_name: name(scalar_type).to_owned(),
        data_type: xdbc(scalar_type),
        column_size: match scalar_type {
            ScalarType::Utf8 => Some(i32::MAX),
            // As written: 2024-03-31.
            ScalarType::Date => Some(10),
            ScalarType::Boolean => Some(1),
            ScalarType::Int64 | ScalarType::Decimal(_) | ScalarType::Float64 => {
                precision(scalar_type)
            }
        },
        literal_prefix: quoted.then(|| "'".to_owned()),
        literal_suffix: quoted.then(|| "'".to_owned()),
        create_params: None,
        nullable: Nullable::NullabilityNullable,
        case_sensitive: is_text,
        searchable: if is_text { Searchable::Full } else { Searchable::Basic },
        unsigned_attribute: is_number.then_some(false),
        fixed_prec_scale: false,
        auto_increment: is_number.then_some(false),
        local_type_name: Some(name(scalar_type).to_owned()),
        minimum_scale: places.map(|(least, _)| least),
        maximum_scale: places.map(|(_, most)| most),
        sql_data_type: match scalar_type {
            ScalarType::Date => XdbcDataType::XdbcDatetime,
            ScalarType::Boolean
            | ScalarType::Int64
            | ScalarType::Decimal(_)
            | ScalarType::Float64
            | ScalarType::Utf8 => xdbc(scalar_type),
        },
        datetime_subcode: None,
        num_prec_radix: match scalar_type {
            ScalarType::Int64 | ScalarType::Decimal(_) => Some(10),
            ScalarType::Float64 => Some(2),
            ScalarType::Boolean | ScalarType::Utf8 | ScalarType::Date => None,
        },
        interval_precision: None,
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int32Type;

    use super::*;

    fn numbers(data_type: Option<i32>) -> Vec<i32> {
        let batch = type_info(&CommandGetXdbcTypeInfo { data_type }).unwrap();
        assert_eq!(batch.num_columns(), 19);
        batch.column(1).as_primitive::<Int32Type>().values().to_vec()
    }

    #[test]
    fn types_are_sorted_by_number_and_filtered_by_it() {
        assert_eq!(numbers(None), [-7, -5, 3, 8, 12, 91]);
        assert_eq!(numbers(Some(12)), [12]);
        assert!(numbers(Some(4)).is_empty());
    }
}
