//! What a perturbation table of maximum entropy is made from: its parameters and their limits.
//!
//! The names `D` (largest perturbation) and `V` (variance) are those of Giessing (2016). The limits
//! are chosen so that making a table can't fail: within them every row can be written in whole
//! numbers of keys with its exact mean and variance (checked by the tests of `entropy`).

use std::fmt;

use super::key_space::KeySpace;

/// What a perturbation table for counts is made from.
///
/// Every row for a count of one or more can hold the variance asked for: it is at most 0.75·`D`,
/// and the narrowest row, for a count of one, admits any variance below `D`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaximumEntropy {
    variance_thousandths: u32,
    largest: u8,
    key_space: KeySpace,
    rows: u32,
    seed: u64,
}

impl MaximumEntropy {
    /// The largest perturbation a table may have.
    pub const LARGEST_MAX: u8 = 6;

    /// The smallest variance a table may have, in thousandths.
    pub const VARIANCE_MIN: u32 = 250;

    /// The most rows a table may have.
    pub const ROWS_MAX: u32 = 100_000;

    /// A description of a table.
    ///
    /// - `variance_thousandths`: `V`·1000, from 250 to 750·`D`
    /// - `largest`: `D`, from 1 to 6
    /// - `rows`: rows for the counts 1..=`rows`, from `D` + 2 to 100 000; larger counts use the
    ///   rows `D`..=`rows` again
    /// - `seed`: which value each key gets; it changes no distribution
    ///
    /// # Errors
    ///
    /// When a number is outside its limits.
    pub const fn new(
        variance_thousandths: u32,
        largest: u8,
        key_space: KeySpace,
        rows: u32,
        seed: u64,
    ) -> Result<MaximumEntropy, MaximumEntropyError> {
        if largest < 1 || Self::LARGEST_MAX < largest {
            return Err(MaximumEntropyError::Largest(largest));
        }
        let variance_max = 750 * largest as u32;
        if variance_thousandths < Self::VARIANCE_MIN || variance_max < variance_thousandths {
            return Err(MaximumEntropyError::Variance(variance_thousandths));
        }
        if rows < largest as u32 + 2 || Self::ROWS_MAX < rows {
            return Err(MaximumEntropyError::Rows(rows));
        }
        Ok(MaximumEntropy { variance_thousandths, largest, key_space, rows, seed })
    }

    /// `V` 2, `D` 3, 4096 keys and 750 rows: the table of the profiles with noise.
    pub const fn standard(seed: u64) -> MaximumEntropy {
        MaximumEntropy {
            variance_thousandths: 2000,
            largest: 3,
            key_space: KeySpace::STANDARD,
            rows: 750,
            seed,
        }
    }

    /// The largest perturbation, `D`.
    pub const fn largest(&self) -> u8 {
        self.largest
    }

    /// The variance asked for, in thousandths.
    pub const fn variance_thousandths(&self) -> u32 {
        self.variance_thousandths
    }

    /// The number of keys.
    pub const fn key_space(&self) -> KeySpace {
        self.key_space
    }

    /// The largest count with a row of its own.
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// The seed that decides which value each key gets.
    pub const fn seed(&self) -> u64 {
        self.seed
    }
}

/// Why a description of a perturbation table isn't accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaximumEntropyError {
    /// The largest perturbation is not from 1 to 6.
    Largest(u8),
    /// The variance, in thousandths, is not from 250 to 750 times the largest perturbation.
    Variance(u32),
    /// The number of rows is not from the largest perturbation plus 2 to 100 000.
    Rows(u32),
}

impl fmt::Display for MaximumEntropyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaximumEntropyError::Largest(largest) => {
                write!(f, "largest perturbation `{largest}` is not from 1 to 6")
            }
            MaximumEntropyError::Variance(variance) => write!(
                f,
                "variance of `{variance}` thousandths is not from 250 to 750 times the largest \
                 perturbation"
            ),
            MaximumEntropyError::Rows(rows) => write!(
                f,
                "number of rows `{rows}` is not from the largest perturbation plus 2 to 100000"
            ),
        }
    }
}

impl std::error::Error for MaximumEntropyError {}

#[cfg(test)]
mod tests {
    use super::{KeySpace, MaximumEntropy, MaximumEntropyError};

    #[test]
    fn refuses_descriptions_outside_the_limits() {
        let new = |v, d, rows| MaximumEntropy::new(v, d, KeySpace::STANDARD, rows, 1);
        assert_eq!(new(2000, 0, 750), Err(MaximumEntropyError::Largest(0)));
        assert_eq!(new(2000, 7, 750), Err(MaximumEntropyError::Largest(7)));
        assert_eq!(new(249, 3, 750), Err(MaximumEntropyError::Variance(249)));
        assert_eq!(new(2251, 3, 750), Err(MaximumEntropyError::Variance(2251)));
        assert_eq!(new(2000, 3, 4), Err(MaximumEntropyError::Rows(4)));
        assert_eq!(new(2000, 3, 100_001), Err(MaximumEntropyError::Rows(100_001)));
        assert_eq!(new(2000, 3, 750), Ok(MaximumEntropy::standard(1)));
        assert!(new(2250, 3, 5).is_ok());
    }
}
