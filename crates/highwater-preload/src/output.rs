//! The files: their names, and that one thread writes at a time.

use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use highwater::Snapshot;
use highwater_profile::sequence::Sequence;
use highwater_recorder::own_memory;

use crate::process::{self, Role};
use crate::settings::{self, Settings};
use crate::signals;

/// Snapshots of a series that are kept.
const KEPT: usize = 100;

const SUFFIX: &str = ".pb.gz";

/// The thread that writes; 0 for none.
static WRITER: AtomicI32 = AtomicI32::new(0);

/// How long the end of the process waits for a thread that is writing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No profile of this process is asked for.
    NotAsked,
    /// The calling thread is writing one, and was interrupted in it.
    Here,
    /// Another thread is writing, and did not come to an end in time.
    Elsewhere,
}

/// The file of a program that was about to give its process to another one, and then was still there.
static STRAY: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Has the file of [`write_before_exec`] taken back when the program is still there at its next profile.
pub(crate) fn remove_if_still_here(file: Option<PathBuf>) {
    if let Ok(mut stray) = STRAY.try_lock() {
        *stray = file;
    }
}

/// Writes the profile of the program, at its end or as the next one of its series. Errors are on standard
/// error.
pub(crate) fn write() -> Result<(), Refused> {
    write_as(|settings, role| {
        remove(STRAY.try_lock().ok().and_then(|mut it| it.take()));
        if settings.every_ms == 0 { file(settings, role) } else { next_of_series(settings, role) }
    })
    .map(drop)
}

/// Programs that are there to start another one. What they allocate before is of no interest.
const LAUNCHERS: [&str; 11] =
    ["bash", "dash", "env", "ionice", "nice", "nohup", "setpriv", "setsid", "sh", "stdbuf", "taskset"];

/// Writes the profile of a program that is about to give its process to another one, unless it is one of
/// [`LAUNCHERS`]. Returns the file.
pub(crate) fn write_before_exec() -> Option<PathBuf> {
    let own = std::env::current_exe().unwrap_or_default();
    let is_launcher = own.file_name().is_some_and(|it| LAUNCHERS.iter().any(|name| *name == it));
    if process::is_fork() || is_launcher {
        return None;
    }
    let mut written = None;
    write_as(|settings, role| {
        let number = settings.execs + 1;
        let file = file(settings, role);
        let file = if settings.every_ms == 0 { file } else { file.join(format!("heap{SUFFIX}")) };
        let file = with_word(&file, &format!("before-exec-{number}"));
        written.insert(file).clone()
    })
    .ok()?;
    written
}

/// Takes the file of [`write_before_exec`] back: the program goes on.
pub(crate) fn remove(file: Option<PathBuf>) {
    if let Some(file) = file {
        // It may never have been written, which was said then.
        own_memory(|| fs::remove_file(&file).unwrap_or_default());
    }
}

/// Writes a profile while the program runs, with this number, or the next of its series. Returns the file.
pub(crate) fn write_snapshot(number: u32) -> Option<PathBuf> {
    let mut written = None;
    write_as(|settings, role| {
        let file = if settings.every_ms == 0 {
            with_word(&file(settings, role), &format!("snapshot-{number}"))
        } else {
            next_of_series(settings, role)
        };
        written.insert(file).clone()
    })
    .is_ok_and(|is_written| is_written)
    .then_some(written)?
}

/// Writes a profile to the file that `name` says. Returns whether it is there; if not, standard error says
/// why.
fn write_as(name: impl FnOnce(&Settings, Role) -> PathBuf) -> Result<bool, Refused> {
    let (Some(settings), role) = (settings::get(), process::role()) else { return Err(Refused::NotAsked) };
    if role == Role::None {
        return Err(Refused::NotAsked);
    }
    begin()?;
    let is_written = own_memory(|| {
        // A panic must not pass through C code.
        let result = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            let file = name(settings, role);
            let written = Snapshot::capture().and_then(|it| it.write(&file));
            if let Err(error) = &written {
                complain(&error.to_string());
            }
            written.is_ok()
        }));
        result.unwrap_or_else(|_| {
            complain("the profile could not be written");
            false
        })
    });
    WRITER.store(0, Ordering::Release);
    signals::end_by_pending();
    Ok(is_written)
}

/// Waits until no other thread writes.
fn begin() -> Result<(), Refused> {
    // SAFETY: gettid has no preconditions.
    let own = unsafe { libc::gettid() };
    let begin = Instant::now();
    loop {
        match WRITER.compare_exchange(0, own, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Ok(()),
            Err(writer) if writer == own => return Err(Refused::Here),
            Err(_) if begin.elapsed() > PATIENCE => return Err(Refused::Elsewhere),
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// A fork is going on, and the thread that forks is the writer meanwhile.
static IS_HELD: AtomicBool = AtomicBool::new(false);

/// Waits for the thread that writes before a fork: the child has the memory of this library, but not that
/// thread.
pub(crate) fn before_fork() {
    IS_HELD.store(begin().is_ok(), Ordering::Release);
}

/// Goes on after a fork, in the parent.
pub(crate) fn after_fork() {
    if IS_HELD.swap(false, Ordering::AcqRel) {
        WRITER.store(0, Ordering::Release);
        signals::end_by_pending();
    }
}

/// Goes on in the child, where nobody writes.
pub(crate) fn after_fork_in_child() {
    IS_HELD.store(false, Ordering::Release);
    WRITER.store(0, Ordering::Release);
}

/// The file of this process; with a series, its directory.
fn file(settings: &Settings, role: Role) -> PathBuf {
    let given = settings.path();
    let id = process::id().to_string();
    let mut name = Vec::new();
    let mut rest = given;
    let mut has_id = false;
    while let Some(at) = rest.windows(2).position(|it| it == b"%p") {
        name.extend_from_slice(&rest[..at]);
        name.extend_from_slice(id.as_bytes());
        rest = &rest[at + 2..];
        has_id = true;
    }
    name.extend_from_slice(rest);
    let name = PathBuf::from(OsStr::from_bytes(&name));
    if has_id || role == Role::First || settings.every_ms != 0 { name } else { with_word(&name, &id) }
}

/// A file's name with a word in front of its suffix: `heap.4711.pb.gz`.
fn with_word(file: &Path, word: &str) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(SUFFIX).or_else(|| name.rsplit_once('.').map(|it| it.0)).unwrap_or(&name);
    file.with_file_name(format!("{stem}.{word}{}", &name[stem.len()..]))
}

/// The next file of the series; the oldest beyond [`KEPT`] is deleted.
fn next_of_series(settings: &Settings, role: Role) -> PathBuf {
    const PREFIX: &str = "heap-";
    let directory = file(settings, role);
    let suffix = if role == Role::First { SUFFIX.to_owned() } else { format!("-{}{SUFFIX}", process::id()) };
    let names = fs::read_dir(&directory).into_iter().flatten().flatten();
    let mut numbers: Vec<u64> =
        names.filter_map(|it| Sequence::of(&it.file_name().to_string_lossy(), PREFIX, &suffix)).collect();
    numbers.sort_unstable();
    let path = |number: u64| directory.join(format!("{PREFIX}{number:013}{suffix}"));
    for oldest in numbers.iter().take((numbers.len() + 1).saturating_sub(KEPT)) {
        // Another process may have deleted it.
        let _ = fs::remove_file(path(*oldest));
    }
    path(Sequence::behind(numbers).next_now())
}

/// Says on standard error what is lost.
pub(crate) fn complain(message: &str) {
    let line = format!("highwater: {}\n", message.replace('\n', " "));
    // If standard error is closed, nobody can read the message.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_in_front_of_the_suffix() {
        let named = |file: &str| with_word(Path::new(file), "7").display().to_string();
        assert_eq!(
            ["/a/heap.pb.gz", "/a.b/heap", "x.gz"].map(named),
            ["/a/heap.7.pb.gz", "/a.b/heap.7", "x.7.gz"]
        );
    }
}
