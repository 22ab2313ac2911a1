//! What chooses rows in a question: its conditions, each told by a digest.
//!
//! *Statement*: a condition is all that chooses rows of one grouping set and one measure: `WHERE`, the measure's `FILTER`, and
//! those keys of the set that aren't plain columns, since `CASE` in a key chooses rows too; of a roll-up all that is below it,
//! and those of its filtered counts and totals that are used here; and joins by the unit, with their conditions and the
//! states of what is joined. A reference that one of these looks up in is part of it, with its content: another content
//! chooses other rows. A plain column as a key isn't one.
//!
//! A key splits the rows into sets, and each set that its writer chose is a condition:
//!
//! | key | sets | why |
//! |---|---|---|
//! | a column; a roll-up's count of all rows | – | not chosen: it costs what the question without it costs |
//! | months, quarters and years of a column; its beginning, length, case; its value in another type; a look-up by it | 1 | not chosen, but one of several; each value isn't counted |
//! | one comparison, `IN`, `LIKE` of columns with values; `IS NULL` | 2 | the rows where it is true, and the others |
//! | any other truth value | 3 | where it has no value may be chosen, too |
//! | `CASE` | one for each branch, and one | the rest |
//! | a count of a roll-up with a `FILTER` | 2 | those of whom there are such rows, and the others |
//! | other arithmetic; days of a week, month or year, and weeks; texts put together | 10 | how many values it has isn't in its text; of a hundred people more than ten groups of ten aren't shown |
//!
//! Several such keys in one grouping set split each other's sets: their numbers are multiplied.

mod chosen;
mod sets;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use self::sets::is_of_a_column;
use self::sets::sets_of;
use crate::keyed::digest;
use crate::reference::Editions;
use crate::tabulation::canonical::{condition_texts, roll_up_text_of, unit_joins_text};
use crate::tabulation::{GROUPS_MAX, Input, JoinedDatasets, KeySet, RollUp, Scalar, Tabulation};

/// A condition in canonical form, by a digest: 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Condition(u128);

impl Condition {
    /// The digest's bytes, little end first.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// The condition of a digest that was kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }

    /// The conditions of a Tabulation, each once, whose references have these contents; `None` if they are more than an answer
    /// may have cells, [`GROUPS_MAX`].
    #[must_use]
    pub fn of(tabulation: &Tabulation, editions: &Editions) -> Option<BTreeSet<Self>> {
        Self::of_joined(tabulation, editions, &JoinedDatasets::new())
    }

    /// The same of one whose rows are joined to these Datasets by their unit.
    #[must_use]
    pub fn of_joined(
        tabulation: &Tabulation,
        editions: &Editions,
        joined: &JoinedDatasets,
    ) -> Option<BTreeSet<Self>> {
        // What has the same text is asked of the same rows.
        let mut all: BTreeMap<Self, u64> = BTreeMap::new();
        for keys in chosen_keys(tabulation) {
            for measure in &tabulation.measures {
                let arguments = measure.kind.arguments();
                let choice = Choice { tabulation, keys: &keys, filter: measure.filter.as_ref() };
                let texts =
                    choice.texts(&arguments.into_iter().collect::<Vec<_>>(), editions, joined);
                all.insert(Self::of_texts(&texts), choice.sets());
            }
        }
        let number = all.values().fold(0_u64, |sum, sets| sum.saturating_add(*sets));
        if u64::from(GROUPS_MAX) < number {
            return None;
        }
        Some(all.into_iter().flat_map(|(whole, sets)| whole.split(sets)).collect())
    }

    fn of_texts(texts: &BTreeSet<Vec<u8>>) -> Self {
        let mut bytes = Vec::new();
        for text in texts {
            // Lengths come first, so that no two conditions run together.
            bytes.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            bytes.extend(text);
        }
        Self(digest(&bytes))
    }

    /// One condition for each of the sets that keys split it into.
    fn split(self, sets: u64) -> impl Iterator<Item = Self> {
        (0..sets).map(move |set| {
            if sets == 1 {
                return self;
            }
            Self(digest(&[&self.bytes(), b"set".as_slice(), &set.to_le_bytes()].concat()))
        })
    }
}

/// The keys that choose rows, of each grouping set; each combination once.
fn chosen_keys(tabulation: &Tabulation) -> Vec<Vec<&Scalar>> {
    let roll_up = tabulation.input.roll_up().map(|(roll_up, _)| roll_up);
    let chooses = |key: &Scalar| match key {
        Scalar::Column(name) => is_filtered(roll_up, name),
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
        | Scalar::Lookup { .. } => true,
    };
    let keys: Vec<&Scalar> = tabulation.keys.iter().map(|key| &key.scalar).collect();
    let positions = keys.iter().enumerate().filter(|(_, key)| chooses(key)).map(|(at, _)| at);
    let chosen: Vec<usize> = positions.collect();
    let of_set = |set: KeySet| -> Vec<usize> {
        chosen.iter().copied().filter(|at| set.keeps(*at)).collect()
    };
    let combinations: BTreeSet<Vec<usize>> =
        tabulation.key_sets().into_iter().map(of_set).collect();
    let scalars = |at: Vec<usize>| at.into_iter().filter_map(|at| keys.get(at).copied()).collect();
    combinations.into_iter().map(scalars).collect()
}

/// What chooses the rows of one measure in one grouping set.
struct Choice<'a> {
    tabulation: &'a Tabulation,
    keys: &'a [&'a Scalar],
    filter: Option<&'a Scalar>,
}

impl Choice<'_> {
    fn texts(
        &self,
        arguments: &[&Scalar],
        editions: &Editions,
        joined: &JoinedDatasets,
    ) -> BTreeSet<Vec<u8>> {
        let input = &self.tabulation.input;
        let predicates: Vec<&Scalar> = input.predicates().into_iter().chain(self.filter).collect();
        let roll_up = input.roll_up().map(|(roll_up, below)| {
            let used = predicates.iter().chain(self.keys).chain(arguments);
            (of_these(roll_up, used.copied()), below)
        });
        let mut texts = condition_texts(predicates.iter().copied());
        texts.extend(self.key_texts().into_keys());
        texts.extend(roll_up.as_ref().map(|(roll_up, below)| roll_up_text_of(roll_up, below)));
        if let Some(joins) = unit_joins_text(input) {
            // At a joined dataset it isn't known otherwise whose rows are chosen.
            texts.insert(format!("rows of {}", input.dataset()).into_bytes());
            texts.insert(joins);
            let states = joined.values().map(|d| format!("state {} {}", d.name, d.snapshot));
            texts.extend(states.map(String::into_bytes));
        }
        let below = roll_up.iter().flat_map(|(roll_up, below)| roll_up.scalars(below));
        let looking = predicates.iter().chain(self.keys).copied().chain(below);
        for reference in looking.flat_map(Scalar::references) {
            texts.insert(format!("{reference} {:?}", editions.get(&reference)).into_bytes());
        }
        texts
    }

    /// The keys as text, each once, with how many sets each makes.
    fn key_texts(&self) -> BTreeMap<Vec<u8>, u64> {
        let text = |key: &&Scalar| match key {
            Scalar::Column(name) => {
                let counted = count_text(&self.tabulation.input, name);
                // As many as a unit has rows, of which each may be a set of its own.
                ([b"key ".as_slice(), &counted].concat(), sets::SETS_OF_ARITHMETIC)
            }
            key => (format!("key {key:?}").into_bytes(), sets_of(key)),
        };
        self.keys.iter().map(text).collect()
    }

    /// How many sets the keys make together.
    fn sets(&self) -> u64 {
        self.key_texts().values().fold(1, |product, sets| product.saturating_mul(*sets))
    }
}

/// Whether it is a count or total of a roll-up that is of some rows only.
fn is_filtered(roll_up: Option<&RollUp>, name: &str) -> bool {
    let Some(roll_up) = roll_up else { return false };
    let names = roll_up.number_columns();
    let of_counts = roll_up.counts.iter().map(|count| count.filter.is_some());
    let filtered = of_counts.chain(roll_up.totals.iter().map(|total| total.filter.is_some()));
    names.iter().zip(filtered).any(|(column, filtered)| filtered && column == name)
}

/// The roll-up with those of its counts and totals that choose rows of what stands above it here, and those of all rows,
/// which choose none.
fn of_these<'a>(roll_up: &RollUp, used: impl Iterator<Item = &'a Scalar>) -> RollUp {
    let used: BTreeSet<&str> = used.flat_map(Scalar::columns).collect();
    let names = roll_up.number_columns();
    let kept = |name: &String| used.contains(name.as_str()) || !is_filtered(Some(roll_up), name);
    roll_up.only(&names.iter().map(kept).collect::<Vec<_>>())
}

/// What a count of a roll-up counts.
fn count_text(input: &Input, name: &str) -> Vec<u8> {
    let Some((roll_up, below)) = input.roll_up() else { return Vec::new() };
    let only: Vec<bool> = roll_up.number_columns().iter().map(|column| column == name).collect();
    roll_up_text_of(&roll_up.only(&only), below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::DatasetName;
    use crate::function::Function;
    use crate::tabulation::{
        Comparison, Key, Literal, Measure, MeasureKind, ScalarType, UnitCount, UnitTotal,
    };

    fn column(name: &str) -> Scalar {
        Scalar::Column(name.to_owned())
    }

    fn number(value: i64) -> Scalar {
        Scalar::Literal(Literal::Int64(value))
    }

    fn below(left: Scalar, value: i64) -> Scalar {
        let (left, right) = (Box::new(left), Box::new(number(value)));
        Scalar::Compare { op: Comparison::Less, left, right }
    }

    fn call(function: Function, args: &[Scalar]) -> Scalar {
        Scalar::Call { function, args: args.into() }
    }

    fn case(conditions: &[Scalar]) -> Scalar {
        let branches = conditions.iter().cloned().zip((0..).map(number)).collect();
        Scalar::Case { branches, otherwise: None }
    }

    fn rows() -> Input {
        Input::Scan { dataset: DatasetName::new("a", "b").unwrap(), fingerprint: 0 }
    }

    fn asked(input: Input, keys: &[Scalar], sets: &[&[usize]]) -> Tabulation {
        Tabulation {
            input,
            keys: keys.iter().map(|scalar| Key { scalar: scalar.clone() }).collect(),
            sets: sets.iter().map(|set| KeySet::of(set.iter().copied()).unwrap()).collect(),
            measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
            groups_max: 1,
        }
    }

    fn conditions(tabulation: &Tabulation) -> BTreeSet<Condition> {
        Condition::of(tabulation, &Editions::new()).unwrap()
    }

    fn number_of(keys: &[Scalar]) -> usize {
        conditions(&asked(rows(), keys, &[])).len()
    }

    #[test]
    fn a_key_costs_the_sets_that_its_writer_chose() {
        let mixed = call(
            Function::Modulo,
            &[call(Function::Multiply, &[column("a"), number(17)]), number(101)],
        );
        let cast = |value| Scalar::Cast { value: Box::new(value), to: ScalarType::Utf8 };
        let three = case(&[below(column("a"), 1), below(column("a"), 2), below(column("b"), 3)]);
        let of_column =
            Scalar::Case { branches: vec![(below(column("a"), 1), column("b"))], otherwise: None };
        for (key, expect, why) in [
            (column("a"), 1, "a breakdown"),
            (call(Function::StartOfMonth, &[column("a")]), 1, "months"),
            (
                call(Function::Year, &[call(Function::StartOfMonth, &[cast(column("a"))])]),
                1,
                "years of them",
            ),
            (call(Function::Substring, &[column("a"), number(1), number(3)]), 1, "its beginning"),
            (below(column("a"), 5), 2, "those below, and the others"),
            (Scalar::Not(Box::new(below(column("a"), 5))), 2, "the same"),
            (Scalar::IsNull(Box::new(mixed.clone())), 2, "never without a value"),
            (below(mixed.clone(), 50), 3, "and where it has no value"),
            (Scalar::Or(vec![below(column("a"), 1), below(column("b"), 2)]), 3, "likewise"),
            (below(three.clone(), 1), 3, "a choice within a comparison"),
            (three.clone(), 4, "each branch, and the rest"),
            (of_column, 2, "rows below, by b, and the rest"),
            (mixed.clone(), 10, "arithmetic"),
            (cast(mixed), 10, "the same as text"),
            (call(Function::Add, &[three.clone(), three.clone()]), 16, "sums of choices"),
            (call(Function::Add, &[column("a"), three]), 40, "beside a column"),
            (number(1), 1, "the same for everybody"),
        ] {
            assert_eq!(number_of(std::slice::from_ref(&key)), expect, "{why}: {key:?}");
        }
        let two = [below(column("a"), 1), below(column("b"), 1)];
        assert_eq!(number_of(&two), 4, "each splits the other's");
        assert_eq!(number_of(&[two[0].clone(), two[0].clone()]), 2, "one key in two places");
        let many: Vec<Scalar> = (0..16).map(|value| case(&[below(column("a"), value)])).collect();
        assert_eq!(number_of(&many[..9]), 512);
        assert_eq!(
            Condition::of(&asked(rows(), &many, &[]), &Editions::new()).map(|all| all.len()),
            Some(65_536)
        );
        let more: Vec<Scalar> =
            (0..16).map(|v| case(&[below(column("a"), v), below(column("b"), v)])).collect();
        assert_eq!(Condition::of(&asked(rows(), &more, &[]), &Editions::new()), None);
    }

    #[test]
    fn each_grouping_set_costs_what_it_costs_alone() {
        let keys: Vec<Scalar> = std::iter::once(column("area"))
            .chain((0..12).map(|value| below(column("a"), value)))
            .collect();
        let sets: Vec<Vec<usize>> = (1..13).map(|key| vec![0, key]).collect();
        let sets: Vec<&[usize]> = sets.iter().map(Vec::as_slice).collect();
        let all = conditions(&asked(rows(), &keys, &sets));
        assert_eq!(all.len(), 24);
        let alone = conditions(&asked(rows(), &keys[1..2], &[]));
        assert!(all.is_superset(&alone), "and what was asked alone is paid for");
        let roll_up = conditions(&asked(rows(), &keys[..2], &[&[], &[0], &[0, 1]]));
        assert_eq!(roll_up.len(), 3, "the whole, and two sets");
        assert!(roll_up.is_superset(&alone));
    }

    #[test]
    fn a_filtered_count_of_a_roll_up_is_a_choice_where_it_is_used() {
        let count = |filter: Option<Scalar>| UnitCount { values_of: None, filter };
        let total = |filter| UnitTotal { of: "cost".to_owned(), filter };
        let rolled = |counts: Vec<UnitCount>, totals| Input::RollUp {
            input: Box::new(rows()),
            roll_up: RollUp { dimensions: vec!["area".to_owned()], counts, totals },
        };
        let n = |i| column(&RollUp::count_column(i));
        let of = |value| count(Some(below(column("a"), value)));
        let two = rolled(vec![of(1), of(2)], Vec::new());
        let both =
            conditions(&asked(two.clone(), &[column("area"), n(0), n(1)], &[&[0, 1], &[0, 2]]));
        assert_eq!(both.len(), 20, "each of two counts, for each number of rows");
        let first = conditions(&asked(rolled(vec![of(1)], Vec::new()), &[n(0)], &[]));
        assert_eq!(first.len(), 10);
        assert!(both.is_superset(&first));
        assert_eq!(conditions(&asked(two, &[n(0), n(1)], &[])).len(), 100, "crossed");
        let whole = rolled(vec![count(None)], Vec::new());
        assert_eq!(
            conditions(&asked(whole, &[column("area"), n(0)], &[&[0], &[1]])).len(),
            1,
            "no choice"
        );
        // Totals of other rows are other conditions; of all rows they aren't.
        let sum = |i| Measure {
            kind: MeasureKind::Sum(column(&RollUp::total_column("cost", i))),
            filter: None,
        };
        let totals = |filters: [Option<Scalar>; 2]| Tabulation {
            measures: vec![sum(0), sum(1), Measure { kind: MeasureKind::Rows, filter: None }],
            ..asked(rolled(Vec::new(), filters.map(total).into()), &[], &[])
        };
        assert_eq!(
            conditions(&totals([Some(below(column("a"), 1)), Some(below(column("a"), 2))])).len(),
            3
        );
        assert_eq!(conditions(&totals([None, None])).len(), 1);
    }
}
