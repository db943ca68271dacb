//! One suite under the harness: builds and runs its tests, and reads the harness's reports.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::failure::Failure;
use crate::shell::Line;

/// The outcome of a suite.
pub struct Outcome {
    /// Number of tests that the harness checked.
    pub tests: usize,
    /// The findings of the harness.
    pub findings: Vec<Finding>,
    /// Tests that fail twice under the harness, and not without it.
    pub broken: Vec<String>,
    /// Tests that fail with and without the harness.
    pub failing: usize,
    /// Duration of the tests, without building them.
    pub time: Duration,
}

/// Something that a test left behind: the fields that are compared and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The test program: the name of the library, or of a file in `tests`.
    pub program: String,
    /// The test.
    pub test: String,
    /// The kind of leftover: `thread`, `task`, …
    pub kind: String,
    /// The function and the place that started it: the innermost call in the suite's own code.
    pub site: String,
    /// The file of that call, relative to the crate's directory, with its line.
    pub line: String,
}

/// The report of one process: the fields that are needed here.
#[derive(Deserialize)]
struct Report {
    program: String,
    tests: usize,
    leaks: Vec<Leak>,
}

#[derive(Deserialize)]
struct Leak {
    test: String,
    kind: String,
    #[serde(default)]
    spawned: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    function: String,
    file: Option<String>,
    line: Option<u32>,
    origin: String,
}

/// Builds and runs the tests of the package in `directory`.
///
/// # Errors
/// When the tests do not build, or wrote no report.
pub fn run(directory: &Path, features: &[String], bare: bool, target: &Path) -> Result<Outcome, Failure> {
    let cargo = |more: &[&str]| {
        Line::cargo(directory)
            .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
            .env("RUSTFLAGS", "--cap-lints=warn")
            .without_env("HIGHWATER_LEAKTEST_BASELINE")
            .args(["test", "--lib", "--tests", "--no-fail-fast", "--features", &features.join(",")])
            .args(bare.then_some("--no-default-features"))
            .arg_path("--target-dir", target)
            .args(more)
    };
    let log = directory.join("build.log");
    if !cargo(&["--no-run"]).log(&log)?.success() {
        return Err(Failure::Suites(format!("the tests do not build: see {}", log.display())));
    }
    let reports = directory.join("reports");
    let _ = fs::remove_dir_all(&reports);
    let checked = directory.join("checked.log");
    let start = Instant::now();
    cargo(&[]).env("HIGHWATER_LEAKTEST_JSON", &reports).log(&checked)?;
    let time = start.elapsed();
    let (tests, findings) = read(&reports, directory)?;
    let failed = failed_tests(&checked)?;
    let mut broken = Vec::new();
    if !failed.is_empty() {
        let unchecked = directory.join("unchecked.log");
        cargo(&[]).env("HIGHWATER_LEAKTEST", "off").log(&unchecked)?;
        let without = failed_tests(&unchecked)?;
        broken = failed.difference(&without).cloned().collect();
    }
    if !broken.is_empty() {
        // Some tests fail by chance on a busy machine, so failures are run again.
        let again = directory.join("again.log");
        cargo(&[]).env("HIGHWATER_LEAKTEST_JSON", directory.join("again")).log(&again)?;
        let failed_again = failed_tests(&again)?;
        broken.retain(|it| failed_again.contains(it));
    }
    Ok(Outcome { tests, findings, failing: failed.len() - broken.len(), broken, time })
}

/// All reports in a directory.
fn read(reports: &Path, directory: &Path) -> Result<(usize, Vec<Finding>), Failure> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| Failure::File { path, source }
    };
    let mut paths: Vec<PathBuf> = fs::read_dir(reports)
        .map_err(fail(reports))?
        .map(|it| it.map(|it| it.path()))
        .collect::<Result<_, _>>()
        .map_err(fail(reports))?;
    paths.sort();
    let (mut tests, mut findings) = (0, Vec::new());
    for path in paths {
        let text = fs::read(&path).map_err(fail(&path))?;
        let report: Report = serde_json::from_slice(&text)
            .map_err(|error| Failure::Suites(format!("{}: not a report: {error}", path.display())))?;
        tests += report.tests;
        findings.extend(report.leaks.into_iter().map(|leak| finding(&report.program, leak, directory)));
    }
    if tests == 0 {
        return Err(Failure::Suites(format!("{}: no test was judged", reports.display())));
    }
    findings.sort();
    Ok((tests, findings))
}

fn finding(program: &str, leak: Leak, directory: &Path) -> Finding {
    let site = leak.spawned.iter().find(|it| it.origin == "own").or(leak.spawned.first());
    let file = |frame: &Frame| {
        let file = Path::new(frame.file.as_deref()?).to_owned();
        let below = file.strip_prefix(directory).unwrap_or(&file).display().to_string();
        Some(frame.line.map_or_else(|| below.clone(), |line| format!("{below}:{line}")))
    };
    Finding {
        program: program.to_owned(),
        test: leak.test,
        kind: leak.kind,
        site: site.map(|it| it.function.clone()).unwrap_or_default(),
        line: site.and_then(file).unwrap_or_default(),
    }
}

/// The tests that libtest reports as failed.
fn failed_tests(log: &Path) -> Result<BTreeSet<String>, Failure> {
    let text = fs::read(log).map_err(|source| Failure::File { path: log.to_owned(), source })?;
    Ok(failed_in(&String::from_utf8_lossy(&text)))
}

fn failed_in(text: &str) -> BTreeSet<String> {
    let failed = |line: &str| line.strip_prefix("test ")?.strip_suffix(" ... FAILED").map(str::to_owned);
    text.lines().filter_map(failed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{"program":"chan","tests":3,"passed_over":[],"unclassified":[],"leaks":[
        {"test":"a::leaks","kind":"thread","name":"x","activity":"asleep","waited_ms":500,"parent":null,"now":[],
         "spawned":[{"function":"pool::new","file":"/registry/src/x/pool.rs","line":1,"origin":"dependency"},
                    {"function":"chan::a::leaks","file":"/home/me/chan-1/tests/chan.rs","line":7,"origin":"own"}]},
        {"test":"b","kind":"thread","name":"","activity":"busy","waited_ms":500,"parent":null,"now":[],"spawned":[]}]}"#;

    #[test]
    fn reports_become_findings() {
        let directory = tempfile::tempdir().unwrap();
        assert!(read(&directory.path().join("none"), Path::new("/")).is_err());
        assert!(
            read(directory.path(), Path::new("/"))
                .is_err_and(|it| it.to_string().contains("no test was judged"))
        );
        fs::write(directory.path().join("chan-1.json"), REPORT).unwrap();
        let (tests, findings) = read(directory.path(), Path::new("/home/me/chan-1")).unwrap();
        assert_eq!(tests, 3);
        let words = |it: &Finding| [&it.test, &it.kind, &it.site, &it.line].map(String::clone);
        assert_eq!(words(&findings[0]), ["a::leaks", "thread", "chan::a::leaks", "tests/chan.rs:7"]);
        assert_eq!(words(&findings[1]), ["b", "thread", "", ""]);
        fs::write(directory.path().join("chan-2.json"), "{}").unwrap();
        assert!(
            read(directory.path(), Path::new("/")).is_err_and(|it| it.to_string().contains("chan-2.json"))
        );
    }

    #[test]
    fn failed_tests_are_seen() {
        let text = "test a ... ok\ntest b ... FAILED\ntest c ... ignored\ntest result: FAILED. 1 passed\n";
        assert_eq!(failed_in(text).into_iter().collect::<Vec<_>>(), ["b"]);
    }
}
