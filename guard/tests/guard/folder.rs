//! The state folder: a loss is noticed whatever it is, a crash at any point is not taken for one, and
//! what somebody accepts is written down.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use insitu_disclosure::guard::{Guard, GuardError, GuardedCell, Verdict};
use insitu_disclosure::keyed::SECRET_BYTES;
use insitu_disclosure::{
    AnswerTimes, Dataset, DatasetName, Profile, ProtectedUnit, Protection, ReleaseMode,
};
use insitu_guard::manifest::Manifest;
use insitu_guard::reset::{Loss, describe, give_up};
use insitu_guard::{Guards, Owner, StateError, StateFolder, TermsChange};

use super::population::{cell, range};

const NODE: Owner<'static> = Owner::Node(&|| Ok([7; SECRET_BYTES]));

fn dataset() -> DatasetName {
    DatasetName::parse("health.visits").unwrap()
}

fn question(number: u64) -> GuardedCell<'static> {
    cell(u128::from(number), &range(1000 * number, 1000 * number + 60), 60)
}

/// A folder in which a node released so many cells, and stopped.
struct Place {
    _place: tempfile::TempDir,
    folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        Self { folder: place.path().join("state"), _place: place }
    }

    fn after(cells: u64) -> Self {
        let place = Self::new();
        place.release(0..cells);
        place
    }

    fn open(&self) -> Result<StateFolder, StateError> {
        StateFolder::open(&self.folder, NODE)
    }

    fn guard(&self) -> Result<Arc<dyn Guard>, GuardError> {
        Guards::in_folder(Arc::new(self.open().unwrap()), 1_000).of(&dataset())
    }

    fn release(&self, numbers: std::ops::Range<u64>) {
        let guard = self.guard().unwrap();
        for number in numbers {
            guard.judge(&[question(number)]).unwrap();
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn guard_file(&self) -> PathBuf {
        self.file("guard-health.visits.redb")
    }

    fn manifest(&self) -> Manifest {
        Manifest::parse(&fs::read_to_string(self.file("manifest")).unwrap()).unwrap()
    }

    fn lost(&self) -> String {
        match self.open() {
            Err(error @ StateError::Lost { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_makes_it_and_the_next_finds_it_whole() {
    let place = Place::new();
    let first = place.open().unwrap();
    let secret = *first.secret().unwrap().bytes();
    drop(first);
    let never = Owner::Node(&|| panic!("a second secret"));
    let next = StateFolder::open(&place.folder, never).unwrap();
    assert_eq!(*next.secret().unwrap().bytes(), secret);
    drop(next);
    place.release(0..3);
    assert_eq!(place.manifest().counts.values().copied().collect::<Vec<_>>(), [3]);
    assert_eq!(mode(&place.folder), 0o700);
    for entry in fs::read_dir(&place.folder).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    let gateway = place.folder.with_file_name("gateway-state");
    let opened = StateFolder::open(&gateway, Owner::Gateway).unwrap();
    assert!(opened.secret().is_none() && !gateway.join("secret").exists());
}

/// Nothing tells a first start from a folder that is gone; so whoever starts is told that it was made.
#[test]
fn a_folder_that_was_made_says_so_once() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("state");
    for is_new in [true, false, false] {
        assert_eq!(StateFolder::open(&folder, Owner::Gateway).unwrap().is_new(), is_new);
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(StateFolder::open(&folder, Owner::Gateway).unwrap().is_new());
}

#[test]
fn everything_that_is_missing_is_named_and_nothing_is_made_in_its_place() {
    let place = Place::after(3);
    fs::remove_file(place.file("secret")).unwrap();
    fs::remove_file(place.guard_file()).unwrap();
    let told = place.lost();
    assert!(told.contains("`secret` is missing"), "{told}");
    assert!(told.contains("`guard-health.visits.redb` is missing (3 released cells)"), "{told}");
    assert!(told.contains("Restore the folder") && told.contains("insitu state reset"), "{told}");
    assert!(!place.file("secret").exists() && !place.guard_file().exists());
}

#[test]
fn another_secret_is_not_used() {
    let place = Place::after(1);
    put(&place.file("secret"), "08".repeat(SECRET_BYTES).as_bytes());
    assert!(place.lost().contains("`secret` isn't the one this node had"));
    put(&place.file("secret"), b"no secret");
    assert!(place.lost().contains("`secret` isn't the one this node had"));
}

#[test]
fn a_lost_or_damaged_manifest_is_not_made_anew() {
    let place = Place::after(1);
    let whole = fs::read(place.file("manifest")).unwrap();
    fs::remove_file(place.file("manifest")).unwrap();
    assert!(place.lost().contains("`manifest` is missing"));
    for damaged in [&whole[..whole.len() - 1], b"", b"\xff\xfe"] {
        put(&place.file("manifest"), damaged);
        assert!(matches!(place.open(), Err(StateError::Damaged { .. })));
    }
    put(&place.file("manifest"), &whole);
    place.open().unwrap();
}

#[test]
fn an_emptied_folder_is_no_first_start() {
    let place = Place::after(1);
    for entry in fs::read_dir(&place.folder).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    for _ in 0..2 {
        assert!(matches!(place.open(), Err(StateError::Empty { .. })));
    }
    fs::remove_dir(&place.folder).unwrap();
    place.open().unwrap();
}

#[test]
fn a_guard_file_from_an_old_copy_is_refused_whichever_release_it_lacks() {
    let place = Place::after(1);
    let mut copies = vec![fs::read(place.guard_file()).unwrap()];
    for number in 1..4 {
        place.release(number..number + 1);
        copies.push(fs::read(place.guard_file()).unwrap());
    }
    for (held, copy) in (1..).zip(&copies[..3]) {
        put(&place.guard_file(), copy);
        let refusal = place.guard().unwrap_err();
        assert_eq!(refusal, GuardError::RolledBack { path: place.guard_file(), held, expected: 4 });
        // A gateway looks at all of them before anybody may ask.
        let guards = Guards::in_folder(Arc::new(place.open().unwrap()), 1_000);
        assert_eq!(guards.open_known().unwrap_err(), refusal);
    }
    put(&place.guard_file(), &copies[3]);
    place.release(4..5);
}

/// Or the time would tell that somebody asked the same before.
#[test]
fn a_repeated_question_is_counted_like_a_new_one() {
    let place = Place::after(3);
    let guard = place.guard().unwrap();
    // A new file is in the manifest's place each time; one of these two differs.
    let manifest = || {
        let file = fs::metadata(place.file("manifest")).unwrap();
        (file.modified().unwrap(), std::os::unix::fs::MetadataExt::ino(&file))
    };
    for number in 0..3 {
        let before = manifest();
        guard.judge(&[question(number)]).unwrap();
        assert_ne!(manifest(), before);
    }
    assert_eq!(place.manifest().counts.values().copied().collect::<Vec<_>>(), [3]);
}

#[test]
fn a_release_that_cannot_be_counted_does_not_leave_and_can_be_asked_again() {
    let place = Place::after(1);
    let guard = place.guard().unwrap();
    // A folder in the place of the file that is written first.
    fs::create_dir(place.file("manifest.new")).unwrap();
    assert!(matches!(guard.judge(&[question(1)]), Err(GuardError::Disk { .. })));
    assert!(
        matches!(guard.judge(&[question(1)]), Err(GuardError::Disk { .. })),
        "not by repeating"
    );
    fs::remove_dir(place.file("manifest.new")).unwrap();
    let verdicts = guard.judge(&[question(1)]).unwrap();
    assert!(matches!(verdicts.as_slice(), [Verdict::Same(_)]));
    assert_eq!(place.manifest().counts.values().copied().collect::<Vec<_>>(), [2]);
}

/// What a crash can leave: each is a start like any other.
#[test]
fn no_crash_at_any_point_is_taken_for_a_loss() {
    // While the folder is made: the other name is there, with any of its files.
    let place = Place::new();
    let new = place.folder.with_file_name("state.new");
    place.open().unwrap();
    fs::rename(&place.folder, &new).unwrap();
    for leftover in [&["lock", "secret", "manifest"][..], &["lock", "secret"], &["lock"], &[]] {
        for name in ["lock", "secret", "manifest"] {
            if !leftover.contains(&name) {
                let _ = fs::remove_file(new.join(name));
            }
        }
        put(&new.join("secret.new"), b"07");
        drop(place.open().unwrap());
        assert!(!new.exists());
        fs::rename(&place.folder, &new).unwrap();
    }
    fs::rename(&new, &place.folder).unwrap();

    // While a guard's file is made: under its other name, half of it; with its name, not yet counted.
    put(&place.file("guard-health.visits.redb.new"), b"half a file");
    drop(place.guard().unwrap());
    let never_counted = fs::read(place.file("manifest")).unwrap();
    fs::remove_file(place.guard_file()).unwrap();
    // Counted with nothing in it, and the file's name not durable yet.
    drop(place.guard().unwrap());

    // While a release is kept: in its file and not yet counted.
    place.release(0..3);
    put(&place.file("manifest"), &never_counted);
    place.release(0..3);
    assert_eq!(place.manifest().counts.values().copied().collect::<Vec<_>>(), [3]);
    // And the manifest's other name with half of it.
    put(&place.file("manifest.new"), b"insitu state");
    place.release(3..4);
    assert_eq!(place.manifest().counts.values().copied().collect::<Vec<_>>(), [4]);
}

#[test]
fn a_killed_process_is_no_loss() {
    for round in 0..3_u64 {
        let place = Place::new();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "folder::other_process", "--nocapture", "--ignored"]);
        command.env("STATE_FOLDER", &place.folder).stdout(std::process::Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines =
            std::io::BufRead::lines(std::io::BufReader::new(process.stdout.take().unwrap()));
        let told = 2 + 7 * round;
        assert!(lines.by_ref().any(|line| line.unwrap().contains(&format!("kept {told}"))));
        process.kill().unwrap();
        process.wait().unwrap();
        let told =
            told + lines.map_while(Result::ok).filter(|l| l.contains("kept ")).count() as u64;
        assert!(place.manifest().counts.values().all(|count| told <= *count));
        let guard = place.guard().unwrap();
        let table: Vec<_> = (0..told).map(question).collect();
        let verdicts = guard.judge(&table).unwrap();
        assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Same(_))));
    }
}

#[test]
#[ignore = "run by other tests as a process of its own"]
fn other_process() {
    let Some(path) = std::env::var_os("STATE_FOLDER") else { return };
    let folder = StateFolder::open(Path::new(&path), NODE);
    if std::env::var_os("STATE_IN_USE").is_some() {
        std::process::exit(if matches!(folder, Err(StateError::InUse { .. })) { 23 } else { 1 });
    }
    let guard = Guards::in_folder(Arc::new(folder.unwrap()), 100_000).of(&dataset()).unwrap();
    for number in 0..10_000 {
        guard.judge(&[question(number)]).unwrap();
        println!("kept {}", number + 1);
    }
}

#[test]
fn a_second_process_is_kept_out_for_as_long_as_anything_of_it_is_used() {
    let place = Place::after(1);
    let guard = place.guard().unwrap();
    assert!(matches!(place.open(), Err(StateError::InUse { .. })));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "folder::other_process", "--nocapture", "--ignored"]);
    command.env("STATE_FOLDER", &place.folder).env("STATE_IN_USE", "1");
    assert_eq!(command.status().unwrap().code(), Some(23));
    let in_use = give_up(&place.folder, NODE, &Loss::Everything, 1);
    assert!(matches!(in_use, Err(StateError::InUse { .. })));
    drop(guard);
    place.open().unwrap();
}

#[test]
fn a_node_and_a_gateway_do_not_take_each_others_folder() {
    let place = Place::after(1);
    assert!(matches!(
        StateFolder::open(&place.folder, Owner::Gateway),
        Err(StateError::NotOurs { whose: "a node's", .. })
    ));
    let gateway = place.folder.with_file_name("gateway-state");
    drop(StateFolder::open(&gateway, Owner::Gateway).unwrap());
    assert!(matches!(
        StateFolder::open(&gateway, NODE),
        Err(StateError::NotOurs { whose: "a gateway's", .. })
    ));
}

#[test]
fn nothing_in_it_is_used_while_others_may_read_it() {
    let place = Place::after(1);
    for (path, usual) in [
        (place.folder.clone(), 0o700),
        (place.file("secret"), 0o600),
        (place.file("manifest"), 0o600),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(usual | 0o040)).unwrap();
        let Err(error @ StateError::Exposed { .. }) = place.open() else { panic!("{path:?}") };
        assert!(error.to_string().contains("run `chmod go= "), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(usual)).unwrap();
    }
    place.open().unwrap();
}

#[test]
fn giving_up_a_dataset_forgets_it_alone_puts_its_file_aside_and_stays_written() {
    let place = Place::after(3);
    let secret = fs::read(place.file("secret")).unwrap();
    fs::remove_file(place.guard_file()).unwrap();
    let other = DatasetName::parse("a.b").unwrap();
    let nothing = give_up(&place.folder, NODE, &Loss::Dataset(other), 1);
    assert!(matches!(nothing, Err(StateError::NothingKept { .. })));
    place.lost();
    give_up(&place.folder, NODE, &Loss::Dataset(dataset()), 1_767_225_600).unwrap();
    let verdicts = place.guard().unwrap().judge(&[question(0)]).unwrap();
    assert!(matches!(verdicts.as_slice(), [Verdict::Fresh]), "it was forgotten");
    assert_eq!(fs::read(place.file("secret")).unwrap(), secret);
    let told: Vec<String> =
        place.open().unwrap().resets().iter().map(ToString::to_string).collect();
    assert_eq!(told, ["reset 1767225600 guard health.visits 3"]);
    // A file that is there is kept for whoever finds a backup.
    give_up(&place.folder, NODE, &Loss::Dataset(dataset()), 1).unwrap();
    assert!(place.file("guard-health.visits.redb.aside-1").exists());
    assert_eq!(place.open().unwrap().resets().len(), 2);
}

#[test]
fn giving_up_the_manifest_takes_the_files_as_they_are_and_needs_the_secret() {
    let place = Place::after(3);
    fs::remove_file(place.file("manifest")).unwrap();
    give_up(&place.folder, NODE, &Loss::Manifest, 5).unwrap();
    let verdicts = place.guard().unwrap().judge(&[question(0)]).unwrap();
    assert!(matches!(verdicts.as_slice(), [Verdict::Same(_)]), "it is remembered");
    assert_eq!(place.manifest().counts.values().copied().collect::<Vec<_>>(), [3]);
    assert_eq!(place.open().unwrap().resets().len(), 1);
    fs::remove_file(place.file("secret")).unwrap();
    assert!(matches!(
        give_up(&place.folder, NODE, &Loss::Manifest, 5),
        Err(StateError::Lost { .. })
    ));
}

#[test]
fn giving_up_everything_starts_anew_beside_the_old() {
    let place = Place::after(3);
    fs::remove_file(place.file("secret")).unwrap();
    let other = Owner::Node(&|| Ok([8; SECRET_BYTES]));
    give_up(&place.folder, other, &Loss::Everything, 5).unwrap();
    assert_eq!(place.open().unwrap().secret().unwrap().bytes(), &[8; SECRET_BYTES]);
    assert_eq!(place.open().unwrap().resets().len(), 1);
    let old = place.folder.with_file_name("state.aside-1");
    assert!(old.join("guard-health.visits.redb").exists());
    let verdicts = place.guard().unwrap().judge(&[question(0)]).unwrap();
    assert!(matches!(verdicts.as_slice(), [Verdict::Fresh]));
}

#[test]
fn a_folder_is_described_without_changing_it() {
    let place = Place::after(3);
    fs::remove_file(place.guard_file()).unwrap();
    let told: Vec<String> =
        describe(&place.folder).unwrap().into_iter().map(|(a, b)| format!("{a}: {b}")).collect();
    assert_eq!(
        told,
        [
            "manifest: there",
            "secret: there",
            "guard-health.visits.redb: missing, at least 3 released cells"
        ]
    );
    place.lost();
}

/// The terms that a dataset has, by release mode, whether a unit has one row, and its column.
fn on_terms(release: ReleaseMode, unique_per_row: bool, unit: &str) -> Dataset {
    let name = unit.to_owned();
    Dataset {
        name: dataset(),
        description: None,
        columns: Vec::new(),
        impossible: Vec::new(),
        hierarchies: Vec::new(),
        protection: Protection::Protected {
            unit: ProtectedUnit::Column { name, unique_per_row },
            profile: Profile::STANDARD,
            release,
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
    }
}

#[test]
fn terms_under_which_the_memory_is_another_are_told_at_the_next_start_and_once() {
    use ReleaseMode::{AtGateway, AtNode};
    use TermsChange::{Release, UniquePerRow, Unit};
    let place = Place::after(3);
    // A folder of before terms were kept: they are unknown, and written.
    assert!(!fs::read_to_string(place.folder.join("manifest")).unwrap().contains("terms"));
    let serve = |dataset: &Dataset| {
        Guards::in_folder(Arc::new(place.open().unwrap()), 1_000).serve(dataset).unwrap()
    };
    for (dataset, expect) in [
        (on_terms(AtNode, true, "person"), vec![]),
        (on_terms(AtNode, true, "person"), vec![]),
        (on_terms(AtGateway, true, "person"), vec![Release]),
        (on_terms(AtGateway, true, "person"), vec![]),
        (on_terms(AtGateway, false, "person"), vec![UniquePerRow]),
        (on_terms(AtNode, true, "household"), vec![Release, UniquePerRow, Unit]),
        (on_terms(AtNode, true, "household"), vec![]),
    ] {
        assert_eq!(serve(&dataset), expect);
    }
    assert_eq!(place.manifest().terms.len(), 1);
    assert_eq!(place.manifest().counts.values().sum::<u64>(), 3, "what was kept is still there");
    assert!(!fs::read_to_string(place.folder.join("manifest")).unwrap().contains("household"));
    assert_eq!(Guards::ephemeral().serve(&on_terms(AtGateway, true, "person")).unwrap(), vec![]);
}
