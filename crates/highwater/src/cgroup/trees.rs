//! Trees of control groups as text. The test creates them below a temporary directory and reads them like the
//! kernel's files.
//!
//! A case of `trees.txt` has a name after `=`, and lines of `key: value`. `from` is the source of the right
//! answer; a failure shows it. `groups` is `/proc/self/cgroup`; `mount` is a line of the table of mounts
//! (without one, version 2 at its usual place); `machine` is used and total memory; a key with a slash is a
//! file. `5M` means 5 MiB, `{pid}` is this process, and `;` ends a line of a file. The expected answers:
//! `nearest` is kind, name, working set and limit; `headroom` the headroom; `throttle` the level at which the
//! kernel slows down; `container` the use and limit in `Container`; `killed` `memory.oom.group`.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::hierarchy::Hierarchies;
use super::level::MemoryLevel;
use super::system::System;
use super::{all_levels, read_container};

const MIB: u64 = 1 << 20;

/// A case, line by line.
struct Case<'a> {
    name: &'a str,
    lines: Vec<(&'a str, &'a str)>,
}

impl<'a> Case<'a> {
    fn all(text: &'a str) -> Vec<Self> {
        let mut cases: Vec<Self> = Vec::new();
        for line in text.lines().filter(|it| !it.is_empty() && !it.starts_with('#')) {
            match (line.strip_prefix("= "), cases.last_mut()) {
                (Some(name), _) => cases.push(Self { name, lines: Vec::new() }),
                (None, Some(case)) => case.lines.push(line.split_once(": ").expect(line)),
                (None, None) => panic!("{line} is outside of a case"),
            }
        }
        cases
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.lines.iter().find(|it| it.0 == key).map(|it| it.1)
    }

    /// Makes the files of this case.
    fn make(&self, root: &Path) {
        let write = |file: &str, content: &str| {
            let path = root.join(file.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        fs::create_dir_all(root.join("sys/fs/cgroup")).unwrap();
        write("proc/self/cgroup", &(self.get("groups").unwrap().replace(" | ", "\n") + "\n"));
        let mounts: Vec<_> = self.lines.iter().filter(|it| it.0 == "mount").map(|it| it.1).collect();
        if mounts != ["none"] {
            let mounts = if mounts.is_empty() { vec!["/ /sys/fs/cgroup cgroup2 rw"] } else { mounts };
            write("proc/self/mountinfo", &mounts.iter().map(|it| mount_line(it)).collect::<String>());
        }
        write("proc/meminfo", &meminfo(self.get("machine").unwrap_or("1000M/64000M")));
        let limits = self.get("limits").unwrap_or("Max open files 20000");
        write("proc/self/limits", &format!("{}   unlimited   bytes\n", expanded(limits)));
        let status = self.get("status").unwrap_or("VmSize 300M, VmData 30M").split(", ");
        let kib = |it: &str| {
            it.split_once(' ').map(|(name, value)| format!("{name}:\t{} kB\n", bytes(value) / 1024))
        };
        write("proc/self/status", &status.filter_map(kib).collect::<String>());
        for (file, content) in self.lines.iter().filter(|it| it.0.starts_with('/')) {
            write(file, &format!("{}\n", expanded(content)));
        }
    }
}

fn mount_line(text: &str) -> String {
    let words: Vec<_> = text.split(' ').collect();
    let [shown, place, kind, options] = words[..] else { panic!("{text}") };
    format!("31 23 0:28 {shown} {place} rw,relatime shared:9 - {kind} {kind} {options}\n")
}

fn meminfo(text: &str) -> String {
    let words: Vec<_> = text.split(' ').collect();
    let behind = |name| words.iter().position(|it| *it == name).map(|it| words[it + 1]);
    let (used, total) = words[0].split_once('/').unwrap();
    let (used, total, swap) = (bytes(used), bytes(total), behind("swap").map_or(0, bytes));
    let (committed, limit) = behind("commit").and_then(|it| it.split_once('/')).unwrap_or(("1M", "2M"));
    let values = [
        ("MemTotal", total),
        ("MemAvailable", total - used),
        ("SwapFree", swap),
        ("CommitLimit", bytes(limit)),
        ("Committed_AS", bytes(committed)),
    ];
    values.iter().map(|(name, bytes)| format!("{name}:    {} kB\n", bytes / 1024)).collect()
}

fn bytes(text: &str) -> u64 {
    text.strip_suffix('M').unwrap_or_else(|| panic!("{text} is no number of MiB")).parse::<u64>().unwrap()
        * MIB
}

/// Content with numbers of bytes and line ends filled in.
fn expanded(content: &str) -> String {
    let content = content.replace("; ", "\n").replace("{pid}", &std::process::id().to_string());
    let is_size = |it: &str| it.strip_suffix('M').is_some_and(|it| it.parse::<u64>().is_ok());
    let words = content.split(' ').map(|word| {
        let (word, rest) = word.split_once('\n').map_or((word, ""), |it| it);
        let shown = if is_size(word) { bytes(word).to_string() } else { word.to_owned() };
        if rest.is_empty() { shown } else { format!("{shown}\n{rest}") }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn in_mib(bytes: u64) -> String {
    format!("{}M", bytes / MIB)
}

fn use_and_limit(level: &MemoryLevel) -> String {
    format!("{}/{}", in_mib(level.working_set_bytes()), in_mib(level.limit_bytes))
}

fn check(case: &Case<'_>) -> Result<(), String> {
    let root = tempfile::tempdir().unwrap();
    case.make(root.path());
    let system = System::at(root.path());
    let hierarchies = Hierarchies::find(&system, &system.read("/proc/self/cgroup").unwrap());
    let levels = all_levels(&system, &hierarchies);
    let container = read_container(&system, &hierarchies);
    let level = MemoryLevel::nearest(&levels);
    let throttle = MemoryLevel::throttle(&levels);
    let limit = container.memory_limit_bytes.map_or("none".to_owned(), in_mib);
    let found = [
        ("nearest", level.map(|it| format!("{} {} {}", it.kind.word(), it.name, use_and_limit(it)))),
        ("headroom", level.map(|it| in_mib(it.headroom_bytes()))),
        ("throttle", throttle.map(|it| format!("{} {}", it.name, use_and_limit(it)))),
        ("killed", level.filter(|it| it.is_killed_whole).map(|_| "whole".to_owned())),
        (
            "container",
            Some(
                container
                    .working_set_bytes()
                    .map_or("none".to_owned(), |used| format!("{}/{limit}", in_mib(used))),
            ),
        ),
    ];
    for (key, found) in found {
        // For these keys, a missing line means that nothing may be found.
        let is_always_checked = ["nearest", "throttle", "killed"].contains(&key);
        match case.get(key) {
            None if !is_always_checked => {}
            expected if expected == found.as_deref() => {}
            expected => {
                let from = case.get("from").unwrap_or("");
                return Err(format!(
                    "{}: {key} is {found:?} and not {expected:?}\n  {from}\n  {levels:?}",
                    case.name
                ));
            }
        }
    }
    Ok(())
}

#[test]
fn every_tree_has_its_answer() {
    let cases = Case::all(include_str!("trees.txt"));
    assert!(cases.len() >= 25, "{}", cases.len());
    assert!(cases.iter().all(|it| it.get("from").is_some() && it.get("nearest").is_some()));
    let names: HashSet<_> = cases.iter().map(|it| it.name).collect();
    assert_eq!(names.len(), cases.len());
    let wrong: Vec<_> = cases.iter().filter_map(|it| check(it).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The planted fault: a wrong answer is detected.
    let text = "= planted\nfrom: x\ngroups: 0::/\nnearest: machine machine 1M/64000M\n";
    check(&Case::all(text)[0]).unwrap_err();
}

/// A tree of files, and the group in it that contains this process.
fn container(groups: &str, files: &[(&str, &str)]) -> super::Container {
    let root = tempfile::tempdir().unwrap();
    for (file, content) in files {
        let path = root.path().join("sys/fs/cgroup").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let system = System::at(root.path());
    read_container(&system, &Hierarchies::find(&system, groups))
}

#[test]
fn the_tightest_quota_of_processors_counts() {
    let v2 = [("a/cpu.max", "150000 100000\n"), ("a/b/cpu.max", "max 100000\n")];
    assert_eq!(container("0::/a/b\n", &v2).cpu_limit, Some(1.5));
    let v1 =
        |quota| [("cpu,cpuacct/x/cpu.cfs_quota_us", quota), ("cpu,cpuacct/x/cpu.cfs_period_us", "100000\n")];
    assert_eq!(container("5:cpu,cpuacct:/x\n0::/\n", &v1("-1\n")).cpu_limit, None);
    assert_eq!(container("5:cpu,cpuacct:/x\n0::/\n", &v1("25000\n")).cpu_limit, Some(0.25));
    assert_eq!(container("0::/\n", &[("cpu.max", "100 0\n")]).cpu_limit, None);
}

#[test]
fn events_and_pressure_are_read() {
    let v2 = [
        ("a/memory.current", "100\n"),
        ("a/memory.events", "low 0\nhigh 1\nmax 9\noom 2\noom_kill 3\n"),
        ("a/memory.events.local", "low 0\nhigh 1\nmax 7\noom 2\noom_kill 0\n"),
        ("a/memory.pressure", "some avg10=0.00 avg60=1.00 avg300=0.00 total=12\nfull avg10=0.00 total=5\n"),
        ("memory.current", "100\n"),
        ("memory.events", "max 4\n"),
        ("memory.pressure", "some total=99999999999999999999\n"),
    ];
    let read = container("0::/a\n", &v2);
    assert_eq!((read.limit_hits, read.oom_kills), (Some(11), Some(3)));
    assert_eq!((read.some_pressure_ns, read.full_pressure_ns), (Some(12_000), Some(5_000)));
    let v1 = [
        ("memory/memory.usage_in_bytes", "100\n"),
        ("memory/memory.failcnt", "9\n"),
        ("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
    ];
    let read = container("4:memory:/\n", &v1);
    assert_eq!((read.limit_hits, read.oom_kills, read.some_pressure_ns), (Some(9), Some(2), None));
}
