//! A content ready to be looked up in. Total: for every value there is an answer, which is NULL where the value has no
//! row.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type};
use arrow_array::{Array as _, ArrayRef, UInt32Array, new_null_array};

use super::{Edition, ReferenceContent};
use crate::rebuild::rebuild_column;
use crate::tabulation::ScalarType;

/// The content, and where each key's row is.
#[derive(Debug)]
pub struct LookUp {
    content: ReferenceContent,
    rows: Rows,
}

/// The row of each key, by the keys' type.
#[derive(Debug)]
enum Rows {
    Boolean(HashMap<bool, u32>),
    Int64(HashMap<i64, u32>),
    Decimal(HashMap<i128, u32>),
    Utf8(HashMap<Box<str>, u32>),
    Date(HashMap<i32, u32>),
    /// Nothing is found.
    None,
}

/// Two are the same if their contents are: an engine may then look up once for both.
impl PartialEq for LookUp {
    fn eq(&self, other: &Self) -> bool {
        self.edition() == other.edition()
    }
}

impl Eq for LookUp {}

impl Hash for LookUp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.edition().hash(state);
    }
}

/// Each key with its row.
fn numbered<K: Eq + Hash>(keys: impl Iterator<Item = Option<K>>) -> HashMap<K, u32> {
    keys.zip(0_u32..).filter_map(|(key, row)| key.map(|key| (key, row))).collect()
}

impl LookUp {
    /// Of a content.
    #[must_use]
    pub fn of(content: ReferenceContent) -> Self {
        let key_type = content.columns().first().map(|(_, t)| *t);
        let rows = match (key_type, content.batch().columns().first()) {
            (Some(ScalarType::Boolean), Some(keys)) => {
                Rows::Boolean(numbered(keys.as_boolean_opt().into_iter().flatten()))
            }
            (Some(ScalarType::Int64), Some(keys)) => {
                Rows::Int64(numbered(keys.as_primitive_opt::<Int64Type>().into_iter().flatten()))
            }
            (Some(ScalarType::Decimal(_)), Some(keys)) => {
                let keys = keys.as_primitive_opt::<Decimal128Type>();
                Rows::Decimal(numbered(keys.into_iter().flatten()))
            }
            (Some(ScalarType::Utf8), Some(keys)) => {
                let keys = keys.as_string_opt::<i32>().into_iter().flatten();
                Rows::Utf8(numbered(keys.map(|key| key.map(Box::from))))
            }
            (Some(ScalarType::Date), Some(keys)) => {
                Rows::Date(numbered(keys.as_primitive_opt::<Date32Type>().into_iter().flatten()))
            }
            // A content has a key, and not of floating point.
            (Some(ScalarType::Float64) | None, _) | (Some(_), None) => Rows::None,
        };
        Self { content, rows }
    }

    /// The name of its content.
    #[must_use]
    pub const fn edition(&self) -> Edition {
        self.content.edition()
    }

    /// The content.
    #[must_use]
    pub const fn content(&self) -> &ReferenceContent {
        &self.content
    }

    /// About how many bytes of memory it takes: the content, and for each key once more the key and its place.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let keys = self.content.batch().columns().first();
        let of_keys = keys.map_or(0, |k| k.to_data().get_slice_memory_size().unwrap_or(usize::MAX));
        let places = self.content.batch().num_rows().saturating_mul(48);
        self.content.bytes().saturating_add(of_keys).saturating_add(places)
    }

    /// What the column says of each of these values, in this type.
    #[must_use]
    pub fn evaluate(&self, column: &str, value_type: ScalarType, values: &ArrayRef) -> ArrayRef {
        let nothing = || new_null_array(&value_type.data_type(), values.len());
        let columns = self.content.columns().iter().zip(self.content.batch().columns());
        let known = columns.into_iter().find(|((name, t), _)| name == column && *t == value_type);
        let Some((_, from)) = known else { return nothing() };
        let taken = arrow_select::take::take(from.as_ref(), &self.places(values), None).ok();
        // Taken values may still refer to what wasn't taken.
        taken.and_then(|taken| rebuild_column(&taken).ok()).unwrap_or_else(nothing)
    }

    /// The row of each value.
    fn places(&self, values: &ArrayRef) -> UInt32Array {
        let key_type = self.content.columns().first().map(|(_, t)| t.data_type());
        let nowhere = || UInt32Array::from(vec![None; values.len()]);
        if key_type.as_ref() != Some(values.data_type()) {
            return nowhere();
        }
        match &self.rows {
            Rows::Boolean(rows) => values.as_boolean_opt().map(|values| {
                values.iter().map(|v| v.and_then(|v| rows.get(&v).copied())).collect()
            }),
            Rows::Int64(rows) => values.as_primitive_opt::<Int64Type>().map(|values| {
                values.iter().map(|v| v.and_then(|v| rows.get(&v).copied())).collect()
            }),
            Rows::Decimal(rows) => values.as_primitive_opt::<Decimal128Type>().map(|values| {
                values.iter().map(|v| v.and_then(|v| rows.get(&v).copied())).collect()
            }),
            Rows::Utf8(rows) => values.as_string_opt::<i32>().map(|values| {
                values.iter().map(|v| v.and_then(|v| rows.get(v).copied())).collect()
            }),
            Rows::Date(rows) => values.as_primitive_opt::<Date32Type>().map(|values| {
                values.iter().map(|v| v.and_then(|v| rows.get(&v).copied())).collect()
            }),
            Rows::None => None,
        }
        .unwrap_or_else(nowhere)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{RecordBatch, StringArray};

    use super::*;
    use crate::dataset::DatasetName;
    use crate::function::{from_literals, literal_at};
    use crate::tabulation::{Literal, Reference};

    /// Keys of a type, with texts.
    fn look_up(key_type: ScalarType, keys: &[Literal], texts: &[Option<&str>]) -> LookUp {
        let reference =
            Reference { dataset: DatasetName::parse("ref.t").unwrap(), key: "k".to_owned() };
        let columns = vec![("k".to_owned(), key_type), ("v".to_owned(), ScalarType::Utf8)];
        let keys = from_literals(keys.iter().cloned().map(Some), key_type);
        let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        let batch =
            RecordBatch::try_from_iter_with_nullable([("k", keys, true), ("v", texts, true)]);
        LookUp::of(ReferenceContent::received(reference, columns, &[batch.unwrap()]).unwrap())
    }

    fn shown(array: &ArrayRef) -> Vec<Option<String>> {
        (0..array.len()).map(|row| literal_at(array, row).map(|l| l.to_string())).collect()
    }

    #[test]
    fn keys_of_every_type_are_found_and_others_give_null() {
        let decimal = |value| Literal::Decimal { value, places: 2 };
        let text = |t: &str| Literal::Utf8(t.to_owned());
        for (key_type, keys, other) in [
            (ScalarType::Int64, [Literal::Int64(-1), Literal::Int64(7)], Literal::Int64(8)),
            (ScalarType::Decimal(2), [decimal(-5), decimal(10)], decimal(1)),
            (ScalarType::Utf8, [text(""), text("E01")], text("e01")),
            (ScalarType::Date, [Literal::Date(0), Literal::Date(9)], Literal::Date(1)),
        ] {
            let table = look_up(key_type, &keys, &[Some("one"), None]);
            let [first, second] = keys;
            let values = from_literals([Some(first), Some(other), None, Some(second)], key_type);
            let found = table.evaluate("v", ScalarType::Utf8, &values);
            assert_eq!(shown(&found), [Some("'one'".to_owned()), None, None, None]);
            let keys = table.evaluate("k", key_type, &values);
            assert!(keys.is_valid(0) && keys.is_null(1) && keys.is_null(2) && keys.is_valid(3));
        }
        let keys = [Literal::Boolean(false), Literal::Boolean(true)];
        let table = look_up(ScalarType::Boolean, &keys, &[Some("no"), Some("yes")]);
        let values = from_literals([Some(Literal::Boolean(true))], ScalarType::Boolean);
        assert_eq!(shown(&table.evaluate("v", ScalarType::Utf8, &values)), [Some("'yes'".into())]);
    }

    #[test]
    fn a_wrong_type_or_column_gives_null_and_no_error() {
        let table = look_up(ScalarType::Int64, &[Literal::Int64(1)], &[Some("one")]);
        let one = from_literals([Some(Literal::Int64(1))], ScalarType::Int64);
        let text = from_literals([Some(Literal::Utf8("1".to_owned()))], ScalarType::Utf8);
        for (column, value_type, values) in [
            ("v", ScalarType::Utf8, &text),
            ("v", ScalarType::Int64, &one),
            ("w", ScalarType::Utf8, &one),
        ] {
            let found = table.evaluate(column, value_type, values);
            assert_eq!((found.len(), found.null_count()), (1, 1), "{column}");
            assert_eq!(found.data_type(), &value_type.data_type());
        }
    }

    #[test]
    fn what_was_not_looked_up_is_not_in_the_answers_buffers() {
        let text = |t: &str| Literal::Utf8(t.to_owned());
        let table =
            look_up(ScalarType::Utf8, &[text("a"), text("b")], &[Some("x"), Some("CANARY")]);
        let values = from_literals([Some(text("a"))], ScalarType::Utf8);
        let found = table.evaluate("v", ScalarType::Utf8, &values).to_data();
        let holds = |b: &[u8]| b.windows(6).any(|w| w == b"CANARY");
        assert!(!found.buffers().iter().any(|buffer| holds(buffer.as_slice())));
    }
}
