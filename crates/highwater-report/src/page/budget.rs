//! How much of each answer fits on a page.

/// Maximum nodes of all call trees together, before the page is checked for its size.
const NODES: usize = 60_000;

/// Maximum rows of all tables together, before the page is checked for its size.
const ROWS: usize = 6_000;

/// The size that one answer may take on a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Nodes of one tree.
    pub nodes: usize,
    /// Rows of one table.
    pub rows: usize,
}

impl Budget {
    /// The share of each of `views` views in this fraction of a page.
    pub fn new(views: usize, share: f64) -> Self {
        let each = |all: usize| (all as f64 * share / views.max(1) as f64) as usize;
        Self { nodes: each(NODES).max(50), rows: each(ROWS).clamp(10, 200) }
    }

    /// A smaller budget, for a page that is too large by this factor.
    pub fn cut(self, share: f64) -> Self {
        let less = |it: usize, share: f64| ((it as f64 * share) as usize).max(1);
        Self { nodes: less(self.nodes, share), rows: less(self.rows, share.sqrt()) }
    }

    pub fn is_least(self) -> bool {
        self.nodes <= 1 && self.rows <= 1
    }
}

/// The budget of the last snapshot, which readers look at most, and the budget of each earlier one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budgets {
    pub last: Budget,
    pub before: Budget,
}
