//! Folded stacks: a line for each stack, root first, `main;parse;push 4096`. What flame graphs are drawn
//! from.
//!
//! The format was never written down; Brendan Gregg's `flamegraph.pl` is its reader of reference. A line says
//! nothing but names and one number, so what the number counts is lost. Numbers may be negative, in
//! differences, and have decimals, where a tool scaled them. A line that begins with `# ` is a remark. With
//! two numbers a line, as `difffolded.pl` and `inferno-diff-folded` write it, they belong to a base and to a
//! new profile.

mod decode;
mod encode;
mod value;

pub(super) use decode::{decode, detect};
pub(super) use encode::{encode, escaped};

/// What `flamegraph.pl` calls a number of unknown unit.
const KIND: (&str, &str) = ("samples", "count");

/// A frame without a name.
const UNKNOWN: &str = "[unknown]";
