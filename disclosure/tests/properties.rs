//! What holds for all questions, all Evidence and all presets. 256 cases of each, or as many as
//! `PROPTEST_CASES` says: a million of those about questions take some hours, see CONTRIBUTING.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs)]

mod arbitrary;
mod costs;

use std::collections::BTreeMap;
use std::sync::Arc;

use arbitrary::{dataset, probability, scan, tabulation};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array as _, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use insitu_disclosure::budget::Condition;
use insitu_disclosure::evidence::{
    Adds, Cell, Contribution, Marks, PartShape, SignCounts, Sketch, UnitWord, merge, read, write,
};
use insitu_disclosure::guard::{Guard, GuardError, Making, MemoryStore, Verdict};
use insitu_disclosure::keyed::mix;
use insitu_disclosure::noise::Infusion;
use insitu_disclosure::policy::{Dominance, Noise, Predicates, Profile, Zeros};
use insitu_disclosure::rules::quantiles::quantile;
use insitu_disclosure::tabulation::canonical::{Coordinate, Frame};
use insitu_disclosure::tabulation::{Part, PartKind};
use insitu_disclosure::{
    Admitted, Association, Comparison, Dispersion, Evidence, Input, Key, KeySet, Literal, Measure,
    MeasureKind, PartEvidence, Pooled, Preset, Probability, Release, Scalar, Tabulation, admit,
    protect, receive,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn column(name: &str) -> Scalar {
    Scalar::Column(name.to_owned())
}

fn text(value: &str) -> Literal {
    Literal::Utf8(value.to_owned())
}

/// Where `question` has its quantile.
const QUANTILE: usize = 8;

/// Every kind of measure that the profile offers, by these keys.
fn question(keys: &[&str], profile: Profile) -> Tabulation {
    let mut kinds = vec![
        MeasureKind::Rows,
        MeasureKind::Values(column("cost")),
        MeasureKind::Units,
        MeasureKind::Sum(column("cost")),
        MeasureKind::Sum(column("weight")),
        MeasureKind::Mean(column("cost")),
        MeasureKind::Mean(column("weight")),
        MeasureKind::Dispersion(Dispersion::DeviationOfSample, column("weight")),
        if multiplies(profile) {
            MeasureKind::Association(Association::Correlation, column("cost"), column("weight"))
        } else {
            MeasureKind::Dispersion(Dispersion::VarianceOfSample, column("cost"))
        },
    ];
    if profile.predicates != Predicates::WholeTables {
        kinds.push(MeasureKind::Histogram(column("cost")));
        let (argument, probability) = (column("cost"), Probability::HALF);
        kinds.push(MeasureKind::Quantile { argument, probability });
    }
    Tabulation {
        input: scan(),
        keys: keys.iter().map(|k| Key { scalar: column(k) }).collect(),
        sets: Vec::new(),
        measures: kinds.into_iter().map(|kind| Measure { kind, filter: None }).collect(),
        groups_max: 1_000,
    }
}

/// Columns with breakpoints only where noise is added, or conditions can't hold them constant.
fn multiplies(profile: Profile) -> bool {
    let noise_of_counts = !matches!(profile.noise, Noise::None | Noise::Totals);
    noise_of_counts || profile.predicates == Predicates::WholeTables
}

fn admitted(keys: &[&str], profile: Profile) -> Admitted<Tabulation> {
    admit(question(keys, profile), dataset(profile)).unwrap()
}

/// A unit's rows in a cell: which cell, who (0 has no id), how many rows, what they add up to.
type Rows = (u8, u16, u8, i32);

fn rows() -> impl Strategy<Value = Vec<Rows>> {
    // Amounts are mostly alike, so that not every total is dominated.
    let amount = prop_oneof![8 => 90..110_i32, 1 => Just(0), 1 => -5_000..50_000_i32];
    let one = (0..4_u8, 0..60_u16, 1..4_u8, amount);
    vec(one, 0..90).prop_map(|rows| {
        let each: BTreeMap<_, _> = rows.into_iter().map(|(c, u, n, a)| ((c, u), (n, a))).collect();
        each.into_iter().map(|((c, u), (n, a))| (c, u, n, a)).collect()
    })
}

const KEYS: [Option<&str>; 4] = [Some("F"), Some("M"), Some("another"), None];

/// What a node would find of these rows.
fn evidence(admitted: &Admitted<Tabulation>, rows: &[Rows], question: u64) -> Evidence {
    let parts = admitted.tabulation().parts(admitted.dataset()).distinct;
    let mut cells: BTreeMap<u8, Vec<PartEvidence>> = BTreeMap::new();
    let mut signs: BTreeMap<(u8, usize), SignCounts> = BTreeMap::new();
    for (cell, unit, count, amount) in rows {
        let cell = if admitted.tabulation().keys.is_empty() { 0 } else { *cell };
        let found = cells.entry(cell).or_insert_with(|| vec![PartEvidence::default(); parts.len()]);
        for (p, part) in parts.iter().enumerate() {
            let shape = PartShape::of(part, admitted.dataset());
            let count = if part.kind == PartKind::Units { 1 } else { i64::from(*count) };
            let sum = if shape.adds == Adds::Amounts { i128::from(*amount) } else { 0 };
            let contribution = Contribution { count, sum };
            let infusion = Infusion::of(part, admitted.dataset());
            if *unit == 0 {
                found[p].add_nameless(contribution);
                continue;
            }
            let word = mix(u64::from(*unit) + 1_000 * u64::from(cell));
            found[p].add(UnitWord { word, record_key: None }, contribution, shape.adds, infusion);
            if shape.adds == Adds::Rows || sum != 0 {
                signs.entry((cell, p)).or_default().add(word);
            }
        }
    }
    for (cell, found) in &mut cells {
        for (p, part) in parts.iter().enumerate() {
            let shape = PartShape::of(part, admitted.dataset());
            if shape.sketch {
                let sketch = signs.get(&(*cell, p)).map_or(Sketch::ZERO, SignCounts::to_sketch);
                found[p].sketch = Some(Box::new(sketch));
            }
            if shape.noise {
                found[p].question =
                    mix(question + u64::from(*cell) + 100 * u64::try_from(p).unwrap());
            } else {
                found[p].record_keys = 0;
            }
        }
    }
    let keys = |cell: u8| {
        let value = KEYS[usize::from(cell)].map(text);
        admitted.tabulation().keys.iter().map(|_| value.clone()).collect()
    };
    let set = KeySet::all(admitted.tabulation().keys.len());
    let cells = cells.into_iter().map(|(c, parts)| Cell { set, keys: keys(c), parts });
    Evidence { cells: cells.collect() }
}

fn sorted(mut evidence: Evidence) -> Evidence {
    evidence.cells.sort_by_key(|c| format!("{:?}", c.keys));
    evidence
}

/// Everything is new to it.
#[derive(Debug)]
struct Forgetful;

impl Guard for Forgetful {
    fn release(&self, made: &mut Making<'_>) -> Result<(), GuardError> {
        made(&mut |cells| Ok(vec![Verdict::Fresh; cells.len()]))
    }
}

fn table(admitted: &Admitted<Tabulation>, evidence: Evidence, guard: &dyn Guard) -> RecordBatch {
    protected(admitted, Pooled::of_one_department(evidence), guard)
}

fn protected(admitted: &Admitted<Tabulation>, pooled: Pooled, guard: &dyn Guard) -> RecordBatch {
    protect(admitted, pooled, &Release { snapshot: 1, guard }).unwrap().to_batch().unwrap()
}

/// Statuses by the keys' text.
fn statuses(batch: &RecordBatch, keys: usize) -> BTreeMap<String, Vec<String>> {
    let rows = (0..batch.num_rows()).map(|row| {
        let key = (0..keys).map(|k| {
            let key = batch.column(k).as_string::<i32>();
            key.is_valid(row).then(|| key.value(row).to_owned())
        });
        let signs = (keys + 1..batch.num_columns()).step_by(2);
        let signs = signs.map(|s| batch.column(s).as_string::<i32>().value(row).to_owned());
        (format!("{:?}", key.collect::<Vec<_>>()), signs.collect())
    });
    rows.collect()
}

fn preset() -> impl Strategy<Value = Profile> {
    select(Preset::ALL.to_vec()).prop_map(Preset::profile)
}

fn any_keys() -> impl Strategy<Value = &'static [&'static str]> {
    select(vec![&[][..], &["sex"][..], &["area"][..]])
}

proptest! {
    // 256 cases each, or as many as `PROPTEST_CASES` says.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Draws are the same: the blur, noise and rounding of both are, so that only the limits differ.
    #[test]
    fn a_stricter_profile_shows_no_cell_that_a_looser_one_hides(
        looser in preset(), keys in any_keys(), rows in rows(), question: u64,
        more_units in 0..15_u32, p in 0..40_u32, one in 40..=100_u32, two in 60..=100_u32,
    ) {
        let question = question >> 1;
        let limits = Dominance { p_percent: p, one_percent: one, two_percent: two };
        let stricter = looser.strictest(Profile {
            threshold_units: looser.threshold_units + more_units,
            zeros: Zeros::Small,
            dominance: limits,
            ..looser
        });
        prop_assert!(stricter.is_at_least(looser));
        let shown = |profile| {
            let admitted = admitted(keys, profile);
            let evidence = evidence(&admitted, &rows, question);
            statuses(&table(&admitted, evidence, &Forgetful), keys.len())
        };
        let (of_stricter, of_looser) = (shown(stricter), shown(looser));
        for (key, signs) in of_stricter {
            for (m, sign) in signs.iter().enumerate() {
                // Where a quantile falls depends on all bins: more hidden ones can move it out of one.
                if sign != "c" && m != QUANTILE {
                    let looser = of_looser.get(&key).map(|signs| signs[m].as_str());
                    prop_assert!(looser.is_some_and(|s| s != "c"), "{key} {m}: {sign:?} but {looser:?}");
                }
            }
        }
    }

    /// The first measure counts rows: of a cell that shows it, enough units are left whichever department is taken off.
    #[test]
    fn of_a_shown_cell_enough_is_left_without_any_one_department(
        looser in preset(), keys in any_keys(), rows in rows(), others_min in 1..14_u32, departments in 1..5_u16,
    ) {
        let stricter = looser.strictest(Profile { others_min, ..looser });
        let of = |department: u16| -> Vec<Rows> {
            rows.iter().filter(|(_, unit, _, _)| unit % departments == department).copied().collect()
        };
        let shown = |profile| {
            let admitted = admitted(keys, profile);
            let answers = (0..departments).map(|d| (d, evidence(&admitted, &of(d), 1)));
            statuses(&protected(&admitted, Pooled::of_departments(&admitted, answers), &Forgetful), keys.len())
        };
        let (of_stricter, of_looser) = (shown(stricter), shown(looser));
        if departments == 1 {
            prop_assert_eq!(&of_stricter, &of_looser, "one department's cells are no others'");
        }
        for (key, signs) in &of_stricter {
            for (m, sign) in signs.iter().enumerate().filter(|(m, sign)| *sign != "c" && *m != QUANTILE) {
                let looser = of_looser.get(key).map(|signs| signs[m].as_str());
                prop_assert!(looser.is_some_and(|s| s != "c"), "{key} {m}: {sign:?} but {looser:?}");
            }
            let here = |cell: u8| {
                let of_cell = keys.iter().map(|_| KEYS[usize::from(cell)].map(str::to_owned));
                format!("{:?}", of_cell.collect::<Vec<_>>()) == *key
            };
            // Each row here is another unit: see `evidence`.
            let units = |department: u16| {
                of(department).iter().filter(|(cell, unit, _, _)| *unit != 0 && here(*cell)).count()
            };
            let units: Vec<usize> = (0..departments).map(units).collect();
            let left = units.iter().sum::<usize>() - units.iter().max().unwrap();
            // A zero is shown of nobody.
            if 1 < departments && signs[0] != "c" && units.iter().any(|n| 0 < *n) {
                prop_assert!(others_min as usize <= left, "{key}: {units:?}");
            }
        }
    }

    #[test]
    fn merging_is_associative_and_commutative_for_any_split_of_the_units(
        profile in preset(), rows in rows(), places in vec(0..3_usize, 90),
    ) {
        let admitted = admitted(&["area"], profile);
        let of = |place: usize| {
            let here: Vec<Rows> = rows
                .iter()
                .zip(&places)
                .filter(|((_, unit, _, _), p)| (usize::from(*unit) + **p) % 3 == place)
                .map(|(r, _)| *r)
                .collect();
            let mut evidence = evidence(&admitted, &here, 1);
            // Shares of several nodes are added up; here one node's is enough.
            evidence.cells.iter_mut().flat_map(|c| &mut c.parts).for_each(|p| p.question = 0);
            evidence
        };
        let [a, b, c] = [of(0), of(1), of(2)];
        let left = sorted(merge([merge([a.clone(), b.clone()]), c.clone()]));
        prop_assert_eq!(&left, &sorted(merge([a.clone(), merge([b.clone(), c.clone()])])));
        prop_assert_eq!(&left, &sorted(merge([c, b, a])));
        let mut whole = evidence(&admitted, &rows, 1);
        whole.cells.iter_mut().flat_map(|c| &mut c.parts).for_each(|p| p.question = 0);
        prop_assert_eq!(left, sorted(whole));
    }

    #[test]
    fn evidence_arrives_as_it_was_sent(profile in preset(), keys in any_keys(), rows in rows(), question: u64) {
        let admitted = admitted(keys, profile);
        let sent = evidence(&admitted, &rows, question >> 1);
        let batch = write(&admitted, &sent).unwrap();
        // The marks of single units stay at the node.
        let mut arrived = sent;
        for part in arrived.cells.iter_mut().flat_map(|cell| &mut cell.parts) {
            if let Some(sketch) = &mut part.sketch {
                **sketch = sketch.with_marks((sketch.n() == 0).then_some(Marks::NONE));
            }
        }
        prop_assert_eq!(read(&admitted, &[batch]), Some(arrived));
    }

    #[test]
    fn a_protected_table_is_received_and_a_changed_one_is_not(
        preset in select(Preset::ALL.to_vec()), keys in any_keys(), rows in rows(), question: u64,
    ) {
        let profile = preset.profile();
        let admitted = admitted(keys, profile);
        let found = evidence(&admitted, &rows, question >> 1);
        let batch = table(&admitted, found, &MemoryStore::new(u64::MAX));
        let received = receive(&admitted, std::slice::from_ref(&batch));
        prop_assert_eq!(&received.expect("an honest table").to_batch().unwrap(), &batch);
        let with = |at: usize, column: ArrayRef| {
            let mut columns = batch.columns().to_vec();
            columns[at] = column;
            RecordBatch::try_new(batch.schema(), columns).unwrap()
        };
        let refused = |batch: RecordBatch| receive(&admitted, &[batch]).is_none();
        for row in 0..batch.num_rows() {
            for at in (keys.len()..batch.num_columns()).step_by(2) {
                let signs = batch.column(at + 1).as_string::<i32>();
                let changed = |to: &str| -> ArrayRef {
                    Arc::new((0..signs.len()).map(|r| Some(if r == row { to } else { signs.value(r) })).collect::<StringArray>())
                };
                // A value beside a sign that says there is none, or none beside one that says so.
                let flipped = if signs.value(row).is_empty() { "c" } else { "" };
                prop_assert!(refused(with(at + 1, changed(flipped))), "{flipped:?} at {row}, {at}");
                prop_assert!(refused(with(at + 1, changed("?"))));
                // No deviation is below zero, no correlation beyond one, and neither is infinite.
                let impossible = match at - keys.len() {
                    14 => &[-1e-9, f64::INFINITY, f64::NAN][..],
                    16 if multiplies(profile) => &[-1.01, 1.01, f64::INFINITY, f64::NAN],
                    _ => &[],
                };
                for value in impossible.iter().filter(|_| signs.value(row).is_empty()) {
                    let shown = batch.column(at).as_primitive::<Float64Type>();
                    let values: Float64Array = (0..shown.len())
                        .map(|r| if r == row { Some(*value) } else { shown.is_valid(r).then(|| shown.value(r)) })
                        .collect();
                    prop_assert!(refused(with(at, Arc::new(values))), "{value}");
                }
                let Some(counts) = batch.column(at).as_primitive_opt::<Int64Type>() else { continue };
                let is_count = at < keys.len() + 6;
                if signs.value(row).is_empty() && is_count {
                    for no_count in [counts.value(row).saturating_neg(), 1, i64::from(profile.threshold_units) - 1] {
                        let values: Int64Array = (0..counts.len())
                            .map(|r| if r == row { Some(no_count) } else { counts.is_valid(r).then(|| counts.value(r)) })
                            .collect();
                        let possible = no_count == 0 && profile.zeros == Zeros::Shown;
                        prop_assert!(possible || refused(with(at, Arc::new(values))), "{no_count}");
                    }
                }
            }
        }
        prop_assert!(refused(batch.project(&[0]).unwrap()), "a column less");
    }

    #[test]
    fn admission_has_an_answer_to_every_question(question in tabulation(), profile in preset()) {
        let again = question.clone();
        match admit(question, dataset(profile)) {
            Ok(admitted) => {
                // What was admitted can be protected, whatever is known of it.
                let nothing = Evidence::default();
                let table = table(&admitted, nothing, &MemoryStore::new(u64::MAX));
                prop_assert_eq!(table.schema(), admitted.table_schema());
            }
            Err(refusals) => {
                let other = admit(again, dataset(profile)).unwrap_err();
                prop_assert_eq!(refusals.to_string(), other.to_string(), "the same text each time");
                prop_assert!(refusals.to_string().len() < 1 << 20);
            }
        }
    }

    /// Without keys a condition may stand among those of all rows or in each measure's filter: the parts have the same
    /// coordinates and shapes, and the question the same price. Questions are asked together on the strength of this.
    #[test]
    fn a_condition_is_a_filter_where_there_are_no_keys(question in tabulation(), profile in preset(), stay in 0..3_usize) {
        let dataset = dataset(profile);
        let question = Tabulation { keys: Vec::new(), sets: Vec::new(), ..question };
        let conjuncts: Vec<Scalar> =
            question.input.predicates().into_iter().flat_map(Scalar::conjuncts).cloned().collect();
        let (stay, moved) = conjuncts.split_at(stay.min(conjuncts.len()));
        let input = stay.iter().cloned().fold(scan(), |input, predicate| Input::Filter { input: Box::new(input), predicate });
        let filtered = |measure: &Measure| {
            let own = measure.filter.iter().flat_map(Scalar::conjuncts);
            let mut all: Vec<Scalar> = moved.iter().chain(own).cloned().collect();
            let filter = if all.len() < 2 { all.pop() } else { Some(Scalar::And(all)) };
            Measure { kind: measure.kind.clone(), filter }
        };
        let measures = question.measures.iter().map(filtered).collect();
        let together = Tabulation { input, measures, ..question.clone() };
        let parts = |question: &Tabulation| -> Vec<(Coordinate, PartShape)> {
            let of = |part: Part<'_>| {
                let frame = Frame::of(question, &part, &dataset, 1);
                (frame.coordinate(KeySet::NONE, &Vec::new()), PartShape::of(&part, &dataset))
            };
            question.measures.iter().flat_map(|measure| measure.parts(&dataset)).map(of).collect()
        };
        prop_assert_eq!(parts(&question), parts(&together));
        let conditions = |question| Condition::of(question, &BTreeMap::new());
        prop_assert_eq!(conditions(&question), conditions(&together));
    }

    #[test]
    fn one_population_has_one_coordinate_however_it_is_asked_for(
        code in select(vec!["F", "M", "X"]), decade in 0..10_i64, area in "[A-Z]{1,3}", turn in any::<bool>(),
    ) {
        let equal = |name: &str, value: Literal| Scalar::Compare {
            op: Comparison::Equal,
            left: Box::new(column(name)),
            right: Box::new(Scalar::Literal(value)),
        };
        let is_in = |name: &str, list: Vec<Literal>| Scalar::InList { value: Box::new(column(name)), list };
        let (sex, age, place) = (equal("sex", text(code)), equal("decade", Literal::Int64(decade)), equal("area", text(&area)));
        let mut conjuncts = vec![sex.clone(), age.clone(), place.clone()];
        let expected = coordinate(&[Scalar::And(conjuncts.clone())], &[], &[]);
        conjuncts.rotate_left(1);
        if turn {
            conjuncts.swap(0, 1);
        }
        let as_keys = [("sex", text(code)), ("decade", Literal::Int64(decade)), ("area", text(&area))];
        for (predicates, keys) in [
            (vec![Scalar::And(conjuncts.clone())], &as_keys[..0]),
            (conjuncts, &as_keys[..0]),
            (vec![age.clone(), place.clone()], &as_keys[..1]),
            (vec![place.clone()], &as_keys[..2]),
            (vec![], &as_keys[..]),
            (vec![place.clone(), sex.clone()], &as_keys[..]),
            (vec![is_in("sex", vec![text(code)]), is_in("decade", vec![Literal::Int64(decade)]), place.clone()], &as_keys[..0]),
            (vec![Scalar::Or(vec![sex.clone(), sex]), age, is_in("area", vec![text(&area), text(&area)])], &as_keys[..0]),
        ] {
            let (names, values): (Vec<&str>, Vec<Literal>) = keys.iter().cloned().unzip();
            prop_assert_eq!(coordinate(&predicates, &names, &values), expected, "{:?} {:?}", predicates, names);
        }
        let other = equal("area", text("elsewhere"));
        prop_assert_ne!(coordinate(&[other], &[], &[]), expected);
    }
}

/// The shown counts of bins: suppressed, or a multiple of 5.
fn shown_bins() -> impl Strategy<Value = Vec<Option<i128>>> {
    vec(prop_oneof![1 => Just(None), 3 => (2..60_i128).prop_map(|n| Some(n * 5))], 4..30)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// From whatever is shown: a quantile lies in a shown bin, and a larger share is no smaller value.
    #[test]
    fn quantiles_lie_in_shown_bins_and_in_order(
        bins in shown_bins(), values in 0..9_000_i128, widths in vec(0..1_000_i128, 31),
        shares in vec(probability(), 2..6),
    ) {
        let edges: Vec<i128> = widths.iter().scan(-5_000, |at, width| { *at += width; Some(*at) }).collect();
        let edges = &edges[..=bins.len()];
        let mut shares = shares;
        shares.sort();
        let found: Vec<f64> = shares.iter().filter_map(|p| quantile(*p, Some(values), &bins, edges, 0)).collect();
        prop_assert!(found.windows(2).all(|pair| pair[0] <= pair[1]), "{found:?}");
        for value in found {
            let inside = bins.iter().enumerate().any(|(i, bin)| {
                let (from, to) = (edges[i] as f64, edges[i + 1] as f64);
                bin.is_some() && from <= value && value <= to
            });
            prop_assert!(inside, "{value} in {edges:?} {bins:?}");
        }
    }

    /// The data's own quantile and the one from exact counts lie in the same bin.
    #[test]
    fn an_estimate_is_off_by_no_more_than_a_bin_where_counts_are_exact(
        mut data in vec(0..1_000_i64, 200..400), share in probability(), cuts in vec(1..1_000_i64, 3..20),
    ) {
        data.sort_unstable();
        let mut edges: Vec<i128> = cuts.iter().map(|c| i128::from(*c)).chain([0, 1_000]).collect();
        edges.sort_unstable();
        edges.dedup();
        let within = |pair: &[i128]| data.iter().filter(|v| pair[0] <= i128::from(**v) && i128::from(**v) < pair[1]).count();
        let bins: Vec<Option<i128>> = edges.windows(2).map(|pair| Some(i128::try_from(within(pair)).unwrap())).collect();
        let n = i128::try_from(data.len()).unwrap();
        let estimate = quantile(share, Some(n), &bins, &edges, 0).unwrap();
        // The smallest value that so many values don't exceed.
        let rank = (data.len() * usize::try_from(share.millionths()).unwrap()).div_ceil(1_000_000);
        let truth = i128::from(data[rank - 1]);
        let bin = edges.windows(2).find(|pair| pair[0] <= truth && truth < pair[1]).unwrap();
        prop_assert!(bin[0] as f64 <= estimate && estimate <= bin[1] as f64, "{estimate}, {truth} in {bin:?}");
    }

    /// A quantile is what anybody can compute from the histogram and the count beside it.
    #[test]
    fn a_quantile_tells_nothing_that_the_histogram_does_not(rows in rows(), question: u64, share in probability()) {
        let cost = || column("cost");
        let kinds = [
            MeasureKind::Values(cost()),
            MeasureKind::Histogram(cost()),
            MeasureKind::Quantile { argument: cost(), probability: share },
        ];
        let measures = kinds.into_iter().map(|kind| Measure { kind, filter: None }).collect();
        let tabulation = Tabulation { measures, ..self::question(&[], Profile::STANDARD) };
        let admitted = admit(tabulation, dataset(Profile::STANDARD)).unwrap();
        let found = evidence(&admitted, &rows, question >> 1);
        let batch = table(&admitted, found, &MemoryStore::new(u64::MAX));
        let count = batch.column(0).as_primitive::<Int64Type>();
        let count = count.is_valid(0).then(|| i128::from(count.value(0)));
        let lists = batch.column(2).as_list::<i32>();
        let bins: Vec<Option<i128>> = if lists.is_valid(0) {
            lists.value(0).as_primitive::<Int64Type>().iter().map(|n| n.map(i128::from)).collect()
        } else {
            vec![None; 5]
        };
        let edges = [-1_000_000, -500, 0, 100, 10_000, 1_000_000];
        let expected = quantile(share, count, &bins, &edges, 0);
        let told = batch.column(4).as_primitive::<Float64Type>();
        prop_assert_eq!(told.is_valid(0).then(|| told.value(0)), expected);
        let sign = batch.column(5).as_string::<i32>().value(0).to_owned();
        prop_assert_eq!(sign, if expected.is_some() { "e" } else { "c" });
    }
}

/// The coordinate of a count of rows in the cell with these keys.
fn coordinate(predicates: &[Scalar], keys: &[&str], values: &[Literal]) -> Coordinate {
    let dataset = dataset(Profile::STANDARD);
    let input = predicates.iter().fold(scan(), |input, predicate| Input::Filter {
        input: Box::new(input),
        predicate: predicate.clone(),
    });
    let measures = vec![Measure { kind: MeasureKind::Rows, filter: None }];
    let tabulation = Tabulation { input, measures, ..question(keys, Profile::STANDARD) };
    let parts = tabulation.parts(&dataset).distinct;
    let frame = Frame::of(&tabulation, &parts[0], &dataset, 1);
    let values: Vec<_> = values.iter().cloned().map(Some).collect();
    frame.coordinate(KeySet::all(keys.len()), &values)
}

/// Rows without a value belong to all rows and not to `sex IN (every code)`: with one coordinate, the
/// guard would show the one count for the other, however many they are.
#[test]
fn all_rows_and_those_that_have_a_value_are_different_populations() {
    let every = ["F", "M", "X"].map(text).to_vec();
    let has_value = Scalar::InList { value: Box::new(column("sex")), list: every };
    let not_null = Scalar::Not(Box::new(Scalar::IsNull(Box::new(column("sex")))));
    assert_ne!(coordinate(&[], &[], &[]), coordinate(&[has_value], &[], &[]));
    assert_ne!(coordinate(&[], &[], &[]), coordinate(&[not_null], &[], &[]));
}

/// A measure's filter leaves all rows of a cell or none where it is about the cell's key. Nobody isn't everybody: with one
/// coordinate, a zero that is shown would be shown for the cell itself.
#[test]
fn a_filter_that_is_not_true_of_the_key_is_another_population() {
    let dataset = dataset(Preset::Midpoint6.profile());
    let is_female = Scalar::Compare {
        op: Comparison::Equal,
        left: Box::new(column("sex")),
        right: Box::new(Scalar::Literal(text("F"))),
    };
    let not = |scalar: &Scalar| Scalar::Not(Box::new(scalar.clone()));
    let of_cell = |filter: Option<Scalar>, key: Option<&str>| {
        let measures = vec![Measure { kind: MeasureKind::Rows, filter }];
        let tabulation = Tabulation { measures, ..question(&["sex"], Preset::Midpoint6.profile()) };
        let parts = tabulation.parts(&dataset).distinct;
        let frame = Frame::of(&tabulation, &parts[0], &dataset, 1);
        frame.coordinate(KeySet::all(1), &vec![key.map(text)])
    };
    for key in [Some("F"), Some("M"), None] {
        let cell = of_cell(None, key);
        let is_f = key == Some("F");
        assert_eq!(of_cell(Some(is_female.clone()), key) == cell, is_f, "{key:?}");
        assert_eq!(of_cell(Some(not(&not(&is_female))), key) == cell, is_f, "{key:?}");
        assert_eq!(of_cell(Some(not(&is_female)), key) == cell, key == Some("M"), "{key:?}");
        let no_value = Scalar::IsNull(Box::new(column("sex")));
        assert_eq!(of_cell(Some(no_value.clone()), key) == cell, key.is_none(), "{key:?}");
        assert_eq!(of_cell(Some(not(&no_value)), key) == cell, key.is_some(), "{key:?}");
    }
    assert_ne!(of_cell(Some(is_female.clone()), Some("M")), of_cell(Some(is_female), Some("X")));
}
