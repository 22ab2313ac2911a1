//! The aggregate against units added up and added one by one: in any split, under any condition, few and many.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow_array::cast::AsArray as _;
use arrow_array::{Decimal128Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use insitu_disclosure::evidence::{Adds, Contribution, PartEvidence, SignCounts, UnitWord};
use insitu_disclosure::keyed::mix;
use insitu_disclosure::noise::{Ends, Factor, Infusion};
use insitu_disclosure::{Bounds, Scalar};
use insitu_engine::datasource::{MemTable, provider_as_source};
use insitu_engine::logical_expr::{LogicalPlan, LogicalPlanBuilder, col, lit};

use super::super::layout::{Counted, Finding, Sign, Width};
use super::super::memory::Memory;
use super::super::run::{Engine, Holds, RunError, Spread};
use super::super::state;
use super::super::unwanted::Wanted;
use super::*;

/// Counts of all rows and under a condition, totals narrow and wide: what tables ask for.
fn layout(many_rows: bool, record_keys: bool) -> Arc<Layout> {
    let finding = |counted, amount: Option<usize>| {
        let factor = Factor::of(&Scalar::Column("cost".to_owned()), 10);
        let infused = amount.map(|i| {
            let ends = Ends::of(Some(Bounds { low: 0, high: 40 }), 0);
            Infusion::Amounts { factor, origin: [0, -3][i], ends }
        });
        let infusion = infused.unwrap_or(Infusion::None);
        Finding { counted, amount, sign: Sign::Contribution, infusion }
    };
    let mut findings = vec![
        finding(Counted::Every, None),
        finding(Counted::If(0), None),
        finding(Counted::If(0), Some(0)),
        finding(Counted::If(1), Some(1)),
    ];
    if many_rows {
        // Each has one row otherwise, and is counted as its rows are.
        let of_units = [Counted::Every, Counted::If(0)];
        findings.extend(of_units.map(|counted| Finding {
            counted,
            amount: None,
            sign: Sign::Unit,
            infusion: Infusion::None,
        }));
    }
    let amounts = vec![Width::Narrow, Width::Wide];
    Arc::new(Layout { many_rows, record_keys, sketch: true, conditions: 2, amounts, findings })
}

/// The same without the count of all rows, so that some rows count for nothing.
fn of_some(many_rows: bool) -> Arc<Layout> {
    let mut layout = layout(many_rows, false).as_ref().clone();
    layout.findings.remove(0);
    Arc::new(layout)
}

/// A count of rows and nothing else.
fn plain() -> Arc<Layout> {
    let findings = vec![Finding {
        counted: Counted::Every,
        amount: None,
        sign: Sign::Contribution,
        infusion: Infusion::None,
    }];
    let (many_rows, record_keys, sketch) = (false, false, true);
    let (conditions, amounts) = (0, Vec::new());
    Arc::new(Layout { many_rows, record_keys, sketch, conditions, amounts, findings })
}

/// The same where units may have many rows.
fn plain_of_units() -> Arc<Layout> {
    Arc::new(Layout { many_rows: true, ..plain().as_ref().clone() })
}

/// One narrow amount and nothing wide, where units may have many rows: what is behind the word of a row is packed. Lanes of a
/// unit are three, four and more.
fn packed() -> [Arc<Layout>; 3] {
    let of = |conditions: usize, kept: &[usize]| {
        let all = layout(true, false);
        let findings = kept.iter().map(|at| all.findings[*at]).collect();
        Arc::new(Layout { conditions, amounts: vec![Width::Narrow], findings, ..(*all).clone() })
    };
    [of(1, &[2]), of(1, &[0, 2, 1, 4]), of(2, &[1, 2, 0, 5])]
}

/// A row as it is asked for.
struct Row {
    word: Option<u64>,
    record_key: Option<i64>,
    conditions: [Option<bool>; 2],
    narrow: Option<i64>,
    wide: i128,
}

/// Rows of so many units in turns; every eleventh row has no id.
fn row(at: u64, units: u64) -> Row {
    let drawn = mix(at ^ 0xABCD);
    let condition =
        |n: u64| [Some(true), Some(true), Some(false), None].get((n % 4) as usize).copied();
    Row {
        word: (at % 11 != 3).then(|| mix(at % units)),
        record_key: (!drawn.is_multiple_of(5)).then(|| (at % units % 4_096).cast_signed()),
        // At first they hold for every row.
        conditions: if at < 600 {
            [Some(true), Some(true)]
        } else {
            [condition(drawn >> 8).flatten(), condition(drawn >> 16).flatten()]
        },
        narrow: (!drawn.is_multiple_of(7)).then(|| i64::try_from(drawn % 2_001).unwrap() - 1_000),
        wide: i128::from(drawn % 9) * (1 << 70) - (1 << 72),
    }
}

fn columns(layout: &Layout, rows: &[Row]) -> Vec<ArrayRef> {
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(rows.iter().map(|r| r.word).collect::<UInt64Array>())];
    if layout.record_keys {
        columns.push(Arc::new(rows.iter().map(|r| r.record_key).collect::<Int64Array>()));
    }
    for i in 0..layout.conditions {
        columns.push(Arc::new(rows.iter().map(|r| r.conditions[i]).collect::<BooleanArray>()));
    }
    if !layout.amounts.is_empty() {
        columns.push(Arc::new(rows.iter().map(|r| r.narrow).collect::<Int64Array>()));
    }
    if 1 < layout.amounts.len() {
        columns.push(Arc::new(rows.iter().map(|r| Some(r.wide)).collect::<Decimal128Array>()));
    }
    columns
}

fn of_finding(row: &Row, finding: Finding) -> Contribution {
    let counts = match finding.counted {
        Counted::Every => true,
        Counted::If(i) => row.conditions[i] == Some(true),
    };
    let sum = match finding.amount {
        None => 0,
        Some(0) => i128::from(row.narrow.unwrap_or(0)),
        Some(_) => row.wide,
    };
    if counts { Contribution { count: 1, sum } } else { Contribution::default() }
}

/// What is known of a cell of these rows, one unit after the other.
fn expected<'a>(layout: &Layout, rows: impl Iterator<Item = &'a Row> + Clone) -> Vec<PartEvidence> {
    let of = |finding: Finding| {
        let adds = finding.adds();
        let mut evidence = PartEvidence::default();
        let mut units: BTreeMap<(u64, u64), (Option<i64>, Contribution)> = BTreeMap::new();
        for (row, at) in rows.clone().zip(0..) {
            let contribution = of_finding(row, finding);
            let Some(word) = row.word else {
                evidence.add_nameless(contribution);
                continue;
            };
            let unit = (word, if layout.many_rows { 0 } else { at });
            let (key, total) = units.entry(unit).or_default();
            *key = (*key).max(row.record_key);
            total.count += contribution.count;
            total.sum += contribution.sum;
        }
        let mut signs = SignCounts::new();
        for ((word, _), (key, total)) in units {
            let before = evidence.units;
            let record_key = layout.record_keys.then(|| key.unwrap_or(0));
            evidence.add(UnitWord { word, record_key }, total, adds, finding.infusion);
            if before < evidence.units {
                let [low, high] = [total.sum as u64, (total.sum >> 64) as u64];
                signs.add(match adds {
                    _ if finding.sign == Sign::Unit => word,
                    Adds::Rows if total.count == 1 => word,
                    Adds::Rows => mix(word ^ mix(total.count.cast_unsigned())),
                    // One is one row.
                    Adds::Amounts if total.sum == 1 => word,
                    Adds::Amounts => mix(word ^ mix(low ^ mix(high))),
                });
            }
        }
        evidence.sketch = Some(Box::new(signs.to_sketch()));
        evidence
    };
    layout.findings.iter().map(|finding| of(*finding)).collect()
}

fn many(layout: &Arc<Layout>) -> Many {
    of(&aggregate(layout))
}

/// Accumulators of one aggregation share its exchange.
fn of(aggregate: &Contributions) -> Many {
    Many::new(aggregate)
}

fn enough() -> Share {
    Share::new(&Memory::new(usize::MAX), usize::MAX, 1)
}

fn aggregate(layout: &Arc<Layout>) -> Contributions {
    let signature = Signature::new(TypeSignature::UserDefined, Volatility::Immutable);
    let (share, wanted) = (enough(), StillWanted::default());
    let (layout, exchange) = (Arc::clone(layout), Exchange::of(&share));
    let keys = GroupKeys::of(1, 0, []);
    Contributions { layout, keys, exchange, wanted, share, signature }
}

fn found(layout: &Layout, column: &ArrayRef, at: usize) -> Vec<PartEvidence> {
    state::decode(column.as_binary::<i64>().value(at), layout.findings.len()).unwrap()
}

fn slice(columns: &[ArrayRef], from: usize, to: usize) -> Vec<ArrayRef> {
    columns.iter().map(|c| c.slice(from, to - from)).collect()
}

#[test]
fn rows_that_waited_give_what_rows_one_by_one_give() {
    let rows: Vec<Row> = (0..1_500).map(|at| row(at, 250)).collect();
    let layouts = [
        plain(),
        plain_of_units(),
        layout(false, false),
        layout(false, true),
        layout(true, false),
        layout(true, true),
        of_some(false),
        of_some(true),
    ];
    for layout in layouts.into_iter().chain(packed()) {
        let columns = columns(&layout, &rows);
        // One cell, few, more, more than rows.
        for count in [1, 3, 30, 2_000] {
            // Not by the remainder: a unit is to be in several cells.
            let cell = |at: usize| at / 7 % count;
            let cells: Vec<usize> = (0..rows.len()).map(cell).collect();
            let mut many = many(&layout);
            for from in (0..rows.len()).step_by(501) {
                let to = (from + 501).min(rows.len());
                let some = slice(&columns, from, to);
                many.update_batch(&some, &cells[from..to], None, count).unwrap();
                assert!(0 < many.size());
            }
            let column = many.evaluate(EmitTo::All).unwrap();
            assert_eq!(column.len(), count);
            for cell in (0..count).step_by(count / 20 + 1) {
                let of_cell = rows.iter().zip(&cells).filter(|(_, c)| **c == cell).map(|(r, _)| r);
                let expected = expected(&layout, of_cell);
                assert_eq!(found(&layout, &column, cell), expected, "{layout:?} {count} {cell}");
            }
        }
    }
}

#[test]
fn a_filter_and_any_split_are_kept() {
    let rows: Vec<Row> = (0..900).map(|at| row(at, 70)).collect();
    let cells: Vec<usize> = (0..900).map(|at| at / 2 % 3).collect();
    let wanted: BooleanArray =
        (0..900).map(|at| if at % 10 == 0 { None } else { Some(at % 4 != 1) }).collect();
    let layouts = [layout(false, true), layout(true, true), of_some(true), plain_of_units()];
    for layout in layouts.into_iter().chain(packed()) {
        let columns = columns(&layout, &rows);
        let mut whole = many(&layout);
        whole.update_batch(&columns, &cells, Some(&wanted), 3).unwrap();
        let whole = whole.evaluate(EmitTo::All).unwrap();

        let aggregate = aggregate(&layout);
        let mut merged = of(&aggregate);
        for (from, to) in [(0, 333), (333, 334), (334, 900)] {
            let wanted = wanted.slice(from, to - from);
            let some = slice(&columns, from, to);
            if from == 0 {
                let mut part = of(&aggregate);
                part.update_batch(&some, &cells[from..to], Some(&wanted), 3).unwrap();
                let states = part.state(EmitTo::All).unwrap();
                merged.merge_batch(&states, &[0, 1, 2], 3).unwrap();
            } else {
                let states = merged.convert_to_state(&some, Some(&wanted)).unwrap();
                merged.merge_batch(&states, &cells[from..to], 3).unwrap();
            }
        }
        assert_eq!(&merged.evaluate(EmitTo::All).unwrap(), &whole);
    }
}

#[test]
fn units_may_be_added_up_at_any_time_while_cells_come() {
    let rows: Vec<Row> = (0..5_000).map(|at| row(at, 300)).collect();
    let cells: Vec<usize> = (0..5_000).map(|at| (at / 3 % 40).min(at / 100)).collect();
    for layout in [layout(true, true), of_some(true), plain_of_units()].into_iter().chain(packed())
    {
        let columns = columns(&layout, &rows);
        let mut one_go = many(&layout);
        one_go.update_batch(&columns, &cells, None, 40).unwrap();
        let expected = one_go.evaluate(EmitTo::All).unwrap();
        for (add_up_at, cut_at) in [(1, 1), (700, 1), (5_000, 100), (1 << 20, 1), (1 << 20, 3_000)]
        {
            let mut many = many(&layout);
            many.cells.add_up_at(add_up_at);
            many.cells.cut_at(cut_at);
            for from in (0..5_000).step_by(50) {
                let (some, to) = (slice(&columns, from, from + 50), from + 50);
                let known = cells[..to].iter().max().unwrap() + 1;
                many.update_batch(&some, &cells[from..to], None, known).unwrap();
            }
            assert_eq!(&many.evaluate(EmitTo::All).unwrap(), &expected);
        }
    }
}

#[test]
fn without_keys_it_is_the_same_as_one_cell() {
    let rows: Vec<Row> = (0..3_000).map(|at| row(at, 400)).collect();
    let layouts = [plain(), plain_of_units(), layout(false, false), layout(true, true)];
    for layout in layouts.into_iter().chain(packed()) {
        let columns = columns(&layout, &rows);
        let aggregate = aggregate(&layout);
        let mut total = One::new(&aggregate);
        for (from, to) in [(0, 0), (0, 1_000), (1_000, 3_000)] {
            let mut part = One::new(&aggregate);
            part.update_batch(&slice(&columns, from, to)).unwrap();
            let states: Vec<ArrayRef> =
                part.state().unwrap().iter().map(|s| s.to_array().unwrap()).collect();
            total.merge_batch(&states).unwrap();
        }
        let column = total.evaluate().unwrap().to_array().unwrap();
        assert_eq!(found(&layout, &column, 0), expected(&layout, rows.iter()));
    }
}

#[test]
fn the_first_cells_may_be_taken_out_before_the_rest() {
    let rows: Vec<Row> = (0..600).map(|at| row(at, 50)).collect();
    let cells: Vec<usize> = (0..600).map(|at| at / 2 % 3).collect();
    for layout in [layout(false, true), layout(true, true)] {
        let columns = columns(&layout, &rows);
        let aggregate = aggregate(&layout);
        let full = || {
            let mut many = of(&aggregate);
            many.update_batch(&columns, &cells, None, 3).unwrap();
            many
        };
        let all = full().evaluate(EmitTo::All).unwrap();
        let mut in_turns = full();
        let first = in_turns.evaluate(EmitTo::First(2)).unwrap();
        let rest = in_turns.evaluate(EmitTo::All).unwrap();
        assert_eq!((first.len(), rest.len()), (2, 1));
        for (part, at, cell) in [(&first, 0, 0), (&first, 1, 1), (&rest, 0, 2)] {
            assert_eq!(found(&layout, part, at), found(&layout, &all, cell));
        }
        // States too: of the first, then of the rest, put together again.
        let (mut in_turns, mut merged) = (full(), of(&aggregate));
        let first = in_turns.state(EmitTo::First(1)).unwrap();
        merged.merge_batch(&first, &[0], 3).unwrap();
        let rest = in_turns.state(EmitTo::All).unwrap();
        merged.merge_batch(&rest, &[1, 2], 3).unwrap();
        assert_eq!(&merged.evaluate(EmitTo::All).unwrap(), &all);
    }
}

/// Bytes held after these rows, each of which is a group.
fn held(layout: &Arc<Layout>, rows: &[Row]) -> usize {
    let aggregate = aggregate(layout);
    let mut many = of(&aggregate);
    let groups: Vec<usize> = (0..rows.len()).collect();
    for (at, groups) in groups.chunks(64).enumerate() {
        let (from, to) = (at * 64, at * 64 + groups.len());
        let columns = slice(&columns(layout, rows), from, to);
        many.update_batch(&columns, groups, None, to).unwrap();
    }
    aggregate.share.held()
}

#[test]
fn each_group_holds_as_much_wherever_tables_double() {
    let rows: Vec<Row> = (0..1_100).map(|at| row(at, 5_000)).collect();
    for layout in [plain(), layout(false, true), layout(true, true)] {
        let by_groups = |groups: usize| held(&layout, &rows[..groups]);
        let one = by_groups(101) - by_groups(100);
        let known = super::super::cells::known_bytes(&layout);
        // Beside what is known of a group, the place of its keys and of the row that waits.
        assert!(known < one && one < known + 512, "{known} {one}");
        for groups in [127, 255, 256, 511, 512, 1_023, 1_024] {
            let more = by_groups(groups + 1).abs_diff(by_groups(groups));
            assert!(more.abs_diff(one) < 256, "{groups}: {more} and not {one}");
        }
    }
}

#[test]
fn a_row_that_tells_findings_apart_holds_no_more() {
    let layout = layout(false, false);
    let mut rows: Vec<Row> = (0..500).map(|at| row(at, 5_000)).collect();
    let alike = held(&layout, &rows);
    // The first 600 rows fulfil all conditions.
    rows[400].conditions = [Some(false), None];
    assert_eq!(held(&layout, &rows), alike);
}

#[test]
fn texts_of_keys_are_held_once_for_each_group() {
    let texts = Arc::new(StringArray::from(vec!["ab", "ab", "abcd", "", "ab"])) as ArrayRef;
    let share = enough();
    let keys = GroupKeys::of(2, 1, &[lit("0123456789")]);
    let [words, texts] = [Arc::new(UInt64Array::from(vec![1; 5])) as ArrayRef, texts];
    keys.hold(&share, &[words, texts], &[0, 0, 2, 1, 2], 0, 3).unwrap();
    assert_eq!(share.held(), (2 + 4) * 3 / 2);
}

/// A count over 300,000 units, in batches, by these keys.
fn counted(by: Vec<Expr>, wanted: &Wanted, share: &Share) -> LogicalPlan {
    let layout = plain_of_units().as_ref().clone();
    let batch = |from: u64| {
        let words = Arc::new((from..from + 5_000).map(mix).collect::<UInt64Array>()) as ArrayRef;
        let keys = (0..5_000).map(|at| Some(at % 12)).collect::<Int64Array>();
        RecordBatch::try_from_iter([("word", words), ("k", Arc::new(keys) as ArrayRef)]).unwrap()
    };
    let batches: Vec<RecordBatch> = (0..300_000).step_by(5_000).map(batch).collect();
    let table = MemTable::try_new(batches[0].schema(), vec![batches]).unwrap();
    let scan = LogicalPlanBuilder::scan("t", provider_as_source(Arc::new(table)), None).unwrap();
    let keys = GroupKeys::of(by.len(), 0, &by);
    let known = contributions(layout, keys, vec![col("word")], wanted.still(), share);
    scan.aggregate(by, [known]).unwrap().build().unwrap()
}

#[tokio::test]
async fn units_that_dont_fit_into_memory_are_too_many_and_those_that_fit_are_counted() {
    for (by, cells) in [(Vec::new(), 1), (vec![col("k")], 12)] {
        let minute = Duration::from_secs(60);
        // Each unit takes some 40 bytes while it waits.
        let run = async |bytes, by| {
            let engine = Engine::for_tests(bytes);
            let (wanted, share) = (Wanted::default(), engine.share(Spread::AllThreads, |own| own));
            let plan = counted(by, &wanted, &share);
            engine.run(plan, Spread::AllThreads, Holds::Share(share), wanted, 100, minute).await
        };
        let little = run(2 << 20, by.clone()).await;
        assert!(matches!(little, Err(RunError::OutOfMemory)), "{little:?}");
        let enough = run(256 << 20, by).await.unwrap();
        let mut units = 0;
        for batch in &enough {
            let known = batch.columns().last().unwrap();
            units += (0..known.len())
                .map(|at| state::decode(known.as_binary::<i64>().value(at), 1).unwrap()[0].units)
                .sum::<i64>();
        }
        assert_eq!(
            (enough.iter().map(RecordBatch::num_rows).sum::<usize>(), units),
            (cells, 300_000)
        );
    }
}
