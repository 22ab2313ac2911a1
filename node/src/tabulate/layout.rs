//! What is asked of each row to make Evidence, and where a record has it.
//!
//! Parts of a Tabulation have much in common: a total and a mean of one column count the same rows, and all of them the
//! same units. So a row is looked at once for all parts. It becomes a record: some words of 64 bits ("lanes") beside
//! each other.
//!
//! | lane | where | when units' records are added up |
//! |---|---|---|
//! | the unit's word | always | stays |
//! | its record key | where the data owner has a column of them | the largest |
//! | a bit for each condition | where each row is a unit | |
//! | rows counted: all, and under each condition | where a unit may have many rows | added |
//! | amounts of rows that count, of 64 bits, then of 128 in two lanes | for totals | added |
//!
//! Records of rows that wait to be added up are as short as they can be: a row whose count would be all that stands behind
//! the word is a word alone, and of others counts and a narrow amount are packed into one lane ([`Packed`]).

use insitu_disclosure::evidence::Adds;
use insitu_disclosure::noise::Infusion;

/// Which rows of a cell a part counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Counted {
    /// All.
    Every,
    /// Those for which this condition holds.
    If(usize),
}

/// How wide an amount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Width {
    /// Within 32 bits: four thousand million of them add up in 64.
    Narrow,
    /// Anything: added up in 128.
    Wide,
}

/// Whom the difference guard takes for another unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sign {
    /// Somebody else: units are counted, whatever each has.
    Unit,
    /// Also the same with another contribution.
    Contribution,
}

/// What is found out of a cell: parts that ask for the same share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Finding {
    /// Which rows count.
    pub(super) counted: Counted,
    /// Which amount is added up, if one is.
    pub(super) amount: Option<usize>,
    /// What the difference sketch is of.
    pub(super) sign: Sign,
    /// How amounts are infused.
    pub(super) infusion: Infusion,
}

impl Finding {
    pub(super) const fn adds(self) -> Adds {
        match self.amount {
            None => Adds::Rows,
            Some(_) => Adds::Amounts,
        }
    }
}

/// The arguments of the aggregate, and what is found out from them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Layout {
    /// Whether a unit may have many rows, which are added up before its contribution is known.
    pub(super) many_rows: bool,
    /// Whether record keys come with the units.
    pub(super) record_keys: bool,
    /// Whether the difference sketch is wanted.
    pub(super) sketch: bool,
    /// How many conditions there are.
    pub(super) conditions: usize,
    /// The amounts.
    pub(super) amounts: Vec<Width>,
    /// What is found out, each once.
    pub(super) findings: Vec<Finding>,
}

/// Where a record has a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CountAt {
    /// Nowhere: it is always one row.
    One,
    /// These bits of a lane.
    Lane { lane: usize, shift: u32, mask: u64 },
}

/// Where a record has an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SumAt {
    /// Nowhere: nothing is added up.
    Nowhere,
    /// In this lane.
    Narrow(usize),
    /// In the lower 32 bits of this lane, with its sign.
    Packed(usize),
    /// In this lane and the next.
    Wide(usize),
}

/// Where a record has what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lanes {
    /// How many there are.
    pub(super) stride: usize,
    /// The lane of the record key.
    pub(super) record_key: Option<usize>,
    /// The count of all rows.
    pub(super) every: CountAt,
    /// The count of rows for which each condition holds.
    pub(super) conditions: Vec<CountAt>,
    /// The total of each finding.
    pub(super) sums: Vec<SumAt>,
    /// Lanes from here on are added up,
    pub(super) added: usize,
    /// and from here on in pairs.
    pub(super) added_wide: usize,
    /// How each lane behind the word is taken out of the one that records of rows have instead, if they do.
    pub(super) packed: Vec<Packed>,
}

/// Where a lane is within another: moved up by so many bits, then down with its sign, and these bits of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    up: u32,
    down: u32,
    mask: u64,
}

/// Bits of an amount in a lane that more is packed into.
const AMOUNT_BITS: u32 = 32;

impl Packed {
    pub(super) const AMOUNT: Self = Self { up: AMOUNT_BITS, down: AMOUNT_BITS, mask: u64::MAX };

    const fn bit(at: u32) -> Self {
        Self { up: 0, down: at, mask: 1 }
    }

    /// The lane, of the one it is packed in.
    #[inline]
    pub(super) const fn of(self, lane: u64) -> u64 {
        let moved = (lane << (self.up & 63)).cast_signed() >> (self.down & 63);
        moved.cast_unsigned() & self.mask
    }
}

/// The lane of the word.
pub(super) const WORD: usize = 0;
/// Lanes of a record whose others are packed into one.
const PACKED_STRIDE: usize = 2;

impl Lanes {
    pub(super) fn of(layout: &Layout) -> Self {
        let mut next = WORD.saturating_add(1);
        let mut take = |lanes: usize| {
            let first = next;
            next = next.saturating_add(lanes);
            first
        };
        let record_key = layout.record_keys.then(|| take(1));
        let added = take(0);
        let whole = |lane| CountAt::Lane { lane, shift: 0, mask: u64::MAX };
        let (every, conditions) = if layout.many_rows {
            let counts_every = layout.findings.iter().any(|f| f.counted == Counted::Every);
            let every = if counts_every { whole(take(1)) } else { CountAt::One };
            (every, (0..layout.conditions).map(|_| whole(take(1))).collect())
        } else {
            let first = take(layout.conditions.div_ceil(64));
            let bit = |i: usize| CountAt::Lane {
                lane: first.saturating_add(i / 64),
                shift: u32::try_from(i % 64).unwrap_or(0),
                mask: 1,
            };
            (CountAt::One, (0..layout.conditions).map(bit).collect())
        };
        let width = |f: &Finding| f.amount.and_then(|i| layout.amounts.get(i).copied());
        let mut sums = vec![SumAt::Nowhere; layout.findings.len()];
        for (at, finding) in sums.iter_mut().zip(&layout.findings) {
            if width(finding) == Some(Width::Narrow) {
                *at = SumAt::Narrow(take(1));
            }
        }
        let added_wide = take(0);
        for (at, finding) in sums.iter_mut().zip(&layout.findings) {
            if width(finding) == Some(Width::Wide) {
                *at = SumAt::Wide(take(2));
            }
        }
        let stride = take(0);
        let packed = Vec::new();
        let mut lanes =
            Self { stride, record_key, every, conditions, sums, added, added_wide, packed };
        if layout.many_rows {
            lanes.packed = lanes.packing();
        }
        lanes
    }

    /// How lanes are packed into one, if there are two or more behind the word, with one narrow amount and no wide one.
    fn packing(&self) -> Vec<Packed> {
        let amounts = self.sums.iter().filter(|at| **at != SumAt::Nowhere).count();
        let counts = self.conditions.len().saturating_add(1);
        let fits = counts <= AMOUNT_BITS as usize && amounts <= 1;
        if !self.is_plain() || !fits || self.stride <= PACKED_STRIDE {
            return Vec::new();
        }
        // Counts come before amounts.
        let behind = self.stride.saturating_sub(1);
        let counts = (AMOUNT_BITS..).take(behind.saturating_sub(amounts)).map(Packed::bit);
        counts.chain(std::iter::repeat_n(Packed::AMOUNT, amounts)).collect()
    }

    /// Where the count of a finding is.
    pub(super) fn count_of(&self, finding: Finding) -> CountAt {
        match finding.counted {
            Counted::Every => self.every,
            Counted::If(i) => self.conditions.get(i).copied().unwrap_or(CountAt::One),
        }
    }

    /// Of rows as they come. The same, but that nothing counts them where only all rows are counted: each is one.
    pub(super) fn of_rows(layout: &Layout) -> Self {
        let lanes = Self::of(layout);
        let counts_alone = matches!(lanes.every, CountAt::Lane { .. }) && lanes.stride == 2;
        if layout.many_rows && counts_alone {
            return Self { stride: 1, every: CountAt::One, added: 1, added_wide: 1, ..lanes };
        }
        if lanes.packed.is_empty() {
            return lanes;
        }
        let packed = WORD.saturating_add(1);
        let bit = |at: &CountAt| match *at {
            CountAt::One => CountAt::One,
            CountAt::Lane { lane, .. } => {
                let before = u32::try_from(lane.saturating_sub(packed)).unwrap_or(0);
                let shift = AMOUNT_BITS.saturating_add(before);
                CountAt::Lane { lane: packed, shift, mask: 1 }
            }
        };
        let sum = |at: &SumAt| match *at {
            SumAt::Narrow(_) => SumAt::Packed(packed),
            other @ (SumAt::Nowhere | SumAt::Packed(_) | SumAt::Wide(_)) => other,
        };
        Self {
            stride: PACKED_STRIDE,
            every: bit(&lanes.every),
            conditions: lanes.conditions.iter().map(bit).collect(),
            sums: lanes.sums.iter().map(sum).collect(),
            packed: Vec::new(),
            ..lanes
        }
    }

    /// Whether each lane behind the word is added up by itself.
    pub(super) const fn is_plain(&self) -> bool {
        self.record_key.is_none() && self.added_wide == self.stride
    }

    /// Adds what another record of the same unit has.
    #[inline]
    pub(super) fn add(&self, mine: &mut [u64], other: &[u64]) {
        if let Some(lane) = self.record_key
            && let (Some(mine), Some(other)) = (mine.get_mut(lane), other.get(lane))
        {
            // A unit has one key; should its rows differ, the largest is as good as any.
            *mine = (*mine).cast_signed().max((*other).cast_signed()).cast_unsigned();
        }
        let narrow = self.added..self.added_wide;
        if let (Some(mine), Some(other)) = (mine.get_mut(narrow.clone()), other.get(narrow)) {
            for (mine, other) in mine.iter_mut().zip(other) {
                // Whole numbers with a sign add up like those without.
                *mine = mine.wrapping_add(*other);
            }
        }
        let (Some(mine), Some(other)) =
            (mine.get_mut(self.added_wide..), other.get(self.added_wide..))
        else {
            return;
        };
        let ((mine, _), (other, _)) = (mine.as_chunks_mut::<2>(), other.as_chunks::<2>());
        for (mine, other) in mine.iter_mut().zip(other) {
            *mine = in_lanes(wide(*mine).wrapping_add(wide(*other)));
        }
    }
}

/// A number of 128 bits in two lanes, the low one first.
#[inline]
pub(super) const fn in_lanes(value: i128) -> [u64; 2] {
    let bits = value.cast_unsigned();
    [bits as u64, (bits >> 64) as u64]
}

/// The number in two lanes.
#[inline]
pub(super) const fn wide([low, high]: [u64; 2]) -> i128 {
    (((high as u128) << 64) | low as u128).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(many_rows: bool, conditions: usize, amounts: Vec<Width>) -> Layout {
        let counted = Counted::Every;
        let sums = (0..amounts.len()).map(|i| Finding {
            counted,
            amount: Some(i),
            sign: Sign::Contribution,
            infusion: Infusion::None,
        });
        let findings = sums
            .chain([Finding {
                counted,
                amount: None,
                sign: Sign::Contribution,
                infusion: Infusion::None,
            }])
            .collect();
        Layout { many_rows, record_keys: true, sketch: true, conditions, amounts, findings }
    }

    #[test]
    fn a_count_of_rows_that_are_units_is_the_word_and_nothing_else() {
        let mut plain = layout(false, 0, Vec::new());
        plain.record_keys = false;
        assert_eq!(Lanes::of(&plain).stride, 1);
        plain.many_rows = true;
        assert_eq!(Lanes::of(&plain).stride, 2);
    }

    #[test]
    fn conditions_share_a_lane_where_rows_are_units() {
        let lanes = Lanes::of(&layout(false, 70, vec![Width::Wide, Width::Narrow]));
        assert_eq!(lanes.conditions[69], CountAt::Lane { lane: 3, shift: 5, mask: 1 });
        assert_eq!(lanes.sums, [SumAt::Wide(5), SumAt::Narrow(4), SumAt::Nowhere]);
        assert_eq!(lanes.stride, 7);
    }

    #[test]
    fn counts_and_a_narrow_amount_of_a_row_are_one_lane() {
        let mut asked = layout(true, 2, vec![Width::Narrow]);
        asked.record_keys = false;
        let (lanes, of_rows) = (Lanes::of(&asked), Lanes::of_rows(&asked));
        assert_eq!((lanes.stride, of_rows.stride), (5, 2));
        let bit = |shift| CountAt::Lane { lane: 1, shift, mask: 1 };
        assert_eq!((of_rows.every, of_rows.conditions), (bit(32), vec![bit(33), bit(34)]));
        assert_eq!(of_rows.sums[0], SumAt::Packed(1));
        let amount = (-7_i64).cast_unsigned();
        let row = (1 << 32) | (1 << 34) | (amount & u64::from(u32::MAX));
        let taken: Vec<u64> = lanes.packed.iter().map(|packed| packed.of(row)).collect();
        assert_eq!(taken, [1, 0, 1, amount]);
        // Record keys, wide amounts and a second one don't fit.
        for amounts in [vec![Width::Wide], vec![Width::Narrow; 2]] {
            let other = Layout { amounts: amounts.clone(), ..layout(true, 2, amounts) };
            assert_eq!(Lanes::of_rows(&other), Lanes::of(&other));
        }
        assert!(Lanes::of(&layout(true, 2, vec![Width::Narrow])).packed.is_empty());
    }

    #[test]
    fn records_of_a_unit_are_added_up_with_their_signs() {
        let lanes = Lanes::of(&layout(true, 1, vec![Width::Narrow, Width::Wide]));
        let record = |key: i64, narrow: i64, sum: i128| {
            let [low, high] = in_lanes(sum);
            [9, key.cast_unsigned(), 1, 0, narrow.cast_unsigned(), low, high]
        };
        let mut mine = record(-4, -7, i128::from(u64::MAX));
        lanes.add(&mut mine, &record(3, 5, 1));
        let [low, high] = in_lanes(1 << 64);
        assert_eq!(mine, [9, 3, 2, 0, (-2_i64).cast_unsigned(), low, high]);
        lanes.add(&mut mine, &record(3, 0, -(1 << 64)));
        assert_eq!(mine[5..], [0, 0]);
    }
}
