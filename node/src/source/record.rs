//! A word for each row, where rows are units and have no id.
//!
//! It follows from the row's own fields, so that it stays the same when rows are added or come in another
//! order. Rows that are alike in everything are told apart by how many came before: which is which doesn't matter.

use std::collections::HashMap;

use insitu_disclosure::keyed::DatasetKeys;

/// The column of words; no column of a dataset can have this name.
pub(crate) const RECORD: &str = "_record";

/// Makes words of rows.
#[derive(Debug)]
pub(super) struct RowWords {
    keys: DatasetKeys,
    alike: HashMap<u64, u64>,
    bytes: Vec<u8>,
}

impl RowWords {
    /// For rows of a dataset with these keys.
    pub(super) fn new(keys: DatasetKeys) -> Self {
        Self { keys, alike: HashMap::new(), bytes: Vec::new() }
    }

    /// The word of the next row.
    pub(super) fn word<'a>(&mut self, fields: impl Iterator<Item = &'a [u8]>) -> u64 {
        self.bytes.clear();
        for field in fields {
            // Lengths come first, so that no two rows run together.
            self.bytes.extend(u64::try_from(field.len()).unwrap_or(u64::MAX).to_le_bytes());
            self.bytes.extend(field);
        }
        let word = self.keys.unit_word(&self.bytes);
        let before = self.alike.entry(word).or_insert(0);
        let count = *before;
        *before = before.saturating_add(1);
        if count == 0 {
            return word;
        }
        self.bytes.extend(count.to_le_bytes());
        self.keys.unit_word(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use insitu_disclosure::DatasetName;

    use super::*;

    #[test]
    fn words_follow_from_the_fields_and_tell_like_rows_apart() {
        let keys = DatasetKeys::derive(&[3; 32], &DatasetName::parse("a.b").unwrap());
        let words = |rows: &[[&str; 2]]| -> Vec<u64> {
            let mut words = RowWords::new(keys.clone());
            rows.iter().map(|row| words.word(row.iter().map(|f| f.as_bytes()))).collect()
        };
        let first = words(&[["a", "b"], ["c", "d"], ["a", "b"]]);
        let second = words(&[["a", "b"], ["a", "b"], ["c", "d"]]);
        let sorted = |mut w: Vec<u64>| {
            w.sort_unstable();
            w.dedup();
            w
        };
        assert_eq!(sorted(first.clone()), sorted(second), "in any order");
        assert_eq!(sorted(first).len(), 3);
        assert_ne!(words(&[["ab", ""]]), words(&[["a", "b"]]));
    }
}
