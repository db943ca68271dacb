//! Services that are killed for lack of memory, and the files that their watch has written by then.
//!
//! The service is held shortly before its end until the watch has done its work, because the test is not
//! about the speed of the disk or of a busy machine. It is about how little memory the watch needs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use highwater_tests::{highwater, succeed};

use crate::service::{ADDRESSES, PROGRAM, Service};
use crate::watch::{check_flame, check_incident, first_line, incidents, line_of_hoard, paths, wait_until};

const MIB: u64 = 1 << 20;

/// The limit that ends a service that allocates too much.
enum Ceiling {
    /// A control group, in which the kernel kills.
    Group(Group),
    /// The process's limit for private writable memory, beyond which allocations fail. Available everywhere.
    Data,
}

impl Ceiling {
    /// A control group, if the test may create one.
    fn best() -> Self {
        Group::new().map_or(Self::Data, Self::Group)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Group(_) => "a control group",
            Self::Data => "a limit of the process",
        }
    }

    /// Starts a service below the limit, with much space at first, and waits for its first snapshot.
    fn start(&self, directory: &Path, settings: &str) -> Service {
        let mut command = match self {
            Self::Group(group) => {
                let mut command = Command::new("sh");
                command.args(["-c", &format!("{} && exec \"$0\" \"$@\"", group.entry()), PROGRAM]);
                command
            }
            Self::Data => Command::new(PROGRAM),
        };
        let setting = format!("dir:{},every:20ms,{settings}", directory.display());
        // With one arena, all memory is requested from the kernel when it is needed, and not before.
        command.args(ADDRESSES).env("HIGHWATER", "interval:64KiB").env("HIGHWATER_AGENT", setting);
        command.env("MALLOC_ARENA_MAX", "1").stderr(Stdio::null());
        let service = Service::spawn(command);
        wait_until("a first reading", || service.metric("highwater_watch_readings_total") > 0);
        service
    }

    /// The memory in use according to the watch.
    fn used_bytes(&self, service: &Service) -> u64 {
        service.metric(match self {
            Self::Group(_) => "highwater_container_working_set_bytes",
            Self::Data => "highwater_resident_bytes",
        })
    }

    /// The memory in use, read from outside. `None` if the service has ended.
    fn seen_bytes(&self, service: &Service) -> Option<u64> {
        match self {
            Self::Group(group) => {
                let read = |name| fs::read_to_string(group.folder.join(name)).ok();
                let used = read("memory.usage_in_bytes").or_else(|| read("memory.current"))?;
                let stat = read("memory.stat")?;
                let inactive = stat.lines().find_map(|line| line.strip_prefix("inactive_file "))?;
                Some(used.trim().parse::<u64>().ok()?.saturating_sub(inactive.parse().ok()?))
            }
            Self::Data => {
                let status = fs::read_to_string(format!("/proc/{}/status", service.id())).ok()?;
                let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
                Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
            }
        }
    }

    /// Sets the limit to this many bytes above the present use.
    fn leave(&self, service: &Service, bytes: u64) {
        match self {
            Self::Group(group) => group.limit(self.used_bytes(service) + bytes),
            Self::Data => {
                let data = format!("--data={}", service.data_bytes() + bytes);
                succeed(Command::new("prlimit").args(["--pid", &service.id().to_string(), &data]));
            }
        }
    }
}

/// A control group. It is removed when this is dropped.
struct Group {
    folder: PathBuf,
    limit: &'static str,
}

impl Group {
    /// `None` if the test may not create one, or if the kernel would swap at its limit instead of killing.
    fn new() -> Option<Self> {
        let versions = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        let has_swap = fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() > 1);
        versions.into_iter().filter(|_| !has_swap).find_map(|(root, limit)| {
            static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
            let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let folder = Path::new(root).join(format!("highwater-test-{}-{number}", process::id()));
            fs::create_dir(&folder).ok()?;
            let group = Self { folder, limit };
            // The limit must be below the machine's memory, or it would not be the nearest one.
            let can_limit = fs::write(group.folder.join(limit), (512 * MIB).to_string()).is_ok();
            let can_enter = Command::new("sh").args(["-c", &group.entry()]).stderr(Stdio::null()).status();
            (can_limit && can_enter.is_ok_and(|it| it.success())).then_some(group)
        })
    }

    /// Shell code that enters the group.
    fn entry(&self) -> String {
        format!("echo $$ > {}/cgroup.procs", self.folder.display())
    }

    fn limit(&self, bytes: u64) {
        // The kernel may need a moment to reclaim file cache.
        let is_set = || fs::write(self.folder.join(self.limit), bytes.to_string()).is_ok();
        wait_until("a limit in force", is_set);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Only an empty group can be removed, and killed processes need a moment to leave.
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Allocates until the service ends.
fn drive_to_the_end(service: &Service) {
    let hoarded = (0..100).take_while(|_| service.hoard(8)).count();
    assert!(hoarded < 100, "nothing ends it");
}

/// The folder of the only incident.
fn only_incident(directory: &Path) -> Option<PathBuf> {
    match incidents(directory).as_slice() {
        [folder] => Some(folder.clone()),
        _ => None,
    }
}

/// Whether the last file of an incident exists.
fn is_complete(directory: &Path) -> bool {
    only_incident(directory).is_some_and(|it| it.join("flame.svg").exists())
}

/// Checks that an incident is complete and names the line.
fn check_all(folder: &Path, least_growth: u64) {
    check_incident(folder, i64::try_from(least_growth).unwrap());
    let growth = fs::read_to_string(folder.join("growth.txt")).unwrap();
    assert_eq!(first_line(&growth), format!("service.rs:{}", line_of_hoard()), "{growth}");
    check_flame(folder);
}

/// The first row of `highwater diff` on the profiles of an incident.
fn first_place(folder: &Path) -> String {
    let mut command = Command::new(highwater());
    command.args(["diff", "--json"]).args([folder.join("before.pb.gz"), folder.join("spike.pb.gz")]);
    let answer: serde_json::Value = serde_json::from_str(&succeed(&mut command)).unwrap();
    answer["rows"][0].to_string()
}

/// Bytes that a doomed service may use beyond its start.
const ROOM_BYTES: u64 = 96 * MIB;

/// Drives a service into its limit, like a leak would, and checks the files that it leaves.
fn doom(ceiling: &Ceiling) {
    let directory = tempfile::tempdir().unwrap();
    let rule = match ceiling {
        Ceiling::Group(_) => "watch:0.6".to_owned(),
        // The resident set includes memory that does not count against the limit.
        Ceiling::Data => "watch:92MiB".to_owned(),
    };
    let service = ceiling.start(directory.path(), &rule);
    assert_eq!(paths(&directory.path().join("ring")).len(), 1);
    ceiling.leave(&service, ROOM_BYTES);
    for _ in 0..ROOM_BYTES * 9 / 10 / MIB {
        assert!(service.hoard(1), "it ended early");
    }
    wait_until("a complete incident", || is_complete(directory.path()));
    drive_to_the_end(&service);
    let folder = only_incident(directory.path()).unwrap();
    check_all(&folder, 8 * MIB);
    let place = first_place(&folder);
    assert!(place.contains("hoard"), "{place}");
}

/// Number of times that a service is driven into its limit; `cargo xtask suites oom` sets a greater one.
fn runs() -> usize {
    env::var("HIGHWATER_OOM_RUNS").map_or(4, |it| it.parse().expect("a number of runs"))
}

#[test]
fn a_service_that_is_killed_for_its_memory_leaves_the_evidence() {
    let ceiling = Ceiling::best();
    for run in 0..runs() {
        println!("run {run} in {}", ceiling.name());
        doom(&ceiling);
    }
}

#[test]
fn a_service_that_gets_no_more_memory_leaves_the_evidence() {
    doom(&Ceiling::Data);
}

/// Bytes in use at the incident of a service that is nearly full.
const FULL_BYTES: u64 = 128 * MIB;

/// Bytes that the service may use beyond that: more than 99 % are in use then.
const LEFT_BYTES: u64 = MIB / 8;

/// Time for a service to complete an incident. With a reserve it needs less than a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// Fills a service until its watch fires, shortly before its limit, and waits for the outcome.
fn fill(ceiling: &Ceiling, directory: &Path, reserved_bytes: u64, settings: &str) -> Service {
    // The rule is about the service's own use, which does not include the reserve.
    let settings = format!("watch:{},reserve:{reserved_bytes},{settings}", FULL_BYTES - reserved_bytes);
    let mut service = ceiling.start(directory, &settings);
    while ceiling.used_bytes(&service) < FULL_BYTES - 3 * MIB {
        assert!(service.hoard(1), "it ended early");
    }
    assert!(incidents(directory).is_empty());
    let missing = FULL_BYTES - ceiling.used_bytes(&service);
    ceiling.leave(&service, missing + LEFT_BYTES);
    // The limit must not be reached by allocations until the watch looks, however late it does.
    let is_full =
        |service: &Service| ceiling.seen_bytes(service).is_some_and(|it| it >= FULL_BYTES + LEFT_BYTES / 4);
    let begin = Instant::now();
    while !is_complete(directory) && service.is_running() && begin.elapsed() < PATIENCE {
        while incidents(directory).is_empty() && !is_full(&service) && service.can_be_visited() {}
        thread::sleep(Duration::from_millis(5));
    }
    service
}

#[test]
fn the_reserve_is_enough_for_an_incident_when_99_percent_are_in_use() {
    for ceiling in [Ceiling::best(), Ceiling::Data] {
        let directory = tempfile::tempdir().unwrap();
        // Other snapshots are due at every reading, also at those that find too little memory for one.
        let mut service = fill(&ceiling, directory.path(), 8 * MIB, "snapshots:20ms,peak:1.01");
        let left = incidents(directory.path()).iter().map(|it| paths(it)).collect::<Vec<_>>();
        assert!(service.is_running(), "it ended in {}: {left:?}", ceiling.name());
        wait_until("a complete incident", || is_complete(directory.path()));
        // The reserve is not allocated again as long as there is too little free memory.
        let readings = || service.metric("highwater_watch_readings_total");
        let before = readings();
        wait_until("further readings", || readings() > before + 2);
        drive_to_the_end(&service);
        check_all(&only_incident(directory.path()).unwrap(), MIB);
    }
}

/// The planted fault for the test above. Usually the service is killed; it may also survive without the
/// files.
#[test]
fn without_a_reserve_there_is_no_incident_when_99_percent_are_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let _service = fill(&Ceiling::Data, directory.path(), 0, "");
    assert!(!is_complete(directory.path()));
}
