//! The layouts of types, from debug information that has types: sizes, fields, the variants of enums, and the
//! variables that a future keeps at each await.

mod entry;
mod read;
pub(crate) mod scan;
pub(crate) mod shape;
