//! Control groups created for the test: the agent names the limit that would end the service.
//!
//! If the test may not create control groups, it says so and only tests the process's own limits.
//! `crates/highwater/src/cgroup/trees.txt` contains the trees that cannot be created.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use highwater_tests::succeed;

use crate::service::{ADDRESSES, PROGRAM, Service};
use crate::watch::wait_until;

const MIB: u64 = 1 << 20;

/// Control groups, outermost first. They are removed when this is dropped.
struct Tree {
    is_v1: bool,
    folders: Vec<PathBuf>,
}

impl Tree {
    /// `None` if no groups with limits can be created.
    fn new() -> Option<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let versions = [("/sys/fs/cgroup/memory", true), ("/sys/fs/cgroup", false)];
        versions.into_iter().find_map(|(root, is_v1)| {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let folder = Path::new(root).join(format!("highwater-tree-{}-{number}", process::id()));
            fs::create_dir(&folder).ok()?;
            let tree = Self { is_v1, folders: vec![folder] };
            let can_limit = tree.try_limit(&tree.folders[0], 4096 * MIB);
            // Groups below one of version 2 have only the controllers that it delegates.
            let can_nest =
                is_v1 || fs::write(tree.folders[0].join("cgroup.subtree_control"), "+memory").is_ok();
            (can_limit && can_nest).then_some(tree)
        })
    }

    fn add(&mut self, name: &str) -> PathBuf {
        let folder = self.folders[0].join(name);
        fs::create_dir(&folder).unwrap();
        self.folders.push(folder.clone());
        folder
    }

    fn try_limit(&self, folder: &Path, bytes: u64) -> bool {
        let file = if self.is_v1 { "memory.limit_in_bytes" } else { "memory.max" };
        fs::write(folder.join(file), bytes.to_string()).is_ok()
    }

    fn limit(&self, folder: &Path, bytes: u64) {
        assert!(self.try_limit(folder, bytes), "no limit for {}", folder.display());
    }

    /// The kernel's name for the group.
    fn name(&self, folder: &Path) -> String {
        let root = self.folders[0].parent().unwrap();
        format!("/{}", folder.strip_prefix(root).unwrap().display())
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        for folder in self.folders.iter().rev() {
            // Killed processes need a moment to leave the group.
            for _ in 0..100 {
                if fs::remove_dir(folder).is_ok() {
                    break;
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// Starts a service in a group, with a command such as `unshare -C`.
fn start(folder: &Path, by: &str) -> Service {
    let mut command = Command::new("sh");
    let script = format!("echo $$ > '{}/cgroup.procs' && exec {by} \"$0\" \"$@\"", folder.display());
    command.args(["-c", &script, PROGRAM]).args(ADDRESSES);
    Service::spawn(command)
}

/// Kind and name of the nearest limit according to the metrics: the one with the least headroom.
fn nearest(service: &Service) -> (String, u64) {
    let text = service.get("/metrics").text();
    let limit = service.metric("highwater_memory_limit_bytes");
    let prefix = "highwater_memory_level_limit_bytes{level=\"";
    let level =
        text.lines().filter_map(|it| it.strip_prefix(prefix)).find(|it| it.ends_with(&format!(" {limit}")));
    let level = level.unwrap_or_else(|| panic!("no level has the limit {limit}\n{text}"));
    (level.rsplit_once("} ").unwrap().0.replace("\",kind=\"", " ").trim_end_matches('"').to_owned(), limit)
}

fn tree() -> Option<Tree> {
    let tree = Tree::new();
    if tree.is_none() {
        println!("no control groups can be made here: the fixtures alone say what is right in them");
    }
    tree
}

#[test]
fn the_limit_of_the_own_group_is_found_whatever_its_name() {
    let Some(mut tree) = tree() else { return };
    let folder = tree.add("my..svc.service");
    tree.limit(&folder, 700 * MIB);
    let service = start(&folder, "");
    let name = tree.name(&folder);
    assert_eq!(nearest(&service), (format!("{name} cgroup"), 700 * MIB));
    drop(service);
}

#[test]
fn a_pods_limit_counts_the_use_of_others() {
    let Some(mut tree) = tree() else { return };
    let (app, other) = (tree.add("app"), tree.add("other"));
    let pod = tree.folders[0].clone();
    tree.limit(&pod, 400 * MIB);
    tree.limit(&app, 300 * MIB);
    let (service, greedy) = (start(&app, ""), start(&other, ""));
    // The container's own limit is nearer as long as the others use little.
    assert_eq!(nearest(&service), (format!("{} cgroup", tree.name(&app)), 300 * MIB));
    assert!(greedy.hoard(200));
    assert_eq!(nearest(&service), (format!("{} cgroup", tree.name(&pod)), 400 * MIB));
    let (used, left) =
        (service.metric("highwater_memory_used_bytes"), service.metric("highwater_memory_headroom_bytes"));
    assert!((200 * MIB..=400 * MIB).contains(&used) && left <= 200 * MIB, "{used} {left}");
    drop((service, greedy));
}

#[test]
fn a_distant_limit_counts_all_use_below_it() {
    let Some(mut tree) = tree() else { return };
    // In version 2, the lower two have no memory controller, because it is not delegated to them.
    let [slice, _, leaf] =
        ["user.slice", "user.slice/a.scope", "user.slice/a.scope/leaf"].map(|it| tree.add(it));
    tree.limit(&slice, 350 * MIB);
    let service = start(&leaf, "");
    let used = || service.metric("highwater_memory_used_bytes");
    let before = used();
    assert!(service.hoard(100));
    assert_eq!(nearest(&service), (format!("{} cgroup", tree.name(&slice)), 350 * MIB));
    assert!(used() >= before + 90 * MIB, "{before} and then {}", used());
    drop(service);
}

#[test]
fn a_process_that_is_put_into_another_group_has_its_limit() {
    let Some(mut tree) = tree() else { return };
    let (first, second) = (tree.add("first"), tree.add("second"));
    tree.limit(&first, 800 * MIB);
    tree.limit(&second, 600 * MIB);
    let service = start(&first, "");
    assert_eq!(nearest(&service).1, 800 * MIB);
    fs::write(second.join("cgroup.procs"), service.id().to_string()).unwrap();
    wait_until("the other limit", || nearest(&service).1 == 600 * MIB);
    drop(service);
}

#[test]
fn a_process_in_a_namespace_of_its_own_finds_its_group() {
    let Some(mut tree) = tree() else { return };
    if !Command::new("unshare").args(["-C", "true"]).status().is_ok_and(|it| it.success()) {
        println!(
            "no namespace of control groups can be made here: the fixtures alone say what is right in one"
        );
        return;
    }
    let folder = tree.add("inside");
    tree.limit(&folder, 500 * MIB);
    // The mount is older than the namespace and shows groups above its root.
    let service = start(&folder, "unshare -C");
    assert_eq!(nearest(&service).1, 500 * MIB);
    drop(service);
}

#[test]
fn limits_of_the_process_are_limits() {
    let limits = [("--as", "VmSize", "RLIMIT_AS address_space"), ("--data", "VmData", "RLIMIT_DATA data")];
    for (option, used, kind) in limits {
        let service = Service::start();
        // Space for threads that the service still starts: the C library reserves 64 MiB of address space for
        // each.
        let limit = service.status_bytes(used) + 768 * MIB;
        succeed(Command::new("prlimit").args([
            "--pid",
            &service.id().to_string(),
            &format!("{option}={limit}"),
        ]));
        assert_eq!(nearest(&service), (kind.to_owned(), limit));
    }
}
