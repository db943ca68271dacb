//! `highwater check` on peaks in real recordings: equal runs pass although the peak is in another thread in
//! each; a larger program fails.

use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_tests::{highwater, succeed};
use serde_json::Value;

/// Bytes of the cache next to the spikes.
const CACHE: usize = 16 << 20;

fn record(directory: &Path, name: &str, first: usize, cache: usize) -> PathBuf {
    let path = directory.join(name);
    let mut program = Command::new(env!("CARGO_BIN_EXE_peaks"));
    program.arg(&path).args([first, cache].map(|it| it.to_string())).env("HIGHWATER", "interval:16KiB");
    succeed(&mut program);
    path
}

fn ask(arguments: &[&str], files: &[&Path]) -> (Value, Option<i32>) {
    let mut command = Command::new(highwater());
    let output = command.args(arguments).arg("--json").args(files).output().unwrap();
    let answer = serde_json::from_slice(&output.stdout);
    (answer.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))), output.status.code())
}

#[test]
fn check_on_peaks_compares_what_is_comparable() {
    let directory = tempfile::tempdir().unwrap();
    let base = record(directory.path(), "base.pb.gz", 0, CACHE);
    let check = |new: &Path, growth: &str| {
        let arguments =
            ["check", "--sample", "peak-bytes", "--max-growth", growth, "--baseline", base.to_str().unwrap()];
        ask(&arguments, &[new])
    };
    for run in 0..5 {
        let new = record(directory.path(), &format!("{run}.pb.gz"), run % 3, CACHE);
        let (answer, code) = check(&new, "2%");
        assert_eq!(code, Some(0), "{run}: {answer:#}");
        // The planted fault: row by row, the runs with the peak in another thread differ significantly. The
        // others may by chance.
        let (diff, _) = ask(&["diff", "--sample", "peak-bytes"], &[&base, &new]);
        let has_moved = diff["rows"].as_array().unwrap().iter().any(|it| it["significant"] == true);
        assert!(has_moved || run % 3 == 0, "{run}: {diff:#}");
    }
    for first in [0, 1] {
        let new = record(directory.path(), "larger.pb.gz", first, CACHE + (3 << 20));
        let (answer, code) = check(&new, "2%");
        assert_eq!(code, Some(1), "{first}: {answer:#}");
        assert_eq!(check(&new, "10%").1, Some(0));
    }
}
