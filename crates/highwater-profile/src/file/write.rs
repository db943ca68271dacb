//! The one way that files are written: a regular file whole or not at all, anything else through what is
//! there.
//!
//! Everything in the project that writes a file calls this; `xtask/src/tidy/writers.rs` finds what does not.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Seek, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::error::FileError;
use super::target::{Target, parent};

/// What writes a document.
type Content<'a> = &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

/// Writes what is at `path`:
///
/// - A regular file is replaced by a temporary one beside it that takes its name at the end: a reader, or a
///   crash, finds the old content or the new, never half of it. It keeps its permissions, and its owner where
///   the system allows that. A new file has the permissions of any new file (0666 less the umask).
/// - A symbolic link stays, and the file that it leads to is written.
/// - A device, a FIFO or a socket stays, and so does an open file such as `/dev/stdout`: the bytes go through
///   it. A reader of them that goes away early has seen enough; that is no error.
/// - A file whose directory takes no other files is overwritten in its place, once the whole content is
///   there.
///
/// # Errors
/// When `path` is a directory, it cannot be written to, or `content` fails.
pub fn write_atomically(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    write(path, false, content)
}

/// [`write_atomically`] for a file that is to be there even if the machine stops now: its content is on the
/// disk before it gets its name, and its name when this returns.
///
/// # Errors
/// As for [`write_atomically`].
pub fn write_durably(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    write(path, true, content)
}

/// Gives a directory whose files are complete the name that it is looked for by.
///
/// # Errors
/// When the system does not allow it, or something else has the name.
pub fn rename_directory(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Has the names in a directory written to the disk.
///
/// # Errors
/// When it is no directory, or the disk fails.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    // Only Unix opens directories as files.
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

fn write(
    path: &Path,
    is_durable: bool,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    let mut content = Some(content);
    let mut once = |out: &mut dyn Write| content.take().map_or(Ok(()), |content| content(out));
    let outcome = match Target::of(path) {
        Ok(Target::File { path, existing }) => replace(&path, existing.as_ref(), is_durable, &mut once),
        Ok(Target::Stream(stream)) => match buffered(stream, &mut once) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome,
        },
        Err(error) => Err(error),
    };
    outcome.map_err(|source| FileError::Write { path: path.into(), source })
}

fn buffered(out: impl Write, content: Content<'_>) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    content(&mut out)?;
    out.flush()
}

fn replace(
    path: &Path,
    existing: Option<&Metadata>,
    is_durable: bool,
    content: Content<'_>,
) -> io::Result<()> {
    let directory = parent(path);
    let mut temporary = match temporary_in(directory, existing) {
        Ok(it) => it,
        Err(error) if existing.is_some() && is_refusal(&error) => {
            let mut whole = tempfile::tempfile()?;
            buffered(&mut whole, content)?;
            return overwrite(path, &mut whole, is_durable);
        }
        Err(error) => return Err(error),
    };
    buffered(temporary.as_file_mut(), content)?;
    if let Some(existing) = existing {
        keep(existing, temporary.as_file())?;
    }
    if is_durable {
        temporary.as_file().sync_all()?;
    }
    match temporary.persist(path) {
        Ok(_) if is_durable => sync_directory(directory),
        Ok(_) => Ok(()),
        // Another file system is mounted at the path, or the directory is one where everybody keeps only
        // their own files.
        Err(mut failed) if existing.is_some() && (is_refusal(&failed.error) || is_busy(&failed.error)) => {
            overwrite(path, failed.file.as_file_mut(), is_durable)
        }
        Err(failed) => Err(failed.error),
    }
}

/// How temporary files begin and end.
const TEMPORARY: (&str, &str) = (".highwater-", ".tmp");

/// Whether this is the name of a temporary file. A process that was killed leaves such a file behind.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1)
}

/// A file in `directory` that has no more rights than the one that it is to replace.
fn temporary_in(directory: &Path, existing: Option<&Metadata>) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = existing.map_or(0o666, |it| it.permissions().mode() & 0o777);
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = existing;
    builder.tempfile_in(directory)
}

/// Gives a new file the owner and the permissions of the one that it replaces.
#[cfg(unix)]
fn keep(existing: &Metadata, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let own = new.metadata()?;
    let is_same = (own.uid(), own.gid()) == (existing.uid(), existing.gid());
    // Only root gives files away. Everybody else may still choose among his groups.
    let is_kept = is_same
        || fchown(new, Some(existing.uid()), Some(existing.gid())).is_ok()
        || fchown(new, None, Some(existing.gid())).is_ok() && own.uid() == existing.uid();
    // What a program may do by its owner's right is not for another owner to give.
    let mask = if is_kept { 0o7777 } else { 0o777 };
    new.set_permissions(fs::Permissions::from_mode(existing.permissions().mode() & mask))
}

#[cfg(not(unix))]
fn keep(existing: &Metadata, new: &File) -> io::Result<()> {
    new.set_permissions(existing.permissions())
}

/// Whether the directory, and not the disk or the content, is what stands in the way.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

fn is_busy(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ResourceBusy | ErrorKind::CrossesDevices)
}

/// Puts the whole of `from` into the file at `path`, which stays the same file.
fn overwrite(path: &Path, from: &mut File, is_durable: bool) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    from.rewind()?;
    let length = io::copy(from, &mut file)?;
    file.set_len(length)?;
    if is_durable { file.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_directory_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing/");
        for path in [directory.path(), missing.as_path(), Path::new("."), Path::new("")] {
            let error = write_atomically(path, |out| out.write_all(b"new")).unwrap_err().to_string();
            assert!(error.contains("it is a directory") && error.contains(path.to_str().unwrap()), "{error}");
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    mod unix {
        use std::io::Read;
        use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
        use std::os::unix::net::UnixListener;
        use std::process::Command;
        use std::thread;

        use super::*;

        fn put(path: &Path) -> Result<(), FileError> {
            write_atomically(path, |out| out.write_all(b"new"))
        }

        fn mode(path: &Path) -> u32 {
            fs::metadata(path).unwrap().permissions().mode() & 0o7777
        }

        #[test]
        fn links_stay_and_their_targets_are_written() {
            let place = tempfile::tempdir().unwrap();
            let at = |name: &str| place.path().join(name);
            fs::create_dir(at("a")).unwrap();
            fs::create_dir(at("b")).unwrap();
            fs::write(at("b/old"), "old").unwrap();
            symlink("../b/old", at("a/relative")).unwrap();
            symlink(at("a/relative"), at("chain")).unwrap();
            symlink("b/none-yet", at("dangling")).unwrap();
            for (link, target) in [("chain", "b/old"), ("dangling", "b/none-yet")] {
                put(&at(link)).unwrap();
                assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink());
                assert!(fs::symlink_metadata(at(target)).unwrap().is_file());
                assert_eq!(fs::read(at(target)).unwrap(), b"new");
            }
            assert!(fs::symlink_metadata(at("a/relative")).unwrap().is_symlink());
            symlink("loop-b", at("loop-a")).unwrap();
            symlink("loop-a", at("loop-b")).unwrap();
            assert!(put(&at("loop-a")).unwrap_err().to_string().contains("loop-a: "));
            symlink("nowhere/file", at("astray")).unwrap();
            assert!(put(&at("astray")).unwrap_err().to_string().contains("astray: "));
        }

        #[test]
        fn what_is_no_file_stays_and_is_written_through() {
            let place = tempfile::tempdir().unwrap();
            let fifo = place.path().join("fifo");
            assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
            let reader = thread::spawn({
                let fifo = fifo.clone();
                move || fs::read(fifo).unwrap()
            });
            put(&fifo).unwrap();
            assert_eq!(reader.join().unwrap(), b"new");
            assert!(fs::symlink_metadata(&fifo).unwrap().file_type().is_fifo());

            let socket = place.path().join("socket");
            let listener = UnixListener::bind(&socket).unwrap();
            put(&socket).unwrap();
            let mut heard = Vec::new();
            listener.accept().unwrap().0.read_to_end(&mut heard).unwrap();
            assert_eq!(heard, b"new");

            let link = place.path().join("null");
            symlink("/dev/null", &link).unwrap();
            put(&link).unwrap();
            put(Path::new("/dev/null")).unwrap();
            assert!(fs::symlink_metadata("/dev/null").unwrap().file_type().is_char_device());
            let full = put(Path::new("/dev/full")).unwrap_err().to_string();
            assert!(full.starts_with("cannot write /dev/full: "), "{full}");
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 3);
        }

        #[test]
        fn a_reader_that_has_seen_enough_is_no_error() {
            let place = tempfile::tempdir().unwrap();
            let fifo = place.path().join("fifo");
            assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
            let reader = thread::spawn({
                let fifo = fifo.clone();
                move || drop(File::open(fifo).unwrap())
            });
            // More than a pipe holds.
            let much = vec![0; 1 << 20];
            write_atomically(&fifo, |out| {
                reader.join().unwrap();
                out.write_all(&much)
            })
            .unwrap();
        }

        #[test]
        fn an_open_file_is_written_behind_what_it_has() {
            use std::os::fd::AsRawFd;
            let place = tempfile::tempdir().unwrap();
            let path = place.path().join("log");
            fs::write(&path, "old ").unwrap();
            let open = OpenOptions::new().append(true).open(&path).unwrap();
            let inode = open.metadata().unwrap().ino();
            for directory in ["/dev/fd", "/proc/self/fd"] {
                put(&Path::new(directory).join(open.as_raw_fd().to_string())).unwrap();
            }
            assert_eq!(fs::read(&path).unwrap(), b"old newnew");
            assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
        }

        #[test]
        fn a_file_keeps_its_permissions_and_its_owner() {
            let place = tempfile::tempdir().unwrap();
            let path = place.path().join("out");
            put(&path).unwrap();
            let fresh = mode(&path);
            let plain = place.path().join("plain");
            File::create(&plain).unwrap();
            assert_eq!(fresh, mode(&plain), "a new file is like any new file");
            for expected in [0o600, 0o644, 0o664, 0o755] {
                fs::set_permissions(&path, fs::Permissions::from_mode(expected)).unwrap();
                put(&path).unwrap();
                assert_eq!(mode(&path), expected);
            }
            // Only root can give a file away, and so try this out.
            if chown(&path, Some(12_345), Some(54_321)).is_ok() {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o4755)).unwrap();
                put(&path).unwrap();
                let now = fs::metadata(&path).unwrap();
                assert_eq!((now.uid(), now.gid(), mode(&path)), (12_345, 54_321, 0o4755));
            }
        }

        #[test]
        fn a_file_is_overwritten_where_it_cannot_be_replaced() {
            let place = tempfile::tempdir().unwrap();
            let path = place.path().join("out");
            fs::write(&path, "old and longer").unwrap();
            let inode = fs::metadata(&path).unwrap().ino();
            let mut whole = tempfile::tempfile().unwrap();
            whole.write_all(b"new").unwrap();
            overwrite(&path, &mut whole, true).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new");
            assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
            assert!(
                is_refusal(&ErrorKind::PermissionDenied.into())
                    && !is_refusal(&ErrorKind::StorageFull.into())
            );
        }
    }
}
