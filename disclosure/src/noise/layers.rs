//! How the two layers of noise are added to a count.
//!
//! ```text
//! noise = PT1[ pcv(n), K mod M ] + PT2[ D, q mod M ]
//! ```
//!
//! `K` is the cell key: the sum of the record keys of the people counted. It ties the first layer
//! to the people: the same people get the same noise, however they are selected. Alone it answers
//! one question too well. If two selections differ by at most one person, equal noise says that
//! they are the same people (see `differencing` for how often that decides).
//!
//! `q` is the question key: a keyed hash of the cell's coordinate, which no data enters. It ties
//! the second layer to the question: two questions get unrelated noise even when they select the
//! same people, and the same question can't be averaged. Its table has one row, the one with the
//! full distribution, as a row chosen by the count would tie the layer to the data.
//!
//! Source for layers that are tied to the data and to the question, with their fixed noise: Francis
//! and others, "Diffix" (2017, 2018); for the first layer, Fraser and Wooton (2005).

use super::ptable::PerturbationTable;

/// The perturbation tables a count goes through.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a> {
    /// The layer tied to the people, `PT1`.
    pub cell: &'a PerturbationTable,
    /// The layer tied to the question, `PT2`, if the profile has one. Give it another seed than
    /// `cell`, so that no two keys are ever read from the same row.
    pub question: Option<&'a PerturbationTable>,
}

impl Layers<'_> {
    /// The noise to add to the true count `n`.
    ///
    /// `cell_key` and `question_key` are taken modulo the keys of their table. The question layer
    /// is added to empty cells as well, and may take a small count below 0; the threshold hides
    /// both. It must: a layer that spared empty cells would tell them apart.
    pub fn perturb(&self, n: u64, cell_key: u32, question_key: u32) -> i64 {
        let cell = self.cell.perturbation(self.cell.pcv(n), column(self.cell, cell_key));
        let question = self
            .question
            .map_or(0, |table| table.perturbation(table.widest_pcv(), column(table, question_key)));
        cell + question
    }

    /// The largest absolute noise, for the published metadata.
    pub fn largest(&self) -> u64 {
        self.cell.largest() + self.question.map_or(0, question_row_largest)
    }

    /// The standard error of a count in thousandths, rounded up, for the published metadata. The
    /// layers are independent, so their mean squares add up.
    pub fn standard_error_thousandths(&self) -> u64 {
        let cell = self.cell.standard_error_thousandths();
        let question = self
            .question
            .map_or(0, |table| table.row(table.widest_pcv()).standard_error_thousandths());
        let squares =
            u128::from(cell) * u128::from(cell) + u128::from(question) * u128::from(question);
        let root = squares.isqrt();
        u64::try_from(if root * root == squares { root } else { root + 1 }).unwrap_or(u64::MAX)
    }
}

fn question_row_largest(table: &PerturbationTable) -> u64 {
    table.row(table.widest_pcv()).largest
}

fn column(table: &PerturbationTable, key: u32) -> u32 {
    key.checked_rem(table.keys()).unwrap_or(0)
}

/// How far the threshold of a cell is raised, 0 to 3, from the low bits of a keyed hash.
///
/// A fixed threshold tells, of a cell at its edge, on which side one person puts it. The hash must
/// cover the question and the cell key, so that the edge lies elsewhere in every question.
pub const fn blur(bits: u32) -> u64 {
    (bits & 3) as u64
}

#[cfg(test)]
mod tests {
    use super::super::maximum_entropy::MaximumEntropy;
    use super::{Layers, PerturbationTable, blur};

    fn tables() -> (PerturbationTable, PerturbationTable) {
        let table = |seed| PerturbationTable::maximum_entropy(&MaximumEntropy::standard(seed));
        (table(1), table(2))
    }

    #[test]
    fn noise_is_the_sum_of_both_tables_with_keys_taken_modulo_theirs() {
        let (cell, question) = tables();
        let layers = Layers { cell: &cell, question: Some(&question) };
        for n in [0, 1, 2, 9, 10, 750, 751, 1_000_000] {
            for key in (0..20_000).step_by(331) {
                let (k, q) = (key, 7 * key + 5);
                let expected =
                    cell.perturbation(cell.pcv(n), k % 4096) + question.perturbation(3, q % 4096);
                assert_eq!(layers.perturb(n, k, q), expected);
            }
        }
    }

    #[test]
    fn without_a_question_layer_the_question_does_not_matter() {
        let (cell, _) = tables();
        let layers = Layers { cell: &cell, question: None };
        for q in 0..100 {
            assert_eq!(layers.perturb(57, 8, q), layers.perturb(57, 8, 0));
        }
    }

    #[test]
    fn a_table_with_any_number_of_keys_can_be_a_layer() {
        let cell = PerturbationTable::from_csv("pcv,ckey,pvalue\n5,0,1\n5,2,-1\n").unwrap();
        let layers = Layers { cell: &cell, question: None };
        let noise: Vec<i64> = (0..6).map(|k| layers.perturb(5, k, 0)).collect();
        assert_eq!(noise, [1, 0, -1, 1, 0, -1]);
    }

    #[test]
    fn the_published_error_covers_both_layers() {
        let (cell, question) = tables();
        let one = Layers { cell: &cell, question: None };
        let two = Layers { cell: &cell, question: Some(&question) };
        assert_eq!((one.largest(), one.standard_error_thousandths()), (3, 1415));
        // The root of 1.415² twice, rounded up; the exact value is 2.
        assert_eq!((two.largest(), two.standard_error_thousandths()), (6, 2002));
    }

    #[test]
    fn the_threshold_is_raised_by_each_of_0_to_3_equally_often() {
        let mut seen = [0; 4];
        for bits in 0..4096 {
            seen[blur(bits) as usize] += 1;
        }
        assert_eq!(seen, [1024; 4]);
    }
}
