//! Versions of the request language, and what two peers do when they differ: the gateway asks in
//! the highest version both know, and a node rejects what it doesn't know.
//!
//! What some questions need and others don't is a feature. A request names those it needs and no others, so
//! that an older node still answers the rest.

/// The version this build writes. 2 has histograms and quantiles, and parts that several measures need once only; 3 has sketches of
/// sums modulo 256.
pub const VERSION: u32 = 3;
/// The oldest version this build reads. In version 1 an answer had a part as often as measures needed it, in version 2 sketches of
/// another size.
pub const VERSION_MIN: u32 = 3;

/// The feature of Tabulations with grouping sets.
pub const GROUPING_SETS: u64 = 1 << 0;
/// The feature of measures that are moments.
pub const MOMENTS: u64 = 1 << 1;
/// The feature of Tabulations whose rows are looked up in reference data.
pub const REFERENCES: u64 = 1 << 2;
/// The feature of Tabulations over rolled-up units.
pub const ROLL_UPS: u64 = 1 << 3;
/// The feature of roll-ups that add up measures.
pub const UNIT_TOTALS: u64 = 1 << 4;
/// The feature of measures that are sketches of open data's different values.
pub const DISTINCT_SKETCHES: u64 = 1 << 5;
/// The feature of Tabulations whose rows are joined by their unit.
pub const UNIT_JOINS: u64 = 1 << 6;
/// The feature of open rows of which only the first are asked for.
pub const ROWS_LIMIT: u64 = 1 << 7;
/// The feature of functions of days within a month, week or year, and of texts that are put together.
pub const DAYS_AND_CONCAT: u64 = 1 << 8;
/// Bits of [`crate::v1::NodeRequest::required_features`] this build knows.
pub const FEATURES: u64 = GROUPING_SETS
    | MOMENTS
    | REFERENCES
    | ROLL_UPS
    | UNIT_TOTALS
    | DISTINCT_SKETCHES
    | UNIT_JOINS
    | ROWS_LIMIT
    | DAYS_AND_CONCAT;

/// Whether a request with this version and these features is understood here.
#[must_use]
pub const fn is_understood(version: u32, required_features: u64) -> bool {
    VERSION_MIN <= version && version <= VERSION && required_features & !FEATURES == 0
}
