//! What every guard must do, run over the one in memory and the one on disk.

use std::sync::{Arc, Barrier};

use insitu_disclosure::guard::{Guard, GuardError, GuardedCell, MemoryStore, Released, Verdict};
use insitu_guard::AnchorStore;

use super::population::{cell, range, scoped, value};

fn over_every_guard(limit: u64, contract: impl Fn(Arc<dyn Guard>)) {
    contract(Arc::new(MemoryStore::new(limit)));
    let place = tempfile::tempdir().unwrap();
    contract(Arc::new(AnchorStore::create(place.path().join("a.guard"), limit).unwrap()));
}

/// What would be shown: the verdict's letter and the value.
fn shown(guard: &dyn Guard, coordinate: u128, units: &[u64], own: i64) -> (char, i64) {
    let verdicts = guard.judge(&[cell(coordinate, units, own)]).unwrap();
    letter(&verdicts[0], own)
}

fn letter(verdict: &Verdict, own: i64) -> (char, i64) {
    match verdict {
        Verdict::Fresh => ('f', own),
        Verdict::Same(earlier) => ('=', value(earlier)),
        Verdict::Snap(earlier) => ('s', value(earlier)),
    }
}

#[test]
fn a_cell_of_other_people_is_fresh() {
    over_every_guard(100, |guard| {
        assert_eq!(shown(&*guard, 1, &range(0, 100), 100), ('f', 100));
        assert_eq!(shown(&*guard, 2, &range(1000, 1100), 105), ('f', 105));
    });
}

#[test]
fn a_table_of_small_cells_of_other_people_keeps_its_own_values() {
    // With 64 counters alone, a fifth of 100 disjoint cells of 10 would be taken for neighbours.
    over_every_guard(10_000, |guard| {
        let mut start = 0;
        for table in 0..20_u64 {
            let cells: Vec<_> = (0..100)
                .map(|row| {
                    let size = if table < 10 { 10 } else { 10 + row % 40 };
                    start += 1000;
                    let coordinate = u128::from(start);
                    scoped(table.into(), coordinate, &range(start, start + size), 0)
                })
                .collect();
            let verdicts = guard.judge(&cells).unwrap();
            let snaps = verdicts.iter().filter(|v| **v != Verdict::Fresh).count();
            assert!(snaps <= 1, "{snaps} of 100 in table {table}");
        }
    });
}

#[test]
fn a_cell_at_the_size_of_fewer_counters_is_compared_with_both_sides() {
    over_every_guard(100, |guard| {
        assert_eq!(shown(&*guard, 1, &range(0, 49), 49), ('f', 49));
        assert_eq!(shown(&*guard, 2, &range(0, 48), 48), ('s', 49));
        assert_eq!(shown(&*guard, 3, &range(100, 148), 48), ('f', 48));
        assert_eq!(shown(&*guard, 4, &range(100, 149), 49), ('s', 48));
        assert_eq!(shown(&*guard, 5, &range(200, 260), 60), ('f', 60));
        assert_eq!(shown(&*guard, 6, &range(300, 370), 70), ('f', 70));
        assert_eq!(shown(&*guard, 7, &range(400, 440), 40), ('f', 40));
    });
}

#[test]
fn a_cell_without_one_person_gets_the_earlier_value() {
    over_every_guard(100, |guard| {
        assert_eq!(shown(&*guard, 1, &range(0, 100), 100), ('f', 100));
        assert_eq!(shown(&*guard, 2, &range(1, 100), 95), ('s', 100));
        assert_eq!(shown(&*guard, 3, &range(0, 101), 95), ('s', 100));
        assert_eq!(
            shown(&*guard, 4, &range(0, 100), 95),
            ('s', 100),
            "and so does another wording"
        );
    });
}

#[test]
fn cells_of_two_scopes_are_never_compared() {
    over_every_guard(100, |guard| {
        let units = range(0, 100);
        let cells = [scoped(1, 9, &units, 100), scoped(2, 9, &units, 7_000)];
        assert_eq!(guard.judge(&cells).unwrap(), [Verdict::Fresh, Verdict::Fresh]);
    });
}

#[test]
fn a_repeated_question_gets_its_first_answer() {
    over_every_guard(100, |guard| {
        assert_eq!(shown(&*guard, 1, &range(0, 100), 100), ('f', 100));
        assert_eq!(shown(&*guard, 1, &range(0, 100), 100), ('=', 100));
        assert_eq!(shown(&*guard, 1, &range(0, 400), 400), ('=', 100), "whatever the data now say");
    });
}

#[test]
fn a_snapped_question_keeps_its_answer_after_a_closer_release() {
    over_every_guard(100, |guard| {
        assert_eq!(shown(&*guard, 1, &range(0, 100), 100), ('f', 100));
        assert_eq!(shown(&*guard, 2, &range(6, 100), 95), ('s', 100));
        assert_eq!(shown(&*guard, 3, &range(30, 100), 70), ('f', 70));
        assert_eq!(shown(&*guard, 2, &range(6, 100), 95), ('=', 100));
    });
}

#[test]
fn a_snapped_cell_draws_no_other_cell_to_it() {
    // Each set differs by 6 units from the last, so that after a few steps none is close to the
    // first.
    over_every_guard(100, |guard| {
        let drift = |step: u64| range(3 * step, 200 + 3 * step);
        let mut letters = String::new();
        for step in 0..12 {
            let (letter, value) = shown(&*guard, u128::from(step), &drift(step), step as i64);
            letters.push(letter);
            if letter == 's' {
                assert!((step as i64 - value) <= 4, "step {step} was answered with {value}");
            }
        }
        assert!(letters.starts_with("fs"), "{letters}");
        assert!(letters.matches('f').count() >= 3, "{letters}");
    });
}

#[test]
fn the_closest_release_is_chosen_and_the_earliest_of_equals() {
    over_every_guard(100, |guard| {
        assert_eq!(shown(&*guard, 1, &range(0, 200), 1), ('f', 1));
        assert_eq!(shown(&*guard, 2, &range(30, 200), 2), ('f', 2));
        assert_eq!(shown(&*guard, 3, &range(29, 200), 3), ('s', 2));
        assert_eq!(shown(&*guard, 4, &range(1, 200), 4), ('s', 1));
    });
}

#[test]
fn cells_of_one_table_are_judged_against_each_other_in_order() {
    over_every_guard(100, |guard| {
        let total = range(0, 100);
        let table = [
            cell(1, &total, 100),
            cell(2, &range(4, 100), 95),
            cell(3, &range(1000, 1050), 50),
            cell(1, &total, 100),
        ];
        let letters: Vec<_> = guard.judge(&table).unwrap().iter().map(|v| letter(v, 0)).collect();
        assert_eq!(letters, [('f', 0), ('s', 100), ('f', 0), ('=', 100)]);
    });
}

#[test]
fn an_empty_table_has_no_verdicts() {
    over_every_guard(0, |guard| assert_eq!(guard.judge(&[]).unwrap(), []));
}

/// Nothing of it is kept, so that it doesn't count; and a cell that is shown under its name is as new as any.
#[test]
fn a_suppressed_cell_of_far_too_few_leaves_nothing() {
    over_every_guard(8, |guard| {
        let few = |coordinate, units| {
            let sketch = *cell(coordinate, &range(0, units), 0).sketch();
            let cell = GuardedCell::new(1, coordinate, units, sketch, Released::withheld());
            cell.unwrap().shown_from(10)
        };
        for _ in 0..2 {
            let verdicts = guard.judge(&[few(1, 0), few(2, 3), few(3, 3), few(4, 4)]).unwrap();
            let same = Verdict::Same(Released::withheld());
            let last = if verdicts[3] == same { same } else { Verdict::Fresh };
            let fresh = || Verdict::Fresh;
            assert_eq!(verdicts, [fresh(), fresh(), fresh(), last], "the last is kept");
        }
        assert_eq!(guard.judge(&[cell(2, &range(900, 960), 60)]).unwrap(), [Verdict::Fresh]);
    });
}

#[test]
fn tables_of_one_release_are_kept_together_and_see_each_other() {
    over_every_guard(3, |guard| {
        let mut letters = Vec::new();
        let made = guard.release(&mut |judge| {
            for (coordinate, first) in [(1, 0), (2, 1), (3, 500)] {
                let verdicts = judge(&[cell(coordinate, &range(first, first + 100), 100)])?;
                letters.push(letter(&verdicts[0], 100).0);
            }
            judge(&[cell(4, &range(900, 1000), 100)]).map(drop)
        });
        assert_eq!(letters, ['f', 's', 'f']);
        assert_eq!(made, Err(GuardError::Full { held: 3, limit: 3, needed: 1 }));
        let kept = guard.judge(&[cell(2, &range(1, 101), 90)]);
        assert_eq!(kept, Err(GuardError::Full { held: 3, limit: 3, needed: 0 }));
    });
}

#[test]
fn a_full_guard_refuses_tables_whole_and_from_then_on_all() {
    over_every_guard(3, |guard| {
        let old = [cell(1, &range(0, 100), 100), cell(2, &range(500, 600), 100)];
        guard.judge(&old).unwrap();
        let table = [cell(3, &range(1000, 1100), 100), cell(4, &range(2000, 2100), 100)];
        let full = GuardError::Full { held: 2, limit: 3, needed: 2 };
        assert!(guard.judge(&old).unwrap().iter().all(|v| matches!(v, Verdict::Same(_))));
        assert_eq!(guard.judge(&table), Err(full));
        let shut = Err(GuardError::Full { held: 2, limit: 3, needed: 0 });
        assert_eq!(guard.judge(&table[..1]), shut, "what would fit");
        assert_eq!(guard.judge(&old), shut, "what is known");
    });
}

/// A table that would be repeated whole is refused all the same: else a refusal would tell which tables are close to
/// earlier ones.
#[test]
fn what_is_close_to_what_is_kept_needs_room_as_well() {
    over_every_guard(3, |guard| {
        guard.judge(&[cell(1, &range(0, 100), 100), cell(2, &range(500, 600), 100)]).unwrap();
        let close = [cell(5, &range(0, 99), 95), cell(6, &range(501, 600), 95)];
        let full = GuardError::Full { held: 2, limit: 3, needed: 2 };
        assert_eq!(guard.judge(&close), Err(full));
    });
}

/// Otherwise a full guard would tell three units from four: nothing is kept of three.
#[test]
fn a_full_guard_answers_alike_for_few_and_for_fewer() {
    for units in 0..15 {
        over_every_guard(2, |guard| {
            let few = |coordinate| {
                let sketch = *cell(coordinate, &range(0, units), 0).sketch();
                let cell = GuardedCell::new(1, coordinate, units, sketch, Released::withheld());
                cell.unwrap().shown_from(10)
            };
            // Asked before it is full, whatever is kept of it.
            guard.judge(&[few(9)]).unwrap();
            let fill = [cell(1, &range(500, 600), 100), cell(2, &range(900, 960), 60)];
            let filled = guard.judge(&fill);
            assert_eq!(filled.is_err(), 4 <= units, "{units}: by what is kept, once");
            let over = guard.judge(&[cell(3, &range(2000, 2100), 100)]);
            assert!(over.is_err(), "{units}");
            assert!(guard.judge(&[few(9)]).is_err() && guard.judge(&[few(7)]).is_err(), "{units}");
        });
    }
}

#[test]
fn of_two_close_tables_at_once_exactly_one_is_fresh() {
    over_every_guard(1000, |guard| {
        for round in 0..20_u64 {
            let start = round * 10_000;
            let barrier = Arc::new(Barrier::new(2));
            let ask = |missing: u64| {
                let (guard, barrier) = (guard.clone(), barrier.clone());
                let units = range(start + missing, start + 100);
                let coordinate = u128::from(2 * round + missing);
                std::thread::spawn(move || {
                    barrier.wait();
                    shown(&*guard, coordinate, &units, missing as i64)
                })
            };
            let (a, b) = (ask(0), ask(1));
            let (a, b) = (a.join().unwrap(), b.join().unwrap());
            assert_eq!(a.1, b.1, "both were shown the same value");
            assert_eq!(u8::from(a.0 == 'f') + u8::from(b.0 == 'f'), 1, "one was fresh");
        }
    });
}

#[test]
fn every_guard_gives_the_same_verdicts() {
    let place = tempfile::tempdir().unwrap();
    let memory = MemoryStore::new(10_000);
    let store = AnchorStore::create(place.path().join("a.guard"), 10_000).unwrap();
    let mut draws = super::population::Draws::new(5);
    let mut seen = [0; 3];
    for question in 0..60_u128 {
        let table: Vec<_> = (0..6)
            .map(|_| {
                let (start, size) = (draws.below(400), 10 + draws.below(90));
                let coordinate = u128::from(draws.below(300));
                cell(coordinate, &range(start, start + size), question as i64)
            })
            .collect();
        let verdicts = memory.judge(&table).unwrap();
        for verdict in &verdicts {
            let kind = "f=s".find(letter(verdict, 0).0).unwrap();
            seen[kind] += 1;
        }
        assert_eq!(store.judge(&table).unwrap(), verdicts);
    }
    assert!(seen.iter().all(|&count| count > 20), "the mix is not rich enough: {seen:?}");
}
