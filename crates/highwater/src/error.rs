//! The errors of taking and writing a snapshot.

use std::fmt;
use std::io;
use std::path::PathBuf;

use highwater_profile::file::FileError;

/// Why there is no snapshot or no file.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No allocation has gone through [`Alloc`](crate::Alloc).
    #[error(
        "nothing is recorded, because highwater::Alloc is not in use; add \
         `#[global_allocator] static ALLOC: highwater::Alloc = highwater::Alloc::new();` to the program"
    )]
    NotInstalled,
    /// Highwater does not support recording on this platform.
    #[error("highwater records on 64-bit Unix only; on this platform allocations pass through unrecorded")]
    Unsupported,
    /// The standard library is a shared library, which frees blocks with its own allocator.
    #[error(
        "nothing is recorded, because the standard library is a shared one, which frees blocks with an allocator of its \
         own; build without -C prefer-dynamic"
    )]
    SharedStandardLibrary,
    /// Handlers for the signals that end the process cannot be installed.
    #[error("cannot catch the signals that end the process: {source}")]
    Signals {
        /// The system's error.
        source: io::Error,
    },
    /// The kernel does not say what is resident.
    #[error("cannot read what is resident: {source}")]
    Residency {
        /// The system's error.
        source: io::Error,
    },
    /// The profile could not be written; an existing file is unchanged.
    #[error(transparent)]
    File(#[from] FileError),
    /// The directory for snapshots cannot be used.
    #[error("cannot use {} for snapshots: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// The same as `Display`, because `main` prints a returned error with `Debug`.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
