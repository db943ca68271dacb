//! Memory and processors as the kernel counts and limits them: the process's resident set, and its control group.

use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups are mounted on Linux.
const ROOT: &str = "/sys/fs/cgroup";

/// Version 1 states "no limit" as the largest multiple of the page size, which depends on the page size; no
/// machine has half of it.
const NO_LIMIT_V1: u64 = 1 << 62;

/// What the kernel says of the control group that a process is in, which is what a container is. A field is `None` outside of
/// one, and where the kernel does not say: version 1 of control groups knows no pressure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Container {
    /// Bytes charged to the process's own group.
    pub memory_used_bytes: Option<u64>,
    /// The tightest limit of the group and of those above it.
    pub memory_limit_bytes: Option<u64>,
    /// Bytes of files that were not used lately. They are part of what is used, and the kernel takes them back before it
    /// kills anything.
    pub inactive_file_bytes: Option<u64>,
    /// How often the group ran into its limit.
    pub limit_hits: Option<u64>,
    /// How many processes of the group were killed for want of memory.
    pub oom_kills: Option<u64>,
    /// Time for which at least one task of the group waited for memory.
    pub some_pressure_ns: Option<u64>,
    /// Time for which all of them did.
    pub full_pressure_ns: Option<u64>,
    /// Processor time per time that the group may use, in processors: 1.5 is one and a half. The tightest limit of the
    /// group and of those above it.
    pub cpu_limit: Option<f64>,
}

impl Container {
    /// What cannot be taken back without killing: the bytes used, less [`Self::inactive_file_bytes`].
    pub fn working_set_bytes(&self) -> Option<u64> {
        Some(self.memory_used_bytes?.saturating_sub(self.inactive_file_bytes.unwrap_or(0)))
    }
}

/// The container of this process, as it is now.
pub fn container() -> Container {
    highwater_runtime::own_memory(|| {
        in_groups(|groups| Container {
            cpu_limit: cpu_limit(groups, Path::new(ROOT)),
            ..memory(groups, Path::new(ROOT))
        })
    })
}

/// What is used and the limit alone, which two files tell.
pub(crate) fn used_and_limit() -> (Option<u64>, Option<u64>) {
    in_groups(|groups| {
        Group::of(groups, "memory", Path::new(ROOT))
            .map_or((None, None), |group| (group.used_bytes(), group.limit_bytes()))
    })
}

fn in_groups<R: Default>(read: impl FnOnce(&str) -> R) -> R {
    fs::read_to_string("/proc/self/cgroup").map_or_else(|_| R::default(), |groups| read(&groups))
}

/// The resident set of this process in bytes; `None` where the system does not say.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The folder of a group in the hierarchy of one controller.
struct Group {
    mount: PathBuf,
    folder: PathBuf,
    is_v1: bool,
}

impl Group {
    /// Finds the group that `/proc/<pid>/cgroup` names. Its lines are `number:controllers:path`; version 2 has one
    /// line with number 0 and no controllers, version 1 one for each hierarchy.
    fn of(groups: &str, controller: &str, root: &Path) -> Option<Self> {
        let mut fields = groups.lines().filter_map(|line| {
            let (_, rest) = line.split_once(':')?;
            rest.split_once(':')
        });
        let v1 = fields.clone().find(|(controllers, _)| controllers.split(',').any(|it| it == controller));
        let (mount, path) = match v1 {
            Some((controllers, path)) => {
                let joint = root.join(controllers);
                (if joint.is_dir() { joint } else { root.join(controller) }, path)
            }
            None => (root.to_path_buf(), fields.find(|(controllers, _)| controllers.is_empty())?.1),
        };
        let folder = own_folder(&mount, path);
        Some(Self { mount, folder, is_v1: v1.is_some() })
    }

    /// The group's folder and those above it.
    fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folder.ancestors().take_while(|it| it.starts_with(&self.mount))
    }

    fn name<'a>(&self, v1: &'a str, v2: &'a str) -> &'a str {
        if self.is_v1 { v1 } else { v2 }
    }

    fn used_bytes(&self) -> Option<u64> {
        number(&self.folder.join(self.name("memory.usage_in_bytes", "memory.current")))
    }

    fn limit_bytes(&self) -> Option<u64> {
        let file = self.name("memory.limit_in_bytes", "memory.max");
        self.folders().filter_map(|it| number(&it.join(file))).filter(|&bytes| bytes < NO_LIMIT_V1).min()
    }

    /// The number behind `key` in a file with one pair a line.
    fn pair(&self, file: &str, key: &str) -> Option<u64> {
        let content = fs::read_to_string(self.folder.join(file)).ok()?;
        let value = content.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        value?.trim().parse().ok()
    }

    /// The total behind `some` or `full` in `memory.pressure`, which is in microseconds.
    fn pressure_ns(&self, kind: &str) -> Option<u64> {
        let content = fs::read_to_string(self.folder.join("memory.pressure")).ok()?;
        let line = content.lines().find(|line| line.split(' ').next() == Some(kind))?;
        let total = line.split(' ').find_map(|word| word.strip_prefix("total="))?;
        total.parse::<u64>().ok()?.checked_mul(1_000)
    }

    /// Quota divided by period. A negative quota, or the word `max`, is no limit.
    fn cpus(&self, folder: &Path) -> Option<f64> {
        let (quota, period) = if self.is_v1 {
            (number(&folder.join("cpu.cfs_quota_us"))?, number(&folder.join("cpu.cfs_period_us"))?)
        } else {
            let content = fs::read_to_string(folder.join("cpu.max")).ok()?;
            let (quota, period) = content.trim().split_once(' ')?;
            (quota.parse().ok()?, period.parse().ok()?)
        };
        (period != 0).then(|| quota as f64 / period as f64)
    }
}

fn memory(groups: &str, root: &Path) -> Container {
    let Some(group) = Group::of(groups, "memory", root) else { return Container::default() };
    let inactive_file = group.name("total_inactive_file", "inactive_file");
    Container {
        memory_used_bytes: group.used_bytes(),
        memory_limit_bytes: group.limit_bytes(),
        inactive_file_bytes: group.pair("memory.stat", inactive_file),
        limit_hits: if group.is_v1 {
            number(&group.folder.join("memory.failcnt"))
        } else {
            group.pair("memory.events", "max")
        },
        oom_kills: group.pair(group.name("memory.oom_control", "memory.events"), "oom_kill"),
        some_pressure_ns: group.pressure_ns("some"),
        full_pressure_ns: group.pressure_ns("full"),
        cpu_limit: None,
    }
}

fn cpu_limit(groups: &str, root: &Path) -> Option<f64> {
    let group = Group::of(groups, "cpu", root)?;
    group.folders().filter_map(|folder| group.cpus(folder)).min_by(f64::total_cmp)
}

/// The folder of the group. Inside a container the mount shows the container's group as its root while the path
/// may still be the host's; then the root is the group.
fn own_folder(mount: &Path, path: &str) -> PathBuf {
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

    /// A tree of files below a temporary directory.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (file, content) in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    fn used_and_limit(groups: &str, root: &Path) -> (Option<u64>, Option<u64>) {
        let read = memory(groups, root);
        (read.memory_used_bytes, read.memory_limit_bytes)
    }

    #[test]
    fn version_2_takes_the_tightest_limit_on_the_way_up() {
        let root = tree(&[
            ("a/memory.max", "1000\n"),
            ("a/b/memory.max", "max\n"),
            ("a/b/memory.current", "77\n"),
            ("a/cpu.max", "150000 100000\n"),
            ("a/b/cpu.max", "max 100000\n"),
        ]);
        assert_eq!(used_and_limit("0::/a/b\n", root.path()), (Some(77), Some(1000)));
        assert_eq!(cpu_limit("0::/a/b\n", root.path()), Some(1.5));
    }

    #[test]
    fn version_1_knows_no_limit_as_a_huge_number() {
        let root = tree(&[
            ("memory/a/memory.usage_in_bytes", "5\n"),
            ("memory/a/memory.limit_in_bytes", "9223372036854771712\n"),
            ("cpu,cpuacct/x/cpu.cfs_quota_us", "-1\n"),
            ("cpu,cpuacct/x/cpu.cfs_period_us", "100000\n"),
        ]);
        let groups = "5:cpu,cpuacct:/x\n4:memory:/a\n0::/\n";
        assert_eq!(used_and_limit(groups, root.path()), (Some(5), None));
        assert_eq!(cpu_limit(groups, root.path()), None);
        fs::write(root.path().join("cpu,cpuacct/x/cpu.cfs_quota_us"), "25000\n").unwrap();
        assert_eq!(cpu_limit(groups, root.path()), Some(0.25));
    }

    #[test]
    fn a_path_that_the_container_does_not_show_means_its_root() {
        let root = tree(&[("memory.current", "9\n"), ("memory.max", "10\n")]);
        assert_eq!(used_and_limit("0::/docker/0123\n", root.path()), (Some(9), Some(10)));
        assert_eq!(used_and_limit("0::/../sibling\n", root.path()), (Some(9), Some(10)));
        assert_eq!(memory("", root.path()), Container::default());
    }

    #[test]
    fn version_2_tells_of_files_events_and_pressure() {
        let root = tree(&[
            ("memory.current", "100\n"),
            ("memory.stat", "anon 60\ninactive_file 30\nactive_file 10\n"),
            ("memory.events", "low 0\nhigh 1\nmax 7\noom 2\noom_kill 3\n"),
            ("memory.pressure", "some avg10=0.00 avg60=1.00 avg300=0.00 total=12\nfull avg10=0.00 total=5\n"),
        ]);
        let read = memory("0::/\n", root.path());
        assert_eq!(read.working_set_bytes(), Some(70));
        assert_eq!((read.limit_hits, read.oom_kills), (Some(7), Some(3)));
        assert_eq!((read.some_pressure_ns, read.full_pressure_ns), (Some(12_000), Some(5_000)));
    }

    #[test]
    fn version_1_tells_of_files_and_kills() {
        let root = tree(&[
            ("memory/memory.usage_in_bytes", "100\n"),
            ("memory/memory.stat", "inactive_file 1\ntotal_inactive_file 40\n"),
            ("memory/memory.failcnt", "9\n"),
            ("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
        ]);
        let read = memory("4:memory:/\n", root.path());
        assert_eq!(read.working_set_bytes(), Some(60));
        assert_eq!((read.limit_hits, read.oom_kills, read.some_pressure_ns), (Some(9), Some(2), None));
    }

    #[test]
    fn files_that_make_no_sense_say_nothing() {
        let root = tree(&[
            ("memory.current", "-1\n"),
            ("memory.stat", "inactive_filex 3\ninactive_file\n"),
            ("memory.pressure", "some total=99999999999999999999\n"),
            ("cpu.max", "100 0\n"),
        ]);
        assert_eq!(memory("0::/\n", root.path()), Container::default());
        assert_eq!(cpu_limit("0::/\n", root.path()), None);
    }

    #[test]
    fn a_process_is_resident() {
        if cfg!(target_os = "linux") {
            assert!(resident_bytes().unwrap() > 100 * 1024);
        }
    }
}
