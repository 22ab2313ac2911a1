//! The terms of a dataset: open or protected, and if protected who, how strictly and by which side.

use insitu_disclosure::dataset::{ProtectedUnit, Protection, ReleaseMode};
use insitu_disclosure::label::Label;
use insitu_disclosure::noise::INFUSION_PERCENT_MAX;
use insitu_disclosure::policy::{Complementary, Dominance, Noise, Predicates, Preset, Profile};
use toml::Spanned;

use self::Stricter::{Larger, LargerUpTo, Multiple, Smaller};
use super::document::{At, ColumnTable, DatasetTable, Whole};
use super::problems::{Problems, Span};
use super::{answer_times, unit_joins};

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
    for (number, key) in numbers(table) {
        problems.forbidden(number, key, why);
    }
    problems.forbidden(&table.record_key, "record_key", why);
    problems.forbidden(&table.p_table, "p_table", why);
    problems.forbidden(&table.release, "release", why);
    problems.forbidden(&table.conditions_max, "conditions_max", why);
    problems.forbidden(&table.answer_times, "answer_times", why);
    problems.forbidden(&table.rows_about, "rows_about", why);
    problems.forbidden(&table.reference_joins, "reference_joins", why);
    problems.forbidden(&table.unit_joins, "unit_joins", why);
}

fn protected(table: &DatasetTable, at: &Span, problems: &mut Problems<'_>) -> Option<Protection> {
    let fix = "add `unit = \"row\"` if each row is one person or household, or the name of the column that \
               identifies them";
    let unit = problems
        .required(&table.unit, at, "unit", fix)
        .and_then(|name| unit(name, table, at, problems));
    let profile = profile(table, at, problems);
    additive(unit.as_ref(), profile, table, problems);
    noiseless(profile, table, problems);
    whole_tables(profile, table, problems);
    let fix = "add `release = \"at-node\"` if the node protects its own tables, or `\"at-gateway\"` if the \
               gateway protects the total over several nodes";
    let release = problems.required(&table.release, at, "release", fix).and_then(|word| {
        let choices =
            [ReleaseMode::AtNode, ReleaseMode::AtGateway].map(|mode| (mode.as_str(), mode));
        problems.choice(word, "release", &choices)
    });
    let fix = "add `units_at_one_node = true` if nobody has rows at two nodes of this dataset, otherwise `false`";
    if release == Some(ReleaseMode::AtNode) {
        let why = "a node protects its own tables alone; it is about departments whose cells are added up";
        problems.forbidden(&table.others_min, "others_min", why);
    }
    let units_at_one_node =
        problems.required(&table.units_at_one_node, at, "units_at_one_node", fix);
    let conditions_max = conditions_max(table, problems);
    let answer_times = answer_times::answer_times(table, problems);
    let rows_about = rows_about(table, problems);
    let unit_joins = unit_joins::unit_joins(table, problems);
    Some(Protection::Protected {
        unit: unit?,
        profile: profile?,
        release: release?,
        units_at_one_node: *units_at_one_node?.get_ref(),
        record_key: record_key(table, problems),
        perturbation: None,
        conditions_max: conditions_max?,
        answer_times: answer_times?,
        rows_about: rows_about?,
        // They say nothing that `CASE` couldn't (`insitu_disclosure::rules::references`), so they are allowed.
        reference_joins: table.reference_joins.as_ref().is_none_or(|allowed| *allowed.get_ref()),
        unit_joins: unit_joins?,
    })
}

/// The budget; none unless it is written. Beyond a million it would bound nothing.
fn conditions_max(table: &DatasetTable, problems: &mut Problems<'_>) -> Option<Option<u32>> {
    let Some(value) = &table.conditions_max else { return Some(None) };
    let number = problems.whole(value, "conditions_max", 1..=1_000_000)?;
    u32::try_from(number).ok().map(Some)
}

/// About how many rows there are; unless it is written, no table is too sparse.
fn rows_about(table: &DatasetTable, problems: &mut Problems<'_>) -> Option<Option<u64>> {
    let Some(value) = &table.rows_about else { return Some(None) };
    let number = problems.whole(value, "rows_about", 1..=i64::MAX)?;
    u64::try_from(number).ok().map(Some)
}

/// Complementary suppression rests on cells that add up to their margins, as they do only where each unit has one
/// row.
fn additive(
    unit: Option<&ProtectedUnit>,
    profile: Option<Profile>,
    table: &DatasetTable,
    problems: &mut Problems<'_>,
) {
    let many_rows = matches!(unit, Some(ProtectedUnit::Column { unique_per_row: false, .. }));
    let wanted = profile.is_some_and(|p| p.complementary == Complementary::On);
    if let (true, true, Some(word)) = (many_rows, wanted, &table.profile) {
        problems.report(
            &word.span(),
            format!(
                "`{}` suppresses what could be computed from margins, which takes units with one row each",
                word.get_ref()
            ),
            "write `standard`, `strict` or `midpoint-6`, or publish one row for each unit",
        );
    }
}

/// What a cell-key method of the owner's own is for: whoever declares one believes that it protects.
fn noiseless(profile: Option<Profile>, table: &DatasetTable, problems: &mut Problems<'_>) {
    let Some(profile) = profile else { return };
    match profile.noise {
        Noise::Cell | Noise::CellAndQuestion => return,
        Noise::Totals => {
            let why = "this profile adds no noise to counts, which such a table is for";
            problems.forbidden(&table.p_table, "p_table", why);
        }
        Noise::None => {
            let why = "this profile adds no noise, so that it would have no effect";
            problems.forbidden(&table.p_table, "p_table", why);
            problems.forbidden(&table.infusion_percent, "infusion_percent", why);
        }
    }
    // Record keys also draw how far a threshold is raised.
    if !profile.draws() {
        let why = "this profile adds no noise, so that it would have no effect";
        problems.forbidden(&table.record_key, "record_key", why);
    }
}

/// A number for sets that are chosen, where none can be.
fn whole_tables(profile: Option<Profile>, table: &DatasetTable, problems: &mut Problems<'_>) {
    if profile.is_some_and(|profile| profile.predicates == Predicates::WholeTables) {
        let why = "this profile answers whole tables only, in which nobody chooses a set, so that it would have no effect";
        problems.forbidden(&table.threshold_blur_chosen, "threshold_blur_chosen", why);
    }
}

/// The numbers of a profile that may be written.
fn numbers(table: &DatasetTable) -> [(&At<Whole>, &'static str); 10] {
    [
        (&table.threshold_units, "threshold_units"),
        (&table.threshold_blur, "threshold_blur"),
        (&table.threshold_blur_chosen, "threshold_blur_chosen"),
        (&table.infusion_percent, "infusion_percent"),
        (&table.rounding_base, "rounding_base"),
        (&table.p_percent, "p_percent"),
        (&table.one_percent, "one_percent"),
        (&table.two_percent, "two_percent"),
        (&table.degrees_of_freedom, "degrees_of_freedom"),
        (&table.others_min, "others_min"),
    ]
}

/// The column with each row's own record key: whole numbers, and hidden.
fn record_key(table: &DatasetTable, problems: &mut Problems<'_>) -> Option<String> {
    let name = table.record_key.as_ref()?;
    let named = |c: &&Spanned<ColumnTable>| {
        c.get_ref().name.as_ref().is_some_and(|n| n.get_ref() == name.get_ref())
    };
    let Some(column) = table.column.0.iter().find(named) else {
        problems.report(
            &name.span(),
            format!("`record_key` names no column: there is no `{}`", name.get_ref()),
            "write the name of a column with `type = \"integer\"` and without a label",
        );
        return None;
    };
    let form = column.get_ref();
    let hidden = form.label.as_ref().is_none_or(|l| l.get_ref() == Label::Hidden.as_str());
    let whole = form.scalar_type.as_ref().is_some_and(|t| t.get_ref() == "integer");
    if !hidden || !whole {
        problems.report(
            &column.span(),
            format!("column `{}` can't be the record key", name.get_ref()),
            "write `type = \"integer\"` and leave the label out: whoever knows record keys knows the noise",
        );
    }
    Some(name.get_ref().clone())
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
    let fix = "add `profile = \"standard\"`: at least 10 units, noise, rounded to 5";
    let choices = Preset::ALL.map(|preset| (preset.as_str(), preset));
    let preset = problems
        .required(&table.profile, at, "profile", fix)
        .and_then(|word| problems.choice(word, "profile", &choices))?
        .profile();
    let mut number = |value: &At<Whole>, key, preset, stricter| match value {
        None => Some(preset),
        Some(value) => tightened(value, key, preset, stricter, problems),
    };
    let threshold_units =
        number(&table.threshold_units, "threshold_units", preset.threshold_units, Larger);
    let threshold_blur =
        number(&table.threshold_blur, "threshold_blur", preset.threshold_blur, Larger);
    let threshold_blur_chosen = number(
        &table.threshold_blur_chosen,
        "threshold_blur_chosen",
        preset.threshold_blur_chosen,
        Larger,
    );
    let infusion_percent = number(
        &table.infusion_percent,
        "infusion_percent",
        preset.infusion_percent,
        LargerUpTo(INFUSION_PERCENT_MAX),
    );
    let rounding_base =
        number(&table.rounding_base, "rounding_base", preset.rounding_base, Multiple);
    let p_percent = number(&table.p_percent, "p_percent", preset.dominance.p_percent, Larger);
    let one_percent =
        number(&table.one_percent, "one_percent", preset.dominance.one_percent, Smaller);
    let two_percent =
        number(&table.two_percent, "two_percent", preset.dominance.two_percent, Smaller);
    let degrees_of_freedom =
        number(&table.degrees_of_freedom, "degrees_of_freedom", preset.degrees_of_freedom, Larger);
    let others_min = number(&table.others_min, "others_min", preset.others_min, Larger);
    Some(Profile {
        others_min: others_min?,
        threshold_units: threshold_units?,
        threshold_blur: threshold_blur?,
        threshold_blur_chosen: threshold_blur_chosen?,
        infusion_percent: infusion_percent?,
        rounding_base: rounding_base?,
        dominance: Dominance {
            p_percent: p_percent?,
            one_percent: one_percent?,
            two_percent: two_percent?,
        },
        degrees_of_freedom: degrees_of_freedom?,
        ..preset
    })
}

/// Which numbers are stricter than a preset's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stricter {
    /// Larger ones.
    Larger,
    /// Larger ones up to this.
    LargerUpTo(u32),
    /// Smaller ones.
    Smaller,
    /// Its multiples.
    Multiple,
}

/// A number of the rules. Beyond a million nothing would ever be shown.
fn tightened(
    value: &Spanned<Whole>,
    key: &str,
    preset: u32,
    stricter: Stricter,
    problems: &mut Problems<'_>,
) -> Option<u32> {
    let most = match stricter {
        Larger | Smaller | Multiple => 1_000_000,
        LargerUpTo(most) => i64::from(most),
    };
    let number = problems.whole(value, key, 0..=most)?;
    let number = u32::try_from(number).ok()?;
    let (kept, problem, fix) = match stricter {
        Larger | LargerUpTo(_) => (
            preset <= number,
            format!("below the profile's {preset}"),
            format!("write {preset} or more"),
        ),
        Smaller => (
            number <= preset,
            format!("above the profile's {preset}"),
            format!("write {preset} or less"),
        ),
        Multiple => (
            0 < number && number.checked_rem(preset) == Some(0),
            format!("not a multiple of the profile's {preset}"),
            format!("write {preset}, or a multiple of {preset}"),
        ),
    };
    if !kept {
        let problem = format!("`{key}` is {number}, {problem}");
        problems.report(&value.span(), problem, format!("{fix}: a profile is only tightened"));
    }
    kept.then_some(number)
}
