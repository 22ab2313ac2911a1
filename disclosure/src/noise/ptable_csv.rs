//! Perturbation tables read from a file, in the format of the ONS package
//! `cell-key-perturbation`.
//!
//! A header names the columns `pcv`, `ckey` and `pvalue`, in any order; every other line holds
//! three whole numbers; fields may stand in double quotes. A pair that isn't listed means 0. The
//! number of keys is the largest `ckey` plus one.
//!
//! What the package would let pass and this refuses: further columns, a pair listed twice (the
//! package would then count a cell twice), and numbers outside the limits. A table that decides
//! what is published must mean one thing.

use std::fmt;

use super::ptable::{Entry, PerturbationTable};

impl PerturbationTable {
    /// The most lines a file may have, with its header.
    pub const LINES_MAX: u64 = 4_000_000;

    /// The largest `pcv` a file may list.
    pub const PCV_MAX: i64 = 100_000;

    /// The largest `ckey` a file may list.
    pub const CKEY_MAX: i64 = 65_535;

    /// The largest absolute `pvalue` a file may list.
    pub const PVALUE_MAX: i64 = 1000;

    /// The table that `text` lists.
    ///
    /// # Errors
    ///
    /// The first line, counted from 1, that isn't as described, and what is wrong with it.
    pub fn from_csv(text: &str) -> Result<PerturbationTable, PTableError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = (1u64..).zip(text.lines());
        let Some((_, header)) = lines.next() else {
            return Err(PTableError { line: 1, problem: PTableProblem::Header });
        };
        let columns = columns(header)?;

        let mut numbered: Vec<(Entry, u64)> = Vec::new();
        for (line, content) in lines {
            if line > Self::LINES_MAX {
                return Err(PTableError { line, problem: PTableProblem::TooManyLines });
            }
            // Files often end in an empty line.
            if !content.trim().is_empty() {
                numbered.push((entry(&columns, line, content)?, line));
            }
        }

        numbered.sort_unstable_by_key(|(entry, line)| (entry.pcv, entry.ckey, *line));
        if let Some(twice) = first_listed_twice(&numbered) {
            return Err(twice);
        }
        let Some(keys) = numbered.iter().map(|(entry, _)| entry.ckey + 1).max() else {
            return Err(PTableError { line: 1, problem: PTableProblem::Empty });
        };
        let entries = numbered.into_iter().map(|(entry, _)| entry).collect();
        Ok(PerturbationTable::from_entries(keys, entries))
    }
}

impl PerturbationTable {
    /// The table as a file's text, entries of 0 left out but for the last key, which says how many
    /// keys there are. A table made here has no text: it follows from its seed.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = "pcv,ckey,pvalue\n".to_owned();
        let mut last_key_listed = false;
        for entry in self.entries() {
            last_key_listed |= entry.ckey.checked_add(1) == Some(self.keys());
            text.push_str(&format!("{},{},{}\n", entry.pcv, entry.ckey, entry.value));
        }
        if !last_key_listed {
            text.push_str(&format!("0,{},0\n", self.keys().saturating_sub(1)));
        }
        text
    }
}

/// A column of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Pcv,
    Ckey,
    Pvalue,
}

/// The fields of a line, without the quotes and blanks around them.
fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|field| {
        let field = field.trim();
        field.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(field).trim()
    })
}

fn columns(header: &str) -> Result<[Column; 3], PTableError> {
    let named: Option<Vec<Column>> = fields(header)
        .map(|name| match name {
            "pcv" => Some(Column::Pcv),
            "ckey" => Some(Column::Ckey),
            "pvalue" => Some(Column::Pvalue),
            _ => None,
        })
        .collect();
    let columns: Option<[Column; 3]> = named.and_then(|named| named.try_into().ok());
    match columns {
        Some([a, b, c]) if a != b && b != c && a != c => Ok([a, b, c]),
        Some(_) | None => Err(PTableError { line: 1, problem: PTableProblem::Header }),
    }
}

fn entry(columns: &[Column; 3], line: u64, content: &str) -> Result<Entry, PTableError> {
    let wrong = |problem| PTableError { line, problem };
    let found = fields(content).count();
    if found != columns.len() {
        return Err(wrong(PTableProblem::Fields(found)));
    }
    let mut entry = Entry { pcv: 0, ckey: 0, value: 0 };
    for (column, field) in columns.iter().zip(fields(content)) {
        // The quote of the field is kept short: the file may hold anything.
        let quote = || field.chars().take(40).collect::<String>();
        let number: i64 = field.parse().map_err(|_| wrong(PTableProblem::NotWhole(quote())))?;
        match column {
            Column::Pcv => {
                entry.pcv = within(number, 0, PerturbationTable::PCV_MAX)
                    .ok_or_else(|| wrong(PTableProblem::Pcv(number)))?;
            }
            Column::Ckey => {
                entry.ckey = within(number, 0, PerturbationTable::CKEY_MAX)
                    .ok_or_else(|| wrong(PTableProblem::Ckey(number)))?;
            }
            Column::Pvalue => {
                let most = PerturbationTable::PVALUE_MAX;
                entry.value = within(number, -most, most)
                    .ok_or_else(|| wrong(PTableProblem::Pvalue(number)))?;
            }
        }
    }
    Ok(entry)
}

fn within<T: TryFrom<i64>>(number: i64, least: i64, most: i64) -> Option<T> {
    if least <= number && number <= most { T::try_from(number).ok() } else { None }
}

/// The earliest line that lists a pair again; `numbered` ascends by pair, then by line.
fn first_listed_twice(numbered: &[(Entry, u64)]) -> Option<PTableError> {
    numbered
        .iter()
        .zip(numbered.iter().skip(1))
        .filter(|((a, _), (b, _))| (a.pcv, a.ckey) == (b.pcv, b.ckey))
        .map(|((_, first), (_, again))| (*again, *first))
        .min()
        .map(|(line, first)| PTableError { line, problem: PTableProblem::ListedTwice { first } })
}

/// Where and why a file isn't a perturbation table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PTableError {
    /// The line, counted from 1, the header's line.
    pub line: u64,
    /// What is wrong there.
    pub problem: PTableProblem,
}

/// What is wrong with a line of a perturbation table's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PTableProblem {
    /// The header doesn't name exactly `pcv`, `ckey` and `pvalue`.
    Header,
    /// The file has a header only.
    Empty,
    /// The file has more than 2 000 000 lines.
    TooManyLines,
    /// The line has this many fields, not three.
    Fields(usize),
    /// The field isn't a whole number; at most its first 40 characters.
    NotWhole(String),
    /// This `pcv` isn't from 0 to 100 000.
    Pcv(i64),
    /// This `ckey` isn't from 0 to 65 535.
    Ckey(i64),
    /// This `pvalue` isn't from -1000 to 1000.
    Pvalue(i64),
    /// The pair of `pcv` and `ckey` is already listed.
    ListedTwice {
        /// The line before this one that lists it.
        first: u64,
    },
}

impl fmt::Display for PTableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.problem {
            PTableProblem::Header => {
                f.write_str("header does not name exactly `pcv`, `ckey` and `pvalue`")
            }
            PTableProblem::Empty => f.write_str("no entries after the header"),
            PTableProblem::TooManyLines => f.write_str("more than 2000000 lines"),
            PTableProblem::Fields(found) => write!(f, "expected 3 fields, found {found}"),
            PTableProblem::NotWhole(field) => {
                write!(f, "expected a whole number, found `{}`", field.escape_debug())
            }
            PTableProblem::Pcv(number) => write!(f, "pcv `{number}` is not from 0 to 100000"),
            PTableProblem::Ckey(number) => write!(f, "ckey `{number}` is not from 0 to 65535"),
            PTableProblem::Pvalue(number) => {
                write!(f, "pvalue `{number}` is not from -1000 to 1000")
            }
            PTableProblem::ListedTwice { first } => {
                write!(f, "pcv and ckey are already listed on line {first}")
            }
        }
    }
}

impl std::error::Error for PTableError {}

#[cfg(test)]
mod tests {
    use super::{PTableProblem, PerturbationTable};

    fn check_refused(text: &str, line: u64, problem: PTableProblem) {
        let error = PerturbationTable::from_csv(text).unwrap_err();
        assert_eq!((error.line, error.problem), (line, problem), "{text:?}");
    }

    #[test]
    fn columns_may_come_in_any_order_and_in_quotes() {
        let plain = PerturbationTable::from_csv("pcv,ckey,pvalue\n1,0,-1\n1,3,2\n").unwrap();
        for same in [
            "pvalue,pcv,ckey\n-1,1,0\n2,1,3",
            "\u{feff}\"pcv\",\"ckey\",\"pvalue\"\r\n1,0,-1\r\n1,3,2\r\n\r\n",
            "ckey, pvalue, pcv\n3, 2, 1\n0, -1, 1\n2, 0, 9",
        ] {
            let table = PerturbationTable::from_csv(same).unwrap();
            assert_eq!(table.digest(), plain.digest(), "{same:?}");
        }
        assert_eq!(plain.keys(), 4);
        assert_eq!((plain.perturbation(1, 0), plain.perturbation(1, 3)), (-1, 2));
    }

    #[test]
    fn what_is_not_listed_means_zero() {
        let table = PerturbationTable::from_csv("pcv,ckey,pvalue\n1,0,-1\n").unwrap();
        for (pcv, ckey) in [(0, 0), (1, 1), (2, 0), (u64::MAX, u32::MAX)] {
            assert_eq!(table.perturbation(pcv, ckey), 0);
        }
    }

    #[test]
    fn the_largest_key_counts_even_if_its_value_is_zero() {
        let table = PerturbationTable::from_csv("pcv,ckey,pvalue\n1,0,-1\n1,255,0\n").unwrap();
        assert_eq!(table.keys(), 256);
    }

    #[test]
    fn names_the_line_and_what_is_wrong() {
        check_refused("", 1, PTableProblem::Header);
        check_refused("1,0,-1\n", 1, PTableProblem::Header);
        check_refused("pcv,ckey\n1,0\n", 1, PTableProblem::Header);
        check_refused("pcv,ckey,pvalue,note\n1,0,0,0\n", 1, PTableProblem::Header);
        check_refused("pcv,pcv,pvalue\n1,0,0\n", 1, PTableProblem::Header);
        check_refused("pcv,ckey,pvalue\n\n", 1, PTableProblem::Empty);
        check_refused("pcv,ckey,pvalue\n1,0\n", 2, PTableProblem::Fields(2));
        check_refused("pcv,ckey,pvalue\n1,0,0\n1,1,x\n", 3, PTableProblem::NotWhole("x".into()));
        check_refused("pcv,ckey,pvalue\n1,0,1.0\n", 2, PTableProblem::NotWhole("1.0".into()));
        check_refused("pcv,ckey,pvalue\n-1,0,0\n", 2, PTableProblem::Pcv(-1));
        check_refused("pcv,ckey,pvalue\n100001,0,0\n", 2, PTableProblem::Pcv(100_001));
        check_refused("pcv,ckey,pvalue\n1,65536,0\n", 2, PTableProblem::Ckey(65_536));
        check_refused("pcv,ckey,pvalue\n1,0,-1001\n", 2, PTableProblem::Pvalue(-1001));
    }

    #[test]
    fn refuses_a_pair_listed_twice_even_with_the_same_value() {
        let text = "pcv,ckey,pvalue\n1,0,0\n2,0,1\n1,1,0\n2,0,1\n1,0,0\n";
        check_refused(text, 5, PTableProblem::ListedTwice { first: 3 });
    }

    #[test]
    fn a_long_field_is_quoted_shortly_and_without_control_characters() {
        let text = format!("pcv,ckey,pvalue\n1,0,\u{1b}{}\n", "é".repeat(10_000));
        let error = PerturbationTable::from_csv(&text).unwrap_err().to_string();
        assert!(error.len() < 200 && error.starts_with("line 2: expected a whole number"));
        assert!(!error.contains('\u{1b}'));
    }

    #[test]
    fn refuses_more_than_four_million_lines_without_reading_on() {
        let text = format!("pcv,ckey,pvalue\n{}", "\n".repeat(4_000_001));
        let error = PerturbationTable::from_csv(&text).unwrap_err();
        assert_eq!((error.line, error.problem), (4_000_001, PTableProblem::TooManyLines));
    }

    #[test]
    fn a_table_comes_back_from_its_text() {
        let table = PerturbationTable::from_csv("pcv,ckey,pvalue\n1,0,-1\n1,3,2\n2,7,0\n").unwrap();
        let again = PerturbationTable::from_csv(&table.to_csv()).unwrap();
        assert_eq!((again.keys(), again.digest()), (8, table.digest()));
    }

    /// The rule in the table the ONS package carries: below 10 to zero, else to the nearest 5.
    #[test]
    fn the_ten_five_rule_rounds_every_count() {
        let mut text = String::from("\"pcv\",\"ckey\",\"pvalue\"\n");
        for n in 1..=750i64 {
            let shown = if n < 10 { 0 } else { (n + 2) / 5 * 5 };
            for ckey in 0..4 {
                text.push_str(&format!("{n},{ckey},{}\n", shown - n));
            }
        }
        let table = PerturbationTable::from_csv(&text).unwrap();
        assert_eq!((table.keys(), table.largest()), (4, 9));
        for n in 0..5000u64 {
            let shown = n as i64 + table.perturbation(table.pcv(n), (n % 4) as u32);
            assert_eq!(shown, if n < 10 { 0 } else { (n as i64 + 2) / 5 * 5 }, "count {n}");
        }
    }
}
