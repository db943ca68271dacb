//! `cargo xtask test`: every test of the workspace, with the outside programs that they need.

mod program;

use std::fs;
use std::thread;

use self::program::Program;
use crate::clients;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// Tests that mostly wait: for a service to answer, a terminal to change, a watch to report. They run in
/// parallel to all others, which use the processors.
const WAITING: &[&str] = &["agent", "agent_leaks", "live"];

/// Runs the tests of every target and the documentation's examples.
///
/// Cargo has no single option for both: `--all-targets` leaves the documentation out. All parts run even if
/// the first fails, so that one run shows all that is broken.
///
/// # Errors
/// When an outside program cannot be installed or a test fails.
pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    clients::ensure(workspace)?;
    let programs = program::build(workspace)?;
    let (waiting, others) = part(programs)?;
    let log = workspace.target.join("waiting-tests.log");
    fs::write(&log, "").map_err(|source| Failure::File { path: log.clone(), source })?;
    let (waiting, mut results) = thread::scope(|scope| {
        let waiting = scope.spawn(|| waiting.iter().map(|it| it.log(workspace, &log)).collect::<Vec<_>>());
        let mut results: Vec<_> = others.iter().map(|it| it.run(workspace)).collect();
        results.push(
            Line::cargo(&workspace.root).args(["test", "--workspace", "--no-fail-fast", "--doc"]).run(),
        );
        results.push(models(workspace));
        (waiting.join().expect("a panic here was printed"), results)
    });
    // The output of the parallel run is printed at the end, so that lines do not mix.
    let text = fs::read(&log).map_err(|source| Failure::File { path: log, source })?;
    println!("\n{}", String::from_utf8_lossy(&text));
    results.extend(waiting);
    let failures: Vec<Failure> = results.into_iter().filter_map(Result::err).collect();
    for failure in failures.iter().skip(1) {
        println!("{failure}");
    }
    failures.into_iter().next().map_or(Ok(()), Err)
}

/// Splits the programs into waiting ones and others.
fn part(programs: Vec<Program>) -> Result<(Vec<Program>, Vec<Program>), Failure> {
    for name in WAITING {
        if !programs.iter().any(|it| it.name() == *name) {
            return Err(Failure::Output {
                command: "cargo test".to_owned(),
                what: format!("there is no test {name}"),
            });
        }
    }
    Ok(programs.into_iter().partition(|it| WAITING.contains(&it.name())))
}

/// Runs the recorder's lock-free parts through all interleavings of small models. This is a separate build in
/// a separate directory, because loom's atomics replace the processor's.
fn models(workspace: &Workspace) -> Result<(), Failure> {
    let directory = workspace.target.join("loom");
    Line::cargo(&workspace.root)
        .env("RUSTFLAGS", "--cfg loom")
        .args(["test", "--package", "highwater-lockfree", "--lib", "--release", "models", "--target-dir"])
        .args([directory])
        .run()
}

#[cfg(test)]
mod tests {
    use super::{WAITING, part, program};

    #[test]
    fn tests_that_wait_are_there() {
        let messages = |names: &[&str]| {
            let line = |name: &&str| {
                format!(
                    r#"{{"reason":"compiler-artifact","manifest_path":"/w/tests/Cargo.toml","target":{{"name":"{name}"}},"profile":{{"test":true}},"executable":"/t/{name}"}}"#
                )
            };
            names.iter().map(line).collect::<Vec<_>>().join("\n")
        };
        let all = [WAITING, &["symbols"]].concat();
        let (waiting, others) = part(program::listed(&messages(&all))).unwrap();
        assert_eq!((waiting.len(), others.len()), (WAITING.len(), 1));
        assert!(part(program::listed(&messages(&all[1..]))).is_err());
    }
}
