//! The Firefox Profiler with its command line: it opens DHAT files and folded stacks.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use highwater_profile::{Format, Profile};
use highwater_tests::{Failure, run_with_timeout};
use serde_json::Value;
use tempfile::TempDir;

use crate::model::{
    Values, by_hand, by_leaf, file, npm_package, profiles, same, top_ten, total, with_one_more, written,
};

/// An open file in a session of its own, which is a background process.
struct Session {
    directory: TempDir,
    daemon: Child,
}

impl Session {
    /// Starts the process directly: the client's own command gives up after half a second.
    fn open(path: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut daemon = client(&directory);
        daemon.arg("--daemon").arg(path).args(["--session", "one"]);
        daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let session = Self { daemon: daemon.spawn().unwrap(), directory };
        let begin = Instant::now();
        // If it is asked too early, the client treats the session as dead and removes the daemon's files.
        while !session.is_ready() && begin.elapsed() < Duration::from_secs(60) {
            sleep(Duration::from_millis(50));
        }
        while let Err(failure) = session.ask(&["profile", "info"]) {
            assert!(begin.elapsed() < Duration::from_secs(60), "{}", failure.message());
            sleep(Duration::from_millis(200));
        }
        session
    }

    /// Whether the daemon listens, and its files for clients are complete.
    fn is_ready(&self) -> bool {
        let log = fs::read_to_string(self.directory.path().join("one.log")).unwrap_or_default();
        log.contains("Daemon ready") && self.directory.path().join("one.json").exists()
    }

    fn ask(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = client(&self.directory);
        run_with_timeout(command.args(arguments).args(["--session", "one"]), Duration::from_secs(60))
    }

    /// The own values of all functions in a thread, by name. Their sum is the thread's total.
    fn functions(&self, thread: &str) -> Values {
        let arguments =
            ["thread", "functions", "--json", "--limit", "0", "--include-idle", "--thread", thread];
        let answer = self.ask(&arguments).unwrap_or_else(|it| panic!("{}", it.message()));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let mut functions = Values::new();
        for function in answer["functions"].as_array().unwrap() {
            let own = function["selfSamples"].as_i64().unwrap_or_else(|| panic!("no number in {function}"));
            *functions.entry(function["name"].as_str().unwrap().to_owned()).or_default() += own;
        }
        functions
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// The client, with its files in this directory.
fn client(directory: &TempDir) -> Command {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let node = npm_package(&format!("node-linux-{architecture}")).join("bin/node");
    let mut command = Command::new(node);
    command.arg(npm_package("@firefox-devtools/profiler-cli").join("dist/profiler-cli.js"));
    command.env("HOME", directory.path()).env("PROFILER_CLI_SESSION_DIR", directory.path());
    command.env("PROFILER_CLI_NO_SYMBOLICATE", "1");
    command
}

/// Compares the total of a column and its ten largest leaves.
fn compare(profile: &Profile, kind: &str, theirs: &Values) -> Result<(), String> {
    same(kind, &total(profile, kind), &theirs.values().sum())?;
    let largest = |values: &Values| top_ten(values).into_iter().map(|(_, value)| value).collect::<Vec<_>>();
    same(kind, &largest(&by_leaf(profile, kind)), &largest(theirs))
}

/// The threads that represent DHAT's moments.
const THREADS: [(&str, &str); 3] = [("t-0", "alloc_space"), ("t-2", "peak_space"), ("t-3", "inuse_space")];

fn compare_dhat(profile: &Profile, text: &str) -> Result<(), String> {
    let (_directory, path) = file("profile.json", text.as_bytes());
    let session = Session::open(&path);
    THREADS.iter().try_for_each(|(thread, kind)| compare(profile, kind, &session.functions(thread)))
}

#[test]
fn dhat_files_are_opened_with_the_same_totals() {
    for (what, profile) in profiles() {
        // Rows without names differ in their places here, but have the same name there.
        if what != "a snapshot" {
            compare_dhat(&profile, &written(&profile, Format::Dhat))
                .unwrap_or_else(|it| panic!("{what}: {it}"));
        }
    }
}

#[test]
fn a_changed_dhat_file_is_noticed() {
    let profile = by_hand();
    let changed = with_one_more(&written(&profile, Format::Dhat), "\"eb\":", 4444);
    assert!(compare_dhat(&profile, &changed).unwrap_err().starts_with("inuse_space"));
}

fn compare_folded(profile: &Profile, text: &str) -> Result<(), String> {
    let (_directory, path) = file("stacks.folded", text.as_bytes());
    compare(profile, "inuse_objects", &Session::open(&path).functions("t-0"))
}

/// Compares blocks, since the tool makes one sample for each unit of a value and cannot open gigabytes.
#[test]
fn folded_stacks_are_opened_with_the_same_totals() {
    let mut profile = by_hand();
    profile.default_sample_type = profile.sample_type("inuse_objects");
    let text = written(&profile, Format::Folded);
    compare_folded(&profile, &text).unwrap();
    let changed = with_one_more(&text, "strdup ", 6);
    assert!(compare_folded(&profile, &changed).unwrap_err().starts_with("inuse_objects"));
}
