//! `[[dataset.column]]`: a column's type and label, and what the label asks for.
//!
//! | label | types | asks for | may have |
//! |---|---|---|---|
//! | `unit` | text, integer | | |
//! | `dimension` | all | | `domain` |
//! | `filter` | integer, decimal, date | `breakpoints` | |
//! | `measure` | integer, decimal; float in open data | `bounds` in protected data | `breakpoints`; `unit_bounds`, and with them `unit_breakpoints`, in protected data |
//! | `hidden` | all | | anything: an owner hides a column by its label alone |

use insitu_disclosure::dataset::{Column, UnitTotals, is_identifier};
use insitu_disclosure::label::Label;
use insitu_disclosure::tabulation::ScalarType;
use insitu_disclosure::tabulation::typing::DECIMAL_PLACES_MAX;
use toml::Spanned;

use super::document::ColumnTable;
use super::problems::{Problems, Span};
use super::terms::Exposure;
use super::value;

/// A type, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TypeWord {
    Boolean,
    Integer,
    Decimal,
    Float,
    Text,
    Date,
}

const TYPES: [(&str, TypeWord); 6] = [
    ("boolean", TypeWord::Boolean),
    ("integer", TypeWord::Integer),
    ("decimal", TypeWord::Decimal),
    ("float", TypeWord::Float),
    ("text", TypeWord::Text),
    ("date", TypeWord::Date),
];

/// Checks one column. Without knowing the exposure, only what doesn't depend on it is checked.
pub(super) fn check(
    form: &Spanned<ColumnTable>,
    exposure: Option<Exposure>,
    problems: &mut Problems<'_>,
) -> Option<Column> {
    let at = form.span();
    let table = form.get_ref();
    let name = name(table, &at, problems);
    let description = table.description.as_ref().and_then(|d| problems.words(d, "description"));
    let measured_in = table.measured_in.as_ref().and_then(|m| problems.words(m, "measured_in"));
    let label = label(table, problems);
    let scalar_type = scalar_type(table, &at, problems);
    let (name, label, scalar_type) = (name?, label?, scalar_type?);
    fits_type(&name, label, scalar_type, exposure, table, &at, problems);
    fits_label(&name, label, exposure, table, &at, problems);
    if let Some(measured_in) = &table.measured_in
        && !scalar_type.is_number()
    {
        let problem = format!("`{name}` is {scalar_type}, which isn't measured in anything");
        problems.report(&measured_in.span(), problem, "take `measured_in` out");
    }
    let domain = table.domain.as_ref().and_then(|form| value::domain(form, scalar_type, problems));
    let breakpoints =
        table.breakpoints.as_ref().and_then(|form| value::breakpoints(form, scalar_type, problems));
    let bounds = table.bounds.as_ref().and_then(|form| value::bounds(form, scalar_type, problems));
    let unit_totals = unit_totals(table, scalar_type, problems);
    Some(Column {
        name,
        scalar_type,
        label,
        domain,
        breakpoints,
        bounds,
        unit_totals,
        measured_in,
        description,
    })
}

/// What a unit's values may come to, and where that may be cut.
fn unit_totals(
    table: &ColumnTable,
    scalar_type: ScalarType,
    problems: &mut Problems<'_>,
) -> Option<UnitTotals> {
    let bounds = table.unit_bounds.as_ref();
    let Some(bounds) = bounds.and_then(|form| value::bounds(form, scalar_type, problems)) else {
        if table.unit_bounds.is_none() {
            let why = "they are of totals for which no `unit_bounds` are declared";
            problems.forbidden(&table.unit_breakpoints, "unit_breakpoints", why);
        }
        return None;
    };
    let breakpoints = table.unit_breakpoints.as_ref();
    let breakpoints = breakpoints.and_then(|form| value::breakpoints(form, scalar_type, problems));
    Some(UnitTotals { bounds, breakpoints })
}

fn name(table: &ColumnTable, at: &Span, problems: &mut Problems<'_>) -> Option<String> {
    let fix = "add the column's name, such as `name = \"band\"`";
    let name = problems.required(&table.name, at, "name", fix)?;
    if is_identifier(name.get_ref()) {
        return Some(name.get_ref().clone());
    }
    problems.report(
        &name.span(),
        format!("`{}` isn't the name of a column", name.get_ref()),
        "write lower-case letters, digits and `_`, a letter first; `from` holds the header as it is in the file",
    );
    None
}

/// Default deny: a column without a label is hidden.
fn label(table: &ColumnTable, problems: &mut Problems<'_>) -> Option<Label> {
    match &table.label {
        Some(word) => {
            let choices = Label::ALL.map(|label| (label.as_str(), label));
            problems.choice(word, "label", &choices)
        }
        None => Some(Label::default()),
    }
}

fn scalar_type(table: &ColumnTable, at: &Span, problems: &mut Problems<'_>) -> Option<ScalarType> {
    let fix = "add `type`: `text`, `integer`, `decimal`, `date`, `boolean` or `float`";
    let word = problems.required(&table.scalar_type, at, "type", fix)?;
    let word = problems.choice(word, "type", &TYPES)?;
    if word == TypeWord::Decimal {
        let fix = "add how many digits stand after the point, such as `decimal_places = 2`";
        let places = problems.required(&table.decimal_places, at, "decimal_places", fix)?;
        let range = 0..=i64::from(DECIMAL_PLACES_MAX);
        let places = problems.whole(places, "decimal_places", range)?;
        return u8::try_from(places).ok().map(ScalarType::Decimal);
    }
    problems.forbidden(
        &table.decimal_places,
        "decimal_places",
        "only `type = \"decimal\"` has them",
    );
    Some(match word {
        TypeWord::Boolean => ScalarType::Boolean,
        TypeWord::Integer => ScalarType::Int64,
        TypeWord::Decimal => return None,
        TypeWord::Float => ScalarType::Float64,
        TypeWord::Text => ScalarType::Utf8,
        TypeWord::Date => ScalarType::Date,
    })
}

/// Whether the label suits the type.
fn fits_type(
    name: &str,
    label: Label,
    scalar_type: ScalarType,
    exposure: Option<Exposure>,
    table: &ColumnTable,
    at: &Span,
    problems: &mut Problems<'_>,
) {
    let at = table.label.as_ref().map_or(at.clone(), |word| word.span());
    let is_exposed = label != Label::Hidden;
    if scalar_type == ScalarType::Float64 && exposure == Some(Exposure::Protected) && is_exposed {
        problems.report(
            &at,
            format!("`{name}` is a floating-point number, whose sums depend on the order of rows"),
            "write `type = \"decimal\"` with `decimal_places`, or hide it",
        );
        return;
    }
    let (fits, fix) = match label {
        Label::Unit => (
            matches!(scalar_type, ScalarType::Utf8 | ScalarType::Int64),
            "a unit is `text` or `integer`",
        ),
        Label::Filter => (
            value::is_ordered(scalar_type),
            "a filter is `integer`, `decimal` or `date`; label the column `dimension` to filter it by value",
        ),
        Label::Measure => (scalar_type.is_number(), "a measure is `integer` or `decimal`"),
        Label::Dimension | Label::Hidden => (true, ""),
    };
    if !fits {
        let label = label.as_str();
        problems.report(&at, format!("`{name}` is {scalar_type}, which is no `{label}`"), fix);
    }
}

/// Whether everything the label asks for is there, and nothing it has no use for.
fn fits_label(
    name: &str,
    label: Label,
    exposure: Option<Exposure>,
    table: &ColumnTable,
    at: &Span,
    problems: &mut Problems<'_>,
) {
    let why = format!("`{name}` is a `{}`", label.as_str());
    match label {
        Label::Hidden => return,
        Label::Unit => {
            if exposure == Some(Exposure::Open) {
                let problem = format!(
                    "`{name}` is labelled `unit` in an `open` dataset, which protects nobody"
                );
                problems.report(
                    at,
                    problem,
                    "label it `dimension`, hide it, or protect the dataset",
                );
            }
        }
        Label::Dimension => {}
        Label::Filter => {
            if table.breakpoints.is_none() {
                problems.report(
                    at,
                    format!(
                        "`{name}` is a `filter` without breakpoints, so it could never be filtered"
                    ),
                    "add `breakpoints`: `\"months\"`, `\"years\"` or a list of values",
                );
            }
        }
        Label::Measure => {
            if table.bounds.is_none() && exposure == Some(Exposure::Protected) {
                problems.report(
                    at,
                    format!("`{name}` is a protected `measure` without bounds"),
                    "add the smallest and largest plausible value, such as `bounds = { low = 0, high = 100000 }`",
                );
            }
        }
    }
    if label != Label::Dimension {
        problems.forbidden(&table.domain, "domain", &why);
    }
    if !matches!(label, Label::Filter | Label::Measure) {
        problems.forbidden(&table.breakpoints, "breakpoints", &why);
    }
    if label != Label::Measure {
        problems.forbidden(&table.bounds, "bounds", &why);
    }
    if label != Label::Measure || exposure == Some(Exposure::Open) {
        let why = "only a `measure` of protected data is added up for each unit";
        problems.forbidden(&table.unit_bounds, "unit_bounds", why);
        problems.forbidden(&table.unit_breakpoints, "unit_breakpoints", why);
    }
}
