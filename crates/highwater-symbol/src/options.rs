//! Where to look for names, and how far the look-up is.

use std::num::NonZero;
use std::path::PathBuf;

use crate::cache::Cache;

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

/// The progress of a run of [`symbolize_with`](crate::symbolize_with).
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
