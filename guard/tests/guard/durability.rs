//! The file: it keeps what it said it kept, and no damage passes for an empty guard.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use insitu_disclosure::guard::{Guard, GuardError, GuardedCell, Released, Verdict};
use insitu_guard::AnchorStore;

use super::population::{Draws, cell, range, value};

const LIMIT: u64 = 100_000;

fn question(number: u64) -> GuardedCell<'static> {
    cell(u128::from(number), &range(1000 * number, 1000 * number + 60), 60)
}

fn file_of(cells: u64) -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("health.guard");
    let store = AnchorStore::create(&path, LIMIT).unwrap();
    let table: Vec<_> = (0..cells).map(question).collect();
    store.judge(&table).unwrap();
    (place, path)
}

fn refusal(path: &Path) -> GuardError {
    AnchorStore::open(path, LIMIT, 0).unwrap_err()
}

#[test]
fn releases_are_remembered_after_reopening() {
    let (_place, path) = file_of(50);
    let store = AnchorStore::open(&path, LIMIT, 50).unwrap();
    assert_eq!(store.held().unwrap(), 50);
    let near = cell(900, &range(1000 * 7 + 1, 1000 * 7 + 60), 55);
    let verdicts = store.judge(&[question(3), near, question(70)]).unwrap();
    assert!(matches!(verdicts[0], Verdict::Same(_)));
    assert!(matches!(verdicts[1], Verdict::Snap(_)));
    assert_eq!(verdicts[2], Verdict::Fresh);
}

/// Writing takes longer than answering a small question. So it is done whatever becomes of a cell, or the time would tell.
#[test]
fn each_release_is_written_whether_anything_is_new_or_not() {
    let (_place, path) = file_of(3);
    let store = AnchorStore::open(&path, LIMIT, 3).unwrap();
    let few = *question(9).sketch();
    let few = GuardedCell::new(1, 99, 60, few, Released::withheld()).unwrap().shown_from(1_000);
    let tables = [vec![], vec![question(1)], vec![few.clone()], vec![few]];
    for table in tables {
        let before = fs::read(&path).unwrap();
        store.judge(&table).unwrap();
        assert_ne!(fs::read(&path).unwrap(), before, "{} cells", table.len());
        assert_eq!(store.held().unwrap(), 3);
    }
    drop(store);
    let store = AnchorStore::open(&path, LIMIT, 3).unwrap();
    assert!(matches!(store.judge(&[question(1)]).unwrap()[..], [Verdict::Same(_)]));
}

#[test]
fn a_file_is_for_its_owner_alone() {
    let (_place, path) = file_of(1);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let refusal = refusal(&path);
    assert_eq!(refusal, GuardError::Exposed { path: path.clone(), mode: 0o640 });
    assert!(refusal.to_string().contains("chmod 600"));
}

#[test]
fn a_missing_file_is_never_an_empty_guard() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("health.guard");
    assert_eq!(refusal(&path), GuardError::Missing { path: path.clone() });
    assert!(!path.exists(), "opening made no file");
}

#[test]
fn creating_never_replaces_a_file() {
    let (_place, path) = file_of(5);
    let refusal = AnchorStore::create(&path, LIMIT).unwrap_err();
    assert_eq!(refusal, GuardError::Exists { path: path.clone() });
    assert_eq!(AnchorStore::open(&path, LIMIT, 5).unwrap().held().unwrap(), 5);
}

#[test]
fn a_second_process_is_kept_out() {
    let (_place, path) = file_of(1);
    let _open = AnchorStore::open(&path, LIMIT, 0).unwrap();
    assert_eq!(refusal(&path), GuardError::InUse { path: path.clone() });
    // And from another process, which sees the lock alone.
    let status = child(&path, "open").status().unwrap();
    assert_eq!(status.code(), Some(23), "the other process was told that the file is in use");
}

#[test]
fn a_file_older_than_the_count_is_refused() {
    let (_place, path) = file_of(5);
    let old = fs::read(&path).unwrap();
    AnchorStore::open(&path, LIMIT, 5).unwrap().judge(&[question(50)]).unwrap();
    assert!(AnchorStore::open(&path, LIMIT, 6).is_ok());
    fs::write(&path, old).unwrap();
    let refusal = AnchorStore::open(&path, LIMIT, 6).unwrap_err();
    assert_eq!(refusal, GuardError::RolledBack { path, held: 5, expected: 6 });
}

#[test]
fn a_killed_process_loses_no_answer_that_left() {
    let place = tempfile::tempdir().unwrap();
    for round in 0..2_u64 {
        let path = place.path().join(format!("{round}.guard"));
        let mut process =
            child(&path, "write").stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut lines =
            std::io::BufRead::lines(std::io::BufReader::new(process.stdout.take().unwrap()));
        // Each line is a table whose verdicts were given. Kill it somewhere in the next one.
        let told = 3 + round * 9;
        let last = lines.by_ref().map(Result::unwrap).find(|l| l.contains(&format!("kept {told}")));
        assert!(last.is_some(), "the other process ended early");
        process.kill().unwrap();
        process.wait().unwrap();
        let told =
            lines.map_while(Result::ok).filter(|l| l.contains("kept ")).count() as u64 + told;
        let store = AnchorStore::open(&path, LIMIT, told).unwrap();
        let table: Vec<_> = (0..told).map(question).collect();
        let verdicts = store.judge(&table).unwrap();
        assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Same(_))));
    }
}

/// This test binary again, as another process at [`other_process`].
fn child(path: &Path, task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "durability::other_process", "--nocapture", "--ignored"]);
    command.env("GUARD_FILE", path).env("GUARD_TASK", task);
    command
}

#[test]
#[ignore = "run by other tests as a process of its own"]
fn other_process() {
    let Some(path) = std::env::var_os("GUARD_FILE") else { return };
    if std::env::var("GUARD_TASK").as_deref() == Ok("open") {
        let in_use = matches!(AnchorStore::open(path, LIMIT, 0), Err(GuardError::InUse { .. }));
        std::process::exit(if in_use { 23 } else { 1 });
    }
    let store = AnchorStore::create(path, LIMIT).unwrap();
    for number in 0..10_000 {
        store.judge(&[question(number)]).unwrap();
        println!("kept {}", number + 1);
    }
}

#[test]
fn a_file_cut_short_or_emptied_is_reported_by_name() {
    let (place, path) = file_of(300);
    let whole = fs::read(&path).unwrap();
    for length in [0, 1, 100, 4096, 50_000, whole.len() / 2, whole.len() - 4096] {
        let copy = place.path().join(format!("cut-{length}"));
        put(&copy, &whole[..length]);
        if let Ok(store) = AnchorStore::open(&copy, LIMIT, 0) {
            // The database keeps room at the end: cutting that off loses nothing.
            assert_eq!(store.held().unwrap(), 300, "cut at {length}");
            continue;
        }
        let words = refusal(&copy).to_string();
        assert!(words.contains(copy.to_str().unwrap()), "{words}");
        assert!(words.contains("Restore it from backup"), "{words}");
    }
}

#[test]
fn a_file_of_something_else_is_reported_as_damaged() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("health.guard");
    put(&path, &[b'x'; 100_000]);
    assert!(matches!(refusal(&path), GuardError::Damaged { .. }));
    fs::remove_file(&path).unwrap();
    redb::Database::create(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(refusal(&path), GuardError::Damaged { .. }), "an empty database of redb");
}

#[test]
fn a_changed_bit_is_reported_or_harmless_and_never_a_weaker_guard() {
    let (place, path) = file_of(300);
    let whole = fs::read(&path).unwrap();
    // Every bit of the header's first bytes, then bits anywhere in pages that were written.
    let used: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] != 0).collect();
    let mut draws = Draws::new(11);
    let mut bits: Vec<(usize, u64)> =
        (0..12).flat_map(|at| (0..8).map(move |bit| (at, bit))).collect();
    for _ in 0..60 {
        bits.push((used[draws.below(used.len() as u64) as usize], draws.below(8)));
    }
    let copy = place.path().join("copy");
    let (mut reported, mut harmless) = (0, 0);
    for (at, bit) in bits {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << bit;
        put(&copy, &bytes);
        match AnchorStore::open(&copy, LIMIT, 300) {
            Ok(store) => {
                let table: Vec<_> = (0..300).map(question).collect();
                let near = (0..300).map(|number| {
                    cell(900 + u128::from(number), &range(1000 * number + 1, 1000 * number + 60), 0)
                });
                for verdict in store.judge(&table).unwrap() {
                    assert!(matches!(&verdict, Verdict::Same(v) if value(v) == 60), "byte {at}");
                }
                for verdict in store.judge(&near.collect::<Vec<_>>()).unwrap() {
                    assert!(matches!(&verdict, Verdict::Snap(v) if value(v) == 60), "byte {at}");
                }
                harmless += 1;
            }
            Err(GuardError::Damaged { .. }) => reported += 1,
            Err(rolled @ GuardError::RolledBack { .. }) => {
                println!("byte {at} bit {bit}: {rolled}");
                reported += 1;
            }
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
    println!("{reported} reported, {harmless} harmless");
    assert!(reported > 60 && harmless > 0);
}

fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
