//! Tests that leave blocks, and tests with budgets.
//!
//! A comment after the allocating line states the limit that a test exceeds: `// LIMIT: N`, with the name of
//! the limit in the report, and the number of blocks above it (for a limit on bytes: the bytes).

mod asserts;
mod budgets;
mod left;
mod nasty;

use std::hint::black_box;

/// A block that the compiler does not optimise away.
pub fn block(size: usize) -> Vec<u8> {
    black_box(vec![1; size])
}
