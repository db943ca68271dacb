//! `cargo xtask bench leaktest`: the cost of the leak harness for a test that does nothing.
//!
//! The same 500 tests run with and without the harness in turns. Each program also runs with no test at all,
//! to measure the costs per process separately. Processor time is compared, because the elapsed time of a
//! test is mostly waiting for threads to start.

use std::fs;
use std::process::{Command, Stdio};

use super::machine;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Number of times that each program runs.
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// Build with optimization; most tests run without.
    #[arg(long)]
    release: bool,
}

const TESTS: u32 = 500;

/// Without and with the harness.
const PROGRAMS: [&str; 2] = ["trivial", "trivial_checked"];

/// Maximum cost per test, in microseconds.
const MOST_MICROSECONDS: f64 = 10.0;

/// Microseconds per tick of the kernel's times for children: Linux reports 100 ticks a second on every
/// machine.
const TICK_MICROSECONDS: f64 = 10_000.0;

/// Measures, prints the table, and compares with the goal.
///
/// # Errors
/// When a program does not build or run, or the goal is missed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let programs = build(workspace, options.release)?;
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
    if is_met { Ok(()) } else { Err(Failure::Bench(line)) }
}

/// Builds both programs and returns their paths.
fn build(workspace: &Workspace, release: bool) -> Result<[String; 2], Failure> {
    let mut words =
        vec!["test", "--no-run", "--package", "highwater-leak-corpus", "--message-format", "json"];
    words.extend(PROGRAMS.iter().flat_map(|it| ["--test", it]));
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
    Ok([find(PROGRAMS[0])?, find(PROGRAMS[1])?])
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
