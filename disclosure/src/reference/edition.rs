//! The name of a content: a digest of its canonical form. Who has the content can tell the name, and nobody finds
//! another content with it.

use std::collections::BTreeMap;
use std::fmt;

use arrow_array::RecordBatch;
use sha2::{Digest as _, Sha256};

use crate::evidence::key_bytes;
use crate::function::literal_at;
use crate::tabulation::{Reference, ScalarType};

/// A state of a reference's content: SHA-256 of its reference, its columns and its values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edition(pub [u8; 32]);

/// The edition of each reference of a question.
pub type Editions = BTreeMap<Reference, Edition>;

impl fmt::Debug for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Edition {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Edition {
    /// The edition of these columns, of which the first is the reference's key.
    pub(super) fn of(
        reference: &Reference,
        columns: &[(String, ScalarType)],
        batch: &RecordBatch,
    ) -> Self {
        let mut sha = Sha256::new();
        // Lengths come first, so that no two texts run together.
        let mut text = |text: &[u8]| {
            sha.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            sha.update(text);
        };
        text(b"insitu reference v1");
        text(reference.dataset.to_string().as_bytes());
        text(reference.key.as_bytes());
        for (name, scalar_type) in columns {
            text(name.as_bytes());
            text(type_name(*scalar_type).as_bytes());
        }
        text(&u64::try_from(batch.num_rows()).unwrap_or(u64::MAX).to_le_bytes());
        for array in batch.columns() {
            for row in 0..array.len() {
                text(&key_bytes(&[literal_at(array, row)]));
            }
        }
        Self(sha.finalize().into())
    }
}

/// A name of a type that stays as it is.
fn type_name(scalar_type: ScalarType) -> String {
    match scalar_type {
        ScalarType::Boolean => "boolean".to_owned(),
        ScalarType::Int64 => "int64".to_owned(),
        ScalarType::Decimal(places) => format!("decimal {places}"),
        ScalarType::Float64 => "float64".to_owned(),
        ScalarType::Utf8 => "utf8".to_owned(),
        ScalarType::Date => "date".to_owned(),
    }
}
