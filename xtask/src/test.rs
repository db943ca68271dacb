//! `cargo xtask test`: every test of the workspace, with the outside programs they need.

use std::fs;
use std::thread;

use crate::clients;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// Tests that spend most of their time waiting: for a service to answer, a terminal to change, a watch to fire. They
/// run beside all others, which keep the processors busy.
const WAITING: &[&str] = &["agent", "agent_leaks", "live"];

/// Runs the tests of every target and the documentation's examples.
///
/// Cargo has no single option for both: `--all-targets` leaves the documentation out. What is behind a feature that
/// nothing else asks for is tested with it. All parts run even if the first fails, so that one run shows all that is
/// broken.
///
/// # Errors
/// When an outside program cannot be had or a test fails.
pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    clients::ensure(workspace)?;
    let cargo = |arguments: &[&str]| {
        Line::cargo(&workspace.root).args(["test", "--workspace", "--no-fail-fast"]).args(arguments)
    };
    cargo(&["--all-targets", "--no-run"]).run()?;
    let tests = |are_waiting: bool| {
        let names = workspace.crates.iter().flat_map(|it| &it.tests);
        let names = names.filter(move |it| WAITING.contains(&it.as_str()) == are_waiting);
        names.flat_map(|it| ["--test", it.as_str()]).collect::<Vec<_>>()
    };
    let log = workspace.target.join("waiting-tests.log");
    let (waiting, others) = thread::scope(|scope| {
        println!("$ {} > {}", cargo(&tests(true)).shown(), log.display());
        let waiting = scope.spawn(|| cargo(&tests(true)).log(&log));
        let others = [
            cargo(&[&["--lib", "--bins", "--examples", "--benches"], &tests(false)[..]].concat()).run(),
            cargo(&["--doc"]).run(),
            Line::cargo(&workspace.root)
                .args(["test", "--package", "highwater", "--features", "criterion", "--lib"])
                .run(),
            models(workspace),
        ];
        (waiting.join().expect("a panic here was printed"), others)
    });
    let status = waiting?;
    let text = fs::read(&log).map_err(|source| Failure::File { path: log, source })?;
    let command = cargo(&tests(true)).shown();
    println!("\n$ {command}\n{}", String::from_utf8_lossy(&text));
    others.into_iter().collect::<Result<(), Failure>>()?;
    if status.success() { Ok(()) } else { Err(Failure::Exit { command, status }) }
}

/// Runs the recorder's lock-free parts through every interleaving of small models. They are a build of their own, in
/// a directory of their own: other atomics take the place of the processor's.
fn models(workspace: &Workspace) -> Result<(), Failure> {
    let directory = workspace.target.join("loom");
    Line::cargo(&workspace.root)
        .env("RUSTFLAGS", "--cfg loom")
        .args(["test", "--package", "highwater-runtime", "--lib", "--release", "models", "--target-dir"])
        .args([directory])
        .run()
}

#[cfg(test)]
mod tests {
    use super::{WAITING, Workspace};

    #[test]
    fn tests_that_wait_exist() {
        let workspace = Workspace::load().unwrap();
        let names: Vec<&str> = workspace.crates.iter().flat_map(|it| &it.tests).map(String::as_str).collect();
        assert!(WAITING.iter().all(|it| names.contains(it)), "{names:?}");
    }
}
