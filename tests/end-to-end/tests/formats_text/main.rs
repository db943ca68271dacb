//! The text formats: what their own tools say of a file, we say of it; what we write, other programs read.
//!
//! Goldens are below `tests/golden`, each beside the `command` that makes it. Where a format's tool runs on Debian, it
//! reads the golden here and now; what memray says of its recording lies beside the CSV made from it.

mod damaged;
mod go;
mod memray;
mod packed;
mod perl;
mod support;
mod symbols;
mod totals;
mod written;
