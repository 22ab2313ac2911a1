//! The difference sketch against plain sums, in any split, and how often it errs.

use super::*;
use crate::evidence::SignCounts;
use crate::evidence::made_up::{counted, signs};
use crate::evidence::sign_counts::further_signs;

/// Plain sums of the signs, and of the further signs of a small set.
fn naive(units: std::ops::Range<u64>) -> Sketch {
    let mut sketch = Sketch { n: units.end - units.start, ..Sketch::ZERO };
    let few = sketch.n <= 48;
    let mut marks = Marks::NONE;
    units.clone().for_each(|unit| marks.add(signs(unit)));
    sketch.marks = Some(marks);
    for unit in units {
        let sign = |word: u64, position: usize| ((word >> (position % 64)) & 1) as i32 * 2 - 1;
        for (position, sum) in sketch.counters.iter_mut().enumerate() {
            let sign = sign(signs(unit), position);
            *sum = sum.wrapping_add(sign as i8);
            sketch.total += i64::from(sign);
        }
        for (position, sum) in sketch.further.iter_mut().enumerate().filter(|_| few) {
            let part = position as u64 / 64 + 1;
            *sum += sign(further_signs(signs(unit), part), position) as i8;
        }
    }
    sketch
}

#[test]
fn the_bit_slices_hold_the_same_sums_as_plain_counters() {
    for size in (0..130).chain([255, 256, 257, 1000, 4097, 20_000, 70_000]) {
        let units = size * 1_000_003..size * 1_000_003 + size;
        let counts = counted(units.clone());
        assert_eq!(counts.to_sketch(), naive(units), "{size} units");
        assert_eq!(counts.n(), size);
    }
}

#[test]
fn sets_of_at_most_48_units_have_further_counters_and_larger_sets_have_not() {
    assert!(counted(0..48).to_sketch().further().is_some_and(|sums| *sums != [0; 192]));
    assert_eq!(counted(0..49).to_sketch().further(), None);
    assert!(counted(0..1000).few.is_empty(), "nor are their words kept");
}

#[test]
fn words_of_no_ones_and_of_all_ones_count_as_units_too() {
    let mut counts = SignCounts::new();
    (0..5).for_each(|_| counts.add(0));
    (0..9).for_each(|_| counts.add(u64::MAX));
    assert_eq!(counts.to_sketch().counters(), &[4; COUNTERS]);
}

#[test]
fn any_split_merged_in_any_order_gives_the_same_sketch() {
    for all in [0, 7, 8, 40, 47, 48, 49, 50, 63, 96, 97, 999_u64] {
        let whole = counted(0..all).to_sketch();
        for cuts in [[1, 2], [0, 999], [333, 334], [500, 998], [64, 512], [8, 48], [48, 49]] {
            let [a, b] = cuts.map(|cut: u64| cut.min(all));
            let parts = [counted(0..a), counted(a..b), counted(b..all)];
            for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1]] {
                let mut merged = SignCounts::new();
                order.iter().for_each(|&part| merged.merge(&parts[part]));
                assert_eq!(merged.to_sketch(), whole, "{all} at {a} and {b}");
                merged.add(signs(5000));
                let mut expected = counted(0..all);
                expected.add(signs(5000));
                assert_eq!(merged.to_sketch(), expected.to_sketch());

                let mut summed = Sketch::ZERO;
                order.iter().for_each(|&part| summed.add(&parts[part].to_sketch()));
                assert_eq!(summed, whole);
            }
        }
    }
}

#[test]
fn words_that_come_together_give_the_same_as_one_by_one() {
    let words: Vec<u64> = (0..700).map(signs).collect();
    // Around the ends of batches, of blocks, and of what is kept for the further counters.
    let lengths = [0, 1, 7, 8, 9, 40, 47, 48, 49, 56, 63, 64, 65, 130, 300];
    for first in lengths {
        for second in lengths {
            let (a, rest) = words.split_at(first);
            let (b, c) = rest.split_at(second);
            let mut together = SignCounts::new();
            for part in [a, b, &c[..3]] {
                together.add_all(part);
            }
            let one_by_one = counted(0..u64::try_from(first + second + 3).unwrap());
            assert_eq!(together.to_sketch(), one_by_one.to_sketch(), "{first} {second}");
        }
    }
}

#[test]
fn a_sketch_survives_its_encoding_and_the_little_end_comes_first() {
    for size in [0, 1, 10, 48, 49, 777] {
        let sketch = counted(0..size).to_sketch();
        let sent = sketch.with_marks((size == 0).then_some(Marks::NONE));
        assert_eq!(Sketch::from_bytes(&sketch.to_bytes()), Some(sent), "the marks stay behind");
    }
    let mut counts = SignCounts::new();
    (0..258).for_each(|_| counts.add(0));
    let bytes = counts.to_sketch().to_bytes();
    // 64 times -258.
    assert_eq!(
        bytes[..16],
        [2, 1, 0, 0, 0, 0, 0, 0, 0x80, 0xBF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
    );
    assert_eq!(bytes[16..80], [0xFE; 64]);
    assert_eq!(bytes[80..], [0; 192]);
}

#[test]
fn bytes_that_are_of_no_set_are_not_taken() {
    // Where the counters begin, and where the further counters do.
    let (total, first, further) = (8, 16, 80);
    let changed = |units: u64, at: usize, byte: u8| {
        let mut bytes = counted(0..units).to_sketch().to_bytes();
        bytes[at] = byte;
        Sketch::from_bytes(&bytes)
    };
    assert_eq!(changed(10, 0, 11), None, "a count of another parity");
    assert_eq!(changed(10, 0, 0), None, "a count of none");
    assert_eq!(changed(40, 0, 60), None, "a count too large for the further counters");
    assert_eq!(changed(10, total + 7, 1), None, "a total of more signs than units");
    assert_eq!(changed(60, total, 1), None, "sums that come to something else");
    assert_eq!(changed(10, first, 1), None, "a sum of another parity");
    assert_eq!(changed(10, first, 12), None, "a sum of more signs than units");
    assert_eq!(changed(10, further, 1), None, "a further sum of another parity");
    assert_eq!(changed(10, further, 12), None, "a further sum of more signs than units");
    assert_eq!(changed(60, further + 191, 2), None, "a further sum where there are none");
}

#[test]
fn sums_wrap_at_256_and_what_they_come_to_does_not() {
    let mut counts = SignCounts::new();
    (0..300).for_each(|_| counts.add(u64::MAX));
    let mut sketch = counts.to_sketch();
    assert_eq!((sketch.counters(), sketch.total()), (&[44; COUNTERS], 300 * 64));
    sketch.add(&counts.to_sketch());
    assert_eq!((sketch.counters(), sketch.total()), (&[88; COUNTERS], 600 * 64));
    assert_eq!(sketch.n(), 600);
}

#[test]
fn counts_that_nobody_has_are_added_and_never_overflow() {
    let most = Sketch { n: u64::MAX, total: i64::MAX, counters: [1; COUNTERS], ..Sketch::ZERO };
    let mut sum = most;
    sum.add(&most);
    assert_eq!((sum.n(), sum.total()), (u64::MAX, i64::MAX));
    assert_eq!(Sketch::from_bytes(&most.to_bytes()), Some(Sketch { marks: None, ..most }));
}

#[test]
fn what_is_printed_of_counts_says_nothing_of_the_words() {
    assert_eq!(format!("{:?}", counted(0..7)), "SignCounts { n: 7, .. }");
}
