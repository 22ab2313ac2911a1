//! What is known of a cell as bytes, between the stages of the engine's aggregation. They never leave the node.

use insitu_disclosure::evidence::{MARKS, Marks, Nameless, PartEvidence, SKETCH_BYTES, Sketch};

/// Bytes before the sketch.
const FIXED_BYTES: usize = 4 * 8 + 5 * 16;

/// Bytes of a finding at most.
pub(super) const fn bytes_of(sketch: bool) -> usize {
    if sketch { FIXED_BYTES + SKETCH_BYTES + MARKS * size_of::<u32>() } else { FIXED_BYTES }
}

/// Puts its bytes behind the others: whole numbers, little end first, in the order of the fields; then its units' sketch, as
/// given beside it, and the marks, if there is one.
pub(super) fn encode(evidence: &PartEvidence, sketch: Option<&Sketch>, bytes: &mut Vec<u8>) {
    let [largest, second] = evidence.largest;
    let Nameless { count, sum } = evidence.nameless;
    for value in [evidence.units, evidence.record_keys, evidence.count, count] {
        bytes.extend(value.to_le_bytes());
    }
    for value in [evidence.sum, sum] {
        bytes.extend(value.to_le_bytes());
    }
    for value in [evidence.absolute, largest, second] {
        bytes.extend(value.to_le_bytes());
    }
    if let Some(sketch) = sketch {
        bytes.extend_from_slice(&sketch.to_bytes());
        if let Some(marks) = sketch.marks() {
            bytes.extend_from_slice(&marks.to_bytes());
        }
    }
}

/// The Evidence of so many findings of a cell from its bytes; `None` if they aren't.
pub(super) fn decode(bytes: &[u8], findings: usize) -> Option<Vec<PartEvidence>> {
    split(bytes, findings)?.map(decode_one).collect()
}

/// The bytes of each of so many findings of a cell; `None` if they can't be.
pub(super) fn split(bytes: &[u8], findings: usize) -> Option<impl Iterator<Item = &[u8]>> {
    // All of a cell's have a sketch, or none has.
    let length = bytes.len().checked_div(findings)?;
    let fits = length.checked_mul(findings) == Some(bytes.len());
    fits.then(|| bytes.chunks_exact(length.max(1)))
}

/// The Evidence of a finding from its bytes; `None` if they aren't.
pub(super) fn decode_one(bytes: &[u8]) -> Option<PartEvidence> {
    let (fixed, rest) = bytes.split_at_checked(FIXED_BYTES)?;
    let mut fixed = fixed;
    let mut eight = || {
        let (value, rest) = fixed.split_first_chunk::<8>()?;
        fixed = rest;
        Some(i64::from_le_bytes(*value))
    };
    let [units, record_keys, count, nameless] = [eight()?, eight()?, eight()?, eight()?];
    let mut sixteen = || {
        let (value, rest) = fixed.split_first_chunk::<16>()?;
        fixed = rest;
        Some(*value)
    };
    let sum = i128::from_le_bytes(sixteen()?);
    let nameless_sum = i128::from_le_bytes(sixteen()?);
    let absolute = u128::from_le_bytes(sixteen()?);
    let largest = [u128::from_le_bytes(sixteen()?), u128::from_le_bytes(sixteen()?)];
    let sketch = if rest.is_empty() {
        None
    } else {
        let (sketch, marks) = rest.split_first_chunk::<SKETCH_BYTES>()?;
        let marks =
            if marks.is_empty() { None } else { Some(Marks::from_bytes(marks.try_into().ok()?)?) };
        Some(Box::new(Sketch::from_bytes(sketch)?.with_marks(marks)))
    };
    Some(PartEvidence {
        units,
        record_keys,
        count,
        sum,
        absolute,
        largest,
        nameless: Nameless { count: nameless, sum: nameless_sum },
        question: 0,
        sketch,
        ..PartEvidence::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_comes_back_as_it_was() {
        let mut evidence = PartEvidence {
            units: 3,
            record_keys: 77,
            count: -1,
            sum: -5,
            absolute: u128::MAX,
            largest: [9, 8],
            nameless: Nameless { count: 2, sum: i128::MIN },
            question: 0,
            sketch: None,
            ..PartEvidence::default()
        };
        let bytes = |evidence: &PartEvidence| {
            let mut bytes = Vec::new();
            encode(evidence, evidence.sketch.as_deref(), &mut bytes);
            bytes
        };
        assert_eq!(decode(&bytes(&evidence), 1), Some(vec![evidence.clone()]));
        evidence.sketch = Some(Box::new(Sketch::ZERO));
        let mut two = bytes(&evidence);
        let mut other = evidence.clone();
        other.units = 4;
        encode(&other, other.sketch.as_deref(), &mut two);
        assert_eq!(decode(&two, 2), Some(vec![evidence, other]));
        assert_eq!(decode(&two, 3), None);
        assert_eq!(decode(two.get(1..).unwrap(), 2), None);
        assert_eq!(decode(two.get(2..).unwrap(), 2), None);
        assert_eq!(decode(&two, 0), None);
    }
}
