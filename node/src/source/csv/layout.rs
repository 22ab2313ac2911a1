//! Which field of a record is which column.

use std::borrow::Cow;

use insitu_disclosure::label::Label;

use super::super::error::{HeaderProblem, SourceError};
use super::record::Record;
use crate::config::closest::closest;
use crate::dataset::{CsvColumn, CsvSource, Place};

/// The fields of a file's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// How many each record has.
    pub(super) fields: usize,
    /// For each column the field it is in, counted from 0.
    pub(super) indexes: Vec<usize>,
}

impl Layout {
    /// The layout of a file that begins with this record: its header, if files have one.
    pub(super) fn of(
        record: &Record<'_>,
        source: &CsvSource,
        file: &str,
    ) -> Result<Self, SourceError> {
        let headers: Vec<Cow<'_, str>> = if source.header {
            record.fields().map(|field| trimmed(String::from_utf8_lossy(field))).collect()
        } else {
            Vec::new()
        };
        let mut indexes = Vec::new();
        let mut problems = Vec::new();
        for column in &source.columns {
            match locate(column, &headers, record.len()) {
                Ok(index) => indexes.push(index),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            problems.extend(unit_repeated(&source.columns, &indexes));
        }
        if problems.is_empty() {
            return Ok(Self { fields: record.len(), indexes });
        }
        Err(SourceError::Header { file: file.to_owned(), problems })
    }
}

/// The field that identifies the unit, if it is published under another name as well: by its header
/// here and by its position there, which a configuration alone doesn't show.
fn unit_repeated(columns: &[CsvColumn], indexes: &[usize]) -> Option<HeaderProblem> {
    let is_unit = |form: &CsvColumn| form.column.label == Label::Unit;
    let (_, unit) = columns.iter().zip(indexes).find(|(form, _)| is_unit(form))?;
    let mut others = columns.iter().zip(indexes).filter(|(form, _)| !is_unit(form));
    let (twin, _) = others.find(|(_, index)| *index == unit)?;
    Some(HeaderProblem::Unit { column: twin.column.name.clone() })
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

fn locate(
    column: &CsvColumn,
    headers: &[Cow<'_, str>],
    fields: usize,
) -> Result<usize, HeaderProblem> {
    match &column.place {
        Place::Position(position) => position
            .checked_sub(1)
            .filter(|index| *index < fields)
            .ok_or_else(|| HeaderProblem::Beyond {
                column: column.column.name.clone(),
                position: *position,
                fields,
            }),
        Place::Header(header) => {
            let found: Vec<usize> = (0..)
                .zip(headers)
                .filter(|(_, text)| *text == header)
                .map(|(index, _)| index)
                .collect();
            match found.as_slice() {
                [index] => Ok(*index),
                [] => Err(HeaderProblem::Missing {
                    header: header.clone(),
                    closest: closest(header, headers.iter().map(Cow::as_ref)).map(str::to_owned),
                }),
                several => Err(HeaderProblem::Repeated {
                    header: header.clone(),
                    positions: several.iter().map(|index| index + 1).collect(),
                }),
            }
        }
    }
}
