//! The real `go tool pprof` reads a profiled program's files, and its totals equal Highwater's to the byte.

mod callers;
mod dropped;
mod linkers;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_profile::{Limits, Profile};
use highwater_tests::go::{Go, Top};
use highwater_tests::{highwater, succeed};
use tempfile::TempDir;

/// Two snapshots of the program `interop`, which documents its work between them.
struct Snapshots {
    directory: TempDir,
    base: PathBuf,
    new: PathBuf,
    /// The Go installation whose `go tool pprof` is used.
    go: Go,
}

impl Snapshots {
    /// Runs the program, with another setting than its own (exact) if `setting` is not empty.
    fn take(setting: &str) -> Self {
        Self::take_of(Path::new(env!("CARGO_BIN_EXE_interop")), setting)
    }

    /// Runs another build of the program.
    fn take_of(program: &Path, setting: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join("base.pb.gz");
        let new = directory.path().join("new.pb.gz");
        let mut program = Command::new(program);
        program.args([&base, &new]).env_remove("HIGHWATER");
        if !setting.is_empty() {
            program.env("HIGHWATER", setting);
        }
        succeed(&mut program);
        Self { directory, base, new, go: Go::Debian }
    }

    /// The output of `go tool pprof`. Nothing is downloaded, and nothing is written outside of the build's
    /// directories.
    fn pprof(&self, arguments: &[&str], files: &[&Path]) -> String {
        let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
        self.go.pprof(self.directory.path(), temporary, arguments, files)
    }

    /// The values of a sample type, function by function, from `pprof -top`.
    fn top(&self, kind: &str, more: &[&str]) -> Top {
        let sample_index = format!("-sample_index={kind}");
        let arguments = [&Top::ARGUMENTS, more, &[&sample_index]].concat();
        Top::parse(&self.pprof(&arguments, &[&self.new]))
    }
}

fn read(path: &Path) -> Profile {
    highwater_profile::file::read(path, &Limits::default()).unwrap()
}

fn kinds(profile: &Profile) -> Vec<String> {
    profile.sample_types().iter().map(|it| it.kind.clone()).collect()
}

/// The total of column `kind`, as Highwater reads the file.
fn total(profile: &Profile, kind: &str) -> i64 {
    profile.samples.total(profile.sample_type(kind).unwrap())
}

/// A number in the JSON answer of the `highwater` command.
fn answer(arguments: &[&str], files: &[&Path], field: &str) -> i64 {
    let mut command = Command::new(highwater());
    command.args(arguments).arg("--json").args(files);
    let answer: serde_json::Value = serde_json::from_str(&succeed(&mut command)).unwrap();
    answer.pointer(field).and_then(|it| it.as_i64()).unwrap_or_else(|| panic!("no {field} in {answer:#}"))
}

/// Exact, and sampled with estimated values.
const SETTINGS: [&str; 2] = ["", "interval:4KiB"];

/// Every setting with every Go installation.
fn asked() -> impl Iterator<Item = (Snapshots, String)> {
    let all = SETTINGS.into_iter().flat_map(|setting| Go::ALL.map(|go| (setting, go)));
    all.map(|(setting, go)| {
        (Snapshots { go, ..Snapshots::take(setting) }, format!("{go:?} with setting {setting:?}"))
    })
}

#[test]
fn totals_are_equal_for_every_sample_type() {
    for (snapshots, setting) in asked() {
        let profile = read(&snapshots.new);
        let kinds = kinds(&profile);
        assert_eq!(kinds.len(), 13);
        for kind in &kinds {
            let top = snapshots.top(kind, &[]);
            let ours = total(&profile, kind);
            assert!(ours > 0, "{kind} {setting}");
            assert_eq!(
                (
                    &top.kind,
                    top.total,
                    top.flat,
                    answer(&["top", "--sample", kind], &[&snapshots.new], "/header/total/value")
                ),
                (kind, ours, ours, ours),
                "{setting}"
            );
        }
    }
}

#[test]
fn every_value_arrives() {
    for (snapshots, setting) in asked() {
        let profile = read(&snapshots.new);
        let raw = snapshots.pprof(&["-raw"], &[&snapshots.new]);
        let (_, samples) = raw.split_once("\nSamples:\n").unwrap();
        let (samples, _) = samples.split_once("\nLocations\n").unwrap();
        // The row with the recorder's facts, which newer versions show and older ones drop.
        let is_facts = |values: &Vec<i64>| values.iter().all(|it| *it == 0);
        let mut theirs: Vec<Vec<i64>> = samples
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter_map(|(values, _)| values.split_whitespace().map(|it| it.parse().ok()).collect())
            .collect();
        let ours: Vec<Vec<i64>> = profile.samples.iter().map(|sample| sample.values.to_vec()).collect();
        // Older versions add up rows with the same stack and labels. Stacks that differ only in the
        // allocator's own frames are equal, because files do not contain those frames.
        let mut added_up: Vec<Vec<i64>> = Vec::new();
        let mut known = HashMap::new();
        for sample in profile.samples.iter() {
            let at = *known.entry((sample.stack_id, sample.labels_id)).or_insert(added_up.len());
            match added_up.get_mut(at) {
                Some(row) => row.iter_mut().zip(sample.values).for_each(|(sum, value)| *sum += value),
                None => added_up.push(sample.values.to_vec()),
            }
        }
        theirs.retain(|it| !is_facts(it));
        assert!(!ours.iter().any(is_facts));
        if theirs != added_up {
            assert_eq!(theirs, ours, "{setting}\n{raw}");
        }
    }
}

#[test]
fn changes_are_equal_for_every_sample_type() {
    for (snapshots, setting) in asked() {
        let (base, new) = (read(&snapshots.base), read(&snapshots.new));
        let diff_base = format!("-diff_base={}", snapshots.base.display());
        for kind in kinds(&new) {
            let top = snapshots.top(&kind, &[&diff_base]);
            let change = total(&new, &kind) - total(&base, &kind);
            let files: [&Path; 2] = [&snapshots.base, &snapshots.new];
            assert_eq!(
                (
                    top.flat,
                    top.total,
                    answer(&["diff", "--sample", &kind], &files, "/total_change/change/value")
                ),
                (change, total(&base, &kind), change),
                "{kind} {setting}"
            );
        }
    }
}

/// Highwater reads Go's difference files, shows them with Go's signs and shares, and writes them unchanged.
#[test]
fn differences_are_read_as_go_writes_them() {
    for (snapshots, setting) in asked() {
        let written = snapshots.directory.path().join("difference.pb.gz");
        let again = snapshots.directory.path().join("again.pb.gz");
        for option in ["-base", "-diff_base"] {
            // The earlier snapshot minus the later one, so that live values are negative.
            let base = format!("{option}={}", snapshots.new.display());
            let output = format!("-output={}", written.display());
            snapshots.pprof(&["-symbolize=none", "-proto", &output, &base], &[&snapshots.base]);
            let read_again =
                Command::new(highwater()).arg("convert").args([&written, &again]).output().unwrap();
            assert!(read_again.status.success(), "{read_again:?}");
            let difference = read(&written);
            assert!(difference.is_difference(), "{option} {setting}");
            for kind in kinds(&difference) {
                let index = format!("-sample_index={kind}");
                let arguments = [&Top::ARGUMENTS[..], &["-symbolize=none", &index]].concat();
                let theirs = [&written, &again]
                    .map(|file| Top::parse(&snapshots.pprof(&arguments, &[file.as_path()])));
                let ours = answer(&["top", "--sample", &kind], &[&written], "/header/total/value");
                assert_eq!((theirs[0].flat, theirs[1].flat), (ours, ours), "{kind} {option} {setting}");
                assert_eq!(theirs[0].total, theirs[1].total, "{kind} {option} {setting}");
                assert_eq!(ours, total(&difference, &kind));
                let share = share(&written, &kind);
                // A share of 0 is 0.
                let expected = if theirs[0].total == 0 { 0.0 } else { ours as f64 / theirs[0].total as f64 };
                assert!(
                    (share - expected).abs() < 1e-9,
                    "{kind} {option} {setting}: {share}, not {expected}"
                );
            }
        }
    }
}

/// The share of the whole call tree.
fn share(file: &Path, kind: &str) -> f64 {
    let mut command = Command::new(highwater());
    command.args(["tree", "--json", "--addresses", "--sample", kind]).arg(file);
    let answer: serde_json::Value = serde_json::from_str(&succeed(&mut command)).unwrap();
    answer["nodes"][0]["fraction"].as_f64().unwrap()
}

#[test]
fn exact_values_equal_the_programs_work() {
    let snapshots = Snapshots::take("");
    let diff_base = format!("-diff_base={}", snapshots.base.display());
    let change = |kind| snapshots.top(kind, &[&diff_base]).flat;
    assert_eq!(change("inuse_space"), 40 * 3000 - 10 * 1000);
    assert_eq!(change("inuse_objects"), 40 - 10);
    assert_eq!(change("alloc_space"), 40 * 3000 + 1000 * 100);
    assert_eq!(change("alloc_objects"), 40 + 1000);
    assert_eq!(change("peak_space"), 0);
    // The recorder's counters, which do not depend on samples, have the same values.
    let profile = read(&snapshots.new);
    let meta = profile.meta.unwrap();
    assert_eq!(meta.alloc_bytes, Some(total(&profile, "alloc_space")));
    assert_eq!(meta.peak_bytes, Some(total(&profile, "peak_space")));
    let freed = total(&profile, "alloc_space") - total(&profile, "inuse_space");
    assert_eq!(meta.freed_bytes, Some(freed));
}

/// Go finds the names itself, in the program's own debug information. Its leaf is the function that called
/// the allocator.
#[test]
fn functions_are_named_and_the_recorder_is_none_of_them() {
    for (snapshots, setting) in asked() {
        expect_names(&snapshots, &setting, setting.ends_with("\"\""));
    }
}

/// The names that Go finds are the functions that allocated; in exact mode their bytes are right, too.
fn expect_names(snapshots: &Snapshots, setting: &str, is_exact: bool) {
    let text =
        snapshots.pprof(&[&Top::ARGUMENTS[..], &["-sample_index=alloc_space"]].concat(), &[&snapshots.new]);
    // Flat value, cumulative value, and the name, which may contain spaces.
    let rows: Vec<(i64, &str)> = (text.lines().skip_while(|line| !line.contains("flat%")).skip(1))
        .map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            (fields[3].trim_end_matches('B').parse().unwrap(), fields[5])
        })
        .collect();
    let cumulated = |name| {
        rows.iter().find(|it| it.1 == name).unwrap_or_else(|| panic!("no {name}, {setting}: {text}")).0
    };
    for name in ["run", "main"] {
        assert!(cumulated(name) > 1 << 20, "{name}, {setting}: {text}");
    }
    if is_exact {
        assert_eq!(cumulated("grow_shelf"), 60 * 1000 + 40 * 3000, "{text}");
        assert_eq!(cumulated("burst"), 1 << 20, "{text}");
        assert_eq!(cumulated("pass"), 2 * 100 * 1000, "{text}");
    }
    for own in ["find", "walk", "walk<256>", "capture", "allocate_slowly", "realloc_slowly", "__rust_alloc"] {
        assert!(!rows.iter().any(|it| it.1 == own), "{own}, {setting}: {text}");
    }
}

#[test]
fn live_bytes_are_shown_by_default() {
    let snapshots = Snapshots::take("");
    let top = snapshots.pprof(&["-top"], &[&snapshots.new]);
    assert!(top.contains("\nType: inuse_space\n"), "{top}");
}

#[test]
fn a_listing_shows_the_values_beside_the_line() {
    let snapshots = Snapshots::take("");
    let source = include_str!("../../../programs/interop.rs");
    let line = source.lines().find(|line| line.contains("shelf.push(")).unwrap();
    let listing = snapshots.pprof(&["-list=grow_shelf", "-unit=bytes"], &[&snapshots.new]);
    let listed = listing.lines().find(|it| it.ends_with(line)).unwrap_or_else(|| panic!("{listing}"));
    assert!(listed.contains(&format!(" {}B ", 50 * 1000 + 40 * 3000)), "{listing}");
}

#[test]
fn a_drawing_names_the_functions() {
    // pprof calls it for the drawing, and its error is unclear if it is missing.
    succeed(Command::new("dot").arg("-V"));
    let snapshots = Snapshots::take("");
    let drawing = snapshots.directory.path().join("heap.svg");
    let output = format!("-output={}", drawing.display());
    snapshots.pprof(&["-svg", &output], &[&snapshots.new]);
    let drawing = fs::read_to_string(drawing).unwrap();
    assert!(drawing.contains("<svg") && drawing.contains("grow_shelf"), "{drawing}");
    assert!(drawing.trim_end().ends_with("</svg>"));
}
