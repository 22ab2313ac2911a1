//! Which sets of rows a column's value names, and which their asker chose.

use std::collections::{BTreeMap, BTreeSet};

use super::sets::is_of_a_column;
use crate::dataset::Dataset;
use crate::function::Function;
use crate::label::Label;
use crate::rules::edge::Edge;
use crate::tabulation::{Comparison, KeySet, Scalar, Tabulation, UnitJoinKind};

/// Characters of a pattern that stand for others.
const WILDCARDS: [char; 3] = ['%', '_', '\\'];

impl Edge {
    /// Of a grouping set's cells and a measure's own condition: [`Edge::Named`] if each condition on the rows, the measure's
    /// `FILTER`, those of a roll-up and of joins included, and each key of the set is one of these.
    ///
    /// | named | |
    /// |---|---|
    /// | a key that is a column, or a coarser form of one: its month, its beginning, another type | as breakdowns have it |
    /// | `=` one value, `IN` a list of one, of such a form; a text's beginning by `LIKE 'F2%'` | one row of that breakdown |
    /// | `IS NULL`, `IS NOT NULL` of it; a truth value | likewise |
    /// | one range of one column, from or up to a value, as a condition or as a key | the sets lie within one another |
    /// | one range between two values of one `filter` or `measure` | these are compared at published breakpoints only |
    /// | anything about columns that are keys of the set as they are | it leaves rows of the breakdown out |
    /// | a semi or inner join by the unit to such rows | who is among them |
    ///
    /// All else is chosen: lists, `OR`, `NOT`, `<>`, other patterns, two parts of one text, `CASE`, arithmetic, ranges of two columns; numbers of
    /// a unit's rows that fulfil a condition, and anti and left joins to such rows, since who has none is a set as well. So are
    /// look-ups: whoever brings the table could have made it for that.
    #[must_use]
    pub fn of(
        tabulation: &Tabulation,
        dataset: &Dataset,
        set: KeySet,
        filter: Option<&Scalar>,
    ) -> Self {
        let keys = tabulation.keys.iter().enumerate().filter(|(at, _)| set.keeps(*at));
        let keys: Vec<&Scalar> = keys.map(|(_, key)| &key.scalar).collect();
        let names = keys.iter().filter(|key| matches!(key, Scalar::Column(_)));
        let mut seen =
            Seen { held: names.flat_map(|key| key.columns()).collect(), ..Seen::default() };
        let input = &tabulation.input;
        for predicate in input.predicates().into_iter().chain(filter) {
            seen.condition(predicate);
        }
        if let Some((roll_up, below)) = input.roll_up() {
            for predicate in below.predicates() {
                seen.condition(predicate);
            }
            let of_counts = roll_up.counts.iter().filter_map(|count| count.filter.as_ref());
            let of_totals = roll_up.totals.iter().filter_map(|total| total.filter.as_ref());
            // Who has none of these rows is a set as well, whichever way the numbers are compared: `<>` in other words.
            seen.chosen |= of_counts.chain(of_totals).next().is_some();
        }
        for join in input.unit_joins() {
            // Its columns may have the names of others. Each is one more place to choose in, so that a range is a choice.
            let mut there = Seen::default();
            if let Some(predicate) = &join.predicate {
                there.condition(predicate);
            }
            let leaves_out = match join.kind {
                UnitJoinKind::Semi | UnitJoinKind::Inner => false,
                // Who has no such row there, or nothing in its columns.
                UnitJoinKind::Anti | UnitJoinKind::Left => join.predicate.is_some(),
            };
            seen.chosen |= leaves_out || there.chosen || !there.ranges.is_empty();
        }
        for key in keys {
            seen.key(key);
        }
        if seen.is_chosen(dataset) { Self::Chosen } else { Self::Named }
    }
}

/// What conditions and keys do to columns.
#[derive(Debug, Default)]
struct Seen<'a> {
    /// Columns that are keys as they are: one value in each cell, so that what is said of them alone is true or not of a whole
    /// row of the breakdown.
    held: BTreeSet<&'a str>,
    /// Whether one of them names nothing.
    chosen: bool,
    /// The columns of which there is a range, from a value on or up to one.
    ranges: BTreeSet<(&'a str, Side)>,
    /// What is cut out of columns' texts.
    cuts_of_texts: BTreeMap<String, String>,
    /// How many comparisons with a value there are.
    cuts: u32,
    /// Whether one of them is a key: what is beyond it is a set as well, which another would cut.
    key_cuts: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Below,
    Above,
}

impl<'a> Seen<'a> {
    fn condition(&mut self, scalar: &'a Scalar) {
        if self.is_held(scalar) {
            return;
        }
        match scalar {
            Scalar::And(parts) => {
                for part in parts {
                    self.condition(part);
                }
            }
            Scalar::Literal(_) | Scalar::Column(_) | Scalar::IsNull(_) => {
                self.form(scalar.children().first().copied());
            }
            Scalar::Not(inner) => match inner.as_ref() {
                Scalar::IsNull(value) => self.form(Some(value.as_ref())),
                Scalar::Column(_) => {}
                Scalar::Literal(_)
                | Scalar::Compare { .. }
                | Scalar::And(_)
                | Scalar::Or(_)
                | Scalar::Not(_)
                | Scalar::InList { .. }
                | Scalar::Like { .. }
                | Scalar::Case { .. }
                | Scalar::Call { .. }
                | Scalar::Cast { .. }
                | Scalar::Lookup { .. } => self.chosen = true,
            },
            Scalar::Compare { op, left, right } => self.comparison(*op, left, right),
            Scalar::InList { value, list } if list.len() <= 1 => self.form(Some(value.as_ref())),
            Scalar::Like { value, pattern, ignore_case: _ } if names_a_beginning(pattern) => {
                self.form(Some(value.as_ref()));
                self.cut_out(value, format!("beginning of {value:?}"));
            }
            Scalar::Or(_)
            | Scalar::InList { .. }
            | Scalar::Like { .. }
            | Scalar::Case { .. }
            | Scalar::Call { .. }
            | Scalar::Cast { .. }
            | Scalar::Lookup { .. } => self.chosen = true,
        }
    }

    fn comparison(&mut self, op: Comparison, left: &'a Scalar, right: &'a Scalar) {
        let (op, form) = match (left, right) {
            (form, Scalar::Literal(_)) => (op, form),
            (Scalar::Literal(_), form) => (op.flipped(), form),
            (
                Scalar::Column(_)
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
                | Scalar::Lookup { .. },
                _,
            ) => {
                self.chosen = true;
                return;
            }
        };
        let side = match op {
            Comparison::Equal => return self.form(Some(form)),
            Comparison::NotEqual => {
                self.chosen = true;
                return;
            }
            Comparison::Less | Comparison::LessOrEqual => Side::Below,
            Comparison::Greater | Comparison::GreaterOrEqual => Side::Above,
        };
        self.form(Some(form));
        self.cuts = self.cuts.saturating_add(1);
        self.ranges.extend(form.columns().into_iter().map(|column| (column, side)));
    }

    /// A value that a column has, or that a coarser form of it has; nothing names all rows, or none.
    fn form(&mut self, scalar: Option<&Scalar>) {
        let Some(scalar) = scalar else { return };
        self.chosen |= !is_of_a_column(scalar) || has_look_up(scalar);
        if cuts_text(scalar) {
            self.cut_out(scalar, format!("{scalar:?}"));
        }
    }

    /// What is cut out of a column's text; two cuts of one text name nothing any more.
    fn cut_out(&mut self, scalar: &Scalar, cut: String) {
        for column in scalar.columns() {
            let first = self.cuts_of_texts.entry(column.to_owned()).or_insert_with(|| cut.clone());
            self.chosen |= *first != cut;
        }
    }

    fn is_held(&self, scalar: &Scalar) -> bool {
        scalar.columns().is_subset(&self.held) && !scalar.columns().is_empty()
    }

    fn key(&mut self, scalar: &'a Scalar) {
        if self.is_held(scalar) {
            return;
        }
        match scalar {
            Scalar::Literal(_) => {}
            Scalar::Column(_)
            | Scalar::Call { .. }
            | Scalar::Cast { .. }
            | Scalar::Lookup { .. } => {
                self.form(Some(scalar));
            }
            Scalar::IsNull(value) => self.form(Some(value.as_ref())),
            Scalar::Compare { op, left, right } => {
                // Where it isn't true is a set as well, so that `=` would be `<>`.
                self.chosen |= *op == Comparison::Equal;
                self.key_cuts = true;
                self.comparison(*op, left, right);
            }
            Scalar::And(_)
            | Scalar::Or(_)
            | Scalar::Not(_)
            | Scalar::InList { .. }
            | Scalar::Like { .. }
            | Scalar::Case { .. } => self.chosen = true,
        }
    }

    fn is_chosen(&self, dataset: &Dataset) -> bool {
        let columns: BTreeSet<&str> = self.ranges.iter().map(|(column, _)| *column).collect();
        let at_breakpoints = |name: &&str| {
            let label = dataset.column(name).map(|column| column.label);
            matches!(label, Some(Label::Filter | Label::Measure))
        };
        let between = 1 < self.ranges.len();
        self.chosen
            || 1 < columns.len()
            || (self.key_cuts && 1 < self.cuts)
            || (between && !columns.iter().all(at_breakpoints))
    }
}

/// Whether it is a text, or all texts with a beginning.
fn names_a_beginning(pattern: &str) -> bool {
    let text = pattern.strip_suffix('%').unwrap_or(pattern);
    !text.contains(WILDCARDS)
}

/// Whether a part of a text, or its length, is taken.
fn cuts_text(scalar: &Scalar) -> bool {
    let cuts = match scalar {
        Scalar::Call { function, .. } => matches!(function, Function::Substring | Function::Length),
        Scalar::Column(_)
        | Scalar::Literal(_)
        | Scalar::Compare { .. }
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::IsNull(_)
        | Scalar::InList { .. }
        | Scalar::Like { .. }
        | Scalar::Case { .. }
        | Scalar::Cast { .. }
        | Scalar::Lookup { .. } => false,
    };
    cuts || scalar.children().into_iter().any(cuts_text)
}

fn has_look_up(scalar: &Scalar) -> bool {
    !scalar.references().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Column, DatasetName, Protection};
    use crate::tabulation::{
        Input, Key, Literal, Measure, MeasureKind, Reference, RollUp, ScalarType, UnitCount,
        UnitJoin,
    };

    fn dataset() -> Dataset {
        let column = |name: &str, label| Column {
            name: name.to_owned(),
            scalar_type: ScalarType::Int64,
            label,
            domain: None,
            breakpoints: None,
            bounds: None,
            measured_in: None,
            unit_totals: None,
            description: None,
        };
        Dataset {
            name: DatasetName::new("a", "b").unwrap(),
            description: None,
            columns: vec![
                column("area", Label::Dimension),
                column("age", Label::Dimension),
                column("day", Label::Filter),
                column("cost", Label::Measure),
            ],
            protection: Protection::Open,
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            snapshot: 0,
        }
    }

    fn column(name: &str) -> Scalar {
        Scalar::Column(name.to_owned())
    }

    fn number(value: i64) -> Scalar {
        Scalar::Literal(Literal::Int64(value))
    }

    fn compare(left: Scalar, op: Comparison, value: i64) -> Scalar {
        Scalar::Compare { op, left: Box::new(left), right: Box::new(number(value)) }
    }

    fn below(name: &str, value: i64) -> Scalar {
        compare(column(name), Comparison::Less, value)
    }

    fn from(name: &str, value: i64) -> Scalar {
        compare(column(name), Comparison::GreaterOrEqual, value)
    }

    fn equal(name: &str, value: i64) -> Scalar {
        compare(column(name), Comparison::Equal, value)
    }

    fn list(name: &str, values: &[i64]) -> Scalar {
        let list = values.iter().copied().map(Literal::Int64).collect();
        Scalar::InList { value: Box::new(column(name)), list }
    }

    fn like(pattern: &str) -> Scalar {
        let (value, pattern) = (Box::new(column("area")), pattern.to_owned());
        Scalar::Like { value, pattern, ignore_case: false }
    }

    fn not(inner: Scalar) -> Scalar {
        Scalar::Not(Box::new(inner))
    }

    fn scan() -> Input {
        Input::Scan { dataset: DatasetName::new("a", "b").unwrap(), fingerprint: 0 }
    }

    fn asked(input: Input, keys: &[Scalar]) -> Tabulation {
        Tabulation {
            input,
            keys: keys.iter().map(|scalar| Key { scalar: scalar.clone() }).collect(),
            sets: Vec::new(),
            measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
            groups_max: 1,
        }
    }

    fn edge(predicates: &[Scalar], keys: &[Scalar]) -> Edge {
        let filtered = |input, predicate: &Scalar| Input::Filter {
            input: Box::new(input),
            predicate: predicate.clone(),
        };
        let tabulation = asked(predicates.iter().fold(scan(), filtered), keys);
        Edge::of(&tabulation, &dataset(), KeySet::all(keys.len()), None)
    }

    fn look_up() -> Scalar {
        Scalar::Lookup {
            reference: Reference {
                dataset: DatasetName::new("ref", "areas").unwrap(),
                key: "area".to_owned(),
            },
            column: "region".to_owned(),
            value_type: ScalarType::Int64,
            key: Box::new(column("area")),
        }
    }

    #[test]
    fn a_set_that_a_breakdown_shows_is_named_however_it_is_asked_for() {
        let month = Scalar::Call { function: Function::Month, args: vec![column("day")] };
        for (predicates, why) in [
            (vec![], "all"),
            (vec![equal("area", 1)], "one value"),
            (vec![list("area", &[1])], "the same"),
            (vec![equal("area", 1), equal("age", 40)], "a cell of two columns"),
            (vec![Scalar::And(vec![equal("area", 1), equal("age", 40)])], "the same"),
            (vec![compare(month.clone(), Comparison::Equal, 3)], "a month"),
            (vec![Scalar::IsNull(Box::new(column("area")))], "no value"),
            (vec![not(Scalar::IsNull(Box::new(column("area"))))], "a value"),
            (vec![like("F2%")], "a beginning"),
            (vec![like("F20")], "a text"),
            (vec![below("age", 65), equal("area", 1)], "one range, from one side"),
            (vec![from("day", 1), below("day", 9)], "between breakpoints"),
            (vec![from("cost", 100), below("cost", 900)], "likewise"),
        ] {
            assert_eq!(edge(&predicates, &[]), Edge::Named, "{why}");
        }
        for key in [column("area"), month, below("age", 40), number(1)] {
            assert_eq!(edge(&[], std::slice::from_ref(&key)), Edge::Named, "{key:?}");
        }
    }

    #[test]
    fn which_rows_of_a_breakdown_are_shown_chooses_nobody() {
        for condition in [
            list("area", &[1, 2]),
            not(equal("area", 1)),
            Scalar::Or(vec![below("area", 3), from("area", 9)]),
            like("%2"),
            compare(look_up(), Comparison::Equal, 1),
        ] {
            assert_eq!(edge(std::slice::from_ref(&condition), &[column("area")]), Edge::Named);
            assert_eq!(edge(std::slice::from_ref(&condition), &[column("age")]), Edge::Chosen);
        }
        // Of the same column as a key, whatever else is made of it.
        assert_eq!(edge(&[], &[column("area"), look_up()]), Edge::Named);
        assert_eq!(edge(&[], &[column("age"), below("age", 20), from("age", 10)]), Edge::Named);
    }

    #[test]
    fn a_set_put_together_from_several_is_chosen() {
        let either = Scalar::Or(vec![equal("area", 1), equal("area", 2)]);
        let case = Scalar::Case { branches: vec![(below("age", 9), number(1))], otherwise: None };
        let odd = Scalar::Call { function: Function::Modulo, args: vec![column("age"), number(2)] };
        for (predicates, why) in [
            (vec![list("area", &[1, 2])], "a list"),
            (vec![either.clone()], "either"),
            (vec![Scalar::And(vec![equal("age", 1), either.clone()])], "within another"),
            (vec![not(equal("area", 1))], "all others"),
            (vec![compare(column("area"), Comparison::NotEqual, 1)], "the same"),
            (vec![not(like("F2%"))], "all others"),
            (vec![like("%2")], "an end"),
            (vec![like("F_2")], "a pattern"),
            (vec![compare(odd.clone(), Comparison::Equal, 1)], "arithmetic"),
            (vec![from("age", 10), below("age", 20)], "any range of a dimension"),
            (vec![below("day", 9), below("age", 20)], "ranges of two columns"),
            (vec![compare(look_up(), Comparison::Equal, 1)], "a table that is brought"),
            (vec![case.clone()], "a choice"),
        ] {
            assert_eq!(edge(&predicates, &[]), Edge::Chosen, "{why}");
        }
        for key in [case, odd, either, equal("area", 1), list("area", &[1]), look_up()] {
            assert_eq!(edge(&[], std::slice::from_ref(&key)), Edge::Chosen, "{key:?}");
        }
        assert_eq!(
            edge(&[list("area", &[1, 2])], &[column("age")]),
            Edge::Chosen,
            "another column"
        );
        let digit = |at| {
            let args = vec![column("area"), number(at), number(1)];
            compare(Scalar::Call { function: Function::Substring, args }, Comparison::Equal, 7)
        };
        assert_eq!(edge(&[digit(1)], &[column("age")]), Edge::Named, "one digit of a number");
        assert_eq!(edge(&[digit(1), digit(3)], &[]), Edge::Chosen, "two of them");
        assert_eq!(edge(&[digit(2), like("F2%")], &[]), Edge::Chosen, "and its beginning");
        let both = compare(column("area"), Comparison::NotEqual, 1);
        let both = Scalar::Or(vec![both, equal("age", 9)]);
        assert_eq!(edge(&[both], &[column("area")]), Edge::Chosen, "one of two isn't a key");
        assert_eq!(edge(&[from("age", 20)], &[from("age", 40)]), Edge::Chosen, "20 to 39");
        assert_eq!(edge(&[], &[below("age", 20), below("day", 9)]), Edge::Chosen, "both");
    }

    #[test]
    fn each_grouping_set_and_filter_is_judged_by_itself() {
        let tabulation = asked(scan(), &[column("area"), list("age", &[1, 2])]);
        let of = |positions: &[usize], filter: Option<&Scalar>| {
            let set = KeySet::of(positions.iter().copied()).unwrap();
            Edge::of(&tabulation, &dataset(), set, filter)
        };
        assert_eq!((of(&[0], None), of(&[0, 1], None)), (Edge::Named, Edge::Chosen));
        assert_eq!(of(&[0], Some(&equal("age", 1))), Edge::Named);
        assert_eq!(of(&[0], Some(&list("age", &[1, 2]))), Edge::Chosen);
    }

    #[test]
    fn conditions_below_a_roll_up_and_in_a_joined_dataset_choose_too() {
        let with = |filter: Option<Scalar>, predicate: Scalar| {
            let below = Input::Filter { input: Box::new(scan()), predicate };
            let counts = vec![UnitCount { values_of: None, filter }];
            let roll_up = RollUp { dimensions: Vec::new(), counts, totals: Vec::new() };
            let input = Input::RollUp { input: Box::new(below), roll_up };
            Edge::of(&asked(input, &[]), &dataset(), KeySet::NONE, None)
        };
        assert_eq!(with(None, equal("area", 1)), Edge::Named);
        assert_eq!(with(Some(equal("age", 1)), equal("area", 1)), Edge::Chosen, "none of them");
        assert_eq!(with(None, list("area", &[1, 2])), Edge::Chosen);
        assert_eq!(with(Some(list("age", &[1, 2])), equal("area", 1)), Edge::Chosen);
        let joined_by = |kind, predicate| {
            let join = UnitJoin {
                kind,
                dataset: DatasetName::new("a", "c").unwrap(),
                fingerprint: 0,
                predicate,
            };
            let input = Input::UnitJoin { input: Box::new(scan()), join };
            Edge::of(&asked(input, &[]), &dataset(), KeySet::NONE, None)
        };
        let joined = |predicate| joined_by(UnitJoinKind::Semi, predicate);
        for kind in [UnitJoinKind::Anti, UnitJoinKind::Left] {
            assert_eq!(joined_by(kind, None), Edge::Named);
            assert_eq!(joined_by(kind, Some(equal("drug", 1))), Edge::Chosen, "without it");
        }
        assert_eq!(joined_by(UnitJoinKind::Inner, Some(equal("drug", 1))), Edge::Named);
        assert_eq!(joined(None), Edge::Named);
        assert_eq!(joined(Some(equal("drug", 1))), Edge::Named);
        assert_eq!(joined(Some(list("drug", &[1, 2]))), Edge::Chosen);
        assert_eq!(joined(Some(below("day", 5))), Edge::Chosen, "its own scale");
    }
}
