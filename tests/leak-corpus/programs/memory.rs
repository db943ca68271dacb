//! The corpus's tests that say what they may do with memory.

#[path = "../cases/memory/mod.rs"]
mod memory;
