//! Moments end to end within the crate: from rows of units to shown values, against plain computation.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs)]

use std::sync::Arc;

use insitu_disclosure::dataset::{Bounds, Domain, UnitTotals};
use insitu_disclosure::evidence::{
    Adds, Cell, Contribution, PartShape, SignCounts, UnitWord, merge,
};
use insitu_disclosure::function::literal_at;
use insitu_disclosure::guard::MemoryStore;
use insitu_disclosure::keyed::{DatasetKeys, mix};
use insitu_disclosure::noise::Infusion;
use insitu_disclosure::policy::Profile;
use insitu_disclosure::rules::measures::origin;
use insitu_disclosure::tabulation::canonical::{Coordinate, Frame};
use insitu_disclosure::tabulation::{PARTS_MAX, Part, PartKind};
use insitu_disclosure::{
    AnswerTimes, Association, CellStatus, Column, Comparison, Dataset, DatasetName, Dispersion,
    Evidence, Input, KeySet, Label, Literal, Measure, MeasureKind, PartEvidence, Pooled, Preset,
    ProtectedUnit, Protection, Release, ReleaseMode, Scalar, ScalarType, Tabulation, admit,
    protect,
};

/// A unit's row: `x` and `y`, if it has them.
type Row = (Option<i128>, Option<i128>);

fn bounds(low: i128, high: i128) -> Bounds {
    Bounds { low, high }
}

/// One row a unit; `x` whole numbers, `y` of two decimal places.
fn dataset(profile: Profile, x: Bounds, y: Bounds) -> Arc<Dataset> {
    let column = |name: &str, scalar_type, label| Column {
        name: name.to_owned(),
        scalar_type,
        label,
        domain: None,
        breakpoints: None,
        bounds: None,
        measured_in: None,
        unit_totals: None,
        description: None,
    };
    let measure =
        |name, t, bounds| Column { bounds: Some(bounds), ..column(name, t, Label::Measure) };
    Arc::new(Dataset {
        name: DatasetName::parse("a.b").unwrap(),
        description: None,
        columns: vec![
            column("unit", ScalarType::Int64, Label::Unit),
            Column {
                domain: Some(Domain::Range(0, 0)),
                ..column("group", ScalarType::Int64, Label::Dimension)
            },
            measure("x", ScalarType::Int64, x),
            measure("y", ScalarType::Decimal(2), y),
            column("unbounded", ScalarType::Int64, Label::Measure),
        ],
        protection: Protection::Protected {
            unit: ProtectedUnit::Column { name: "unit".to_owned(), unique_per_row: true },
            profile,
            release: ReleaseMode::AtGateway,
            units_at_one_node: true,
            record_key: None,
            perturbation: None,
            conditions_max: None,
            answer_times: AnswerTimes::at_once(),
            rows_about: None,
            reference_joins: true,
            unit_joins: Default::default(),
        },
        impossible: Vec::new(),
        hierarchies: Vec::new(),
        snapshot: 0,
    })
}

fn column(name: &str) -> Scalar {
    Scalar::Column(name.to_owned())
}

fn question(kinds: &[MeasureKind]) -> Tabulation {
    Tabulation {
        input: Input::Scan { dataset: DatasetName::parse("a.b").unwrap(), fingerprint: 0 },
        keys: Vec::new(),
        sets: Vec::new(),
        measures: kinds.iter().map(|kind| Measure { kind: kind.clone(), filter: None }).collect(),
        groups_max: 10,
    }
}

fn all_kinds() -> Vec<MeasureKind> {
    let of_one = Dispersion::ALL.map(|of| MeasureKind::Dispersion(of, column("x")));
    let of_two = Association::ALL.map(|of| MeasureKind::Association(of, column("y"), column("x")));
    of_one.into_iter().chain(of_two).collect()
}

/// What a row adds to a part; `None` if it takes no part.
fn adds(part: &Part<'_>, (x, y): Row, dataset: &Dataset) -> Option<i128> {
    let value = |s: &Scalar| if *s == column("x") { x } else { y };
    let (of_argument, of_beside) = part.bounds(dataset);
    let deviation = |s: &Scalar, bounds: Option<Bounds>| {
        let bounds = bounds?;
        Some(value(s)?.clamp(bounds.low, bounds.high) - origin(s, dataset))
    };
    let Some(argument) = part.argument else { return Some(0) };
    let first = value(argument)?;
    if let Some(beside) = part.beside {
        value(beside)?;
    }
    Some(match part.kind {
        PartKind::Rows | PartKind::Values | PartKind::Units | PartKind::Distinct => 0,
        PartKind::Sum => first.clamp(of_argument?.low, of_argument?.high),
        PartKind::Deviations => deviation(part.argument?, of_argument)?,
        PartKind::Squares => deviation(part.argument?, of_argument)?.pow(2),
        PartKind::Products => {
            deviation(part.argument?, of_argument)? * deviation(part.beside?, of_beside)?
        }
    })
}

/// What a node finds of one cell; `first` numbers the units.
fn evidence(
    parts: &[Part<'_>],
    dataset: &Dataset,
    keys: &DatasetKeys,
    rows: &[Row],
    first: usize,
) -> Evidence {
    let of_part = |part: &Part<'_>| {
        let shape = PartShape::of(part, dataset);
        let infusion = Infusion::of(part, dataset);
        let mut found = PartEvidence::default();
        let mut signs = SignCounts::new();
        for (i, row) in rows.iter().enumerate() {
            let Some(sum) = adds(part, *row, dataset) else { continue };
            let word = keys.unit_word(&(first + i).to_le_bytes());
            let contribution = Contribution { count: 1, sum };
            found.add(UnitWord { word, record_key: None }, contribution, shape.adds, infusion);
            if shape.adds == Adds::Rows || sum != 0 {
                signs.add(word);
            }
        }
        found.sketch = shape.sketch.then(|| Box::new(signs.to_sketch()));
        found
    };
    let parts = parts.iter().map(of_part).collect();
    Evidence { cells: vec![Cell { set: KeySet::NONE, keys: Vec::new(), parts }] }
}

/// What is shown of each measure, over nodes with these rows.
fn shown_over(
    secret: u8,
    dataset: &Arc<Dataset>,
    kinds: &[MeasureKind],
    nodes: &[&[Row]],
) -> Vec<(Option<Literal>, CellStatus)> {
    let admitted = admit(question(kinds), Arc::clone(dataset)).unwrap();
    let parts = admitted.tabulation().parts(dataset).distinct;
    let keys = DatasetKeys::derive(&[secret; 32], &dataset.name);
    let mut first = 0;
    let found: Vec<Evidence> = nodes
        .iter()
        .map(|rows| {
            let evidence = evidence(&parts, dataset, &keys, rows, first);
            first += rows.len();
            evidence
        })
        .collect();
    let mut found = merge(found);
    found.draw(&admitted, &keys, 0);
    let release = Release { snapshot: 0, guard: &MemoryStore::new(u64::MAX) };
    let table = protect(&admitted, Pooled::of_one_department(found), &release).unwrap();
    let measures = table.get().measures().iter();
    measures.map(|m| (literal_at(m.values(), 0), m.statuses()[0])).collect()
}

fn shown(
    dataset: &Arc<Dataset>,
    kinds: &[MeasureKind],
    rows: &[Row],
) -> Vec<(Option<Literal>, CellStatus)> {
    shown_over(7, dataset, kinds, &[rows])
}

fn number((value, status): &(Option<Literal>, CellStatus)) -> f64 {
    assert_eq!(*status, CellStatus::Released);
    match value {
        Some(Literal::Float64(v)) => *v,
        Some(Literal::Int64(v)) => *v as f64,
        other => panic!("{other:?}"),
    }
}

/// In two passes, over rows that have what is needed, in units of measurement.
fn plainly(kind: &MeasureKind, rows: &[Row]) -> f64 {
    let pairs: Vec<(f64, f64)> = rows
        .iter()
        .filter_map(|(x, y)| match kind {
            MeasureKind::Dispersion(..) => x.map(|x| (x as f64, 0.0)),
            _ => Some((x.as_ref().copied()? as f64, y.as_ref().copied()? as f64 / 100.0)),
        })
        .collect();
    let n = pairs.len() as f64;
    let (mx, my) =
        (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let total =
        |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(x, y)| of(x - mx, y - my)).sum::<f64>();
    let (sxx, syy, sxy) = (total(&|x, _| x * x), total(&|_, y| y * y), total(&|x, y| x * y));
    match kind {
        MeasureKind::Dispersion(of, _) => match of {
            Dispersion::VarianceOfSample => sxx / (n - 1.0),
            Dispersion::VarianceOfPopulation => sxx / n,
            Dispersion::DeviationOfSample => (sxx / (n - 1.0)).sqrt(),
            Dispersion::DeviationOfPopulation => (sxx / n).sqrt(),
        },
        MeasureKind::Association(of, _, _) => match of {
            Association::CovarianceOfSample => sxy / (n - 1.0),
            Association::CovarianceOfPopulation => sxy / n,
            Association::Correlation => sxy / (sxx * syy).sqrt(),
            Association::Slope => sxy / sxx,
            Association::Intercept => my - sxy / sxx * mx,
            Association::Determination => sxy * sxy / (sxx * syy),
            Association::Pairs => n,
            Association::MeanOfX => mx,
            Association::MeanOfY => my,
            Association::SquaresOfX => sxx,
            Association::SquaresOfY => syy,
            Association::Products => sxy,
        },
        other => panic!("{other:?}"),
    }
}

/// Numbers that repeat.
struct Random(u64);

impl Random {
    /// Evenly from `low` to `high`.
    fn range(&mut self, low: i128, high: i128) -> i128 {
        self.0 += 1;
        low + i128::from(mix(self.0)) % (high - low + 1)
    }
}

/// `y = 3.00 + x / 10` and something of its own, with gaps; `x` evenly from `low` to `high`.
fn people(number: usize, low: i128, high: i128, seed: u64) -> Vec<Row> {
    let mut random = Random(seed << 32);
    (0..number)
        .map(|_| {
            let x = random.range(low, high);
            let y = 300 + x * 10 + random.range(-(high - low) * 4, (high - low) * 4);
            ((0 < random.range(0, 19)).then_some(x), (0 < random.range(0, 9)).then_some(y))
        })
        .collect()
}

#[test]
fn without_noise_they_are_what_plain_computation_gives() {
    for (low, high) in [(0, 110), (60, 250), (-40, 50), (1_900, 2_020), (-9_000_000, -8_999_000)] {
        let rows = people(5_000, low, high, 3);
        let dataset = dataset(
            Preset::Exact.profile(),
            bounds(low, high),
            bounds(low * 10 - 100_000, high * 10 + 100_000),
        );
        let kinds = all_kinds();
        for (kind, shown) in kinds.iter().zip(shown(&dataset, &kinds, &rows)) {
            let (shown, plain) = (number(&shown), plainly(kind, &rows));
            // Two passes in floating point lose a few digits of the five thousand additions.
            assert!(
                (shown - plain).abs() <= 1e-9 * plain.abs().max(1e-3),
                "{kind:?}: {shown} {plain}"
            );
        }
    }
}

#[test]
fn over_several_nodes_they_are_what_one_node_gives() {
    let rows = people(900, 0, 110, 5);
    let dataset = dataset(Preset::Standard.profile(), bounds(0, 110), bounds(-100_000, 100_000));
    let kinds = all_kinds();
    let whole = shown(&dataset, &kinds, &rows);
    assert!(whole.iter().all(|(_, status)| *status == CellStatus::Released), "{whole:?}");
    for at in [0, 1, 5, 450, 900] {
        let (a, b) = rows.split_at(at);
        assert_eq!(shown_over(7, &dataset, &kinds, &[a, b]), whole, "{at}");
    }
}

/// Relative error of each moment with `standard`, the largest of `trials`.
fn errors(
    number_of_people: usize,
    low: i128,
    high: i128,
    declared: Bounds,
    trials: u8,
) -> Vec<(MeasureKind, f64, f64)> {
    let kinds = all_kinds();
    let mut squares = vec![0.0; kinds.len()];
    let mut largest = vec![0.0_f64; kinds.len()];
    for trial in 0..trials {
        let rows = people(number_of_people, low, high, 100 + u64::from(trial));
        // Wide for `y`, which only takes part in some.
        let dataset = dataset(Preset::Standard.profile(), declared, bounds(-high * 30, high * 30));
        for (i, shown) in shown_over(trial, &dataset, &kinds, &[&rows]).iter().enumerate() {
            let plain = plainly(&kinds[i], &rows);
            // A correlation is compared on its own scale, and the height of a line with how high it is where people are.
            let scale = match &kinds[i] {
                MeasureKind::Association(
                    Association::Correlation | Association::Determination,
                    _,
                    _,
                ) => 1.0,
                MeasureKind::Association(Association::Intercept, y, x) => plainly(
                    &MeasureKind::Association(Association::MeanOfY, y.clone(), x.clone()),
                    &rows,
                )
                .abs(),
                _ => plain.abs(),
            };
            let error = (number(shown) - plain).abs() / scale;
            squares[i] += error * error;
            largest[i] = largest[i].max(error);
        }
    }
    let each = kinds.into_iter().zip(squares).zip(largest);
    each.map(|((kind, s), l)| (kind, (s / f64::from(trials)).sqrt(), l)).collect()
}

#[test]
fn with_noise_they_are_close_where_there_are_thousands() {
    for (what, low, high, declared, limit) in [
        ("ages, bounds as the values", 0, 110, bounds(0, 110), 0.02),
        ("ages, bounds a hundred times too wide", 0, 110, bounds(0, 11_000), 0.02),
        ("pressures, far from zero", 90, 180, bounds(60, 250), 0.05),
    ] {
        for (kind, root_mean_square, largest) in errors(3_000, low, high, declared, 12) {
            println!("{what}: {kind:?}: {root_mean_square:.4}, at most {largest:.4}");
            assert!(root_mean_square < limit, "{what}: {kind:?}: {root_mean_square}");
        }
    }
}

/// Two totals of one unit's amounts, from two origins, would be two equations for what it has and what it is off.
#[test]
fn where_several_totals_of_a_units_amounts_can_be_asked_for_all_are_from_zero() {
    let far = bounds(60, 250);
    let one_row = dataset(Preset::Standard.profile(), far, bounds(0, 1));
    let mut many_rows = Dataset::clone(&one_row);
    let Protection::Protected { unit, .. } = &mut many_rows.protection else { panic!("protected") };
    *unit = ProtectedUnit::Column { name: "unit".to_owned(), unique_per_row: false };
    let mut rolled_up = Dataset::clone(&one_row);
    let totals = UnitTotals { bounds: bounds(100, 9_000), breakpoints: None };
    rolled_up.columns[2].unit_totals = Some(totals);
    let variance = question(&[MeasureKind::Dispersion(Dispersion::VarianceOfSample, column("x"))]);
    let total = question(&[MeasureKind::Sum(column("x"))]);
    let of = |question: &Tabulation, dataset: &Dataset| -> Vec<(PartKind, i128, Infusion)> {
        let parts = question.parts(dataset).distinct;
        let seen =
            |p: &Part<'_>| (p.number(dataset), p.origins(dataset).0, Infusion::of(p, dataset));
        parts.iter().map(seen).collect()
    };
    for dataset in [&many_rows, &rolled_up] {
        let (moment, [sum]) = (of(&variance, dataset), &of(&total, dataset)[..]) else { panic!() };
        // The moment's total is the total, by the same factor.
        assert_eq!(moment[1], *sum);
        assert!(moment.iter().all(|(_, origin, _)| *origin == 0));
    }
    // Where there is one amount, what everybody has is left out of both: they are one number, infused one way.
    let (moment, sum) = (of(&variance, &one_row), of(&total, &one_row));
    assert_eq!((sum[0].0, sum[1].0, sum[1].1), (PartKind::Values, PartKind::Deviations, 60));
    assert_eq!(moment[..2], sum[..]);
}

/// What everybody is known to have comes from the count, and has its noise only.
#[test]
fn totals_and_means_are_closer_where_everybody_is_known_to_have_something() {
    let kinds = [MeasureKind::Sum(column("x")), MeasureKind::Mean(column("x"))];
    for number_of_people in [40, 100, 1_000] {
        let errors = |declared: Bounds| -> [f64; 2] {
            let mut squares = [0.0; 2];
            for trial in 0..60 {
                let mut random = Random(u64::from(trial) << 32);
                let rows: Vec<Row> =
                    (0..number_of_people).map(|_| (Some(random.range(90, 180)), None)).collect();
                let dataset = dataset(Preset::Standard.profile(), declared, bounds(0, 1));
                let total = rows.iter().filter_map(|row| row.0).sum::<i128>() as f64;
                let plain = [total, total / number_of_people as f64];
                let shown = shown_over(trial, &dataset, &kinds, &[&rows]);
                for ((square, shown), plain) in squares.iter_mut().zip(&shown).zip(plain) {
                    *square += (number(shown) / plain - 1.0).powi(2);
                }
            }
            squares.map(|square| (square / 60.0_f64).sqrt())
        };
        let (from_zero, from_sixty) = (errors(bounds(0, 250)), errors(bounds(60, 250)));
        println!("{number_of_people}: {from_zero:.4?} from zero, {from_sixty:.4?} from sixty");
        assert!(
            from_sixty[0] < from_zero[0] && from_sixty[1] < 0.8 * from_zero[1],
            "{from_sixty:?}"
        );
    }
}

/// Coordinates and guard scopes of a measure's parts.
fn coordinates(kind: MeasureKind, filter: Option<Scalar>, dataset: &Dataset) -> Vec<Coordinate> {
    let mut tabulation = question(&[kind]);
    tabulation.measures[0].filter = filter;
    let parts = tabulation.parts(dataset).distinct;
    let of = |p| Frame::of(&tabulation, p, dataset, 0).coordinate(KeySet::NONE, &Vec::new());
    parts.iter().map(of).collect()
}

#[test]
fn a_part_has_the_coordinate_of_the_question_that_is_the_same_number() {
    let from_zero = dataset(Profile::STANDARD, bounds(0, 110), bounds(-500, 900));
    let of = |kind: MeasureKind| coordinates(kind, None, &from_zero);
    let variance = of(MeasureKind::Dispersion(Dispersion::VarianceOfSample, column("x")));
    assert_eq!(variance[0], of(MeasureKind::Values(column("x")))[0]);
    assert_eq!(variance[1], of(MeasureKind::Sum(column("x")))[0]);
    assert!(!variance[..2].contains(&variance[2]));
    // Of pairs: the total over rows that have the other value too, however that is said.
    let has = |name: &str| Some(Scalar::Not(Box::new(Scalar::IsNull(Box::new(column(name))))));
    let pairs = of(MeasureKind::Association(Association::Correlation, column("y"), column("x")));
    let sum_of_x = coordinates(MeasureKind::Sum(column("x")), has("y"), &from_zero);
    let sum_of_y = coordinates(MeasureKind::Sum(column("y")), has("x"), &from_zero);
    assert_eq!([pairs[1], pairs[2]], [sum_of_x[0], sum_of_y[0]]);
    assert_ne!(pairs[1], variance[1], "other rows");
    // Which column comes first makes no difference.
    let turned = of(MeasureKind::Association(Association::Correlation, column("x"), column("y")));
    assert_eq!([turned[0], turned[1], turned[2]], [pairs[0], pairs[2], pairs[1]]);
    assert_eq!([turned[3], turned[4], turned[5]], [pairs[4], pairs[3], pairs[5]]);
    // From another origin it is another number, and never answered with the old one.
    let from_sixty = dataset(Profile::STANDARD, bounds(60, 110), bounds(-500, 900));
    let moved = MeasureKind::Dispersion(Dispersion::VarianceOfSample, column("x"));
    let moved = coordinates(moved, None, &from_sixty);
    assert_eq!(moved[0], variance[0]);
    assert!(!variance.contains(&moved[1]) && !variance.contains(&moved[2]));
}

/// Where margins are protected, which cells of a total are suppressed follows from its part alone: it has to be the same
/// part, or what a total hides a moment would show.
#[test]
fn counts_and_totals_within_a_moment_are_the_parts_that_count_and_sum_have() {
    let variance = question(&[MeasureKind::Dispersion(Dispersion::VarianceOfSample, column("x"))]);
    let plain = question(&[MeasureKind::Values(column("x")), MeasureKind::Sum(column("x"))]);
    let dataset = dataset(Preset::Exact.profile(), bounds(0, 110), bounds(0, 1));
    let seen = |part: &Part<'_>| (part.name(&dataset), part.beside.cloned(), part.parameters);
    let of_variance: Vec<_> = variance.parts(&dataset).distinct.iter().map(seen).collect();
    let of_plain: Vec<_> = plain.parts(&dataset).distinct.iter().map(seen).collect();
    // Behind them is the count of all rows, which nobody asked for.
    assert_eq!(of_variance[..2], of_plain[..2]);
    assert_eq!(of_variance[2].2, 1);
}

#[test]
fn the_same_number_is_shown_as_the_total_and_within_a_moment() {
    let rows = people(400, 0, 110, 9);
    let dataset = dataset(Profile::STANDARD, bounds(0, 110), bounds(-100_000, 100_000));
    let kinds = [
        MeasureKind::Values(column("x")),
        MeasureKind::Sum(column("x")),
        MeasureKind::Dispersion(Dispersion::VarianceOfSample, column("x")),
        MeasureKind::Dispersion(Dispersion::VarianceOfPopulation, column("x")),
    ];
    let shown = shown(&dataset, &kinds, &rows);
    let (n, variances) = (number(&shown[0]), [number(&shown[2]), number(&shown[3])]);
    // One count within both: it is the one that is shown.
    assert!((variances[1] / variances[0] - (n - 1.0) / n).abs() < 1e-12, "{n} {variances:?}");
}

#[test]
fn moments_of_few_units_are_suppressed() {
    let dataset = dataset(Preset::Exact.profile(), bounds(0, 110), bounds(0, 100_000));
    let shown_of = |number: i128, kind: MeasureKind| {
        let rows: Vec<Row> = (0..number).map(|i| (Some(10 + i % 7), Some(900 + i % 5))).collect();
        shown(&dataset, &[kind], &rows)[0].1 == CellStatus::Released
    };
    let variance = || MeasureKind::Dispersion(Dispersion::VarianceOfPopulation, column("x"));
    assert!(!shown_of(10, variance()) && shown_of(11, variance()));
    for of in Association::ALL {
        let kind = || MeasureKind::Association(of, column("y"), column("x"));
        let least = i128::from(10 + of.parameters());
        assert!(!shown_of(least - 1, kind()) && shown_of(least, kind()), "{of:?}");
    }
}

/// Eight of forty have anything: nobody's total is shown, and no moment shows it by another way.
#[test]
fn who_adds_nothing_to_a_total_adds_nothing_to_its_squares() {
    let dataset = dataset(Preset::Exact.profile(), bounds(0, 110), bounds(0, 100_000));
    let rows: Vec<Row> =
        (0..40).map(|i| (Some(if i < 8 { 50 + i } else { 0 }), Some(900 + i))).collect();
    for (kind, (_, status)) in all_kinds().iter().zip(shown(&dataset, &all_kinds(), &rows)) {
        let takes_x = !matches!(
            kind,
            MeasureKind::Association(
                Association::Pairs | Association::MeanOfY | Association::SquaresOfY,
                _,
                _
            )
        );
        assert_eq!(status == CellStatus::Suppressed, takes_x, "{kind:?}");
    }
}

#[test]
fn what_cannot_be_exact_or_is_no_measure_is_refused() {
    let narrow = dataset(Profile::STANDARD, bounds(0, 110), bounds(0, 100_000));
    let refused = |kind: MeasureKind, dataset: &Arc<Dataset>| {
        admit(question(&[kind]), Arc::clone(dataset)).unwrap_err().to_string()
    };
    let variance = |x: Scalar| MeasureKind::Dispersion(Dispersion::VarianceOfSample, x);
    let correlation =
        |y: &str, x: &str| MeasureKind::Association(Association::Correlation, column(y), column(x));
    for (kind, code, says) in [
        (variance(column("unbounded")), "D206", "bounds"),
        (variance(column("group")), "D206", "isn't a `measure`"),
        (variance(column("unit")), "D202", "identifies"),
        (variance(column("nothing")), "Q106", "no column"),
        (variance(Scalar::Literal(Literal::Int64(1))), "D206", "not an expression"),
        (correlation("x", "x"), "D206", "two different columns"),
        (correlation("x", "unit"), "D202", "identifies"),
        (correlation("group", "x"), "D206", "isn't a `measure`"),
    ] {
        let told = refused(kind, &narrow);
        assert!(told.contains(code) && told.contains(says), "{told}");
    }
    // The largest square that fits, and one more.
    let widest = 31_622_776_601_683_i128;
    let wide = dataset(Profile::STANDARD, bounds(0, widest), bounds(0, 1));
    assert!(admit(question(&[variance(column("x"))]), wide).is_ok());
    let too_wide = dataset(Profile::STANDARD, bounds(0, widest + 1), bounds(0, 1));
    assert!(refused(variance(column("x")), &too_wide).contains("too wide"));
    assert!(refused(correlation("y", "x"), &too_wide).contains("too wide"));
    // Open data has rows to compute from.
    let mut open = narrow.as_ref().clone();
    open.protection = Protection::Open;
    assert!(refused(variance(column("x")), &Arc::new(open)).contains("open data"));
    // As many parts as there may be, and more. Each filter makes them others.
    let many = |n: usize| {
        let mut tabulation = question(&vec![correlation("y", "x"); n]);
        for (measure, group) in tabulation.measures.iter_mut().zip(0..) {
            measure.filter = Some(Scalar::Compare {
                op: Comparison::Equal,
                left: Box::new(column("group")),
                right: Box::new(Scalar::Literal(Literal::Int64(group))),
            });
        }
        tabulation
    };
    let most = PARTS_MAX / 6;
    assert!(admit(many(most), Arc::clone(&narrow)).is_ok());
    assert!(admit(many(most + 1), narrow).unwrap_err().to_string().contains("L503"));
}

/// A table has each number once, however many moments are made of it; but what is held to the parameters of one moment
/// isn't the same as what is held to another's.
#[test]
fn moments_of_the_same_columns_share_their_parts() {
    let dataset = dataset(Profile::STANDARD, bounds(0, 110), bounds(0, 100_000));
    let of = |of: Association| MeasureKind::Association(of, column("y"), column("x"));
    let tabulation = question(&[
        of(Association::Correlation),
        of(Association::Slope),
        of(Association::Intercept),
        MeasureKind::Association(Association::Correlation, column("x"), column("y")),
        MeasureKind::Dispersion(Dispersion::VarianceOfSample, column("x")),
        MeasureKind::Values(column("x")),
    ]);
    let parts = tabulation.parts(&dataset);
    // n, X, Y, XX, YY and XY of pairs; n, X and XX of all that have `x`, among pairs or not.
    assert_eq!(parts.distinct.len(), 9);
    assert_eq!(parts.of_measures[0], [0, 1, 2, 3, 4, 5]);
    assert_eq!(parts.of_measures[1], [0, 1, 2, 3, 5]);
    assert_eq!(parts.of_measures[2], parts.of_measures[1]);
    assert_eq!(parts.of_measures[3], [0, 2, 1, 4, 3, 5], "the other one is x");
    assert_eq!(parts.of_measures[4], [6, 7, 8]);
    assert_eq!(parts.of_measures[5], [6]);
    let parameters: Vec<u32> = parts.distinct.iter().map(|p| p.parameters).collect();
    assert_eq!(parameters, [0, 0, 0, 2, 2, 2, 0, 0, 1]);
    for a in &parts.distinct {
        let other = Part { parameters: a.parameters + 1, ..a.clone() };
        assert!(*a != other && !parts.distinct.contains(&other));
    }
}
