//! Running the corpus in one of the ways that tests are run.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::build;

/// One of the corpus's programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    Whole,
    Shadowed,
    Marked,
    Memory,
    /// What is built in many ways, by [`crate::builds`].
    Short,
}

/// How its tests are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Libtest {
        threads: u32,
    },
    Nextest,
    /// Each test in a process of its own, one after the other.
    Alone,
    /// With the harness switched off.
    Unchecked,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Libtest { threads } => write!(f, "libtest-{threads}"),
            Self::Nextest => f.write_str("nextest"),
            Self::Alone => f.write_str("alone"),
            Self::Unchecked => f.write_str("unchecked"),
        }
    }
}

/// What came of it.
pub struct Outcome {
    pub program: Program,
    pub way: Way,
    pub code: Option<i32>,
    /// Both outputs.
    pub said: String,
    pub leaks: Vec<Leak>,
    /// Limits for memory that were not kept.
    pub memory: Vec<Excess>,
    /// Whether each test passed, by its name, as the runner has it.
    pub passed: BTreeMap<String, bool>,
    /// How long the whole run took.
    pub took: Duration,
    /// How often its processes asked the program for its constants, symbols or debug information.
    pub lookups: u64,
}

impl Outcome {
    /// How much longer a run of one test took than the grace that the corpus's `highwater.toml` gives what it
    /// left.
    pub fn beyond_grace_ms(&self) -> u64 {
        let is_busy = self.leaks.iter().any(|it| it.activity == "busy");
        let grace = Duration::from_millis(if is_busy { 1000 } else { 300 });
        u64::try_from(self.took.saturating_sub(grace).as_millis()).unwrap_or(u64::MAX)
    }
}

/// A leak as the harness reports it in JSON: what is compared of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Leak {
    pub test: String,
    pub kind: String,
    pub name: String,
    pub spawned: Vec<Frame>,
    #[serde(default)]
    activity: String,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

/// A call of its spawn stack.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Frame {
    pub function: String,
    pub file: Option<String>,
    pub line: Option<u32>,
    pub origin: String,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

/// A limit for memory that was not kept: what is compared of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Excess {
    pub test: String,
    pub limit: String,
    pub sites: Vec<Site>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

/// A site of such a limit.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Site {
    pub blocks: u64,
    pub bytes: u64,
    pub allocated: Vec<Frame>,
    pub container: Option<String>,
}

/// A report of one process.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Report {
    leaks: Vec<Leak>,
    memory: Vec<Excess>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

impl Program {
    /// Its name, as cargo has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Shadowed => "shadowed",
            Self::Marked => "marked",
            Self::Memory => "memory",
            Self::Short => "short",
        }
    }
}

/// Runs all tests of a program.
pub fn run(program: Program, way: Way) -> Outcome {
    let mut command = match way {
        Way::Libtest { threads } => {
            let mut command = libtest(program);
            command.arg(format!("--test-threads={threads}"));
            command
        }
        Way::Alone => panic!("one test at a time: `one_test`"),
        Way::Unchecked => {
            let mut command = libtest(program);
            command.env("HIGHWATER_LEAKTEST", "off");
            command
        }
        Way::Nextest => {
            let mut command = build::cargo(&["nextest", "run", "--no-fail-fast", "--color", "never"]);
            command.args(["-E", &format!("binary({})", program.name())]);
            // Most of the time they wait.
            command.arg("--test-threads=8");
            clear(&mut command);
            command
        }
    };
    if program == Program::Marked {
        command.env("HIGHWATER_LEAKTEST", "marked");
    }
    finish(command, program, way)
}

/// Runs one test of the program that is checked as a whole.
pub fn one_test(test: &str, variables: &[(&str, &str)]) -> Outcome {
    one_of(Program::Whole, test, variables)
}

/// Runs one test of a program.
pub fn one_of(program: Program, test: &str, variables: &[(&str, &str)]) -> Outcome {
    let mut command = libtest(program);
    command.args(["--exact", test]).envs(variables.iter().copied());
    finish(command, program, Way::Alone)
}

/// Runs the short program that was built at `path`.
pub fn program(path: &Path, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(path);
    command.current_dir(build::directory()).args(arguments).arg("--test-threads=4");
    clear(&mut command);
    let profile = tempfile::tempdir().expect("a directory");
    // Where a program that measures coverage leaves what it measured.
    command.env("LLVM_PROFILE_FILE", profile.path().join("raw"));
    finish(command, Program::Short, Way::Libtest { threads: 4 })
}

/// Runs one test that leaks nothing.
pub fn one_clean_test(variables: &[(&str, &str)]) -> Outcome {
    one_test("cases::std_threads::clean_joined", variables)
}

/// Runs the tests of the program checked as a whole whose names begin with `tests`.
pub fn some_tests(tests: &str, variables: &[(&str, &str)]) -> Outcome {
    let mut command = libtest(Program::Whole);
    command.args([tests, "--test-threads=4"]).envs(variables.iter().copied());
    finish(command, Program::Whole, Way::Libtest { threads: 4 })
}

/// Runs the program checked as a whole again, with those leaks of `first` as a baseline that `keep` keeps.
pub fn with_baseline(first: &Outcome, keep: impl Fn(&Leak) -> bool) -> Outcome {
    let directory = baseline(first.leaks.iter().filter(|it| keep(it)).cloned().collect());
    let mut command = libtest(Program::Whole);
    command.arg("--test-threads=4").env("HIGHWATER_LEAKTEST_BASELINE", directory.path());
    finish(command, Program::Whole, Way::Libtest { threads: 4 })
}

/// A baseline of these leaks.
pub fn baseline(leaks: Vec<Leak>) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let facts = serde_json::json!({ "program": "whole", "tests": 1, "passed_over": [], "unclassified": [], "unclassified_descriptors": [], "unclassified_children": [], "unclassified_tasks": [], "unjudged": [], "stuck_jobs": [], "late_tasks": [], "called_ok": [], "lacks_futures": false });
    let serde_json::Value::Object(rest) = facts else { unreachable!("it is an object") };
    let report = serde_json::to_vec(&Report { leaks, memory: Vec::new(), rest }).expect("it is plain data");
    fs::write(directory.path().join("known.json"), report).expect("the directory can be written to");
    directory
}

/// Runs the program that libtest does not run, and returns what it said.
pub fn foreign() -> String {
    let mut command = Command::new(build::program("foreign"));
    clear(&mut command);
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn libtest(program: Program) -> Command {
    let mut command = Command::new(build::program(program.name()));
    command.current_dir(build::directory());
    clear(&mut command);
    command
}

/// Nothing of this test's own surroundings is to change what is found.
pub fn clear(command: &mut Command) {
    for name in [
        "HIGHWATER_LEAKTEST",
        "HIGHWATER_LEAKTEST_GRACE",
        "HIGHWATER_LEAKTEST_HANG",
        "HIGHWATER_LEAKTEST_BASELINE",
        "HIGHWATER_LEAKTEST_BASELINE_BY",
        "GITHUB_ACTIONS",
        "RUNNER_TEMP",
        "NEXTEST",
        "RUST_BACKTRACE",
        "RUST_TEST_THREADS",
    ] {
        command.env_remove(name);
    }
    command.env("CARGO_MANIFEST_DIR", build::directory());
}

fn finish(mut command: Command, program: Program, way: Way) -> Outcome {
    let directory: TempDir = tempfile::tempdir().expect("a directory");
    let reports = directory.path().join("reports");
    let began = Instant::now();
    let output = command.env("HIGHWATER_LEAKTEST_JSON", &reports).output().expect("the program starts");
    let took = began.elapsed();
    let said = [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned()).concat();
    if way == Way::Nextest {
        let is_missing = said.contains("no such command: `nextest`");
        assert!(
            !is_missing,
            "cargo-nextest is missing, and this cannot do without it; `cargo xtask test` installs it"
        );
    }
    let passed =
        said.lines().filter_map(if way == Way::Nextest { nextest_line } else { libtest_line }).collect();
    let reports = read(&reports);
    let leaks = reports.iter().flat_map(|it| it.leaks.clone()).collect();
    let lookups = reports.iter().filter_map(|it| it.rest.get("lookups")?.as_u64()).sum();
    let memory = reports.into_iter().flat_map(|it| it.memory).collect();
    Outcome { program, way, code: output.status.code(), leaks, memory, passed, took, lookups, said }
}

/// All reports in a directory, which is not there when nothing was checked.
fn read(reports: &Path) -> Vec<Report> {
    let Ok(entries) = fs::read_dir(reports) else { return Vec::new() };
    let paths = entries.map(|it| it.expect("the directory can be read").path());
    let read = |path: std::path::PathBuf| {
        let text = fs::read(&path).expect("a report can be read");
        serde_json::from_slice::<Report>(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.map(read).collect()
}

/// `test NAME ... ok`.
fn libtest_line(line: &str) -> Option<(String, bool)> {
    let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    match result {
        "ok" => Some((name.to_owned(), true)),
        "FAILED" => Some((name.to_owned(), false)),
        _ => None,
    }
}

/// `PASS [   0.005s] (1/2) highwater-leak-corpus::whole NAME`.
fn nextest_line(line: &str) -> Option<(String, bool)> {
    let mut words = line.split_whitespace();
    let result = words.next()?;
    let name = words.next_back()?;
    match result {
        "PASS" => Some((name.to_owned(), true)),
        "FAIL" => Some((name.to_owned(), false)),
        _ => None,
    }
}
