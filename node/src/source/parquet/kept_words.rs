//! The words of a dataset's units, kept in memory: of ten million rows they are 80 MB, and no question reads and hashes ids.
//!
//! A file's rows are numbered by the reader that reads them, and each file has the number of its first row among the rows of
//! all. So whatever rows a question leaves, and in whichever order its threads come to them, the word of each is found. Words are
//! kept where a node has memory for them, beside what CSV files hold; elsewhere they are drawn from the ids by every question. Both
//! are the same words, so that no answer tells which.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, UInt64Array};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, ScalarBuffer};
use arrow_schema::DataType;
use fearless_simd::{Level, Simd as _, dispatch};
use insitu_engine::common::{DataFusionError, Result, ScalarValue};
use insitu_engine::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

/// The column of words; no column of a dataset can have this name. It is for plans that keep no rows: a few of its words seem to
/// take the memory of all.
pub(crate) const KEPT_WORD: &str = "_kept_word";

/// The words of all rows, those of the first file first. They have no printed form.
pub(super) struct KeptWords {
    words: ScalarBuffer<u64>,
    /// Which rows have a unit, unless all do.
    named: Option<NullBuffer>,
}

impl fmt::Debug for KeptWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptWords(not shown)")
    }
}

/// Bytes that the words of so many rows take.
pub(super) const fn bytes_of(rows: usize) -> usize {
    rows.saturating_mul(size_of::<u64>()).saturating_add(rows / 8)
}

/// Words on their way to being kept, in whichever order they come.
pub(super) struct Keeping {
    words: Vec<u64>,
    named: BooleanBufferBuilder,
    came: usize,
}

impl Keeping {
    /// Of so many rows.
    pub(super) fn of(rows: usize) -> Self {
        let mut named = BooleanBufferBuilder::new(rows);
        named.append_n(rows, false);
        Self { words: vec![0; rows], named, came: 0 }
    }

    /// Words of rows with these numbers; `None` if there is no such row.
    pub(super) fn add(&mut self, rows: &[i64], words: &UInt64Array) -> Option<()> {
        for (row, word) in rows.iter().zip(words) {
            let row = usize::try_from(*row).ok()?;
            let place = self.words.get_mut(row)?;
            if let Some(word) = word {
                *place = word;
                self.named.set_bit(row, true);
            }
        }
        self.came = self.came.checked_add(rows.len())?;
        Some(())
    }

    /// All of them; `None` unless each row came.
    pub(super) fn kept(mut self) -> Option<KeptWords> {
        let named = self.named.finish();
        let all = named.count_set_bits() == named.len();
        let whole = self.came == self.words.len();
        let named = (!all).then(|| NullBuffer::new(named));
        whole.then(|| KeptWords { words: self.words.into(), named })
    }
}

impl KeptWords {
    /// The words of rows with these numbers; `None` if there is no such row.
    fn of(&self, first: i64, rows: &[i64]) -> Option<UInt64Array> {
        let Some(start) = rows.first() else {
            return Some(UInt64Array::from(Vec::<u64>::new()));
        };
        // Rows mostly come as the file has them.
        if follow_each_other(*start, rows) {
            let start = usize::try_from(first.checked_add(*start)?).ok()?;
            if self.words.len() < start.checked_add(rows.len())? {
                return None;
            }
            let named = self.named.as_ref().map(|named| named.slice(start, rows.len()));
            return Some(UInt64Array::new(self.words.slice(start, rows.len()), named));
        }
        let places = rows.iter().map(|row| usize::try_from(first.checked_add(*row)?).ok());
        let places: Vec<usize> = places.collect::<Option<_>>()?;
        let words = places.iter().map(|place| self.words.get(*place).copied());
        let words: Vec<u64> = words.collect::<Option<_>>()?;
        let named = self.named.as_ref().map(|named| {
            places.iter().map(|place| *place < named.len() && named.is_valid(*place)).collect()
        });
        Some(UInt64Array::new(words.into(), named))
    }
}

/// Whether these are all rows from the first on. A loop without a branch, which a compiler makes work on several rows at a time.
fn follow_each_other(first: i64, rows: &[i64]) -> bool {
    dispatch!(Level::new(), simd => simd.vectorize(
        #[inline(always)]
        || {
            let numbered = rows.iter().zip(0_i64..);
            0 == numbered.fold(0, |odd, (row, i)| odd | (row.wrapping_sub(first) ^ i))
        }
    ))
}

/// `kept_word(first, row)`: of the row of this number in the file whose first row has that one; NULL for no unit.
#[derive(Debug)]
struct KeptWord {
    words: Arc<KeptWords>,
    signature: Signature,
}

// The engine compares functions to find equal expressions.
impl PartialEq for KeptWord {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.words, &other.words)
    }
}

impl Eq for KeptWord {}

impl Hash for KeptWord {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.signature.hash(state);
    }
}

/// The word of the row with the number `row` in the file whose first row has the number `first`.
pub(super) fn kept_word(words: Arc<KeptWords>, first: Expr, row: Expr) -> Expr {
    let signature = Signature::new(TypeSignature::UserDefined, Volatility::Immutable);
    ScalarUDF::new_from_impl(KeptWord { words, signature }).call(vec![first, row])
}

impl ScalarUDFImpl for KeptWord {
    fn name(&self) -> &str {
        "kept_word"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::UInt64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [first, row] = args.args.as_slice() else { return Err(unexpected()) };
        let row: ArrayRef = row.to_array(args.number_rows)?;
        let rows = row.as_primitive_opt::<Int64Type>().ok_or_else(unexpected)?;
        let words = match first {
            ColumnarValue::Scalar(ScalarValue::Int64(Some(first))) => {
                self.words.of(*first, rows.values())
            }
            // The engine may give the number of the file's first row beside each of them, and rows of several files then.
            ColumnarValue::Array(firsts) => {
                let firsts = firsts.as_primitive_opt::<Int64Type>().ok_or_else(unexpected)?;
                let among_all = firsts.values().iter().zip(rows.values());
                let among_all = among_all.map(|(first, row)| first.checked_add(*row));
                among_all.collect::<Option<Vec<i64>>>().and_then(|rows| self.words.of(0, &rows))
            }
            ColumnarValue::Scalar(_) => None,
        };
        words.map(|words| ColumnarValue::Array(Arc::new(words))).ok_or_else(unexpected)
    }
}

fn unexpected() -> DataFusionError {
    DataFusionError::Internal("a row has no number that a word is kept for".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(words: &[Option<u64>]) -> KeptWords {
        let mut keeping = Keeping::of(words.len());
        // The second half comes first.
        let (first, second) = words.split_at(words.len() / 2);
        let half = i64::try_from(first.len()).unwrap();
        let rows: Vec<i64> = (half..).take(second.len()).collect();
        keeping.add(&rows, &second.iter().copied().collect()).unwrap();
        let rows: Vec<i64> = (0..half).collect();
        keeping.add(&rows, &first.iter().copied().collect()).unwrap();
        keeping.kept().unwrap()
    }

    #[test]
    fn each_row_has_its_word_in_whichever_order_rows_are_asked_for() {
        for words in
            [vec![Some(7), Some(8), Some(9), Some(10)], vec![Some(7), None, Some(9), Some(10)]]
        {
            let kept = kept(&words);
            for (first, rows) in [
                (0, vec![0, 1, 2, 3]),
                (1, vec![0, 1, 2]),
                (0, vec![]),
                (0, vec![3, 1]),
                (2, vec![1, 0]),
                (0, vec![1, 1, 2]),
            ] {
                let expected: UInt64Array =
                    rows.iter().map(|row| words[usize::try_from(first + row).unwrap()]).collect();
                assert_eq!(kept.of(first, &rows).unwrap(), expected, "{first} {rows:?}");
            }
        }
    }

    #[test]
    fn no_word_is_made_up_for_a_row_that_isnt_there() {
        let kept = kept(&[Some(7), Some(8)]);
        for (first, rows) in [
            (0, vec![2]),
            (0, vec![1, 2]),
            (1, vec![0, 1]),
            (-1, vec![0]),
            (0, vec![1, -1]),
            (i64::MAX, vec![1]),
            (0, vec![i64::MAX, 0]),
        ] {
            assert!(kept.of(first, &rows).is_none(), "{first} {rows:?}");
        }
    }

    #[test]
    fn all_are_kept_or_none() {
        let mut keeping = Keeping::of(3);
        keeping.add(&[0, 2], &UInt64Array::from(vec![1, 2])).unwrap();
        assert!(keeping.add(&[3], &UInt64Array::from(vec![3])).is_none());
        assert!(keeping.kept().is_none(), "the second row never came");
        assert_eq!(format!("{:?}", kept(&[Some(7)])), "KeptWords(not shown)");
    }
}
