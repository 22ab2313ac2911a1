//! The state folder of a node or gateway: what it keeps from run to run, and that nothing of it is lost
//! unnoticed.
//!
//! ```text
//! leeds-1-state/                    mode 0700, files 0600
//!   lock                            held while a process uses the folder
//!   manifest                        what the folder should hold
//!   secret                          64 hexadecimal digits; a node's only
//!   guard-health.visits.redb        released cells of a dataset
//!   conditions-health.visits.redb   conditions charged to its budget
//! ```
//!
//! The folder is made under another name and renamed when it is whole: a folder that is there was once
//! complete, so one without its manifest, or an empty one, has lost something.
//!
//! A folder that is gone as a whole, or restored as a whole from an old copy, can't know it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use insitu_disclosure::DatasetName;
use insitu_disclosure::keyed::{SECRET_BYTES, secret_fingerprint};

use crate::error::StateError;
use crate::manifest::{Manifest, Memory, MemoryKind, Reset};
use crate::private;
use crate::terms::Terms;

/// The longest manifest that is read.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;

const MANIFEST: &str = "manifest";
const SECRET: &str = "secret";
const LOCK: &str = "lock";

/// Draws a node's secret, or says why it can't.
pub type DrawSecret<'a> = &'a dyn Fn() -> Result<[u8; SECRET_BYTES], String>;

/// Whose folder it is.
#[derive(Clone, Copy)]
pub enum Owner<'a> {
    /// A node, which has a secret, drawn at its first start.
    Node(DrawSecret<'a>),
    /// A gateway, which has none.
    Gateway,
}

impl std::fmt::Debug for Owner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Node(_) => "Node",
            Self::Gateway => "Gateway",
        })
    }
}

/// A node's secret; it has no printed form.
#[derive(Clone, Copy)]
pub struct Secret(pub(crate) [u8; SECRET_BYTES]);

impl Secret {
    /// A secret of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    fn to_text(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut secret = [0_u8; SECRET_BYTES];
        if text.len() != SECRET_BYTES.checked_mul(2)? || !text.is_ascii() {
            return None;
        }
        for (byte, digits) in secret.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(secret))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

/// A state folder that was found whole. Nobody else uses it as long as this lives.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    manifest: Mutex<Manifest>,
    secret: Option<Secret>,
    is_new: bool,
    _lock: File,
}

impl StateFolder {
    /// Opens the folder, or makes it where there is none: the first start.
    ///
    /// # Errors
    /// Anything that should be in the folder and isn't; a folder in use, or open to others. A loss is
    /// never mended here: [`crate::reset::give_up`] is how somebody accepts it.
    pub fn open(path: &Path, owner: Owner<'_>) -> Result<Self, StateError> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::make(path, owner, Vec::new())
            }
            Err(error) => Err(unusable(path)(error)),
            Ok(_) => Self::open_made(path, owner),
        }
    }

    /// Makes the folder under another name, whole, and then gives it its own.
    pub(crate) fn make(
        path: &Path,
        owner: Owner<'_>,
        resets: Vec<Reset>,
    ) -> Result<Self, StateError> {
        let secret = match owner {
            Owner::Node(draw) => Some(Secret(draw().map_err(StateError::NoRandomness)?)),
            Owner::Gateway => None,
        };
        // What an interrupted start left there was never used; its files are written anew.
        let new = private::with_suffix(path, "new");
        private::make_folder(&new).map_err(unusable(&new))?;
        private_only(&new)?;
        let lock = locked(&new, path)?;
        if let Some(secret) = secret {
            let file = new.join(SECRET);
            private::replace_file(&file, &secret.to_text()).map_err(unusable(&file))?;
        }
        let fingerprint = secret.map(|secret| secret_fingerprint(secret.bytes()));
        let manifest = Manifest { secret: fingerprint, resets, ..Manifest::default() };
        let file = new.join(MANIFEST);
        private::replace_file(&file, &manifest.to_text()).map_err(unusable(&file))?;
        // A folder that another process made in the meantime isn't empty, and so isn't replaced.
        private::rename(&new, path).map_err(unusable(path))?;
        let manifest = Mutex::new(manifest);
        Ok(Self { path: path.to_owned(), manifest, secret, is_new: true, _lock: lock })
    }

    fn open_made(path: &Path, owner: Owner<'_>) -> Result<Self, StateError> {
        private_only(path)?;
        if is_empty(path)? {
            return Err(StateError::Empty { folder: path.to_owned() });
        }
        let lock = locked(path, path)?;
        let Some(manifest) = read_manifest(path)? else {
            let missing = vec![format!("`{MANIFEST}` is missing")];
            return Err(StateError::Lost { folder: path.to_owned(), missing });
        };
        let not_ours = |whose| StateError::NotOurs { folder: path.to_owned(), whose };
        let mut missing = Vec::new();
        let secret = match (owner, manifest.secret) {
            (Owner::Gateway, None) => None,
            (Owner::Gateway, Some(_)) => return Err(not_ours("a node's")),
            (Owner::Node(_), None) => return Err(not_ours("a gateway's")),
            (Owner::Node(_), Some(fingerprint)) => match read_secret(path)? {
                None => {
                    missing.push(format!("`{SECRET}` is missing"));
                    None
                }
                Some(Some(secret)) if secret_fingerprint(secret.bytes()) == fingerprint => {
                    Some(secret)
                }
                Some(_) => {
                    missing.push(format!("`{SECRET}` isn't the one this node had"));
                    None
                }
            },
        };
        for (memory, count) in manifest.counts.iter().filter(|(_, count)| **count > 0) {
            let name = memory.file_name();
            if !path.join(&name).exists() {
                missing.push(format!("`{name}` is missing ({count} {})", memory.kind.counts()));
            }
        }
        if !missing.is_empty() {
            return Err(StateError::Lost { folder: path.to_owned(), missing });
        }
        let manifest = Mutex::new(manifest);
        Ok(Self { path: path.to_owned(), manifest, secret, is_new: false, _lock: lock })
    }

    /// Whether there was no folder, so that it was made: at the first start, or where one was lost as a whole.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// The node's secret; `None` in a gateway's folder.
    #[must_use]
    pub const fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// The losses that were accepted here, for the log of each start.
    #[must_use]
    pub fn resets(&self) -> Vec<Reset> {
        self.manifest().resets.clone()
    }

    /// The datasets that something of this kind was kept of.
    pub(crate) fn known(&self, kind: MemoryKind) -> Vec<Memory> {
        self.manifest().counts.keys().filter(|memory| memory.kind == kind).cloned().collect()
    }

    /// Where a memory's file is.
    pub(crate) fn file(&self, memory: &Memory) -> PathBuf {
        self.path.join(memory.file_name())
    }

    /// How much the memory had kept when it was last counted; 0 if it is new.
    pub(crate) fn count(&self, memory: &Memory) -> u64 {
        self.manifest().counts.get(memory).copied().unwrap_or(0)
    }

    /// Counts what a memory keeps now, durably. Only after this may what it keeps be relied on by
    /// anybody outside. Written also where it is no more than before: who waits isn't told whether it is.
    pub(crate) fn count_up(&self, memory: &Memory, count: u64) -> io::Result<()> {
        let mut manifest = self.manifest();
        let mut counted = manifest.clone();
        let known = counted.counts.entry(memory.clone()).or_default();
        *known = count.max(*known);
        private::replace_file(&self.path.join(MANIFEST), &counted.to_text())?;
        *manifest = counted;
        Ok(())
    }

    /// Where the manifest is.
    pub(crate) fn manifest_file(&self) -> PathBuf {
        self.path.join(MANIFEST)
    }

    /// Writes down the terms that a dataset is served on from now on, durably; gives those of the last time, if they are known.
    pub(crate) fn serve_on(
        &self,
        dataset: &DatasetName,
        terms: Terms,
    ) -> io::Result<Option<Terms>> {
        let mut manifest = self.manifest();
        let before = manifest.terms.get(dataset).copied();
        if before != Some(terms) {
            let mut served = manifest.clone();
            served.terms.insert(dataset.clone(), terms);
            private::replace_file(&self.path.join(MANIFEST), &served.to_text())?;
            *manifest = served;
        }
        Ok(before)
    }

    fn manifest(&self) -> MutexGuard<'_, Manifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The manifest; `None` where there is none.
pub(crate) fn read_manifest(folder: &Path) -> Result<Option<Manifest>, StateError> {
    let file = folder.join(MANIFEST);
    let Some(text) = read(&file)? else { return Ok(None) };
    Manifest::parse(&text).map(Some).ok_or(StateError::Damaged { file })
}

/// The secret; `None` where there is no file, `Some(None)` where it isn't a secret.
pub(crate) fn read_secret(folder: &Path) -> Result<Option<Option<Secret>>, StateError> {
    Ok(read(&folder.join(SECRET))?.map(|text| Secret::parse(text.trim())))
}

/// Writes a manifest into a folder that this process has locked.
pub(crate) fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<(), StateError> {
    let file = folder.join(MANIFEST);
    private::replace_file(&file, &manifest.to_text()).map_err(unusable(&file))
}

/// A small file that only its owner may read; bytes that aren't text are damage, which the parsers find.
fn read(file: &Path) -> Result<Option<String>, StateError> {
    let opened = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(unusable(file))?,
    };
    private_only(file)?;
    let mut bytes = Vec::new();
    opened.take(MANIFEST_BYTES_MAX).read_to_end(&mut bytes).map_err(unusable(file))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Takes the folder for this process.
pub(crate) fn locked(folder: &Path, named: &Path) -> Result<File, StateError> {
    let file = folder.join(LOCK);
    let lock = private::open_file(&file).map_err(unusable(&file))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StateError::InUse { folder: named.to_owned() }),
        Err(TryLockError::Error(error)) => Err(unusable(&file)(error)),
    }
}

/// Whether there is nothing in it but perhaps the lock.
fn is_empty(folder: &Path) -> Result<bool, StateError> {
    let entries = fs::read_dir(folder).map_err(unusable(folder))?;
    for entry in entries {
        if entry.map_err(unusable(folder))?.file_name() != LOCK {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(crate) fn private_only(path: &Path) -> Result<(), StateError> {
    match private::exposed(path).map_err(unusable(path))? {
        None => Ok(()),
        Some(mode) => Err(StateError::Exposed { path: path.to_owned(), mode }),
    }
}

pub(crate) fn unusable(path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Unusable { path, source }
}
