//! Questions asked of heap profiles, and their answers as plain data.
//!
//! [`top()`] ranks, [`diff()`] compares, [`check()`] judges growth, [`tree()`], [`growth()`] and [`folded()`] follow calls
//! from the root, [`peek()`] looks at the callers and callees of one function, [`list()`] at its lines, and [`info()`] says
//! what a file holds. A [`Series`] follows the snapshots of a process and says what leaks; [`find_spikes`] and [`explain`]
//! say when it jumped, and why; a [`TimelineBuilder`] adds up what it held when. Each takes profiles and a [`Query`] and
//! returns structures that serialize; every number is an [`Estimate`] that carries its sampling error.
//!
//! Everything here is pure: no file is read, nothing is printed, and there is no word in an answer that is meant for
//! a terminal. A row stands for the code that a reader can change: see [`Query::leaf`] and [`Query::through`]
//! for how the frames of the allocator and of the standard library are passed over.
//!
//! ```
//! use highwater_analyze::{Query, top};
//! use highwater_profile::{Line, Location, Profile, ValueType};
//!
//! let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
//! let grow = profile.add_function("alloc::raw_vec::finish_grow", "", "/rustc/0/library/alloc/src/raw_vec.rs");
//! let main = profile.add_function("demo::main", "", "src/main.rs");
//! let stack = [(grow, 500), (main, 7)]
//!     .map(|(function, line)| profile.add_location(Location::symbolized(vec![Line::new(function, line)])));
//! profile.samples.push(&stack, &[4096], &[]);
//!
//! let answer = top(&profile, &Query::default())?;
//! assert_eq!(answer.rows[0].key.label, "src/main.rs:7 demo::main");
//! assert_eq!(answer.rows[0].flat.value, 4096);
//! # Ok::<(), highwater_analyze::AnalyzeError>(())
//! ```
#![forbid(unsafe_code)]

mod advise;
mod allocators;
mod attribution;
mod branches;
mod causes;
mod change_test;
mod check;
mod comparison;
mod diff;
mod drop_frames;
mod error;
mod estimate;
mod filter;
mod folded;
mod frame;
mod group;
mod growth;
mod header;
mod holdings;
mod info;
mod interval;
mod leaks;
mod list;
mod lives;
mod lost;
mod module;
mod name;
mod parallel;
mod peek;
mod query;
mod re2;
mod resolver;
mod rows;
mod sample_kind;
mod sampling;
mod series;
mod sites;
mod source;
mod spikes;
pub mod statistics;
mod symbols;
mod timeline;
mod top;
mod tree;
mod trend;
mod type_table;
mod types;

pub use advise::{Advice, Advices, Measure, MeasureKind, NotPossible, Rate, Saving, advise};
pub use causes::{Causes, causes};
pub use check::{
    Allowance, Check, CheckOptions, CheckRow, Doubt, Judged, Judgement, KindCheck, Remedy, Verdict, check,
};
pub use comparison::{Caveat, Overlap};
pub use diff::{Change, CohortEstimates, Diff, DiffMode, DiffOptions, DiffRow, diff};
pub use drop_frames::{DropFramesError, drop_frames, take_invalid_expressions};
pub use error::{AnalyzeError, refuse_difference};
pub use estimate::Estimate;
pub use folded::{FoldedDiff, FoldedStack, folded, folded_diff};
pub use frame::Frame;
pub use group::{GroupBy, RowKey};
pub use growth::{Growth, GrowthNode, growth};
pub use header::{Header, Omitted, Period, kinds_with_values, notes};
pub use holdings::{Holding, holdings};
pub use info::{Info, MappingInfo, SampleTypeInfo, SourceInfo, info};
pub use leaks::{Cause, Gap, History, Leak, LeakEvidence, Leaks, NotKnown, Suppressed, Suppression, leaks};
pub use list::{LineValues, ListedFunction, ListedLine, Listing, list};
pub use lost::{Lost, lost};
pub use module::is_system_library;
pub use peek::{Peek, PeekEdge, PeekFunction, peek};
pub use query::Query;
pub use sample_kind::{SampleKind, Unit};
pub use series::{FlowSource, Series, SeriesError, SeriesNote, SeriesOptions};
pub use spikes::{
    Sign, SnapshotTotals, Spike, SpikeFollower, SpikeRow, Spikes, SpikesOptions, Suspects, explain,
    find_spikes,
};
pub use timeline::{Moment, Timeline, TimelineBuilder, TimelineRow};
pub use top::{Top, TopRow, top};
pub use tree::{Tree, TreeNode, tree};
pub use trend::{Class, Evidence, Forecast, Trend, TrendOptions, TrendRow, Used};
pub use type_table::{TypePart, TypeRow, Types, types};
pub use types::{ContainerRule, Element};
