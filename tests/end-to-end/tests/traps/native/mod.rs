//! `highwater run`: programs as they are, with the recorder preloaded behind their malloc.
//!
//! The counts come from a program in C that counts along (`programs/native.c`), and from valgrind. How
//! programs end, and what they print, is compared with the same run without the recorder.

mod allocators;
mod cargo;
mod paused;
mod refused;

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use highwater_profile::{Limits, Meta, Profile, file};
use highwater_tests::{highwater_with_library, repository, succeed};
use tempfile::TempDir;

/// The compiled program.
fn native() -> &'static Path {
    static BUILT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = BUILT.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("native");
        compile(&repository().join("tests/programs/native.c"), &path, &["-pthread"]);
        (directory, path)
    });
    path
}

fn compile(source: &Path, program: &Path, options: &[&str]) {
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-g", "-w", "-fno-builtin", "-o"]).arg(program).arg(source).args(options);
    succeed(&mut compiler);
}

/// `highwater run` with these options and this program, in a directory of its own.
struct Run {
    directory: TempDir,
    output: Output,
}

impl Run {
    fn new(options: &[&str], program: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(highwater_with_library());
        command.arg("run").args(options).arg("--").args(program).current_dir(directory.path());
        Self { output: run(&mut command), directory }
    }

    fn profile(&self, name: &str) -> Profile {
        let path = self.directory.path().join(name);
        let read = file::read(&path, &Limits::default());
        read.unwrap_or_else(|it| panic!("{it}; there are {:?}, and it said {}", self.files(), self.errors()))
    }

    fn meta(&self, name: &str) -> Meta {
        self.profile(name).meta.unwrap()
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    }

    fn errors(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }
}

fn run(command: &mut Command) -> Output {
    command.env_remove("HIGHWATER").env_remove("LD_PRELOAD").stdin(Stdio::null());
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// What the program said of itself: blocks and bytes allocated, the same freed, and the most bytes at once.
fn counted(output: &Output) -> [i64; 5] {
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().next().unwrap_or_default();
    let numbers: Vec<i64> = line.split(' ').filter_map(|it| it.parse().ok()).collect();
    numbers
        .try_into()
        .unwrap_or_else(|it| panic!("{it:?} of {said:?}, {}", String::from_utf8_lossy(&output.stderr)))
}

fn recorded(meta: &Meta) -> [i64; 5] {
    let Meta { alloc_blocks, alloc_bytes, freed_blocks, freed_bytes, peak_bytes, .. } = *meta;
    [alloc_blocks, alloc_bytes, freed_blocks, freed_bytes, peak_bytes].map(Option::unwrap)
}

/// The sums over all samples of blocks and bytes, allocated and live.
fn sums(profile: &Profile) -> [i64; 4] {
    ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]
        .map(|kind| profile.samples.total(profile.sample_type(kind).unwrap()))
}

#[test]
fn every_block_is_recorded_however_the_program_ends() {
    let native = native().to_str().unwrap();
    for end in ["return", "fork", "vfork", "default", "_exit", "quick_exit", "abort", "assert", "term"] {
        let run_with = Run::new(&["--exact", "-o", "heap.pb.gz"], &[native, end]);
        let without = run(Command::new(native).arg(end));
        assert_eq!(run_with.output.status, without.status, "{end}");
        assert_eq!(run_with.output.stdout, without.stdout, "{end}");
        assert_eq!(run_with.errors(), String::from_utf8_lossy(&without.stderr), "{end}");
        assert_eq!(run_with.files(), ["heap.pb.gz"], "{end}");
        let profile = run_with.profile("heap.pb.gz");
        let truth @ [blocks, bytes, freed_blocks, freed_bytes, _] = counted(&without);
        let meta = profile.meta.unwrap();
        assert_eq!(recorded(&meta), truth, "{end}");
        assert_eq!(sums(&profile), [blocks, bytes, blocks - freed_blocks, bytes - freed_bytes], "{end}");
        assert_eq!((meta.dropped_samples, meta.truncated_stacks), (Some(0), Some(0)), "{end}");
    }
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let native = native().to_str().unwrap();
    let directory = tempfile::tempdir().unwrap();
    // With SIGINT ignored, the program ends with the code 92.
    let ended = |command: &str| {
        let script = format!("trap '' INT HUP; exec {command}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, native]).arg(highwater_with_library()).current_dir(directory.path());
        shell.output().unwrap().status.code()
    };
    assert_eq!(ended("\"$0\" default"), Some(92));
    assert_eq!(ended("\"$1\" run --exact -o heap.pb.gz -- \"$0\" default"), Some(92));
}

#[test]
fn valgrind_counts_the_same() {
    let native = native().to_str().unwrap();
    let run_with = Run::new(&["--exact"], &[native, "plain"]);
    let [blocks, bytes, freed_blocks, ..] = recorded(&run_with.meta("heap.pb.gz"));
    let valgrind = run(Command::new("valgrind").args([native, "plain"]));
    let said = String::from_utf8_lossy(&valgrind.stderr).replace(',', "");
    let expected = format!("total heap usage: {blocks} allocs {freed_blocks} frees {bytes} bytes allocated");
    assert!(said.contains(&expected), "{expected}, but valgrind says {said}");
}

#[test]
fn a_sample_stands_for_what_was_not_recorded() {
    let native = native().to_str().unwrap();
    let run_with = Run::new(&["--interval", "4KiB"], &[native, "return"]);
    let profile = run_with.profile("heap.pb.gz");
    let [blocks, bytes, freed_blocks, freed_bytes, _] = counted(&run_with.output);
    let meta = profile.meta.unwrap();
    let [all_blocks, all_bytes, all_freed_blocks, ..] = recorded(&meta);
    // Blocks are counted, all of them. A byte is one that the C library set aside.
    assert_eq!((all_blocks, all_freed_blocks), (blocks, freed_blocks));
    assert!((bytes..bytes + blocks * 24).contains(&all_bytes), "{all_bytes} of {bytes}");
    let live_bytes = bytes - freed_bytes;
    // 1.5 MB are live, in samples of 4 KiB: the standard error is 5 %.
    let [_, estimated_bytes, _, estimated_live] = sums(&profile);
    assert!((estimated_bytes - bytes).abs() < bytes / 20, "{estimated_bytes} of {bytes}");
    assert!((estimated_live - live_bytes).abs() < live_bytes / 4, "{estimated_live} of {live_bytes}");
}

#[test]
fn threads_count_together() {
    let native = native().to_str().unwrap();
    for options in [&["--exact"][..], &["--interval", "512B"]] {
        let run_with = Run::new(options, &[native, "threads"]);
        let [blocks, ..] = counted(&run_with.output);
        let [all_blocks, ..] = recorded(&run_with.meta("heap.pb.gz"));
        // The C library allocates a block or two for each of eight threads.
        assert!((blocks..=blocks + 16).contains(&all_blocks), "{all_blocks} of {blocks}");
    }
}

#[test]
fn a_program_that_is_killed_leaves_none_which_is_said() {
    let native = native().to_str().unwrap();
    let run_with = Run::new(&["--exact"], &[native, "kill"]);
    assert_eq!(run_with.output.status.signal(), Some(9));
    assert!(run_with.errors().contains("no profile was written to heap.pb.gz"), "{}", run_with.errors());
    assert!(run_with.files().is_empty());
}

#[test]
fn a_process_that_goes_to_another_program_leaves_two_profiles() {
    let native = native().to_str().unwrap();
    for end in ["execv", "execl"] {
        let run_with = Run::new(&["--exact"], &[native, end, "/bin/echo", "hello"]);
        assert!(String::from_utf8_lossy(&run_with.output.stdout).ends_with("hello\n"), "{end}");
        assert_eq!(run_with.files(), ["heap.before-exec-1.pb.gz", "heap.pb.gz"], "{end}");
        let before = run_with.profile("heap.before-exec-1.pb.gz");
        assert_eq!(recorded(&before.meta.unwrap()), counted(&run_with.output), "{end}");
        let [blocks, ..] = recorded(&run_with.meta("heap.pb.gz"));
        assert!((1..1000).contains(&blocks), "{end}: {blocks}");
    }
    let run_with = Run::new(&["--exact"], &[native, "execfail"]);
    assert_eq!((run_with.output.status.code(), run_with.files()), (Some(7), vec!["heap.pb.gz".to_owned()]));
    // A shell that starts the program with its own process is of no interest.
    let run_with = Run::new(&["--exact"], &["sh", "-c", "exec \"$0\" return", native]);
    assert_eq!(run_with.files(), ["heap.pb.gz"]);
    assert_eq!(recorded(&run_with.meta("heap.pb.gz")), counted(&run_with.output));
}

#[test]
fn children_are_recorded_where_that_is_asked_for() {
    let native = native().to_str().unwrap();
    let script = format!("{native} return; {native} return; :");
    let alone = Run::new(&["--exact"], &["sh", "-c", &script]);
    assert_eq!(alone.files(), ["heap.pb.gz"]);
    let together = Run::new(&["--exact", "--children", "-o", "heap.pb.gz"], &["sh", "-c", &script]);
    let files = together.files();
    assert_eq!(files.len(), 3, "{files:?}");
    let truth = counted(&together.output);
    for child in files.iter().filter(|it| *it != "heap.pb.gz") {
        assert_eq!(recorded(&together.meta(child)), truth, "{child}");
    }
    let directory = Run::new(&["--exact", "--children", "-o", "profiles/"], &["sh", "-c", &script]);
    let profiles = fs::read_dir(directory.directory.path().join("profiles")).unwrap();
    assert_eq!(profiles.count(), 3);
}

#[test]
fn a_series_is_written_while_the_program_runs() {
    let run_with = Run::new(
        &["--every", "50ms", "-o", "series"],
        &["perl", "-e", "$a .= 'x' x 100000, select(undef, undef, undef, 0.02) for 1..40"],
    );
    let series: Vec<_> = fs::read_dir(run_with.directory.path().join("series")).unwrap().collect();
    assert!(series.len() >= 3, "{series:?} {}", run_with.errors());
}

#[test]
fn programs_print_and_end_as_they_do_without() {
    let programs: [(&[&str], i64); 9] = [
        (
            &[
                "bash",
                "-c",
                "for i in 1 2 3; do (echo $i; exit 2); done; env | grep -v ^_= | sort; x=$(seq 500); echo ${#x}; exit 5",
            ],
            100,
        ),
        (
            &["perl", "-e", "my %h; $h{$_} = [1..10] for 1..2000; print scalar(keys %h), qq(\\n); exit 3"],
            1000,
        ),
        (&["git", "--no-pager", "diff", "--no-index", "--stat", "README.md", "CHANGELOG.md"], 100),
        (&["tar", "-C", "docs", "-cJf", "/dev/null", "."], 100),
        (&["cc", "-E", "tests/programs/native.c"], 10),
        (&["sort", "-r", "README.md"], 10),
        (&["awk", "{ n[$1]++ } END { for (w in n) t += n[w]; print t }", "README.md"], 10),
        (&["find", "docs", "-name", "*.md"], 10),
        (
            &[
                "python3",
                "-c",
                "import json; d = {str(i): [i] * 9 for i in range(3000)}; print(len(json.dumps(d))); raise SystemExit(6)",
            ],
            100,
        ),
    ];
    for (program, least_blocks) in programs {
        for options in [&["--exact"][..], &["--interval", "16KiB"]] {
            let directory = tempfile::tempdir().unwrap();
            let heap = directory.path().join("heap.pb.gz");
            let mut command = Command::new(highwater_with_library());
            command.arg("run").args(options).arg("-o").arg(&heap).arg("--").args(program);
            let recorded = run(command.current_dir(repository()));
            let without = run(Command::new(program[0]).args(&program[1..]).current_dir(repository()));
            assert_eq!(recorded.status, without.status, "{program:?}");
            assert_eq!(
                String::from_utf8_lossy(&recorded.stdout),
                String::from_utf8_lossy(&without.stdout),
                "{program:?}"
            );
            assert_eq!(
                String::from_utf8_lossy(&recorded.stderr),
                String::from_utf8_lossy(&without.stderr),
                "{program:?}"
            );
            let meta = file::read(&heap, &Limits::default()).unwrap().meta.unwrap();
            assert!(meta.alloc_blocks >= Some(least_blocks), "{program:?} allocated {:?}", meta.alloc_blocks);
        }
    }
}
