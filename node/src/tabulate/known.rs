//! What is known of one finding of one cell.

use insitu_disclosure::evidence::{
    Adds, Contribution, Lot, PartEvidence, Places, SignCounts, Takes, UnitWord, sign_of_amount,
    sign_of_rows,
};
use insitu_disclosure::noise::Infusion;

use super::batch::NO_RECORD_KEY;
use super::layout::{CountAt, Lanes, Layout, Packed, Sign, SumAt, WORD, wide};
use super::state;

/// What is known of one finding of one cell so far.
#[derive(Clone, Default)]
pub(super) struct Known {
    evidence: PartEvidence,
    /// Signs of units added one by one; they join the sketch at the end.
    signs: SignCounts,
}

/// Room that is used again.
#[derive(Default)]
pub(super) struct Reused {
    lot: Lot,
    signs: Vec<u64>,
}

/// How a finding reads records.
pub(super) struct Reading {
    stride: usize,
    record_key: Option<usize>,
    count_at: CountAt,
    sum_at: SumAt,
    adds: Adds,
    sign: Sign,
    infusion: Infusion,
    /// Whether each record that counts is a unit of one row, whose key follows from its word.
    rows_are_units: bool,
    sketch: bool,
}

impl Reading {
    /// One for each finding.
    pub(super) fn of(layout: &Layout, lanes: &Lanes) -> Vec<Self> {
        let findings = layout.findings.iter().zip(&lanes.sums);
        let reading = findings.map(|(finding, sum_at)| Self {
            stride: lanes.stride.max(1),
            record_key: lanes.record_key,
            count_at: lanes.count_of(*finding),
            sum_at: *sum_at,
            adds: finding.adds(),
            sign: finding.sign,
            infusion: finding.infusion,
            rows_are_units: !layout.many_rows && !layout.record_keys,
            sketch: layout.sketch,
        });
        reading.collect()
    }
}

impl Known {
    /// Adds units by their records.
    pub(super) fn add(&mut self, records: &[u64], reading: &Reading, room: &mut Reused) {
        let Reading { stride, count_at, sum_at, rows_are_units, .. } = *reading;
        // Each closure is compiled for itself, so that a count asks nothing about amounts.
        match (count_at, sum_at) {
            (CountAt::One, SumAt::Nowhere) if rows_are_units && stride == 1 => {
                self.evidence.add_rows(records);
                if reading.sketch {
                    self.signs.add_all(records);
                }
                return;
            }
            (_, SumAt::Nowhere) if rows_are_units => {
                let counted = records.chunks_exact(stride).filter(|r| count(r, count_at) != 0);
                let signs = &mut room.signs;
                signs.clear();
                signs.extend(counted.map(|record| lane(record, WORD)));
                self.evidence.add_rows(signs);
            }
            (_, SumAt::Nowhere) if reading.record_key.is_none() => {
                let takes = match reading.sign {
                    Sign::Contribution => Takes::Rows,
                    Sign::Unit => Takes::Units,
                };
                self.add_lots(records, stride, takes, room, |r| (count(r, count_at), 0));
            }
            (_, SumAt::Narrow(at)) if reading.record_key.is_none() => {
                let takes = Takes::Amounts(reading.infusion);
                self.add_lots(records, stride, takes, room, |record| {
                    (count(record, count_at), lane(record, at).cast_signed())
                });
            }
            (_, SumAt::Nowhere) => {
                self.add_each(records, reading, &mut room.signs, |r| (count(r, count_at), 0))
            }
            (_, SumAt::Narrow(_) | SumAt::Packed(_) | SumAt::Wide(_)) => {
                self.add_each(records, reading, &mut room.signs, |r| {
                    (count(r, count_at), sum(r, sum_at))
                });
            }
        }
        if reading.sketch {
            self.signs.add_all(&room.signs);
        }
    }

    /// `found` says how many rows of each record count, and what they add up to.
    #[inline]
    fn add_each(
        &mut self,
        records: &[u64],
        reading: &Reading,
        signs: &mut Vec<u64>,
        found: impl Fn(&[u64]) -> (i64, i128),
    ) {
        let Reading { adds, sign, infusion, .. } = *reading;
        signs.clear();
        let units = records.chunks_exact(reading.stride).map(|record| {
            let (count, sum) = found(record);
            let record_key = reading.record_key.map(|at| match lane(record, at).cast_signed() {
                NO_RECORD_KEY => 0,
                key => key,
            });
            (UnitWord { word: lane(record, WORD), record_key }, Contribution { count, sum })
        });
        self.evidence.add_all(units, adds, infusion, |word, contribution| {
            signs.push(match sign {
                Sign::Unit => word,
                Sign::Contribution => as_contributed(word, contribution, adds),
            });
        });
    }

    /// The same where all of it has 64 bits and the record key follows from the word: nearly always, and in a fraction of
    /// the time.
    #[inline]
    fn add_lots(
        &mut self,
        records: &[u64],
        stride: usize,
        takes: Takes,
        room: &mut Reused,
        found: impl Fn(&[u64]) -> (i64, i64),
    ) {
        let Reused { lot, signs } = room;
        let units = records.len().checked_div(stride).unwrap_or(0);
        signs.clear();
        signs.reserve(units);
        let put = |first: usize, places: Places<'_>| match stride {
            2 => put::<2>(records, first, places, &found),
            3 => put::<3>(records, first, places, &found),
            4 => put::<4>(records, first, places, &found),
            _ => {
                let records = records.get(first.saturating_mul(stride)..).unwrap_or_default();
                let places = places.words.iter_mut().zip(places.counts).zip(places.sums);
                for (record, ((word, count), sum)) in records.chunks_exact(stride).zip(places) {
                    *word = lane(record, WORD);
                    (*count, *sum) = found(record);
                }
            }
        };
        self.evidence.add_lots(units, put, takes, lot, signs);
    }

    /// Adds a record of rows without a unit's id.
    pub(super) fn add_nameless(&mut self, record: &[u64], reading: &Reading) {
        let count = count(record, reading.count_at);
        let sum = if count == 0 { 0 } else { sum(record, reading.sum_at) };
        self.evidence.add_nameless(Contribution { count, sum });
    }

    /// Whether anything is known.
    pub(super) fn is_nothing(&self) -> bool {
        self.evidence == PartEvidence::default()
    }

    /// Puts the bytes of what is known behind the others.
    pub(super) fn write(&self, sketch: bool, bytes: &mut Vec<u8>) {
        let of_units = sketch.then(|| match (self.evidence.sketch.as_deref(), self.signs.n()) {
            (None, _) => self.signs.to_sketch(),
            (Some(elsewhere), 0) => *elsewhere,
            (Some(elsewhere), _) => {
                let mut of_units = *elsewhere;
                of_units.add(&self.signs.to_sketch());
                of_units
            }
        });
        let elsewhere = self.evidence.sketch.as_deref();
        state::encode(&self.evidence, of_units.as_ref().or(elsewhere), bytes);
    }

    /// Takes in what was found out of other units.
    pub(super) fn join(&mut self, other: Self) {
        if self.is_nothing() && self.signs.n() == 0 {
            *self = other;
            return;
        }
        self.evidence.merge(&other.evidence);
        self.signs.merge(&other.signs);
    }

    /// Takes in what was written elsewhere; `None` if the bytes aren't that.
    pub(super) fn merge(&mut self, bytes: &[u8]) -> Option<()> {
        self.evidence.merge(&state::decode_one(bytes)?);
        Some(())
    }
}

/// The unit's word together with how much it contributes: the same people with other amounts aren't the same.
#[inline]
const fn as_contributed(word: u64, contribution: Contribution, adds: Adds) -> u64 {
    match adds {
        Adds::Rows => sign_of_rows(word, contribution.count),
        Adds::Amounts => sign_of_amount(word, contribution.sum),
    }
}

/// Puts the units of records into their places, from the one with this number on. Of a length that is known when this is compiled
/// a compiler makes work on several at a time.
#[inline]
fn put<const STRIDE: usize>(
    records: &[u64],
    first: usize,
    places: Places<'_>,
    found: &impl Fn(&[u64]) -> (i64, i64),
) {
    let (records, _) = records.as_chunks::<STRIDE>();
    let records = records.get(first..).unwrap_or_default();
    for (record, word) in records.iter().zip(places.words) {
        *word = lane(record, WORD);
    }
    for (record, (count, sum)) in records.iter().zip(places.counts.iter_mut().zip(places.sums)) {
        (*count, *sum) = found(record);
    }
}

#[inline]
fn lane(record: &[u64], at: usize) -> u64 {
    record.get(at).copied().unwrap_or(0)
}

#[inline]
fn count(record: &[u64], at: CountAt) -> i64 {
    match at {
        CountAt::One => 1,
        CountAt::Lane { lane: at, shift, mask } => {
            ((lane(record, at) >> shift) & mask).cast_signed()
        }
    }
}

#[inline]
fn sum(record: &[u64], at: SumAt) -> i128 {
    match at {
        SumAt::Nowhere => 0,
        SumAt::Narrow(at) => i128::from(lane(record, at).cast_signed()),
        // Only rows that wait have it so: it is taken out before.
        SumAt::Packed(at) => i128::from(Packed::AMOUNT.of(lane(record, at)).cast_signed()),
        SumAt::Wide(at) => wide([lane(record, at), lane(record, at.saturating_add(1))]),
    }
}
