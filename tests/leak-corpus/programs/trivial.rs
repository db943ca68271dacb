//! Tests that do nothing, unchecked.

#[path = "../cases/trivial.rs"]
mod trivial;
