//! Code lists: files that say what the codes of a column belong to in a coarser one.
//!
//! A CSV file with commas, whose header names both columns as the dataset does. Other columns don't matter, so that one
//! file may serve a whole hierarchy; a line may repeat what another says. A code with a blank beside it belongs to nothing.

use std::sync::Arc;

use insitu_disclosure::dataset::Column;
use insitu_disclosure::hierarchy::{Hierarchy, declared};
use insitu_disclosure::tabulation::{Literal, ScalarType};
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::super::error::SourceError;
use super::record::{Record, RecordReader};
use super::text::TextReader;
use crate::dataset::CodeList;

/// The largest file: ten thousand codes have some hundred bytes each.
const BYTES_MAX: u64 = 16 << 20;

/// The dataset's hierarchies: those written out, and those in files.
pub(in crate::source) async fn hierarchies(
    written: &[Hierarchy],
    lists: &[CodeList],
    columns: &[Column],
    store: &Arc<dyn ObjectStore>,
) -> Result<Vec<Hierarchy>, SourceError> {
    let mut hierarchies = written.to_vec();
    for list in lists {
        hierarchies.push(read(list, columns, store).await?);
    }
    declared(hierarchies, columns).map_err(SourceError::Hierarchies)
}

async fn read(
    list: &CodeList,
    columns: &[Column],
    store: &Arc<dyn ObjectStore>,
) -> Result<Hierarchy, SourceError> {
    let unreadable = |error| SourceError::of_store(list.file.as_ref(), error);
    let meta = store.head(&list.file).await.map_err(unreadable)?;
    if BYTES_MAX < meta.size {
        return Err(wrong(list, format!("it is longer than {BYTES_MAX} bytes")));
    }
    let bytes = store.get(&list.file).await.map_err(unreadable)?.bytes().await;
    let bytes = bytes.map_err(unreadable)?;
    let mut text = TextReader::new(list.file.to_string());
    let mut records = RecordReader::new(list.file.to_string(), b',');
    let mut reading = Reading { list, columns, fields: None, codes: Vec::new() };
    let mut sink = |record: Record<'_>| reading.record(record);
    records.push(&text.push(&bytes)?, &mut sink)?;
    records.push(&text.finish()?, &mut sink)?;
    records.finish(&mut sink)?;
    Hierarchy::new(&list.column, &list.within, reading.codes)
        .map_err(|error| wrong(list, error.to_string()))
}

fn wrong(list: &CodeList, problem: String) -> SourceError {
    let CodeList { column, within, file } = list;
    let (column, within) = (column.clone(), within.clone());
    SourceError::CodeList { file: file.to_string(), problem, column, within }
}

struct Reading<'a> {
    list: &'a CodeList,
    columns: &'a [Column],
    /// Where both columns stand, and their types; none before the header was read.
    fields: Option<[(usize, ScalarType); 2]>,
    codes: Vec<(Literal, Literal)>,
}

impl Reading<'_> {
    fn record(&mut self, record: Record<'_>) -> Result<(), SourceError> {
        if record.flaw.is_some() {
            return Err(wrong(self.list, format!("line {} has a stray quote", record.line)));
        }
        match self.fields {
            None => {
                let [column, within] =
                    [&self.list.column, &self.list.within].map(|name| self.field(name, &record));
                self.fields = Some([column?, within?]);
            }
            Some([column, within]) => {
                let (code, parent) = (self.code(column, &record)?, self.code(within, &record)?);
                self.codes.extend(code.zip(parent));
            }
        }
        Ok(())
    }

    fn field(&self, name: &str, header: &Record<'_>) -> Result<(usize, ScalarType), SourceError> {
        let at = header.fields().position(|field| field.trim_ascii() == name.as_bytes());
        let column = self.columns.iter().find(|column| column.name == name);
        at.zip(column.map(|column| column.scalar_type))
            .ok_or_else(|| wrong(self.list, format!("its header has no `{name}`")))
    }

    /// A code; none where there is a blank.
    fn code(
        &self,
        (at, scalar_type): (usize, ScalarType),
        record: &Record<'_>,
    ) -> Result<Option<Literal>, SourceError> {
        let text = record.field(at).and_then(|field| std::str::from_utf8(field).ok());
        let unread = || {
            let line = record.line;
            wrong(self.list, format!("line {line} has no value of the column's type"))
        };
        let text = text.ok_or_else(unread)?.trim();
        if text.is_empty() {
            return Ok(None);
        }
        Literal::parse(text, scalar_type).map(Some).ok_or_else(unread)
    }
}
