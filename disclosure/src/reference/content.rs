//! A reference's content, in the one form there is: the key first, then the other columns in the order of their names;
//! a row for each key, in the keys' order, none without a key.

use arrow_array::{Array as _, ArrayRef, BooleanArray, Float64Array, RecordBatch};
use arrow_array::{RecordBatchOptions, cast::AsArray as _};
use arrow_schema::{Field, Schema, SchemaRef};
use std::sync::Arc;

use super::edition::Edition;
use crate::open::OpenDataset;
use crate::rebuild::rebuild;
use crate::tabulation::{Reference, ReferenceColumns, ScalarType};

/// The most keys of a reference.
pub const CONTENT_KEYS_MAX: usize = 1_000_000;
/// The most bytes of a content's values.
pub const CONTENT_BYTES_MAX: usize = 32 << 20;
/// The longest text in a content, in bytes: a code or a name, no document.
pub const TEXT_BYTES_MAX: usize = 4_096;
/// The most columns of a content beside its key: with texts of the longest a row still fits into one message.
const COLUMNS_MAX: usize = 12;

/// Why a table isn't a reference's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAReference {
    /// A key stands in two rows.
    #[error("a key stands in two rows")]
    Twice,
    /// More keys than [`CONTENT_KEYS_MAX`], more bytes than [`CONTENT_BYTES_MAX`], or a longer text than
    /// [`TEXT_BYTES_MAX`].
    #[error("larger than a reference may be")]
    TooLarge,
    /// A number that isn't finite, or a row without a key where none may be.
    #[error("a value that a reference can't have")]
    Value,
    /// Rows that aren't in the order of their keys.
    #[error("not in the order of the keys")]
    Order,
    /// Other columns than said, a column twice, or a key of a type that can't be looked up.
    #[error("other columns than a reference has")]
    Columns,
}

/// The content.
///
/// ```compile_fail
/// // INVARIANT(AI-15): it is made of open data.
/// use insitu_disclosure::reference::{NotAReference, ReferenceContent};
/// use insitu_disclosure::tabulation::ReferenceColumns;
/// use insitu_disclosure::{Dataset, Reference};
/// fn made(of: &Dataset, by: &Reference) -> Result<ReferenceContent, NotAReference> {
///     ReferenceContent::of(of, by, &ReferenceColumns::new(), &[])
/// }
/// ```
///
/// ```
/// use insitu_disclosure::reference::{NotAReference, ReferenceContent};
/// use insitu_disclosure::tabulation::ReferenceColumns;
/// use insitu_disclosure::{OpenDataset, Reference};
/// fn made(of: &OpenDataset, by: &Reference) -> Result<ReferenceContent, NotAReference> {
///     ReferenceContent::of(of, by, &ReferenceColumns::new(), &[])
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ReferenceContent {
    reference: Reference,
    columns: Vec<(String, ScalarType)>,
    batch: RecordBatch,
    edition: Edition,
}

impl ReferenceContent {
    /// Makes the content from rows of an open dataset: its key and these columns, with the names they have there.
    /// Rows without a key are left out, since no row is joined to them.
    ///
    /// # Errors
    /// Rows that no content can be made of.
    pub fn of(
        open: &OpenDataset,
        reference: &Reference,
        columns: &ReferenceColumns,
        batches: &[RecordBatch],
    ) -> Result<Self, NotAReference> {
        let key = open.get().column(&reference.key).ok_or(NotAReference::Columns)?;
        let columns = in_form(&reference.key, key.scalar_type, columns)?;
        let batch = together(&columns, batches)?;
        let keys = batch.columns().first().ok_or(NotAReference::Columns)?;
        let with_key: BooleanArray = (0..keys.len()).map(|row| Some(keys.is_valid(row))).collect();
        let batch = arrow_select::filter::filter_record_batch(&batch, &with_key);
        let batch = batch.map_err(|_| NotAReference::Columns)?;
        if CONTENT_KEYS_MAX < batch.num_rows() {
            return Err(NotAReference::TooLarge);
        }
        let keys = batch.columns().first().ok_or(NotAReference::Columns)?;
        let order = arrow_ord::sort::sort_to_indices(keys, None, None);
        let sorted = order.and_then(|order| arrow_select::take::take_record_batch(&batch, &order));
        let sorted = sorted.map_err(|_| NotAReference::Columns)?;
        Self::checked(reference.clone(), columns, sorted).map_err(|error| match error {
            // They were sorted: neighbours that don't ascend are the same.
            NotAReference::Order => NotAReference::Twice,
            other => other,
        })
    }

    /// The content that somebody sent, if it has the one form.
    ///
    /// # Errors
    /// Anything else.
    pub fn received(
        reference: Reference,
        columns: Vec<(String, ScalarType)>,
        batches: &[RecordBatch],
    ) -> Result<Self, NotAReference> {
        let Some(((key, key_type), others)) = columns.split_first() else {
            return Err(NotAReference::Columns);
        };
        let named: ReferenceColumns = others.iter().cloned().collect();
        if *key != reference.key || in_form(key, *key_type, &named)? != columns {
            return Err(NotAReference::Columns);
        }
        let batch = together(&columns, batches)?;
        Self::checked(reference, columns, batch)
    }

    fn checked(
        reference: Reference,
        columns: Vec<(String, ScalarType)>,
        batch: RecordBatch,
    ) -> Result<Self, NotAReference> {
        if CONTENT_KEYS_MAX < batch.num_rows() || CONTENT_BYTES_MAX < bytes_of(&batch) {
            return Err(NotAReference::TooLarge);
        }
        batch.columns().iter().try_for_each(possible)?;
        let keys = batch.columns().first().ok_or(NotAReference::Columns)?;
        if 0 < keys.null_count() {
            return Err(NotAReference::Value);
        }
        if !ascends(keys)? {
            return Err(NotAReference::Order);
        }
        let edition = Edition::of(&reference, &columns, &batch);
        Ok(Self { reference, columns, batch, edition })
    }

    /// Which reference's it is.
    #[must_use]
    pub const fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Its columns with their types, the key first.
    #[must_use]
    pub fn columns(&self) -> &[(String, ScalarType)] {
        &self.columns
    }

    /// The rows: the columns, in order; keys ascend.
    #[must_use]
    pub const fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// Its name.
    #[must_use]
    pub const fn edition(&self) -> Edition {
        self.edition
    }

    /// Bytes of its values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        bytes_of(&self.batch)
    }
}

/// The shape of a content with these columns.
#[must_use]
pub fn content_schema(columns: &[(String, ScalarType)]) -> SchemaRef {
    let field = |(name, t): &(String, ScalarType)| Field::new(name, t.data_type(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// The columns in the one order, if a content can have them.
fn in_form(
    key: &str,
    key_type: ScalarType,
    others: &ReferenceColumns,
) -> Result<Vec<(String, ScalarType)>, NotAReference> {
    // Floating point isn't looked up: equal numbers can be written in different ways.
    if key_type == ScalarType::Float64 || COLUMNS_MAX < others.len() || others.contains_key(key) {
        return Err(NotAReference::Columns);
    }
    let mut columns = vec![(key.to_owned(), key_type)];
    columns.extend(others.iter().map(|(name, t)| (name.clone(), *t)));
    Ok(columns)
}

/// All rows in one batch, made anew.
fn together(
    columns: &[(String, ScalarType)],
    batches: &[RecordBatch],
) -> Result<RecordBatch, NotAReference> {
    let schema = content_schema(columns);
    let rows = batches.iter().fold(0_usize, |rows, b| rows.saturating_add(b.num_rows()));
    // Twice the limit: rows without a key may still be left out.
    if CONTENT_KEYS_MAX.saturating_mul(2) < rows {
        return Err(NotAReference::TooLarge);
    }
    let fits = |batch: &RecordBatch| {
        let columns = columns
            .iter()
            .map(|(name, _)| batch.column_by_name(name).map(Arc::clone))
            .collect::<Option<Vec<ArrayRef>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options).ok()
    };
    let batches: Option<Vec<RecordBatch>> = batches.iter().map(fits).collect();
    let batches = batches.ok_or(NotAReference::Columns)?;
    let one = arrow_select::concat::concat_batches(&schema, &batches);
    let one = one.map_err(|_| NotAReference::TooLarge)?;
    rebuild(&one).map_err(|_| NotAReference::Columns)
}

fn bytes_of(batch: &RecordBatch) -> usize {
    let bytes = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or(usize::MAX);
    batch.columns().iter().map(bytes).fold(0, usize::saturating_add)
}

fn possible(column: &ArrayRef) -> Result<(), NotAReference> {
    if let Some(texts) = column.as_string_opt::<i32>()
        && texts.iter().flatten().any(|text| TEXT_BYTES_MAX < text.len())
    {
        return Err(NotAReference::TooLarge);
    }
    if let Some(numbers) = column.as_any().downcast_ref::<Float64Array>()
        && numbers.iter().flatten().any(|number| !number.is_finite())
    {
        return Err(NotAReference::Value);
    }
    Ok(())
}

/// Whether each key is larger than the one before; text is compared bytewise.
fn ascends(keys: &ArrayRef) -> Result<bool, NotAReference> {
    let Some(pairs) = keys.len().checked_sub(1) else { return Ok(true) };
    let less = arrow_ord::cmp::lt(&keys.slice(0, pairs), &keys.slice(1, pairs));
    let less = less.map_err(|_| NotAReference::Columns)?;
    Ok(less.true_count() == pairs)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, StringArray};

    use super::*;
    use crate::dataset::{Column, Dataset, DatasetName, Protection};
    use crate::label::Label;

    fn open() -> OpenDataset {
        let column = |name: &str, scalar_type| Column {
            name: name.to_owned(),
            scalar_type,
            label: Label::Dimension,
            domain: None,
            breakpoints: None,
            bounds: None,
            measured_in: None,
            unit_totals: None,
            description: None,
        };
        let columns = vec![
            column("area", ScalarType::Utf8),
            column("region", ScalarType::Utf8),
            column("people", ScalarType::Int64),
            column("share", ScalarType::Float64),
        ];
        OpenDataset::of(Arc::new(Dataset {
            name: DatasetName::parse("ref.areas").unwrap(),
            description: None,
            columns,
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            protection: Protection::Open,
            snapshot: 0,
        }))
        .unwrap()
    }

    fn reference(key: &str) -> Reference {
        Reference { dataset: DatasetName::parse("ref.areas").unwrap(), key: key.to_owned() }
    }

    fn columns() -> ReferenceColumns {
        [("region", ScalarType::Utf8), ("people", ScalarType::Int64)]
            .map(|(name, t)| (name.to_owned(), t))
            .into()
    }

    /// Rows of the open dataset, in the order of its columns.
    fn rows(rows: &[(Option<&str>, Option<&str>, Option<i64>)]) -> RecordBatch {
        let areas: StringArray = rows.iter().map(|r| r.0).collect();
        let regions: StringArray = rows.iter().map(|r| r.1).collect();
        let people: Int64Array = rows.iter().map(|r| r.2).collect();
        RecordBatch::try_from_iter_with_nullable([
            ("area", Arc::new(areas) as ArrayRef, true),
            ("region", Arc::new(regions), true),
            ("people", Arc::new(people), true),
        ])
        .unwrap()
    }

    fn of(batches: &[RecordBatch]) -> Result<ReferenceContent, NotAReference> {
        ReferenceContent::of(&open(), &reference("area"), &columns(), batches)
    }

    fn again(content: &ReferenceContent) -> Result<ReferenceContent, NotAReference> {
        let (reference, columns) = (content.reference().clone(), content.columns().to_vec());
        ReferenceContent::received(reference, columns, &[content.batch().clone()])
    }

    const A: (Option<&str>, Option<&str>, Option<i64>) = (Some("A"), Some("North"), Some(1));
    const B: (Option<&str>, Option<&str>, Option<i64>) = (Some("B"), None, Some(2));
    const NOBODY: (Option<&str>, Option<&str>, Option<i64>) = (None, Some("North"), Some(3));

    #[test]
    fn a_content_has_one_form_however_its_rows_came() {
        let one = of(&[rows(&[A, B])]).unwrap();
        let names: Vec<&str> = one.columns().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["area", "people", "region"]);
        for other in
            [vec![rows(&[B, A])], vec![rows(&[B]), rows(&[NOBODY, A])], vec![rows(&[A, B, NOBODY])]]
        {
            let other = of(&other).unwrap();
            assert_eq!((other.edition(), other.batch()), (one.edition(), one.batch()));
        }
        assert_eq!(again(&one).unwrap().edition(), one.edition());
        let none = of(&[]).unwrap();
        assert_eq!(none.batch().num_rows(), 0);
        assert_eq!(again(&none).unwrap().edition(), none.edition());
    }

    #[test]
    fn another_value_reference_or_column_is_another_edition() {
        let of_rows = |given: &[_]| of(&[rows(given)]).unwrap().edition();
        let fewer = ReferenceContent::of(
            &open(),
            &reference("area"),
            &[("region".to_owned(), ScalarType::Utf8)].into(),
            &[rows(&[A, B])],
        );
        let by_people = ReferenceContent::of(
            &open(),
            &reference("people"),
            &[("area", ScalarType::Utf8), ("region", ScalarType::Utf8)]
                .map(|(name, t)| (name.to_owned(), t))
                .into(),
            &[rows(&[A, B])],
        );
        let editions = [
            of_rows(&[A, B]),
            of_rows(&[A]),
            of_rows(&[A, (Some("B"), Some(""), Some(2))]),
            of_rows(&[A, (Some("B"), None, None)]),
            fewer.unwrap().edition(),
            by_people.unwrap().edition(),
        ];
        let different: std::collections::BTreeSet<Edition> = editions.into();
        assert_eq!(different.len(), editions.len());
    }

    #[test]
    fn a_key_in_two_rows_is_no_content() {
        assert_eq!(of(&[rows(&[A, B]), rows(&[A])]).unwrap_err(), NotAReference::Twice);
        assert!(of(&[rows(&[NOBODY, NOBODY, A])]).is_ok(), "rows without a key match nothing");
    }

    #[test]
    fn what_is_received_must_have_the_form() {
        let content = of(&[rows(&[A, B])]).unwrap();
        let sent = |columns: &[(String, ScalarType)], batch: &RecordBatch| {
            ReferenceContent::received(
                content.reference().clone(),
                columns.to_vec(),
                std::slice::from_ref(batch),
            )
            .map(|_| ())
        };
        let columns = content.columns();
        assert_eq!(sent(columns, content.batch()), Ok(()));
        assert_eq!(sent(columns, &rows(&[B, A])), Err(NotAReference::Order));
        assert_eq!(sent(columns, &rows(&[A, A])), Err(NotAReference::Order));
        assert_eq!(sent(columns, &rows(&[NOBODY, A])), Err(NotAReference::Value));
        let mut turned = columns.to_vec();
        turned.swap(1, 2);
        assert_eq!(sent(&turned, content.batch()), Err(NotAReference::Columns));
        let mut twice = columns.to_vec();
        twice.push(("region".to_owned(), ScalarType::Utf8));
        assert_eq!(sent(&twice, content.batch()), Err(NotAReference::Columns));
        assert_eq!(sent(&[], content.batch()), Err(NotAReference::Columns));
        let other = [("people".to_owned(), ScalarType::Int64)];
        assert_eq!(sent(&other, content.batch()), Err(NotAReference::Columns), "not the key");
    }

    #[test]
    fn what_is_too_large_or_not_a_number_is_no_content() {
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        let text = (Some("A"), Some(long.as_str()), Some(1));
        assert_eq!(of(&[rows(&[text])]).unwrap_err(), NotAReference::TooLarge);
        let longest = "x".repeat(TEXT_BYTES_MAX);
        let names: Vec<String> = (0..8_200).map(|i| format!("{i:04}")).collect();
        let many: Vec<_> =
            names.iter().map(|n| (Some(n.as_str()), Some(longest.as_str()), None)).collect();
        assert_eq!(of(&[rows(&many)]).unwrap_err(), NotAReference::TooLarge);
        assert!(of(&[rows(&many[..8_000])]).is_ok());
        let columns = [("share".to_owned(), ScalarType::Float64)].into();
        let areas: ArrayRef = Arc::new(StringArray::from(vec!["A"]));
        for (share, expect) in [(0.5, Ok(())), (f64::NAN, Err(NotAReference::Value))] {
            let shares: ArrayRef = Arc::new(Float64Array::from(vec![share]));
            let batch =
                RecordBatch::try_from_iter([("area", Arc::clone(&areas)), ("share", shares)]);
            let made =
                ReferenceContent::of(&open(), &reference("area"), &columns, &[batch.unwrap()]);
            assert_eq!(made.map(|_| ()), expect);
        }
        let by_share = ReferenceContent::of(&open(), &reference("share"), &columns, &[]);
        assert_eq!(by_share.unwrap_err(), NotAReference::Columns, "floating point as a key");
    }
}
