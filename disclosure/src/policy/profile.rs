//! The numbers of the rules on cells.

/// What the rules on cells work with. Every field is applied by one rule, named in its doc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Distinct protected units that must contribute to a measure of a cell before it is shown.
    /// 0 for open data. Rule [`crate::rules::threshold`].
    pub threshold_units: u32,
    /// The threshold of a cell is raised by 0 to this many units, drawn from secret keys, so that
    /// whether a cell is suppressed doesn't tell its exact size.
    pub threshold_blur: u32,
    /// The same of sets that their asker chose, where it is more: rule [`crate::rules::edge`].
    pub threshold_blur_chosen: u32,
    /// Distinct protected units that all departments but any one of them must contribute together, where several hold
    /// a dataset; raised like the threshold. 0: off. Rule [`crate::rules::others`].
    pub others_min: u32,
    /// Which count is held against the threshold.
    pub threshold_on: ThresholdOn,
    /// What becomes of a count of nobody.
    pub zeros: Zeros,
    /// How much is added. Rule [`crate::rules::noise`].
    pub noise: Noise,
    /// Each unit's amount is off by at least so many per cent, at most twice that, before it is added up. 0: not at all.
    /// [`crate::noise::Infusion`].
    pub infusion_percent: u32,
    /// Counts and totals are rounded to this, in the column's declared unit of measurement; 1 leaves
    /// them as they are. Rule [`crate::rules::rounding`].
    pub rounding_base: u32,
    /// To a multiple of the base, or to the middle between two.
    pub rounding: Rounding,
    /// How much of a total one or two units may hold. Rule [`crate::rules::dominance`].
    pub dominance: Dominance,
    /// Whether cells are suppressed so that others can't be computed from margins.
    pub complementary: Complementary,
    /// Whether cells that differ by a few units from a released one repeat its value. Rule
    /// [`crate::rules::guard`].
    pub guard: DifferenceGuard,
    /// Which rows may be picked out. Rule [`crate::rules::input`].
    pub predicates: Predicates,
    /// Units beyond the parameters of a moment (variance and the like) that must contribute to it.
    pub degrees_of_freedom: u32,
}

/// Which count is held against the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ThresholdOn {
    /// The count after noise, as the ONS cell-key package does.
    Perturbed,
    /// The true number of units.
    Units,
}

/// What becomes of a count of nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Zeros {
    /// Shown as 0.
    Shown,
    /// Suppressed like any other small count: that a group has nobody is a finding about all in it.
    Small,
}

/// Layers of noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noise {
    /// Nothing is added.
    None,
    /// Totals have what they have under [`Noise::Cell`], counts nothing: for a method of counts that says nothing of totals.
    Totals,
    /// One layer: the same units, the same noise (cell key). Totals have part of the second, too: see [`crate::rules::noise`].
    Cell,
    /// A second: the same question, the same noise.
    CellAndQuestion,
}

/// How values are rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rounding {
    /// To the nearest multiple of the base, half away from zero.
    Nearest,
    /// Counts to the middle of the interval between two multiples; zero stays zero.
    Midpoint,
}

/// How much of a total one or two units may hold, in per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dominance {
    /// p% rule: suppressed if what the others hold is less than this share of the largest
    /// contribution, so that the second largest could estimate the largest so closely. 0: off.
    pub p_percent: u32,
    /// Suppressed if the largest contribution is more than this share of the total. 100: off.
    pub one_percent: u32,
    /// Suppressed if the two largest together are more than this share of the total. 100: off.
    pub two_percent: u32,
}

impl Dominance {
    /// The rule is off.
    pub const OFF: Self = Self { p_percent: 0, one_percent: 100, two_percent: 100 };
}

/// Whether cells are suppressed so that others can't be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Complementary {
    /// No: noise makes margins inexact.
    Off,
    /// Yes.
    On,
}

/// Whether released cells are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceGuard {
    /// No.
    Off,
    /// Yes.
    On,
}

/// Which rows may be picked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Predicates {
    /// Any, as over open data.
    Free,
    /// Any boolean expression over dimensions; filters and measures at breakpoints.
    Standard,
    /// Only `column IN (codes)` and ranges between breakpoints, all of which must hold.
    Strict,
    /// None: whole tables over dimensions as they are, whose margins are all known.
    WholeTables,
}

impl Profile {
    /// Whether anything is drawn from units' record keys: noise, or how wide an edge is.
    #[must_use]
    pub fn draws(self) -> bool {
        self.noise != Noise::None || 0 < self.threshold_blur || 0 < self.threshold_blur_chosen
    }

    /// Published data: no protection.
    pub const OPEN: Self = Self {
        threshold_units: 0,
        threshold_blur: 0,
        threshold_blur_chosen: 0,
        others_min: 0,
        threshold_on: ThresholdOn::Units,
        zeros: Zeros::Shown,
        noise: Noise::None,
        infusion_percent: 0,
        rounding_base: 1,
        rounding: Rounding::Nearest,
        dominance: Dominance::OFF,
        complementary: Complementary::Off,
        guard: DifferenceGuard::Off,
        predicates: Predicates::Free,
        degrees_of_freedom: 0,
    };
}
