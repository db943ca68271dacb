//! Recording that is switched on and off while the program runs: a Unix socket that `highwater record` asks.
//!
//! ```text
//!     $XDG_RUNTIME_DIR/highwater/PID.sock      or      /tmp/highwater-UID/PID.sock
//!
//!     asks: start, stop or snapshot, and a line feed      answer: one line, `ok …` or `error …`
//! ```
//!
//! It is there with `--paused` only. Its directory is the user's alone (0700), and so is the socket (0600).

use core::sync::atomic::{AtomicU32, Ordering};
use std::env;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use highwater_recorder::{Mode, own_memory};

use crate::output;
use crate::process;
use crate::settings::Settings;
use crate::start::spawn;

/// Descriptors from here on are the socket's, so that the program's have the numbers that they have without
/// it.
const FIRST_DESCRIPTOR: i32 = 200;

/// How long an asker may keep the others waiting.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of the longest question.
const LONGEST: u64 = 64;

/// The process and the socket's file.
static SOCKET: OnceLock<(i32, PathBuf)> = OnceLock::new();

static SNAPSHOTS: AtomicU32 = AtomicU32::new(0);

/// Listens, if this is asked for.
pub(crate) fn start(settings: &'static Settings) {
    if !settings.is_paused {
        return;
    }
    match listen() {
        Ok(listener) => spawn("control", move || {
            // Without the socket, which the program may close, there is nothing to do.
            for stream in listener.incoming().map_while(Result::ok) {
                // An asker that goes away is no error here.
                let _ = answer(stream, settings);
            }
        }),
        Err(error) => output::complain(&format!("recording cannot be started later: {error}")),
    }
}

/// Removes the socket's file, at the end of the process that made it.
pub(crate) fn end() {
    if let Some((process, path)) = SOCKET.get()
        && *process == process::id()
    {
        // It may have been removed.
        own_memory(|| fs::remove_file(path).unwrap_or_default());
    }
}

fn listen() -> io::Result<UnixListener> {
    let path = directory()?.join(format!("{}.sock", process::id()));
    // A process that had this number may have been killed, or this one had another program.
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    SOCKET.get_or_init(|| (process::id(), path));
    // SAFETY: the descriptor is open, and the result belongs to nobody else.
    let moved = unsafe {
        let moved = libc::fcntl(listener.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);
        (moved >= 0).then(|| OwnedFd::from_raw_fd(moved))
    };
    // There may be no such number, where few descriptors are allowed.
    Ok(moved.map_or(listener, UnixListener::from))
}

/// The directory of the user's sockets.
fn directory() -> io::Result<PathBuf> {
    // SAFETY: geteuid has no preconditions.
    let user = unsafe { libc::geteuid() };
    let given =
        env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|it| it.is_absolute() && it.is_dir());
    let path =
        given.map_or_else(|| Path::new("/tmp").join(format!("highwater-{user}")), |it| it.join("highwater"));
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(&path)?;
    if found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0 {
        Ok(path)
    } else {
        Err(io::Error::other(format!("{} is not a directory of this user alone", path.display())))
    }
}

fn answer(stream: UnixStream, settings: &Settings) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut question = String::new();
    BufReader::new(&stream).take(LONGEST).read_line(&mut question)?;
    let said = match question.trim_end() {
        "start" if highwater_recorder::set_mode(settings.mode) => "ok recording".to_owned(),
        "stop" if highwater_recorder::set_mode(Mode::Off) => "ok paused".to_owned(),
        "start" | "stop" => "error nothing was allocated yet".to_owned(),
        "snapshot" => match output::write_snapshot(SNAPSHOTS.fetch_add(1, Ordering::Relaxed) + 1) {
            Some(path) => format!("ok {}", path.display()),
            None => "error no profile could be written; the program's standard error says why".to_owned(),
        },
        _ => "error start, stop or snapshot is expected".to_owned(),
    };
    (&stream).write_all(format!("{said}\n").as_bytes())
}
