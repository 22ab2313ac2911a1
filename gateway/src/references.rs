//! Contents of references, made once of the rows of open datasets and kept for further questions.
//!
//! A content is named by what it says, so a department has it or hasn't; here it is found by what it was made of:
//! reference, columns, and the states of the open dataset at all who hold it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use insitu_disclosure::reference::{
    CONTENT_BYTES_MAX, CONTENT_KEYS_MAX, Edition, Editions, NotAReference, ReferenceContent,
    TEXT_BYTES_MAX,
};
use insitu_disclosure::tabulation::ReferenceColumns;
use insitu_disclosure::{
    OpenDataset, Reference, Refusal, RefusalCode, Refusals, ScalarType, Tabulation,
};

use crate::catalog::{Held, Standing};
use crate::gather::Gathering;
use crate::plan::OpenNeed;

/// Memory for contents, over all questions. Questions that run keep theirs.
const KEPT_BYTES_MAX: usize = 4 * CONTENT_BYTES_MAX;

/// The contents of a question's references.
pub(crate) type Contents = BTreeMap<Reference, Arc<ReferenceContent>>;

/// Contents that were made before; the one used last is the last.
#[derive(Debug, Default)]
pub(crate) struct References(Mutex<Vec<Kept>>);

#[derive(Debug)]
struct Kept {
    made_of: MadeOf,
    content: Arc<ReferenceContent>,
}

/// What a content is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MadeOf {
    reference: Reference,
    /// With their types, the key first.
    columns: Vec<(String, ScalarType)>,
    /// The descriptors' fingerprints, in node order: a state of the data is part of each.
    states: Vec<u64>,
}

impl References {
    fn find(&self, made_of: &MadeOf) -> Option<Arc<ReferenceContent>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|k| k.made_of == *made_of)?;
        let found = kept.remove(place);
        let content = Arc::clone(&found.content);
        kept.push(found);
        Some(content)
    }

    fn keep(&self, made_of: MadeOf, content: &Arc<ReferenceContent>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|k| k.made_of != made_of);
        kept.push(Kept { made_of, content: Arc::clone(content) });
        let bytes =
            |kept: &[Kept]| kept.iter().map(|k| k.content.bytes()).fold(0, usize::saturating_add);
        while KEPT_BYTES_MAX < bytes(&kept) && 1 < kept.len() {
            kept.remove(0);
        }
    }
}

/// Editions in place of those that aren't known before the contents are: as long, and no others.
pub(crate) fn placeholders(tabulation: &Tabulation) -> Editions {
    tabulation.references().into_keys().map(|r| (r, Edition([0xFF; 32]))).collect()
}

/// The editions of contents.
pub(crate) fn editions(contents: &Contents) -> Editions {
    contents.iter().map(|(reference, content)| (reference.clone(), content.edition())).collect()
}

impl Gathering<'_> {
    /// The content of one reference with these columns, of which the first is its key: kept from before, or made of
    /// rows that its departments send.
    pub(crate) async fn content(
        &self,
        reference: &Reference,
        columns: &[(String, ScalarType)],
        held: &Held,
    ) -> Result<Arc<ReferenceContent>, Refusals> {
        let states = held.holders.iter().map(|holder| match holder.standing {
            Standing::Announces(state) => Some(state),
            Standing::Away | Standing::Silent => None,
        });
        let (reference, columns) = (reference.clone(), columns.to_vec());
        let made_of = states.collect::<Option<Vec<u64>>>().map(|states| MadeOf {
            reference,
            columns,
            states,
        });
        if let Some(content) = made_of.as_ref().and_then(|made_of| self.references.find(made_of)) {
            return Ok(content);
        }
        let content = match &made_of {
            Some(MadeOf { reference, columns, .. }) => self.made(reference, columns, held).await?,
            // Somebody is missing: the Refusal says who.
            None => return Err(self.doors(held).err().unwrap_or_else(crate::gather::failed)),
        };
        if let Some(made_of) = made_of {
            self.references.keep(made_of, &content);
        }
        Ok(content)
    }

    async fn made(
        &self,
        reference: &Reference,
        columns: &[(String, ScalarType)],
        held: &Held,
    ) -> Result<Arc<ReferenceContent>, Refusals> {
        let open = OpenDataset::of(Arc::clone(&held.dataset)).ok_or_else(crate::gather::failed)?;
        let names = columns.iter().map(|(name, _)| name.clone()).collect();
        let need = OpenNeed { columns: names, predicate: None, limit: None };
        let (_, batches) = self.open_rows(&open, held, &need).await?;
        let of_reference = reference.clone();
        let others: ReferenceColumns = columns.iter().skip(1).cloned().collect();
        // Sorting and hashing take a while: away from the threads that serve the network.
        let making = tokio::task::spawn_blocking(move || {
            ReferenceContent::of(&open, &of_reference, &others, &batches)
        });
        match making.await {
            Ok(Ok(content)) => Ok(Arc::new(content)),
            Ok(Err(error)) => Err(no_content(reference, error).into()),
            Err(_) => {
                tracing::error!(query = %self.query_id, "making a reference's content panicked");
                Err(crate::gather::failed())
            }
        }
    }
}

/// Why an open dataset isn't looked up in. It is published, so what is wrong with it may be told.
fn no_content(reference: &Reference, error: NotAReference) -> Refusal {
    let Reference { dataset, key } = reference;
    let (message, fix) = match error {
        NotAReference::Twice => (
            format!("`{dataset}` has several rows with the same `{key}`, so rows can't be looked up by it."),
            "Join a table with one row for each key; or aggregate the department's rows first and join the released table."
                .to_owned(),
        ),
        NotAReference::TooLarge => (
            format!("`{dataset}` is larger than a table that rows are looked up in."),
            format!(
                "Such a table has at most {CONTENT_KEYS_MAX} rows, {CONTENT_BYTES_MAX} bytes and texts of {TEXT_BYTES_MAX} bytes; use fewer columns, or join the released table."
            ),
        ),
        NotAReference::Value | NotAReference::Order | NotAReference::Columns => (
            format!("`{dataset}` has columns or values that rows can't be looked up by."),
            "Use columns of text, dates, whole or decimal numbers.".to_owned(),
        ),
    };
    Refusal::new(RefusalCode::Q111, message, fix)
}
