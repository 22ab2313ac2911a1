//! The bound on time, counted in work done, so that the same table gives the same answer on every
//! machine: a clock would not.

/// Why a computation ended without an answer. Never means "protected".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The work allowed is spent.
    WorkSpent,
    /// A number outgrew its integer type.
    Overflow,
}

/// Work still allowed, in coefficients read or changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    left: u64,
}

impl Work {
    pub(super) fn new(allowed: u64) -> Self {
        Self { left: allowed }
    }

    pub(super) fn spend(&mut self, coefficients: usize) -> Result<(), Stop> {
        let spent = u64::try_from(coefficients).unwrap_or(u64::MAX);
        match self.left.checked_sub(spent) {
            Some(left) => self.left = left,
            None => self.end(),
        }
        if self.left == 0 { Err(Stop::WorkSpent) } else { Ok(()) }
    }

    /// Nothing more may be spent: whatever was under way is left unfinished.
    pub(super) fn end(&mut self) {
        self.left = 0;
    }
}
