//! The text formats: Highwater reads the same values as each format's own tool, and other programs read
//! Highwater's files.
//!
//! Goldens are below `tests/golden`, next to the `command` that generates them. If a format's tool runs on
//! Debian, the test runs it on the golden. For memray, the tool's answers are stored next to the CSV.

mod damaged;
mod go;
mod memray;
mod packed;
mod perl;
mod support;
mod symbols;
mod totals;
mod written;
