//! Stacks are complete and right, whether a program is built with frame pointers, without them, or, like
//! most, with some of both. The system's unwinder is the judge; the test's program compares each stack with
//! it.
//!
//! Also the cost of a walk, in instructions per frame, which is the same in every run.
#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use highwater_profile::{Limits, Meta, file};
use highwater_tests::{Failure, highwater, run_with_timeout, succeed};

const LIMIT: Duration = Duration::from_secs(120);

/// Whether all code keeps frame pointers, except for precompiled code (Rust's and C's standard libraries).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kept {
    No,
    Yes,
}

/// Builds an optimised program, and returns its path.
fn optimised(package: &str, program: &str, kept: Kept) -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["build", "--release", "--package", package, "--bin", program, "--no-default-features"]);
    let directory = match kept {
        // Other tests build optimised programs there, with the same dependencies.
        Kept::No => {
            cargo.env("RUSTFLAGS", "");
            temporary.parent().expect("it lies in the target directory").to_owned()
        }
        // Frames are compared by address, so nothing reads debug information.
        Kept::Yes => {
            cargo.env("RUSTFLAGS", "-C force-frame-pointers=yes").env("CARGO_PROFILE_RELEASE_DEBUG", "none");
            temporary.join("stack-walks-yes")
        }
    };
    succeed(cargo.arg("--target-dir").arg(&directory));
    directory.join("release").join(program)
}

/// Runs the program and returns its profile's facts, and the output of `highwater info` about it.
fn walk(kept: Kept, options: &[&str]) -> Result<(Meta, String), Failure> {
    let program = optimised("highwater-tests", "stack_walks", kept);
    let directory = tempfile::tempdir().unwrap();
    let heap = directory.path().join("heap.pb.gz");
    let mut command = Command::new(program);
    run_with_timeout(command.args(options).arg(&heap).env_remove("HIGHWATER"), LIMIT)?;
    let profile = file::read(&heap, &Limits::default()).map_err(|it| Failure::Wrong(it.to_string()))?;
    let said = succeed(Command::new(highwater()).arg("info").arg(&heap));
    Ok((profile.meta.expect("the recorder's facts"), said))
}

#[test]
fn stacks_are_whole_without_any_compiler_flag() {
    let (facts, said) = walk(Kept::No, &[]).unwrap();
    assert_eq!((facts.system_walks, facts.truncated_stacks), (Some(0), Some(0)), "walked with no help");
    assert_eq!(facts.frame_pointer_mappings, Some(0));
    // The program and the C library.
    assert_eq!(facts.table_mappings, Some(2));
    assert!(said.contains("stacks     walked by unwind tables in 2 files; 0.0% cut off"), "{said}");
}

#[test]
fn frame_pointers_are_followed_where_they_are_kept() {
    let (facts, said) = walk(Kept::Yes, &[]).unwrap();
    assert_eq!((facts.system_walks, facts.truncated_stacks), (Some(0), Some(0)));
    // The C library has no frame pointers, and is in the middle of these stacks.
    assert_eq!((facts.frame_pointer_mappings, facts.table_mappings), (Some(1), Some(1)));
    assert!(facts.frame_pointer_calls > facts.table_calls, "{facts:?}");
    let line = "stacks     walked by frame pointers in 1 file, by unwind tables in 1; 0.0% cut off";
    assert!(said.contains(line), "{said}");
}

#[test]
fn a_walk_that_trusts_frame_pointers_everywhere_is_noticed() {
    for kept in [Kept::No, Kept::Yes] {
        let failure = walk(kept, &["naive"]).unwrap_err();
        assert!(
            matches!(&failure, Failure::Failed(it) if it.contains("frames differ")),
            "{kept:?}: {failure:?}"
        );
    }
}

/// Instructions per frame of a walk: the difference between deep and shallow stacks, over many walks.
fn instructions_a_frame(program: &Path) -> f64 {
    const WALKS: [u64; 2] = [100, 1_100];
    /// Number of runs, each with the same number of walks.
    const RUNS: u64 = 5;
    let count = |depth: &str, walks: u64| {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
        let output = valgrind.args(["walk", depth, &walks.to_string()]).output().expect("valgrind runs");
        let messages = String::from_utf8_lossy(&output.stderr);
        let line = messages.lines().find_map(|line| line.split_once("Collected :"));
        line.and_then(|it| it.1.trim().parse::<u64>().ok()).unwrap_or_else(|| panic!("no count: {messages}"))
    };
    let [shallow, deep] = ["20", "60"].map(|depth| count(depth, WALKS[1]) - count(depth, WALKS[0]));
    (deep - shallow) as f64 / (40 * RUNS * (WALKS[1] - WALKS[0])) as f64
}

#[test]
fn a_frame_takes_few_instructions() {
    for (kept, most) in [(Kept::No, 56.0), (Kept::Yes, 37.0)] {
        let count = instructions_a_frame(&optimised("highwater-bench", "bench-stacks", kept));
        println!("{kept:?}: {count:.1}");
        assert!(count > 5.0 && count <= most, "{kept:?}: {count:.1} instructions a frame, limit {most}");
    }
}
