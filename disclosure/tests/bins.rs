//! Bins as parts of a question: which counts they are, what is refused, and what of a node's table is believed.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs)]

#[allow(dead_code, reason = "arbitrary questions are for the properties")]
mod arbitrary;

use std::sync::Arc;

use arbitrary::{dataset, scan};
use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{Array as _, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use insitu_disclosure::guard::MemoryStore;
use insitu_disclosure::impossible::Impossible;
use insitu_disclosure::policy::{Complementary, Profile};
use insitu_disclosure::tabulation::canonical::{Coordinate, Frame};
use insitu_disclosure::tabulation::{BINS_MAX, PARTS_MAX};
use insitu_disclosure::{
    Admitted, Breakpoints, CellStatus, Comparison, Dataset, Input, Key, KeySet, Literal, Measure,
    MeasureKind, Pooled, Preset, Probability, RefusalCode, Release, Scalar, Tabulation, admit,
    protect, receive,
};

fn column(name: &str) -> Scalar {
    Scalar::Column(name.to_owned())
}

fn compare(name: &str, op: Comparison, value: Literal) -> Scalar {
    Scalar::Compare { op, left: Box::new(column(name)), right: Box::new(Scalar::Literal(value)) }
}

fn histogram(of: &str) -> Measure {
    Measure { kind: MeasureKind::Histogram(column(of)), filter: None }
}

fn quantile(of: &str, millionths: u32) -> Measure {
    let probability = Probability::new(millionths).unwrap();
    Measure { kind: MeasureKind::Quantile { argument: column(of), probability }, filter: None }
}

fn ask(measures: Vec<Measure>) -> Tabulation {
    Tabulation { input: scan(), keys: Vec::new(), sets: Vec::new(), measures, groups_max: 10 }
}

fn codes(tabulation: Tabulation, dataset: &Arc<Dataset>) -> Vec<RefusalCode> {
    match admit(tabulation, Arc::clone(dataset)) {
        Ok(_) => Vec::new(),
        Err(refusals) => refusals.iter().map(|r| r.code()).collect(),
    }
}

/// The coordinates of all parts, in the cell of all rows.
fn coordinates(tabulation: &Tabulation, dataset: &Dataset) -> Vec<Coordinate> {
    let parts = tabulation.parts(dataset).distinct;
    let keys: Vec<_> =
        tabulation.keys.iter().map(|_| Some(Literal::Utf8("F".to_owned()))).collect();
    let set = KeySet::all(keys.len());
    let of = |part| Frame::of(tabulation, part, dataset, 1).coordinate(set, &keys);
    parts.iter().map(of).collect()
}

#[test]
fn a_bin_is_the_same_question_as_the_count_written_by_hand() {
    use Comparison::{Equal, GreaterOrEqual, Less};
    let dataset = dataset(Profile::STANDARD);
    let cut = |op, value| compare("cost", op, Literal::Int64(value));
    let by_hand = [
        vec![cut(Less, -500)],
        // In whatever order.
        vec![cut(Less, 0), cut(GreaterOrEqual, -500)],
        vec![cut(GreaterOrEqual, 0), cut(Less, 100)],
        vec![cut(GreaterOrEqual, 100), cut(Less, 10_000)],
        vec![cut(GreaterOrEqual, 10_000)],
    ];
    let women = || compare("sex", Equal, Literal::Utf8("F".to_owned()));
    let count = |bin: Vec<Scalar>, more: Option<Scalar>| Measure {
        kind: MeasureKind::Values(column("cost")),
        filter: Some(Scalar::And(bin.into_iter().chain(more).collect())),
    };
    for filter in [None, Some(women())] {
        let counts = by_hand.iter().map(|bin| count(bin.clone(), filter.clone())).collect();
        let expected = coordinates(&ask(counts), &dataset);
        let measure = Measure { filter: filter.clone(), ..histogram("cost") };
        assert_eq!(coordinates(&ask(vec![measure]), &dataset), expected);
        // A quantile has the count of values first.
        let values = Measure { kind: MeasureKind::Values(column("cost")), filter: filter.clone() };
        let first = coordinates(&ask(vec![values]), &dataset);
        let measure = Measure { filter, ..quantile("cost", 250_000) };
        let of_quantile = coordinates(&ask(vec![measure]), &dataset);
        assert_eq!(of_quantile, [first, expected].concat());
    }
    // So it is where the condition is on all rows, and where the cell is picked by a key.
    let with = |measures: Vec<Measure>, predicate: Option<Scalar>, key: Option<&str>| {
        let asked = ask(measures);
        let input = match predicate {
            Some(predicate) => Input::Filter { input: Box::new(asked.input), predicate },
            None => asked.input,
        };
        let keys = key.into_iter().map(|k| Key { scalar: column(k) }).collect();
        coordinates(&Tabulation { input, keys, ..asked }, &dataset)
    };
    let expected = with(vec![count(by_hand[2].clone(), Some(women()))], None, None);
    assert_eq!(with(vec![histogram("cost")], Some(women()), None)[2], expected[0]);
    assert_eq!(with(vec![histogram("cost")], None, Some("sex"))[2], expected[0]);
    let all = with(vec![histogram("cost")], None, None);
    assert!(!all.contains(&expected[0]), "the test's premise: others have others");
}

#[test]
fn measures_of_one_column_share_their_counts() {
    let dataset = dataset(Profile::STANDARD);
    let shares = [50_000, 250_000, 500_000, 750_000, 950_000];
    let mut measures: Vec<Measure> = shares.iter().map(|p| quantile("cost", *p)).collect();
    measures.push(histogram("cost"));
    measures.push(Measure { kind: MeasureKind::Mean(column("cost")), filter: None });
    let tabulation = ask(measures);
    let parts = tabulation.parts(&dataset);
    // The values, five bins, and a total.
    assert_eq!(parts.distinct.len(), 7);
    assert_eq!(parts.of_measures[0], [0, 1, 2, 3, 4, 5]);
    assert_eq!(parts.of_measures[4], parts.of_measures[0]);
    assert_eq!(parts.of_measures[5], [1, 2, 3, 4, 5]);
    assert_eq!(parts.of_measures[6], [0, 6]);
    assert!(codes(tabulation, &dataset).is_empty());
}

#[test]
fn a_table_has_no_more_counts_than_a_department_is_made_to_answer() {
    let dataset = dataset(Profile::STANDARD);
    let of = |n: usize| {
        let measures = (0..n).map(|i| Measure {
            filter: Some(compare(
                "decade",
                Comparison::Equal,
                Literal::Int64(i.try_into().unwrap()),
            )),
            ..histogram("cost")
        });
        ask(measures.collect())
    };
    let most = PARTS_MAX / 5;
    assert_eq!(codes(of(most), &dataset), []);
    assert_eq!(codes(of(most + 1), &dataset), [RefusalCode::L503]);
}

#[test]
fn only_measures_with_published_breakpoints_have_a_distribution() {
    let standard = dataset(Profile::STANDARD);
    for (of, expect) in [
        ("cost", vec![]),
        ("weight", vec![]),
        ("decade", vec![RefusalCode::D206]),
        ("visited", vec![RefusalCode::D206]),
        ("area", vec![RefusalCode::D206]),
        ("person", vec![RefusalCode::D202]),
        ("name", vec![RefusalCode::Q106]),
    ] {
        assert_eq!(codes(ask(vec![histogram(of)]), &standard), expect, "{of}");
        assert_eq!(codes(ask(vec![quantile(of, 500_000)]), &standard), expect, "{of}");
    }
    let expression =
        Scalar::Call { function: insitu_disclosure::Function::Negate, args: vec![column("cost")] };
    let measure = Measure { kind: MeasureKind::Histogram(expression), filter: None };
    assert_eq!(codes(ask(vec![measure]), &standard), [RefusalCode::D206]);
    let with_cuts = |cuts: Vec<i64>| {
        let mut changed = standard.as_ref().clone();
        let cost = changed.columns.iter_mut().find(|c| c.name == "cost").unwrap();
        let cuts = cuts.into_iter().map(Literal::Int64).collect();
        cost.breakpoints = Some(Breakpoints::Listed(cuts));
        Arc::new(changed)
    };
    let asked = || ask(vec![histogram("cost")]);
    assert_eq!(codes(asked(), &with_cuts(vec![0, 100])), [RefusalCode::D206]);
    let most = i64::try_from(BINS_MAX).unwrap();
    assert_eq!(codes(asked(), &with_cuts((1..most).collect())), []);
    assert_eq!(codes(asked(), &with_cuts((1..=most).collect())), [RefusalCode::L503]);
}

#[test]
fn where_bins_would_give_a_suppressed_one_away_there_are_none() {
    for preset in Preset::ALL {
        let offered = !matches!(preset, Preset::Round5 | Preset::Exact);
        let asked = codes(ask(vec![quantile("cost", 500_000)]), &dataset(preset.profile()));
        let expect = if offered { vec![] } else { vec![RefusalCode::D204] };
        assert_eq!(asked, expect, "{}", preset.as_str());
    }
    let tightened = Profile { complementary: Complementary::On, ..Profile::STANDARD };
    assert_eq!(codes(ask(vec![histogram("cost")]), &dataset(tightened)), [RefusalCode::D204]);
}

/// A histogram and a median over all rows.
fn both() -> Tabulation {
    ask(vec![histogram("cost"), quantile("cost", 500_000)])
}

/// Whether a node's table of both over all rows is taken.
fn announced(counts: Option<Vec<Option<i64>>>, signs: [&str; 2], median: Option<f64>) -> bool {
    let asked = admit(both(), dataset(Profile::STANDARD)).unwrap();
    is_taken(&asked, counts, signs, median)
}

fn is_taken(
    asked: &Admitted<Tabulation>,
    counts: Option<Vec<Option<i64>>>,
    signs: [&str; 2],
    median: Option<f64>,
) -> bool {
    let mut lists = ListBuilder::new(Int64Builder::new());
    for count in counts.iter().flatten() {
        lists.values().append_option(*count);
    }
    lists.append(counts.is_some());
    let sign = |sign: &str| Arc::new(StringArray::from(vec![sign.to_owned()])) as ArrayRef;
    let columns = vec![
        Arc::new(lists.finish()) as ArrayRef,
        sign(signs[0]),
        Arc::new(Float64Array::from(vec![median])),
        sign(signs[1]),
    ];
    let batch = RecordBatch::try_new(asked.table_schema(), columns).unwrap();
    receive(asked, &[batch]).is_some()
}

#[test]
fn a_histogram_or_quantile_that_cannot_be_isnt_taken() {
    let counts = || Some(vec![Some(10), None, Some(25), Some(30), None]);
    assert!(announced(counts(), ["", "e"], Some(55.5)));
    assert!(announced(counts(), ["", "c"], None));
    assert!(announced(None, ["c", "c"], None));
    for (counts, signs, median, why) in [
        (Some(vec![Some(10); 4]), ["", "e"], Some(55.5), "a bin is missing"),
        (Some(vec![Some(10); 6]), ["", "e"], Some(55.5), "a bin too many"),
        (Some(vec![None; 5]), ["", "c"], None, "nothing is shown"),
        (Some(vec![Some(12); 5]), ["", "c"], None, "not rounded"),
        (Some(vec![Some(5); 5]), ["", "c"], None, "below the threshold"),
        (Some(vec![Some(0); 5]), ["", "c"], None, "zeros are small"),
        (counts(), ["c", "c"], None, "a value beside `c`"),
        (counts(), ["e", "c"], None, "counts are no estimate"),
        (None, ["", "c"], None, "no value beside none"),
        (counts(), ["", ""], Some(55.5), "an estimate says so"),
        (counts(), ["", "e"], None, "no estimate beside `e`"),
        (counts(), ["", "c"], Some(55.5), "a value beside `c`"),
        (counts(), ["", "e"], Some(1_000_001.0), "beyond the bounds"),
        (counts(), ["", "e"], Some(f64::NAN), "no number"),
        (counts(), ["u", "c"], None, "bins have no status of their own"),
        (counts(), ["", "low"], Some(55.5), "nor is an estimate low"),
        (Some(vec![Some(0); 5]), ["z", "z"], None, "nobody declared it"),
    ] {
        assert!(!announced(counts, signs, median), "{why}");
    }
}

#[test]
fn of_nobody_by_declaration_each_bin_is_zero_and_there_is_no_quantile() {
    let women = || compare("sex", Comparison::Equal, Literal::Utf8("F".to_owned()));
    let codes = vec![("sex".to_owned(), vec![Literal::Utf8("F".to_owned())])];
    let impossible = vec![Impossible::new(codes).unwrap()];
    let declared = Arc::new(Dataset { impossible, ..dataset(Profile::STANDARD).as_ref().clone() });
    let input = Input::Filter { input: Box::new(scan()), predicate: women() };
    let of_rows = Tabulation { input, ..both() };
    // The measures' own condition says as much: the first part of each has it, and so has every bin.
    let mut of_measures = both();
    for measure in &mut of_measures.measures {
        measure.filter = Some(women());
    }
    for tabulation in [of_rows, of_measures] {
        let asked = admit(tabulation.clone(), Arc::clone(&declared)).unwrap();
        let guard = MemoryStore::new(10);
        let release = Release { snapshot: 1, guard: &guard };
        let table = protect(&asked, Pooled::default(), &release).unwrap();
        let statuses: Vec<_> = table.get().measures().iter().map(|m| m.statuses()[0]).collect();
        assert_eq!(statuses, [CellStatus::StructuralZero; 2]);
        let batch = table.to_batch().unwrap();
        let bins = batch.column(0).as_list::<i32>().value(0);
        assert_eq!(bins.as_primitive::<Int64Type>(), &Int64Array::from(vec![0; 5]));
        assert!(batch.column(2).is_null(0));
        assert!(receive(&asked, std::slice::from_ref(&batch)).is_some());
        let undeclared = admit(tabulation, dataset(Profile::STANDARD)).unwrap();
        assert!(receive(&undeclared, &[batch]).is_none());
        let zeros = || Some(vec![Some(0); 5]);
        assert!(is_taken(&asked, zeros(), ["z", "z"], None));
        for (counts, signs, median, why) in [
            (zeros(), ["", "z"], None, "zeros that don't say why"),
            (Some(vec![Some(10); 5]), ["z", "z"], None, "somebody"),
            (Some(vec![Some(0); 4]), ["z", "z"], None, "a bin is missing"),
            (None, ["z", "z"], None, "no zeros"),
            (None, ["c", "z"], None, "suppressed"),
            (zeros(), ["z", "z"], Some(0.0), "a quantile of nobody"),
            (zeros(), ["z", "c"], None, "as if there were a few"),
            (zeros(), ["z", "e"], Some(55.5), "an estimate of nobody's"),
        ] {
            assert!(!is_taken(&asked, counts, signs, median), "{why}");
        }
    }
}

/// A bin of one value holds the column constant, and what it is multiplied with is a total that the guard compares with products
/// only: while nothing was added to totals, `sum(x)` less that told one income within 20 pence in 76 of 76 areas on a real node.
#[test]
fn where_counts_have_no_noise_two_columns_of_which_one_has_breakpoints_are_not_multiplied() {
    use insitu_disclosure::{Association, Dispersion};
    let refused = |profile: Profile, kind: MeasureKind| {
        let mut dataset = dataset(profile).as_ref().clone();
        let mut other = dataset.column("cost").unwrap().clone();
        (other.name, other.breakpoints) = ("other".to_owned(), None);
        dataset.columns.push(other);
        !codes(ask(vec![Measure { kind, filter: None }]), &Arc::new(dataset)).is_empty()
    };
    let product = |y, x| MeasureKind::Association(Association::Products, column(y), column(x));
    let squares = MeasureKind::Dispersion(Dispersion::VarianceOfSample, column("cost"));
    let midpoint = Preset::Midpoint6.profile();
    assert!(refused(midpoint, product("cost", "other")));
    assert!(refused(midpoint, product("other", "cost")));
    assert!(!refused(midpoint, squares));
    assert!(!refused(Profile::STANDARD, product("cost", "other")));
}
