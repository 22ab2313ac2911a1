//! What is spilled is read again, has no name, and no more room than there is.

#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use datafusion_common::DataFusionError;
use datafusion_execution::disk_manager::DiskManager;
use futures::TryStreamExt as _;

use super::*;

fn manager(folder: &Arc<SpillFolder>) -> Arc<DiskManager> {
    Arc::new(disk(Some(folder)).build().unwrap())
}

fn folder_of(bytes_max: u64) -> (tempfile::TempDir, Arc<SpillFolder>) {
    let dir = tempfile::tempdir().unwrap();
    let folder = SpillFolder::open(&dir.path().join("spill"), bytes_max).unwrap();
    (dir, Arc::new(folder))
}

async fn read(file: &Arc<dyn SpillFile>) -> Vec<u8> {
    file.read_stream().unwrap().try_collect::<Vec<Bytes>>().await.unwrap().concat()
}

#[test]
fn without_a_folder_nothing_is_spilled() {
    assert!(!Arc::new(disk(None).build().unwrap()).tmp_files_enabled());
}

#[tokio::test]
async fn what_was_written_is_read_as_often_as_wanted_and_has_no_name() {
    let (dir, folder) = folder_of(1 << 20);
    let file = manager(&folder).create_tmp_file("a test").unwrap();
    let bytes: Vec<u8> = (0..700_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let mut writer = file.open_writer().unwrap();
    for piece in bytes.chunks(9_999) {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap();
    drop(writer);
    let names = std::fs::read_dir(dir.path().join("spill")).unwrap().count();
    assert_eq!((names, file.path(), file.size()), (0, None, Some(700_000)));
    for _ in 0..2 {
        assert!(read(&file).await == bytes);
    }
    assert_eq!(folder.used(), 700_000);
    drop(file);
    assert_eq!(folder.used(), 0);
}

#[tokio::test]
async fn all_files_together_have_so_much_room() {
    let (_dir, folder) = folder_of(100);
    let files = manager(&folder);
    let [one, two] = [(); 2].map(|()| files.create_tmp_file("a test").unwrap());
    one.open_writer().unwrap().write_all(&[1; 60]).unwrap();
    let full = two.open_writer().unwrap().write_all(&[2; 41]).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert!(is_spill_full(&DataFusionError::IoError(full)));
    // What had no room takes none.
    two.open_writer().unwrap().write_all(&[2; 40]).unwrap();
    assert_eq!((read(&one).await, read(&two).await), (vec![1; 60], vec![2; 40]));
    drop(one);
    two.open_writer().unwrap().write_all(&[3; 60]).unwrap();
    assert_eq!(folder.used(), 100);
}

#[test]
fn a_full_folder_is_told_from_other_faults() {
    let io = |kind| ArrowError::IoError("spilling".to_owned(), io::Error::from(kind));
    let arrow = |kind| DataFusionError::ArrowError(Box::new(io(kind)), None);
    assert!(is_spill_full(&arrow(io::ErrorKind::StorageFull).context("sorting")));
    assert!(!is_spill_full(&arrow(io::ErrorKind::PermissionDenied)));
    assert!(!is_spill_full(&DataFusionError::Internal("full".to_owned())));
}

#[test]
fn the_folder_is_for_this_user_alone_and_has_to_be_one() {
    let (dir, _folder) = folder_of(1);
    let mode = std::fs::metadata(dir.path().join("spill")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(SpillFolder::open(&file, 1).is_err());
}
