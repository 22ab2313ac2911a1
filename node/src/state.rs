//! What a node keeps from run to run: the secret its noise is drawn with, and what it released.
//!
//! ```text
//! state/                       mode 0700, beside the configuration unless it says otherwise
//!   secret                     64 hexadecimal digits, made at the first start
//!   guard-health.visits.redb   released cells of a dataset
//! ```
//!
//! With another secret every cell gets other noise, which could be averaged with the old: back the folder up,
//! and never share it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use insitu_disclosure::DatasetName;
use insitu_disclosure::guard::{Guard, GuardError};
use insitu_disclosure::keyed::{DatasetKeys, SECRET_BYTES};
use insitu_guard::{FolderError, Guards};
use rand::TryRngCore as _;
use rand::rngs::OsRng;

/// What a node keeps.
#[derive(Debug)]
pub struct NodeState {
    secret: Secret,
    guards: Guards,
}

struct Secret([u8; SECRET_BYTES]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

/// Why there is no state. It never quotes the secret.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The folder can't be made.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file in it can't be made, read or written.
    #[error("the node's state {} can't be used: {source}; check the path and who may write there", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others may read the secret.
    #[error("{} may be read by others; run `chmod 600 {}`", file.display(), file.display())]
    Exposed {
        /// The file.
        file: PathBuf,
    },
    /// The secret isn't one.
    #[error("{} isn't a node's secret; restore it from a backup (a new one changes all noise)", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
    },
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    NoRandomness(String),
}

impl NodeState {
    /// State that ends with the process, drawn from this secret: for demonstrations over public data, and
    /// tests.
    #[must_use]
    pub fn ephemeral(secret: [u8; SECRET_BYTES]) -> Self {
        Self { secret: Secret(secret), guards: Guards::ephemeral() }
    }

    /// The state in a folder; both are made if they aren't there.
    ///
    /// # Errors
    /// A folder or secret that can't be used as it is.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        let guards = Guards::in_folder(folder)?;
        let file = folder.join("secret");
        let secret = if file.exists() { read(&file)? } else { create(&file)? };
        Ok(Self { secret: Secret(secret), guards })
    }

    /// The keys of a dataset.
    #[must_use]
    pub fn keys(&self, dataset: &DatasetName) -> DatasetKeys {
        DatasetKeys::derive(&self.secret.0, dataset)
    }

    /// The guard of a dataset.
    ///
    /// # Errors
    /// A file that can't be used.
    pub fn guard(&self, dataset: &DatasetName) -> Result<Arc<dyn Guard>, GuardError> {
        self.guards.of(dataset)
    }
}

fn read(file: &Path) -> Result<[u8; SECRET_BYTES], StateError> {
    let unusable = |source| StateError::Unusable { path: file.to_owned(), source };
    if is_exposed(&fs::metadata(file).map_err(unusable)?) {
        return Err(StateError::Exposed { file: file.to_owned() });
    }
    let text = fs::read_to_string(file).map_err(unusable)?;
    parse(text.trim()).ok_or_else(|| StateError::Damaged { file: file.to_owned() })
}

fn parse(text: &str) -> Option<[u8; SECRET_BYTES]> {
    let mut secret = [0_u8; SECRET_BYTES];
    if text.len() != SECRET_BYTES.checked_mul(2)? || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in secret.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(secret)
}

fn create(file: &Path) -> Result<[u8; SECRET_BYTES], StateError> {
    let unusable = |source| StateError::Unusable { path: file.to_owned(), source };
    let mut secret = [0_u8; SECRET_BYTES];
    OsRng.try_fill_bytes(&mut secret).map_err(|e| StateError::NoRandomness(e.to_string()))?;
    // Never over an existing one, and never half of it: another process could be starting too.
    let mut opened = private_file(OpenOptions::new().write(true).create_new(true))
        .open(file)
        .map_err(unusable)?;
    let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    opened.write_all(text.as_bytes()).map_err(unusable)?;
    opened.sync_all().map_err(unusable)?;
    Ok(secret)
}

#[cfg(unix)]
fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn is_exposed(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
const fn is_exposed(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let name = DatasetName::parse("a.b").unwrap();
        let word = NodeState::open(&state).unwrap().keys(&name).unit_word(b"x");
        assert_eq!(NodeState::open(&state).unwrap().keys(&name).unit_word(b"x"), word);
        let other = NodeState::open(&folder.path().join("other")).unwrap();
        assert_ne!(other.keys(&name).unit_word(b"x"), word);
        assert!(!format!("{:?}", NodeState::open(&state).unwrap()).contains("[1"), "not shown");
    }

    #[cfg(unix)]
    #[test]
    fn an_exposed_or_damaged_secret_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        NodeState::open(&state).unwrap();
        let file = state.join("secret");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(NodeState::open(&state), Err(StateError::Exposed { .. })));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&file, "no secret").unwrap();
        assert!(matches!(NodeState::open(&state), Err(StateError::Damaged { .. })));
    }
}
