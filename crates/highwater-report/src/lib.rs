//! Views of Highwater's answers: tables, trees and flame graphs for people, JSON for programs.
//!
//! Each view takes one answer of `highwater-analyze` and gives text. This crate knows no file format and reads no
//! file; whether there is a terminal, how wide it is and whether colours are wanted is for the caller to say in
//! a [`View`].
//!
//! Texts from profiles are not trusted: control characters in names never reach the output.
#![forbid(unsafe_code)]

mod diff;
mod flame;
mod flame_growth;
mod header;
mod info;
mod json;
mod label;
mod list;
mod number;
mod page;
mod peek;
mod plot;
mod table;
mod top;
mod tree;
mod view;
mod walks;

pub use diff::diff;
pub use flame::{FlameError, FlameText, flame, folded_lines};
pub use flame_growth::flame_growth;
pub use info::info;
pub use json::json;
pub use list::{Source, list};
pub use number::amount;
pub use page::{Changed, Holding, MOST_BYTES, Page, Snapshot};
pub use peek::peek;
pub use plot::{MOST_ROWS, PlotError, plot};
pub use top::top;
pub use tree::tree;
pub use view::View;

#[cfg(test)]
mod samples;
