//! The memory that rows of CSV files may take, and words of units, over all Datasets of a node.

use super::error::SourceError;

/// What loading keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceLimits {
    /// Memory for the contents of CSV files; what they leave is for words of units in Parquet files.
    pub mib_max: u32,
}

/// What is left of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    mib_max: u32,
    bytes_left: u64,
}

impl Budget {
    pub(super) fn new(limits: SourceLimits) -> Self {
        Self { mib_max: limits.mib_max, bytes_left: u64::from(limits.mib_max) * 1024 * 1024 }
    }

    /// Takes so many bytes.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), SourceError> {
        let left = u64::try_from(bytes).ok().and_then(|bytes| self.bytes_left.checked_sub(bytes));
        self.bytes_left = left.ok_or(SourceError::TooLarge { mib_max: self.mib_max })?;
        Ok(())
    }

    /// All there was.
    pub(super) const fn mib_max(&self) -> u32 {
        self.mib_max
    }

    /// Whether so many bytes could be taken.
    pub(super) fn has(&self, bytes: usize) -> bool {
        u64::try_from(bytes).is_ok_and(|bytes| bytes <= self.bytes_left)
    }
}
