//! What a state folder should hold: a small file beside the others, by which their loss is noticed.
//!
//! ```text
//! insitu state 1
//! secret 5be6128e18c26797               fingerprint of the node's secret
//! guard health.visits 120               releases kept in guard-health.visits.redb
//! terms health.visits at-node rows 2c1f9d03e7a85b46   see the module `terms`
//! reset 1767225600 guard health.visits 80
//! sum 2f0c…                             digest of the lines above
//! ```
//!
//! Counts only grow. A release is durable in its own file first and counted here second, and leaves
//! after both: so a crash in between leaves a file that holds more than is counted, which is taken
//! over, and a file that holds less was rolled back. The digest finds accidents, not attackers: who
//! may write here may write everything.

use std::collections::BTreeMap;
use std::fmt;

use insitu_disclosure::DatasetName;
use insitu_disclosure::keyed::digest;

use crate::terms::Terms;

/// The first line: what this is, and its version.
const HEADING: &str = "insitu state 1";

/// What a file remembers of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemoryKind {
    /// Released cells.
    Guard,
    /// Conditions charged to a budget.
    Conditions,
}

impl MemoryKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Guard, Self::Conditions];

    /// The word in the manifest and in file names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Conditions => "conditions",
        }
    }

    /// What it counts, for people.
    #[must_use]
    pub const fn counts(self) -> &'static str {
        match self {
            Self::Guard => "released cells",
            Self::Conditions => "charged conditions",
        }
    }
}

/// A memory of one dataset, with a file of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory {
    /// What it remembers.
    pub kind: MemoryKind,
    /// Of which dataset.
    pub dataset: DatasetName,
}

impl Memory {
    /// The name of its file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}-{}.redb", self.kind.as_str(), self.dataset)
    }

    /// The memory whose file has this name.
    #[must_use]
    pub fn of_file_name(name: &str) -> Option<Self> {
        let (kind, dataset) = name.strip_suffix(".redb")?.split_once('-')?;
        Self::read(kind, dataset)
    }

    fn read(kind: &str, dataset: &str) -> Option<Self> {
        let kind = MemoryKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
        Some(Self { kind, dataset: DatasetName::parse(dataset)? })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.dataset)
    }
}

/// What was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenUp {
    /// A dataset's memory, which had counted so many.
    Memory(Memory, u64),
    /// The manifest: files were taken as they were.
    Manifest,
    /// The folder with everything in it.
    Everything,
}

/// A loss that somebody accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// Seconds since the start of 1970.
    pub when: u64,
    /// What was given up.
    pub given_up: GivenUp,
}

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.given_up {
            GivenUp::Memory(memory, count) => write!(f, "reset {} {memory} {count}", self.when),
            GivenUp::Manifest => write!(f, "reset {} manifest", self.when),
            GivenUp::Everything => write!(f, "reset {} everything", self.when),
        }
    }
}

/// What the folder should hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Fingerprint of the node's secret; a gateway has none.
    pub secret: Option<u64>,
    /// How much each memory had kept when it was last counted.
    pub counts: BTreeMap<Memory, u64>,
    /// The terms of each dataset when it was last served; none of one that wasn't since they are kept.
    pub terms: BTreeMap<DatasetName, Terms>,
    /// Losses accepted, the oldest first.
    pub resets: Vec<Reset>,
}

impl Manifest {
    /// The file's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADING}\n");
        if let Some(secret) = self.secret {
            text.push_str(&format!("secret {secret:016x}\n"));
        }
        for (memory, count) in &self.counts {
            text.push_str(&format!("{memory} {count}\n"));
        }
        for (dataset, terms) in &self.terms {
            text.push_str(&format!("terms {dataset} {terms}\n"));
        }
        for reset in &self.resets {
            text.push_str(&format!("{reset}\n"));
        }
        let sum = digest(text.as_bytes());
        text.push_str(&format!("sum {sum:032x}\n"));
        text
    }

    /// The manifest of a text; `None` if it isn't one, whole and unchanged.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut manifest = Self::default();
        let mut lines = text.lines();
        (lines.next()? == HEADING).then_some(())?;
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["secret", secret] => manifest.secret = u64::from_str_radix(secret, 16).ok(),
                ["reset", when, given_up @ ..] => {
                    let given_up = given_up_of(given_up)?;
                    manifest.resets.push(Reset { when: when.parse().ok()?, given_up });
                }
                ["terms", dataset, release, counts, unit] => {
                    let terms = Terms::read([release, counts, unit])?;
                    manifest.terms.insert(DatasetName::parse(dataset)?, terms);
                }
                [kind, dataset, count] => {
                    let memory = Memory::read(kind, dataset)?;
                    manifest.counts.insert(memory, count.parse().ok()?);
                }
                // The last line, which the comparison below looks at.
                ["sum", _] => {}
                _ => return None,
            }
        }
        // One spelling for one manifest: what doesn't print as it was read was changed.
        (manifest.to_text() == text).then_some(manifest)
    }
}

fn given_up_of(words: &[&str]) -> Option<GivenUp> {
    match words {
        ["manifest"] => Some(GivenUp::Manifest),
        ["everything"] => Some(GivenUp::Everything),
        [kind, dataset, count] => {
            Some(GivenUp::Memory(Memory::read(kind, dataset)?, count.parse().ok()?))
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::string_slice, reason = "tests may assume")]
mod tests {
    use super::*;

    fn memory(name: &str) -> Memory {
        Memory { kind: MemoryKind::Guard, dataset: DatasetName::parse(name).unwrap() }
    }

    fn full() -> Manifest {
        Manifest {
            secret: Some(0x0123_4567_89ab_cdef),
            counts: [(memory("a.b"), 120), (memory("a.c"), 0)].into(),
            terms: [
                (
                    DatasetName::parse("a.b").unwrap(),
                    Terms::read(["at-node", "rows", "07"]).unwrap(),
                ),
                (
                    DatasetName::parse("a.c").unwrap(),
                    Terms::read(["at-gateway", "units", "f1"]).unwrap(),
                ),
            ]
            .into(),
            resets: vec![
                Reset { when: 7, given_up: GivenUp::Memory(memory("a.b"), 80) },
                Reset { when: 8, given_up: GivenUp::Manifest },
                Reset { when: 9, given_up: GivenUp::Everything },
            ],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for manifest in [Manifest::default(), full()] {
            assert_eq!(Manifest::parse(&manifest.to_text()), Some(manifest));
        }
    }

    #[test]
    fn no_changed_character_and_no_cut_passes() {
        let text = full().to_text();
        for at in 0..text.len() {
            assert_eq!(Manifest::parse(&text[..at]), None, "cut at {at}");
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(Manifest::parse(&changed), None, "changed at {at}");
        }
        assert_eq!(Manifest::parse(&(text.clone() + "\n")), None);
        assert_eq!(Manifest::parse(&text.replace("state 1", "state 2")), None);
    }

    #[test]
    fn a_memory_and_its_file_find_each_other() {
        let memory = memory("health.visits");
        assert_eq!(memory.file_name(), "guard-health.visits.redb");
        assert_eq!(Memory::of_file_name(&memory.file_name()), Some(memory));
        for name in ["secret", "guard-.redb", "guard-a.b", "other-a.b.redb", "guard-a.b.redb.new"] {
            assert_eq!(Memory::of_file_name(name), None, "{name}");
        }
    }
}
