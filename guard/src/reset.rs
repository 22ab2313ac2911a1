//! Accepting that state is lost. Never done by starting: somebody says what is given up, and that it is
//! stays written in the folder.
//!
//! Nothing is deleted: files are put aside under another name, in case a backup turns up that tells
//! more.

use std::fs;
use std::path::{Path, PathBuf};

use insitu_disclosure::DatasetName;
use insitu_disclosure::keyed::secret_fingerprint;

use crate::error::StateError;
use crate::folder::{
    Owner, StateFolder, locked, private_only, read_manifest, read_secret, unusable, write_manifest,
};
use crate::manifest::{GivenUp, Manifest, Memory, MemoryKind, Reset};
use crate::private;

/// What somebody gives up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// What was released of a dataset, and all else that is remembered of it.
    Dataset(DatasetName),
    /// The manifest: the other files are taken as they are.
    Manifest,
    /// The whole folder: a new secret, and nothing remembered.
    Everything,
}

/// What was done, a line each, for whoever asked for it.
pub type Done = Vec<String>;

/// Gives something up. `when` is in seconds since the start of 1970.
///
/// Each step leaves a folder that is refused until this is run again, or one that is whole.
///
/// # Errors
/// A folder that isn't there, is in use or open to others; nothing of that name.
pub fn give_up(
    folder: &Path,
    owner: Owner<'_>,
    loss: &Loss,
    when: u64,
) -> Result<Done, StateError> {
    private_only(folder)?;
    let lock = locked(folder, folder)?;
    match loss {
        Loss::Dataset(dataset) => dataset_given_up(folder, dataset, when),
        Loss::Manifest => manifest_given_up(folder, owner, when),
        Loss::Everything => {
            let aside = private::aside(folder);
            private::rename(folder, &aside).map_err(unusable(folder))?;
            drop(lock);
            let reset = Reset { when, given_up: GivenUp::Everything };
            StateFolder::make(folder, owner, vec![reset])?;
            Ok(vec![put_aside(&aside), format!("{} is new", folder.display())])
        }
    }
}

fn dataset_given_up(folder: &Path, dataset: &DatasetName, when: u64) -> Result<Done, StateError> {
    let Some(mut manifest) = read_manifest(folder)? else {
        return Err(StateError::Damaged { file: folder.join("manifest") });
    };
    let mut done = Vec::new();
    for kind in MemoryKind::ALL {
        let memory = Memory { kind, dataset: dataset.clone() };
        let file = folder.join(memory.file_name());
        // First the file, then the manifest: in between the folder is refused.
        if file.exists() {
            let aside = private::aside(&file);
            private::rename(&file, &aside).map_err(unusable(&file))?;
            done.push(put_aside(&aside));
        }
        if let Some(count) = manifest.counts.remove(&memory) {
            done.push(format!("{count} {} of `{dataset}` are forgotten", kind.counts()));
            manifest.resets.push(Reset { when, given_up: GivenUp::Memory(memory, count) });
        }
    }
    if done.is_empty() {
        let (folder, dataset) = (folder.to_owned(), dataset.to_string());
        return Err(StateError::NothingKept { folder, dataset });
    }
    write_manifest(folder, &manifest)?;
    Ok(done)
}

fn manifest_given_up(folder: &Path, owner: Owner<'_>, when: u64) -> Result<Done, StateError> {
    let secret = match owner {
        Owner::Gateway => None,
        Owner::Node(_) => {
            let Some(Some(secret)) = read_secret(folder)? else {
                let missing = vec!["`secret` is missing, or isn't one".to_owned()];
                return Err(StateError::Lost { folder: folder.to_owned(), missing });
            };
            Some(secret_fingerprint(secret.bytes()))
        }
    };
    // Past resets are kept if they can still be read. Counts are taken from the files when they are
    // opened: what they hold is all that is known.
    let resets = read_manifest(folder).ok().flatten().map_or_else(Vec::new, |known| known.resets);
    let mut manifest = Manifest { secret, resets, ..Manifest::default() };
    for memory in memories(folder)? {
        manifest.counts.insert(memory, 0);
    }
    manifest.resets.push(Reset { when, given_up: GivenUp::Manifest });
    write_manifest(folder, &manifest)?;
    Ok(vec![format!("{} files are taken as they are", manifest.counts.len())])
}

fn memories(folder: &Path) -> Result<Vec<Memory>, StateError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unusable(folder))? {
        let name = entry.map_err(unusable(folder))?.file_name();
        found.extend(name.to_str().and_then(Memory::of_file_name));
    }
    Ok(found)
}

fn put_aside(path: &Path) -> String {
    format!("put aside as {}", path.display())
}

/// A line of [`describe`]: what, and how it is.
pub type Line = (String, String);

/// What a folder should hold, and what of it is there: for whoever looks after it. Nothing is changed.
///
/// # Errors
/// A folder that can't be read.
pub fn describe(folder: &Path) -> Result<Vec<Line>, StateError> {
    let mut lines = Vec::new();
    let manifest = match read_manifest(folder) {
        Ok(Some(manifest)) => {
            lines.push(("manifest".to_owned(), "there".to_owned()));
            manifest
        }
        Ok(None) => {
            lines.push(("manifest".to_owned(), "missing".to_owned()));
            Manifest::default()
        }
        Err(StateError::Damaged { .. }) => {
            lines.push(("manifest".to_owned(), "damaged".to_owned()));
            Manifest::default()
        }
        Err(other) => return Err(other),
    };
    if let Some(fingerprint) = manifest.secret {
        let found = match read_secret(folder)? {
            None => "missing",
            Some(Some(secret)) if secret_fingerprint(secret.bytes()) == fingerprint => "there",
            Some(_) => "another one, or damaged",
        };
        lines.push(("secret".to_owned(), found.to_owned()));
    }
    let mut counts = manifest.counts;
    for memory in memories(folder)? {
        counts.entry(memory).or_insert(0);
    }
    for (memory, count) in counts {
        let path: PathBuf = folder.join(memory.file_name());
        let found = if path.exists() { "there" } else { "missing" };
        let of = memory.kind.counts();
        lines.push((memory.file_name(), format!("{found}, at least {count} {of}")));
    }
    for reset in manifest.resets {
        lines.push(("loss accepted".to_owned(), reset.to_string()));
    }
    Ok(lines)
}
