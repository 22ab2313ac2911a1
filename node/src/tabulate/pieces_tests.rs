//! Pieces and jobs against units added up one by one, for drawn cases.

use std::collections::BTreeMap;
use std::sync::Arc;

use insitu_disclosure::keyed::mix;
use insitu_disclosure::noise::Infusion;

use super::super::exchange::Exchange;
use super::super::jobs::Adding;
use super::super::known::{Known, Reading};
use super::super::layout::{Counted, Finding, Layout, Sign, Width, in_lanes, wide};
use super::super::memory::{Memory, Share};
use super::super::unwanted::{StillWanted, Wanted};
use super::*;

fn layout(record_keys: bool, amounts: Vec<Width>) -> Layout {
    let counted = Counted::Every;
    let sums = (0..amounts.len()).map(|i| Finding {
        counted,
        amount: Some(i),
        sign: Sign::Contribution,
        infusion: Infusion::None,
    });
    let findings = sums
        .chain([Finding {
            counted,
            amount: None,
            sign: Sign::Contribution,
            infusion: Infusion::None,
        }])
        .collect();
    let (conditions, many_rows, sketch) = (0, true, true);
    Layout { many_rows, record_keys, sketch, conditions, amounts, findings }
}

/// Every way in which lanes are added up: plain ones of each length that has a way of its own, and others.
fn layouts() -> Vec<Layout> {
    let narrow = |n| vec![Width::Narrow; n];
    vec![
        layout(false, narrow(0)),
        layout(false, narrow(1)),
        layout(false, narrow(2)),
        layout(false, narrow(5)),
        layout(false, vec![Width::Narrow, Width::Wide]),
        layout(true, narrow(1)),
        layout(true, vec![Width::Wide]),
    ]
}

/// Amounts up to both ends of what 64 bits hold, which wrap as they do in a record.
fn amount(drawn: u64) -> i64 {
    match drawn % 5 {
        0 => i64::MIN,
        1 => i64::MAX,
        2 => 0,
        _ => mix(drawn).cast_signed() >> 20,
    }
}

fn record(layout: &Layout, word: u64, drawn: u64) -> Vec<u64> {
    let mut record = vec![word];
    if layout.record_keys {
        record.push((mix(drawn) % 4_096).wrapping_sub(7));
    }
    record.push(1);
    let of = |width: Width| layout.amounts.iter().filter(move |w| **w == width);
    // An amount that is packed is within 32 bits.
    let packed = !Lanes::of(layout).packed.is_empty();
    let narrow = if packed { amount(drawn) >> 32 } else { amount(drawn) };
    record.extend(of(Width::Narrow).map(|_| narrow.cast_unsigned()));
    record.extend(of(Width::Wide).flat_map(|_| in_lanes(i128::from(amount(drawn)) << 60)));
    record
}

/// The total of a unit's records, lane by lane.
fn plus(layout: &Layout, lanes: &Lanes, mine: &mut [u64], other: &[u64]) {
    let key = usize::from(layout.record_keys);
    if layout.record_keys {
        mine[1] = mine[1].cast_signed().max(other[1].cast_signed()).cast_unsigned();
    }
    for at in 1 + key..lanes.added_wide {
        mine[at] = mine[at].wrapping_add(other[at]);
    }
    for at in (lanes.added_wide..lanes.stride).step_by(2) {
        let total = wide([mine[at], mine[at + 1]]).wrapping_add(wide([other[at], other[at + 1]]));
        mine[at..at + 2].copy_from_slice(&in_lanes(total));
    }
}

/// Which unit and which cell a row is of.
type Of = fn(u64) -> (u64, u32);

/// What rows may look like: rows, cells, and whose they are.
const CASES: [(u64, usize, Of); 9] = [
    (0, 3, |_| (0, 0)),
    (1, 1, |_| (u64::MAX, 0)),
    (2, 1, |_| (0, 0)),
    // One unit has every row.
    (8_000, 1, |_| (mix(5), 0)),
    (8_000, 7, |row| (mix(5), (row % 7) as u32)),
    // Units in any order, in one cell and in several, few rows each and many.
    (16_000, 1, |row| (mix(mix(row) % 5_000), 0)),
    (16_000, 5, |row| (mix(mix(row) % 1_600), (mix(row ^ 9) % 5).min(2) as u32)),
    (8_000, 300, |row| (mix(mix(row) % 240), (mix(row ^ 9) % 300) as u32)),
    // Words that differ in their first bits alone, or in their last.
    (10_000, 2, |row| (if row % 2 == 0 { row << 48 } else { row % 1_000 }, (row % 2) as u32)),
];

/// Parts of all cells, cut in so many portions of unequal length: in turns of rows as they come and of records that
/// were added up, in which each row is counted.
fn parts(layout: &Layout, rows: u64, cells: usize, of: Of, portions: &[u64]) -> Vec<Vec<Part>> {
    let mut parts = vec![Vec::new(); cells];
    let (mut start, mut left) = (0, 10);
    for (portion, lanes) in
        portions.iter().zip([Lanes::of_rows(layout), Lanes::of(layout)].iter().cycle())
    {
        left -= portion;
        let end = if left == 0 { rows } else { start + rows * portion / 10 };
        let mut waiting = Records::default();
        for row in start..end {
            let (word, cell) = of(row);
            let record = record(layout, word, row);
            match (record.as_slice(), lanes.stride) {
                ([word, count, amount], 2) => {
                    waiting.lanes.extend([*word, count << 32 | (amount & u64::from(u32::MAX))]);
                }
                (record, stride) => waiting.lanes.extend_from_slice(&record[..stride]),
            }
            waiting.cells.push(cell);
        }
        if cells == 1 {
            waiting.cells.clear();
        }
        let pieces = Arc::new(Pieces::of(&mut waiting, lanes.stride, cells));
        for (cell, parts) in parts.iter_mut().enumerate() {
            parts.extend(pieces.part(cell));
        }
        start = end;
    }
    parts
}

#[test]
fn each_units_records_are_added_up_however_they_are_split_and_cut() {
    for layout in layouts() {
        let lanes = Lanes::of(&layout);
        assert_eq!(record(&layout, 1, 1).len(), lanes.stride);
        for (rows, cells, of) in CASES {
            let mut expected = vec![BTreeMap::<u64, Vec<u64>>::new(); cells];
            for row in 0..rows {
                let (word, cell) = of(row);
                let new = record(&layout, word, row);
                expected[cell as usize]
                    .entry(word)
                    .and_modify(|mine| plus(&layout, &lanes, mine, &new))
                    .or_insert(new);
            }
            for portions in [&[10_u64][..], &[1, 9], &[3, 3, 0, 4]] {
                let mut room = Room::default();
                let parts = parts(&layout, rows, cells, of, portions);
                for (parts, expected) in parts.iter().zip(&expected) {
                    room.units.clear();
                    let bits = bits_of(parts);
                    (0..1 << bits).for_each(|piece| add_up(parts, bits, piece, &lanes, &mut room));
                    let found: BTreeMap<u64, Vec<u64>> =
                        room.units.chunks_exact(lanes.stride).map(|r| (r[0], r.to_vec())).collect();
                    assert_eq!(found.len() * lanes.stride, room.units.len(), "each unit once");
                    assert_eq!(&found, expected, "{layout:?} {rows} {cells} {portions:?}");
                }
            }
        }
    }
}

#[test]
fn large_cells_are_cut_and_small_ones_are_not() {
    let layout = layout(false, Vec::new());
    let parts = parts(&layout, 60_000, 3, |row| (mix(row), u32::from(row < 100)), &[10]);
    assert_eq!(parts[0][0].bits(), 8, "some 256 records to a piece");
    assert_eq!((parts[1][0].bits(), parts[1][0].lanes()), (0, 100));
    assert!(parts[2].is_empty());
}

#[test]
fn several_threads_find_what_one_finds() {
    for layout in layouts().into_iter().step_by(2) {
        let (lanes, wanted) = (Lanes::of(&layout), StillWanted::default());
        let readings = Reading::of(&layout, &lanes);
        let adding = Adding { lanes: &lanes, readings: &readings, wanted: &wanted };
        for (rows, cells, of) in CASES {
            let parts = parts(&layout, rows, cells, of, &[2, 8]);
            let bytes = |threads: usize| {
                let mut known: Vec<Vec<Known>> =
                    readings.iter().map(|_| vec![Known::default(); cells]).collect();
                adding.add_by(threads, &parts, &mut known, &mut Room::default()).unwrap();
                let mut bytes = Vec::new();
                known.iter().flatten().for_each(|known| known.write(true, &mut bytes));
                bytes
            };
            let one = bytes(1);
            assert!([2, 5].into_iter().all(|threads| bytes(threads) == one), "{layout:?} {rows}");
        }
    }
}

#[test]
fn nothing_more_is_added_up_once_nobody_waits() {
    let layout = layout(false, Vec::new());
    let lanes = Lanes::of(&layout);
    let readings = Reading::of(&layout, &lanes);
    let gone = Wanted::default();
    let wanted = gone.still();
    let adding = Adding { lanes: &lanes, readings: &readings, wanted: &wanted };
    let parts = parts(&layout, 60_000, 1, |row| (mix(row), 0), &[10]);
    let mut known: Vec<Vec<Known>> = readings.iter().map(|_| vec![Known::default()]).collect();
    adding.add_by(1, &parts, &mut known, &mut Room::default()).unwrap();
    drop(gone);
    for threads in [1, 2] {
        let error = adding.add_by(threads, &parts, &mut known, &mut Room::default()).unwrap_err();
        assert!(error.to_string().contains("nobody wants the answer"), "{error}");
    }
}

#[test]
fn records_are_handed_over_once_and_only_to_who_knows_which() {
    let layout = layout(false, Vec::new());
    let parts = parts(&layout, 1_000, 3, |row| (mix(row), (row % 3) as u32), &[10]);
    let share = Share::new(&Memory::new(usize::MAX), usize::MAX, 1);
    let (exchange, other) = (Exchange::of(&share), Exchange::of(&share));
    let mut bytes = Vec::new();
    for parts in &parts {
        exchange.put(parts.clone(), &mut bytes).unwrap();
    }
    assert_eq!((share.held(), bytes.len()), (1_000 * 8, 3 * 8));
    assert!(other.take(&bytes).unwrap().is_none(), "of another aggregation");
    assert!(exchange.take(&bytes[1..]).unwrap().is_none());
    let taken = exchange.take(&bytes[8..16]).unwrap().unwrap();
    assert_eq!(taken[0].records(), parts[1][0].records());
    assert!(exchange.take(&bytes[8..16]).unwrap().is_none(), "good once");
    assert_eq!(exchange.take(&[]).unwrap().unwrap().len(), 0);
    assert_eq!(format!("{exchange:?}"), "Exchange { .. }");
}

#[test]
fn adding_up_is_worth_while_where_units_have_many_records() {
    let layout = layout(false, Vec::new());
    let worth = |units: u64, cells: u32, stride: usize| {
        let mut waiting = Records::default();
        for row in 0..200_000 {
            waiting.lanes.extend(record(&layout, mix(mix(row) % units), row));
            waiting.cells.push((mix(row ^ 3) % u64::from(cells)) as u32);
        }
        let pieces = Arc::new(Pieces::of(&mut waiting, 2, cells as usize));
        let parts: Vec<Vec<Part>> =
            (0..cells as usize).map(|cell| pieces.part(cell).into_iter().collect()).collect();
        is_worth_adding_up(&parts, stride)
    };
    let is_worth = |units, cells| worth(units, cells, 2);
    assert!(is_worth(20_000, 1));
    assert!(!is_worth(20_000, 40), "most are in a cell once");
    assert!(!is_worth(2_000, 2_000), "of small cells, too");
    assert!(is_worth(20, 2_000));
    assert!(worth(120_000, 1, 2) && !worth(120_000, 1, 4), "what is left of a unit takes more");
    assert!(!is_worth(10_000_000, 1));
    assert!(is_worth(3, 1), "too few are looked at to tell");
}
