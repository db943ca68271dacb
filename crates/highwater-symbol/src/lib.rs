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
mod find;
mod layout;
mod resolve;
mod sections;
mod split;
mod summary;
mod symbols;

use std::num::NonZero;
use std::path::PathBuf;

pub use cache::Cache;
pub use layout::shape::{FieldLayout, HasTypes, LayoutFile, Layouts, TypeLayout, VariantLayout};
pub use resolve::{layouts, symbolize, symbolize_with};
pub use summary::{MappingOutcome, Missing, Summary, UnusedBinary};

/// Where to look for binaries and debug files, in addition to the paths of the mappings.
#[derive(Clone, Debug)]
pub struct Options {
    /// Additional binaries. Each is used for every mapping with its build id; for a mapping without a build
    /// id, if the file names are equal. Default: none.
    pub binaries: Vec<PathBuf>,
    /// Directories with debug files, arranged by build id (`.build-id/ab/cdef….debug`), like the root
    /// directory (`usr/lib/libx.so.debug`), or flat. Directories that do not exist are skipped. Split debug
    /// information (`.dwo`, `.dwp`) and dSYM bundles may be in them too. Default: `/usr/lib/debug`.
    pub debug_dirs: Vec<PathBuf>,
    /// Where results are stored between runs. Default: nowhere.
    pub cache: Option<Cache>,
    /// Number of threads. Default: the machine's parallelism.
    pub threads: Option<NonZero<usize>>,
    /// Maximum bytes of one binary's debug sections, uncompressed. For a binary with more, only the symbol
    /// table is used. Default: [`DEFAULT_MAX_DEBUG_BYTES`].
    pub max_debug_bytes: u64,
}

/// Debug sections larger than this are not read by default: 8 GiB.
pub const DEFAULT_MAX_DEBUG_BYTES: u64 = 8 << 30;

/// The progress of a run of [`symbolize_with`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Number of addresses looked up so far.
    pub done: usize,
    /// Number of addresses to look up, without those in the cache.
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

/// Why symbolization could not start: a binary that the caller named cannot be used.
///
/// A file of a mapping is never the reason; see [`Missing`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SymbolError {
    /// One of [`Options::binaries`] cannot be read as a binary.
    #[error("{}: cannot be used as a binary: {reason}", path.display())]
    Binary {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        reason: String,
    },
}
