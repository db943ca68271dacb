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
mod build;
mod cache;
mod debug_file;
mod demangle;
mod die;
mod dwarf;
mod engine;
mod find;
mod resolve;
mod sections;
mod split;
mod summary;
mod symbols;

use std::num::NonZero;
use std::path::PathBuf;

pub use cache::Cache;
pub use resolve::{symbolize, symbolize_with};
pub use summary::{MappingOutcome, Missing, Stranger, Summary};

/// Where to look for binaries and debug files besides the paths that the mappings name.
#[derive(Clone, Debug)]
pub struct Options {
    /// More binaries. Each is used for every mapping with its build id; for a mapping without build id, when it
    /// has the same file name. Default: none.
    pub binaries: Vec<PathBuf>,
    /// Directories with debug files, laid out by build id (`.build-id/ab/cdef….debug`), like the root directory
    /// below them (`usr/lib/libx.so.debug`), or flat. Those that do not exist are passed over.
    /// Split debug information (`.dwo`, `.dwp`) and dSYM bundles may be in them too. Default: `/usr/lib/debug`.
    pub debug_dirs: Vec<PathBuf>,
    /// Where results are kept from one run to the next. Default: nowhere.
    pub cache: Option<Cache>,
    /// How many threads to use. Default: as many as the machine runs at a time.
    pub threads: Option<NonZero<usize>>,
    /// How much the debug sections of one binary may take, unpacked, in bytes. Of a binary that has more only the
    /// symbol table is used. Default: [`DEFAULT_MAX_DEBUG_BYTES`].
    pub max_debug_bytes: u64,
}

/// Debug sections larger than this are not read unless asked for: 8 GiB.
pub const DEFAULT_MAX_DEBUG_BYTES: u64 = 8 << 30;

/// How far a run of [`symbolize_with`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Addresses that were looked up.
    pub done: usize,
    /// Addresses to look up. Those that the cache knows are not among them.
    pub total: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            binaries: Vec::new(),
            debug_dirs: vec![PathBuf::from("/usr/lib/debug")],
            cache: None,
            threads: None,
            max_debug_bytes: DEFAULT_MAX_DEBUG_BYTES,
        }
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
