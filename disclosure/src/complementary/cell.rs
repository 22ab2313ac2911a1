//! What complementary suppression is told of a table, and why it may fail.

/// What is decided of a cell beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellState {
    /// Suppressed by a primary rule; its protection levels hold.
    Primary,
    /// Suppressed in a table that was decided before and is out already. Its protection levels hold
    /// as far as they do with every cell suppressed that isn't fixed: what is published now narrows
    /// nothing that was protected. Without levels nothing is asked of it.
    Suppressed,
    /// May be published or suppressed.
    Open,
    /// Always published: structural zeros, figures already public.
    Fixed,
}

impl CellState {
    /// Suppressed whatever is decided now.
    #[must_use]
    pub const fn is_hidden(self) -> bool {
        match self {
            Self::Primary | Self::Suppressed => true,
            Self::Open | Self::Fixed => false,
        }
    }
}

/// One cell of one measure, margins included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellInput {
    /// The true value: a count, or a magnitude in its smallest unit.
    pub value: i128,
    /// Information lost if it is suppressed; often the value itself. 0 counts as 1.
    pub cost: u64,
    /// What is decided already.
    pub state: CellState,
    /// A primary cell's interval must reach down to `value - lower_protection`; where the measure
    /// is known to be non-negative, to 0 at most.
    pub lower_protection: u128,
    /// A primary cell's interval must reach up to `value + upper_protection`.
    pub upper_protection: u128,
    /// The attacker knows that the value isn't below 0.
    pub non_negative: bool,
    /// A cell suppressed beforehand with one contributor, who therefore knows its value: every other
    /// cell with levels must stay protected from that contributor too. `false` = not considered.
    pub singleton: bool,
}

/// `value[total]` is the sum of `value[part]` over the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Position of the margin in the list of cells.
    pub total: usize,
    /// Positions of the cells that add up to it.
    pub parts: Vec<usize>,
}

/// Bounds on size and effort. Past them more is suppressed, never less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Cells in one table.
    pub cells_max: usize,
    /// Protection levels to hold: two for each primary cell, and as many again for each lone
    /// contributor. A requirement takes about a hundred bytes.
    pub requirements_max: usize,
    /// Coefficients the search may read or change; about 2e8 to 4e8 a second.
    /// When they are spent the best safe pattern so far is used.
    pub search_work_max: u64,
    /// The same for the audit of the final pattern; when spent, what isn't shown is unprotected.
    pub audit_work_max: u64,
}

impl Limits {
    /// Release build: a 20 by 20 table in one to three seconds, 100 by 100 in two to four. 20 by 20 by
    /// 20 ends without a pattern of its own after seven: all of it is suppressed.
    pub const STANDARD: Self = Self {
        cells_max: 12_000,
        requirements_max: 1_000_000,
        search_work_max: 300_000_000,
        audit_work_max: 1_000_000_000,
    };
}

/// What an attacker can compute of one suppressed cell from everything published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Position in the list of cells.
    pub cell: usize,
    /// Smallest possible value, rounded up to an integer; none = without bound.
    pub low: Option<i128>,
    /// Largest possible value, rounded down to an integer; none = without bound.
    pub high: Option<i128>,
    /// The interval is the attacker's. When false the work ran out: it lies within the attacker's.
    pub complete: bool,
    /// The interval reaches both protection levels, also for singleton contributors; those of
    /// [`CellState::Suppressed`] as far as that says. Cells without levels are protected as they are.
    pub protected: bool,
}

/// No pattern was found that protects every primary cell. There is one safe way on: publish none of
/// the table's cells for this measure, fixed ones aside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprotectable {
    /// The relations name cells that don't exist, don't add up, or a list has the wrong length.
    #[error("the table isn't consistent: {0}")]
    Inconsistent(&'static str),
    /// More cells than the limit.
    #[error("the table has {cells} cells, more than {cells_max}")]
    TooLarge {
        /// In this table.
        cells: usize,
        /// Allowed.
        cells_max: usize,
    },
    /// These primary cells stay exposed even if every cell that isn't fixed is suppressed.
    #[error("{} cells can't be protected by suppression", cells.len())]
    NoRoom {
        /// Positions in the list of cells.
        cells: Vec<usize>,
    },
    /// The limits were reached before any pattern was shown to be safe.
    #[error("no safe pattern within the limits")]
    WorkSpent,
}
