//! Versions of the request language, and what two peers do when they differ: the gateway asks in
//! the highest version both know, and a node rejects what it doesn't know.

/// The version this build writes.
pub const VERSION: u32 = 1;
/// The oldest version this build reads.
pub const VERSION_MIN: u32 = 1;

/// Moments as measures. A question says which features it relies on, so that a peer without them still understands
/// every other question.
pub const FEATURE_MOMENTS: u64 = 1 << 0;

/// Bits of [`crate::v1::NodeRequest::required_features`] this build knows.
pub const FEATURES: u64 = FEATURE_MOMENTS;

/// Whether a request with this version and these features is understood here.
#[must_use]
pub const fn is_understood(version: u32, required_features: u64) -> bool {
    VERSION_MIN <= version && version <= VERSION && required_features & !FEATURES == 0
}
