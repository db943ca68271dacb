//! What a path for an output stands for: a file that is replaced, or something that is written through.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Symbolic links that may lead to each other; the kernel allows as many.
const MOST_LINKS: usize = 40;

/// Where the bytes of an output go.
#[derive(Debug)]
pub(super) enum Target {
    /// A regular file, or none yet, at a path that is no symbolic link.
    File { path: PathBuf, existing: Option<Metadata> },
    /// A device, a FIFO, a socket, or an open file of the process: it keeps its place, and the bytes go
    /// through it.
    Stream(Stream),
}

/// Something that bytes are written through.
#[derive(Debug)]
pub(super) enum Stream {
    File(File),
    #[cfg(unix)]
    Socket(std::os::unix::net::UnixStream),
}

impl io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            #[cfg(unix)]
            Self::Socket(socket) => socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            #[cfg(unix)]
            Self::Socket(socket) => socket.flush(),
        }
    }
}

impl Target {
    /// What is at `path`. Symbolic links are followed, also one whose target does not exist yet.
    ///
    /// # Errors
    /// When the path names a directory or no file, its links lead nowhere, or what is there cannot be opened.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().as_encoded_bytes().last().is_none_or(|&it| it == b'/') {
            return Err(directory());
        }
        let existing = match fs::metadata(path) {
            Ok(it) if it.is_dir() => return Err(directory()),
            Ok(it) => Some(it),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            // A loop of links, say, or a directory that may not be looked into.
            Err(error) => return Err(error),
        };
        let path = match follow(path)? {
            Followed::Path(path) => path,
            #[cfg(unix)]
            Followed::Descriptor(path) => return Ok(Self::Stream(descriptor(&path)?)),
        };
        match existing {
            Some(it) if !it.is_file() => Ok(Self::Stream(open(&path, &it)?)),
            existing => Ok(Self::File { path, existing }),
        }
    }
}

fn directory() -> io::Error {
    io::Error::new(ErrorKind::IsADirectory, "it is a directory; give the name of a file in it")
}

/// Where links lead.
enum Followed {
    Path(PathBuf),
    /// An open file of a process, such as `/proc/self/fd/1`: a link that cannot be followed by its text.
    #[cfg(unix)]
    Descriptor(PathBuf),
}

fn follow(path: &Path) -> io::Result<Followed> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if !fs::symlink_metadata(&path).is_ok_and(|it| it.is_symlink()) {
            return Ok(Followed::Path(path));
        }
        #[cfg(unix)]
        if let Some(descriptor) = as_descriptor(&path) {
            return Ok(Followed::Descriptor(descriptor));
        }
        let to = fs::read_link(&path)?;
        // A relative target counts from the directory of its link. `join` takes an absolute one as it is.
        path = parent(&path).join(to);
    }
    Err(io::Error::other("too many symbolic links"))
}

/// The directory that a file is in.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The link in `/proc` itself, if the path is one of an open file: `/proc/<process>/fd/<number>`.
#[cfg(unix)]
fn as_descriptor(path: &Path) -> Option<PathBuf> {
    let directory = fs::canonicalize(parent(path)).ok()?;
    let is_of_files = directory.starts_with("/proc") && directory.ends_with("fd");
    is_of_files.then(|| directory.join(path.file_name().unwrap_or_default()))
}

/// Opens what another descriptor is open for. Standard input, output and error are taken as they are, because
/// a socket cannot be opened a second time. A regular file is written to behind what it has.
#[cfg(unix)]
fn descriptor(path: &Path) -> io::Result<Stream> {
    use std::os::fd::AsFd;
    let own = fs::canonicalize("/proc/self/fd").is_ok_and(|it| path.parent() == Some(it.as_path()));
    let same = match path.file_name().and_then(|it| it.to_str()) {
        Some("0") if own => io::stdin().as_fd().try_clone_to_owned().map(Some),
        Some("1") if own => {
            // What the process has printed so far comes first.
            io::Write::flush(&mut io::stdout())?;
            io::stdout().as_fd().try_clone_to_owned().map(Some)
        }
        Some("2") if own => io::stderr().as_fd().try_clone_to_owned().map(Some),
        _ => Ok(None),
    };
    match same? {
        Some(file) => Ok(Stream::File(file.into())),
        None => Ok(Stream::File(OpenOptions::new().append(true).open(path)?)),
    }
}

#[cfg(unix)]
fn open(path: &Path, existing: &Metadata) -> io::Result<Stream> {
    use std::os::unix::fs::FileTypeExt;
    if existing.file_type().is_socket() {
        return Ok(Stream::Socket(std::os::unix::net::UnixStream::connect(path)?));
    }
    Ok(Stream::File(OpenOptions::new().write(true).open(path)?))
}

#[cfg(not(unix))]
fn open(path: &Path, _existing: &Metadata) -> io::Result<Stream> {
    Ok(Stream::File(OpenOptions::new().write(true).open(path)?))
}
