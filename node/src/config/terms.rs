//! The terms of a dataset: open or protected, and if protected who, how strictly and by which side.

use insitu_disclosure::dataset::{ProtectedUnit, Protection, ReleaseMode};
use insitu_disclosure::label::Label;
use insitu_disclosure::policy::Profile;
use toml::Spanned;

use super::document::{ColumnTable, DatasetTable, Whole};
use super::problems::{Problems, Span};

/// Whether rows may travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exposure {
    /// Published data.
    Open,
    /// Only protected tables leave.
    Protected,
}

/// Reads `protection`; there is no default.
pub(super) fn exposure(
    table: &DatasetTable,
    at: &Span,
    problems: &mut Problems<'_>,
) -> Option<Exposure> {
    let fix = "add `protection = \"protected\"`, or `\"open\"` if every row is published already";
    let word = problems.required(&table.protection, at, "protection", fix)?;
    let choices = [("open", Exposure::Open), ("protected", Exposure::Protected)];
    problems.choice(word, "protection", &choices)
}

/// Checks the terms.
pub(super) fn protection(
    table: &DatasetTable,
    at: &Span,
    exposure: Exposure,
    problems: &mut Problems<'_>,
) -> Option<Protection> {
    match exposure {
        Exposure::Open => {
            open(table, problems);
            Some(Protection::Open)
        }
        Exposure::Protected => protected(table, at, problems),
    }
}

/// An open dataset has no terms: any would be believed to hold.
fn open(table: &DatasetTable, problems: &mut Problems<'_>) {
    let why = "an `open` dataset protects nobody";
    problems.forbidden(&table.unit, "unit", why);
    problems.forbidden(&table.unit_unique_per_row, "unit_unique_per_row", why);
    problems.forbidden(&table.units_at_one_node, "units_at_one_node", why);
    problems.forbidden(&table.profile, "profile", why);
    problems.forbidden(&table.threshold_units, "threshold_units", why);
    problems.forbidden(&table.rounding_base, "rounding_base", why);
    problems.forbidden(&table.release, "release", why);
}

fn protected(table: &DatasetTable, at: &Span, problems: &mut Problems<'_>) -> Option<Protection> {
    let fix = "add `unit = \"row\"` if each row is one person or household, or the name of the column that \
               identifies them";
    let unit = problems
        .required(&table.unit, at, "unit", fix)
        .and_then(|name| unit(name, table, at, problems));
    let profile = profile(table, at, problems);
    let fix = "add `release = \"at-node\"` if the node protects its own tables, or `\"at-gateway\"` if the \
               gateway protects the total over several nodes";
    let release = problems.required(&table.release, at, "release", fix).and_then(|word| {
        let choices =
            [ReleaseMode::AtNode, ReleaseMode::AtGateway].map(|mode| (mode.as_str(), mode));
        problems.choice(word, "release", &choices)
    });
    let fix = "add `units_at_one_node = true` if nobody has rows at two nodes of this dataset, otherwise `false`";
    let units_at_one_node =
        problems.required(&table.units_at_one_node, at, "units_at_one_node", fix);
    Some(Protection::Protected {
        unit: unit?,
        profile: profile?,
        release: release?,
        units_at_one_node: *units_at_one_node?.get_ref(),
    })
}

/// The protected unit. Works on the document's tables: a column that fails its own check still is
/// the unit its owner meant.
fn unit(
    name: &Spanned<String>,
    table: &DatasetTable,
    at: &Span,
    problems: &mut Problems<'_>,
) -> Option<ProtectedUnit> {
    let columns = &table.column.0;
    let text = name.get_ref();
    for column in columns.iter().filter(|c| is_unit(c.get_ref())) {
        let other = column.get_ref().name.as_ref().map_or("", |n| n.get_ref());
        if other != text {
            problems.report(
                &column.span(),
                format!("column `{other}` is labelled `unit`, but `unit` is `{text}`"),
                "a dataset has one protected unit: name this column there, or hide it",
            );
        }
    }
    if text == "row" {
        let why = "with `unit = \"row\"` each row is one unit anyway";
        problems.forbidden(&table.unit_unique_per_row, "unit_unique_per_row", why);
        return Some(ProtectedUnit::Row);
    }
    let fix = "add `unit_unique_per_row = true` if nobody has two rows, otherwise `false`";
    let unique = problems.required(&table.unit_unique_per_row, at, "unit_unique_per_row", fix);
    let named =
        |c: &&Spanned<ColumnTable>| c.get_ref().name.as_ref().is_some_and(|n| n.get_ref() == text);
    match columns.iter().find(named) {
        Some(column) if is_unit(column.get_ref()) => {}
        Some(column) => problems.report(
            &column.span(),
            format!("column `{text}` is the protected unit, but isn't labelled `unit`"),
            "add `label = \"unit\"` to it",
        ),
        None => problems.report(
            &name.span(),
            format!("`unit` names no column: there is no `{text}`"),
            "write `\"row\"`, or the name of a column labelled `unit`",
        ),
    }
    Some(ProtectedUnit::Column { name: text.clone(), unique_per_row: *unique?.get_ref() })
}

fn is_unit(column: &ColumnTable) -> bool {
    column.label.as_ref().is_some_and(|label| label.get_ref() == Label::Unit.as_str())
}

/// A named preset, tightened. Never loosened: the preset's numbers are the least there is.
fn profile(table: &DatasetTable, at: &Span, problems: &mut Problems<'_>) -> Option<Profile> {
    let fix = "add `profile = \"standard\"`: at least 10 units, rounded to 5";
    let preset = problems
        .required(&table.profile, at, "profile", fix)
        .and_then(|word| problems.choice(word, "profile", &[("standard", Profile::STANDARD)]))?;
    let threshold_units = match &table.threshold_units {
        Some(value) => tightened(value, "threshold_units", problems).filter(|units| {
            let is_kept = preset.threshold_units <= *units;
            if !is_kept {
                problems.report(
                    &value.span(),
                    format!(
                        "`threshold_units` is {units}, below the profile's {}",
                        preset.threshold_units
                    ),
                    format!(
                        "write {} or more: a profile is only tightened",
                        preset.threshold_units
                    ),
                );
            }
            is_kept
        }),
        None => Some(preset.threshold_units),
    };
    let rounding_base = match &table.rounding_base {
        Some(value) => tightened(value, "rounding_base", problems).filter(|base| {
            let is_kept = base.checked_rem(preset.rounding_base) == Some(0);
            if !is_kept {
                problems.report(
                    &value.span(),
                    format!(
                        "`rounding_base` is {base}, not a multiple of the profile's {}",
                        preset.rounding_base
                    ),
                    format!(
                        "write {0}, or a multiple of {0}: a profile is only tightened",
                        preset.rounding_base
                    ),
                );
            }
            is_kept
        }),
        None => Some(preset.rounding_base),
    };
    Some(Profile { threshold_units: threshold_units?, rounding_base: rounding_base? })
}

/// A number of the rules. Beyond a million nothing would ever be shown.
fn tightened(value: &Spanned<Whole>, key: &str, problems: &mut Problems<'_>) -> Option<u32> {
    problems.whole(value, key, 1..=1_000_000).and_then(|number| u32::try_from(number).ok())
}
