//! The perturbation table for counts: `v = PT[pcv(n), key]`.
//!
//! The row is chosen by the true count `n` through its perturbation cell value (`pcv`), the column
//! by a key. The same people have the same count and the same cell key, so the same perturbation,
//! however the question is put.
//!
//! A table is either made here, with maximum entropy (see `entropy`), or read from a file (see
//! `ptable_csv`). Of a made table only the sorted rows for the counts 0..=`D` are kept, as rows
//! from `D` on share a distribution; each row has its own permutation of the keys.
//!
//! Sources: Fraser and Wooton (2005) for the table and its keys; Thompson, Broadfoot and Elazar
//! (2013) for the constraints on a row; the handbook of the ONS package
//! `cell-key-perturbation` for [`ons_pcv`] and for what is missing meaning 0.

use super::entropy::key_counts;
use super::keyed_permutation::{KeyedPermutation, mix};
use super::maximum_entropy::MaximumEntropy;

/// A perturbation table for counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerturbationTable {
    keys: u32,
    rows: Rows,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rows {
    /// Made here: `sorted` holds the values of the rows 0..=`D`, `M` each, ascending.
    Made { spec: MaximumEntropy, sorted: Vec<Vec<i8>> },
    /// Read from a file: the entries other than 0, ascending by `pcv` and key.
    /// With the standard error, which takes a pass over as many as four million of them.
    Listed { entries: Vec<Entry>, widest_pcv: u32, error_thousandths: u64 },
}

/// One entry of a table read from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) pcv: u32,
    pub(super) ckey: u32,
    pub(super) value: i16,
}

impl PerturbationTable {
    /// The table with the greatest entropy that `spec` permits.
    ///
    /// Every row for a count of one or more has mean exactly 0, and a variance within `1/M` of the
    /// one asked for (exactly that one if `M·V` is an even whole number).
    pub fn maximum_entropy(spec: &MaximumEntropy) -> PerturbationTable {
        let sorted = (0..=spec.largest())
            .map(|n| {
                key_counts(spec, n)
                    .into_iter()
                    .flat_map(|(value, keys)| (0..keys).map(move |_| value))
                    .collect()
            })
            .collect();
        PerturbationTable {
            keys: spec.key_space().keys(),
            rows: Rows::Made { spec: *spec, sorted },
        }
    }

    /// A table from the entries of a file, ascending by `pcv` and key, without duplicates.
    pub(super) fn from_entries(keys: u32, mut entries: Vec<Entry>) -> PerturbationTable {
        let widest_pcv = entries.last().map_or(0, |entry| entry.pcv);
        entries.retain(|entry| entry.value != 0);
        let rows = Rows::Listed { entries, widest_pcv, error_thousandths: 0 };
        let mut table = PerturbationTable { keys, rows };
        let error = table.summaries().map(|row| row.standard_error_thousandths()).max();
        if let Rows::Listed { error_thousandths, .. } = &mut table.rows {
            *error_thousandths = error.unwrap_or(0);
        }
        table
    }

    /// The entries other than 0 of a table that was read, ascending; none of a table made here.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.rows {
            Rows::Made { .. } => &[],
            Rows::Listed { entries, .. } => entries,
        }
    }

    /// The number of keys `M`, at least 1. Keys are sums or hashes modulo this number.
    pub fn keys(&self) -> u32 {
        self.keys
    }

    /// The row for the true count `n`.
    ///
    /// In a made table the rows `D..=rows` all have the full distribution and are used in turn for
    /// larger counts: `n` up to `rows`, then `D + (n - D) mod (rows - D + 1)`. Two counts that
    /// differ by less than that always have different rows. In a table that was read it is
    /// [`ons_pcv`].
    pub fn pcv(&self, n: u64) -> u64 {
        match &self.rows {
            Rows::Made { spec, .. } => {
                let (rows, largest) = (u64::from(spec.rows()), u64::from(spec.largest()));
                if n <= rows { n } else { largest + (n - largest) % (rows - largest + 1) }
            }
            Rows::Listed { .. } => ons_pcv(n),
        }
    }

    /// The row with the full distribution, for noise that belongs to the question and not to a
    /// count: row `D` of a made table, the last row listed in a table that was read.
    pub fn widest_pcv(&self) -> u64 {
        match &self.rows {
            Rows::Made { spec, .. } => u64::from(spec.largest()),
            Rows::Listed { widest_pcv, .. } => u64::from(*widest_pcv),
        }
    }

    /// What is added to a count with row `pcv` and key `ckey`.
    ///
    /// In a table that was read, a pair the file doesn't list gets 0, as in the ONS package. A made
    /// table has no such pairs: a `pcv` past its rows, or a key past its keys, is brought back into
    /// range, so that a caller's slip never means a count without noise.
    pub fn perturbation(&self, pcv: u64, ckey: u32) -> i64 {
        match &self.rows {
            Rows::Made { spec, sorted } => {
                let row = self.pcv(pcv);
                let place = KeyedPermutation::new(spec.key_space(), spec.seed(), row).place(ckey);
                value_at(row_of(sorted, row), place)
            }
            Rows::Listed { entries, .. } => entries
                .binary_search_by_key(&(pcv, ckey), |entry| (u64::from(entry.pcv), entry.ckey))
                .ok()
                .and_then(|at| entries.get(at))
                .map_or(0, |entry| i64::from(entry.value)),
        }
    }

    /// The sums over the keys of the row `pcv`.
    pub fn row(&self, pcv: u64) -> RowSummary {
        let empty = RowSummary { keys: self.keys, sum: 0, sum_of_squares: 0, largest: 0 };
        match &self.rows {
            Rows::Made { sorted, .. } => row_of(sorted, self.pcv(pcv))
                .iter()
                .fold(empty, |summary, &value| summary.with(i64::from(value))),
            Rows::Listed { entries, .. } => {
                let from = entries.partition_point(|entry| u64::from(entry.pcv) < pcv);
                entries
                    .iter()
                    .skip(from)
                    .take_while(|entry| u64::from(entry.pcv) == pcv)
                    .fold(empty, |summary, entry| summary.with(i64::from(entry.value)))
            }
        }
    }

    /// The largest absolute perturbation anywhere in the table, for the published metadata.
    pub fn largest(&self) -> u64 {
        self.summaries().map(|row| row.largest).max().unwrap_or(0)
    }

    /// The largest root mean square perturbation of any row, in thousandths, rounded up: the
    /// standard error to publish for counts. It is around zero, so it covers a table whose rows
    /// are biased, such as one that rounds.
    pub fn standard_error_thousandths(&self) -> u64 {
        match &self.rows {
            Rows::Made { .. } => {
                self.summaries().map(|row| row.standard_error_thousandths()).max().unwrap_or(0)
            }
            Rows::Listed { error_thousandths, .. } => *error_thousandths,
        }
    }

    /// A digest of every entry other than 0 and of the number of keys; the same for a made table
    /// and for its copy read from a file. It goes over the whole table, three million entries for the
    /// standard one: keep the result.
    ///
    /// Each entry becomes the word `pcv << 32 | ckey << 16 | value` (the value in 16 bits, two's
    /// complement), in ascending order, and `digest = mix(digest xor word)` with SplitMix64's
    /// finaliser, from `mix(M)`. It tells tables apart; it isn't proof against forgery.
    pub fn digest(&self) -> u64 {
        let start = mix(u64::from(self.keys));
        match &self.rows {
            Rows::Made { spec, sorted } => {
                (0..=u64::from(spec.rows())).fold(start, |digest, pcv| {
                    let permutation = KeyedPermutation::new(spec.key_space(), spec.seed(), pcv);
                    let row = row_of(sorted, pcv);
                    (0..self.keys).fold(digest, |digest, ckey| {
                        absorb(digest, pcv, ckey, value_at(row, permutation.place(ckey)))
                    })
                })
            }
            Rows::Listed { entries, .. } => entries.iter().fold(start, |digest, entry| {
                absorb(digest, u64::from(entry.pcv), entry.ckey, i64::from(entry.value))
            }),
        }
    }

    /// One summary for each distribution in the table.
    fn summaries(&self) -> impl Iterator<Item = RowSummary> + '_ {
        let pcvs: Vec<u64> = match &self.rows {
            Rows::Made { spec, .. } => (0..=u64::from(spec.largest())).collect(),
            Rows::Listed { entries, .. } => {
                let mut pcvs: Vec<u64> = entries.iter().map(|e| u64::from(e.pcv)).collect();
                pcvs.dedup();
                pcvs
            }
        };
        pcvs.into_iter().map(|pcv| self.row(pcv))
    }
}

/// The sorted values for the row `pcv`: rows past `D` share those of row `D`.
fn row_of(sorted: &[Vec<i8>], pcv: u64) -> &[i8] {
    let at = usize::try_from(pcv).unwrap_or(usize::MAX);
    sorted.get(at).or_else(|| sorted.last()).map_or(&[], Vec::as_slice)
}

fn value_at(row: &[i8], place: u32) -> i64 {
    usize::try_from(place).ok().and_then(|at| row.get(at)).map_or(0, |&value| i64::from(value))
}

fn absorb(digest: u64, pcv: u64, ckey: u32, value: i64) -> u64 {
    if value == 0 {
        return digest;
    }
    mix(digest ^ (pcv << 32 | u64::from(ckey) << 16 | (value as u64 & 0xFFFF)))
}

/// The sums over the keys of one row of a perturbation table, in exact integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowSummary {
    /// The number of keys.
    pub keys: u32,
    /// The sum of the perturbations: 0 if the row has no bias.
    pub sum: i64,
    /// The sum of their squares.
    pub sum_of_squares: u64,
    /// The largest absolute perturbation.
    pub largest: u64,
}

impl RowSummary {
    fn with(self, value: i64) -> RowSummary {
        let size = value.unsigned_abs();
        RowSummary {
            keys: self.keys,
            sum: self.sum + value,
            sum_of_squares: self.sum_of_squares + size * size,
            largest: self.largest.max(size),
        }
    }

    /// The mean square in thousandths, rounded down: the variance, if `sum` is 0.
    pub fn mean_square_thousandths(&self) -> u64 {
        (self.sum_of_squares * 1000).checked_div(u64::from(self.keys)).unwrap_or(0)
    }

    /// The root mean square in thousandths, rounded up: the standard deviation, if `sum` is 0.
    pub fn standard_error_thousandths(&self) -> u64 {
        let scaled = u128::from(self.sum_of_squares) * 1_000_000;
        let keys = u128::from(self.keys.max(1));
        let root = (scaled / keys).isqrt();
        let exact = root * root * keys == scaled;
        u64::try_from(if exact { root } else { root + 1 }).unwrap_or(u64::MAX)
    }
}

/// The row the ONS package uses for the count `n`: `n` up to 750, then 501..=750 in turn.
pub const fn ons_pcv(n: u64) -> u64 {
    if n <= 750 { n } else { (n - 1) % 250 + 501 }
}
