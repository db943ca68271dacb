//! Addresses to functions, files and lines, from the binaries and debug files that a profile's mappings name.
//!
//! A profile is written without symbols, since reading debug information inside the watched process would cost
//! it memory and time. They are added here when the profile is read, possibly on another machine and after the
//! program has been built anew. So a file counts only when its build id is the mapping's: a missing name is
//! better than a wrong one, and [`Summary`] says which files were missing and why.
//!
//! This crate is the only one that reads debug information. It prints nothing and decides nothing.
#![forbid(unsafe_code)]

mod binary;
mod demangle;
mod dwarf;
mod find;
mod resolve;
mod summary;
mod symbols;

use std::path::PathBuf;

pub use resolve::symbolize;
pub use summary::{MappingOutcome, Missing, Summary};

/// Where to look for binaries and debug files besides the paths that the mappings name.
#[derive(Clone, Debug)]
pub struct Options {
    /// More binaries. Each is used for every mapping with its build id; for a mapping without build id, when it
    /// has the same file name. Default: none.
    pub binaries: Vec<PathBuf>,
    /// Directories with debug files, laid out by build id (`.build-id/ab/cdef….debug`), like the root directory
    /// below them (`usr/lib/libx.so.debug`), or flat. Those that do not exist are passed over.
    /// Default: `/usr/lib/debug`.
    pub debug_dirs: Vec<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { binaries: Vec::new(), debug_dirs: vec![PathBuf::from("/usr/lib/debug")] }
    }
}

/// Why symbolization could not be tried: a file that was asked for by name is of no use.
///
/// Files that a mapping names are never the reason; see [`Missing`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SymbolError {
    /// One of [`Options::binaries`] cannot be read as a binary.
    #[error("{}: cannot be used as a binary: {reason}", path.display())]
    Binary {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}
