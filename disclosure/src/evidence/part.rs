//! What is known of one part of a measure in one cell.

use std::borrow::Cow;

use super::lot::record_keys;
use super::pooled::Shares;
use super::sign_counts::SignCounts;
use super::sketch::Sketch;
use crate::distinct::DistinctSketch;
use crate::keyed::record_key;
use crate::noise::Infusion;

/// What is known of one part in one cell. It merges: any order and any split of the units give the
/// same, as long as a unit's rows are together where it is added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartEvidence {
    /// Distinct protected units that contribute: with a row for a count of rows, with a value for a
    /// count of values, with a total other than zero for a total. Units without an id aren't among them.
    pub units: i64,
    /// Sum of the contributing units' record keys.
    pub record_keys: i64,
    /// Rows counted: all for a count of rows, those with a value for the others.
    pub count: i64,
    /// Total of the values, in units of their last decimal place. 0 for counts.
    pub sum: i128,
    /// Sum of the units' contributions without their signs: rows for a count, the total for a total.
    pub absolute: u128,
    /// The two largest contributions without their signs.
    pub largest: [u128; 2],
    /// What units without an id come to together: they count as one.
    pub nameless: Nameless,
    /// The nodes' shares of what is drawn for the question, added up (wrapping).
    pub question: u64,
    /// Difference sketch of the contributing units, where released cells are remembered.
    pub sketch: Option<Box<Sketch>>,
    /// Sketch of the different values, where about how many there are is asked of open data.
    pub distinct: Option<Box<DistinctSketch>>,
    /// What each department contributes, once several departments' answers are put together. No node says it.
    pub shares: Shares,
}

/// What units without an id come to together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nameless {
    /// Rows that count.
    pub count: i64,
    /// What they add up to.
    pub sum: i128,
}

/// One unit's contribution to a part of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contribution {
    /// Rows of the unit that count.
    pub count: i64,
    /// What they add up to; 0 for counts.
    pub sum: i128,
}

impl Contribution {
    /// How much it is, without its sign; 0 if the unit doesn't contribute.
    const fn size(self, adds: Adds) -> u128 {
        match adds {
            Adds::Rows => size_of_rows(self.count),
            Adds::Amounts => self.sum.unsigned_abs(),
        }
    }
}

/// Whether a part counts or adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adds {
    /// It counts rows, or units.
    Rows,
    /// It adds up amounts.
    Amounts,
}

/// A unit as it contributes: who it is under secret keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitWord {
    /// 64 secret bits of the unit.
    pub word: u64,
    /// Its record key, where the data owner declared a column for it.
    pub record_key: Option<i64>,
}

impl PartEvidence {
    /// Adds a unit with everything it contributes to the cell. Of amounts nothing is kept but what infusion makes of them.
    #[inline]
    pub fn add(
        &mut self,
        unit: UnitWord,
        contribution: Contribution,
        adds: Adds,
        infusion: Infusion,
    ) {
        let Contribution { count, sum } = contribution;
        let infused = Contribution { count, sum: infusion.amount(unit.word, count, sum) };
        let size = self.add_unsigned(infused, adds);
        if contribution.size(adds) == 0 {
            return;
        }
        // Who has little may have nothing once infused, and contributes all the same.
        let size = size.max(1);
        self.units = self.units.saturating_add(1);
        let key = unit.record_key.unwrap_or_else(|| i64::from(record_key(unit.word)));
        self.record_keys = self.record_keys.saturating_add(key);
        self.absolute = self.absolute.saturating_add(size);
        // Nearly always it is neither.
        let [_, second] = self.largest;
        if second < size {
            self.largest = two_largest(self.largest, [size, 0]);
        }
    }

    /// Adds units of which each has one row, where the part counts rows: what [`PartEvidence::add`] does for each, in
    /// less time.
    #[inline]
    pub fn add_rows(&mut self, words: &[u64]) {
        let rows = i64::try_from(words.len()).unwrap_or(i64::MAX);
        let keys = record_keys(words);
        self.units = self.units.saturating_add(rows);
        // A key has 12 bits: the sum of as many as memory holds is far from 64.
        self.record_keys = self.record_keys.saturating_add(keys.cast_signed());
        self.count = self.count.saturating_add(rows);
        self.absolute = self.absolute.saturating_add(u128::from(rows.unsigned_abs()));
        self.largest =
            two_largest(self.largest, [rows.min(1), i64::from(2 <= rows)].map(size_of_rows));
    }

    /// Adds units with everything each contributes: what [`PartEvidence::add`] does for each, in less time. Those that
    /// contribute are told to `contributing`.
    #[inline]
    pub fn add_all(
        &mut self,
        units: impl Iterator<Item = (UnitWord, Contribution)>,
        adds: Adds,
        infusion: Infusion,
        mut contributing: impl FnMut(u64, Contribution),
    ) {
        // By itself first: what is local stays in registers.
        let mut all = Self { largest: self.largest, ..Self::default() };
        for (unit, contribution) in units {
            let before = all.units;
            all.add(unit, contribution, adds, infusion);
            if before < all.units {
                contributing(unit.word, contribution);
            }
        }
        self.units = self.units.saturating_add(all.units);
        self.record_keys = self.record_keys.saturating_add(all.record_keys);
        self.count = self.count.saturating_add(all.count);
        self.sum = self.sum.saturating_add(all.sum);
        self.absolute = self.absolute.saturating_add(all.absolute);
        self.largest = all.largest;
    }

    /// Adds rows without a unit's id.
    pub fn add_nameless(&mut self, contribution: Contribution) {
        self.nameless.count = self.nameless.count.saturating_add(contribution.count);
        self.nameless.sum = self.nameless.sum.saturating_add(contribution.sum);
    }

    fn add_unsigned(&mut self, contribution: Contribution, adds: Adds) -> u128 {
        self.count = self.count.saturating_add(contribution.count);
        self.sum = self.sum.saturating_add(contribution.sum);
        contribution.size(adds)
    }

    /// About how many different values there are; 0 where no sketch was asked for.
    #[must_use]
    pub fn distinct_values(&self) -> i64 {
        let estimate = self.distinct.as_ref().map_or(0, |sketch| sketch.estimate());
        i64::try_from(estimate).unwrap_or(i64::MAX)
    }

    /// Takes over what another part of the rows gave.
    pub fn merge(&mut self, other: &Self) {
        self.units = self.units.saturating_add(other.units);
        self.record_keys = self.record_keys.saturating_add(other.record_keys);
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        self.absolute = self.absolute.saturating_add(other.absolute);
        self.largest = two_largest(self.largest, other.largest);
        self.nameless.count = self.nameless.count.saturating_add(other.nameless.count);
        self.nameless.sum = self.nameless.sum.saturating_add(other.nameless.sum);
        self.question = self.question.wrapping_add(other.question);
        self.shares.merge(&other.shares);
        if let Some(theirs) = &other.sketch {
            match &mut self.sketch {
                Some(mine) => mine.add(theirs),
                None => self.sketch = Some(theirs.clone()),
            }
        }
        if let Some(theirs) = &other.distinct {
            self.distinct.get_or_insert_default().merge(theirs);
        }
    }

    /// With those without an id as one more unit. Done last, when all rows are together. Mostly there are none, and
    /// nothing is copied.
    #[must_use]
    pub fn settled(&self, adds: Adds) -> Cow<'_, Self> {
        if self.nameless == Nameless::default() {
            return Cow::Borrowed(self);
        }
        let mut settled = self.clone();
        // No sketch is the sketch of nobody.
        let Nameless { count, sum } = std::mem::take(&mut settled.nameless);
        let together = Contribution { count, sum };
        let size = settled.add_unsigned(together, adds);
        if 0 < size {
            settled.units = settled.units.saturating_add(1);
            settled.absolute = settled.absolute.saturating_add(size);
            settled.largest = two_largest(settled.largest, [size, 0]);
            let mut one = SignCounts::new();
            one.add(NAMELESS_SIGNS);
            settled.sketch.get_or_insert_with(|| Box::new(Sketch::ZERO)).add(&one.to_sketch());
        }
        Cow::Owned(settled)
    }
}

/// The signs of those without an id in a sketch. Their word isn't secret, so it isn't worth one.
const NAMELESS_SIGNS: u64 = 0x9E37_79B9_7F4A_7C15;

const fn size_of_rows(rows: i64) -> u128 {
    rows.unsigned_abs() as u128
}

fn two_largest(mine: [u128; 2], theirs: [u128; 2]) -> [u128; 2] {
    let [a, b] = mine;
    let [c, d] = theirs;
    if c <= a { [a, b.max(c)] } else { [c, d.max(a)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(word: u64) -> UnitWord {
        UnitWord { word, record_key: None }
    }

    #[test]
    fn who_adds_nothing_does_not_contribute() {
        let mut total = PartEvidence::default();
        total.add(unit(1), Contribution { count: 3, sum: 0 }, Adds::Amounts, Infusion::None);
        total.add(unit(2), Contribution { count: 1, sum: -7 }, Adds::Amounts, Infusion::None);
        assert_eq!((total.units, total.count, total.sum), (1, 4, -7));
        assert_eq!((total.absolute, total.largest), (7, [7, 0]));
    }

    #[test]
    fn rows_together_are_what_rows_one_by_one_are() {
        for (before, rows) in [(0, 0), (0, 1), (0, 2), (1, 1), (0, 1_000), (3, 77)] {
            let one_row = Contribution { count: 1, sum: 0 };
            let mut one_by_one = PartEvidence::default();
            one_by_one.add(
                unit(5),
                Contribution { count: before, sum: 0 },
                Adds::Rows,
                Infusion::None,
            );
            let mut together = one_by_one.clone();
            let words: Vec<u64> = (0..rows).map(crate::keyed::mix).collect();
            words
                .iter()
                .for_each(|word| one_by_one.add(unit(*word), one_row, Adds::Rows, Infusion::None));
            together.add_rows(&words);
            assert_eq!(together, one_by_one);
        }
    }

    #[test]
    fn units_together_are_what_units_one_by_one_are() {
        let sizes = [5_i128, -3, 0, 12, i128::from(i64::MIN), 7];
        for adds in [Adds::Rows, Adds::Amounts] {
            let units = sizes.iter().zip(1_i64..).map(|(sum, n)| {
                let count = if n == 4 { 0 } else { n };
                (unit(n.cast_unsigned()), Contribution { count, sum: *sum })
            });
            let mut one_by_one = PartEvidence::default();
            one_by_one.add(unit(9), Contribution { count: 6, sum: -6 }, adds, Infusion::None);
            let (mut together, mut contributing) = (one_by_one.clone(), Vec::new());
            units
                .clone()
                .for_each(|(unit, found)| one_by_one.add(unit, found, adds, Infusion::None));
            together.add_all(units, adds, Infusion::None, |word, _| contributing.push(word));
            assert_eq!(together, one_by_one);
            let expected: &[u64] =
                if adds == Adds::Rows { &[1, 2, 3, 5, 6] } else { &[1, 2, 4, 5, 6] };
            assert_eq!(contributing, expected);
        }
    }

    #[test]
    fn those_without_an_id_count_as_one_however_split() {
        let rows = |n: i64| {
            let mut part = PartEvidence::default();
            for _ in 0..n {
                part.add_nameless(Contribution { count: 1, sum: 0 });
            }
            part
        };
        let mut split = rows(2);
        split.merge(&rows(3));
        assert_eq!(split.settled(Adds::Rows), rows(5).settled(Adds::Rows));
        assert_eq!(split.settled(Adds::Rows).units, 1);
    }

    #[test]
    fn merging_gives_the_same_in_any_order_and_split() {
        let sizes = [5_i128, -3, 12, 0, 7, 7, -12, 1];
        let whole = |range: std::ops::Range<usize>| {
            let mut part = PartEvidence::default();
            for i in range {
                let contribution = Contribution { count: 1, sum: sizes[i] };
                part.add(
                    unit(u64::try_from(i).unwrap()),
                    contribution,
                    Adds::Amounts,
                    Infusion::None,
                );
            }
            part
        };
        let all = whole(0..8);
        for cut in 0..=8 {
            let (mut a, mut b) = (whole(0..cut), whole(cut..8));
            let first = b.clone();
            b.merge(&a);
            a.merge(&first);
            assert_eq!(a, all);
            assert_eq!(b, all);
        }
        assert_eq!(all.largest, [12, 12]);
    }
}
