//! `impossible`: combinations of codes that can't be.

use insitu_disclosure::dataset::Column;
use insitu_disclosure::impossible::{COMBINATIONS_MAX, Impossible};
use insitu_disclosure::label::Label;
use insitu_disclosure::tabulation::Literal;
use toml::Spanned;

use super::document::{CombinationForm, DatasetTable};
use super::problems::{Problems, Span};
use super::terms::Exposure;
use super::value;

/// Reads `impossible`. Columns that failed their own check are missing from `columns`.
pub(super) fn check(
    table: &DatasetTable,
    exposure: Option<Exposure>,
    columns: &[Column],
    problems: &mut Problems<'_>,
) -> Vec<Impossible> {
    if exposure == Some(Exposure::Open) {
        let why = "an `open` dataset's rows are published as they are";
        problems.forbidden(&table.impossible, "impossible", why);
    }
    let Some(form) = &table.impossible else { return Vec::new() };
    let combinations = &form.get_ref().0;
    if COMBINATIONS_MAX < combinations.len() {
        let problem = format!("{} combinations are listed", combinations.len());
        problems.report(&form.span(), problem, format!("list {COMBINATIONS_MAX} at most"));
        return Vec::new();
    }
    combinations.iter().filter_map(|form| combination(form, columns, table, problems)).collect()
}

fn combination(
    form: &Spanned<CombinationForm>,
    columns: &[Column],
    table: &DatasetTable,
    problems: &mut Problems<'_>,
) -> Option<Impossible> {
    let at = form.span();
    let listed = &form.get_ref().0;
    if listed.is_empty() {
        let fix = "write dimensions with some of their codes, as in `{ sex = [\"M\"] }`";
        problems.report(&at, "the combination names no column: every row would be it", fix);
    }
    let codes: Vec<Option<_>> = listed
        .iter()
        .map(|(name, values)| {
            let codes = of_column(name, &values.0, &at, columns, table, problems)?;
            Some((name.clone(), codes))
        })
        .collect();
    Impossible::new(codes.into_iter().collect::<Option<_>>()?)
}

fn of_column(
    name: &str,
    values: &[Spanned<toml::Value>],
    at: &Span,
    columns: &[Column],
    table: &DatasetTable,
    problems: &mut Problems<'_>,
) -> Option<Vec<Literal>> {
    let fix = "name columns with `label = \"dimension\"`";
    let Some(column) = columns.iter().find(|column| column.name == name) else {
        let forms = &table.column.0;
        let named = |form: &Spanned<_>| is_named(form.get_ref(), name);
        // What is wrong with a column that is declared was told where it is.
        if !forms.iter().any(named) {
            let problem = format!("the combination names no column: there is no `{name}`");
            problems.report(at, problem, fix);
        }
        return None;
    };
    if column.label != Label::Dimension {
        let problem = format!("`{name}` is a `{}`, which has no codes", column.label.as_str());
        problems.report(at, problem, fix);
        return None;
    }
    let codes = value::codes(values, at, name, column.scalar_type, problems)?;
    let outside = |code: &&Literal| column.domain.as_ref().is_some_and(|d| !d.contains(code));
    if let Some(code) = codes.iter().find(outside) {
        let problem = format!("{code} isn't in the domain of `{name}`");
        problems.report(at, problem, "write a code of the domain, or add it there");
        return None;
    }
    Some(codes)
}

fn is_named(form: &super::document::ColumnTable, name: &str) -> bool {
    form.name.as_ref().is_some_and(|named| named.get_ref() == name)
}
