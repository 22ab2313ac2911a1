//! The types of a Tabulation's columns in the engine, which has more: an answer's types don't depend on who computed it.
//!
//! | column | Tabulation | engine |
//! |---|---|---|
//! | `date_trunc('month', day)` | date | timestamp |
//! | `EXTRACT(YEAR FROM day)`, `length(text)`, `CAST(n AS INT)`, over open data | 64 bits | 32 bits |
//! | `CAST(n AS DECIMAL(10, 2))`, over open data | 38 digits | 10 digits |
//! | `CASE WHEN n > 1 THEN 0.5 ELSE n END` and totals of it, over open data | decimal | floating point |

use std::cell::OnceCell;

use arrow_schema::{DataType, TimeUnit};
use insitu_engine::common::DFSchemaRef;
use insitu_engine::config::ConfigOptions;
use insitu_engine::logical_expr::{Aggregate, LogicalPlan};
use insitu_engine::optimizer::AnalyzerRule as _;
use insitu_engine::optimizer::analyzer::type_coercion::TypeCoercion;

/// Types of an aggregation's columns in the engine.
pub(super) struct EngineTypes<'a> {
    aggregate: &'a Aggregate,
    is_open: bool,
    /// The aggregation's schema once the engine has brought branches of `CASE` and the like to one type; looked at only where
    /// types seem to differ.
    typed: OnceCell<Option<DFSchemaRef>>,
}

impl<'a> EngineTypes<'a> {
    pub(super) const fn of(aggregate: &'a Aggregate, is_open: bool) -> Self {
        Self { aggregate, is_open, typed: OnceCell::new() }
    }

    /// The type that a column of a Tabulation is to be cast to, if it has another in the engine.
    pub(super) fn other_than(&self, place: usize, ours: &DataType) -> Option<DataType> {
        if self.aggregate.schema.fields().get(place)?.data_type() == ours {
            return None;
        }
        let typed = self.typed.get_or_init(|| {
            let raw = LogicalPlan::Aggregate(self.aggregate.clone());
            let typed = TypeCoercion::new().analyze(raw, &ConfigOptions::default());
            typed.ok().map(|plan| plan.schema().clone())
        });
        self.between(ours, typed.as_ref()?.fields().get(place)?.data_type())
    }

    fn between(&self, ours: &DataType, engines: &DataType) -> Option<DataType> {
        match (ours, engines) {
            // In microseconds, as clients have them: dates of all years fit.
            (DataType::Date32, DataType::Timestamp(_, None)) => {
                Some(DataType::Timestamp(TimeUnit::Microsecond, None))
            }
            (
                DataType::Int64,
                DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::UInt8
                | DataType::UInt16
                | DataType::UInt32,
            )
            | (DataType::Decimal128(..), DataType::Float64)
                if self.is_open =>
            {
                Some(engines.clone())
            }
            (DataType::Decimal128(_, places), DataType::Decimal128(_, other_places))
                if self.is_open && places == other_places && ours != engines =>
            {
                Some(engines.clone())
            }
            _ => None,
        }
    }
}
