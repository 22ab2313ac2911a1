//! Units added in lots, side by side.
//!
//! What a unit adds to a cell depends on no other unit: its record key, its infused amount, its signs. So many are put into
//! a lot, and worked on by loops without a branch, which a compiler makes work on four or eight units at a time; as of words
//! ([`crate::keyed::UnitWords`]), the processor at hand is looked at when the program runs. What comes out is what units
//! added one by one come to ([`PartEvidence::add`]).

use fearless_simd::{Level, Simd as _, dispatch};

use super::part::PartEvidence;
use crate::keyed::{mix, record_key};
use crate::noise::{Infusion, NarrowInfusion};

/// Units of a lot.
const LOT: usize = 256;
/// Units that are worked on at a time, by the widest instructions.
const ABREAST: usize = 8;

/// Where some units are put whose rows and amounts have 64 bits, and whose record keys follow from their words: equally many
/// places of each. All have to be written: what is in them is of units of another lot.
pub struct Places<'a> {
    /// 64 secret bits of each unit.
    pub words: &'a mut [u64],
    /// Its rows that count.
    pub counts: &'a mut [i64],
    /// What they add up to; 0 for counts.
    pub sums: &'a mut [i64],
}

/// What a part takes of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Their rows. Whoever has other rows is somebody else to the difference guard.
    Rows,
    /// Themselves, whatever rows they have.
    Units,
    /// Amounts, infused like this.
    Amounts(Infusion),
}

/// Room for a lot that is used again.
#[derive(Clone)]
pub struct Lot {
    words: [u64; LOT],
    counts: [i64; LOT],
    sums: [i64; LOT],
    /// How much each contributes, without its sign.
    sizes: [u64; LOT],
    /// Who contributes how much.
    signs: [u64; LOT],
}

impl Default for Lot {
    fn default() -> Self {
        Self { words: [0; LOT], counts: [0; LOT], sums: [0; LOT], sizes: [0; LOT], signs: [0; LOT] }
    }
}

/// Says nothing of who is in it.
impl std::fmt::Debug for Lot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lot").finish_non_exhaustive()
    }
}

/// What a lot comes to. Totals are of the lower 32 bits and of the rest, so that none overflows.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    units: u64,
    keys: u64,
    count: i64,
    sum: [i64; 2],
    sizes: [u64; 2],
    largest: u64,
    /// Not zero if an amount or its rows were too many to be infused side by side.
    beyond: u64,
}

impl Totals {
    /// Adds a unit: without a branch, whether it contributes or not.
    // In line always: whatever isn't part of the loop is compiled for the least of processors.
    #[inline(always)]
    fn add(&mut self, word: u64, count: i64, sum: i64, size: u64) {
        let contributes = u64::from(size != 0);
        self.units = self.units.wrapping_add(contributes);
        let key = mix(word) >> 52;
        self.keys = self.keys.wrapping_add(key & contributes.wrapping_neg());
        self.count = self.count.wrapping_add(count);
        let [low, high] = &mut self.sum;
        *low = low.wrapping_add(sum & 0xFFFF_FFFF);
        *high = high.wrapping_add(sum >> 32);
        let [low, high] = &mut self.sizes;
        *low = low.wrapping_add(size & 0xFFFF_FFFF);
        *high = high.wrapping_add(size >> 32);
        self.largest = self.largest.max(size);
    }
}

impl PartEvidence {
    /// Adds so many units with everything each contributes: what [`PartEvidence::add`] does for each, in a fraction of the time.
    /// `put` puts those from the one with the given number on into their places. The
    /// signs of those that contribute are put behind the others.
    #[inline]
    pub fn add_lots(
        &mut self,
        units: usize,
        mut put: impl FnMut(usize, Places<'_>),
        takes: Takes,
        lot: &mut Lot,
        signs: &mut Vec<u64>,
    ) {
        let narrow = match takes {
            Takes::Rows | Takes::Units => None,
            Takes::Amounts(infusion) => infusion.narrow_form(),
        };
        for first in (0..units).step_by(LOT) {
            let n = units.saturating_sub(first).min(LOT);
            put(
                first,
                Places {
                    words: first_mut(&mut lot.words, n),
                    counts: first_mut(&mut lot.counts, n),
                    sums: first_mut(&mut lot.sums, n),
                },
            );
            self.add_lot(n, takes, narrow, lot, signs);
        }
    }

    /// Adds the first so many of a lot.
    fn add_lot(
        &mut self,
        n: usize,
        takes: Takes,
        narrow: Option<NarrowInfusion>,
        lot: &mut Lot,
        signs: &mut Vec<u64>,
    ) {
        let abreast = n.next_multiple_of(ABREAST).min(LOT);
        // Nobody contributes nothing.
        for at in n..abreast {
            if let (Some(word), Some(count), Some(sum)) =
                (lot.words.get_mut(at), lot.counts.get_mut(at), lot.sums.get_mut(at))
            {
                (*word, *count, *sum) = (0, 0, 0);
            }
        }
        let processor = Level::new();
        let totals = match (takes, narrow) {
            (Takes::Rows, _) => dispatch!(processor, simd => simd.vectorize(
                #[inline(always)]
                || lot.rows(abreast, sign_of_rows)
            )),
            (Takes::Units, _) => dispatch!(processor, simd => simd.vectorize(
                #[inline(always)]
                || lot.rows(abreast, |word, _| word)
            )),
            (Takes::Amounts(Infusion::None), _) => dispatch!(processor, simd => simd.vectorize(
                #[inline(always)]
                || lot.amounts(abreast, |_, _, sum| (sum, 0))
            )),
            (Takes::Amounts(infusion), narrow) => {
                let infused = narrow.map(|narrow| {
                    dispatch!(processor, simd => simd.vectorize(
                        #[inline(always)]
                        || lot.amounts(abreast, |word, rows, sum| narrow.infuse(word, rows, sum))
                    ))
                });
                match infused.filter(|totals| totals.beyond == 0) {
                    Some(totals) => totals,
                    None => lot
                        .amounts(abreast, |word, rows, sum| (infusion.narrow(word, rows, sum), 0)),
                }
            }
        };
        let largest = lot.put_signs(n, totals, self.largest, signs);
        let whole = |[low, high]: [i64; 2]| (i128::from(high) << 32).wrapping_add(low.into());
        let [low, high] = totals.sizes;
        self.units = self.units.saturating_add(totals.units.cast_signed());
        self.record_keys = self.record_keys.saturating_add(totals.keys.cast_signed());
        self.count = self.count.saturating_add(totals.count);
        self.sum = self.sum.saturating_add(whole(totals.sum));
        let absolute = (u128::from(high) << 32).saturating_add(low.into());
        self.absolute = self.absolute.saturating_add(absolute);
        self.largest = largest;
    }
}

impl Lot {
    /// Counts rows of the first so many.
    #[inline(always)]
    fn rows(&mut self, abreast: usize, sign: impl Fn(u64, i64) -> u64) -> Totals {
        let mut totals = Totals::default();
        let (words, counts) = (first(&self.words, abreast), first(&self.counts, abreast));
        let places = first_mut(&mut self.sizes, abreast).iter_mut();
        let places = places.zip(first_mut(&mut self.signs, abreast));
        for ((word, count), (size, place)) in words.iter().zip(counts).zip(places) {
            *size = count.unsigned_abs();
            *place = sign(*word, *count);
            totals.add(*word, *count, 0, *size);
        }
        totals
    }

    /// Adds up amounts of the first so many. `infuse` says what becomes of one, and whether that is too large for it.
    #[inline(always)]
    fn amounts(&mut self, abreast: usize, infuse: impl Fn(u64, i64, i64) -> (i64, u64)) -> Totals {
        let mut totals = Totals::default();
        let (words, counts) = (first(&self.words, abreast), first(&self.counts, abreast));
        let units = words.iter().zip(counts).zip(first(&self.sums, abreast));
        let places = first_mut(&mut self.sizes, abreast).iter_mut();
        let places = places.zip(first_mut(&mut self.signs, abreast));
        for (((word, count), sum), (size, sign)) in units.zip(places) {
            let (infused, beyond) = infuse(*word, *count, *sum);
            // Who has little may have nothing once infused, and contributes all the same.
            *size = infused.unsigned_abs().max(u64::from(*sum != 0));
            let high = (*sum >> 63).cast_unsigned() & NEGATIVE;
            let other = mix(word ^ mix(sum.cast_unsigned() ^ high));
            // As of one row.
            *sign = if *sum == 1 { *word } else { other };
            totals.add(*word, *count, infused, *size);
            totals.beyond |= beyond;
        }
        totals
    }

    /// Puts the signs of those of the first so many that contribute behind the others. The two largest of these and of the
    /// lot.
    fn put_signs(
        &self,
        n: usize,
        totals: Totals,
        largest: [u128; 2],
        signs: &mut Vec<u64>,
    ) -> [u128; 2] {
        if usize::try_from(totals.units) == Ok(n) {
            signs.extend_from_slice(first(&self.signs, n));
        } else {
            let contributing = self.signs.iter().zip(&self.sizes).take(n);
            signs.extend(contributing.filter(|(_, size)| **size != 0).map(|(sign, _)| *sign));
        }
        let [mut first, mut second] = largest;
        // Nearly always none of them is.
        if second < u128::from(totals.largest) {
            for size in self.sizes.iter().take(n).map(|size| u128::from(*size)) {
                if second < size {
                    second = size.min(first);
                    first = size.max(first);
                }
            }
        }
        [first, second]
    }
}

#[inline(always)]
fn first<T>(all: &[T; LOT], n: usize) -> &[T] {
    all.get(..n).unwrap_or_default()
}

#[inline(always)]
fn first_mut<T>(all: &mut [T; LOT], n: usize) -> &mut [T] {
    all.get_mut(..n).unwrap_or_default()
}

/// The sum of the record keys of these units.
pub(super) fn record_keys(words: &[u64]) -> u64 {
    dispatch!(Level::new(), simd => simd.vectorize(
        #[inline(always)]
        || words.iter().fold(0_u64, |sum, word| sum.wrapping_add(u64::from(record_key(*word))))
    ))
}

/// The signs of a unit together with its rows: the same people with other rows aren't the same. One row is the plain word,
/// so that all counts of people compare.
#[inline(always)]
#[must_use]
pub const fn sign_of_rows(word: u64, count: i64) -> u64 {
    let other = mix(word ^ mix(count.cast_unsigned()));
    if count == 1 { word } else { other }
}

/// What the higher 64 bits of a negative amount of fewer are mixed to.
const NEGATIVE: u64 = mix(u64::MAX);

/// The signs of a unit together with its amount. An amount of so many is so many rows: a total of ones compares with counts.
#[inline]
#[must_use]
pub const fn sign_of_amount(word: u64, sum: i128) -> u64 {
    let bits = sum.cast_unsigned();
    let (low, high) = (bits as u64, (bits >> 64) as u64);
    // Few amounts have more than 64 bits; zero stays itself when it is mixed.
    let high = if high == 0 { 0 } else { mix(high) };
    let other = mix(word ^ mix(low ^ high));
    if sum == 1 { word } else { other }
}

#[cfg(test)]
mod tests {
    use super::super::part::{Adds, Contribution, UnitWord};
    use super::*;
    use crate::dataset::Bounds;
    use crate::noise::{Ends, Factor};
    use crate::tabulation::Scalar;

    struct Unit {
        word: u64,
        count: i64,
        sum: i64,
    }

    #[test]
    fn so_many_ones_are_so_many_rows() {
        for word in [0, 1, mix(5), u64::MAX] {
            for many in [1, 2, 3, 40, i64::MAX] {
                assert_eq!(sign_of_amount(word, many.into()), sign_of_rows(word, many));
            }
            assert_ne!(sign_of_amount(word, -1), word);
        }
    }

    /// Amounts of all sizes, none, and some at a bound: up to so many bits.
    fn units(n: u64, bits: u32) -> Vec<Unit> {
        let unit = |at: u64| {
            let drawn = mix(at ^ 0x51);
            let count = (drawn % 7 % 4).cast_signed();
            // More rows than are infused side by side.
            let count = if bits == 62 && drawn.is_multiple_of(13) { count << 31 } else { count };
            let amount = (mix(drawn) >> 1 >> (63 - bits) >> (drawn % 17)).cast_signed();
            let sum = match drawn % 11 {
                0 => 0,
                1 => 500 * count,
                2 => -amount,
                _ => amount,
            };
            // Who has no row that counts has no amount.
            Unit { word: mix(drawn ^ 9), count, sum: if count == 0 { 0 } else { sum } }
        };
        (0..n).map(unit).collect()
    }

    fn infusions() -> Vec<Infusion> {
        let factor = Factor::of(&Scalar::Column("cost".to_owned()), 10);
        let bounds = |low, high| Some(Bounds { low, high });
        let amounts = |origin, ends| Infusion::Amounts { factor, origin, ends };
        vec![
            Infusion::None,
            amounts(0, Ends::default()),
            amounts(0, Ends::of(bounds(-3, 500), 0)),
            amounts(0, Ends::of(bounds(0, 1 << 40), 0)),
            amounts(0, Ends::of(bounds(500, 1 << 31), 0)),
        ]
    }

    /// Of each number of units around those of a lot, and of amounts that are infused side by side and others.
    #[test]
    fn units_in_lots_are_what_units_one_by_one_are() {
        let amounts = infusions().into_iter().map(Takes::Amounts);
        for takes in [Takes::Rows, Takes::Units].into_iter().chain(amounts) {
            for (n, bits) in [0, 1, 7, 8, 9, 255, 256, 257, 3_000]
                .into_iter()
                .flat_map(|n| [8, 31, 33, 62].map(|bits| (n, bits)))
            {
                let units = units(n, bits);
                let mut one_by_one = PartEvidence::default();
                let earlier = UnitWord { word: 5, record_key: None };
                one_by_one.add(
                    earlier,
                    Contribution { count: 2, sum: 70 },
                    Adds::Amounts,
                    Infusion::None,
                );
                let mut in_lots = one_by_one.clone();
                let mut expected = vec![1];
                for Unit { word, count, sum } in &units {
                    let before = one_by_one.units;
                    let (adds, infusion, sum) = match takes {
                        Takes::Rows | Takes::Units => (Adds::Rows, Infusion::None, 0),
                        Takes::Amounts(infusion) => (Adds::Amounts, infusion, *sum),
                    };
                    let contribution = Contribution { count: *count, sum: sum.into() };
                    let unit = UnitWord { word: *word, record_key: None };
                    one_by_one.add(unit, contribution, adds, infusion);
                    if before < one_by_one.units {
                        expected.push(match takes {
                            Takes::Rows => sign_of_rows(*word, *count),
                            Takes::Units => *word,
                            Takes::Amounts(_) => sign_of_amount(*word, sum.into()),
                        });
                    }
                }
                let (mut lot, mut signs) = (Lot::default(), vec![1]);
                let adds_up = matches!(takes, Takes::Amounts(_));
                let put = |first: usize, places: Places<'_>| {
                    let Places { words, counts, sums } = places;
                    let places = words.iter_mut().zip(counts).zip(sums);
                    for (unit, ((word, count), sum)) in units[first..].iter().zip(places) {
                        *word = unit.word;
                        *count = unit.count;
                        *sum = if adds_up { unit.sum } else { 0 };
                    }
                };
                in_lots.add_lots(units.len(), put, takes, &mut lot, &mut signs);
                assert_eq!(in_lots, one_by_one, "{takes:?} {n} {bits}");
                assert_eq!(signs, expected, "{takes:?} {n} {bits}");
            }
        }
    }

    #[test]
    fn what_is_printed_of_a_lot_says_nothing_of_the_units() {
        assert_eq!(format!("{:?}", Lot::default()), "Lot { .. }");
    }
}
