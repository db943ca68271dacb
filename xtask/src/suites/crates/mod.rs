//! `cargo xtask suites crates`: runs the tests of published crates under the leak harness, and compares the
//! findings with a list.
//!
//! The sources are those that were published, with the harness's dev-dependency and its one line put in. What
//! is found is compared with the table of `docs/records/REAL-SUITES.md`: the command fails for a finding that
//! is not listed, for a listed one that vanished, and for a test that fails only under the harness. Before
//! all that it must find a leak in a crate of its own.

mod examined;
mod list;
mod outcome;
pub mod source;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::failure::Failure;
use crate::workspace::Workspace;
use list::Suite;
use outcome::Outcome;

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Only these crates; all if there are none.
    crates: Vec<String>,
    /// Print the table as JSON.
    #[arg(long)]
    json: bool,
}

/// The directory in which the suites are unpacked and built.
struct Place {
    directory: PathBuf,
    harness: PathBuf,
}

impl Place {
    fn run(&self, directory: &Path, suite: &Suite) -> Result<Outcome, Failure> {
        outcome::run(directory, &suite.features, suite.bare, &self.directory.join("target"))
    }
}

/// Runs the suites one after the other, and compares the findings.
///
/// # Errors
/// When a suite does not build, or a finding is not in the table.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let chosen = choose(list::load(&workspace.root)?, &options.crates)?;
    let examined = examined::load(&workspace.root)?;
    let place = Place {
        directory: workspace.target.join("real-suites"),
        harness: workspace.root.join("crates/highwater-leaktest"),
    };
    fs::create_dir_all(&place.directory)
        .map_err(|source| Failure::File { path: place.directory.clone(), source })?;
    find_the_plant(&place)?;
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    let count = chosen.len();
    for (index, suite) in chosen.into_iter().enumerate() {
        eprintln!("[{}/{}] {} {}", index + 1, count, suite.name, suite.version);
        let outcome = source::prepare(&suite, &place.directory, &place.harness)
            .and_then(|directory| place.run(&directory, &suite));
        match outcome {
            Err(failure) => wrong.push(format!("{}: {failure}", suite.name)),
            Ok(outcome) => {
                wrong.extend(examined::compare(&suite.name, &outcome.findings, &examined));
                let broken = outcome
                    .broken
                    .iter()
                    .map(|it| format!("{}: {it} fails under the harness only", suite.name));
                wrong.extend(broken);
                rows.push((suite, outcome));
            }
        }
    }
    if options.json {
        println!("{}", as_json(&rows));
    } else {
        print!("{}", table(&rows));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::Suites(format!("{} to examine:\n  {}", wrong.len(), wrong.join("\n  "))))
}

fn choose(all: Vec<Suite>, names: &[String]) -> Result<Vec<Suite>, Failure> {
    if names.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| {
        all.iter().find(|suite| suite.name == *name).cloned().ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|suite| suite.name.as_str()).collect();
            Failure::Suites(format!("there is no suite {name}; there are {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

/// Runs a crate with a planted leak: if that is not found, other results mean nothing.
fn find_the_plant(place: &Place) -> Result<(), Failure> {
    let directory = source::plant(&place.directory, &place.harness)?;
    let suite = Suite { name: "planted".to_owned(), version: "0.0.0".to_owned(), ..Suite::default() };
    let outcome = place.run(&directory, &suite)?;
    let found: Vec<&str> = outcome.findings.iter().map(|it| it.test.as_str()).collect();
    if found != ["leaks"]
        || outcome.tests != 2
        || examined::compare("planted", &outcome.findings, &[]).len() != 1
    {
        return Err(Failure::Suites(format!(
            "the planted leak was not found: {found:?} in {} tests",
            outcome.tests
        )));
    }
    eprintln!("The planted leak was found.");
    Ok(())
}

fn table(rows: &[(Suite, Outcome)]) -> String {
    let mut text = String::from(
        "| crate | version | tests | fail by themselves | findings | time |\n|---|---|---:|---:|---:|---:|\n",
    );
    for (suite, outcome) in rows {
        let Outcome { tests, failing, findings, time, .. } = outcome;
        text += &format!(
            "| {} | {} | {tests} | {failing} | {} | {:.1} s |\n",
            suite.name,
            suite.version,
            findings.len(),
            time.as_secs_f64()
        );
    }
    text
}

fn as_json(rows: &[(Suite, Outcome)]) -> serde_json::Value {
    let row = |(suite, outcome): &(Suite, Outcome)| {
        let finding = |it: &outcome::Finding| json!({ "program": it.program, "test": it.test, "kind": it.kind, "function": it.site, "line": it.line });
        json!({
            "crate": suite.name,
            "version": suite.version,
            "tests": outcome.tests,
            "failing": outcome.failing,
            "broken": outcome.broken,
            "findings": outcome.findings.iter().map(finding).collect::<Vec<_>>(),
            "time_ns": u64::try_from(outcome.time.as_nanos()).unwrap_or(u64::MAX),
        })
    };
    rows.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn suites() -> Vec<Suite> {
        let suite =
            |name: &str| Suite { name: name.to_owned(), version: "1.8.1".to_owned(), ..Suite::default() };
        vec![suite("threadpool"), suite("flume")]
    }

    #[test]
    fn suites_are_chosen_by_name() {
        assert_eq!(choose(suites(), &[]).unwrap().len(), 2);
        assert_eq!(choose(suites(), &["flume".to_owned()]).unwrap()[0].name, "flume");
        let fault = choose(suites(), &["flumes".to_owned()]).unwrap_err().to_string();
        assert!(fault.contains("no suite flumes") && fault.contains("threadpool"), "{fault}");
    }

    #[test]
    fn the_table_has_a_row_for_each() {
        let outcome = Outcome {
            tests: 3,
            findings: vec![outcome::Finding::default()],
            broken: vec![],
            failing: 1,
            time: Duration::from_millis(2500),
        };
        let rows = [(suites().remove(0), outcome)];
        assert!(table(&rows).ends_with("| threadpool | 1.8.1 | 3 | 1 | 1 | 2.5 s |\n"), "{}", table(&rows));
        let json = as_json(&rows);
        assert_eq!((&json[0]["tests"], &json[0]["time_ns"]), (&json!(3), &json!(2_500_000_000_u64)));
    }
}
