//! The process that a pid file names, as `/proc` shows it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A pid file is a number and a line feed. A longer file is something else.
const MAX_PID_FILE_BYTES: u64 = 64;

/// A file that names the process to watch. Its writer may replace it at any time.
#[derive(Clone, Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
}

/// A process, distinguished from a later one with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// The process id.
    pub(crate) pid: u32,
    /// When the process started, in the kernel's ticks since boot; 0 on systems without `/proc`.
    started: u64,
}

impl PidFile {
    /// Opens a pid file.
    ///
    /// # Errors
    /// When the file is not a pid file.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let it = Self { path: path.to_owned() };
        match it.pid() {
            Some(_) => Ok(it),
            None => Err(format!(
                "{}: there is no process id in this file; an address (http://…), a directory of snapshots or a pid file is watched",
                path.display()
            )),
        }
    }

    /// The directory that the file is in.
    pub(crate) fn directory(&self) -> PathBuf {
        let parent = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        parent.unwrap_or(Path::new(".")).to_owned()
    }

    /// The running process that the file names now.
    pub(crate) fn process(&self) -> Option<Process> {
        let pid = self.pid()?;
        Some(Process { pid, started: started(pid)? })
    }

    fn pid(&self) -> Option<u32> {
        let mut text = String::new();
        fs::File::open(&self.path).ok()?.take(MAX_PID_FILE_BYTES).read_to_string(&mut text).ok()?;
        text.trim().parse().ok().filter(|&pid| pid > 0)
    }
}

impl Process {
    /// Whether the process still runs.
    pub(crate) fn is_running(&self) -> bool {
        started(self.pid) == Some(self.started)
    }

    /// The resident set of the process, in bytes; `None` if the kernel does not say.
    pub(crate) fn rss_bytes(&self) -> Option<i64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
        let kib: i64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        kib.checked_mul(1 << 10)
    }
}

/// When the process started: field 22 of `/proc/PID/stat`. `None` if there is no such process, or if it is a
/// zombie.
fn started(pid: u32) -> Option<u64> {
    if !Path::new("/proc/self/stat").exists() {
        return Some(0);
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may contain anything, even brackets.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    // The state is field 3, so field 22 is 19 fields further on.
    fields.nth(22 - 4)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_number_and_its_start() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.pid");
        fs::write(&path, format!("{}\n", std::process::id())).unwrap();
        let file = PidFile::open(&path).unwrap();
        let own = file.process().unwrap();
        assert_eq!(own.pid, std::process::id());
        assert!(own.started > 0);
        assert!(own.rss_bytes().unwrap() > 1 << 16);
        assert_eq!(file.directory(), directory.path());
        // A zombie is no longer running.
        let mut child = std::process::Command::new("true").spawn().unwrap();
        fs::write(&path, child.id().to_string()).unwrap();
        while file.process().is_some() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(own.is_running());
        assert!(!Process { started: own.started + 1, ..own }.is_running(), "a later one of the same number");
    }

    #[test]
    fn other_files_are_no_pid_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.pid");
        for text in ["", "0", "-5", "heap", "12 13", "99999999999"] {
            fs::write(&path, text).unwrap();
            assert!(PidFile::open(&path).unwrap_err().contains("app.pid"), "{text:?}");
        }
    }
}
