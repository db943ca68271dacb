//! The project's own commands, run as `cargo xtask <command>`.
//!
//! Everything that a contributor or a CI machine does repeatedly is a command here, written in Rust so that
//! it works wherever the project builds. Each command is one file; [`shell`] runs other programs.
#![forbid(unsafe_code)]

mod bench;
mod bench_diff;
mod bench_leaktest;
mod bench_read;
mod bench_trend;
mod bless;
mod ci;
mod clients;
mod demo;
mod failure;
mod fuzz;
mod large_profile;
mod leak_corpus;
mod real_suites;
mod shell;
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
    /// Check the project's rules: which crate uses which, where unsafe code is, what is documented, and more.
    Tidy,
    /// Run every test; outside programs that are missing (go, dot, …) are installed with apt-get and npm.
    Test,
    /// Run all checks for a change: fmt, tidy, clippy, deny, docs, package, test.
    Ci(ci::Options),
    /// Generate the goldens of tests/golden again with their tools, which are installed if missing.
    Bless(bless::Options),
    /// Measure allocators and profilers against each other; the first build takes minutes.
    Bench(bench::Options),
    /// Measure how fast a large profile is read, next to gunzip and Go's reader; takes a minute or two.
    BenchRead(bench_read::Options),
    /// Measure the time and memory for comparing two large profiles, next to gunzip and Go's tool, which
    /// takes minutes and 13 GB.
    BenchDiff(bench_diff::Options),
    /// Measure how fast a long series of profiles is followed, and whether its memory grows; takes a minute
    /// or two.
    BenchTrend(bench_trend::Options),
    /// Measure the cost of the leak harness for a test that does nothing; takes half a minute.
    BenchLeaktest(bench_leaktest::Options),
    /// Search with libFuzzer for input that makes a reader fail; the first build takes a minute.
    Fuzz(fuzz::Options),
    /// Write a pprof file with a million rows, for trying readers.
    LargeProfile(large_profile::Options),
    /// Run the leak corpus repeatedly, on an idle and on a busy machine, and print what the leak harness
    /// found; takes half an hour.
    LeakCorpus(leak_corpus::Options),
    /// Run the tests of published crates under the leak harness; takes half an hour.
    RealSuites(real_suites::Options),
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
        Command::Tidy => tidy::run(&workspace),
        Command::Test => test::run(&workspace),
        Command::Ci(options) => ci::run(&workspace, options),
        Command::Bless(options) => bless::run(&workspace, options),
        Command::Bench(options) => bench::run(&workspace, options),
        Command::BenchLeaktest(options) => bench_leaktest::run(&workspace, options),
        Command::BenchTrend(options) => bench_trend::run(&workspace, options),
        Command::BenchRead(options) => bench_read::run(&workspace, options),
        Command::BenchDiff(options) => bench_diff::run(&workspace, options),
        Command::Fuzz(options) => fuzz::run(&workspace, options),
        Command::LargeProfile(options) => large_profile::run(options),
        Command::LeakCorpus(options) => leak_corpus::run(&workspace, options),
        Command::RealSuites(options) => real_suites::run(&workspace, options),
        Command::Demo => demo::run(&workspace),
    }
}
