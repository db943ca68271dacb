//! `cargo xtask ci`: all checks for a change, cheapest first.

use std::fs;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;
use crate::{aarch64, fuzz, oldest, test, tidy};

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Also check the dependencies for known vulnerabilities. This downloads the advisory database; a run
    /// without it needs no network beyond cargo's own.
    #[arg(long)]
    advisories: bool,
}

/// A named part of the run.
type Step = (&'static str, fn(&Workspace, &Options) -> Result<(), Failure>);

const STEPS: &[Step] = &[
    ("fmt", fmt),
    ("tidy", |workspace, _| tidy::run(workspace, &tidy::Options::default())),
    ("clippy", clippy),
    ("oldest", |workspace, _| oldest::run(workspace)),
    ("aarch64", |workspace, _| aarch64::run(workspace)),
    ("deny", deny),
    ("docs", docs),
    ("package", package),
    ("test", |workspace, _| test::run(workspace)),
    ("fuzz", |workspace, _| fuzz::run(workspace, &fuzz::Options::CI)),
];

/// Runs the steps in order and stops at the first that fails.
///
/// # Errors
/// When a step failed; its own reason is printed before the summary.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    run_steps(STEPS, workspace, options)
}

fn run_steps(steps: &[Step], workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let mut done: Vec<(&str, Duration)> = Vec::new();
    let mut stopped_at = None;
    for (name, step) in steps {
        println!("\n==> {name}");
        let start = Instant::now();
        let result = step(workspace, options);
        let time = start.elapsed();
        done.push((name, time));
        match result {
            Ok(()) => println!("<== {name}: passed in {:.1} s", time.as_secs_f64()),
            Err(failure) => {
                println!("<== {name}: failed after {:.1} s: {failure}", time.as_secs_f64());
                stopped_at = Some(*name);
                break;
            }
        }
    }
    println!("\n{}", summary(steps, &done, stopped_at));
    stopped_at.map_or(Ok(()), |name| Err(Failure::Step(name)))
}

fn summary(steps: &[Step], done: &[(&str, Duration)], stopped_at: Option<&str>) -> String {
    let mut lines = vec!["ci:".to_owned()];
    for (name, _) in steps {
        lines.push(match done.iter().find(|(done, _)| done == name) {
            None => format!("  {name:<8} not run"),
            Some((_, time)) => {
                let verdict = if stopped_at == Some(*name) { "FAILED" } else { "passed" };
                format!("  {name:<8} {verdict}  {:>7.1} s", time.as_secs_f64())
            }
        });
    }
    lines.join("\n")
}

fn fmt(workspace: &Workspace, _: &Options) -> Result<(), Failure> {
    Line::cargo(&workspace.root).args(["fmt", "--all", "--check"]).run()
}

fn clippy(workspace: &Workspace, _: &Options) -> Result<(), Failure> {
    Line::cargo(&workspace.root)
        .args(["clippy", "--workspace", "--all-targets", "--all-features", "--", "--deny", "warnings"])
        .run()
}

fn deny(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    if Line::cargo(&workspace.root).args(["deny", "--version"]).capture().is_err() {
        println!("cargo-deny is missing here: installing it with cargo.");
        Line::cargo(&workspace.root).args(["install", "--locked", "cargo-deny"]).run()?;
    }
    let advisories = options.advisories.then_some("advisories");
    Line::cargo(&workspace.root)
        .args(["deny", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"])
        .args(advisories)
        .run()
}

fn docs(workspace: &Workspace, _: &Options) -> Result<(), Failure> {
    Line::cargo(&workspace.root)
        .args(["doc", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}

/// Packages every published crate and builds it from the package, so that a missing file or dependency is
/// found before publishing. Crates of the workspace find each other's packages, published or not.
fn package(workspace: &Workspace, _: &Options) -> Result<(), Failure> {
    // Cargo unpacks those packages once for each target directory and keeps them, so a directory that was
    // used before would check the old packages.
    let fail = |source| Failure::File { path: workspace.target.clone(), source };
    fs::create_dir_all(&workspace.target).map_err(fail)?;
    let fresh = tempfile::Builder::new().prefix("package-").tempdir_in(&workspace.target).map_err(fail)?;
    let unpublished = workspace.crates.iter().filter(|each| !each.published);
    Line::cargo(&workspace.root)
        .args(["package", "--workspace", "--allow-dirty"])
        .args(unpublished.flat_map(|each| ["--exclude", each.name.as_str()]))
        .args(["--target-dir".as_ref(), fresh.path()])
        .run()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn pass(_: &Workspace, _: &Options) -> Result<(), Failure> {
        Ok(())
    }

    fn fail(_: &Workspace, _: &Options) -> Result<(), Failure> {
        Err(Failure::Findings(1))
    }

    fn nowhere() -> Workspace {
        Workspace { root: PathBuf::new(), target: PathBuf::new(), crates: vec![] }
    }

    #[test]
    fn stops_at_the_first_failure_and_names_it() {
        let steps: &[Step] = &[("first", pass), ("second", fail), ("third", fail)];
        let result = run_steps(steps, &nowhere(), &Options { advisories: false });
        assert!(matches!(result, Err(Failure::Step("second"))));
    }

    #[test]
    fn succeeds_when_every_step_does() {
        let steps: &[Step] = &[("first", pass), ("second", pass)];
        assert!(run_steps(steps, &nowhere(), &Options { advisories: false }).is_ok());
    }

    #[test]
    fn the_summary_lists_passed_failed_and_skipped_steps() {
        let steps: &[Step] = &[("first", pass), ("second", fail), ("third", pass)];
        let done = [("first", Duration::from_millis(1500)), ("second", Duration::from_secs(2))];
        assert_eq!(
            summary(steps, &done, Some("second")),
            "ci:\n  first    passed      1.5 s\n  second   FAILED      2.0 s\n  third    not run"
        );
    }
}
