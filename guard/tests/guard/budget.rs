//! The durable budget: what was charged stays charged, and its file is looked after like the guard's.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use insitu_disclosure::DatasetName;
use insitu_disclosure::budget::{Charge, Condition, ConditionBudget, MemoryBudget};
use insitu_disclosure::guard::GuardError;
use insitu_disclosure::keyed::SECRET_BYTES;
use insitu_guard::reset::{Loss, give_up};
use insitu_guard::{Guards, Owner, StateError, StateFolder};

const NODE: Owner<'static> = Owner::Node(&|| Ok([7; SECRET_BYTES]));
const FILE: &str = "conditions-health.visits.redb";

fn conditions(numbers: &[u8]) -> BTreeSet<Condition> {
    numbers.iter().map(|number| Condition::from_bytes([*number; 16])).collect()
}

fn budget(folder: &Path) -> Result<Arc<dyn ConditionBudget>, GuardError> {
    let folder = StateFolder::open(folder, NODE).unwrap();
    Guards::in_folder(Arc::new(folder), 1_000).budget(&DatasetName::parse("health.visits").unwrap())
}

/// A folder in which two conditions of a state were charged.
fn charged() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("state");
    assert_eq!(budget(&folder).unwrap().charge(1, &conditions(&[1, 2]), 3), Ok(Charge::Paid));
    (place, folder)
}

#[test]
fn a_budget_on_disk_charges_as_one_in_memory_and_a_restart_is_no_new_budget() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("state");
    let memory = MemoryBudget::default();
    for (snapshot, numbers, max) in [
        (1, &[1, 2][..], 3),
        (1, &[1, 3, 4][..], 3),
        (1, &[2, 3][..], 3),
        (1, &[4][..], 3),
        (2, &[4][..], 3),
        (1, &[1, 2, 3][..], 1),
        (1, &[4][..], 4),
        (1, &[][..], 0),
        (3, &[1][..], 0),
    ] {
        let conditions = conditions(numbers);
        let expected = memory.charge(snapshot, &conditions, max);
        // Opened anew for every charge.
        assert_eq!(budget(&folder).unwrap().charge(snapshot, &conditions, max), expected);
    }
}

#[test]
fn the_file_is_for_its_owner_alone_and_counted() {
    let (_place, folder) = charged();
    let file = folder.join(FILE);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let manifest = fs::read_to_string(folder.join("manifest")).unwrap();
    assert!(manifest.contains("conditions health.visits 2\n"), "{manifest}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(budget(&folder), Err(GuardError::Exposed { mode: 0o644, .. })));
}

#[test]
fn a_lost_old_or_damaged_file_is_no_new_budget() {
    let (_place, folder) = charged();
    let file = folder.join(FILE);
    let old = fs::read(&file).unwrap();
    budget(&folder).unwrap().charge(1, &conditions(&[3]), 3).unwrap();
    let put = |bytes: &[u8]| fs::write(&file, bytes).unwrap();
    let new = fs::read(&file).unwrap();
    put(&old);
    let refusal = budget(&folder).unwrap_err();
    assert_eq!(refusal, GuardError::RolledBack { path: file.clone(), held: 2, expected: 3 });
    for damaged in [&b""[..], b"something else", &new[..new.len() / 4]] {
        put(damaged);
        assert!(matches!(budget(&folder), Err(GuardError::Damaged { .. })));
    }
    fs::remove_file(&file).unwrap();
    let Err(lost @ StateError::Lost { .. }) = StateFolder::open(&folder, NODE) else { panic!() };
    assert!(lost.to_string().contains("(3 charged conditions)"), "{lost}");
    let dataset = DatasetName::parse("health.visits").unwrap();
    give_up(&folder, NODE, &Loss::Dataset(dataset), 7).unwrap();
    assert_eq!(budget(&folder).unwrap().charge(1, &conditions(&[9]), 1), Ok(Charge::Paid));
}

#[test]
fn two_questions_at_once_do_not_both_get_the_last_place() {
    let (_place, folder) = charged();
    let budget = budget(&folder).unwrap();
    let outcomes: Vec<Charge> = std::thread::scope(|scope| {
        let ask = |number| {
            let budget = &budget;
            scope.spawn(move || budget.charge(1, &conditions(&[number]), 3).unwrap())
        };
        let asking: Vec<_> = (10..18).map(ask).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Charge::Paid).count(), 1);
}

#[test]
fn what_cannot_be_counted_is_not_paid() {
    let (_place, folder) = charged();
    let budget = budget(&folder).unwrap();
    fs::create_dir(folder.join("manifest.new")).unwrap();
    assert!(matches!(budget.charge(1, &conditions(&[3]), 3), Err(GuardError::Disk { .. })));
    fs::remove_dir(folder.join("manifest.new")).unwrap();
    assert_eq!(budget.charge(1, &conditions(&[4]), 3), Ok(Charge::Spent), "never given back");
    assert_eq!(budget.charge(1, &conditions(&[3]), 3), Ok(Charge::Paid));
}
