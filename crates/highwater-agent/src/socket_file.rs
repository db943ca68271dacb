//! The file of a Unix socket: its permissions, when it replaces another file, and when it is removed.
//!
//! The file exists as long as the agent. A killed process leaves it behind, so the next agent replaces a
//! socket on which nobody listens. It replaces no other file.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use highwater_recorder::own_memory;
use tokio::net::{UnixListener, UnixSocket, UnixStream};

/// Only the user of the process may connect.
const MODE: u32 = 0o600;

/// Maximum connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// Maximum wait for another agent that is starting in the same directory.
const LOCK_TIME: Duration = Duration::from_secs(5);

/// The open sockets of this process.
static OPEN: Mutex<Vec<SocketFile>> = Mutex::new(Vec::new());

/// A socket that this process made.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Device and inode of the file: another process may have replaced it.
    file: (u64, u64),
    /// The process that made the socket. A child of a fork does not remove its parent's socket.
    process: u32,
}

/// Listens at a socket with this path, in the current runtime.
///
/// # Errors
/// When the path is not valid, when another kind of file is there, when another process listens there, or
/// when the system refuses.
pub(crate) fn bind(path: &str) -> io::Result<(UnixListener, PathBuf)> {
    if path.is_empty() || path.starts_with('@') || path.contains('\0') {
        let reason = "give the path of a socket, such as unix:/run/app.sock (sockets without a path have no permissions)";
        return Err(io::Error::new(ErrorKind::InvalidInput, reason));
    }
    // The program may change its working directory.
    let path = std::path::absolute(path)?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    let _lock = lock(directory);
    make_way(&path)?;
    let socket = UnixSocket::new_stream()?;
    // On Linux, the file gets the socket's permissions when it is created; elsewhere it gets them a moment
    // later.
    let _ = File::from(socket.as_fd().try_clone_to_owned()?).set_permissions(Permissions::from_mode(MODE));
    socket.bind(&path)?;
    fs::set_permissions(&path, Permissions::from_mode(MODE))?;
    let listener = socket.listen(BACKLOG)?;
    let made = fs::symlink_metadata(&path)?;
    highwater_recorder::at_exit(remove_all);
    own_memory(|| {
        let file = SocketFile { path: path.clone(), file: identity(&made), process: std::process::id() };
        open().push(file);
    });
    Ok((listener, path))
}

/// If two agents start at once, both must not find the same abandoned socket: the second one waits, but not
/// for ever, since the lock may have another purpose. `None` if the directory cannot be locked.
fn lock(directory: &Path) -> Option<File> {
    let lock = File::open(directory).ok()?;
    let begin = Instant::now();
    while begin.elapsed() < LOCK_TIME {
        match lock.try_lock() {
            Ok(()) => return Some(lock),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::Error(_)) => return None,
        }
    }
    None
}

fn open() -> std::sync::MutexGuard<'static, Vec<SocketFile>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn identity(file: &fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// Removes a socket on which nobody listens.
fn make_way(path: &Path) -> io::Result<()> {
    let there = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        there => there?,
    };
    if !there.file_type().is_socket() {
        let reason = "there is a file of this name, which is no socket; it stays as it is";
        return Err(io::Error::new(ErrorKind::AlreadyExists, reason));
    }
    // The first poll connects or fails without waiting. A process that listens but does not accept counts as
    // listening.
    let connected = pin!(UnixStream::connect(path)).poll(&mut Context::from_waker(Waker::noop()));
    match connected {
        Poll::Ready(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Poll::Ready(Err(error)) if error.kind() != ErrorKind::WouldBlock => Err(error),
        _ => Err(io::Error::new(ErrorKind::AddrInUse, "another process listens there")),
    }
}

/// Removes a socket's file, unless another process has replaced it.
pub(crate) fn remove(path: &Path) {
    own_memory(|| {
        let mut open = open();
        for file in open.extract_if(.., |it| it.path == path) {
            file.remove();
        }
    });
}

/// Runs at the end of the process.
fn remove_all() {
    // A thread that is adding a socket must not block the exit.
    let Ok(mut open) = OPEN.try_lock() else { return };
    own_memory(|| open.drain(..).for_each(SocketFile::remove));
}

impl SocketFile {
    fn remove(self) {
        let is_own = |it: &fs::Metadata| identity(it) == self.file;
        if self.process == std::process::id() && fs::symlink_metadata(&self.path).is_ok_and(|it| is_own(&it))
        {
            // The error cannot be reported here; the next agent removes the file.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_runtime<T>(work: impl FnOnce() -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let _entered = runtime.enter();
        work()
    }

    fn refusal(path: &Path) -> String {
        bind(path.to_str().unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn only_an_abandoned_socket_is_replaced() {
        in_runtime(|| {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("agent.sock");
            let (listener, bound) = bind(path.to_str().unwrap()).unwrap();
            assert_eq!(bound, path);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
            // Another process listens there.
            assert!(refusal(&path).contains("another process listens there"), "{}", refusal(&path));
            // The state after a kill: the file without a listener.
            drop(listener);
            let (_listener, _) = bind(path.to_str().unwrap()).unwrap();
            remove(&path);
            assert!(!path.exists());
            // Any other kind of file stays.
            fs::write(&path, "content").unwrap();
            assert!(refusal(&path).contains("no socket"), "{}", refusal(&path));
            assert_eq!(fs::read_to_string(&path).unwrap(), "content");
            let link = directory.path().join("link");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert!(refusal(&link).contains("no socket"), "{}", refusal(&link));
        });
    }

    #[test]
    fn the_socket_of_another_agent_is_not_removed() {
        in_runtime(|| {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("agent.sock");
            let (_listener, _) = bind(path.to_str().unwrap()).unwrap();
            fs::remove_file(&path).unwrap();
            let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
            remove(&path);
            // A file system may reuse an inode, so that another file would look like this one. This socket's
            // file stays open to prevent it.
            assert!(path.exists());
        });
    }

    #[test]
    fn an_invalid_path_is_explained() {
        in_runtime(|| {
            for path in ["", "@agent", "/no/such/directory/agent.sock"] {
                bind(path).unwrap_err();
            }
            let long = format!("/tmp/{}", "a".repeat(200));
            bind(&long).unwrap_err();
        });
    }
}
