//! What is published of random places by area, by what areas lie within, and by sex, put together again by an attacker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::answer_times::AnswerTimes;
use crate::complementary::{CellInput, CellState, Interval, Limits, Relation, audit};
use crate::dataset::{Column, Dataset, DatasetName, Domain, ProtectedUnit, ReleaseMode};
use crate::evidence::{Evidence, Pooled, merge};
use crate::guard::MemoryStore;
use crate::hierarchy::{Hierarchy, declared};
use crate::label::Label;
use crate::policy::Preset;
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
}

/// The columns of a place. An area lies within a district and a board, a district within a region.
const COLUMNS: [&str; 5] = ["area", "district", "region", "board", "sex"];
const WITHIN: [(&str, &str); 3] = [("area", "district"), ("district", "region"), ("area", "board")];

/// A code of each column; none where an area isn't listed.
type Codes = [Option<u64>; 5];

/// How many people there are of each codes, and what is declared.
struct Place {
    people: BTreeMap<Codes, u64>,
    listed: Vec<(&'static str, &'static str, BTreeMap<u64, u64>)>,
}

impl Place {
    fn random(numbers: &mut Numbers, areas: u64) -> Self {
        let tree = |numbers: &mut Numbers, fine: u64, coarse: u64| -> BTreeMap<u64, u64> {
            // Every coarser code has somebody; now and then a code isn't listed.
            let of = |code: u64, drawn: u64| if code < coarse { code } else { drawn % coarse };
            let codes = (0..fine).filter_map(|code| {
                let drawn = numbers.below(1_000);
                (code < coarse || !drawn.is_multiple_of(12)).then(|| (code, of(code, drawn / 12)))
            });
            codes.collect()
        };
        let (districts, regions) = (2 + numbers.below(3), 1 + numbers.below(2));
        let area_district = tree(numbers, areas, districts);
        let district_region = tree(numbers, districts, regions);
        let area_board = tree(numbers, areas, 2);
        let mut people = BTreeMap::new();
        for area in 0..areas {
            for sex in 0..2 {
                let count = match numbers.below(10) {
                    0 => 0,
                    1..=3 => 1 + numbers.below(9),
                    _ => 10 + numbers.below(90),
                };
                let district = area_district.get(&area).copied();
                let region = district.and_then(|d| district_region.get(&d).copied());
                let codes =
                    [Some(area), district, region, area_board.get(&area).copied(), Some(sex)];
                people.insert(codes, count);
            }
        }
        let listed = vec![
            ("area", "district", area_district),
            ("district", "region", district_region),
            ("area", "board", area_board),
        ];
        Self { people, listed }
    }

    /// Hierarchies between these columns are declared.
    fn dataset(&self, preset: Preset, between: &[usize]) -> Arc<Dataset> {
        let codes_of = |at: usize| self.people.keys().filter_map(move |codes| codes[at]);
        let column = |(at, name): (usize, &&str)| Column {
            name: (*name).to_owned(),
            scalar_type: ScalarType::Int64,
            label: Label::Dimension,
            domain: Some({
                let codes: BTreeSet<u64> = codes_of(at).collect();
                Domain::Codes(codes.into_iter().map(literal).collect())
            }),
            breakpoints: None,
            bounds: None,
            measured_in: None,
            unit_totals: None,
            description: None,
        };
        let columns: Vec<Column> = COLUMNS.iter().enumerate().map(column).collect();
        let is_meant = |name: &str| between.iter().any(|at| COLUMNS[*at] == name);
        let meant = self.listed.iter().filter(|(_, within, _)| is_meant(within));
        let hierarchies = meant.map(|(column, within, codes)| {
            let codes = codes.iter().map(|(code, parent)| (literal(*code), literal(*parent)));
            Hierarchy::new(column, within, codes).unwrap()
        });
        let hierarchies = hierarchies.collect();
        // Nothing is known of differences here: the guard has tests of its own.
        let profile = Profile { guard: DifferenceGuard::Off, ..preset.profile() };
        Arc::new(Dataset {
            name: DatasetName::parse("a.b").unwrap(),
            description: None,
            hierarchies: declared(hierarchies, &columns).unwrap(),
            columns,
            impossible: Vec::new(),
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

    /// How many people the table by these columns has in each cell.
    fn counts(&self, by: &[usize]) -> BTreeMap<Vec<Option<u64>>, u64> {
        let mut counts = BTreeMap::new();
        for (codes, people) in &self.people {
            let key: Vec<Option<u64>> = by.iter().map(|at| codes[*at]).collect();
            *counts.entry(key).or_default() += people;
        }
        counts
    }

    /// The question by these columns, in this order, and what a department knows of it.
    fn question(&self, dataset: &Arc<Dataset>, by: &[usize]) -> (Admitted<Tabulation>, Pooled) {
        let keys = by.iter().map(|at| Scalar::Column(COLUMNS[*at].to_owned()));
        let tabulation = Tabulation {
            input: Input::Scan { dataset: dataset.name.clone(), fingerprint: 0 },
            keys: keys.map(|scalar| Key { scalar }).collect(),
            sets: Vec::new(),
            measures: vec![Measure { kind: MeasureKind::Rows, filter: None }],
            groups_max: 10_000,
        };
        let admitted = crate::admit(tabulation, Arc::clone(dataset)).unwrap();
        let set = KeySet::all(by.len());
        let cells = self.counts(by).into_iter().filter(|(_, people)| 0 < *people);
        let cells = cells.map(|(key, people)| Cell {
            set,
            keys: key.iter().map(|code| code.map(literal)).collect(),
            parts: vec![PartEvidence {
                units: i64::try_from(people).unwrap(),
                count: i64::try_from(people).unwrap(),
                absolute: u128::from(people),
                largest: [1, u128::from(2 <= people)],
                ..PartEvidence::default()
            }],
        });
        (admitted, Pooled::of_one_department(merge([Evidence { cells: cells.collect() }])))
    }

    /// What is shown by these columns: the cells that have a row, each with whether it is shown.
    fn shown(&self, dataset: &Arc<Dataset>, by: &[usize]) -> BTreeMap<Vec<Option<u64>>, bool> {
        let (admitted, evidence) = self.question(dataset, by);
        let guard = MemoryStore::new(10);
        let release = Release { snapshot: 0, guard: &guard };
        let table = protect(&admitted, evidence, &release).unwrap();
        let table = table.get();
        let code = |column: &arrow_array::ArrayRef, row| {
            crate::function::literal_at(column, row).map(|code| match code {
                Literal::Int64(code) => u64::try_from(code).unwrap(),
                _ => panic!(),
            })
        };
        let statuses = table.measures()[0].statuses();
        let rows = statuses.iter().enumerate().map(|(row, status)| {
            let key = table.keys.iter().map(|column| code(column, row)).collect();
            let is_shown = match status {
                CellStatus::Released | CellStatus::StructuralZero => true,
                CellStatus::Suppressed => false,
                _ => panic!("{status:?}"),
            };
            (key, is_shown)
        });
        rows.collect()
    }
}

fn literal(code: u64) -> Literal {
    Literal::Int64(i64::try_from(code).unwrap())
}

/// Which of the columns these tell.
fn told_by(by: &[usize], columns: &[usize]) -> BTreeSet<usize> {
    let at = |name: &str| COLUMNS.iter().position(|column| *column == name).unwrap();
    let mut told: BTreeSet<usize> = by.iter().copied().collect();
    // Nearest first, so that one pass suffices.
    for (column, within) in WITHIN {
        if told.contains(&at(column)) {
            told.insert(at(within));
        }
    }
    told.retain(|column| columns.contains(column));
    told
}

/// All tables over these columns that tell different things, and each one's columns.
fn tables(columns: &[usize]) -> BTreeMap<BTreeSet<usize>, Vec<usize>> {
    let mut tables = BTreeMap::new();
    for set in 0..1_usize << columns.len() {
        let of_set = columns.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
        let by: Vec<usize> = of_set.map(|(_, column)| *column).collect();
        let shorter = |known: &Vec<usize>| by.len() < known.len();
        let known = tables.entry(told_by(&by, columns)).or_insert_with(|| by.clone());
        if shorter(known) {
            *known = by;
        }
    }
    tables
}

/// What an attacker learns who asks for each of the tables.
#[derive(Debug, Default)]
struct Learnt {
    /// Cells of fewer people than the threshold, with somebody.
    small: usize,
    /// Those whose size is known exactly.
    exactly: usize,
    /// Those that aren't as uncertain as their protection levels ask for.
    narrowed: usize,
    /// Those of the finest table that it narrows.
    by_the_finest: usize,
    shown: usize,
}

impl Learnt {
    fn add(&mut self, other: &Self) {
        self.small += other.small;
        self.exactly += other.exactly;
        self.narrowed += other.narrowed;
        self.by_the_finest += other.by_the_finest;
        self.shown += other.shown;
    }
}

fn learnt(place: &Place, preset: Preset, columns: &[usize], is_declared: bool) -> Learnt {
    let dataset = place.dataset(preset, if is_declared { columns } else { &[] });
    let threshold = u64::from(dataset.profile().threshold_units);
    let tables = tables(columns);
    let all = told_by(columns, columns);
    let (mut cells, mut hidden, mut at) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (told, by) in &tables {
        let shown = place.shown(&dataset, by);
        for (key, people) in place.counts(by) {
            // Who isn't there and has no public row is taken to be known not to be there.
            if people == 0 && !shown.contains_key(&key) {
                continue;
            }
            let is_shown = shown.get(&key).copied().unwrap_or(false);
            let size = u128::from(people);
            let zero = people == 0 && dataset.profile().zeros == crate::policy::Zeros::Shown;
            let primary = people < threshold && !zero;
            assert!(!(primary && is_shown && 0 < people), "{by:?} {key:?}");
            let primary = primary && !is_shown;
            at.insert((told.clone(), key), cells.len());
            hidden.push(!is_shown);
            cells.push(CellInput {
                value: i128::from(people),
                cost: 1,
                state: match (*told == all, primary, is_shown) {
                    (true, true, _) | (false, _, false) => CellState::Suppressed,
                    (true, false, _) => CellState::Open,
                    (false, _, true) => CellState::Fixed,
                },
                lower_protection: if primary { size } else { 0 },
                upper_protection: if primary { u128::from(threshold) - size } else { 0 },
                non_negative: true,
                singleton: people == 1,
            });
        }
    }
    let mut relations = Vec::new();
    for (coarse, by_coarse) in &tables {
        for (fine, by_fine) in &tables {
            if coarse.len() + 1 != fine.len() || !coarse.is_subset(fine) {
                continue;
            }
            let mut parts: BTreeMap<Vec<Option<u64>>, BTreeSet<usize>> = BTreeMap::new();
            for codes in place.people.keys() {
                let key = |by: &[usize]| by.iter().map(|at| codes[*at]).collect::<Vec<_>>();
                if let Some(part) = at.get(&(fine.clone(), key(by_fine))) {
                    parts.entry(key(by_coarse)).or_default().insert(*part);
                }
            }
            // No code without one that it lies within has a row of its own there, unless somebody has it.
            relations.extend(parts.into_iter().filter_map(|(key, parts)| {
                let total = *at.get(&(coarse.clone(), key))?;
                Some(Relation { total, parts: parts.into_iter().collect() })
            }));
        }
    }
    let is_small = |i: &Interval| {
        (1..i128::from(threshold)).contains(&cells[i.cell].value)
            && 0 < cells[i.cell].upper_protection
    };
    let narrowed = audit(&cells, &relations, &hidden, &Limits::STANDARD).unwrap();
    let by_the_finest = narrowed.iter().filter(|i| !i.protected).count();
    let mut in_full = cells.clone();
    for cell in in_full.iter_mut().filter(|cell| 0 < cell.upper_protection) {
        cell.state = CellState::Primary;
    }
    let intervals = audit(&in_full, &relations, &hidden, &Limits::STANDARD).unwrap();
    let small = || intervals.iter().filter(|i| is_small(i));
    Learnt {
        small: small().count(),
        exactly: small().filter(|i| i.complete && i.low.is_some() && i.low == i.high).count(),
        narrowed: small().filter(|i| !i.protected).count(),
        by_the_finest,
        shown: hidden.iter().filter(|hidden| !**hidden).count(),
    }
}

fn all_learnt(columns: &[usize], seeds: u64, is_declared: bool) -> Learnt {
    let mut all = Learnt::default();
    for preset in [Preset::Exact, Preset::Round5] {
        for seed in 0..seeds {
            let place = Place::random(&mut Numbers(seed), 9);
            let one = learnt(&place, preset, columns, is_declared);
            assert!(!is_declared || one.by_the_finest == 0, "{preset:?} seed {seed}: {one:?}");
            all.add(&one);
        }
    }
    println!("by {columns:?}, declared {is_declared}: {all:?}");
    all
}

/// The figures in `docs/disclosure/complementary.md`.
#[test]
fn areas_and_all_that_they_lie_within_give_no_small_cell_away() {
    let chain = [0, 1, 2];
    let before = all_learnt(&chain, 40, false);
    assert_eq!((before.small, before.exactly), (64, 28), "{before:?}");
    let after = all_learnt(&chain, 40, true);
    assert_eq!((after.small, after.exactly, after.narrowed), (64, 0, 0), "{after:?}");
    assert!(before.shown - after.shown <= 10, "{before:?} {after:?}");
}

/// Here margins are decided one by one, of which none lies within the other: by area, and by district and sex.
#[test]
fn with_other_columns_the_finest_table_tells_no_more_than_its_margins_do() {
    for columns in [&[0, 1, 2, 3][..], &[0, 1, 2, 4], &[0, 1, 2, 3, 4]] {
        let (before, after) = (all_learnt(columns, 10, false), all_learnt(columns, 10, true));
        assert!(0 < before.by_the_finest && 3 * after.exactly < before.exactly, "{after:?}");
    }
}

#[test]
fn a_key_that_another_lies_within_changes_nothing() {
    for seed in 0..20 {
        let place = Place::random(&mut Numbers(seed), 9);
        let dataset = place.dataset(Preset::Exact, &[0, 1, 2, 3]);
        for (by, more) in [(&[0][..], &[0, 2][..]), (&[0], &[2, 1, 0]), (&[0, 4], &[4, 0, 2])] {
            let shown = |by: &[usize]| -> BTreeSet<BTreeMap<usize, Option<u64>>> {
                let shown = place.shown(&dataset, by);
                // Zeros aside: that nobody is in two regions is known.
                let counts = place.counts(by);
                let of_somebody = shown.iter().filter(|(key, shown)| {
                    **shown && counts.get(*key).is_some_and(|people| 0 < *people)
                });
                let named = of_somebody.map(|(key, _)| by.iter().copied().zip(key.clone()));
                named.map(Iterator::collect).collect()
            };
            let only = |mut key: BTreeMap<usize, Option<u64>>| {
                key.retain(|column, _| by.contains(column));
                key
            };
            assert_eq!(shown(by), shown(more).into_iter().map(only).collect(), "{seed} {more:?}");
        }
    }
}

#[test]
fn a_margin_is_decided_beneath_a_finer_column_as_it_is_by_itself() {
    let all = [0, 1, 2, 3, 4];
    for preset in [Preset::Exact, Preset::Round5] {
        for seed in 0..20 {
            let place = Place::random(&mut Numbers(seed), 9);
            let dataset = place.dataset(preset, &all);
            let margins = |by: &[usize]| {
                let (admitted, evidence) = place.question(&dataset, by);
                let Parts { distinct: parts, of_measures } = admitted.tabulation().parts(&dataset);
                let edges = edges(&admitted, &of_measures, parts.len());
                let rules = parts.iter().zip(edges);
                let rules = rules.map(|(part, edges)| PartRules::of(part, edges, &admitted));
                let rules: Vec<PartRules<'_>> = rules.collect();
                let of_data = evidence.places();
                let cells = all_cells(public_cells(&admitted, parts.len()), evidence);
                margins::margins(
                    &rules,
                    &Known { admitted: &admitted, cells: &cells, of_data: &of_data },
                )
            };
            let finest = margins(&[0, 4]);
            assert_eq!(finest.len(), 14);
            for by in tables(&all).values() {
                let mut names: Vec<String> = by.iter().map(|at| COLUMNS[*at].to_owned()).collect();
                names.sort();
                assert_eq!(margins(by)[&names], finest[&names], "{preset:?} {seed} {names:?}");
            }
        }
    }
}

#[test]
fn who_cannot_be_together_is_shown_as_nobody_and_protects_nobody() {
    let place = Place::random(&mut Numbers(1), 9);
    let dataset = place.dataset(Preset::Exact, &[0, 1, 2, 3]);
    for by in [&[0, 1][..], &[1, 3], &[2, 0], &[1, 2, 4]] {
        let counts = place.counts(by);
        let shown = place.shown(&dataset, by);
        let listed: BTreeSet<Vec<Option<u64>>> =
            place.people.keys().map(|codes| by.iter().map(|at| codes[*at]).collect()).collect();
        for (key, is_shown) in &shown {
            // A code without a parent, or a value that isn't there, isn't judged here.
            if key.iter().all(Option::is_some) && !listed.contains(key) {
                assert!(*is_shown && !counts.contains_key(key), "{by:?} {key:?}");
            }
        }
        assert!(listed.len() < shown.len(), "{by:?}");
    }
}
