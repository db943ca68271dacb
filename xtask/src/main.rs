//! The project's own commands, run as `cargo xtask <command>`.
//!
//! Everything that a contributor or a CI machine does repeatedly is a command here, written in Rust so that
//! it works wherever the project builds. Each command is one file; [`shell`] runs other programs.
#![forbid(unsafe_code)]

mod aarch64;
mod bench;
mod bless;
mod ci;
mod clients;
mod demo;
mod failure;
mod fuzz;
mod large_profile;
mod oldest;
mod section;
mod shell;
mod suites;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::workspace::Workspace;

/// Highwater's project commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check the rules of the house: which crate uses which, where unsafe code is, what is documented, and
    /// more.
    Tidy(tidy::Options),
    /// Run every test, installing with apt-get and npm the outside programs (go, dot, …) that are missing.
    Test,
    /// Run all checks for a change: fmt, tidy, clippy, deny, docs, package, test.
    Ci(ci::Options),
    /// Generate the goldens of tests/golden again with their tools, which are installed if missing.
    Bless(bless::Options),
    /// Measure allocators and profilers against each other, or one of the named parts; the first build takes
    /// minutes.
    Bench(bench::Options),
    /// Search with libFuzzer for input that makes a reader fail; the first build takes a minute.
    Fuzz(fuzz::Options),
    /// Write a pprof file with a million rows, for trying readers.
    LargeProfile(large_profile::Options),
    /// Run long suites: the leak corpus repeatedly, the tests of published crates, advice on published
    /// programs.
    #[command(subcommand)]
    Suites(suites::Suite),
    /// Run a program with a leak and a spike, and check that Highwater finds them; takes a few minutes.
    Demo,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    match command {
        Command::Tidy(options) => tidy::run(&workspace, options),
        Command::Test => test::run(&workspace),
        Command::Ci(options) => ci::run(&workspace, options),
        Command::Bless(options) => bless::run(&workspace, options),
        Command::Bench(options) => bench::run(&workspace, options),
        Command::Fuzz(options) => fuzz::run(&workspace, options),
        Command::LargeProfile(options) => large_profile::run(options),
        Command::Suites(suite) => suites::run(&workspace, suite),
        Command::Demo => demo::run(&workspace),
    }
}
