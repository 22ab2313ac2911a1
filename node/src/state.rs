//! What a node keeps from run to run: the secret its noise is drawn with, and what it released.
//!
//! With another secret every cell gets other noise, which could be averaged with the old: back the folder up,
//! and never share it. Its files are described in [`insitu_guard::StateFolder`], which sees to it that none is
//! lost unnoticed.

use std::path::Path;
use std::sync::Arc;

use insitu_disclosure::budget::ConditionBudget;
use insitu_disclosure::guard::{Guard, GuardError};
use insitu_disclosure::keyed::{DatasetKeys, SECRET_BYTES, announced_fingerprint};
use insitu_disclosure::{Dataset, DatasetName};
pub use insitu_guard::StateError;
use insitu_guard::{Guards, Owner, Secret, StateFolder, TermsChange};
use rand::TryRngCore as _;
use rand::rngs::OsRng;

/// What a node keeps.
#[derive(Debug)]
pub struct NodeState {
    secret: Secret,
    guards: Guards,
}

impl NodeState {
    /// State that ends with the process, drawn from this secret: for demonstrations over public data, and
    /// tests.
    #[must_use]
    pub fn ephemeral(secret: [u8; SECRET_BYTES]) -> Self {
        Self { secret: Secret::new(secret), guards: Guards::ephemeral() }
    }

    /// The state in a folder, which is made at the first start. Each guard keeps at most so many cells.
    ///
    /// # Errors
    /// A folder that can't be used as it is, or that lost something.
    pub fn open(folder: &Path, anchors_max: u64) -> Result<Self, StateError> {
        let opened = Arc::new(StateFolder::open(folder, OWNER)?);
        if opened.is_new() {
            tracing::warn!(
                folder = %folder.display(),
                "made a new state folder, with a new secret; unless this is the node's first start, restore the old one"
            );
        }
        for reset in opened.resets() {
            tracing::warn!(folder = %folder.display(), %reset, "a loss of state was accepted here");
        }
        let Some(secret) = opened.secret().copied() else {
            return Err(StateError::NotOurs { folder: folder.to_owned(), whose: "a gateway's" });
        };
        Ok(Self { secret, guards: Guards::in_folder(opened, anchors_max) })
    }

    /// What the secret is told from another by.
    pub(crate) fn secret_fingerprint(&self) -> u64 {
        announced_fingerprint(self.secret.bytes())
    }

    /// The keys of a dataset.
    #[must_use]
    pub fn keys(&self, dataset: &DatasetName) -> DatasetKeys {
        DatasetKeys::derive(self.secret.bytes(), dataset)
    }

    /// Writes down on which terms a dataset is served from now on, and gives what changed since the state was last used for it.
    ///
    /// # Errors
    /// They can't be written down.
    pub fn serve(&self, dataset: &Dataset) -> Result<Vec<TermsChange>, GuardError> {
        self.guards.serve(dataset)
    }

    /// The guard of a dataset.
    ///
    /// # Errors
    /// A file that can't be used.
    pub fn guard(&self, dataset: &DatasetName) -> Result<Arc<dyn Guard>, GuardError> {
        self.guards.of(dataset)
    }

    /// The budget of a dataset.
    ///
    /// # Errors
    /// A file that can't be used.
    pub fn budget(&self, dataset: &DatasetName) -> Result<Arc<dyn ConditionBudget>, GuardError> {
        self.guards.budget(dataset)
    }
}

/// A node's folder, whose secret the system draws.
pub const OWNER: Owner<'static> = Owner::Node(&draw_secret);

fn draw_secret() -> Result<[u8; SECRET_BYTES], String> {
    let mut secret = [0_u8; SECRET_BYTES];
    OsRng.try_fill_bytes(&mut secret).map_err(|error| error.to_string())?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn open(folder: &Path) -> Result<NodeState, StateError> {
        NodeState::open(folder, 1_000)
    }

    #[test]
    fn the_secret_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let name = DatasetName::parse("a.b").unwrap();
        let word = open(&state).unwrap().keys(&name).unit_word(b"x");
        assert_eq!(open(&state).unwrap().keys(&name).unit_word(b"x"), word);
        let other = open(&folder.path().join("other")).unwrap();
        assert_ne!(other.keys(&name).unit_word(b"x"), word);
        assert!(!format!("{:?}", open(&state).unwrap()).contains("[1"), "not shown");
    }

    #[test]
    fn no_start_makes_a_second_secret() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        open(&state).unwrap();
        fs::remove_file(state.join("secret")).unwrap();
        let told = open(&state).unwrap_err().to_string();
        assert!(told.contains("`secret` is missing"), "{told}");
        assert!(!state.join("secret").exists());
    }
}
