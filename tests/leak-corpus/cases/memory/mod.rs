//! Tests that leave blocks, and tests with budgets.
//!
//! What a test does not keep stands behind the line that allocates: `// LIMIT: N`, the limit by its name in the report, and
//! how many blocks are above no limit there (for a limit of bytes: the bytes).

mod asserts;
mod budgets;
mod left;
mod nasty;

use std::hint::black_box;

/// A block that the compiler does not leave out.
pub fn block(size: usize) -> Vec<u8> {
    black_box(vec![1; size])
}
