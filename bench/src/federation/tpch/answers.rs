//! When two answers are the same.

/// An answer's cells as text, in the order asked for.
pub(super) type Rows = Vec<Vec<String>>;

/// The most that two numbers may be apart: a mean has the digits of its type, and these differ.
const APART_MAX: f64 = 1e-6;
/// The same of large numbers, by their size: what reading a number as a float costs.
const APART_RELATIVE_MAX: f64 = 1e-12;

/// Whether all cells are the same: texts exactly, numbers up to the digits that their types have.
pub(super) fn same(one: &Rows, other: &Rows) -> bool {
    let cells = |rows: &Rows| rows.iter().map(Vec::len).collect::<Vec<_>>();
    cells(one) == cells(other)
        && one.iter().flatten().zip(other.iter().flatten()).all(|(a, b)| alike(a, b))
}

fn alike(one: &str, other: &str) -> bool {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= APART_MAX + APART_RELATIVE_MAX * a.abs().max(b.abs()),
        (Err(_), _) | (_, Err(_)) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_have_other_digits_and_nothing_else_may_differ() {
        let rows = |cells: &[&str]| vec![cells.iter().map(ToString::to_string).collect()];
        assert!(same(&rows(&["A", "25.522006", "3"]), &rows(&["A", "25.522005853257337", "3.00"])));
        for other in [&["B", "1"][..], &["A", "1.00001"], &["A"], &["A", "NULL"]] {
            assert!(!same(&rows(&["A", "1"]), &rows(other)), "{other:?}");
        }
        assert!(!same(&rows(&["56586554400.73"]), &rows(&["56586554400.80"])));
    }
}
