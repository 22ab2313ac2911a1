//! The sketch, and its bytes.
//!
//! A value's hash picks one of 4,096 registers and gives it a rank, how many zeros its other bits begin with and one more; a
//! register keeps the largest. Sketches merge register by register, so a value counts once however often it comes, and
//! wherever: in any order, from any split of the rows, there is one sketch and one estimate.
//!
//! The format is frozen. Hash, key, registers and bytes are ours and are tested; what an engine makes of its own hash may
//! change with its version, and sketches of two versions would count every value twice. A change is a new version, and
//! versions don't merge.
//!
//! ```text
//! h         = SipHash-2-4 under a published key, of a tag for the type and the value's bytes
//! register  = the first 12 bits of h        rank = 1 + zeros that the other 52 begin with, 53 of nothing but zeros
//!
//! byte 0    version, 1
//! byte 1    0: the registers that aren't 0, ascending, as 2 bytes of number, little end first, and 1 of rank
//!           1: all 4,096 ranks. Whichever is shorter; the first, if they are alike
//! ```
//!
//! The standard error is 1.04 / √4096, 1.6 %, and 1.1 % below some thousand values, of which most registers are still empty.
//!
//! *Source*: P. Flajolet and others, *HyperLogLog*, 2007; the estimate is O. Ertl's, *New cardinality estimation algorithms for
//! HyperLogLog sketches*, 2017, which needs no correction by tables.

use siphasher::sip::SipHasher24;

/// The version of the format.
pub const VERSION: u8 = 1;

/// Bits that pick a register.
const BITS: u32 = 12;
/// How many registers there are.
const REGISTERS: usize = 1 << BITS;
/// The largest rank.
const RANK_MAX: u8 = 53;
/// `insitu distinct 1`, and no secret.
const KEY: [u8; 16] = *b"insitu distinct1";
/// Bytes of a register that is written by itself.
const PAIR: usize = 3;
/// The most bytes of a sketch.
pub const SKETCH_BYTES_MAX: usize = REGISTERS + 2;
/// Up to so many registers are kept in memory by themselves, in no more bytes than all ranks have: of the many groups of a
/// table most have few values, and a few bytes that come from elsewhere may not be made into many here.
const FEW_MAX: usize = REGISTERS / size_of::<(u16, u8)>();

/// Which form the ranks are written in.
const SOME: u8 = 0;
const ALL: u8 = 1;

/// A value's bytes, with what tells its type from others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DistinctValue<'a> {
    /// True or false.
    Boolean(bool),
    /// A whole number, or the digits of a decimal: a column has one number of places.
    Whole(i128),
    /// Binary floating point: both zeros are one value, and so is all that isn't a number.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// Days since 1970.
    Date(i32),
    /// A time, as its number of units.
    Time(i64),
}

/// The registers' ranks. How many aren't 0 decides the form, so equal sketches are equal values.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ranks {
    /// Those that aren't 0, by the register's number, ascending.
    Few(Vec<(u16, u8)>),
    /// All.
    All(Vec<u8>),
}

/// The sketch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistinctSketch {
    ranks: Ranks,
}

impl Default for DistinctSketch {
    fn default() -> Self {
        Self { ranks: Ranks::Few(Vec::new()) }
    }
}

impl DistinctSketch {
    /// Counts a value.
    pub fn insert(&mut self, value: DistinctValue<'_>) {
        let hash = hash(value);
        let rest = hash << BITS;
        let rank = u8::try_from(rest.leading_zeros().saturating_add(1)).unwrap_or(RANK_MAX);
        let register = u16::try_from(hash >> (u64::BITS - BITS)).unwrap_or(0);
        self.keep(register, rank.min(RANK_MAX));
    }

    fn keep(&mut self, register: u16, rank: u8) {
        match &mut self.ranks {
            Ranks::Few(few) => match few.binary_search_by_key(&register, |(known, _)| *known) {
                Ok(at) => {
                    if let Some((_, kept)) = few.get_mut(at) {
                        *kept = (*kept).max(rank);
                    }
                    return;
                }
                Err(at) if few.len() < FEW_MAX => {
                    few.insert(at, (register, rank));
                    return;
                }
                Err(_) => self.spread(),
            },
            Ranks::All(_) => {}
        }
        if let Ranks::All(all) = &mut self.ranks
            && let Some(kept) = all.get_mut(usize::from(register))
        {
            *kept = (*kept).max(rank);
        }
    }

    /// A place for every register.
    fn spread(&mut self) {
        let mut all = vec![0; REGISTERS];
        for (register, rank) in self.filled() {
            if let Some(place) = all.get_mut(usize::from(register)) {
                *place = rank;
            }
        }
        self.ranks = Ranks::All(all);
    }

    /// The registers that aren't 0, ascending, with their ranks.
    fn filled(&self) -> impl Iterator<Item = (u16, u8)> {
        let (few, all) = match &self.ranks {
            Ranks::Few(few) => (few.as_slice(), &[][..]),
            Ranks::All(all) => (&[][..], all.as_slice()),
        };
        let all = (0_u16..).zip(all.iter().copied()).filter(|(_, rank)| 0 < *rank);
        few.iter().copied().chain(all)
    }

    /// How many registers aren't 0: no more than different values were counted, and none of no values.
    #[must_use]
    pub fn registers(&self) -> usize {
        match &self.ranks {
            Ranks::Few(few) => few.len(),
            Ranks::All(_) => self.filled().count(),
        }
    }

    /// Takes in what another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (register, rank) in other.filled() {
            self.keep(register, rank);
        }
    }

    /// About how many different values were counted.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    pub fn estimate(&self) -> u64 {
        let mut of_rank = [0_u32; RANK_MAX as usize + 1];
        let mut filled = 0_usize;
        for (_, rank) in self.filled() {
            filled = filled.saturating_add(1);
            if let Some(count) = of_rank.get_mut(usize::from(rank)) {
                *count = count.saturating_add(1);
            }
        }
        if filled == 0 {
            return 0;
        }
        let [_, between @ .., full] = of_rank;
        let m = REGISTERS as f64;
        let mut z = m * tau(1.0 - f64::from(full) / m);
        for count in between.iter().rev() {
            z = 0.5 * (z + f64::from(*count));
        }
        z += m * sigma(REGISTERS.saturating_sub(filled) as f64 / m);
        (m * m / (2.0 * std::f64::consts::LN_2 * z)).round() as u64
    }

    /// The sketch as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        if self.registers().saturating_mul(PAIR) <= REGISTERS {
            let mut bytes = vec![VERSION, SOME];
            for (register, rank) in self.filled() {
                bytes.extend(register.to_le_bytes());
                bytes.push(rank);
            }
            return bytes;
        }
        let mut bytes = vec![VERSION, ALL];
        bytes.resize(SKETCH_BYTES_MAX, 0);
        for (register, rank) in self.filled() {
            if let Some(place) = bytes.get_mut(usize::from(register).saturating_add(2)) {
                *place = rank;
            }
        }
        bytes
    }

    /// A sketch from its bytes; `None` unless they are what [`DistinctSketch::to_bytes`] writes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[version, form], rest) = bytes.split_first_chunk()?;
        if version != VERSION || SKETCH_BYTES_MAX < bytes.len() {
            return None;
        }
        let mut sketch = Self::default();
        match form {
            SOME => {
                for pair in rest.chunks(PAIR) {
                    let &[low, high, rank] = pair else { return None };
                    let register = u16::from_le_bytes([low, high]);
                    let possible = (1..=RANK_MAX).contains(&rank);
                    if REGISTERS <= usize::from(register) || !possible {
                        return None;
                    }
                    sketch.keep(register, rank);
                }
            }
            ALL if rest.len() == REGISTERS && rest.iter().all(|rank| *rank <= RANK_MAX) => {
                sketch.ranks = Ranks::All(rest.to_vec());
            }
            _ => return None,
        }
        // One sketch has one spelling.
        (sketch.to_bytes() == bytes).then_some(sketch)
    }

    /// Bytes in memory.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let ranks = match &self.ranks {
            Ranks::Few(few) => few.capacity().saturating_mul(size_of::<(u16, u8)>()),
            Ranks::All(all) => all.capacity(),
        };
        size_of::<Self>().saturating_add(ranks)
    }
}

fn hash(value: DistinctValue<'_>) -> u64 {
    let of = |tag: u8, bytes: &[u8]| {
        let hasher = SipHasher24::new_with_key(&KEY);
        // The tag is the last byte, so that a text needn't be moved: lengths are part of the hash.
        let mut tagged = Vec::with_capacity(bytes.len().saturating_add(1));
        tagged.extend(bytes);
        tagged.push(tag);
        hasher.hash(&tagged)
    };
    match value {
        DistinctValue::Boolean(value) => of(1, &[u8::from(value)]),
        DistinctValue::Whole(value) => of(2, &value.to_le_bytes()),
        DistinctValue::Float(value) => {
            let one = if value == 0.0 {
                0.0
            } else if value.is_nan() {
                f64::NAN
            } else {
                value
            };
            // Which NaN that is may differ between machines: its bits are written here.
            let bits = if one.is_nan() { 0x7FF8_0000_0000_0000 } else { one.to_bits() };
            of(3, &bits.to_le_bytes())
        }
        DistinctValue::Text(value) => of(4, value.as_bytes()),
        DistinctValue::Date(value) => of(5, &value.to_le_bytes()),
        DistinctValue::Time(value) => of(6, &value.to_le_bytes()),
    }
}

/// `x + Σ x^(2^k) · 2^(k-1)`: what empty registers tell.
fn sigma(x: f64) -> f64 {
    let (mut x, mut y, mut z) = (x, 1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z.total_cmp(&before).is_eq() || !z.is_finite() {
            return z;
        }
    }
}

/// `(1 - x - Σ (1 - x^(2^-k))² · 2^-k) / 3`: what full registers tell.
fn tau(x: f64) -> f64 {
    if x <= 0.0 || 1.0 <= x {
        return 0.0;
    }
    let (mut x, mut y, mut z) = (x, 1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z.total_cmp(&before).is_eq() {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "relative errors")]
mod tests {
    use super::*;

    fn of(values: impl Iterator<Item = i128>) -> DistinctSketch {
        let mut sketch = DistinctSketch::default();
        values.for_each(|value| sketch.insert(DistinctValue::Whole(value)));
        sketch
    }

    /// These bytes are for ever: other ones would be another version.
    #[test]
    fn the_format_is_frozen() {
        let mut sketch = DistinctSketch::default();
        for value in [
            DistinctValue::Boolean(true),
            DistinctValue::Whole(42),
            DistinctValue::Float(1.5),
            DistinctValue::Text("Bradford"),
            DistinctValue::Date(17_532),
            DistinctValue::Time(1),
        ] {
            sketch.insert(value);
        }
        let hexadecimal: String = sketch.to_bytes().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hexadecimal, GOLDEN);
        let many = of(0..100_000).to_bytes();
        assert_eq!((many.len(), many.first(), many.get(1)), (4_098, Some(&1), Some(&1)));
        assert_eq!(crate::keyed::digest(&many), GOLDEN_MANY);
    }

    const GOLDEN: &str = "0100420103c00201a504012f09013f09014e0e02";
    const GOLDEN_MANY: u128 = 13_896_558_381_216_018_546_167_352_796_990_355_802;

    #[test]
    fn the_same_values_are_one_sketch_however_they_are_split_and_repeated() {
        let whole = of(0..30_000);
        for parts in [1, 2, 7] {
            let mut merged = DistinctSketch::default();
            for part in (0..parts).rev() {
                // Neighbours overlap.
                let of_part = of((0..30_000).filter(|v| v % parts == part || v % 3 == 0));
                merged.merge(&DistinctSketch::from_bytes(&of_part.to_bytes()).unwrap());
            }
            assert_eq!(merged, whole, "{parts}");
        }
        assert_eq!(of(0..0).estimate(), 0);
    }

    /// The root of the mean square of the relative errors over so many different sets of each size. Of ten values two have one
    /// register in one set of ninety.
    #[test]
    fn the_error_is_what_it_should_be_for_all_sizes() {
        for (size, at_most) in
            [(1, 0.0), (10, 0.02), (100, 0.016), (1_000, 0.016), (10_000, 0.018), (30_000, 0.018)]
        {
            let sets = if size < 10_000 { 60 } else { 40 };
            let square = |set: i128| {
                let estimate = of((0..size).map(|v| set * 1_000_000_000 + v)).estimate() as f64;
                (estimate / size as f64 - 1.0).powi(2)
            };
            let error = ((0..sets).map(square).sum::<f64>() / sets as f64).sqrt();
            assert!(error <= at_most, "{size}: {error}");
        }
    }

    #[test]
    fn bytes_that_are_no_sketch_are_none() {
        let bytes = of(0..3).to_bytes();
        assert_eq!(DistinctSketch::from_bytes(&bytes), Some(of(0..3)));
        for broken in [
            &[][..],
            &[1],
            &[2, 0],
            &[1, 2],
            &bytes[..4],
            &[1, 0, 0, 16, 1],
            &[1, 0, 0, 0, 54],
            &[1, 0, 0, 0, 0],
        ] {
            assert_eq!(DistinctSketch::from_bytes(broken), None, "{broken:?}");
        }
        let mut turned = bytes.clone();
        turned[2..8].rotate_left(3);
        assert_eq!(DistinctSketch::from_bytes(&turned), None, "registers in another order");
        let mut all = vec![1, 1];
        all.extend([0; REGISTERS]);
        assert_eq!(DistinctSketch::from_bytes(&all), None, "the shorter form");
    }

    #[test]
    fn values_of_two_types_are_two_and_the_same_number_is_one() {
        let count = |values: &[DistinctValue<'_>]| {
            let mut sketch = DistinctSketch::default();
            values.iter().for_each(|value| sketch.insert(*value));
            sketch.estimate()
        };
        assert_eq!(count(&[DistinctValue::Float(0.0), DistinctValue::Float(-0.0)]), 1);
        assert_eq!(count(&[DistinctValue::Float(f64::NAN), DistinctValue::Float(-f64::NAN)]), 1);
        let text = DistinctValue::Text("1");
        assert_eq!(count(&[text, DistinctValue::Whole(1), DistinctValue::Date(1), text]), 3);
    }
}
