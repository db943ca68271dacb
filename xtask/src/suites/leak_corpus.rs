//! `cargo xtask suites leak-corpus`: measures how reliably the leak harness separates leaks from similar
//! states. It repeats runs on an idle and on a busy machine, in debug builds and in release builds with line
//! tables.
//!
//! The runs are the tests in `tests/end-to-end/tests/leak_corpus`, which write down their counts. This
//! command adds them up and compares them with the targets: 99 of 100 leaks found and placed, none blamed on
//! another test, no clean test failed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clients;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Number of times that each program runs in each way.
    #[arg(long, default_value_t = 20)]
    repeats: usize,
    /// Number of busy threads per processor during the second half of the runs.
    #[arg(long, default_value_t = 4)]
    load: usize,
    /// Only these builds of the corpus, instead of debug and release.
    #[arg(long, value_enum)]
    build: Vec<Build>,
    /// Print the sums as JSON.
    #[arg(long)]
    json: bool,
}

/// A build of the corpus. The same list as in `tests/end-to-end/tests/leak_corpus/build.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Build {
    /// A debug build, like cargo's default for tests.
    Debug,
    /// A release build with line tables.
    Release,
    /// With v0 symbol names.
    V0,
    /// With coverage instrumentation.
    Coverage,
    /// With line tables only.
    LineTables,
    /// Without debug information.
    NoDebug,
    /// A release build without debug information.
    NoDebugRelease,
    /// A release build with link-time optimization.
    Lto,
}

impl Build {
    /// The default builds; running all of them takes hours.
    const BOTH: &[Self] = &[Self::Debug, Self::Release];

    fn name(self) -> String {
        clap::ValueEnum::to_possible_value(&self).map_or_else(String::new, |it| it.get_name().to_owned())
    }
}

/// Number of records that a run writes: one for each program and way.
const RECORDS: usize = 9;

/// The counts of one program's runs in one way.
#[derive(Deserialize)]
struct Record {
    build: String,
    load: usize,
    program: String,
    way: String,
    table: Table,
    wrong: Vec<String>,
}

#[derive(Deserialize)]
struct Table {
    runs: usize,
    groups: BTreeMap<String, Sums>,
    beyond_grace_ms: Vec<u64>,
}

/// Counts of leaks and of tests. The same fields as in `tests/end-to-end/tests/leak_corpus/compare.rs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
struct Sums {
    expected: usize,
    found: usize,
    placed: usize,
    misblamed: usize,
    clean: usize,
    clean_failed: usize,
}

/// The sums of all records, grouped in three ways.
#[derive(Default, Serialize)]
struct Report {
    by_run: BTreeMap<String, Sums>,
    by_case: BTreeMap<String, Sums>,
    total: Sums,
    /// By build and load: median and maximum of the time by which failing tests exceeded their grace, in
    /// milliseconds.
    beyond_grace_ms: BTreeMap<String, (u64, u64)>,
    runs: usize,
    wrong: Vec<String>,
}

/// Runs the corpus, and prints the sums.
///
/// # Errors
/// When the corpus cannot be run, or a target is missed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    clients::ensure_nextest(&workspace.root)?;
    fs::create_dir_all(&workspace.target)
        .map_err(|source| Failure::File { path: workspace.target.clone(), source })?;
    let directory = tempfile::Builder::new()
        .prefix("leak-corpus-")
        .tempdir_in(&workspace.target)
        .map_err(|source| Failure::File { path: workspace.target.clone(), source })?;
    let builds = if options.build.is_empty() { Build::BOTH } else { &options.build[..] };
    let loads: &[usize] = if options.load == 0 { &[0] } else { &[0, options.load] };
    for build in builds {
        for load in loads {
            let name = build.name();
            eprintln!("{} runs of each program, {name}, load {load} …", options.repeats);
            let line = Line::cargo(&workspace.root)
                .env("LEAK_CORPUS_RUNS", options.repeats.to_string())
                .env("LEAK_CORPUS_LOAD", load.to_string())
                .env("LEAK_CORPUS_RECORD", directory.path())
                .args(["test", "--package", "highwater-tests", "--no-default-features"])
                .args([
                    "--features",
                    "support",
                    "--test",
                    "leak_corpus",
                    "--",
                    "ways::",
                    "--test-threads=1",
                    "--nocapture",
                ]);
            let line = line.env("LEAK_CORPUS_BUILD", &name);
            let log = workspace.target.join(format!("leak-corpus-{name}-{load}.log"));
            // The exit status is not checked: the records contain the faults.
            line.log(&log)?;
        }
    }
    let records = read(directory.path())?;
    // A missing record would look like a record without faults.
    let expected = builds.len() * loads.len() * RECORDS;
    if records.len() != expected {
        let place = workspace.target.join("leak-corpus-*.log");
        return Err(Failure::Corpus(format!(
            "{} of {expected} runs wrote nothing down: see {}",
            expected - records.len().min(expected),
            place.display()
        )));
    }
    let report = add_up(&records);
    if options.json {
        println!("{}", serde_json::json!(report));
    } else {
        print!("{}", words(&report));
    }
    judge(&report)
}

fn read(directory: &Path) -> Result<Vec<Record>, Failure> {
    let fail = |source| Failure::File { path: directory.to_owned(), source };
    let mut records = Vec::new();
    for entry in fs::read_dir(directory).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let text = fs::read(&path).map_err(fail)?;
        let record = serde_json::from_slice(&text)
            .map_err(|error| Failure::Corpus(format!("{}: {error}", path.display())))?;
        records.push(record);
    }
    Ok(records)
}

fn add_up(records: &[Record]) -> Report {
    let mut report = Report::default();
    let mut beyond: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for record in records {
        let Record { build, load, program, way, table, wrong } = record;
        report.runs += table.runs;
        let surroundings = format!("{build}, load {load}");
        report.wrong.extend(wrong.iter().map(|it| format!("{surroundings}, {program}, {it}")));
        for (group, sums) in &table.groups {
            for place in [
                report.by_run.entry(format!("{surroundings}, {program}, {way}")).or_default(),
                report.by_case.entry(group.clone()).or_default(),
                &mut report.total,
            ] {
                place.add(*sums);
            }
        }
        beyond.entry(surroundings).or_default().extend(&table.beyond_grace_ms);
    }
    for (surroundings, mut times) in beyond {
        times.sort_unstable();
        if let (Some(median), Some(most)) = (times.get(times.len() / 2), times.last()) {
            report.beyond_grace_ms.insert(surroundings, (*median, *most));
        }
    }
    report
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.expected += other.expected;
        self.found += other.found;
        self.placed += other.placed;
        self.misblamed += other.misblamed;
        self.clean += other.clean;
        self.clean_failed += other.clean_failed;
    }
}

fn words(report: &Report) -> String {
    const HEAD: &str = "leaks | found | right line | wrongly blamed | clean tests | failed |\n|---|---:|---:|---:|---:|---:|---:|\n";
    let row = |name: &str, sums: &Sums| {
        let Sums { expected, found, placed, misblamed, clean, clean_failed } = sums;
        format!("| {name} | {expected} | {found} | {placed} | {misblamed} | {clean} | {clean_failed} |\n")
    };
    let table = |name: &str, rows: &BTreeMap<String, Sums>| {
        let rows: String = rows.iter().map(|(name, sums)| row(name, sums)).collect();
        format!("| {name} | {HEAD}{rows}")
    };
    let mut text = table("build, load, program, way", &report.by_run);
    text += &row(&format!("all, {} runs", report.runs), &report.total);
    text += &format!("\n{}\n", table("cases", &report.by_case));
    for (surroundings, (median, most)) in &report.beyond_grace_ms {
        text += &format!(
            "{surroundings}: a failing test takes {median} ms beyond its grace (median), {most} ms at most\n"
        );
    }
    text
}

/// Compares with the targets.
fn judge(report: &Report) -> Result<(), Failure> {
    let Sums { expected, found, placed, misblamed, clean, clean_failed } = report.total;
    let is_most = |part: usize, whole: usize| part * 100 >= whole * 99;
    let mut missed = Vec::new();
    if expected == 0 || clean == 0 {
        missed.push("nothing was counted".to_owned());
    }
    if !is_most(found, expected) {
        missed.push(format!("{found} of {expected} leaks were found"));
    }
    if !is_most(placed, found) {
        missed.push(format!("{placed} of {found} found leaks have the right line"));
    }
    if misblamed > 0 {
        missed.push(format!("{misblamed} leaks are blamed on the wrong test"));
    }
    if clean_failed > 0 {
        missed.push(format!("{clean_failed} clean tests failed"));
    }
    let wrong: String = report.wrong.iter().take(40).map(|it| format!("\n  {it}")).collect();
    if missed.is_empty() {
        if !wrong.is_empty() {
            eprintln!("What was wrong, within the targets:{wrong}");
        }
        return Ok(());
    }
    Err(Failure::Corpus(format!("{}{wrong}", missed.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(way: &str, sums: Sums, beyond_grace_ms: &[u64]) -> Record {
        let groups = BTreeMap::from([("thread std".to_owned(), sums)]);
        Record {
            build: "debug".to_owned(),
            load: 4,
            program: "whole".to_owned(),
            way: way.to_owned(),
            table: Table { runs: 2, groups, beyond_grace_ms: beyond_grace_ms.to_vec() },
            wrong: vec![format!("something with {way}")],
        }
    }

    const GOOD: Sums =
        Sums { expected: 200, found: 199, placed: 198, misblamed: 0, clean: 50, clean_failed: 0 };

    #[test]
    fn records_are_added_up() {
        let report = add_up(&[record("nextest", GOOD, &[10, 40, 20]), record("libtest-1", GOOD, &[])]);
        assert_eq!((report.runs, report.total.expected, report.total.clean), (4, 400, 100));
        assert_eq!(report.by_case["thread std"], report.total);
        assert_eq!(report.by_run["debug, load 4, whole, nextest"], GOOD);
        let text = words(&report);
        assert!(
            text.contains("| debug, load 4, whole, libtest-1 | 200 | 199 | 198 | 0 | 50 | 0 |"),
            "{text}"
        );
        assert!(text.contains("| all, 4 runs | 400 | 398 |"), "{text}");
        assert!(
            text.contains("debug, load 4: a failing test takes 20 ms beyond its grace (median), 40 ms"),
            "{text}"
        );
    }

    #[test]
    fn each_missed_target_is_named() {
        assert!(judge(&add_up(&[record("nextest", GOOD, &[])])).is_ok());
        for (sums, words) in [
            (Sums::default(), "nothing was counted"),
            (Sums { found: 197, placed: 197, ..GOOD }, "197 of 200 leaks were found"),
            (Sums { placed: 197, found: 200, ..GOOD }, "197 of 200 found leaks have the right line"),
            (Sums { misblamed: 1, ..GOOD }, "1 leaks are blamed on the wrong test"),
            (Sums { clean_failed: 1, ..GOOD }, "1 clean tests failed"),
        ] {
            let fault = judge(&add_up(&[record("nextest", sums, &[])])).unwrap_err().to_string();
            assert!(fault.contains(words) && fault.contains("something with nextest"), "{fault}");
        }
    }
}
