//! What the engine says, as Refusals. While planning it has seen text and catalogue only, so its
//! sentence may be shown; while running it has seen values, so it may not.

use insitu_disclosure::{Refusal, RefusalCode, Refusals};
use insitu_engine::common::{Column, DataFusionError, SchemaError};
use insitu_engine::is_spill_full;

use super::checked::TooLarge;
use super::misuse;

/// The most of a name that is repeated.
const NAME_CHARACTERS_MAX: usize = 100;

/// A Refusal for what went wrong while planning.
pub(crate) fn planning_refusal(error: &DataFusionError) -> Refusals {
    if let Some(misused) = misuse::refusal(error) {
        return misused.into();
    }
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            planning_refusal(inner)
        }
        DataFusionError::Shared(inner) => planning_refusal(inner),
        DataFusionError::Collection(errors) => {
            let each =
                errors.iter().flat_map(|e| planning_refusal(e).iter().cloned().collect::<Vec<_>>());
            Refusals::collect(each).unwrap_or_else(|| not_planned("").into())
        }
        DataFusionError::SchemaError(error, _) => schema_refusal(error).into(),
        DataFusionError::SQL(error, _) => {
            let text = error.to_string();
            let text = text.trim_start_matches("sql parser error: ");
            Refusal::new(
                RefusalCode::Q102,
                format!("the statement can't be read: {text}."),
                "Check the text there.",
            )
            .into()
        }
        DataFusionError::NotImplemented(text) => Refusal::new(
            RefusalCode::Q104,
            format!("the statement uses something that isn't offered: {}.", sentence(text)),
            "Write the question with plain `SELECT`, `JOIN`, `WHERE`, `GROUP BY` and CTEs.",
        )
        .into(),
        DataFusionError::Plan(text) => plan_refusal(text).into(),
        // Of what is calculated while planning: a literal, or several.
        DataFusionError::ArrowError(..) | DataFusionError::Execution(_) => Refusal::new(
            RefusalCode::Q107,
            "a literal, or what is calculated from literals, has no value in the type that is needed there.",
            "Write literals in the type of what they are compared with, such as `DATE '2024-01-31'`.",
        )
        .into(),
        DataFusionError::External(inner) if inner.is::<TooLarge>() => too_large(),
        DataFusionError::Configuration(_)
        | DataFusionError::ParquetError(_)
        | DataFusionError::ObjectStore(_)
        | DataFusionError::IoError(_)
        | DataFusionError::Internal(_)
        | DataFusionError::ExecutionJoin(_)
        | DataFusionError::ResourcesExhausted(_)
        | DataFusionError::External(_)
        | DataFusionError::Substrait(_)
        | DataFusionError::Ffi(_) => not_planned("").into(),
    }
}

/// A number that doesn't fit its type.
pub(super) fn too_large() -> Refusals {
    Refusal::new(
        RefusalCode::Q107,
        "a calculated number is too large for its type.",
        "Cast what is calculated with to `DOUBLE`, or whole numbers to `DECIMAL(38, 0)`.",
    )
    .into()
}

/// What to do about two columns of one name.
const NAME_CASTS: &str = "Name each with `AS`; what is grouped by or aggregated, in a subquery first: \
    `SELECT a, b, … FROM (SELECT CAST(x AS DATE) AS a, x AS b FROM …) AS t GROUP BY a, b`.";

fn plan_refusal(text: &str) -> Refusal {
    let lower = text.to_lowercase();
    // The engine names a cast as it names what is cast.
    if lower.contains("require unique expression names") {
        return Refusal::new(
            RefusalCode::Q109,
            "two columns have the same name; a cast has that of what it casts.",
            NAME_CASTS,
        );
    }
    if let Some(function) = unmatched(text) {
        let is_of_dates = matches!(function, "date_part" | "date_trunc");
        return Refusal::new(
            RefusalCode::Q107,
            format!("`{function}` doesn't take values of these types."),
            if is_of_dates {
                "Use a date or a timestamp. The difference of two dates is a number of days already."
            } else {
                "Use `CAST`."
            },
        );
    }
    let about_types = [
        "cannot coerce",
        "coerce",
        "cannot infer common",
        "type mismatch",
        "cast",
        "signature",
        "data type",
    ];
    if about_types.iter().any(|words| lower.contains(words)) {
        return Refusal::new(
            RefusalCode::Q107,
            format!("types don't fit together: {}.", sentence(text)),
            "Write literals in the column's type, or use `CAST`.",
        );
    }
    not_planned(text)
}

/// The function that has no form for its arguments, in the engine's words.
fn unmatched(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("Function '")?;
    let (function, rest) = rest.split_once('\'')?;
    rest.trim_start().starts_with("failed to match any signature").then_some(function)
}

fn not_planned(text: &str) -> Refusal {
    let text = sentence(text);
    let message = if text.is_empty() {
        "the statement can't be planned.".to_owned()
    } else {
        format!("the statement can't be planned: {text}.")
    };
    Refusal::new(
        RefusalCode::Q109,
        message,
        "Correct the statement; qualify names that stand in several tables.",
    )
}

/// The engine's first sentence, without its prefixes and hints for developers.
fn sentence(text: &str) -> String {
    let first = text.lines().next().unwrap_or("");
    let first = first.split("This issue was likely caused").next().unwrap_or("");
    let first = first.split("backtrace:").next().unwrap_or("");
    first.trim().trim_end_matches('.').chars().take(240).collect()
}

fn schema_refusal(error: &SchemaError) -> Refusal {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => unknown_column(field, valid_fields),
        SchemaError::AmbiguousReference { field } => Refusal::new(
            RefusalCode::Q109,
            format!("`{}` stands in several tables.", field.name),
            "Write it with its table's name: `t.column`.",
        ),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => Refusal::new(
            RefusalCode::Q109,
            format!("two columns are both named `{name}`; a cast has the name of what it casts."),
            NAME_CASTS,
        ),
    }
}

fn unknown_column(field: &Column, valid: &[Column]) -> Refusal {
    // The engine writes what stands without quotes in small letters; names of columns are written so, too.
    let is_name_char = |c: char| c == '_' || (c.is_alphanumeric() && !c.is_uppercase());
    let is_like_a_text = !field.name.contains('\'')
        && (!field.name.chars().all(is_name_char)
            || field.name.starts_with(|c: char| c.is_numeric()));
    let nearest = valid
        .iter()
        .map(|c| (strsim::jaro_winkler(&c.name, &field.name.to_lowercase()), c))
        .filter(|(similarity, _)| 0.75 <= *similarity)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let fix = match nearest {
        Some((_, column)) => format!("Did you mean `{}`?", column.name),
        None => {
            let names: Vec<&str> = valid.iter().take(20).map(|c| c.name.as_str()).collect();
            if names.is_empty() {
                String::new()
            } else {
                format!("There are: {}.", names.join(", "))
            }
        }
    };
    let name: String = field.name.chars().take(NAME_CHARACTERS_MAX).collect();
    let text = is_like_a_text.then(|| format!("A text stands in single quotes: '{name}'."));
    let fix =
        text.into_iter().chain((!fix.is_empty()).then_some(fix)).collect::<Vec<_>>().join(" ");
    Refusal::new(RefusalCode::Q106, format!("there is no column `{name}`."), fix)
}

/// A Refusal for what went wrong while the upper plan ran. The engine's text may quote values, so
/// none of it is kept.
pub(super) fn running_refusal(error: &DataFusionError) -> Refusals {
    let error = error.find_root();
    if let Some(misused) = misuse::refusal(error) {
        return misused.into();
    }
    match error {
        error if is_spill_full(error) => too_little_memory(),
        DataFusionError::ResourcesExhausted(_) => too_little_memory(),
        DataFusionError::ArrowError(..) | DataFusionError::Execution(_) => Refusal::new(
            RefusalCode::Q107,
            "an expression over the released tables or open data has no value for one of their rows, or a total is too \
             large for its type.",
            "Use `TRY_CAST` for casts, `NULLIF(x, 0)` beneath divisions, and `sum(CAST(x AS DECIMAL(38, 0)))` for large totals.",
        )
        .into(),
        DataFusionError::External(inner) if inner.is::<TooLarge>() => too_large(),
        // The engine chooses its steps only now, and finds what it has none for: what it says of most is in `misuse`.
        DataFusionError::NotImplemented(_) | DataFusionError::Plan(_) => Refusal::new(
            RefusalCode::Q104,
            "the statement uses something that the engine can't run.",
            "Write subqueries as joins with CTEs, and one aggregate or window function at a time.",
        )
        .into(),
        // A column that it lost on the way.
        DataFusionError::SchemaError(..) => Refusal::new(
            RefusalCode::Q104,
            "the statement uses something that the engine can't run: most often a subquery that names a column of a query further out \
             than the one right around it, or that aggregates.",
            "Write the subquery as a join with a CTE.",
        )
        .into(),
        DataFusionError::ParquetError(_)
        | DataFusionError::ObjectStore(_)
        | DataFusionError::IoError(_)
        | DataFusionError::SQL(..)
        | DataFusionError::Internal(_)
        | DataFusionError::Configuration(_)
        | DataFusionError::ExecutionJoin(_)
        | DataFusionError::External(_)
        | DataFusionError::Context(..)
        | DataFusionError::Substrait(_)
        | DataFusionError::Diagnostic(..)
        | DataFusionError::Collection(_)
        | DataFusionError::Shared(_)
        | DataFusionError::Ffi(_) => {
            tracing::error!(kind = kind_of(error), "the upper plan failed");
            internal()
        }
    }
}

fn too_little_memory() -> Refusals {
    Refusal::new(
        RefusalCode::L506,
        "the query needs more memory than a query is given.",
        "Group by fewer or coarser dimensions.",
    )
    .into()
}

/// What mustn't happen.
pub(super) fn internal() -> Refusals {
    Refusal::new(
        RefusalCode::X901,
        "something went wrong inside the gateway.",
        "Report the query id.",
    )
    .into()
}

/// The kind of an error, for the log. Its text may quote values.
const fn kind_of(error: &DataFusionError) -> &'static str {
    match error {
        DataFusionError::ArrowError(..) => "arrow",
        DataFusionError::ParquetError(_) => "parquet",
        DataFusionError::ObjectStore(_) => "object store",
        DataFusionError::IoError(_) => "input or output",
        DataFusionError::SQL(..) => "parser",
        DataFusionError::NotImplemented(_) => "not implemented",
        DataFusionError::Internal(_) => "internal",
        DataFusionError::Plan(_) => "plan",
        DataFusionError::Configuration(_) => "configuration",
        DataFusionError::SchemaError(..) => "schema",
        DataFusionError::Execution(_) => "execution",
        DataFusionError::ExecutionJoin(_) => "join of tasks",
        DataFusionError::ResourcesExhausted(_) => "resources exhausted",
        DataFusionError::External(_) => "external",
        DataFusionError::Context(..) => "context",
        DataFusionError::Substrait(_) => "substrait",
        DataFusionError::Diagnostic(..) => "diagnostic",
        DataFusionError::Collection(_) => "collection",
        DataFusionError::Shared(_) => "shared",
        DataFusionError::Ffi(_) => "foreign function",
    }
}
