//! What is published of random tables and all their margins, put together again by an attacker.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::answer_times::AnswerTimes;
use crate::complementary::{CellInput, CellState, Limits, Relation, audit};
use crate::dataset::{Bounds, Column, Dataset, DatasetName, Domain, ProtectedUnit, ReleaseMode};
use crate::evidence::{Evidence, Pooled, merge};
use crate::guard::MemoryStore;
use crate::label::Label;
use crate::policy::{Preset, Zeros};
use crate::rules::dominance::is_dominated;
use crate::rules::edge::Edge;
use crate::tabulation::{Input, Key, KeySet, Literal, Measure, MeasureKind, Scalar};

/// SplitMix64, so that a failing table can be made again from its seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    /// Half of them nobody or few, some of middling size, some large.
    fn people(&mut self) -> u64 {
        match self.below(10) {
            0 | 1 => 0,
            2..=4 => 1 + self.below(9),
            5..=7 => 10 + self.below(30),
            _ => 40 + self.below(400),
        }
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Amounts of people in each cell, by key values.
struct Town {
    sizes: Vec<u64>,
    cells: BTreeMap<Vec<u64>, Vec<u64>>,
}

impl Town {
    fn random(numbers: &mut Numbers, sizes: &[u64]) -> Self {
        let mut keys: Vec<Vec<u64>> = vec![Vec::new()];
        for size in sizes {
            let longer = |key: &Vec<u64>| {
                let key = key.clone();
                (0..*size).map(move |code| key.iter().copied().chain([code]).collect())
            };
            keys = keys.iter().flat_map(longer).collect();
        }
        let mut amounts = || -> Vec<u64> {
            let people = numbers.people();
            // Now and then somebody has as much as a hundred others.
            (0..people)
                .map(|_| if numbers.below(40) == 0 { 5_000 } else { 10 + numbers.below(90) })
                .collect()
        };
        let cells = keys.into_iter().map(|key| (key, amounts())).collect();
        Self { sizes: sizes.to_vec(), cells }
    }

    /// Evidence of the table over these keys.
    fn table(&self, kept: &[usize]) -> BTreeMap<Vec<u64>, PartEvidence> {
        let mut table: BTreeMap<Vec<u64>, PartEvidence> = BTreeMap::new();
        for (key, amounts) in &self.cells {
            let cell = table.entry(kept.iter().map(|k| key[*k]).collect()).or_default();
            for amount in amounts {
                let contribution = u128::from(*amount);
                cell.merge(&PartEvidence {
                    units: 1,
                    count: 1,
                    sum: i128::from(*amount),
                    absolute: contribution,
                    largest: [contribution, 0],
                    ..PartEvidence::default()
                });
            }
        }
        table
    }

    /// The same with one row for each unit: what a count is judged by.
    fn counted(&self, kept: &[usize]) -> BTreeMap<Vec<u64>, PartEvidence> {
        let mut table = self.table(kept);
        for cell in table.values_mut() {
            let units = u128::try_from(cell.count).unwrap();
            (cell.sum, cell.absolute) = (0, units);
            cell.largest = [units.min(1), u128::from(2 <= units)];
        }
        table
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Count,
    Sum,
}

fn dataset(preset: Preset, sizes: &[u64]) -> Arc<Dataset> {
    let column = |name: &str| Column {
        name: name.to_owned(),
        scalar_type: ScalarType::Int64,
        label: Label::Dimension,
        domain: None,
        breakpoints: None,
        bounds: None,
        measured_in: None,
        unit_totals: None,
        description: None,
    };
    let dimension = |(name, size): (&&str, &u64)| Column {
        domain: Some(Domain::Range(0, i64::try_from(*size).unwrap() - 1)),
        ..column(name)
    };
    let amount = Column {
        label: Label::Measure,
        bounds: Some(Bounds { low: 0, high: 1_000_000 }),
        ..column("amount")
    };
    // Nothing is known of differences here: the guard has tests of its own.
    let profile = Profile { guard: DifferenceGuard::Off, ..preset.profile() };
    Arc::new(Dataset {
        name: DatasetName::parse("a.b").unwrap(),
        description: None,
        columns: NAMES.iter().zip(sizes).map(dimension).chain([amount]).collect(),
        impossible: Vec::new(),
        hierarchies: Vec::new(),
        protection: Protection::Protected {
            unit: ProtectedUnit::Row,
            profile,
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
    })
}

fn question(asked: Asked, kept: &[usize], dataset: Arc<Dataset>) -> Admitted<Tabulation> {
    let kind = match asked {
        Asked::Count => MeasureKind::Rows,
        Asked::Sum => MeasureKind::Sum(Scalar::Column("amount".to_owned())),
    };
    let tabulation = Tabulation {
        input: Input::Scan { dataset: DatasetName::parse("a.b").unwrap(), fingerprint: 0 },
        keys: kept.iter().map(|k| Key { scalar: Scalar::Column(NAMES[*k].to_owned()) }).collect(),
        sets: Vec::new(),
        measures: vec![Measure { kind, filter: None }],
        groups_max: 10_000,
    };
    crate::admit(tabulation, dataset).unwrap()
}

/// What a department knows of the cells in which there is somebody: of what is asked for, and of the counts that it is of.
fn evidence(town: &Town, asked: Asked, kept: &[usize]) -> Evidence {
    let counts = town.counted(kept);
    let cells = of(town, asked, kept).into_iter().filter(|(_, cell)| 0 < cell.units);
    let value = |code: &u64| Some(Literal::Int64(i64::try_from(*code).unwrap()));
    let set = KeySet::all(kept.len());
    let cells = cells.map(|(key, part)| Cell {
        set,
        keys: key.iter().map(value).collect(),
        parts: match asked {
            Asked::Count => vec![part],
            Asked::Sum => vec![part, counts[&key].clone(), counts[&key].clone()],
        },
    });
    merge([Evidence { cells: cells.collect() }])
}

/// Which cells of a table are shown, in the order of the keys.
fn shown(town: &Town, preset: Preset, asked: Asked, kept: &[usize]) -> Vec<bool> {
    let admitted = question(asked, kept, dataset(preset, &town.sizes));
    let guard = MemoryStore::new(10);
    let release = Release { snapshot: 0, guard: &guard };
    let table =
        protect(&admitted, Pooled::of_one_department(evidence(town, asked, kept)), &release)
            .unwrap();
    let statuses = table.get().measures()[0].statuses();
    statuses.iter().map(|status| *status == CellStatus::Released).collect()
}

fn of(town: &Town, asked: Asked, kept: &[usize]) -> BTreeMap<Vec<u64>, PartEvidence> {
    match asked {
        Asked::Count => town.counted(kept),
        Asked::Sum => town.table(kept),
    }
}

fn subsets(keys: usize) -> Vec<Vec<usize>> {
    let sets = 0..1_usize << keys;
    sets.map(|set| (0..keys).filter(|key| set >> key & 1 == 1).collect()).collect()
}

/// What is published of one town.
struct Published {
    cells: Vec<CellInput>,
    relations: Vec<Relation>,
    hidden: Vec<bool>,
    /// The table over all keys: its cells, those that are primary, those that are shown.
    finest: [usize; 3],
}

/// Every table over some of the keys is asked for by itself and put beside the others.
fn publish(town: &Town, preset: Preset, asked: Asked) -> Published {
    let profile = preset.profile();
    let keys = town.sizes.len();
    let all: Vec<usize> = (0..keys).collect();
    let mut published =
        Published { cells: Vec::new(), relations: Vec::new(), hidden: Vec::new(), finest: [0; 3] };
    let mut positions: BTreeMap<(Vec<usize>, Vec<u64>), usize> = BTreeMap::new();
    for kept in subsets(keys) {
        let shown = shown(town, preset, asked, &kept);
        for ((key, part), shown) in of(town, asked, &kept).into_iter().zip(shown) {
            let dominated = is_dominated(&part, profile.dominance, Edge::Named);
            let small = part.units < i64::from(profile.threshold_units);
            // A total of nobody isn't shown, but the count of nobody beside it is.
            let zero = part.units == 0 && profile.zeros == Zeros::Shown;
            let empty = zero && asked == Asked::Sum;
            let primary = !zero && (small || dominated);
            assert!(!(primary && shown), "{kept:?} {key:?}");
            let value = match asked {
                Asked::Count => i128::from(part.count),
                Asked::Sum => part.sum,
            };
            let (lower, upper) = match asked {
                Asked::Count => {
                    let size = value.unsigned_abs();
                    (size, u128::from(profile.threshold_units).saturating_sub(size).max(1))
                }
                Asked::Sum => {
                    let level = part.largest[0].saturating_mul(10).div_ceil(100).max(1);
                    (level, level)
                }
            };
            let finest = kept == all;
            if finest {
                published.finest[0] += 1;
                published.finest[1] += usize::from(primary);
                published.finest[2] += usize::from(shown);
            }
            positions.insert((kept.clone(), key), published.cells.len());
            published.hidden.push(!shown && !empty);
            published.cells.push(CellInput {
                value,
                cost: 1,
                state: match (finest, primary, shown) {
                    _ if empty => CellState::Fixed,
                    (true, true, _) | (false, _, false) => CellState::Suppressed,
                    (true, false, _) => CellState::Open,
                    (false, _, true) => CellState::Fixed,
                },
                lower_protection: if primary { lower } else { 0 },
                upper_protection: if primary { upper } else { 0 },
                non_negative: true,
                singleton: part.units == 1,
            });
        }
    }
    for (kept, key) in positions.keys() {
        let total = positions[&(kept.clone(), key.clone())];
        for more in all.iter().filter(|k| !kept.contains(k)) {
            let at = kept.iter().filter(|k| *k < more).count();
            let mut finer = kept.clone();
            finer.insert(at, *more);
            let part = |code: u64| {
                let mut key = key.clone();
                key.insert(at, code);
                positions[&(finer.clone(), key)]
            };
            let parts = (0..town.sizes[*more]).map(part).collect();
            published.relations.push(Relation { total, parts });
        }
    }
    published
}

/// What is counted over many tables.
#[derive(Debug, Default)]
struct Tally {
    tables: usize,
    /// Those that show no cell of the finest table although some aren't primary.
    suppressed_wholly: usize,
    /// Finest cells that are shown, and those that aren't primary.
    shown: usize,
    large: usize,
    /// Primary cells of all tables, and those whose levels margins don't leave in full.
    primary: usize,
    narrowed: usize,
}

fn tally(preset: Preset, asked: Asked, sizes: &[u64], seeds: std::ops::Range<u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let town = Town::random(&mut Numbers(seed), sizes);
        let published = publish(&town, preset, asked);
        let [cells, primary, shown] = published.finest;
        tally.tables += 1;
        tally.suppressed_wholly += usize::from(shown == 0 && primary < cells);
        tally.shown += shown;
        tally.large += cells - primary;
        if 0 < shown {
            let Published { cells, relations, hidden, .. } = published;
            let intervals = audit(&cells, &relations, &hidden, &Limits::STANDARD).unwrap();
            let open: Vec<_> = intervals.iter().filter(|i| !i.protected).collect();
            assert!(open.is_empty(), "{preset:?} {asked:?} {sizes:?} seed {seed}: {open:?}");
            let mut in_full = cells.clone();
            for cell in in_full.iter_mut().filter(|cell| 0 < cell.upper_protection) {
                cell.state = CellState::Primary;
                tally.primary += 1;
            }
            let intervals = audit(&in_full, &relations, &hidden, &Limits::STANDARD).unwrap();
            tally.narrowed += intervals.iter().filter(|i| !i.protected).count();
        }
    }
    tally
}

#[test]
fn an_attacker_with_every_margin_learns_of_no_primary_cell_what_margins_do_not_tell() {
    for preset in [Preset::Exact, Preset::Round5] {
        for asked in [Asked::Count, Asked::Sum] {
            let flat = tally(preset, asked, &[4, 5], 0..4);
            assert_eq!((flat.tables, flat.suppressed_wholly), (4, 0), "{flat:?}");
            assert!(0 < flat.shown && flat.shown < flat.large, "{flat:?}");
            tally(preset, asked, &[3, 3, 3], 0..1);
        }
    }
}

/// A margin has a row for each published value, also one that nobody has.
#[test]
fn a_margin_is_decided_in_a_finer_table_as_it_is_by_itself() {
    let margins = |town: &Town, asked, kept: &[usize]| {
        let dataset = dataset(Preset::Exact, &town.sizes);
        let admitted = question(asked, kept, dataset);
        let Parts { distinct: parts, of_measures } =
            admitted.tabulation().parts(admitted.dataset());
        let edges = edges(&admitted, &of_measures, parts.len());
        let rules =
            parts.iter().zip(edges).map(|(part, edges)| PartRules::of(part, edges, &admitted));
        let rules: Vec<PartRules<'_>> = rules.collect();
        let evidence = Pooled::of_one_department(evidence(town, asked, kept));
        let of_data = evidence.places();
        let cells = all_cells(public_cells(&admitted, parts.len()), evidence);
        let known = Known { admitted: &admitted, cells: &cells, of_data: &of_data };
        margins::margins(&rules, &known)
    };
    for asked in [Asked::Count, Asked::Sum] {
        for seed in 0..12 {
            let mut town = Town::random(&mut Numbers(seed), &[5, 3]);
            // Of two values nobody has the one, and few the other.
            town.cells.retain(|key, _| key[0] != 4);
            town.cells.insert(vec![3, 0], vec![40; 3]);
            town.cells.retain(|key, _| key[0] != 3 || key[1] == 0);
            let (alone, finer) = (margins(&town, asked, &[0]), margins(&town, asked, &[0, 1]));
            assert_eq!(alone[&vec!["a".to_owned()]].len(), 5);
            for kept in [vec![], vec!["a".to_owned()]] {
                assert_eq!(alone[&kept], finer[&kept], "{asked:?} seed {seed}: {kept:?}");
            }
        }
    }
}

/// The figures in `docs/disclosure/complementary.md`.
#[test]
#[ignore = "300 tables take minutes"]
fn few_tables_are_suppressed_wholly() {
    let mut wholly = 0;
    for preset in [Preset::Exact, Preset::Round5] {
        for asked in [Asked::Count, Asked::Sum] {
            for (sizes, tables) in [(&[4, 5][..], 40), (&[6, 7], 25), (&[3, 3, 3], 10)] {
                let tally = tally(preset, asked, sizes, 0..tables);
                println!("{} {asked:?} {sizes:?}: {tally:?}", preset.as_str());
                wholly += tally.suppressed_wholly;
            }
        }
    }
    assert_eq!(wholly, 3);
}

/// Otherwise a total that is shown, of values that are mostly at a published bound, would be the count that isn't: on real nodes,
/// with values of 0 and 1 of which most are 1, 23 of 80 small counts were known exactly by both together.
#[test]
fn what_is_suppressed_of_a_count_is_suppressed_of_its_totals() {
    let (mut of_count, mut of_total) = (0, 0);
    for preset in [Preset::Exact, Preset::Round5] {
        for sizes in [&[4, 5][..], &[6, 7], &[2, 3, 3]] {
            for seed in 0..3 {
                let town = Town::random(&mut Numbers(seed), sizes);
                for kept in subsets(sizes.len()) {
                    let of = |asked| shown(&town, preset, asked, &kept);
                    for (count, total) in of(Asked::Count).into_iter().zip(of(Asked::Sum)) {
                        assert!(count || !total, "{preset:?} {sizes:?} {seed} {kept:?}");
                        of_count += usize::from(count);
                        of_total += usize::from(total);
                    }
                }
            }
        }
    }
    // And not because all is.
    assert!(of_count < of_total * 5 / 3, "{of_count} counts and {of_total} totals are shown");
}
