//! Evidence of several nodes together: any order and any split of the rows gives the same.

use std::collections::HashMap;

use super::{Cell, Evidence};
use crate::tabulation::{KeySet, Literal};

/// Adds up the cells with the same keys in the same set. A cell that a node doesn't have counts nothing there. In key
/// order, which says nothing about where or when a cell came from.
#[must_use]
pub fn merge(parts: impl IntoIterator<Item = Evidence>) -> Evidence {
    Evidence { cells: merge_by_key(parts).into_iter().map(|(_, cell)| cell).collect() }
}

/// The same, each cell with the bytes of its set and keys.
pub(crate) fn merge_by_key(parts: impl IntoIterator<Item = Evidence>) -> Vec<(Vec<u8>, Cell)> {
    let mut cells: Vec<(Vec<u8>, Cell)> = Vec::new();
    // Where cells of earlier parts are. What is alike within a part is found at the end.
    let mut earlier: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut noted = 0_usize;
    for part in parts.into_iter().filter(|part| !part.cells.is_empty()) {
        // Of the last part, mostly the only large one, nothing is noted.
        earlier.reserve(cells.len().saturating_sub(noted));
        for (at, (bytes, _)) in cells.iter().enumerate().skip(noted) {
            earlier.insert(bytes.clone(), at);
        }
        noted = cells.len();
        for mut cell in part.cells {
            // -0.0 and 0.0 are one key, and which of them is shown mustn't depend on who comes first.
            for key in cell.keys.iter_mut().flatten() {
                if let Literal::Float64(value) = key {
                    *value += 0.0;
                }
            }
            let bytes = cell_bytes(cell.set, &cell.keys);
            match earlier.get(&bytes).and_then(|at| cells.get_mut(*at)) {
                Some((_, known)) => add(known, &cell),
                None => cells.push((bytes, cell)),
            }
        }
    }
    // Stable, so that equal cells of one part add up in their order.
    cells.sort_by(|(a, _), (b, _)| a.cmp(b));
    cells.dedup_by(|(other, cell), (bytes, known)| {
        let same = other == bytes;
        if same {
            add(known, cell);
        }
        same
    });
    cells
}

fn add(known: &mut Cell, other: &Cell) {
    for (mine, other) in known.parts.iter_mut().zip(&other.parts) {
        mine.merge(other);
    }
}

/// Bytes that are equal exactly for the same cell: the same keys in the same set. They sort coarser sets first, then
/// as [`key_bytes`].
pub(crate) fn cell_bytes(set: KeySet, keys: &[Option<Literal>]) -> Vec<u8> {
    let [low, high] = set.mask().to_le_bytes();
    let mut bytes = Vec::with_capacity(keys.len().saturating_mul(12).saturating_add(3));
    bytes.extend([u8::try_from(set.len()).unwrap_or(u8::MAX), high, low]);
    put_key_bytes(keys, &mut bytes);
    bytes
}

/// Bytes that are equal exactly for equal keys, and sort NULL last, numbers by size and text bytewise.
pub(crate) fn key_bytes(keys: &[Option<Literal>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(keys.len().saturating_mul(12));
    put_key_bytes(keys, &mut bytes);
    bytes
}

/// Puts the same behind what is there.
pub(crate) fn put_key_bytes(keys: &[Option<Literal>], bytes: &mut Vec<u8>) {
    for key in keys {
        match key {
            None | Some(Literal::Null(_)) => bytes.push(0xFF),
            Some(Literal::Boolean(v)) => bytes.extend([1, u8::from(*v)]),
            Some(Literal::Int64(v)) => {
                bytes.push(1);
                bytes.extend(((*v as u64) ^ (1 << 63)).to_be_bytes());
            }
            Some(Literal::Decimal { value, .. }) => {
                bytes.push(1);
                bytes.extend(((*value as u128) ^ (1 << 127)).to_be_bytes());
            }
            Some(Literal::Float64(v)) => {
                bytes.push(1);
                // -0.0 and 0.0 are one key. IEEE order: flip all bits of negatives, the sign of others.
                let bits = (v + 0.0).to_bits();
                let ordered = if bits >> 63 == 1 { !bits } else { bits ^ (1 << 63) };
                bytes.extend(ordered.to_be_bytes());
            }
            Some(Literal::Utf8(v)) => {
                bytes.push(1);
                // A zero byte within text is escaped, so that the end of one key isn't taken for the next.
                for byte in v.as_bytes() {
                    bytes.push(*byte);
                    if *byte == 0 {
                        bytes.push(0xFF);
                    }
                }
                bytes.extend([0, 0]);
            }
            Some(Literal::Date(v)) => {
                bytes.push(1);
                bytes.extend(((*v as u32) ^ (1 << 31)).to_be_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::PartEvidence;
    use super::*;

    fn cell(key: Option<&str>, units: i64) -> Cell {
        Cell {
            set: KeySet::all(1),
            keys: vec![key.map(|k| Literal::Utf8(k.to_owned()))],
            parts: vec![PartEvidence {
                units,
                count: units * 2,
                sum: i128::from(units) * 10,
                ..PartEvidence::default()
            }],
        }
    }

    #[test]
    fn cells_with_the_same_key_add_up_whatever_the_order() {
        let a = Evidence { cells: vec![cell(Some("x"), 3), cell(None, 1)] };
        let b = Evidence { cells: vec![cell(Some("y"), 2), cell(Some("x"), 4)] };
        let sort = |mut e: Evidence| {
            e.cells.sort_by_key(|c| key_bytes(&c.keys));
            e
        };
        let ab = sort(merge([a.clone(), b.clone()]));
        assert_eq!(ab, sort(merge([b, Evidence::default(), a])));
        assert_eq!(ab.cells.first(), Some(&cell(Some("x"), 7)));
        assert_eq!(ab.cells.last(), Some(&cell(None, 1)), "NULL is one group, and sorts last");
    }

    #[test]
    fn a_total_is_not_the_cell_without_a_value() {
        let total = Cell { set: KeySet::NONE, ..cell(None, 9) };
        let merged =
            merge([Evidence { cells: vec![cell(None, 1), total.clone()] }, Evidence::default()]);
        assert_eq!(merged.cells, [total, cell(None, 1)], "what is coarser comes first");
        assert!(cell_bytes(KeySet::NONE, &[None]) < cell_bytes(KeySet::all(1), &[None]));
    }

    #[test]
    fn keys_of_several_columns_do_not_run_together() {
        let text = |s: &str| Some(Literal::Utf8(s.to_owned()));
        assert_ne!(key_bytes(&[text("a"), text("bc")]), key_bytes(&[text("ab"), text("c")]));
        assert_ne!(key_bytes(&[text("a\0"), text("")]), key_bytes(&[text("a"), text("\0")]));
        assert!(key_bytes(&[Some(Literal::Int64(-1))]) < key_bytes(&[Some(Literal::Int64(0))]));
    }
}
