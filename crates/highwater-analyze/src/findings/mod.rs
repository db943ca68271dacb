//! Findings: what a profile or a series says that somebody should act on.

pub(crate) mod advise;
pub(crate) mod check;
pub(crate) mod gap;
pub(crate) mod history;
pub(crate) mod leaks;
pub(crate) mod lives;
