//! Profiles on disk: read whole, written whole or not at all.

use std::fmt;
use std::fs;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::{Limits, Profile, ReadError, pprof, stream};

/// Why a file could not be read or written. Its message names the file.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file was read, but holds no usable profile.
    #[error("{}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ReadError,
    },
    /// The file could not be written; whatever was there before is untouched.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The message, since that is what `main` prints of an error that it returns.
impl fmt::Debug for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads the profile in the file at `path`.
///
/// # Errors
/// When the file cannot be read, or does not hold a profile.
pub fn read(path: &Path, limits: &Limits) -> Result<Profile, FileError> {
    let content_error = |source| FileError::Content { path: path.into(), source };
    if is_streamed(path).map_err(|source| FileError::Open { path: path.into(), source })? {
        return pprof::decode_gzip(|| fs::File::open(path), limits).map_err(content_error);
    }
    crate::read(&content(path, limits)?, limits).map_err(content_error)
}

/// The content of the file at `path` as it is, for who keeps it and reads it ([`crate::read`]) again and again.
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

/// Whether the file is a large one of the native format, which is read while it is unpacked and never held as a whole.
/// It may have to be read twice, so it has to be a file indeed.
fn is_streamed(path: &Path) -> io::Result<bool> {
    let file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() < stream::WORTHWHILE as u64 {
        return Ok(false);
    }
    let mut head = Vec::new();
    file.take(stream::WORTHWHILE as u64).read_to_end(&mut head)?;
    Ok(stream::is_pprof(&head))
}

/// The content of a file, or what is one byte too much of it: a device or a pipe may have no end.
fn bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    let length = file.metadata()?.len().min(limit.saturating_add(1));
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file through a temporary one beside it that is renamed at the end: a reader, or a crash, finds the
/// old content or the new, never half of it.
///
/// # Errors
/// When the directory cannot be written to, or `content` fails.
pub fn write_atomically(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    write(path, false, content)
}

/// [`write_atomically`] for a file that is to be there even if the machine stops now: its content is on the disk before it
/// gets its name, and its name when this returns.
///
/// # Errors
/// As for [`write_atomically`].
pub fn write_durably(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    write(path, true, content)
}

/// Has the names in a directory written to the disk.
///
/// # Errors
/// When it is no directory, or the disk fails.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    // Only Unix opens directories as files.
    if cfg!(unix) { fs::File::open(directory)?.sync_all() } else { Ok(()) }
}

fn write(
    path: &Path,
    is_durable: bool,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    let attempt = || -> io::Result<()> {
        let directory = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".highwater-").suffix(".tmp");
        // A finished file gets the permissions that an ordinary new file has (0666 less the umask).
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut temporary = builder.tempfile_in(directory)?;
        let mut out = BufWriter::new(temporary.as_file_mut());
        content(&mut out)?;
        out.flush()?;
        drop(out);
        if is_durable {
            temporary.as_file().sync_all()?;
        }
        temporary.persist(path).map_err(|error| error.error)?;
        if is_durable { sync_directory(directory) } else { Ok(()) }
    };
    attempt().map_err(|source| FileError::Write { path: path.into(), source })
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

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        write_atomically(&path, |out| out.write_all(b"old")).unwrap();
        for is_durable in [false, true] {
            let error = write(&path, is_durable, |out| {
                out.write_all(b"half")?;
                Err(io::Error::other("disk full"))
            })
            .unwrap_err();
            assert_eq!(error.to_string(), format!("cannot write {}: disk full", path.display()));
            assert_eq!(fs::read(&path).unwrap(), b"old");
        }
        write_durably(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
