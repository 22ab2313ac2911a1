//! End to end: one binary, because each test binary links the whole engine.

// Tests may assume.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answer_times;
mod approx_distinct;
mod attacks;
mod bad_input;
mod budget;
mod cancel;
mod explain;
mod functions;
mod limits;
mod margins;
mod metamorphic;
mod moments;
mod neighbours;
mod numbers;
mod open_rows;
mod open_values;
mod oracle;
mod outage;
mod overload;
mod policy_matrix;
mod quantiles;
mod query_id;
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
mod tidy;
mod tpch;
mod unions;
mod unit_joins;
mod wire;
