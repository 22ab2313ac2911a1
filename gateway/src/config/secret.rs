//! A token or a link's secret: in a file of its own, readable by the gateway alone, never shown.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The fewest characters: 16 random ones can't be guessed.
const CHARACTERS_MIN: usize = 16;
/// The longest file that is read.
const FILE_BYTES_MAX: usize = 4_096;

/// What an analyst's client or a node shows to prove who it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Why there is no secret. It never quotes the file.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file can't be opened or read.
    #[error("can't be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It isn't a file at all.
    #[error("is a folder")]
    Folder,
    /// Every user of the machine may use it, or its group may put another in its place.
    #[error("may be used by everybody on this machine, or written by its group")]
    NotPrivate,
    /// It can be guessed.
    #[error("holds {0} characters")]
    TooShort(usize),
    /// It isn't a secret but some other file.
    #[error("is longer than {FILE_BYTES_MAX} bytes")]
    TooLong,
    /// It couldn't be sent in a header.
    #[error("holds characters other than printed ASCII ones")]
    NotPrinted,
}

impl SecretError {
    /// What to do about it.
    pub(super) fn fix(&self, path: &Path) -> String {
        match self {
            Self::Unreadable(_) => "check the path and who may read the file".to_owned(),
            Self::Folder => "give the path of the file in it".to_owned(),
            Self::NotPrivate => format!("run `chmod 600 {}`", path.display()),
            Self::TooShort(_) => format!("write {CHARACTERS_MIN} random characters or more"),
            Self::TooLong => "give the path of the secret".to_owned(),
            Self::NotPrinted => {
                "write letters, digits and signs, without spaces between".to_owned()
            }
        }
    }
}

impl Secret {
    /// Reads the secret from its file; white space round it doesn't count.
    ///
    /// # Errors
    ///
    /// If the file can't be read, may be used by everybody, or doesn't hold a secret.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let opened = File::open(path)?;
        // Of the opened file: between asking by name and opening, another could take its place.
        let metadata = opened.metadata()?;
        if metadata.is_dir() {
            return Err(SecretError::Folder);
        }
        if is_open_to_others(&metadata) {
            return Err(SecretError::NotPrivate);
        }
        let mut text = String::new();
        opened.take(FILE_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
        if FILE_BYTES_MAX < text.len() {
            return Err(SecretError::TooLong);
        }
        let secret = text.trim();
        if !secret.chars().all(|c| c.is_ascii_graphic()) {
            return Err(SecretError::NotPrinted);
        }
        if secret.len() < CHARACTERS_MIN {
            return Err(SecretError::TooShort(secret.len()));
        }
        Ok(Self(secret.to_owned()))
    }

    /// The secret itself, to be compared in constant time, or to prove by; never to be sent.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

#[cfg(unix)]
fn is_open_to_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o027 != 0
}

#[cfg(not(unix))]
const fn is_open_to_others(_: &std::fs::Metadata) -> bool {
    false
}
