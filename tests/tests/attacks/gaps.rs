//! Measures with gaps: what counts, means, totals and moments together tell of how many have no value. The guard shows one
//! count of nearly the same people; what is computed with it may neither be far off nor tell the other. Simulations; seeds
//! are the trials' numbers.

use std::sync::Arc;

use insitu_disclosure::dataset::{Bounds, Domain};
use insitu_disclosure::evidence::{Adds, Cell, Contribution, PartShape, SignCounts, UnitWord};
use insitu_disclosure::function::literal_at;
use insitu_disclosure::guard::MemoryStore;
use insitu_disclosure::keyed::{DatasetKeys, mix};
use insitu_disclosure::noise::Infusion;
use insitu_disclosure::policy::{Complementary, DifferenceGuard, Predicates};
use insitu_disclosure::table::ProtectedColumn;
use insitu_disclosure::tabulation::{Part, PartKind};
use insitu_disclosure::{
    AnswerTimes, Association, Column, Dataset, DatasetName, Dispersion, Evidence, Input, Key,
    KeySet, Label, Literal, Measure, MeasureKind, PartEvidence, Pooled, Preset, Profile,
    ProtectedUnit, Protection, Release, ReleaseMode, Scalar, ScalarType, Tabulation, admit,
    protect,
};

use super::lab::{VICTIM, is_member};

/// Numbers that repeat.
struct Random(u64);

impl Random {
    /// Evenly from 0 to below so many.
    const fn below(&mut self, many: u64) -> u64 {
        self.0 += 1;
        mix(self.0) % many
    }
}

/// Somebody, and what they have, if they have it.
type Person = (u64, Option<i128>);

/// People with one row each, in sets with names of their own.
struct Gaps {
    dataset: Arc<Dataset>,
    keys: DatasetKeys,
    guard: MemoryStore,
    /// All values are multiples of this.
    unit: i128,
}

impl Gaps {
    /// Where nobody has less than `low`, as everybody knows.
    fn new(profile: Profile, seed: u8, low: i128) -> Self {
        let column = |name: &str, scalar_type, label| Column {
            name: name.to_owned(),
            scalar_type,
            label,
            domain: None,
            breakpoints: None,
            bounds: (label == Label::Measure).then_some(Bounds { low, high: 1_000_000 }),
            measured_in: None,
            unit_totals: None,
            description: None,
        };
        let name = DatasetName::new("lab", "gaps").unwrap();
        let keys = DatasetKeys::derive(&[seed; 32], &name);
        let dataset = Dataset {
            name,
            description: None,
            columns: vec![
                column("person", ScalarType::Int64, Label::Unit),
                column("area", ScalarType::Utf8, Label::Dimension),
                column("x", ScalarType::Int64, Label::Measure),
                column("y", ScalarType::Int64, Label::Measure),
            ],
            impossible: Vec::new(),
            hierarchies: Vec::new(),
            protection: Protection::Protected {
                unit: ProtectedUnit::Column { name: "person".to_owned(), unique_per_row: true },
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
        };
        Self { dataset: Arc::new(dataset), keys, guard: MemoryStore::new(1_000_000), unit: 1 }
    }

    /// What is shown of each measure of these people.
    fn ask(&self, kinds: &[MeasureKind], spelling: &str, people: &[Person]) -> Vec<Option<f64>> {
        let scan = Input::Scan { dataset: self.dataset.name.clone(), fingerprint: 0 };
        let measures = kinds.iter().map(|kind| Measure { kind: kind.clone(), filter: None });
        let tabulation = Tabulation {
            input: scan,
            keys: vec![Key { scalar: Scalar::Column("area".to_owned()) }],
            sets: Vec::new(),
            measures: measures.collect(),
            groups_max: 10,
        };
        // Whole tables are of published values: these people's area, and another that is never suppressed.
        let is_whole = self.dataset.profile().predicates == Predicates::WholeTables;
        let others: Vec<Person> =
            if is_whole { elsewhere(spelling, self.unit) } else { Vec::new() };
        let areas: [(String, &[Person]); 2] =
            [(spelling.to_owned(), people), (format!("{spelling}, elsewhere"), &others)];
        let code = |area: &String| Literal::Utf8(area.clone());
        let mut dataset = Dataset::clone(&self.dataset);
        for column in dataset.columns.iter_mut().filter(|column| is_whole && column.name == "area")
        {
            column.domain = Some(Domain::Codes(areas.iter().map(|(area, _)| code(area)).collect()));
        }
        let admitted = admit(tabulation, Arc::new(dataset)).unwrap();
        let parts = admitted.tabulation().parts(&self.dataset).distinct;
        let cell = |(area, people): &(String, &[Person])| Cell {
            set: KeySet::all(1),
            keys: vec![Some(code(area))],
            parts: parts.iter().map(|part| self.part(part, people)).collect(),
        };
        let mut evidence =
            Evidence { cells: areas.iter().take(1 + usize::from(is_whole)).map(cell).collect() };
        evidence.draw(&admitted, &self.keys, 0);
        let release = Release { snapshot: 0, guard: &self.guard };
        let table = protect(&admitted, Pooled::of_one_department(evidence), &release).unwrap();
        let number = |value| match value {
            Some(Literal::Int64(n)) => Some(n as f64),
            Some(Literal::Float64(n)) => Some(n),
            Some(Literal::Decimal { value, places }) => {
                Some(value as f64 / 10_f64.powi(places.into()))
            }
            _ => None,
        };
        let value = |m: &ProtectedColumn| {
            number((!m.values().is_empty()).then(|| literal_at(m.values(), 0))?)
        };
        table.get().measures().iter().map(value).collect()
    }

    fn part(&self, part: &Part<'_>, people: &[Person]) -> PartEvidence {
        let shape = PartShape::of(part, &self.dataset);
        let infusion = Infusion::of(part, &self.dataset);
        let is_y = |scalar: Option<&Scalar>| scalar == Some(&Scalar::Column("y".to_owned()));
        let mut found = PartEvidence::default();
        let mut signs = SignCounts::new();
        for (person, x) in people {
            let word = self.keys.unit_word(&person.to_le_bytes());
            // Everybody has a `y`, which goes with `x`; the victim's as others' on the average.
            let more = if *person == VICTIM { 2 } else { i128::from(mix(*person) % 5) };
            let y = self.unit * more + x.unwrap_or(self.unit * 30);
            let value = |scalar| if is_y(scalar) { Some(y) } else { *x };
            if part.argument.is_some_and(|a| value(Some(a)).is_none())
                || part.beside.is_some_and(|b| value(Some(b)).is_none())
            {
                continue;
            }
            let (of_one, of_other) = part.origins(&self.dataset);
            let one = value(part.argument).map(|one| one - of_one);
            let other = value(part.beside).map(|other| other - of_other);
            let from_zero = value(part.argument);
            let sum = match part.kind {
                PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => 0,
                PartKind::Sum => from_zero.unwrap(),
                PartKind::Deviations => one.unwrap(),
                PartKind::Squares => one.unwrap().pow(2),
                PartKind::Products => one.unwrap() * other.unwrap(),
            };
            let contribution = Contribution { count: 1, sum };
            found.add(UnitWord { word, record_key: None }, contribution, shape.adds, infusion);
            match shape.adds {
                Adds::Rows => signs.add(word),
                Adds::Amounts if sum != 0 => signs.add(mix(word ^ sum as u64)),
                Adds::Amounts => {}
            }
        }
        found.sketch = shape.sketch.then(|| Box::new(signs.to_sketch()));
        found
    }
}

fn x() -> Scalar {
    Scalar::Column("x".to_owned())
}

fn variance() -> MeasureKind {
    MeasureKind::Dispersion(Dispersion::VarianceOfSample, x())
}

fn of_pairs(of: Association) -> MeasureKind {
    MeasureKind::Association(of, Scalar::Column("y".to_owned()), x())
}

/// Two hundred others, of whom all have a value.
fn elsewhere(spelling: &str, unit: i128) -> Vec<Person> {
    let first = spelling.bytes().fold(1, |hash, byte| mix(hash ^ u64::from(byte))) >> 1;
    (first..first + 200)
        .map(|person| (person, Some(unit * i128::from(32 + mix(person) % 12))))
        .collect()
}

/// So many people with these numbers, of whom eight in a hundred have no value, and the others 32 to 43.
fn group(random: &mut Random, first: u64, number: u64) -> Vec<Person> {
    let value = |random: &mut Random| i128::from(32 + random.below(12));
    (first..first + number)
        .map(|person| (person, (8 <= random.below(100)).then(|| value(random))))
        .collect()
}

/// The mean, and the variance of the sample.
fn truly(people: &[Person]) -> [f64; 2] {
    let values: Vec<f64> = people.iter().filter_map(|(_, x)| x.map(|x| x as f64)).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    [mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)]
}

/// How far off, on the average of groups of some forty people: means in per cent, and variances by how many times.
fn bias(profile: Profile, low: i128, before: &[MeasureKind], kinds: &[MeasureKind]) -> [f64; 2] {
    let lab = Gaps::new(profile, 7, low);
    let mut random = Random(20_261_124 << 32);
    let (mut mean, mut spread, mut means, mut spreads) = (0.0, 0.0, 0.0, 0.0);
    for set in 0..300_u64 {
        let number = 36 + random.below(9);
        let people = group(&mut random, set * 1_000, number);
        let [true_mean, true_spread] = truly(&people);
        let name = format!("{set}");
        if !before.is_empty() {
            lab.ask(before, &name, &people);
        }
        let shown = lab.ask(kinds, &name, &people);
        for (kind, shown) in kinds.iter().zip(shown) {
            let Some(shown) = shown else { continue };
            match kind {
                MeasureKind::Mean(_) => {
                    mean += 100.0 * (shown / true_mean - 1.0);
                    means += 1.0;
                }
                MeasureKind::Dispersion(..) => {
                    spread += shown / true_spread;
                    spreads += 1.0;
                }
                _ => {}
            }
        }
    }
    [mean / means, spread / spreads]
}

#[test]
fn means_and_variances_of_measures_with_gaps_are_right() {
    let (count, mean, total) = (MeasureKind::Rows, MeasureKind::Mean(x()), MeasureKind::Sum(x()));
    let moments = [mean.clone(), variance()];
    let all = [count.clone(), mean.clone(), variance()];
    let with_total = [count.clone(), total.clone(), mean, variance()];
    // Means that are totals by the shown count are off by as many as have no value: eight in a hundred; from 25, by a third of it.
    for (preset, low, off, spread_most) in [
        (Preset::Exact, 0, -7.7, 1.01),
        (Preset::Exact, 25, -7.7, 1.01),
        (Preset::Standard, 25, -2.6, 1.3),
    ] {
        for (order, before, kinds, off) in [
            ("one statement", &[][..], &all[..], 0.0),
            ("the count first", std::slice::from_ref(&count), &moments, 0.0),
            ("means first", &moments, &all, 0.0),
            ("with the total", &[], &with_total, off),
            ("the total first", &[count.clone(), total.clone()], &moments, off),
        ] {
            let [mean, spread] = bias(preset.profile(), low, before, kinds);
            println!("gaps, {preset:?} from {low}, {order}: means {mean:+.2} %, {spread:.2} times");
            assert!((mean - off).abs() < 0.3, "{preset:?} {order}: {mean}");
            assert!((0.99..spread_most).contains(&spread), "{preset:?} {order}: {spread}");
        }
    }
}

#[test]
fn of_a_total_and_a_mean_the_first_is_remembered_and_the_other_follows() {
    let (count, mean, total) =
        (MeasureKind::Values(x()), MeasureKind::Mean(x()), MeasureKind::Sum(x()));
    let mut random = Random(5 << 32);
    let people: Vec<Person> =
        (0..40).map(|p| (p, (3 <= p).then(|| i128::from(32 + random.below(12))))).collect();
    let ask = |lab: &Gaps, kind: &MeasureKind, name: &str, people: &[Person]| {
        lab.ask(std::slice::from_ref(kind), name, people)[0].unwrap()
    };
    let [right, _] = truly(&people);
    let lab = || {
        let lab = Gaps::new(exact(), 3, 0);
        lab.ask(&[MeasureKind::Rows], "a", &people);
        lab
    };
    let first = lab();
    let [n, m] = [&count, &mean].map(|kind| ask(&first, kind, "a", &people));
    assert_eq!(n, 40.0, "all were counted");
    assert!((m / right - 1.0).abs() < 0.002, "{m} for {right}");
    let t = ask(&first, &total, "a", &people);
    assert_eq!((m, t.fract()), (t / 40.0, 0.0), "the total is the mean's");
    // Nearly the same people: the mean is repeated, and so is the total.
    let fewer = &people[..38];
    assert_eq!(ask(&first, &mean, "b", fewer), m);
    assert_eq!(ask(&first, &total, "b", fewer), t);

    let second = lab();
    let t = ask(&second, &total, "a", &people);
    assert_eq!(t, 37.0 * right, "as it is");
    assert_eq!(ask(&second, &mean, "a", &people), t / 40.0);
    // Its own count stays with a total that is repeated, whatever is shown of the cell's count.
    let both = second.ask(&[mean, total], "b", fewer);
    assert_eq!(both, [Some(t / 40.0), Some(t)]);
}

/// All that means and moments tell.
fn moments() -> Vec<MeasureKind> {
    let mut kinds = vec![MeasureKind::Values(x()), MeasureKind::Mean(x())];
    kinds.extend(Dispersion::ALL.map(|of| MeasureKind::Dispersion(of, x())));
    kinds.extend(Association::ALL.map(of_pairs));
    kinds
}

/// Everything shown, and what an attacker makes of it.
type Made = Vec<f64>;

/// Sets of people who have values, as is known, and the victim, after all of each set were counted.
const SETS: u64 = 20;

const TRIALS: u8 = 16;

/// What is made of each set, added up.
fn over_sets(
    lab: &Gaps,
    trial: u8,
    least: u64,
    make: impl Fn(&Gaps, &str, &[Person]) -> Made,
) -> Made {
    let unit = lab.unit;
    let mut random = Random((1 + u64::from(trial)) << 32);
    let victims = is_member(trial).then(|| unit * i128::from(32 + random.below(12)));
    let mut found: Made = Vec::new();
    for set in 0..SETS {
        let number = least + random.below(20);
        let known = set * 1_000..set * 1_000 + number;
        let mut people: Vec<Person> =
            known.map(|p| (p, Some(unit * i128::from(32 + random.below(12))))).collect();
        people.push((VICTIM, victims));
        let name = format!("{set}");
        lab.ask(&[MeasureKind::Rows], &name, &people);
        let of_set = make(lab, &name, &people);
        found.resize(of_set.len(), 0.0);
        found.iter_mut().zip(of_set).for_each(|(sum, of_set)| *sum += of_set);
    }
    found
}

/// What is shown of these measures; how far off whole numbers it is by the two numbers of values that there may be; and the
/// quotients.
fn by_all(kinds: &[MeasureKind], lab: &Gaps, name: &str, people: &[Person]) -> Made {
    let shown: Made =
        lab.ask(kinds, name, people).into_iter().map(Option::unwrap_or_default).collect();
    let mut made = shown.clone();
    let all = people.len() as f64;
    for n in [all - 1.0, all] {
        let off = |value: f64| (value - value.round()).abs();
        let of_each = |shown: &f64| {
            [off(shown * n), off(shown * n * (n - 1.0)), off(shown * n / lab.unit as f64)]
        };
        made.extend(shown.iter().flat_map(of_each));
    }
    for (i, one) in shown.iter().enumerate() {
        let by = |other: &f64| if *other == 0.0 { 0.0 } else { (one / other).clamp(-1e9, 1e9) };
        made.extend(shown.iter().take(i).map(by));
    }
    made
}

/// Totals of two halves by the mean of all; and the counts of these halves.
fn by_halves(lab: &Gaps, name: &str, people: &[Person]) -> Made {
    let mean = lab.ask(&[MeasureKind::Mean(x())], name, people)[0].unwrap_or(1.0);
    let (one, other) = people.split_at(people.len() / 2);
    let both = |kind: MeasureKind, what: &str| -> f64 {
        let halves = [(one, "one"), (other, "other")];
        let of_half = |(half, which)| {
            lab.ask(std::slice::from_ref(&kind), &format!("{name} {which} {what}"), half)[0]
                .unwrap_or(0.0)
        };
        halves.into_iter().map(of_half).sum()
    };
    let values = both(MeasureKind::Values(x()), "values");
    let by_mean = both(MeasureKind::Sum(x()), "total") / mean;
    [by_mean, values].map(|n| n - people.len() as f64).to_vec()
}

/// What is gained by the best of all these numbers, each against the value that parts victims with and without in as many other
/// trials; which is the best is told by those.
fn gained(trials: u8, of: impl Fn(u8) -> Made) -> f64 {
    let of_trials = |first: u8| -> Vec<(bool, Made)> {
        (first..first + trials).map(|trial| (is_member(trial), of(trial))).collect()
    };
    let (known, unknown) = (of_trials(trials), of_trials(0));
    let mean = |number: usize, member: bool| {
        let of_class = known.iter().filter(|(is, _)| *is == member);
        let values: Vec<f64> = of_class.map(|(_, of)| of[number]).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let right = |of: &[(bool, Made)], number: usize| {
        let (with, without) = (mean(number, true), mean(number, false));
        let edge = f64::midpoint(with, without);
        let says = |value: f64| (edge < value) == (without < with);
        of.iter().filter(|(is, of)| says(of[number]) == *is).count()
    };
    let best = (0..known[0].1.len()).max_by_key(|number| right(&known, *number)).unwrap();
    right(&unknown, best) as f64 / f64::from(trials) - 0.5
}

/// `exact`, where the guard is all that stands before one cell.
fn exact() -> Profile {
    Profile { complementary: Complementary::Off, ..Preset::Exact.profile() }
}

#[test]
fn attack_28_whether_the_victim_has_a_value() {
    let unguarded = Profile { guard: DifferenceGuard::Off, ..exact() };
    let total = [vec![MeasureKind::Sum(x())], moments()].concat();
    for (name, profile, unit, kinds, gain) in [
        ("exact without the guard", unguarded, 1, moments(), 0.5..=0.5),
        ("exact", exact(), 1, moments(), -0.5..=0.25),
        ("exact, in thousands", exact(), 1_000, moments(), -0.5..=0.25),
        ("standard", Profile::STANDARD, 1, moments(), -0.5..=0.25),
        // A total by its count is no mean, and usual means are known.
        ("exact, with totals", exact(), 1, total.clone(), 0.5..=0.5),
        ("standard, with totals", Profile::STANDARD, 1, total, 0.0..=0.5),
    ] {
        let gained = gained(TRIALS, |trial| {
            let lab = Gaps { unit, ..Gaps::new(profile, trial, 0) };
            over_sets(&lab, trial, 20, |lab, name, people| by_all(&kinds, lab, name, people))
        });
        println!("attack 28, gaps, {name}: {gained:.2}");
        assert!(gain.contains(&gained), "{name}: {gained}");
    }
}

/// In part: halves aren't nearly the same people as all, and are answered by themselves. What they come to, by the mean of all, is how many have a
/// value; so is the sum of their counts.
#[test]
fn attack_27_totals_of_halves_by_the_mean_of_all() {
    for (name, profile) in [("exact", exact()), ("standard", Profile::STANDARD)] {
        for (number, by) in ["the total", "counts"].into_iter().enumerate() {
            let gained = gained(TRIALS, |trial| {
                let lab = Gaps::new(profile, trial, 0);
                vec![over_sets(&lab, trial, 60, by_halves)[number]]
            });
            println!("attack 27, gaps, {name}, by {by}: {gained:.2}");
            assert!(name != "exact" || gained == 0.5, "{name}, by {by}: {gained}");
        }
    }
}
