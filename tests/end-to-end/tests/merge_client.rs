//! Profiles of several processes merged into one: Go's pprof reads it, and its totals are the sums.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_profile::{Limits, Profile};
use highwater_tests::go::Go;
use highwater_tests::{highwater, succeed};

/// Snapshots of two runs of the program `interop`, which the system loads at different addresses.
fn two_processes(directory: &Path) -> [PathBuf; 2] {
    ["one", "other"].map(|name| {
        let new = directory.join(format!("{name}.pb.gz"));
        let mut program = Command::new(env!("CARGO_BIN_EXE_interop"));
        program.args([&directory.join("base.pb.gz"), &new]).env("HIGHWATER", "exact");
        succeed(&mut program);
        new
    })
}

fn merge(directory: &Path, files: &[PathBuf]) -> PathBuf {
    let merged = directory.join("merged.pb.gz");
    succeed(Command::new(highwater()).arg("merge").args(files).arg("-o").arg(&merged));
    merged
}

fn read(path: &Path) -> Profile {
    highwater_profile::file::read(path, &Limits::default()).unwrap()
}

fn total(profile: &Profile, kind: &str) -> i64 {
    profile.samples.total(profile.sample_type(kind).unwrap())
}

fn pprof(directory: &Path, arguments: &[&str], files: &[&Path]) -> String {
    Go::Debian.pprof(directory, Path::new(env!("CARGO_TARGET_TMPDIR")), arguments, files)
}

/// The total that `pprof -top` accounts for.
fn pprof_total(directory: &Path, kind: &str, files: &[&Path]) -> String {
    let index = format!("-sample_index={kind}");
    let arguments =
        ["-top", "-symbolize=none", "-unit=bytes", "-nodecount=100000", "-nodefraction=0", &index];
    let text = pprof(directory, &arguments, files);
    let line = text.lines().find(|it| it.starts_with("Showing nodes accounting for")).unwrap();
    line.rsplit(" of ").next().unwrap().to_owned()
}

#[test]
fn totals_are_the_sums_for_highwater_and_pprof() {
    let directory = tempfile::tempdir().unwrap();
    let files = two_processes(directory.path());
    let merged = merge(directory.path(), &files);
    let [one, other] = files.each_ref().map(|it| read(it));
    let sum = read(&merged);
    for kind in ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space", "peak_objects", "peak_space"]
    {
        assert_eq!(total(&sum, kind), total(&one, kind) + total(&other, kind), "{kind}");
        // pprof's result for the merged file equals its result for the parts.
        let parts: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        assert_eq!(
            pprof_total(directory.path(), kind, &[&merged]),
            pprof_total(directory.path(), kind, &parts),
            "{kind}"
        );
    }
}

#[test]
fn one_program_in_two_processes_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let files = two_processes(directory.path());
    let [one, other] = files.each_ref().map(|it| read(it));
    let start = |profile: &Profile| profile.mappings()[0].start;
    assert_eq!(
        start(&one),
        start(&other),
        "a file says where in the program, not where the system loaded it"
    );
    let sum = read(&merge(directory.path(), &files));
    assert_eq!(sum.mappings().len(), one.mappings().len());

    // Both processes did the same work, so every site of one is a site of the other: with names, the merged
    // profile has twice the values and the same number of rows.
    let rows = |path: &Path| {
        let mut command = Command::new(highwater());
        command.args(["top", "--json", "--limit", "0", "--sample", "alloc-blocks"]).arg(path);
        let answer: serde_json::Value = serde_json::from_str(&succeed(&mut command)).unwrap();
        let row = |row: &serde_json::Value| {
            (row["key"]["label"].as_str().unwrap().to_owned(), row["flat"]["value"].as_i64().unwrap())
        };
        answer["rows"].as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    let doubled: Vec<(String, i64)> =
        rows(&files[0]).into_iter().map(|(label, value)| (label, 2 * value)).collect();
    let of_merged = rows(&directory.path().join("merged.pb.gz"));
    let named = |rows: &[(String, i64)]| {
        rows.iter().filter(|it| it.0.contains("interop")).cloned().collect::<Vec<_>>()
    };
    assert!(named(&of_merged).len() > 1, "{of_merged:?}");
    assert_eq!(named(&of_merged), named(&doubled));
}

#[test]
fn pprof_reads_converted_files() {
    let directory = tempfile::tempdir().unwrap();
    let golden = highwater_tests::repository().join("tests/golden/gperftools/sampled/heap");
    let converted = directory.path().join("converted.pb.gz");
    succeed(Command::new(highwater()).arg("convert").args([&golden, &converted]));
    for kind in ["inuse_space", "inuse_objects"] {
        assert_eq!(
            pprof_total(directory.path(), kind, &[&converted]),
            pprof_total(directory.path(), kind, &[&golden]),
            "{kind}"
        );
    }
    assert!(fs::metadata(converted).unwrap().len() > 0);
}
