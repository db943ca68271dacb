//! Reads the kernel's files, and the machine's memory as the outermost limit.

use std::fs;
use std::path::{Path, PathBuf};

use super::level::{LimitKind, MemoryLevel};

/// The root of the kernel's files: `/`, or the directory of a test.
pub(super) struct System {
    root: PathBuf,
}

impl System {
    /// The system that this process runs on.
    pub(super) fn here() -> Self {
        Self::at("/")
    }

    pub(super) fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The path of the file with this absolute name.
    pub(super) fn path(&self, absolute: &Path) -> PathBuf {
        self.root.join(absolute.strip_prefix("/").unwrap_or(absolute))
    }

    /// The content of a file. Bytes that are not UTF-8, such as in other directories' names, only damage
    /// their own line.
    pub(super) fn read(&self, absolute: impl AsRef<Path>) -> Option<String> {
        let bytes = fs::read(self.path(absolute.as_ref())).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn number(&self, absolute: impl AsRef<Path>) -> Option<u64> {
        // `max` is not a number: no limit.
        self.read(absolute)?.trim().parse().ok()
    }

    pub(super) fn has_directory(&self, absolute: &Path) -> bool {
        self.path(absolute).is_dir()
    }

    /// The bytes after these names in `/proc/meminfo`.
    fn meminfo(&self, names: &[&str]) -> Vec<Option<u64>> {
        let text = self.read("/proc/meminfo").unwrap_or_default();
        names.iter().map(|name| kibibytes(&text, name)).collect()
    }

    /// Free swap space of the machine, in bytes.
    pub(super) fn free_swap_bytes(&self) -> u64 {
        self.meminfo(&["SwapFree"])[0].unwrap_or(0)
    }

    /// The machine's memory; and the limit on promised memory, if overcommitting is off.
    pub(super) fn levels(&self) -> Vec<MemoryLevel> {
        let found = self.meminfo(&["MemTotal", "MemAvailable", "SwapFree", "Committed_AS", "CommitLimit"]);
        let [total, available, swap, committed, commit_limit] = found[..] else { return Vec::new() };
        let mut levels = Vec::new();
        if let (Some(total), Some(available)) = (total, available) {
            let used = total.saturating_sub(available);
            let machine = MemoryLevel::new(LimitKind::Machine, "machine".to_owned(), used, total);
            levels.push(MemoryLevel { swap_room_bytes: swap.unwrap_or(0), ..machine });
        }
        // https://docs.kernel.org/mm/overcommit-accounting.html: in mode 2 allocations fail beyond the limit.
        if self.number("/proc/sys/vm/overcommit_memory") == Some(2)
            && let (Some(committed), Some(limit)) = (committed, commit_limit)
        {
            levels.push(MemoryLevel::new(LimitKind::Commit, "CommitLimit".to_owned(), committed, limit));
        }
        levels
    }
}

/// The value of a line `Name:   123 kB`, in bytes.
pub(super) fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
