//! The corpus's tests with limits on memory.

#[path = "../cases/memory/mod.rs"]
mod memory;
