//! What the guard is told of a cell, and what it keeps of one that was released.

use crate::evidence::{Marks, Sketch};

use super::decide::share;
use super::error::GuardError;
use super::record::RecordKey;
use super::residues::Residues;

/// Most bytes of a released value.
pub const RELEASED_BYTES: usize = 26;

/// A value as it was shown, encoded by the caller. The guard gives it back and never reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    length: u8,
    /// Zeros behind the value.
    bytes: [u8; RELEASED_BYTES],
}

impl Released {
    /// Takes an encoded value.
    ///
    /// # Errors
    /// [`GuardError::ValueTooLong`] over 26 bytes: the bound is what makes the disk bounded.
    pub fn new(value: impl AsRef<[u8]>) -> Result<Self, GuardError> {
        let value = value.as_ref();
        let mut bytes = [0; RELEASED_BYTES];
        match (bytes.get_mut(..value.len()), u8::try_from(value.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(value);
                Ok(Self { length, bytes })
            }
            (_, _) => Err(GuardError::ValueTooLong { length: value.len(), limit: RELEASED_BYTES }),
        }
    }

    /// Nothing: the cell was suppressed, and might have been shown.
    #[must_use]
    pub const fn withheld() -> Self {
        Self { length: 0, bytes: [0; RELEASED_BYTES] }
    }

    /// Whether nothing was shown.
    #[must_use]
    pub const fn is_withheld(&self) -> bool {
        self.length == 0
    }

    /// The encoded value.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// A cell about to be released, after threshold and noise; or to be suppressed, although it might be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardedCell<'a> {
    scope: u128,
    coordinate: u128,
    sketch: SketchOf<'a>,
    released: Released,
    least: u64,
}

/// A sketch, as a rule somebody else's: a table has as many as cells.
#[derive(Clone, Debug)]
pub enum SketchOf<'a> {
    /// Of Evidence.
    Borrowed(&'a Sketch),
    /// By itself.
    Owned(Box<Sketch>),
}

impl SketchOf<'_> {
    /// The sketch.
    #[must_use]
    pub const fn get(&self) -> &Sketch {
        match self {
            Self::Borrowed(sketch) => sketch,
            Self::Owned(sketch) => sketch,
        }
    }
}

impl PartialEq for SketchOf<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for SketchOf<'_> {}

impl<'a> From<&'a Sketch> for SketchOf<'a> {
    fn from(sketch: &'a Sketch) -> Self {
        Self::Borrowed(sketch)
    }
}

impl From<Sketch> for SketchOf<'_> {
    fn from(sketch: Sketch) -> Self {
        Self::Owned(Box::new(sketch))
    }
}

impl<'a> GuardedCell<'a> {
    /// A cell to be judged.
    ///
    /// - `scope`: digest of dataset and measure. Only cells of one scope are compared, so two
    ///   spellings of one measure must give one digest: `sum(cost)` and `sum(cost * 1)` in two
    ///   scopes are two unguarded answers.
    /// - `coordinate`: keyed digest of the canonical question with its snapshot and node set.
    /// - `n`: distinct units, counted without the sketch; the same that were added to `sketch`.
    /// - `released`: the value that will be shown if the cell is fresh.
    ///
    /// # Errors
    /// [`GuardError::SketchNotOfCount`] when the sketch is of another number of units than `n`:
    /// the evidence was put together wrongly.
    pub fn new(
        scope: u128,
        coordinate: u128,
        n: u64,
        sketch: impl Into<SketchOf<'a>>,
        released: Released,
    ) -> Result<Self, GuardError> {
        let sketch = sketch.into();
        match sketch.get().n() {
            of if of == n => Ok(Self { scope, coordinate, sketch, released, least: 0 }),
            of => Err(GuardError::SketchNotOfCount { n, of }),
        }
    }

    /// The same where so many units are shown at the least.
    #[must_use]
    pub fn shown_from(self, least: u64) -> Self {
        Self { least, ..self }
    }

    /// How many units are shown at the least.
    #[must_use]
    pub const fn least(&self) -> u64 {
        self.least
    }

    /// Whether it is compared with others: not if it is suppressed and has so few units that nothing could be repeated for it.
    #[must_use]
    pub fn is_compared(&self) -> bool {
        !self.released.is_withheld() || 0 < share(self.n(), self.least)
    }

    /// Digest of dataset and measure.
    #[must_use]
    pub const fn scope(&self) -> u128 {
        self.scope
    }

    /// Digest of the canonical question.
    #[must_use]
    pub const fn coordinate(&self) -> u128 {
        self.coordinate
    }

    /// What it is kept under.
    #[must_use]
    pub const fn key(&self) -> RecordKey {
        (self.scope, self.coordinate)
    }

    /// Distinct units.
    #[must_use]
    pub const fn n(&self) -> u64 {
        self.sketch().n()
    }

    /// The sketch of the units.
    #[must_use]
    pub const fn sketch(&self) -> &Sketch {
        self.sketch.get()
    }

    /// The value to be shown.
    #[must_use]
    pub const fn released(&self) -> &Released {
        &self.released
    }
}

/// A cell as kept for comparison with later ones.
///
/// A snapped cell is one, too, within what is left around it. If it were one like any other, a chain of
/// cells each 12 units from the last would carry the first value to sets that share nobody with the first, and the published
/// error of the answer would have no bound. If it were none, the same cell without one person, near to it and not to what
/// it repeats, would show its own value, and that person would be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Digest of dataset and measure.
    pub scope: u128,
    /// Digest of the canonical question.
    pub coordinate: u128,
    /// Distinct units.
    pub n: u64,
    /// What is kept of the sketch.
    pub residues: Residues,
    /// The marks of a few of the units, where they are known.
    pub marks: Option<Marks>,
    /// Of a snapped cell, how much further what repeats the same may be, in 256ths of a unit.
    pub left: Option<u32>,
    /// Place in the order of release, from 0.
    pub order: u64,
    /// The value shown.
    pub released: Released,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::SignCounts;

    fn sketch(n: u64, first: u64) -> Sketch {
        let mut counts = SignCounts::new();
        (first..first.saturating_add(n)).for_each(|unit| {
            // Any spreading of the bits will do.
            counts.add(unit.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(unit));
        });
        counts.to_sketch()
    }

    #[test]
    fn a_sketch_of_another_number_of_units_is_not_taken() {
        let cell = |n| GuardedCell::new(1, 2, n, sketch(10, 1), Released::new(*b"10").unwrap());
        assert_eq!(cell(10).unwrap().n(), 10);
        assert_eq!(cell(12), Err(GuardError::SketchNotOfCount { n: 12, of: 10 }));
        assert_eq!(cell(0), Err(GuardError::SketchNotOfCount { n: 0, of: 10 }));
    }

    #[test]
    fn a_released_value_has_at_most_26_bytes() {
        assert!(Released::new([0; 26]).is_ok());
        let refused = Released::new([0; 27]);
        assert_eq!(refused, Err(GuardError::ValueTooLong { length: 27, limit: 26 }));
    }
}
