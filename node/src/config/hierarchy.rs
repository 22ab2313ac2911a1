//! `within`: what the codes of a column belong to in a coarser one.
//!
//! ```toml
//! within = { region = { North = ["E01", "E02"], South = ["E03"] } }   # by the coarser column's codes
//! within = { region = "areas.csv", board = "areas.csv" }              # a code list: a file with these columns
//! ```

use insitu_disclosure::dataset::Column;
use insitu_disclosure::hierarchy::{self, Hierarchy, HierarchyError};
use insitu_disclosure::label::Label;
use insitu_disclosure::tabulation::Literal;
use toml::Spanned;

use super::document::{ColumnTable, DatasetTable, List, WithinForm};
use super::problems::{Problems, Span};
use super::terms::Exposure;
use super::{files, value};
use crate::dataset::CodeList;

/// Reads every column's `within`: those that are written out, checked together, and the files of the others, which are
/// read with the data. Columns that failed their own check are missing from `columns`.
pub(super) fn check(
    table: &DatasetTable,
    exposure: Option<Exposure>,
    columns: &[Column],
    problems: &mut Problems<'_>,
) -> (Vec<Hierarchy>, Vec<CodeList>) {
    let (mut hierarchies, mut lists) = (Vec::new(), Vec::new());
    let mut first: Option<Span> = None;
    for form in &table.column.0 {
        let form = form.get_ref();
        if exposure == Some(Exposure::Open) {
            let why = "an `open` dataset's rows are published as they are";
            problems.forbidden(&form.within, "within", why);
            continue;
        }
        let Some(within) = &form.within else { continue };
        let Some(column) = of_this(form, columns) else { continue };
        if column.label == Label::Hidden {
            continue;
        }
        if column.label != Label::Dimension {
            let why = format!("`{}` is a `{}`", column.name, column.label.as_str());
            problems.forbidden(&form.within, "within", &why);
            continue;
        }
        for (name, form) in within.get_ref() {
            let Some(coarser) = coarser(name, &form.span(), columns, table, problems) else {
                continue;
            };
            first = first.or(Some(form.span()));
            match form.get_ref() {
                WithinForm::File(path) => {
                    let path = Spanned::new(form.span(), path.clone());
                    let (column, within) = (column.name.clone(), name.clone());
                    let file = files::file(&path, problems);
                    lists.extend(file.map(|file| CodeList { column, within, file }));
                }
                WithinForm::Codes(groups) => {
                    let groups = groups.iter().map(|(code, listed)| {
                        group(code, listed, column, coarser, &form.span(), problems)
                    });
                    // What is wrong with a code was told where it is.
                    let groups: Vec<Option<_>> = groups.collect();
                    let Some(groups) = groups.into_iter().collect::<Option<Vec<_>>>() else {
                        continue;
                    };
                    let codes = groups.into_iter().flatten();
                    let made = Hierarchy::new(&column.name, name, codes);
                    hierarchies.extend(told(made, &form.span(), problems));
                }
            }
        }
    }
    let Some(at) = first else { return (hierarchies, lists) };
    let together = hierarchy::declared(hierarchies, columns);
    (told(together, &at, problems).unwrap_or_default(), lists)
}

fn told<T>(made: Result<T, HierarchyError>, at: &Span, problems: &mut Problems<'_>) -> Option<T> {
    match made {
        Ok(made) => Some(made),
        Err(error) => {
            let fix = "write each code once, with what it belongs to in the coarser column";
            problems.report(at, error.to_string(), fix);
            None
        }
    }
}

fn of_this<'a>(form: &ColumnTable, columns: &'a [Column]) -> Option<&'a Column> {
    let name = form.name.as_ref()?.get_ref();
    columns.iter().find(|column| column.name == *name)
}

fn coarser<'a>(
    name: &str,
    at: &Span,
    columns: &'a [Column],
    table: &DatasetTable,
    problems: &mut Problems<'_>,
) -> Option<&'a Column> {
    let found = columns.iter().find(|column| column.name == name);
    if found.is_some_and(|column| column.label == Label::Dimension) {
        return found;
    }
    let named = |form: &Spanned<ColumnTable>| {
        form.get_ref().name.as_ref().is_some_and(|named| named.get_ref() == name)
    };
    // What is wrong with a column that is declared was told where it is.
    if found.is_some() || !table.column.0.iter().any(named) {
        let problem = format!("`{name}` is no dimension that a column could lie within");
        problems.report(at, problem, "name a coarser column with `label = \"dimension\"`");
    }
    None
}

/// The finer codes that belong to one of the coarser column's.
fn group(
    code: &str,
    listed: &List<Spanned<toml::Value>>,
    column: &Column,
    coarser: &Column,
    at: &Span,
    problems: &mut Problems<'_>,
) -> Option<Vec<(Literal, Literal)>> {
    let Some(parent) = Literal::parse(code, coarser.scalar_type) else {
        let problem = format!("`{code}` isn't a value of `{}`", coarser.name);
        problems.report(at, problem, format!("the column is {}", coarser.scalar_type));
        return None;
    };
    let codes = value::codes(&listed.0, at, &column.name, column.scalar_type, problems)?;
    Some(codes.into_iter().map(|code| (code, parent.clone())).collect())
}
