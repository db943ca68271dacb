//! The heap profile: what one is, and the files it is read from and written to.
//!
//! [`Profile`] is the only document that passes between Highwater's crates. It is shaped like pprof's
//! (sample types, samples, locations, functions, mappings), because pprof is the native file format:
//! whatever Highwater knows is kept in a file that other tools open as it is.
//!
//! This crate knows nothing of allocators, findings or terminals. A format is one file below
//! [`format`](mod@format) and one row in `format/list.rs`.
//!
//! ```
//! use highwater_profile::{Line, Location, Profile, ValueType, pprof};
//!
//! let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
//! let function = profile.add_function("demo::main", "demo::main", "src/main.rs");
//! let frame = profile.add_location(Location::symbolized(vec![Line::new(function, 7)]));
//! profile.samples.push(&[frame], &[4096], &[]);
//!
//! let mut file = Vec::new();
//! pprof::write(&profile, &mut file)?;
//! let again = highwater_profile::read(&file, &Default::default())?;
//! assert_eq!(again.samples.total(0), 4096);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! - `formats` (on by default): every format but pprof, and zstd.
//! - `lock`: a lock on a directory that one process writes into.
//! - `otlp`: profiles as a request to OpenTelemetry's collector.
#![forbid(unsafe_code)]

mod bounded_text;
mod describe;
mod detect;
mod difference;
pub mod file;
mod format;
mod index;
mod limits;
mod list_table;
mod location;
mod merge;
mod meta;
mod profile;
mod read;
mod read_error;
mod sample;
pub mod sequence;
mod source;
mod stream;
mod string_table;
mod unpack;
mod utf8;

pub use bounded_text::BoundedText;
pub use describe::describe;
pub use format::list::{Format, UnknownFormatName};
#[cfg(feature = "formats")]
pub use format::others::csv;
#[cfg(feature = "otlp")]
pub use format::otlp;
pub use format::{Written, go_text, pprof, write};
pub use limits::Limits;
pub use list_table::ListTable;
pub use location::{Function, FunctionId, Line, Location, LocationId, Mapping, MappingId, Place};
pub use merge::{MergeError, files_of_several_builds, merge};
pub use meta::Meta;
pub use profile::{Profile, ValueType};
pub use read::{read, read_as};
pub use read_error::ReadError;
pub use sample::{Label, LabelValue, LabelsId, Sample, SampleTable, StackId};
pub use source::{Missing, Source};
pub use string_table::{StringId, StringTable};
