//! One kept cell, and its bytes on disk.
//!
//! Every judged cell is kept, snapped ones too, so that a repeated question gets the value it got
//! before. Without that, a snapped question asked again after a closer release would show another
//! value, and the change would tell which of the two it is closer to.
//!
//! ```text
//! key      scope 16 B, coordinate 16 B, big end first
//! anchor   'A', order 8 B, n 8 B, residues 64 B, value 0..26 B       numbers little end first
//! small    'S', order 8 B, n 8 B, residues 256 B, value 0..26 B      an anchor of at most 48 units
//!          'a', 's': the same with marks 32 B before the value      where the units are known
//! echo     'E', order 8 B, value 0..26 B                             a snapped cell of the same units, as far as is known
//! near     'N', order 8 B, left 4 B, n, residues, value           a snapped cell of others; 'M', 'n', 'm' as above
//! ```

use crate::evidence::{FURTHER_UNITS_MAX, Marks};

use super::anchor::{Anchor, Released};
use super::decide::{AnchorName, Standing};
use super::residues::{FurtherResidues, Residues};

const ANCHOR: u8 = b'A';
const SMALL: u8 = b'S';
const MARKED_ANCHOR: u8 = b'a';
const MARKED_SMALL: u8 = b's';
const ECHO: u8 = b'E';
const NEAR: u8 = b'N';
const NEAR_SMALL: u8 = b'M';
const MARKED_NEAR: u8 = b'n';
const MARKED_NEAR_SMALL: u8 = b'm';

/// Key of a record: scope and coordinate.
pub type RecordKey = (u128, u128);

/// What is kept of a judged cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Place in the order of judgement, from 0, shared by anchors and echoes.
    pub order: u64,
    /// The value shown.
    pub released: Released,
    /// What it is compared by; nothing for a cell that is the same as another.
    pub sketch: Option<Kept>,
}

/// What is kept of an anchor's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// How many there are.
    pub n: u64,
    /// Of their sketch.
    pub residues: Residues,
    /// Of a few of them, where they are known.
    pub marks: Option<Marks>,
    /// Of a snapped cell, how much further what repeats the same may be, in 256ths of a unit.
    pub left: Option<u32>,
}

impl Record {
    /// Encodes the record.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(352);
        bytes.push(match &self.sketch {
            Some(Kept { residues, marks, left, .. }) => {
                match (residues.further.is_some(), marks.is_some(), left.is_some()) {
                    (true, false, false) => SMALL,
                    (false, false, false) => ANCHOR,
                    (true, true, false) => MARKED_SMALL,
                    (false, true, false) => MARKED_ANCHOR,
                    (true, false, true) => NEAR_SMALL,
                    (false, false, true) => NEAR,
                    (true, true, true) => MARKED_NEAR_SMALL,
                    (false, true, true) => MARKED_NEAR,
                }
            }
            None => ECHO,
        });
        bytes.extend(self.order.to_le_bytes());
        if let Some(Kept { n, residues, marks, left }) = &self.sketch {
            bytes.extend(left.iter().flat_map(|left| left.to_le_bytes()));
            bytes.extend(n.to_le_bytes());
            let further = residues.further.iter().flatten();
            let all = residues.first.iter().chain(&residues.second).chain(further);
            bytes.extend(all.map(|residue| residue.cast_unsigned()));
            bytes.extend(marks.iter().flat_map(|marks| marks.to_bytes()));
        }
        bytes.extend(self.released.bytes());
        bytes
    }

    /// Decodes a record, or nothing when the bytes are not one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (order, rest) = rest.split_first_chunk::<8>()?;
        let order = u64::from_le_bytes(*order);
        let (sketch, rest) = match *kind {
            ANCHOR | SMALL | MARKED_ANCHOR | MARKED_SMALL | NEAR | NEAR_SMALL | MARKED_NEAR
            | MARKED_NEAR_SMALL => {
                let near = matches!(*kind, NEAR | NEAR_SMALL | MARKED_NEAR | MARKED_NEAR_SMALL);
                let (left, rest) = left_of(near, rest)?;
                let (n, rest) = rest.split_first_chunk::<8>()?;
                let n = u64::from_le_bytes(*n);
                let small = matches!(*kind, SMALL | MARKED_SMALL | NEAR_SMALL | MARKED_NEAR_SMALL);
                // The two kinds and the count say the same.
                if (n <= FURTHER_UNITS_MAX) != small {
                    return None;
                }
                let (first, rest) = rest.split_first_chunk::<32>()?;
                let (second, rest) = rest.split_first_chunk::<32>()?;
                let (further, rest) = further_of(small, rest)?;
                let marked =
                    matches!(*kind, MARKED_ANCHOR | MARKED_SMALL | MARKED_NEAR | MARKED_NEAR_SMALL);
                let (marks, rest) = marks_of(marked, rest)?;
                let signed = |half: &[u8; 32]| half.map(u8::cast_signed);
                let residues = Residues { first: signed(first), second: signed(second), further };
                (Some(Kept { n, residues, marks, left }), rest)
            }
            ECHO => (None, rest),
            _ => return None,
        };
        let released = Released::new(rest).ok()?;
        Some(Self { order, released, sketch })
    }

    /// The anchor this record is of, if it is of one.
    #[must_use]
    pub fn anchor(&self, (scope, coordinate): RecordKey) -> Option<Anchor> {
        let Kept { n, residues, marks, left } = self.sketch?;
        let (order, released) = (self.order, self.released.clone());
        Some(Anchor { scope, coordinate, n, residues, marks, left, order, released })
    }
}

/// What is left around a snapped cell, and what follows.
fn left_of(near: bool, rest: &[u8]) -> Option<(Option<u32>, &[u8])> {
    if !near {
        return Some((None, rest));
    }
    let (left, rest) = rest.split_first_chunk()?;
    Some((Some(u32::from_le_bytes(*left)), rest))
}

/// The further residues, of a small anchor, and what follows.
fn further_of(small: bool, rest: &[u8]) -> Option<(Option<FurtherResidues>, &[u8])> {
    if !small {
        return Some((None, rest));
    }
    let (further, rest) = rest.split_first_chunk::<192>()?;
    Some((Some(further.map(u8::cast_signed)), rest))
}

/// The marks, where there are any, and what follows.
fn marks_of(marked: bool, rest: &[u8]) -> Option<(Option<Marks>, &[u8])> {
    if !marked {
        return Some((None, rest));
    }
    let (marks, rest) = rest.split_first_chunk()?;
    Some((Some(Marks::from_bytes(marks)?), rest))
}

impl Anchor {
    /// The anchor's name.
    #[must_use]
    pub const fn name(&self) -> AnchorName {
        let standing = match self.left {
            Some(left) => Standing::Echo { left },
            None => Standing::of(&self.released),
        };
        AnchorName { coordinate: self.coordinate, order: self.order, standing }
    }
}

/// The key's bytes, which sort as the key does.
#[must_use]
pub fn key_bytes((scope, coordinate): RecordKey) -> [u8; 32] {
    let mut bytes = [0; 32];
    let (halves, _) = bytes.as_chunks_mut::<16>();
    for (half, number) in halves.iter_mut().zip([scope, coordinate]) {
        *half = number.to_be_bytes();
    }
    bytes
}

/// The key that [`key_bytes`] wrote.
#[must_use]
pub fn key_of(bytes: &[u8; 32]) -> RecordKey {
    let half = |at: usize| {
        bytes.iter().skip(at).take(16).fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte))
    };
    (half(0), half(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sketch: Option<Kept>, length: usize) -> Record {
        Record { order: 7, released: Released::new(vec![9; length]).unwrap(), sketch }
    }

    const fn kept(n: u64, residues: Residues, marks: Option<Marks>) -> Kept {
        Kept { n, residues, marks, left: None }
    }

    #[test]
    fn a_record_survives_its_encoding() {
        let (first, second) = (std::array::from_fn(|i| i as i8 - 100), [7; 32]);
        let large = Residues { first, second, further: None };
        let further = Some(std::array::from_fn(|i| (i % 49) as i8 - 24));
        let small = Residues { first, second, further };
        let mut marks = Marks::NONE;
        (0..20).for_each(|word| marks.add(word));
        for length in [0, 1, 18, 26] {
            for marks in [None, Some(Marks::NONE), Some(marks)] {
                for (n, residues) in [(12, small), (48, small), (49, large)] {
                    for left in [None, Some(0), Some(4_000)] {
                        let kept = Kept { left, ..kept(n, residues, marks) };
                        let record = record(Some(kept), length);
                        assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
                    }
                }
            }
            let echo = record(None, length);
            assert_eq!(Record::from_bytes(&echo.to_bytes()), Some(echo));
        }
    }

    #[test]
    fn bytes_that_are_no_record_are_told_apart_from_one() {
        let large = Residues { first: [1; 32], second: [2; 32], further: None };
        let small = Residues { further: Some([3; 192]), ..large };
        let good = record(Some(kept(70, large, None)), 0).to_bytes();
        assert_eq!(Record::from_bytes(&good[..80]), None, "cut short");
        let cut = record(Some(kept(12, small, None)), 0).to_bytes();
        assert_eq!(Record::from_bytes(&cut[..272]), None, "cut short");
        let wrong = record(Some(kept(12, large, None)), 0).to_bytes();
        assert_eq!(Record::from_bytes(&wrong), None, "a small cell without further counters");
        let wrong = record(Some(kept(70, small, None)), 0).to_bytes();
        assert_eq!(Record::from_bytes(&wrong), None, "a large cell with further counters");
        let long = [good.as_slice(), &[0; 27]].concat();
        assert_eq!(Record::from_bytes(&long), None, "too long a value");
        assert_eq!(Record::from_bytes(b"X12345678"), None, "unknown kind");
        assert_eq!(Record::from_bytes(b""), None);
    }

    #[test]
    fn keys_survive_their_encoding_and_sort_by_scope_first() {
        let (low, high) = ((1, u128::MAX), (2, 0));
        assert!(key_bytes(low) < key_bytes(high));
        assert_eq!(key_of(&key_bytes(low)), low);
    }
}
