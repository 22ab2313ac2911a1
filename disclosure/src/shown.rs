//! What a measure shows in a cell: a number, or a list of counts.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::{DataType, Field};

use crate::dataset::Dataset;
use crate::function::{from_literals, literal_at};
use crate::rules::measures::shown_type;
use crate::tabulation::{Literal, Measure, MeasureKind, ScalarType};

/// The type of a measure's shown values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShownType {
    /// One value.
    Scalar(ScalarType),
    /// A count for each bin: whole numbers, NULL where a bin is suppressed.
    Counts,
}

impl ShownType {
    /// The type of this measure's. It follows from declared bounds, never from the data.
    #[must_use]
    pub fn of(measure: &Measure, dataset: &Dataset) -> Self {
        match &measure.kind {
            MeasureKind::Histogram(_) => Self::Counts,
            MeasureKind::Rows
            | MeasureKind::Values(_)
            | MeasureKind::Units
            | MeasureKind::ApproxDistinct(_)
            | MeasureKind::Sum(_)
            | MeasureKind::Mean(_)
            | MeasureKind::Quantile { .. }
            | MeasureKind::Dispersion(..)
            | MeasureKind::Association(..) => Self::Scalar(shown_type(measure, dataset)),
        }
    }

    /// The Arrow type that carries it.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Scalar(scalar_type) => scalar_type.data_type(),
            Self::Counts => DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true))),
        }
    }

    /// A column of this type; a value of another type is NULL.
    pub(crate) fn column(self, values: impl Iterator<Item = Option<ShownValue>>) -> ArrayRef {
        match self {
            Self::Scalar(scalar_type) => {
                from_literals(values.map(|v| v.and_then(ShownValue::into_scalar)), scalar_type)
            }
            Self::Counts => {
                let mut builder = ListBuilder::new(Int64Builder::new());
                for value in values {
                    let counts = value.and_then(ShownValue::into_counts);
                    for count in counts.iter().flatten() {
                        builder.values().append_option(*count);
                    }
                    builder.append(counts.is_some());
                }
                Arc::new(builder.finish())
            }
        }
    }

    /// The value in a row of a column of this type.
    pub(crate) fn value_at(self, column: &ArrayRef, row: usize) -> Option<ShownValue> {
        match self {
            Self::Scalar(_) => literal_at(column, row).map(ShownValue::Scalar),
            Self::Counts => {
                let lists = column.as_list_opt::<i32>()?;
                let list = (row < lists.len() && lists.is_valid(row)).then(|| lists.value(row))?;
                let counts = list.as_primitive_opt::<Int64Type>()?;
                Some(ShownValue::Counts(counts.iter().collect()))
            }
        }
    }
}

/// A measure's shown value.
#[derive(Debug, Clone, PartialEq)]
pub enum ShownValue {
    /// One value.
    Scalar(Literal),
    /// A count for each bin, `None` where it is suppressed.
    Counts(Vec<Option<i64>>),
}

impl ShownValue {
    fn into_scalar(self) -> Option<Literal> {
        match self {
            Self::Scalar(literal) => Some(literal),
            Self::Counts(_) => None,
        }
    }

    fn into_counts(self) -> Option<Vec<Option<i64>>> {
        match self {
            Self::Scalar(_) => None,
            Self::Counts(counts) => Some(counts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_back_as_they_went_in() {
        let values = [
            Some(ShownValue::Counts(vec![Some(10), None, Some(25)])),
            None,
            Some(ShownValue::Counts(Vec::new())),
        ];
        let column = ShownType::Counts.column(values.iter().cloned());
        assert_eq!(*column.data_type(), ShownType::Counts.data_type());
        for (row, value) in values.iter().enumerate() {
            assert_eq!(ShownType::Counts.value_at(&column, row), *value);
        }
        assert_eq!(ShownType::Counts.value_at(&column, 3), None);
    }

    #[test]
    fn a_value_of_another_type_is_null() {
        let counts = || Some(ShownValue::Counts(vec![Some(1)]));
        let number = || Some(ShownValue::Scalar(Literal::Int64(1)));
        let whole = ShownType::Scalar(ScalarType::Int64);
        let column = whole.column([counts(), number()].into_iter());
        assert_eq!((whole.value_at(&column, 0), whole.value_at(&column, 1)), (None, number()));
        let column = ShownType::Counts.column([number(), counts()].into_iter());
        assert_eq!(column.null_count(), 1);
    }
}
