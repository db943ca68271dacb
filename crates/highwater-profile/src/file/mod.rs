//! Profiles on disk: read whole, written whole or not at all.

mod error;
mod folders;
#[cfg(feature = "lock")]
mod lock;
mod ring;
mod target;
mod write;

use std::fs;
use std::io::{self, Read};
use std::path::Path;

pub use error::FileError;
pub use folders::{Folders, copy, link_or_copy};
#[cfg(feature = "lock")]
pub use lock::{LOCK, Owner, take_directory};
pub use ring::{Ring, RingNames, clear_temporary};
pub use write::{rename_directory, sync_directory, write_atomically, write_durably};

use crate::format::pprof;
use crate::limits::Limits;
use crate::profile::Profile;
use crate::read::is_packed_pprof;
use crate::read_error::ReadError;
use crate::stream;

/// Reads the profile in the file at `path`.
///
/// # Errors
/// When the file cannot be read, or does not hold a profile.
pub fn read(path: &Path, limits: &Limits) -> Result<Profile, FileError> {
    let content_error = |source| FileError::Content { path: path.into(), source };
    if is_streamed(path).map_err(|source| FileError::Open { path: path.into(), source })? {
        let streamed = pprof::decode_gzip(|| fs::File::open(path), limits);
        if !matches!(streamed, Err(ReadError::Inconsistent { .. })) {
            return streamed.map_err(content_error);
        }
    }
    crate::read::read(&content(path, limits)?, limits).map_err(content_error)
}

/// The content of the file at `path` as it is, for who keeps it and reads it ([`crate::read`]) again and
/// again.
///
/// # Errors
/// When the file cannot be read, or is larger than the memory that reading may take.
pub fn content(path: &Path, limits: &Limits) -> Result<Vec<u8>, FileError> {
    let bytes = bytes(path, limits.max_memory_bytes);
    let bytes = bytes.map_err(|source| FileError::Open { path: path.into(), source })?;
    let checked = limits.check(bytes.len() as u64);
    checked.map_err(|source| FileError::Content { path: path.into(), source })?;
    Ok(bytes)
}

/// Whether the file is a large one of the native format, which is read while it is unpacked and never held as
/// a whole. It may have to be read twice, so it has to be a file indeed.
fn is_streamed(path: &Path) -> io::Result<bool> {
    // A pipe must not be opened twice: a program that writes to it would see its reader leave.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() < stream::WORTHWHILE as u64 {
        return Ok(false);
    }
    let mut head = Vec::new();
    fs::File::open(path)?.take(stream::WORTHWHILE as u64).read_to_end(&mut head)?;
    Ok(is_packed_pprof(&head))
}

/// The content of a file, or what is one byte too much of it: a device or a pipe may have no end.
fn bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    let length = file.metadata()?.len().min(limit.saturating_add(1));
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_file_without_end_is_refused() {
        let limits = Limits { max_memory_bytes: 1000, ..Limits::default() };
        let error = read(Path::new("/dev/zero"), &limits).unwrap_err();
        assert!(matches!(
            error,
            FileError::Content { source: ReadError::OutOfMemory { limit_bytes: 1000 }, .. }
        ));
    }
}
