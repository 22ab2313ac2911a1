//! `[[dataset]]`: a published view, where its rows come from and on what terms.

use std::collections::HashSet;
use std::sync::Arc;

use insitu_disclosure::dataset::{Column, Dataset, DatasetName};
use insitu_disclosure::label::Label;
use object_store::path::Path as ObjectPath;
use toml::Spanned;

use super::document::{ColumnTable, DatasetTable, SourceTable};
use super::problems::{Problems, Span};
use super::terms::{self, Exposure};
use super::{column, files, hierarchy, impossible, reading};
use crate::dataset::{
    CsvColumn, CsvSource, Descriptor, ParquetColumn, ParquetSource, Place, Source,
};

/// The most columns that may be declared: the widest tables departments have are about half of it.
const COLUMNS_MAX: usize = 2_000;

/// The kind of file, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Parquet,
}

/// Checks one dataset.
pub(super) fn check(
    table: &Spanned<DatasetTable>,
    problems: &mut Problems<'_>,
) -> Option<Descriptor> {
    let at = table.span();
    let table = table.get_ref();
    let name = name(table, &at, problems);
    let description = table.description.as_ref().and_then(|d| problems.words(d, "description"));
    let exposure = terms::exposure(table, &at, problems);
    let columns = columns(table, &at, exposure, problems);
    let source = source(table, &at, &columns, problems);
    if let Some(source) = &source {
        unit_alone(table, source, problems);
    }
    let impossible = impossible::check(table, exposure, &columns, problems);
    let (hierarchies, code_lists) = hierarchy::check(table, exposure, &columns, problems);
    let protection = exposure.and_then(|e| terms::protection(table, &at, e, problems));
    let p_table = table.p_table.as_ref().and_then(|name| files::file(name, problems));
    Some(Descriptor {
        dataset: Arc::new(Dataset {
            name: name?,
            description,
            columns,
            impossible,
            hierarchies,
            protection: protection?,
            // The data hasn't been read yet.
            snapshot: 0,
        }),
        source: source?,
        p_table,
        code_lists,
    })
}

fn name(table: &DatasetTable, at: &Span, problems: &mut Problems<'_>) -> Option<DatasetName> {
    let fix = "add the dataset's name, such as `name = \"councils.council_tax\"`";
    let name = problems.required(&table.name, at, "name", fix)?;
    let parsed = DatasetName::parse(name.get_ref());
    if parsed.is_none() {
        problems.report(
            &name.span(),
            format!("`{}` isn't the name of a dataset", name.get_ref()),
            "write `schema.table` in lower-case letters, digits and `_`, a letter first in both",
        );
    }
    parsed
}

/// The columns that could be read; what is wrong with the others was reported.
fn columns(
    table: &DatasetTable,
    at: &Span,
    exposure: Option<Exposure>,
    problems: &mut Problems<'_>,
) -> Vec<Column> {
    let tables = &table.column.0;
    if COLUMNS_MAX < tables.len() {
        let fix =
            format!("declare {COLUMNS_MAX} at most; columns that aren't declared are never read");
        problems.report(at, format!("{} columns are declared", tables.len()), fix);
        return Vec::new();
    }
    unique_names(tables, problems);
    let columns: Vec<Column> =
        tables.iter().filter_map(|column| column::check(column, exposure, problems)).collect();
    if tables.is_empty() || (columns.len() == tables.len() && columns.iter().all(is_hidden)) {
        problems.report(
            at,
            "no column has a label, so nothing could be asked",
            "add a `[[dataset.column]]` with `label`; without one a column is hidden",
        );
    }
    columns
}

/// Hidden columns aren't read, but for the record key, which is used by the node itself.
fn is_read(column: &Column, table: &DatasetTable) -> bool {
    !is_hidden(column) || table.record_key.as_ref().is_some_and(|k| *k.get_ref() == column.name)
}

fn is_hidden(column: &Column) -> bool {
    column.label == Label::Hidden
}

fn unique_names(tables: &[Spanned<ColumnTable>], problems: &mut Problems<'_>) {
    let mut seen = HashSet::new();
    for name in tables.iter().filter_map(|table| table.get_ref().name.as_ref()) {
        if !seen.insert(name.get_ref()) {
            problems.report(
                &name.span(),
                format!("column `{}` is declared twice", name.get_ref()),
                "give each column its own name; `from` says which header it is read from",
            );
        }
    }
}

/// Where the rows come from. Columns that failed their own check are missing from `columns`.
fn source(
    table: &DatasetTable,
    at: &Span,
    columns: &[Column],
    problems: &mut Problems<'_>,
) -> Option<Source> {
    let fix = "add `source = { format = \"csv\", path = \"data/file.csv\" }`";
    let form = problems.required(&table.source, at, "source", fix)?;
    let files = files::check(form, problems);
    let fix = "add `format = \"csv\"` or `format = \"parquet\"`";
    let format = problems.required(&form.get_ref().format, &form.span(), "format", fix).and_then(
        |word| {
            let formats = [("csv", Format::Csv), ("parquet", Format::Parquet)];
            problems.choice(word, "format", &formats)
        },
    )?;
    match format {
        Format::Csv => csv(table, form.get_ref(), files, columns, problems).map(Source::Csv),
        Format::Parquet => {
            parquet(table, form.get_ref(), files, columns, problems).map(Source::Parquet)
        }
    }
}

fn csv(
    table: &DatasetTable,
    form: &SourceTable,
    files: Option<Vec<ObjectPath>>,
    columns: &[Column],
    problems: &mut Problems<'_>,
) -> Option<CsvSource> {
    let header = form.header.as_ref().is_none_or(|header| *header.get_ref());
    let delimiter = match &form.delimiter {
        Some(delimiter) => files::delimiter(delimiter, problems),
        None => Some(b','),
    };
    let misfits_max = match &table.misfits_max {
        Some(value) => problems.whole(value, "misfits_max", 0..=i64::MAX),
        None => Some(0),
    };
    let read: Vec<Option<CsvColumn>> = declared(table, columns)
        .map(|(form, column)| reading::csv(form, column, header, problems))
        .collect();
    Some(CsvSource {
        files: files?,
        header,
        delimiter: delimiter?,
        columns: read.into_iter().flatten().filter(|c| is_read(&c.column, table)).collect(),
        misfits_max: u64::try_from(misfits_max?).ok()?,
    })
}

fn parquet(
    table: &DatasetTable,
    form: &SourceTable,
    files: Option<Vec<ObjectPath>>,
    columns: &[Column],
    problems: &mut Problems<'_>,
) -> Option<ParquetSource> {
    let why = "Parquet files carry their own structure";
    problems.forbidden(&form.header, "header", why);
    problems.forbidden(&form.delimiter, "delimiter", why);
    problems.forbidden(
        &table.misfits_max,
        "misfits_max",
        "a Parquet file's columns fit as a whole or not at all",
    );
    let read: Vec<Option<ParquetColumn>> = declared(table, columns)
        .map(|(form, column)| reading::parquet(form, column, problems))
        .collect();
    Some(ParquetSource {
        files: files?,
        columns: read.into_iter().flatten().filter(|c| is_read(&c.column, table)).collect(),
    })
}

/// The field that identifies the unit isn't published under another name as well.
fn unit_alone(table: &DatasetTable, source: &Source, problems: &mut Problems<'_>) {
    let read: Vec<(&Column, Place)> = match source {
        Source::Csv(csv) => csv.columns.iter().map(|c| (&c.column, c.place.clone())).collect(),
        Source::Parquet(parquet) => {
            let place = |c: &ParquetColumn| Place::Header(c.name_in_file.clone());
            parquet.columns.iter().map(|c| (&c.column, place(c))).collect()
        }
    };
    let Some((unit, place)) = read.iter().find(|(column, _)| column.label == Label::Unit) else {
        return;
    };
    let twins = read.iter().filter(|(column, other)| other == place && column.name != unit.name);
    for (twin, _) in twins {
        let form = declared(table, std::slice::from_ref(*twin)).next();
        if let Some((form, _)) = form {
            problems.report(
                &form.span(),
                format!("`{}` is read from the same field as the unit `{}`", twin.name, unit.name),
                "hide it: it would publish what identifies people",
            );
        }
    }
}

/// The columns that passed their check, each with its form.
fn declared<'a>(
    table: &'a DatasetTable,
    columns: &'a [Column],
) -> impl Iterator<Item = (&'a Spanned<ColumnTable>, &'a Column)> {
    table.column.0.iter().filter_map(|form| {
        let name = form.get_ref().name.as_ref()?.get_ref();
        Some((form, columns.iter().find(|column| column.name == *name)?))
    })
}
