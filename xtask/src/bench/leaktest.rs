//! `cargo xtask bench leaktest`: what a test that does nothing pays for being checked by the leak harness,
//! and what a suite of async tests pays under cargo-nextest, which starts a process for each of them.
//!
//! The same 500 tests run with and without the harness in turns. Each program also runs with no test at all,
//! to measure the costs per process separately. Processor time is compared, because the elapsed time of a
//! test is mostly waiting for threads to start.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::machine;
use crate::clients;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Number of times that each program runs.
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// How often the suite of async tests is run with each program.
    #[arg(long, default_value_t = 3)]
    suites: u32,
    /// Build with optimizations; tests are mostly run without.
    #[arg(long)]
    release: bool,
}

const TESTS: u32 = 500;

/// Without and with the harness.
const PROGRAMS: [&str; 2] = ["trivial", "trivial_checked"];

/// Maximum cost per test, in microseconds.
const MOST_MICROSECONDS: f64 = 10.0;

/// The same as programs whose tests are async, and what the second may take of the processor's time for a
/// time of the first one.
const SUITES: [&str; 2] = ["asynchronous", "asynchronous_checked"];
const MOST_TIMES: f64 = 1.15;

/// Microseconds in a tick of what the kernel counts for children: Linux shows them at 100 a second
/// everywhere.
const TICK_MICROSECONDS: f64 = 10_000.0;

/// Measures, prints the table, and compares with the goal.
///
/// # Errors
/// When a program does not build or run, or the goal is missed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let programs = build(workspace, PROGRAMS, options.release)?;
    let rounds = options.rounds.max(1);
    // For each program: with all tests, and with none.
    let mut spent = [[0.0; 2]; 2];
    for _ in 0..rounds {
        for (program, spent) in programs.iter().zip(&mut spent) {
            spent[0] += run_once(program, None)?;
            spent[1] += run_once(program, Some("no test has this name"))?;
        }
    }
    let of_a_process = spent.map(|it| it[1] / f64::from(rounds));
    let of_a_test = spent.map(|it| (it[0] - it[1]) / f64::from(rounds * TESTS));
    let added = of_a_test[1] - of_a_test[0];
    println!(
        "\n{}\n{TESTS} tests that do nothing, one at a time; {rounds} rounds\n",
        machine::description(workspace)?
    );
    println!("            µs for a test   µs for a process without tests");
    for (row, name) in ["unchecked", "checked"].into_iter().enumerate() {
        println!("{name:<10} {:>14.1} {:>15.0}", of_a_test[row], of_a_process[row]);
    }
    let is_met = added <= MOST_MICROSECONDS;
    let line = format!(
        "{added:.1} µs added to a test ({:.2} times); goal: at most {MOST_MICROSECONDS}, {}",
        of_a_test[1] / of_a_test[0],
        if is_met { "met" } else { "missed" }
    );
    println!("\n{line}");
    let suite = suite(workspace, options)?;
    if is_met { suite } else { Err(line) }.map_err(Failure::Bench)
}

/// The suite under cargo-nextest: an error in words where the goal is missed.
fn suite(workspace: &Workspace, options: &Options) -> Result<Result<(), String>, Failure> {
    if options.suites == 0 {
        return Ok(Ok(()));
    }
    clients::ensure_nextest(&workspace.root)?;
    build(workspace, SUITES, options.release)?;
    // Of each program, in microseconds: of the processor, and on the wall.
    let mut spent = [[0.0; 2]; 2];
    // The first round is where the programs are read from the disk, and what is learnt about them.
    for round in 0..=options.suites {
        for (program, spent) in SUITES.iter().zip(&mut spent) {
            let (before, began) = (of_children()?, Instant::now());
            let line = Line::cargo(&workspace.root)
                .args(["nextest", "run", "--package", "highwater-leak-corpus", "--test", program])
                .args(options.release.then_some("--release"));
            line.quiet().capture()?;
            if round > 0 {
                spent[0] += of_children()? - before;
                spent[1] += began.elapsed().as_secs_f64() * 1e6;
            }
        }
    }
    println!("\n{TESTS} async tests under cargo-nextest, a process for each; {} rounds\n", options.suites);
    println!("            ms of the processor   ms on the wall");
    for (row, name) in ["unchecked", "checked"].into_iter().enumerate() {
        let [processor, wall] = spent[row].map(|it| it / f64::from(options.suites) / 1e3);
        println!("{name:<10} {processor:>20.0} {wall:>16.0}");
    }
    let times = spent[1][0] / spent[0][0];
    let is_met = times <= MOST_TIMES;
    let line = format!(
        "{times:.2} times the processor's time; goal: at most {MOST_TIMES}, {}",
        if is_met { "met" } else { "missed" }
    );
    println!("\n{line}");
    Ok(if is_met { Ok(()) } else { Err(line) })
}

/// Builds both programs and says where they are.
fn build(workspace: &Workspace, programs: [&str; 2], release: bool) -> Result<[String; 2], Failure> {
    let mut words =
        vec!["test", "--no-run", "--package", "highwater-leak-corpus", "--message-format", "json"];
    words.extend(programs.iter().flat_map(|it| ["--test", it]));
    words.extend(release.then_some("--release"));
    let line = Line::cargo(&workspace.root).args(words).quiet();
    let messages = line.capture()?;
    let messages: Vec<serde_json::Value> =
        messages.lines().filter_map(|it| serde_json::from_str(it).ok()).collect();
    let find = |name: &str| {
        let message = messages.iter().find(|it| it["target"]["name"] == name && it["executable"].is_string());
        let path = message.and_then(|it| it["executable"].as_str()).map(str::to_owned);
        path.ok_or_else(|| Failure::Bench(format!("cargo built no {name}")))
    };
    Ok([find(programs[0])?, find(programs[1])?])
}

/// Runs a program once, and returns its processor time in microseconds.
fn run_once(program: &str, filter: Option<&str>) -> Result<f64, Failure> {
    let before = of_children()?;
    let mut command = Command::new(program);
    command.args(["--quiet", "--test-threads=1"]).args(filter).stdout(Stdio::null());
    for name in ["HIGHWATER_LEAKTEST", "HIGHWATER_LEAKTEST_JSON", "RUST_TEST_THREADS"] {
        command.env_remove(name);
    }
    let status = command.status().map_err(|source| Failure::Start { command: program.to_owned(), source })?;
    if !status.success() {
        return Err(Failure::Exit { command: program.to_owned(), status });
    }
    Ok(of_children()? - before)
}

/// Processor time in microseconds of all children that have ended.
fn of_children() -> Result<f64, Failure> {
    let path = "/proc/self/stat";
    let text = fs::read_to_string(path).map_err(|source| Failure::File { path: path.into(), source })?;
    let ticks = children_ticks(&text);
    ticks.map(|it| it * TICK_MICROSECONDS).ok_or_else(|| Failure::Bench(format!("{path} has no times")))
}

/// The user and system time of children. The fields follow the process's name, which may contain any
/// character.
fn children_ticks(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let times = rest.split_whitespace().skip(13).take(2).map(str::parse::<f64>);
    let times: Vec<f64> = times.collect::<Result<_, _>>().ok()?;
    (times.len() == 2).then(|| times.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_children_are_found_after_any_name() {
        let stat = "7 (a) (b c) S 1 2 3 4 5 6 7 8 9 10 11 12 40 2 15 16";
        assert_eq!(children_ticks(stat), Some(42.0));
        assert_eq!(children_ticks("7 (a) S 1 2"), None);
    }
}
