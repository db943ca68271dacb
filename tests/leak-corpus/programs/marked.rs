//! The attribute with its options and beside those of others, and the guard.

#[path = "../cases/marked.rs"]
mod marked;
