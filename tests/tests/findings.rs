//! What `highwater advise` and `highwater leaks` find in a real program, and on which line: that which is marked by a comment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_tests::{CODEINDEX_SOURCES, codeindex, highwater, succeed};
use serde_json::Value;
use tempfile::TempDir;

/// The example program's snapshots of a short run with a fault, in a directory of their own.
fn series(fault: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut program = Command::new(codeindex());
    program.args(["--fault", fault, "--limit-files", "40", "--queries", "1000", "--series"]);
    // More samples than a short run would have otherwise.
    succeed(program.arg(directory.path()).current_dir(CODEINDEX_SOURCES).env("HIGHWATER", "interval:4KiB"));
    directory
}

/// The last snapshot of a series.
fn last(series: &TempDir) -> PathBuf {
    let entries = fs::read_dir(series.path()).unwrap();
    entries.map(|it| it.unwrap().path()).max().expect("a snapshot")
}

/// What a command answers, and whether it found something.
fn ask(command: &str, path: &Path) -> (Value, Option<i32>) {
    let output = Command::new(highwater()).args([command, "--json"]).arg(path).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    (
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}")),
        output.status.code(),
    )
}

/// The findings with this in a field.
fn findings<'a>(answer: &'a Value, field: &str, wanted: &str) -> Vec<&'a Value> {
    let all = answer["findings"].as_array().expect("findings");
    all.iter().filter(|it| it[field] == wanted).collect()
}

/// Checks that a finding is about the line that is marked with this comment.
#[track_caller]
fn assert_marked(finding: &Value, marker: &str) {
    let (file, line) = (finding["key"]["file"].as_str().unwrap(), finding["key"]["line"].as_u64().unwrap());
    let (_, below) = file.split_once("examples/codeindex/").unwrap_or_else(|| panic!("{finding}"));
    let text = fs::read_to_string(Path::new(CODEINDEX_SOURCES).join(below)).unwrap();
    let source = text.lines().nth(line as usize - 1).unwrap_or_default();
    assert!(source.ends_with(&format!("// {marker}")), "{file}:{line} is `{source}`");
}

/// Checks that nothing is asserted that may be nothing: the lower end of what is saved is above 0.
fn assert_certain(answer: &Value) {
    for finding in answer["findings"].as_array().unwrap() {
        for field in ["saves_bytes", "saves_blocks"] {
            let total = &finding[field]["total"];
            if let (Some(value), Some(error)) = (total["value"].as_f64(), total["standard_error"].as_f64()) {
                assert!(value - 1.96 * error > 0.0, "{finding}");
            }
        }
    }
}

#[test]
fn a_regular_expression_per_call_is_hoisted() {
    let series = series("churn");
    for path in [series.path(), &last(&series)] {
        let (answer, _) = ask("advise", path);
        let found = findings(&answer, "measure", "hoist");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_marked(found[0], "the churn");
        assert!(found[0]["constructor"].as_str().unwrap().ends_with("Regex::new"), "{}", found[0]);
        assert!(found[0]["saves_blocks"]["per_second"]["value"].as_f64().unwrap() > 0.0);
        assert_certain(&answer);
    }
    assert_eq!(ask("leaks", series.path()).1, Some(0), "churn is no leak");
}

#[test]
fn a_cache_without_bound_is_a_leak_and_is_to_be_bounded() {
    let series = series("leak");
    let last = last(&series);
    for (path, cause) in [(series.path(), "grows_without_end"), (&last, "never_freed")] {
        let (answer, code) = ask("leaks", path);
        assert_eq!((code, answer["findings"].as_array().unwrap().len()), (Some(1), 1), "{answer}");
        assert_marked(findings(&answer, "cause", cause)[0], "the leak");
        let (answer, code) = ask("advise", path);
        let found = findings(&answer, "measure", "bound");
        assert_eq!((code, found.len()), (Some(0), 1), "{found:?}");
        assert_marked(found[0], "the leak");
        assert_certain(&answer);
    }
}

#[test]
fn a_buffer_that_is_read_to_its_end_wants_a_capacity() {
    let series = series("spike");
    let (answer, _) = ask("advise", &last(&series));
    let found = findings(&answer, "measure", "reserve");
    assert_marked(found[0], "the spike");
    let capacity = found[0]["capacity_bytes"].as_i64().unwrap();
    // The archive unpacks to 256 MiB and a bit.
    assert!((256 << 20..=512 << 20).contains(&capacity), "{capacity}");
    assert_certain(&answer);
    assert_eq!(ask("leaks", series.path()).1, Some(0), "a spike is no leak");
}
