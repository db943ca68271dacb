//! Tests that do nothing, each of them checked.

use highwater_leaktest as _;

#[path = "../cases/trivial.rs"]
mod trivial;
