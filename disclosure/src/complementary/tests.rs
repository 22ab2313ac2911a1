//! Specification of complementary suppression, against an attacker who tries every table.

use super::{CellInput, CellState, Limits, Relation, Unprotectable, audit, suppress};

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

fn open(value: i128) -> CellInput {
    CellInput {
        value,
        cost: u64::try_from(value.unsigned_abs()).unwrap_or(u64::MAX),
        state: CellState::Open,
        lower_protection: 0,
        upper_protection: 0,
        non_negative: true,
        singleton: false,
    }
}

fn make_primary(cell: &mut CellInput, level: u128) {
    cell.state = CellState::Primary;
    cell.lower_protection = level;
    cell.upper_protection = level;
}

/// Rows of inner values to cells with margins: position = row * (columns + 1) + column.
fn two_way(rows: &[Vec<i128>]) -> (Vec<CellInput>, Vec<Relation>) {
    let (height, width) = (rows.len(), rows[0].len());
    let mut cells = Vec::new();
    for row in rows {
        cells.extend(row.iter().map(|value| open(*value)));
        cells.push(open(row.iter().sum()));
    }
    for column in 0..width {
        cells.push(open(rows.iter().map(|row| row[column]).sum()));
    }
    cells.push(open(rows.iter().flatten().sum()));
    let at = |row: usize, column: usize| row * (width + 1) + column;
    let mut relations: Vec<Relation> = (0..=height)
        .map(|row| Relation {
            total: at(row, width),
            parts: (0..width).map(|column| at(row, column)).collect(),
        })
        .collect();
    relations.extend((0..=width).map(|column| Relation {
        total: at(height, column),
        parts: (0..height).map(|row| at(row, column)).collect(),
    }));
    (cells, relations)
}

fn random_table(
    numbers: &mut Numbers,
    height: usize,
    width: usize,
    most: u64,
) -> (Vec<CellInput>, Vec<Relation>) {
    let rows: Vec<Vec<i128>> = (0..height)
        .map(|_| (0..width).map(|_| i128::from(numbers.below(most))).collect())
        .collect();
    two_way(&rows)
}

/// Every non-negative integer table that agrees with what is published: the smallest and largest
/// value of each cell. Unknown cells have at most `most`.
fn every_completion(
    cells: &[CellInput],
    relations: &[Relation],
    hidden: &[bool],
    most: i128,
) -> Vec<(i128, i128)> {
    let unknown: Vec<usize> = (0..cells.len()).filter(|cell| hidden[*cell]).collect();
    let mut values: Vec<i128> = cells.iter().map(|cell| cell.value).collect();
    let mut seen = vec![(i128::MAX, i128::MIN); cells.len()];
    try_cell(&unknown, relations, most, &mut values, &mut seen);
    seen
}

fn try_cell(
    unknown: &[usize],
    relations: &[Relation],
    most: i128,
    values: &mut Vec<i128>,
    seen: &mut [(i128, i128)],
) {
    let Some((cell, rest)) = unknown.split_first() else {
        for (value, seen) in values.iter().zip(seen) {
            *seen = (seen.0.min(*value), seen.1.max(*value));
        }
        return;
    };
    for value in 0..=most {
        values[*cell] = value;
        // A relation that has just become known must hold.
        let holds = relations.iter().all(|relation| {
            let waits = |cell: &usize| rest.contains(cell);
            waits(&relation.total)
                || relation.parts.iter().any(waits)
                || values[relation.total]
                    == relation.parts.iter().map(|part| values[*part]).sum::<i128>()
        });
        if holds {
            try_cell(rest, relations, most, values, seen);
        }
    }
}

fn all_protected(cells: &[CellInput], relations: &[Relation], hidden: &[bool]) -> bool {
    let intervals = audit(cells, relations, hidden, &Limits::STANDARD).unwrap();
    intervals.iter().all(|interval| interval.protected)
}

#[test]
fn without_complementary_suppression_the_total_gives_the_cell_away() {
    let (mut cells, relations) = two_way(&[vec![3, 20, 30], vec![15, 40, 25], vec![22, 18, 50]]);
    make_primary(&mut cells[0], 2);
    let alone: Vec<bool> = (0..cells.len()).map(|cell| cell == 0).collect();
    let intervals = audit(&cells, &relations, &alone, &Limits::STANDARD).unwrap();
    assert_eq!(intervals.len(), 1);
    assert_eq!((intervals[0].low, intervals[0].high), (Some(3), Some(3)));
    assert!(!intervals[0].protected);

    let hidden = suppress(&cells, &relations, &Limits::STANDARD).unwrap();
    let found: Vec<usize> = (0..cells.len()).filter(|cell| hidden[*cell]).collect();
    // The cheapest rectangle: 3, 20, 22, 18 costs 60; 3, 20, 15, 40 costs 75; 3, 30, 15, 25 costs 70.
    assert_eq!(found, vec![0, 1, 8, 9]);
    let intervals = audit(&cells, &relations, &hidden, &Limits::STANDARD).unwrap();
    let known: Vec<_> = intervals.iter().map(|i| (i.low.unwrap(), i.high.unwrap())).collect();
    assert_eq!(known, vec![(0, 23), (0, 23), (2, 25), (15, 38)]);
    assert!(all_protected(&cells, &relations, &hidden));
}

#[test]
fn intervals_of_two_way_tables_equal_those_of_an_attacker_who_tries_every_table() {
    // Two-way relations are a network, whose extreme points are integers: equality, not inclusion.
    let mut numbers = Numbers(7);
    for _ in 0..60 {
        let (cells, relations) = random_table(&mut numbers, 3, 3, 5);
        let inner = [0, 1, 2, 4, 5, 6, 8, 9, 10];
        let mut hidden = vec![false; cells.len()];
        for cell in inner {
            hidden[cell] = numbers.below(3) != 0;
        }
        if numbers.below(3) == 0 {
            hidden[3] = true;
        }
        let most = cells.iter().map(|cell| cell.value).max().unwrap();
        let truth = every_completion(&cells, &relations, &hidden, most);
        let intervals = audit(&cells, &relations, &hidden, &Limits::STANDARD).unwrap();
        for interval in intervals {
            let (low, high) = truth[interval.cell];
            assert_eq!((interval.low, interval.high), (Some(low), Some(high)));
            assert!(interval.complete);
        }
    }
}

#[test]
fn intervals_of_three_way_tables_contain_those_of_an_attacker_who_tries_every_table() {
    let mut numbers = Numbers(11);
    for _ in 0..20 {
        let (cells, relations) = three_way(&mut numbers, 3, 3);
        let hidden: Vec<bool> =
            (0..cells.len()).map(|cell| cell < 27 && numbers.below(4) != 0).collect();
        let truth = every_completion(&cells, &relations, &hidden, 6);
        for interval in audit(&cells, &relations, &hidden, &Limits::STANDARD).unwrap() {
            let (low, high) = truth[interval.cell];
            assert!(interval.low.unwrap() <= low && high <= interval.high.unwrap());
        }
    }
}

/// `size` cubed inner cells first, then the three faces; no higher margins.
fn three_way(numbers: &mut Numbers, size: usize, most: u64) -> (Vec<CellInput>, Vec<Relation>) {
    let mut cells: Vec<CellInput> =
        (0..size * size * size).map(|_| open(i128::from(numbers.below(most)))).collect();
    let mut relations = Vec::new();
    for stride in [1, size, size * size] {
        for start in 0..size * size * size {
            if (start / stride) % size == 0 {
                let parts: Vec<usize> = (0..size).map(|step| start + step * stride).collect();
                let total = parts.iter().map(|part| cells[*part].value).sum();
                relations.push(Relation { total: cells.len(), parts });
                cells.push(open(total));
            }
        }
    }
    (cells, relations)
}

#[test]
fn what_suppress_returns_an_attacker_who_tries_every_table_cannot_narrow() {
    let mut numbers = Numbers(23);
    let (mut protected, mut refused) = (0, 0);
    for _ in 0..150 {
        let (mut cells, relations) = random_table(&mut numbers, 3, 3, 5);
        for _ in 0..=numbers.below(2) {
            let cell = [0, 1, 2, 4, 5, 6, 8, 9, 10][usize::try_from(numbers.below(9)).unwrap()];
            let level = u128::from(1 + numbers.below(3));
            make_primary(&mut cells[cell], level);
        }
        // Margins stay public, so that every table can be tried.
        for cell in [3, 7, 11, 12, 13, 14, 15] {
            cells[cell].state = CellState::Fixed;
        }
        match suppress(&cells, &relations, &Limits::STANDARD) {
            Ok(hidden) => {
                protected += 1;
                let truth = every_completion(&cells, &relations, &hidden, 15);
                for (cell, (low, high)) in cells.iter().zip(truth) {
                    if cell.state == CellState::Primary {
                        let below = i128::try_from(cell.lower_protection).unwrap();
                        let above = i128::try_from(cell.upper_protection).unwrap();
                        assert!(low <= (cell.value - below).max(0));
                        assert!(cell.value + above <= high);
                    }
                }
            }
            Err(Unprotectable::NoRoom { cells: exposed }) => {
                refused += 1;
                // The refusal is right: with every inner cell hidden some level is out of reach.
                let hidden: Vec<bool> =
                    cells.iter().map(|cell| cell.state != CellState::Fixed).collect();
                let truth = every_completion(&cells, &relations, &hidden, 15);
                for cell in exposed {
                    let (low, high) = truth[cell];
                    let input = &cells[cell];
                    let below = i128::try_from(input.lower_protection).unwrap();
                    let above = i128::try_from(input.upper_protection).unwrap();
                    assert!((input.value - below).max(0) < low || high < input.value + above);
                }
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(30 < protected && 0 < refused, "{protected} {refused}");
}

#[test]
fn a_single_cell_takes_its_total_along() {
    let mut cells = vec![open(4), open(4), open(30), open(34)];
    make_primary(&mut cells[0], 2);
    let relations =
        [Relation { total: 1, parts: vec![0] }, Relation { total: 3, parts: vec![1, 2] }];
    let hidden = suppress(&cells, &relations, &Limits::STANDARD).unwrap();
    assert_eq!(hidden, vec![true, true, true, false]);
}

#[test]
fn a_cell_whose_total_is_public_and_stands_alone_is_unprotectable() {
    let mut cells = vec![open(4), open(4)];
    make_primary(&mut cells[0], 2);
    cells[1].state = CellState::Fixed;
    let relations = [Relation { total: 1, parts: vec![0] }];
    assert_eq!(
        suppress(&cells, &relations, &Limits::STANDARD),
        Err(Unprotectable::NoRoom { cells: vec![0] })
    );
}

#[test]
fn structural_zeros_protect_nobody() {
    // The only partners in the row and column are zeros that everyone knows.
    let (mut cells, relations) = two_way(&[vec![3, 0], vec![9, 20]]);
    make_primary(&mut cells[0], 2);
    cells[1].state = CellState::Fixed;
    let hidden = suppress(&cells, &relations, &Limits::STANDARD).unwrap();
    assert!(!hidden[1]);
    assert!(hidden[2], "the row total has to go");
    assert!(all_protected(&cells, &relations, &hidden));
}

#[test]
fn a_primary_cell_without_levels_still_may_not_be_computed() {
    let (mut cells, relations) = two_way(&[vec![3, 20], vec![9, 20]]);
    make_primary(&mut cells[0], 0);
    let hidden = suppress(&cells, &relations, &Limits::STANDARD).unwrap();
    assert!(1 < hidden.iter().filter(|hidden| **hidden).count());
    let alone: Vec<bool> = (0..cells.len()).map(|cell| cell == 0).collect();
    assert!(!all_protected(&cells, &relations, &alone));
}

#[test]
fn a_published_primary_cell_fails_the_audit() {
    let (mut cells, relations) = two_way(&[vec![3, 20], vec![9, 20]]);
    make_primary(&mut cells[0], 1);
    assert!(!all_protected(&cells, &relations, &[false; 9]));
}

#[test]
fn two_lone_contributors_do_not_protect_each_other() {
    // Two singletons in each of two rows and columns: hidden from the public, not from each other.
    let (mut cells, relations) = two_way(&[vec![5, 6, 90], vec![7, 8, 70], vec![40, 60, 80]]);
    for cell in [0, 1, 4, 5] {
        make_primary(&mut cells[cell], 2);
    }
    let hidden = suppress(&cells, &relations, &Limits::STANDARD).unwrap();
    assert_eq!(hidden.iter().filter(|hidden| **hidden).count(), 4);
    for cell in [0, 1, 4, 5] {
        cells[cell].singleton = true;
    }
    assert!(!all_protected(&cells, &relations, &hidden), "each knows its own value");
    let hidden = suppress(&cells, &relations, &Limits::STANDARD).unwrap();
    assert!(4 < hidden.iter().filter(|hidden| **hidden).count());
    assert!(all_protected(&cells, &relations, &hidden));
    // What the contributor of cell 0 sees: its cell published.
    let mut seen = cells.clone();
    seen[0].state = CellState::Open;
    for cell in &mut seen {
        cell.singleton = false;
    }
    let mut known = hidden.clone();
    known[0] = false;
    assert!(all_protected(&seen, &relations, &known));
}

#[test]
fn magnitudes_beyond_floating_point_are_exact() {
    // 2^80 and one more: an audit in floating point can't tell them apart.
    let large = 1_i128 << 80;
    let rows = [vec![large, large + 1, 7], vec![large, large, 9], vec![5, 6, large]];
    let (mut cells, relations) = two_way(&rows);
    for cell in &mut cells {
        cell.cost = 1;
    }
    make_primary(&mut cells[0], (1_u128 << 80) + 1);
    cells[0].lower_protection = 1_u128 << 80;
    let rectangle: Vec<bool> = (0..cells.len()).map(|cell| [0, 1, 4, 5].contains(&cell)).collect();
    // 1 + 2^80 upward needs the 2^80 below it to fall by more than it has.
    assert!(!all_protected(&cells, &relations, &rectangle));
    cells[0].upper_protection = 1_u128 << 80;
    assert!(all_protected(&cells, &relations, &rectangle));
}

#[test]
fn magnitudes_may_be_negative_and_then_have_no_end() {
    let (mut cells, relations) = two_way(&[vec![-3, 20], vec![9, -20]]);
    for cell in &mut cells {
        cell.non_negative = false;
        cell.cost = 1;
    }
    make_primary(&mut cells[0], 1000);
    let hidden = suppress(&cells, &relations, &Limits::STANDARD).unwrap();
    let intervals = audit(&cells, &relations, &hidden, &Limits::STANDARD).unwrap();
    assert!(intervals.iter().all(|interval| interval.low.is_none() && interval.high.is_none()));
}

#[test]
fn out_of_work_more_is_suppressed_never_less() {
    let mut numbers = Numbers(3);
    let (mut cells, relations) = random_table(&mut numbers, 8, 8, 100);
    for cell in [0, 10, 20, 40] {
        make_primary(&mut cells[cell], 3);
    }
    let count = |search_work_max: u64| {
        let limits = Limits { search_work_max, ..Limits::STANDARD };
        let hidden = suppress(&cells, &relations, &limits).unwrap();
        assert!(all_protected(&cells, &relations, &hidden));
        hidden.iter().filter(|hidden| **hidden).count()
    };
    assert_eq!(count(0), cells.len());
    assert!(count(10_000_000) < 20);
    for search_work_max in [10, 1_000, 5_000, 20_000, 50_000, 100_000, 200_000] {
        count(search_work_max);
    }
}

#[test]
fn an_audit_out_of_work_says_protected_only_where_it_has_shown_so() {
    let mut numbers = Numbers(5);
    let (mut cells, relations) = random_table(&mut numbers, 6, 6, 100);
    for cell in [0, 9, 15] {
        make_primary(&mut cells[cell], 3);
    }
    let hidden = suppress(&cells, &relations, &Limits::STANDARD).unwrap();
    let whole = audit(&cells, &relations, &hidden, &Limits::STANDARD).unwrap();
    let mut unfinished = 0;
    for audit_work_max in (0..6_000).step_by(100) {
        let limits = Limits { audit_work_max, ..Limits::STANDARD };
        let Ok(part) = audit(&cells, &relations, &hidden, &limits) else { continue };
        for (part, whole) in part.iter().zip(&whole) {
            unfinished += usize::from(!part.complete);
            assert!(whole.low <= part.low && part.high <= whole.high);
            assert!(whole.protected || !part.protected);
        }
    }
    assert!(0 < unfinished);
    let limits = Limits { audit_work_max: 0, ..Limits::STANDARD };
    assert_eq!(suppress(&cells, &relations, &limits), Err(Unprotectable::WorkSpent));
}

#[test]
fn tables_that_do_not_add_up_are_refused() {
    let cells = [open(1), open(2), open(4)];
    let relations = [Relation { total: 2, parts: vec![0, 1] }];
    let refused = suppress(&cells, &relations, &Limits::STANDARD);
    assert!(matches!(refused, Err(Unprotectable::Inconsistent(_))));
    let relations = [Relation { total: 9, parts: vec![0, 1] }];
    let refused = suppress(&cells, &relations, &Limits::STANDARD);
    assert!(matches!(refused, Err(Unprotectable::Inconsistent(_))));
    let limits = Limits { cells_max: 2, ..Limits::STANDARD };
    let refused = suppress(&cells, &[], &limits);
    assert_eq!(refused, Err(Unprotectable::TooLarge { cells: 3, cells_max: 2 }));
}

#[test]
fn hierarchies_are_relations_like_any_other() {
    // Region = two areas; area = two districts; one district small.
    let mut cells = vec![open(3), open(50), open(53), open(40), open(45), open(85), open(138)];
    make_primary(&mut cells[0], 2);
    let relations = [
        Relation { total: 2, parts: vec![0, 1] },
        Relation { total: 5, parts: vec![3, 4] },
        Relation { total: 6, parts: vec![2, 5] },
    ];
    let hidden = suppress(&cells, &relations, &Limits::STANDARD).unwrap();
    assert_eq!(hidden, vec![true, true, false, false, false, false, false]);
}

/// Two rows decided before, whose total and whose two columns are public, and the cells by row and
/// column, none of them primary: rows, total, columns, cells.
fn rows_decided_before(levels: u128) -> (Vec<CellInput>, Vec<Relation>) {
    let mut cells: Vec<CellInput> = [4, 40, 44, 21, 23, 1, 3, 20, 20].map(open).to_vec();
    for row in [0, 1] {
        cells[row].state = CellState::Suppressed;
    }
    cells[0].lower_protection = levels;
    cells[0].upper_protection = levels;
    for public in [2, 3, 4] {
        cells[public].state = CellState::Fixed;
    }
    let relations = vec![
        Relation { total: 2, parts: vec![0, 1] },
        Relation { total: 0, parts: vec![5, 6] },
        Relation { total: 1, parts: vec![7, 8] },
        Relation { total: 3, parts: vec![5, 7] },
        Relation { total: 4, parts: vec![6, 8] },
    ];
    (cells, relations)
}

#[test]
fn a_finer_table_does_not_narrow_what_was_protected_before() {
    let (cells, relations) = rows_decided_before(4);
    let mut alone = vec![true, true];
    alone.resize(cells.len(), false);
    assert!(!all_protected(&cells, &relations, &alone), "1 + 3 is the first row");
    let hidden = suppress(&cells, &relations, &Limits::STANDARD).unwrap();
    assert!(all_protected(&cells, &relations, &hidden));
    let row = audit(&cells, &relations, &hidden, &Limits::STANDARD).unwrap()[0];
    assert!(row.low <= Some(0) && Some(8) <= row.high, "{row:?}");
}

#[test]
fn a_complementary_cell_decided_before_asks_for_nothing() {
    let (cells, relations) = rows_decided_before(0);
    let hidden = suppress(&cells, &relations, &Limits::STANDARD).unwrap();
    assert_eq!(hidden.iter().filter(|hidden| **hidden).count(), 2);
}

#[test]
fn a_cell_that_was_opened_before_is_asked_for_what_is_left_of_it() {
    // The second row is public, so that the first is the total less it, whatever is hidden below.
    let (mut cells, relations) = rows_decided_before(4);
    cells[1].state = CellState::Fixed;
    let hidden = suppress(&cells, &relations, &Limits::STANDARD).unwrap();
    assert_eq!(hidden.iter().filter(|hidden| **hidden).count(), 1, "nothing is gained by more");
    // A primary cell of the table itself would be unprotectable.
    cells[0].state = CellState::Primary;
    let refused = suppress(&cells, &relations, &Limits::STANDARD);
    assert_eq!(refused, Err(Unprotectable::NoRoom { cells: vec![0] }));
    // Half open: the rows are known to be 4 in 44, but no closer than the second column allows.
    let (mut cells, relations) = rows_decided_before(40);
    cells[8].state = CellState::Fixed;
    let hidden = suppress(&cells, &relations, &Limits::STANDARD).unwrap();
    let all: Vec<bool> = cells.iter().map(|cell| cell.state != CellState::Fixed).collect();
    let of_row = |hidden: &[bool]| {
        let row = audit(&cells, &relations, hidden, &Limits::STANDARD).unwrap()[0];
        (row.low, row.high, row.protected)
    };
    assert_eq!(of_row(&all), (Some(3), Some(24), true));
    assert_eq!(of_row(&hidden), of_row(&all));
}

#[test]
fn more_levels_than_the_limit_are_refused_before_they_are_written_down() {
    let mut numbers = Numbers(9);
    let (mut cells, relations) = random_table(&mut numbers, 6, 6, 100);
    for cell in [0, 9, 15] {
        make_primary(&mut cells[cell], 1);
        cells[cell].singleton = true;
    }
    // Three cells, two levels each, against everybody and three contributors.
    let limits = |requirements_max| Limits { requirements_max, ..Limits::STANDARD };
    assert!(suppress(&cells, &relations, &limits(24)).is_ok());
    assert_eq!(suppress(&cells, &relations, &limits(23)), Err(Unprotectable::WorkSpent));
    let hidden = vec![true; cells.len()];
    assert_eq!(audit(&cells, &relations, &hidden, &limits(23)), Err(Unprotectable::WorkSpent));
}
