//! Watches of a server, of a directory and of a process, and the files they write.

mod directory;
mod ending;
mod incidents;
mod process;
pub mod server;
mod trouble;

use std::fs;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use std::io::{BufRead, BufReader};

use highwater_profile::{Meta, Profile, ValueType};
use serde_json::Value;

use crate::support::{Place, Run, encoded, frame, push_values};

/// Time between two snapshots of a series, according to the files.
const STEP_NS: i64 = 90_000_000_000;

const MIB: i64 = 1 << 20;

/// A program with a cache, some work without lasting memory, and the allocations that a test adds.
#[derive(Clone, Debug)]
struct Program {
    process: Option<i64>,
    snapshots: i64,
    /// Blocks of 1 MiB that leaked: allocated so far, live.
    leak: (i64, i64),
    burst: i64,
    work: i64,
}

impl Program {
    fn new(process: Option<i64>) -> Self {
        Self { process, snapshots: 0, leak: (0, 0), burst: 0, work: 0 }
    }

    /// Advances by one step: 5 MiB of work are done, and these numbers of 1 MiB blocks leak or are only
    /// temporary.
    fn step(&mut self, leak: i64, burst: i64) -> Vec<u8> {
        self.snapshots += 1;
        self.leak = (self.leak.0 + leak, self.leak.1 + leak);
        self.burst += burst;
        self.work += 5;
        encoded(&self.profile())
    }

    fn profile(&self) -> Profile {
        let types = ["alloc_objects count", "alloc_space bytes", "inuse_objects count", "inuse_space bytes"];
        let types = types.map(|it| it.split_once(' ').unwrap());
        let mut profile = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = 1;
        profile.time_ns = 1_700_000_000_000_000_000 + self.snapshots * STEP_NS;
        let epoch = self.process.map(|_| self.snapshots);
        let facts = Meta { format: Some(1), process: self.process, epoch, ..Meta::default() };
        profile.meta = self.process.map(|_| facts);
        let main = frame(&mut profile, "demo::main", "src/main.rs", 7);
        let rows = [
            ("demo::cache::fill", 50, 50),
            ("demo::leak_session", self.leak.0, self.leak.1),
            ("demo::burst_report", self.burst, 0),
            ("demo::work", self.work, 0),
        ];
        for (line, (name, allocated, live)) in (10..).zip(rows) {
            if allocated > 0 {
                let leaf = frame(&mut profile, name, "src/demo.rs", line);
                push_values(&mut profile, &[leaf, main], [allocated, live], MIB);
            }
        }
        profile
    }
}

/// Snapshots of this many uneventful steps.
fn quiet(program: &mut Program, steps: usize) -> Vec<Vec<u8>> {
    (0..steps).map(|_| program.step(0, 0)).collect()
}

/// The events in a watch's JSON output.
fn events(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// The events of one kind.
fn of_kind(events: &[Value], kind: &str) -> Vec<Value> {
    events.iter().filter(|it| it["event"] == kind).cloned().collect()
}

/// Runs a watch with these arguments to its end.
fn watch(place: &Place, arguments: &str) -> Run {
    place.run(&format!("watch --json --every 1ms --for 60s {arguments}"))
}

/// The events of a successful watch.
#[track_caller]
fn watched(place: &Place, arguments: &str) -> Vec<Value> {
    let run = watch(place, arguments);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    let events = events(&run.stdout);
    assert_eq!(events.last().unwrap()["because"], "enough", "it came to its end: {}", run.stdout);
    events
}

/// A watch that runs while a test does something.
struct Going {
    child: Child,
    /// What it prints; `None` to stop reading.
    lines: Option<BufReader<ChildStdout>>,
    seen: Vec<Value>,
}

impl Going {
    fn start(place: &Place, arguments: &str) -> Self {
        // `--for` ends the watch, so that a test that waits for a missing event fails.
        let arguments = arguments.split_whitespace();
        Self::spawn(place.command().args(["watch", "--json", "--for", "60s"]).args(arguments))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = child.stdout.take().map(BufReader::new);
        Self { child, lines, seen: Vec::new() }
    }

    /// Reads until an event of this kind, and returns it.
    #[track_caller]
    fn wait_for(&mut self, kind: &str) -> Value {
        loop {
            let mut line = String::new();
            self.lines.as_mut().unwrap().read_line(&mut line).unwrap();
            assert!(!line.is_empty(), "it ended before {kind}: {:#?}", self.seen);
            self.seen.push(serde_json::from_str(&line).unwrap());
            if self.seen.last().unwrap()["event"] == kind {
                return self.seen.last().unwrap().clone();
            }
        }
    }

    /// Sends Ctrl-C; returns the exit code and the remaining events.
    fn interrupt(mut self) -> (Option<i32>, Vec<Value>) {
        let kill = Command::new("sh").args(["-c", &format!("kill -INT {}", self.child.id())]).status();
        assert!(kill.unwrap().success());
        let rest = self.lines.take().unwrap().lines().map(|it| serde_json::from_str(&it.unwrap()).unwrap());
        self.seen.extend(rest);
        (self.child.wait().unwrap().code(), std::mem::take(&mut self.seen))
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        // The process has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Names of the files in a directory.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
