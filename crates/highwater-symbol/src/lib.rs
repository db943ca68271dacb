//! Resolves addresses to functions, files and lines, with the binaries and debug files that a profile's
//! mappings name.
//!
//! The recorder writes profiles without symbols, since reading debug information inside the recorded process
//! would cost memory and time. This crate adds symbols when the profile is read, possibly on another machine
//! and after the program was built again. So a file is used only if its build id is the mapping's: a missing
//! name is better than a wrong one. [`Summary`] says which files were missing and why.
//!
//! This crate is the only one that reads debug information for profiles. It prints nothing and takes no
//! decisions for its caller.
#![forbid(unsafe_code)]

mod binary;
mod build;
mod cache;
mod debug_file;
mod demangle;
mod die;
mod dwarf;
mod engine;
mod error;
mod find;
mod layout;
mod options;
mod resolve;
mod sections;
mod split;
mod summary;
mod symbols;

pub use cache::Cache;
pub use error::SymbolError;
pub use layout::shape::{FieldLayout, HasTypes, LayoutFile, Layouts, TypeLayout, VariantLayout};
pub use options::{DEFAULT_MAX_DEBUG_BYTES, Options, Progress};
pub use resolve::{layouts, symbolize, symbolize_with};
pub use summary::{MappingOutcome, Missing, Summary, UnusedBinary};
