//! A link's shared secret: in a file of its own, readable by the node alone, never shown.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The fewest characters: 16 random ones can't be guessed.
const CHARACTERS_MIN: usize = 16;
/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 4_096;

/// The secret of one link.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Why there is no secret. It never quotes the file.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file can't be opened or read.
    #[error("secret file {} can't be read: {source}; check the path and who may read the file", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It isn't a file at all.
    #[error("secret file {} is a folder; give the path of the file in it", file.display())]
    Folder {
        /// The folder.
        file: PathBuf,
    },
    /// Every user of the machine may read it, or its group may put another in its place.
    #[error("secret file {} may be read by everybody, or written by its group; run `chmod 600 {}`", file.display(), file.display())]
    NotPrivate {
        /// The file.
        file: PathBuf,
    },
    /// It can be guessed.
    #[error("secret file {} holds {characters} characters; write {CHARACTERS_MIN} random ones or more", file.display())]
    TooShort {
        /// The file.
        file: PathBuf,
        /// How many it holds.
        characters: usize,
    },
    /// The gateway doesn't take it.
    #[error("secret file {} holds characters other than printed ASCII ones; write letters, digits and signs on one line, without spaces between", file.display())]
    NotPrinted {
        /// The file.
        file: PathBuf,
    },
    /// It isn't a secret but some other file.
    #[error("secret file {} is longer than {FILE_BYTES_MAX} bytes; give the path of the secret", file.display())]
    TooLong {
        /// The file.
        file: PathBuf,
    },
}

impl Secret {
    /// Reads the secret from its file; white space round it doesn't count.
    ///
    /// # Errors
    ///
    /// If the file can't be read, may be read by everybody, or is too short or too long.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let file = || path.to_owned();
        let unreadable = |source| SecretError::Unreadable { file: file(), source };
        let opened = File::open(path).map_err(unreadable)?;
        // Of the opened file: between asking by name and opening, another could take its place.
        let metadata = opened.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(SecretError::Folder { file: file() });
        }
        if is_open_to_others(&metadata) {
            return Err(SecretError::NotPrivate { file: file() });
        }
        let mut text = String::new();
        let length =
            opened.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
        if u64::try_from(length).is_ok_and(|length| FILE_BYTES_MAX < length) {
            return Err(SecretError::TooLong { file: file() });
        }
        let secret = text.trim();
        if !secret.chars().all(|c| c.is_ascii_graphic()) {
            return Err(SecretError::NotPrinted { file: file() });
        }
        let characters = secret.chars().count();
        if characters < CHARACTERS_MIN {
            return Err(SecretError::TooShort { file: file(), characters });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn reads_a_secret_and_never_shows_it() {
        let file = file("  correct-horse-battery-staple\n", 0o600);
        let secret = Secret::read(file.path()).unwrap();
        assert_eq!(secret.expose(), "correct-horse-battery-staple");
        assert_eq!(format!("{secret:?}"), "Secret(not shown)");
    }

    #[test]
    fn refuses_what_is_no_secret() {
        for (text, mode, expect) in [
            ("0123456789abcdef", 0o644, "chmod 600"),
            ("0123456789abcdef", 0o660, "chmod 600"),
            ("0123456789abcde\n\n\n", 0o600, "holds 15 characters"),
            ("0123456789abcdef 0123456789abcdef", 0o600, "printed ASCII"),
            ("0123456789abcdef\n0123456789abcdef", 0o600, "printed ASCII"),
            ("\u{feff}0123456789abcdef", 0o600, "printed ASCII"),
            ("0123456789abcdef\0", 0o600, "printed ASCII"),
            (&"x".repeat(5_000), 0o600, "longer than 4096 bytes"),
        ] {
            let file = file(text, mode);
            let message = Secret::read(file.path()).unwrap_err().to_string();
            assert!(message.contains(expect), "{message}");
            assert!(!message.contains("0123"), "{message}");
        }
        let folder = tempfile::tempdir().unwrap();
        let message = Secret::read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("is a folder") && !message.contains("chmod"), "{message}");
        assert!(
            Secret::read(Path::new("/no/such/file"))
                .unwrap_err()
                .to_string()
                .contains("check the path")
        );
    }
}
