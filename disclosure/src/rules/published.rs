//! Whole tables: where margins are protected, everybody knows which cells a table has.
//!
//! *Statement*: under a profile that answers whole tables, each key's column, and each column that it lies within, has
//! published values, and the combinations of a table's are few enough for all of them to be rows of it. A row of the data
//! that has another value of a column with published ones, or none, is counted nowhere: whoever has no known area needs a
//! code for that.
//!
//! | by `area`, in which somebody may be alone | shown |
//! |---|---|
//! | no published values, nobody is in `C` | `A` 120, `B` 40 |
//! | no published values, somebody is alone in `C` | `A` 120: what `B` shows would tell `C` |
//! | `A`, `B` and `C` are published | the same pattern, with a cell of `C`, whoever is there |
//!
//! *Stops*: attack 33, whether somebody is alone in a group, by what complementary suppression takes away for one. *Doesn't
//! stop*: patterns that follow from how many there are in the cells that everybody knows of.
//!
//! *Source*: tables are protected over declared code lists, as in tau-Argus.

use crate::dataset::{Column, DOMAIN_VALUES_MAX, Dataset, Domain};
use crate::hierarchy::ancestors;
use crate::label::Label;
use crate::policy::Predicates;
use crate::refusal::{Refusal, RefusalCode};
use crate::tabulation::{Comparison, Key, Literal, Scalar, Tabulation};

use super::keys::rows_are_public;

/// All violations: one for each column, and one for the first table with too many cells.
#[must_use]
pub fn violations(tabulation: &Tabulation, dataset: &Dataset) -> Vec<Refusal> {
    if !answers_whole_tables(dataset) {
        return Vec::new();
    }
    let mut names: Vec<&str> = tabulation.keys.iter().filter_map(column_of).collect();
    let coarser: Vec<&str> =
        names.iter().flat_map(|name| ancestors(&dataset.hierarchies, name).into_keys()).collect();
    names.extend(coarser);
    names.sort_unstable();
    names.dedup();
    let columns: Vec<&Column> = names.into_iter().filter_map(|name| dataset.column(name)).collect();
    let unpublished = columns.iter().filter(|column| is_unpublished_dimension(column));
    let found: Vec<Refusal> = unpublished.map(|column| without_values(column, dataset)).collect();
    // Of other keys it is said elsewhere that they are none.
    let all_published = columns.iter().all(|column| column.domain.is_some());
    if !all_published || tabulation.keys.iter().any(|key| column_of(key).is_none()) {
        return found;
    }
    let too_large = |set: &_| !rows_are_public(tabulation, *set, dataset);
    if tabulation.key_sets().iter().any(too_large) {
        return vec![Refusal::new(
            RefusalCode::L503,
            format!(
                "a table of `{}` may have {DOMAIN_VALUES_MAX} cells, counted by the published values of its keys.",
                dataset.name
            ),
            "Group by fewer keys, or by coarser dimensions.",
        )];
    }
    found
}

/// The columns that nobody can group by although they are for that, for their owner to know.
#[must_use]
pub fn unusable_dimensions(dataset: &Dataset) -> Vec<&str> {
    if !answers_whole_tables(dataset) {
        return Vec::new();
    }
    let unusable = |column: &&Column| {
        let coarser = ancestors(&dataset.hierarchies, &column.name).into_keys();
        let mut columns = coarser.filter_map(|name| dataset.column(name));
        column.label == Label::Dimension
            && (column.domain.is_none() || columns.any(is_unpublished_dimension))
    };
    dataset.columns.iter().filter(unusable).map(|column| column.name.as_str()).collect()
}

/// What a row must fulfil to be counted, one condition for each column; NULL is not enough.
#[must_use]
pub fn conditions_of_rows(dataset: &Dataset) -> Vec<Scalar> {
    if !answers_whole_tables(dataset) {
        return Vec::new();
    }
    let dimensions = dataset.columns.iter().filter(|column| column.label == Label::Dimension);
    dimensions.filter_map(|column| Some(is_of(&column.name, column.domain.as_ref()?))).collect()
}

/// That a column has one of these values.
fn is_of(name: &str, domain: &Domain) -> Scalar {
    let column = || Box::new(Scalar::Column(name.to_owned()));
    match domain {
        Domain::Codes(codes) => Scalar::InList { value: column(), list: codes.clone() },
        Domain::Range(first, last) => {
            let side = |op, end: i64| Scalar::Compare {
                op,
                left: column(),
                right: Box::new(Scalar::Literal(Literal::Int64(end))),
            };
            Scalar::And(vec![
                side(Comparison::GreaterOrEqual, *first),
                side(Comparison::LessOrEqual, *last),
            ])
        }
    }
}

fn answers_whole_tables(dataset: &Dataset) -> bool {
    match dataset.profile().predicates {
        Predicates::WholeTables => !dataset.is_open(),
        Predicates::Free | Predicates::Standard | Predicates::Strict => false,
    }
}

fn is_unpublished_dimension(column: &Column) -> bool {
    column.label == Label::Dimension && column.domain.is_none()
}

fn without_values(column: &Column, dataset: &Dataset) -> Refusal {
    let name = &column.name;
    Refusal::new(
        RefusalCode::D203,
        format!(
            "`{name}` has no published values, and of a table of `{}` everybody knows the rows.",
            dataset.name
        ),
        format!(
            "Group by other dimensions. The data owner can publish the values of `{name}` (`domain`), or choose the profile `standard`."
        ),
    )
}

/// The column that a key is. Other keys are refused as such.
fn column_of(key: &Key) -> Option<&str> {
    match &key.scalar {
        Scalar::Column(name) => Some(name),
        Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Call { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AnswerTimes;
    use crate::dataset::{DatasetName, ProtectedUnit, Protection, ReleaseMode};
    use crate::hierarchy::Hierarchy;
    use crate::policy::Preset;
    use crate::tabulation::{Input, Measure, MeasureKind, ScalarType};

    fn text(code: &str) -> Literal {
        Literal::Utf8(code.to_owned())
    }

    fn column(name: &str, scalar_type: ScalarType, domain: Option<Domain>) -> Column {
        Column {
            name: name.to_owned(),
            scalar_type,
            label: Label::Dimension,
            domain,
            breakpoints: None,
            bounds: None,
            measured_in: None,
            unit_totals: None,
            description: None,
        }
    }

    /// Sex and year have published values, street hasn't; ward has, and lies within a district, which hasn't.
    fn dataset(preset: Preset) -> Dataset {
        let codes = |codes: [&str; 2]| Some(Domain::Codes(codes.map(text).to_vec()));
        let ward = Hierarchy::new("ward", "district", [(text("W1"), text("D1"))]).unwrap();
        Dataset {
            name: DatasetName::new("health", "visits").unwrap(),
            description: None,
            columns: vec![
                column("sex", ScalarType::Utf8, codes(["F", "M"])),
                column("year", ScalarType::Int64, Some(Domain::Range(0, 9_999))),
                column("ward", ScalarType::Utf8, codes(["W1", "W2"])),
                column("district", ScalarType::Utf8, None),
                column("street", ScalarType::Utf8, None),
            ],
            impossible: Vec::new(),
            hierarchies: vec![ward],
            protection: Protection::Protected {
                unit: ProtectedUnit::Row,
                profile: preset.profile(),
                release: ReleaseMode::AtNode,
                units_at_one_node: true,
                record_key: None,
                perturbation: None,
                conditions_max: None,
                answer_times: AnswerTimes::at_once(),
                rows_about: None,
                reference_joins: true,
                unit_joins: Default::default(),
            },
            snapshot: 0,
        }
    }

    fn codes(keys: &[&str], preset: Preset) -> Vec<RefusalCode> {
        let keys = keys.iter().map(|name| Key { scalar: Scalar::Column((*name).to_owned()) });
        let question = Tabulation {
            input: Input::Scan {
                dataset: DatasetName::new("health", "visits").unwrap(),
                fingerprint: 0,
            },
            keys: keys.collect(),
            sets: Vec::new(),
            measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
            groups_max: 1_000,
        };
        violations(&question, &dataset(preset)).into_iter().map(|refusal| refusal.code()).collect()
    }

    #[test]
    fn whole_tables_are_by_columns_with_published_values() {
        for preset in [Preset::Exact, Preset::Round5] {
            assert_eq!(codes(&[], preset), []);
            assert_eq!(codes(&["sex"], preset), []);
            assert_eq!(codes(&["sex", "street"], preset), [RefusalCode::D203]);
            // Its margins are by district, too.
            assert_eq!(codes(&["ward"], preset), [RefusalCode::D203]);
            assert_eq!(codes(&["ward", "district", "street"], preset).len(), 2, "once each");
            assert_eq!(codes(&["year"], preset), []);
            assert_eq!(codes(&["year", "sex"], preset), [RefusalCode::L503], "20 000 cells");
        }
        for preset in [Preset::Standard, Preset::Strict, Preset::OnsCkm, Preset::Midpoint6] {
            assert_eq!(codes(&["ward", "street", "year", "sex"], preset), []);
        }
    }

    #[test]
    fn an_owner_is_told_of_dimensions_that_nobody_can_group_by() {
        let unusable = |preset| {
            let dataset = dataset(preset);
            unusable_dimensions(&dataset).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(unusable(Preset::Exact), ["ward", "district", "street"]);
        assert!(unusable(Preset::Standard).is_empty());
    }

    #[test]
    fn a_row_is_of_whole_tables_where_it_has_published_values() {
        use crate::tabulation::interpret::truth;
        let conditions = conditions_of_rows(&dataset(Preset::Exact));
        assert_eq!(conditions.len(), 3, "of sex, year and ward");
        let counts = |sex: &str, year: i64| {
            let row = [("sex", text(sex)), ("year", Literal::Int64(year)), ("ward", text("W2"))];
            conditions.iter().all(|condition| truth(condition, &row.clone().into()) == Some(true))
        };
        assert!(counts("F", 0) && counts("M", 9_999));
        assert!(!counts("X", 0) && !counts("F", 10_000));
        let without = [("year", Literal::Int64(1)), ("ward", text("W1"))].into();
        assert!(conditions.iter().any(|condition| truth(condition, &without) != Some(true)));
        assert!(conditions_of_rows(&dataset(Preset::Midpoint6)).is_empty());
    }
}
