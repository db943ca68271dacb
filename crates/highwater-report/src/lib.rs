//! Views of Highwater's answers: tables, trees and flame graphs for people, JSON for programs.
//!
//! Each view takes one answer of `highwater-analyze` and returns text. This crate knows no file format and
//! reads no file. The caller decides about the terminal, its width and colours in a [`View`].
//!
//! Text from profiles is not trusted: control characters in names never reach the output.
#![forbid(unsafe_code)]

mod advise;
mod check;
mod diff;
mod flame;
mod flame_growth;
mod github;
mod group_gate;
mod groups;
mod header;
mod info;
mod json;
mod junit;
mod label;
mod layout;
mod leaks;
mod list;
mod number;
mod page;
mod peek;
mod plot;
mod residency;
mod sheet;
mod short;
mod sparkline;
mod spikes;
mod table;
mod top;
mod tree;
mod trend;
mod types;
mod types_diff;
mod view;
mod walks;
mod whose;
mod wrap;

pub use advise::advise;
pub use check::check;
pub use diff::diff;
pub use flame::{FlameError, FlameText, flame, folded_lines};
pub use flame_growth::flame_growth;
pub use github::{github_annotations, github_summary};
pub use group_gate::group_gates;
pub use groups::groups;
pub use header::lost;
pub use info::info;
pub use json::{json, json_line};
pub use junit::junit;
pub use layout::layout;
pub use leaks::leaks;
pub use list::{Source, list};
pub use number::{amount, change, duration, estimate, time};
pub use page::{Changed, MOST_BYTES, Page, Snapshot};
pub use peek::peek;
pub use plot::{MOST_ROWS, PlotError, plot, plot_png};
pub use residency::residency;
pub use sheet::{Sheet, SheetRow};
pub use spikes::spikes;
pub use top::top;
pub use tree::tree;
pub use trend::trend;
pub use types::types;
pub use types_diff::types_diff;
pub use view::{Role, View};
pub use wrap::wrapped;

#[cfg(test)]
mod samples;
