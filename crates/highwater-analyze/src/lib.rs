//! Questions asked of heap profiles, and their answers as plain data.
//!
//! [`top()`] ranks, [`diff()`] compares, a [`GroupsBuilder`] compares groups of processes, [`check()`] judges growth, [`tree()`], [`growth()`] and [`folded()`] follow calls
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

mod caveat;
mod error;
mod findings;
mod frames;
mod group;
mod groups;
mod parallel;
mod queries;
mod query;
mod sample_kind;
mod series;
pub mod statistics;

pub use caveat::Caveat;
pub use error::{AnalyzeError, refuse_difference};
pub use findings::advise::advice::{Advice, Measure, MeasureKind, Rate, Saving};
pub use findings::advise::{Advices, NotPossible, advise};
pub use findings::check::{
    Allowance, Check, CheckOptions, CheckRow, Doubt, Judged, Judgement, KindCheck, Remedy, Verdict, check,
};
pub use findings::gap::Gap;
pub use findings::history::History;
pub use findings::leaks::leak::{Cause, Leak, LeakEvidence, NotKnown};
pub use findings::leaks::suppress::{Suppressed, Suppression};
pub use findings::leaks::{Leaks, leaks};
pub use frames::code::Code;
pub use frames::drop_frames::{DropFramesError, drop_frames, take_invalid_expressions};
pub use frames::frame::Frame;
pub use group::{GroupBy, RowKey};
pub use groups::answer::{GroupPower, GroupRow, Groups, Interval95, Normalize};
pub use groups::collect::GroupsBuilder;
pub use groups::gate::{GroupGate, gate};
pub use groups::judge::{GroupOptions, JudgedRow, JudgedRows, judge_groups};
pub use groups::matrix::{GroupMatrix, GroupSide};
pub use groups::note::GroupNote;
pub use groups::process::GroupProcess;
pub use highwater_names::types::{ContainerRule, Element};
pub use queries::causes::{Causes, causes};
pub use queries::comparison::Overlap;
pub use queries::diff::change::{Change, CohortEstimates};
pub use queries::diff::options::{DiffMode, DiffOptions};
pub use queries::diff::{Diff, DiffRow, diff};
pub use queries::folded::{FoldedDiff, FoldedStack, folded, folded_diff};
pub use queries::growth::{Growth, GrowthNode, growth};
pub use queries::header::{Header, Omitted, Period, kinds_with_values, notes};
pub use queries::holdings::{Holding, holdings};
pub use queries::info::{Info, MappingInfo, SampleTypeInfo, SourceInfo, info};
pub use queries::list::{LineValues, ListedFunction, ListedLine, Listing, list};
pub use queries::lost::{Lost, lost};
pub use queries::peek::{Peek, PeekEdge, PeekFunction, peek};
pub use queries::residency::{KeptBytes, Residency, ResidencyLine, residency};
pub use queries::top::{Top, TopRow, top};
pub use queries::tree::{Tree, TreeNode, tree};
pub use queries::types::change::{TypeChange, TypesDiff, types_diff};
pub use queries::types::layout::{Boxed, Layout, LayoutRow, VariantRow, layout, layout_key};
pub use queries::types::parts::TypePart;
pub use queries::types::shape::{Field, Shape, Variant};
pub use queries::types::{TypeRow, Types, types};
pub use query::Query;
pub use sample_kind::{SampleKind, Unit};
pub use series::check::{SeriesError, SeriesNote};
pub use series::flow_source::FlowSource;
pub use series::spikes::explain::{SpikeRow, Suspects, explain};
pub use series::spikes::find::{Spikes, find_spikes};
pub use series::spikes::follow::SpikeFollower;
pub use series::spikes::spike::{Sign, Spike, SpikesOptions};
pub use series::spikes::totals::SnapshotTotals;
pub use series::timeline::{Moment, Timeline, TimelineBuilder, TimelineRow};
pub use series::trend::classify::{Class, TrendEvidence};
pub use series::trend::forecast::{Forecast, Used};
pub use series::trend::{Trend, TrendOptions, TrendRow};
pub use series::{Series, SeriesOptions};
pub use statistics::estimate::Estimate;
