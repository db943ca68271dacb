//! What can go wrong when a snapshot is taken or written.

use std::fmt;
use std::io;
use std::path::PathBuf;

use highwater_profile::file::FileError;

/// Why there is no snapshot, or no file.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No allocation has come through [`Alloc`](crate::Alloc).
    #[error(
        "nothing is recorded, because highwater::Alloc is not in use; add \
         `#[global_allocator] static ALLOC: highwater::Alloc = highwater::Alloc::new();` to the program"
    )]
    NotInstalled,
    /// The platform is not one that Highwater records on.
    #[error("highwater records on 64-bit Unix only; on this platform allocations pass through unrecorded")]
    Unsupported,
    /// The standard library is a shared one, which frees blocks with an allocator of its own.
    #[error(
        "nothing is recorded, because the standard library is a shared one, which frees blocks with an allocator of its \
         own; build without -C prefer-dynamic"
    )]
    SharedStandardLibrary,
    /// Signals that ask the process to end cannot be caught.
    #[error("cannot catch the signals that end the process: {source}")]
    Signals {
        /// What the system said.
        source: io::Error,
    },
    /// The profile could not be written; whatever was there before is untouched.
    #[error(transparent)]
    File(#[from] FileError),
    /// The directory for snapshots cannot be used.
    #[error("cannot use {} for snapshots: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The message, since that is what `main` prints of an error that it returns.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
