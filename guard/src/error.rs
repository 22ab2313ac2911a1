//! Why a state folder isn't used: for the operator of a node or gateway, in words that say what to do.
//! Never a secret, never anything of the data.

use std::io;
use std::path::PathBuf;

/// Why a state folder isn't used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Files that should be there aren't, or the secret is another.
    #[error(
        "the state folder {} isn't whole: {}. Without them, new answers can be compared with \
         released ones until protection is undone. Restore the folder from its latest backup; if \
         there is none, `insitu state reset` accepts the loss",
        folder.display(), missing.join("; ")
    )]
    Lost {
        /// The folder.
        folder: PathBuf,
        /// What isn't there, each with a word on it.
        missing: Vec<String>,
    },
    /// A folder with nothing in it: a disk that isn't mounted looks like this.
    #[error(
        "the state folder {} is empty. If something was kept in it, restore it, or mount the disk it \
         is on; if it can't be, `insitu state reset` accepts the loss. At the very first start, remove the \
         empty folder, or name one within it as `state`",
        folder.display()
    )]
    Empty {
        /// The folder.
        folder: PathBuf,
    },
    /// The manifest isn't as this program wrote it.
    #[error(
        "{} is damaged, so it isn't known what the state folder should hold. Restore the folder from \
         its latest backup; if there is none, `insitu state reset` accepts the loss",
        file.display()
    )]
    Damaged {
        /// The manifest.
        file: PathBuf,
    },
    /// The folder belongs to the other kind of service.
    #[error("the state folder {} is {whose}; give each service a folder of its own", folder.display())]
    NotOurs {
        /// The folder.
        folder: PathBuf,
        /// Whose it is.
        whose: &'static str,
    },
    /// Another process uses the folder.
    #[error(
        "the state folder {} is in use by another process; each service has a folder of its own, and \
         runs once",
        folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// Others may read or write what is in it.
    #[error("mode {mode:o} of {} lets others in; run `chmod go= {}`", path.display(), path.display())]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The system refused.
    #[error("{} can't be used: {source}; check the path and who may write there", path.display())]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is nothing of that name to give up.
    #[error("nothing is kept of `{dataset}` in {}", folder.display())]
    NothingKept {
        /// The folder.
        folder: PathBuf,
        /// The dataset.
        dataset: String,
    },
    /// No random numbers for a secret.
    #[error("the system gives no random numbers: {0}")]
    NoRandomness(String),
}
