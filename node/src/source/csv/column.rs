//! Values become Arrow arrays, and are counted.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, StringBuilder,
};
use insitu_disclosure::dataset::Domain;
use insitu_disclosure::tabulation::{Literal, ScalarType};

use super::cell;
use crate::dataset::{Blank, ColumnQuality, CsvColumn, MisfitReason, Place};

/// Reads one column.
pub(super) struct ColumnReader {
    form: CsvColumn,
    values: Values,
    domain: Known,
    quality: ColumnQuality,
}

/// The array in the making.
enum Values {
    Boolean(BooleanBuilder),
    Int64(Int64Builder),
    Decimal(Decimal128Builder),
    Float64(Float64Builder),
    Utf8(StringBuilder),
    Date(Date32Builder),
}

/// A value that fits its column.
enum Fitting<'a> {
    Boolean(bool),
    Int64(i64),
    Decimal(i128),
    Float64(f64),
    Utf8(Cow<'a, str>),
    Date(i32),
}

/// The domain, for looking up each value.
enum Known {
    All,
    Texts(HashSet<String>),
    /// Of booleans 0 and 1, of dates days, of decimals digits.
    Numbers(HashSet<i128>),
    Range(i64, i64),
}

impl ColumnReader {
    pub(super) fn new(form: &CsvColumn, rows: usize) -> Self {
        let quality = ColumnQuality {
            name: form.column.name.clone(),
            nulls: 0,
            outside_domain: 0,
            outside_bounds: 0,
        };
        let values = Values::new(form.column.scalar_type, rows);
        let domain = Known::of(form.column.domain.as_ref());
        Self { form: form.clone(), values, domain, quality }
    }

    /// The column as its file names it.
    pub(super) fn name_in_file(&self) -> String {
        match &self.form.place {
            Place::Header(header) => header.clone(),
            Place::Position(position) => position.to_string(),
        }
    }

    /// Reads the next row's field. A misfit is NULL.
    pub(super) fn read(&mut self, field: &[u8]) -> Result<(), MisfitReason> {
        let value = fit(field, &self.form);
        let value = value.and_then(|value| match value {
            Some(value) if self.form.domain_closed && !self.domain.has(&value) => {
                Err(MisfitReason::OutsideDomain)
            }
            Some(_) | None => Ok(value),
        });
        match value {
            Ok(Some(value)) => {
                self.count(&value);
                self.values.push(value);
                Ok(())
            }
            Ok(None) => {
                self.push_null();
                Ok(())
            }
            Err(reason) => {
                self.push_null();
                Err(reason)
            }
        }
    }

    fn push_null(&mut self) {
        self.quality.nulls += 1;
        self.values.push_null();
    }

    fn count(&mut self, value: &Fitting<'_>) {
        if !self.domain.has(value) {
            self.quality.outside_domain += 1;
        }
        if let Some(bounds) = self.form.column.bounds
            && value.ordinal().is_some_and(|number| number < bounds.low || bounds.high < number)
        {
            self.quality.outside_bounds += 1;
        }
    }

    /// The rows since the last time.
    pub(super) fn take(&mut self) -> ArrayRef {
        self.values.take()
    }

    pub(super) fn into_quality(self) -> ColumnQuality {
        self.quality
    }
}

/// The value of a field; `None` is NULL.
fn fit<'a>(field: &'a [u8], form: &CsvColumn) -> Result<Option<Fitting<'a>>, MisfitReason> {
    let text = std::str::from_utf8(field).map_err(|_| MisfitReason::NotUtf8)?;
    let scalar_type = form.column.scalar_type;
    let text = match form.derivation {
        Some(derivation) => cell::derived(text, derivation).ok_or(MisfitReason::OneWord)?,
        // White space is part of a text; round a number it says nothing.
        None if scalar_type == ScalarType::Utf8 => Cow::Borrowed(text),
        None => Cow::Borrowed(text.trim()),
    };
    if text.is_empty() {
        return match form.blank {
            Blank::Null => Ok(None),
            Blank::Misfit => Err(MisfitReason::Blank),
        };
    }
    let separator = form.thousands_separator;
    let value = match scalar_type {
        ScalarType::Boolean => cell::boolean(&text).map(Fitting::Boolean),
        ScalarType::Int64 => cell::whole(&text, separator).map(Fitting::Int64),
        ScalarType::Decimal(places) => {
            cell::decimal(&text, places, separator).map(Fitting::Decimal)
        }
        ScalarType::Float64 => cell::float(&text, separator).map(Fitting::Float64),
        ScalarType::Utf8 => Some(Fitting::Utf8(text)),
        ScalarType::Date => cell::date(&text, form.date_format.as_ref()).map(Fitting::Date),
    };
    value.map(Some).ok_or(MisfitReason::NotOfType(scalar_type))
}

impl Fitting<'_> {
    /// The value as one whole number, if it is one in some way.
    fn ordinal(&self) -> Option<i128> {
        match self {
            Self::Boolean(value) => Some(i128::from(*value)),
            Self::Int64(value) => Some(i128::from(*value)),
            Self::Decimal(value) => Some(*value),
            Self::Date(value) => Some(i128::from(*value)),
            Self::Float64(_) | Self::Utf8(_) => None,
        }
    }
}

impl Known {
    fn of(domain: Option<&Domain>) -> Self {
        match domain {
            None => Self::All,
            Some(Domain::Range(first, last)) => Self::Range(*first, *last),
            Some(Domain::Codes(codes)) => {
                let texts: HashSet<String> = codes.iter().filter_map(text).collect();
                if texts.is_empty() {
                    Self::Numbers(codes.iter().filter_map(ordinal).collect())
                } else {
                    Self::Texts(texts)
                }
            }
        }
    }

    fn has(&self, value: &Fitting<'_>) -> bool {
        match (self, value) {
            (Self::All, _) => true,
            (Self::Texts(texts), Fitting::Utf8(text)) => texts.contains(text.as_ref()),
            (Self::Numbers(numbers), value) => {
                value.ordinal().is_some_and(|n| numbers.contains(&n))
            }
            (Self::Range(first, last), Fitting::Int64(value)) => first <= value && value <= last,
            (Self::Texts(_) | Self::Range(..), _) => false,
        }
    }
}

fn text(literal: &Literal) -> Option<String> {
    match literal {
        Literal::Utf8(text) => Some(text.clone()),
        Literal::Null(_)
        | Literal::Boolean(_)
        | Literal::Int64(_)
        | Literal::Decimal { .. }
        | Literal::Float64(_)
        | Literal::Date(_) => None,
    }
}

fn ordinal(literal: &Literal) -> Option<i128> {
    match literal {
        Literal::Boolean(value) => Some(i128::from(*value)),
        Literal::Int64(value) => Some(i128::from(*value)),
        Literal::Decimal { value, .. } => Some(*value),
        Literal::Date(value) => Some(i128::from(*value)),
        Literal::Null(_) | Literal::Float64(_) | Literal::Utf8(_) => None,
    }
}

impl Values {
    fn new(scalar_type: ScalarType, rows: usize) -> Self {
        match scalar_type {
            ScalarType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            ScalarType::Int64 => Self::Int64(Int64Builder::with_capacity(rows)),
            ScalarType::Decimal(_) => {
                let builder = Decimal128Builder::with_capacity(rows);
                Self::Decimal(builder.with_data_type(scalar_type.data_type()))
            }
            ScalarType::Float64 => Self::Float64(Float64Builder::with_capacity(rows)),
            ScalarType::Utf8 => Self::Utf8(StringBuilder::with_capacity(rows, rows)),
            ScalarType::Date => Self::Date(Date32Builder::with_capacity(rows)),
        }
    }

    /// Adds a value. `fit` makes it of the column's type; one of another would be NULL.
    fn push(&mut self, value: Fitting<'_>) {
        match (self, value) {
            (Self::Boolean(builder), Fitting::Boolean(value)) => builder.append_value(value),
            (Self::Int64(builder), Fitting::Int64(value)) => builder.append_value(value),
            (Self::Decimal(builder), Fitting::Decimal(value)) => builder.append_value(value),
            (Self::Float64(builder), Fitting::Float64(value)) => builder.append_value(value),
            (Self::Utf8(builder), Fitting::Utf8(value)) => builder.append_value(value),
            (Self::Date(builder), Fitting::Date(value)) => builder.append_value(value),
            (
                values,
                Fitting::Boolean(_)
                | Fitting::Int64(_)
                | Fitting::Decimal(_)
                | Fitting::Float64(_)
                | Fitting::Utf8(_)
                | Fitting::Date(_),
            ) => values.push_null(),
        }
    }

    fn push_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Int64(builder) => builder.append_null(),
            Self::Decimal(builder) => builder.append_null(),
            Self::Float64(builder) => builder.append_null(),
            Self::Utf8(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
        }
    }

    fn take(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Int64(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder) => Arc::new(builder.finish()),
            Self::Float64(builder) => Arc::new(builder.finish()),
            Self::Utf8(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
        }
    }
}
