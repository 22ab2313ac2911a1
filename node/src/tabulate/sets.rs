//! Grouping sets as the engine's: what an aggregation is by, and which set each of its rows belongs to.
//!
//! Where there are sets, the engine groups by all of them in one pass over the rows, each row in each set, and gives
//! the keys that a set doesn't keep as NULL. A column of its own, the grouping id, tells those from keys without a value: a
//! bit for each expression, the rightmost the lowest, set where the expression is rolled up.

use arrow_schema::DataType;
use insitu_disclosure::tabulation::KeySet;
use insitu_disclosure::{SET_COLUMN, Tabulation};
use insitu_engine::common::{Column, ScalarValue};
use insitu_engine::logical_expr::expr::Case;
use insitu_engine::logical_expr::{Aggregate, Expr, GroupingSet, cast, lit};

/// What an aggregation is by: the keys of each set.
#[derive(Debug)]
pub(super) struct Grouping {
    keys: Vec<Expr>,
    sets: Vec<KeySet>,
}

impl Grouping {
    /// By these columns, which go along with the Tabulation's keys.
    pub(super) fn of(tabulation: &Tabulation, keys: Vec<Expr>) -> Self {
        Self { keys, sets: tabulation.sets.clone() }
    }

    /// The expressions of the aggregation.
    pub(super) fn expressions(&self) -> Vec<Expr> {
        if self.sets.is_empty() {
            return self.keys.clone();
        }
        let sets = self.sets.iter().map(|set| self.of_set(*set).cloned().collect()).collect();
        vec![Expr::GroupingSet(GroupingSet::GroupingSets(sets))]
    }

    fn of_set(&self, set: KeySet) -> impl Iterator<Item = &Expr> {
        set.kept(&self.keys)
    }

    /// The column [`SET_COLUMN`] from the engine's, where there are sets.
    pub(super) fn set_column(&self) -> Option<Expr> {
        // The engine numbers the expressions in the order in which the sets first name them.
        let mut named: Vec<&Expr> = Vec::new();
        for expr in self.sets.iter().flat_map(|set| self.of_set(*set)) {
            if !named.contains(&expr) {
                named.push(expr);
            }
        }
        let id = |set: KeySet| {
            let kept: Vec<&Expr> = self.of_set(set).collect();
            let rolled_up = |id: u64, expr: &&Expr| id << 1 | u64::from(!kept.contains(expr));
            named.iter().fold(0, rolled_up)
        };
        let grouping_id = Expr::Column(Column::from_name(Aggregate::INTERNAL_GROUPING_ID));
        let sets = self.sets.iter();
        let branches = sets.map(|s| (Box::new(lit(id(*s))), Box::new(lit(s.mask())))).collect();
        // An id that no set has would be a fault: NULL, which no reader takes for a set.
        let unknown = lit(ScalarValue::UInt16(None));
        let id = cast(grouping_id, DataType::UInt64);
        let set = Expr::Case(Case::new(Some(Box::new(id)), branches, Some(Box::new(unknown))));
        (!self.sets.is_empty()).then(|| set.alias(SET_COLUMN))
    }
}
