//! Memory as the kernel counts it: the process's resident set, and the use and limit of its cgroup.

use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups are mounted on Linux.
const ROOT: &str = "/sys/fs/cgroup";

/// Version 1 states "no limit" as the largest multiple of the page size, which depends on the page size; no
/// machine has half of it.
const NO_LIMIT_V1: u64 = 1 << 62;

/// Use and limit of the cgroup that bounds a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cgroup {
    /// Bytes charged to the process's own group.
    pub used_bytes: Option<u64>,
    /// The tightest limit of the group and of those above it.
    pub limit_bytes: Option<u64>,
}

/// The resident set of this process in bytes; `None` where the system does not say.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The cgroup of this process; all `None` outside of one.
pub(crate) fn current() -> Cgroup {
    fs::read_to_string("/proc/self/cgroup").map_or(Cgroup::default(), |groups| read(&groups, Path::new(ROOT)))
}

/// Reads the group that `/proc/<pid>/cgroup` names. Its lines are `number:controllers:path`; version 2 has one
/// line with number 0 and no controllers, version 1 one for each controller.
fn read(groups: &str, root: &Path) -> Cgroup {
    let mut fields = groups.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        rest.split_once(':')
    });
    let v1 = fields.clone().find(|(controllers, _)| controllers.split(',').any(|it| it == "memory"));
    let (mount, path, used, limit) = match v1 {
        Some((_, path)) => (root.join("memory"), path, "memory.usage_in_bytes", "memory.limit_in_bytes"),
        None => match fields.find(|(controllers, _)| controllers.is_empty()) {
            Some((_, path)) => (root.to_path_buf(), path, "memory.current", "memory.max"),
            None => return Cgroup::default(),
        },
    };
    let group = own_group(&mount, path);
    let limit_bytes = group
        .ancestors()
        .take_while(|it| it.starts_with(&mount))
        .filter_map(|it| number(&it.join(limit)))
        .filter(|&bytes| bytes < NO_LIMIT_V1)
        .min();
    Cgroup { used_bytes: number(&group.join(used)), limit_bytes }
}

/// The folder of the group. Inside a container the mount shows the container's group as its root while the path
/// may still be the host's; then the root is the group.
fn own_group(mount: &Path, path: &str) -> PathBuf {
    let group = mount.join(path.trim_start_matches('/'));
    // A path with ".." lies outside what this mount shows.
    if !path.contains("..") && group.is_dir() { group } else { mount.to_path_buf() }
}

fn number(file: &Path) -> Option<u64> {
    // `max` is not a number: no limit.
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, content: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn version_2_takes_the_tightest_limit_on_the_way_up() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "a/memory.max", "1000\n");
        write(root.path(), "a/b/memory.max", "max\n");
        write(root.path(), "a/b/memory.current", "77\n");
        let expected = Cgroup { used_bytes: Some(77), limit_bytes: Some(1000) };
        assert_eq!(read("0::/a/b\n", root.path()), expected);
    }

    #[test]
    fn version_1_knows_no_limit_as_a_huge_number() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "memory/a/memory.usage_in_bytes", "5\n");
        write(root.path(), "memory/a/memory.limit_in_bytes", "9223372036854771712\n");
        let groups = "5:cpu,cpuacct:/x\n4:memory:/a\n0::/\n";
        assert_eq!(read(groups, root.path()), Cgroup { used_bytes: Some(5), limit_bytes: None });
    }

    #[test]
    fn a_path_that_the_container_does_not_show_means_its_root() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "memory.current", "9\n");
        write(root.path(), "memory.max", "10\n");
        let expected = Cgroup { used_bytes: Some(9), limit_bytes: Some(10) };
        assert_eq!(read("0::/docker/0123\n", root.path()), expected);
        assert_eq!(read("0::/../sibling\n", root.path()), expected);
        assert_eq!(read("", root.path()), Cgroup::default());
    }

    #[test]
    fn a_process_is_resident() {
        if cfg!(target_os = "linux") {
            assert!(resident_bytes().unwrap() > 100 * 1024);
        }
    }
}
