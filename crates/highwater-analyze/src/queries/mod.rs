//! Questions asked of one profile or of two, and what all of them need: stacks after filtering, rows, headers.

pub(crate) mod branches;
pub(crate) mod causes;
pub(crate) mod comparison;
pub(crate) mod diff;
pub(crate) mod folded;
pub(crate) mod growth;
pub(crate) mod header;
pub(crate) mod holdings;
pub(crate) mod info;
pub(crate) mod list;
pub(crate) mod lost;
pub(crate) mod peek;
pub(crate) mod residency;
pub(crate) mod rows;
pub(crate) mod sites;
pub(crate) mod top;
pub(crate) mod tree;
pub(crate) mod types;
