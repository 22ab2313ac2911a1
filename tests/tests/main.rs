//! End to end: one binary, because each test binary links the whole engine.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answer_times;
mod approx_distinct;
mod attacks;
mod bad_input;
mod budget;
mod cancel;
mod constants;
mod explain;
mod functions;
mod hierarchies;
mod limits;
mod links;
mod margins;
mod metamorphic;
mod moments;
mod neighbours;
mod nobody;
mod numbers;
mod open_rows;
mod open_values;
mod oracle;
mod outage;
mod overload;
mod parameters;
mod policy_matrix;
mod quantiles;
mod query_id;
mod reference_pairs;
mod references;
mod regressions;
mod result_cache;
mod roll_up_references;
mod roll_ups;
mod same_id;
mod sharing;
mod slt;
mod split;
mod structural_zeros;
mod terms;
mod tidy;
mod tpch;
mod unions;
mod unit_joins;
mod wire;
