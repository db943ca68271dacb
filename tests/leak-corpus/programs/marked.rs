//! The attribute with its options, together with other attributes, and the guard.

#[path = "../cases/marked.rs"]
mod marked;
