//! Secret keys, and what is drawn from them.
//!
//! Noise must repeat: the same people get the same noise however they are asked about, the same
//! question gets the same noise however often. So nothing is random; everything is drawn with keyed
//! pseudo-random functions whose keys stay at the node. A gateway that adds up several nodes' cells
//! gets sums of draws, never a key.
//!
//! The function is SipHash-2-4 (Aumasson and Bernstein 2012), made for short inputs under a secret key
//! of 128 bits: one word for each unit takes some ten nanoseconds, where HMAC-SHA256 takes twenty times that.
//! Keys for each use and each dataset are derived from the node's secret with SHA-256.

mod unit_words;

use std::fmt;
use std::hash::Hasher as _;

use sha2::{Digest as _, Sha256};
use siphasher::sip::{SipHasher13, SipHasher24};

pub use self::unit_words::UnitWords;
use crate::dataset::DatasetName;
use crate::tabulation::canonical::Coordinate;

/// Bytes of a node's secret.
pub const SECRET_BYTES: usize = 32;

/// The keys of one dataset. They have no printed form.
#[derive(Clone)]
pub struct DatasetKeys {
    unit: [u8; 16],
    question: [u8; 16],
    limit: [u8; 16],
}

impl fmt::Debug for DatasetKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatasetKeys(not shown)")
    }
}

impl DatasetKeys {
    /// The keys that follow from a node's secret for a dataset.
    #[must_use]
    pub fn derive(secret: &[u8; SECRET_BYTES], dataset: &DatasetName) -> Self {
        let key = |purpose: &str| {
            let mut sha = Sha256::new();
            sha.update(secret);
            // Lengths come first, so that no two names and purposes run together.
            for part in ["insitu keys v1", purpose, &dataset.to_string()] {
                sha.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
                sha.update(part.as_bytes());
            }
            let mut key = [0_u8; 16];
            for (to, from) in key.iter_mut().zip(sha.finalize()) {
                *to = from;
            }
            key
        };
        Self { unit: key("unit"), question: key("question"), limit: key("limit") }
    }

    /// The word of a unit, by the bytes that identify it: 64 bits that nobody without the key can
    /// tell from random ones.
    #[must_use]
    pub fn unit_word(&self, unit: &[u8]) -> u64 {
        self.unit_words().of(unit)
    }

    /// The words of many units.
    #[must_use]
    pub fn unit_words(&self) -> UnitWords {
        UnitWords::new(&self.unit)
    }

    /// This node's share of what is drawn for a question: shares of several nodes are added up, and
    /// the total is as unknown to the asker as one share.
    #[must_use]
    pub fn question_share(&self, coordinate: Coordinate) -> u64 {
        SipHasher24::new_with_key(&self.question).hash(&coordinate.bytes())
    }

    /// What is drawn for the limit on the cells that are counted for a question, by a digest of its words.
    #[must_use]
    pub fn limit_share(&self, question: u128) -> u64 {
        SipHasher24::new_with_key(&self.limit).hash(&question.to_le_bytes())
    }
}

/// A keyed digest of a state of the data, taken piece by piece. It tells states apart, and tells nobody without the key
/// anything about them.
#[derive(Debug, Clone)]
pub struct StateDigest(SipHasher13);

impl StateDigest {
    /// The digest of nothing yet.
    #[must_use]
    pub fn new(keys: &DatasetKeys) -> Self {
        Self(SipHasher13::new_with_key(&keys.unit))
    }

    /// Takes in a piece. Where one ends and the next begins is part of the digest.
    pub fn write(&mut self, piece: &[u8]) {
        self.0.write_u64(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        self.0.write(piece);
    }

    /// The digest.
    #[must_use]
    pub fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// Record keys are numbers below this.
pub const RECORD_KEYS: u32 = 4096;

/// The record key of a unit, from its word.
#[inline]
#[must_use]
pub const fn record_key(word: u64) -> u32 {
    // Other bits than those the sketch uses as signs would leave too few; a mix does as well, since
    // neither the keys nor the signs of single units are ever seen.
    (mix(word) >> 52) as u32
}

/// A fixed mixing of 64 bits (Stafford's variant 13 of the MurmurHash3 finaliser). Not secret: what goes in must be.
#[inline]
#[must_use]
pub const fn mix(word: u64) -> u64 {
    let mut x = word;
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// A fingerprint of a node's secret: tells it from another, and tells nothing about it.
#[must_use]
pub fn secret_fingerprint(secret: &[u8; SECRET_BYTES]) -> u64 {
    fingerprint(b"insitu fingerprint of a secret v1", secret)
}

/// The same for gateways, which so notice that a node has another secret: not the number in the node's own files.
#[must_use]
pub fn announced_fingerprint(secret: &[u8; SECRET_BYTES]) -> u64 {
    fingerprint(b"insitu announced fingerprint of a secret v1", secret)
}

fn fingerprint(label: &[u8], secret: &[u8; SECRET_BYTES]) -> u64 {
    let mut sha = Sha256::new();
    sha.update(label);
    sha.update(secret);
    sha.finalize().iter().take(8).fold(0, |acc, byte| (acc << 8) | u64::from(*byte))
}

/// A digest of bytes, for coordinates, scopes and files. Without a key: it hides nothing.
#[must_use]
pub fn digest(bytes: &[u8]) -> u128 {
    let half = |salt: u8| {
        let mut sip = SipHasher13::new_with_key(&[salt; 16]);
        sip.write(bytes);
        u128::from(sip.finish())
    };
    (half(1) << 64) | half(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DatasetName {
        DatasetName::parse(text).unwrap()
    }

    #[test]
    fn words_depend_on_secret_dataset_and_unit() {
        let keys = DatasetKeys::derive(&[1; 32], &name("a.b"));
        let word = keys.unit_word(b"x");
        assert_eq!(word, DatasetKeys::derive(&[1; 32], &name("a.b")).unit_word(b"x"));
        assert_ne!(word, keys.unit_word(b"y"));
        assert_ne!(word, DatasetKeys::derive(&[2; 32], &name("a.b")).unit_word(b"x"));
        assert_ne!(word, DatasetKeys::derive(&[1; 32], &name("a.c")).unit_word(b"x"));
        assert_eq!(format!("{keys:?}"), "DatasetKeys(not shown)");
        assert_eq!(format!("{:?}", keys.unit_words()), "UnitWords(not shown)");
    }

    #[test]
    fn secrets_have_fingerprints_of_their_own() {
        assert_eq!(secret_fingerprint(&[1; 32]), secret_fingerprint(&[1; 32]));
        assert_ne!(secret_fingerprint(&[1; 32]), secret_fingerprint(&[2; 32]));
        assert_eq!(announced_fingerprint(&[1; 32]), announced_fingerprint(&[1; 32]));
        assert_ne!(announced_fingerprint(&[1; 32]), announced_fingerprint(&[2; 32]));
        assert_ne!(announced_fingerprint(&[1; 32]), secret_fingerprint(&[1; 32]));
    }

    #[test]
    fn record_keys_are_spread_evenly() {
        let keys = DatasetKeys::derive(&[7; 32], &name("a.b"));
        let mut eighths = [0_u32; 8];
        for unit in 0..80_000_u32 {
            let key = record_key(keys.unit_word(&unit.to_le_bytes()));
            assert!(key < RECORD_KEYS);
            eighths[usize::try_from(key / 512).unwrap()] += 1;
        }
        // A standard deviation is 94.
        assert!(eighths.iter().all(|n| (9_600..10_400).contains(n)), "{eighths:?}");
    }
}
