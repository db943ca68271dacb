//! Why symbolization could not start.

use std::path::PathBuf;

/// Why symbolization could not start: a binary that the caller named cannot be used.
///
/// A file of a mapping is never the reason; see [`Missing`](crate::Missing).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SymbolError {
    /// One of [`Options::binaries`](crate::Options::binaries) cannot be read as a binary.
    #[error("{}: cannot be used as a binary: {reason}", path.display())]
    Binary {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        reason: String,
    },
}
