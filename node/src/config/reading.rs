//! How a column is read from its file: which field, what a blank means, how numbers and dates are
//! written.
//!
//! A blank cell's meaning, unless `blank` says otherwise: NULL in a text column and in the unit's,
//! where it is how files say "none"; a misfit in every other. A number that is silently missing
//! changes every mean, so its owner has to say that it may be.

use insitu_disclosure::dataset::Column;
use insitu_disclosure::label::Label;
use insitu_disclosure::tabulation::ScalarType;
use toml::Spanned;

use super::document::ColumnTable;
use super::problems::{Problems, Span};
use crate::dataset::{Blank, CsvColumn, DateFormat, Derivation, ParquetColumn, Place};

/// The most fields a record may have: Excel's widest sheet.
const POSITION_MAX: i64 = 16_384;

/// A column of CSV files.
pub(super) fn csv(
    form: &Spanned<ColumnTable>,
    column: &Column,
    header: bool,
    problems: &mut Problems<'_>,
) -> Option<CsvColumn> {
    let table = form.get_ref();
    let place = place(table, &form.span(), column, header, problems);
    let blank = match &table.blank {
        Some(word) => {
            problems.choice(word, "blank", &[("null", Blank::Null), ("misfit", Blank::Misfit)])
        }
        None if column.scalar_type == ScalarType::Utf8 || column.label == Label::Unit => {
            Some(Blank::Null)
        }
        None => Some(Blank::Misfit),
    };
    let separator = table.thousands_separator.as_ref();
    let thousands_separator = separator.and_then(|word| separator_of(word, column, problems));
    let format = table.date_format.as_ref();
    let date_format = format.and_then(|text| date_format_of(text, column, problems));
    let derivation = table.derive.as_ref().and_then(|word| derivation(word, column, problems));
    let domain_closed = table.domain_closed.as_ref().is_some_and(|closed| *closed.get_ref());
    if let Some(closed) = &table.domain_closed
        && table.domain.is_none()
    {
        let problem = "`domain_closed` is there without a domain";
        problems.report(&closed.span(), problem, "add `domain`, or take it out");
    }
    Some(CsvColumn {
        column: column.clone(),
        place: place?,
        blank: blank?,
        thousands_separator,
        date_format,
        derivation,
        domain_closed,
    })
}

/// A column of Parquet files, which carry names and types of their own.
pub(super) fn parquet(
    form: &Spanned<ColumnTable>,
    column: &Column,
    problems: &mut Problems<'_>,
) -> Option<ParquetColumn> {
    let table = form.get_ref();
    let why = "it is for CSV; columns of Parquet files have names and types of their own";
    problems.forbidden(&table.position, "position", why);
    problems.forbidden(&table.blank, "blank", why);
    problems.forbidden(&table.thousands_separator, "thousands_separator", why);
    problems.forbidden(&table.date_format, "date_format", why);
    problems.forbidden(&table.derive, "derive", why);
    problems.forbidden(&table.domain_closed, "domain_closed", why);
    let name_in_file = match &table.from {
        Some(from) => problems.words(from, "from")?,
        None => column.name.clone(),
    };
    Some(ParquetColumn { column: column.clone(), name_in_file })
}

/// Where the column stands in a record.
fn place(
    table: &ColumnTable,
    at: &Span,
    column: &Column,
    header: bool,
    problems: &mut Problems<'_>,
) -> Option<Place> {
    match (&table.from, &table.position) {
        (Some(_), Some(position)) => {
            let fix =
                "keep `from` for a header's text, `position` where headers are blank or repeated";
            problems.report(&position.span(), "`from` and `position` are both there", fix);
            None
        }
        (None, Some(position)) => {
            let position = problems.whole(position, "position", 1..=POSITION_MAX)?;
            usize::try_from(position).ok().map(Place::Position)
        }
        (Some(from), None) if !header => {
            let fix = "write `position`, counted from 1, instead";
            problems.report(&from.span(), "the files have no header (`header = false`)", fix);
            None
        }
        (Some(from), None) => problems.words(from, "from").map(Place::Header),
        (None, None) if !header => {
            let problem =
                format!("nothing says where `{}` stands: the files have no header", column.name);
            problems.report(at, problem, "add `position`, counted from 1");
            None
        }
        (None, None) => Some(Place::Header(column.name.clone())),
    }
}

fn separator_of(
    word: &Spanned<String>,
    column: &Column,
    problems: &mut Problems<'_>,
) -> Option<char> {
    if !column.scalar_type.is_number() {
        let problem =
            format!("`{}` is {}, which has no thousands", column.name, column.scalar_type);
        problems.report(&word.span(), problem, "take `thousands_separator` out");
        return None;
    }
    let choices = [(",", ','), (" ", ' '), ("'", '\''), ("_", '_'), ("\u{a0}", '\u{a0}')];
    problems.choice(word, "thousands_separator", &choices)
}

fn date_format_of(
    text: &Spanned<String>,
    column: &Column,
    problems: &mut Problems<'_>,
) -> Option<DateFormat> {
    if column.scalar_type != ScalarType::Date {
        let problem = format!("`{}` is {}", column.name, column.scalar_type);
        problems.report(
            &text.span(),
            problem,
            "take `date_format` out, or write `type = \"date\"`",
        );
        return None;
    }
    let format = DateFormat::new(text.get_ref());
    if format.is_none() {
        problems.report(
            &text.span(),
            format!("`{}` doesn't tell one day from another", text.get_ref()),
            "write day, month and a year of four digits, such as `%d/%m/%Y`",
        );
    }
    format
}

fn derivation(
    word: &Spanned<String>,
    column: &Column,
    problems: &mut Problems<'_>,
) -> Option<Derivation> {
    if column.scalar_type != ScalarType::Utf8 {
        let problem = format!("`{}` is {}", column.name, column.scalar_type);
        problems.report(&word.span(), problem, "take `derive` out: it is for text");
        return None;
    }
    let choices = Derivation::ALL.map(|derivation| (derivation.as_str(), derivation));
    problems.choice(word, "derive", &choices)
}
