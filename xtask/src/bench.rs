//! `cargo xtask bench`: what allocators with and without a profiler cost, and whether their totals are true.
//!
//! Each contestant is a program of its own ([`contestants`]), all of them built from `tests/bench`. They run each
//! workload in turns, A B C A B C, so that whatever slows the machine down hits all of them; what is compared is the
//! ratio of two neighbours' times within one round, and shown is the median of those ratios with their range.

mod agent;
mod build;
mod contestants;
mod diff;
mod document;
mod instructions;
mod jemalloc_heap;
mod leaktest;
mod machine;
mod measure;
mod ratio;
mod read;
mod reader;
mod stacks;
mod table;
mod trend;
mod truth;
mod workloads;

use std::fs;
use std::path::PathBuf;

use regex::Regex;

use self::contestants::Contestant;
use self::measure::{Measured, Setting};
use self::workloads::Workload;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// What can be chosen about a run.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    part: Option<Part>,
    /// How often every allocator runs every workload [default: 7, or 3 with --quick].
    #[arg(long)]
    rounds: Option<usize>,
    /// Shorter and fewer rounds: a first look, not numbers to keep.
    #[arg(long)]
    quick: bool,
    /// Only what matches, as `workload/allocator`; the allocators it is compared with run as well.
    #[arg(long, value_name = "REGEX")]
    only: Option<Regex>,
    /// Also write all numbers, round by round, to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Count instructions for each pair of 64 bytes with callgrind, instead of measuring times.
    #[arg(long)]
    instructions: bool,
    /// Measure what walking a stack costs, instead of allocators.
    #[arg(long, conflicts_with = "instructions")]
    stacks: bool,
    /// Build everything with frame pointers, which some tools need to walk whole stacks.
    #[arg(long)]
    frame_pointers: bool,
    /// Write the results into docs/BENCHMARKS.md.
    #[arg(long, conflicts_with_all = ["quick", "only", "frame_pointers"])]
    bless: bool,
}

/// What else can be measured than allocators.
#[derive(clap::Subcommand)]
enum Part {
    /// Measure what the agent costs a service under a load of 2,000 requests a second; some minutes.
    Agent(agent::Options),
    /// Measure how fast a large profile is read, beside gunzip and Go's reader; a minute or two.
    Read(read::Options),
    /// Measure how fast, and in how much memory, two large profiles are compared, beside gunzip and Go's tool, which takes
    /// minutes and 13 GB.
    Diff(diff::Options),
    /// Measure how fast a long series of profiles is followed, and whether its memory grows; a minute or two.
    Trend(trend::Options),
    /// Measure what a test that does nothing pays for being checked by the leak harness; half a minute.
    Leaktest(leaktest::Options),
}

impl Options {
    fn setting(&self) -> Setting {
        let (rounds, millis) = if self.quick { (3, 160) } else { (7, 600) };
        Setting { rounds: self.rounds.unwrap_or(rounds).max(1), millis }
    }

    /// The contestants to run in `workload`: those asked for, and whom those are compared with.
    fn contestants(
        &self,
        workload: &Workload,
        available: &[&'static Contestant],
    ) -> Vec<&'static Contestant> {
        let asked = |it: &Contestant| {
            let name = format!("{}/{}", workload.name, it.name);
            self.only.as_ref().is_none_or(|only| only.is_match(&name))
        };
        let is_needed = |it: &Contestant| {
            asked(it) || available.iter().any(|other| asked(other) && other.reference == it.name)
        };
        available.iter().copied().filter(|it| is_needed(it)).collect()
    }
}

/// Builds what is needed, measures, and shows the tables.
///
/// # Errors
/// When something does not build or run, or when Highwater's own totals are not true.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    match &options.part {
        None => allocators(workspace, options),
        Some(Part::Agent(options)) => agent::run(workspace, options),
        Some(Part::Read(options)) => read::run(workspace, options),
        Some(Part::Diff(options)) => diff::run(workspace, options),
        Some(Part::Trend(options)) => trend::run(workspace, options),
        Some(Part::Leaktest(options)) => leaktest::run(workspace, options),
    }
}

fn allocators(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    if options.stacks {
        let text =
            format!("{}\n\n{}", machine::described(workspace)?, stacks::table(&stacks::measure(workspace)?));
        println!("\n{text}");
        return if options.bless { document::bless(workspace, "stacks", &text) } else { Ok(()) };
    }
    let available = contestants::available();
    if options.instructions {
        let counts = instructions::count(workspace, options, &available)?;
        let text = instructions::table(&counts);
        println!("\n{text}");
        return if options.bless { document::bless(workspace, "instructions", &text) } else { Ok(()) };
    }
    let plan: Vec<(&'static Workload, Vec<&'static Contestant>)> = workloads::ALL
        .iter()
        .map(|workload| (workload, options.contestants(workload, &available)))
        .filter(|(_, contestants)| !contestants.is_empty())
        .collect();
    if plan.is_empty() {
        return Err(Failure::Bench("nothing matches --only".to_owned()));
    }
    let all: Vec<&Contestant> =
        plan.iter().flat_map(|(_, contestants)| contestants.iter().copied()).collect();
    let programs = build::build(workspace, options.frame_pointers, &all)?;
    let setting = options.setting();
    let measured = plan
        .iter()
        .map(|(workload, contestants)| measure::measure(&programs, workload, contestants, setting))
        .collect::<Result<Vec<Measured>, Failure>>()?;

    let machine = machine::described(workspace)?;
    let text = format!("{machine}\n\n{}", table::all(&measured, setting));
    println!("\n{text}");
    if let Some(path) = &options.json {
        let json = serde_json::json!({ "machine": machine, "setting": setting, "workloads": measured });
        fs::write(path, format!("{json:#}\n"))
            .map_err(|source| Failure::File { path: path.clone(), source })?;
    }
    if options.bless {
        document::bless(workspace, "times", &text)?;
    }
    let wrong: Vec<String> = measured.iter().flat_map(Measured::false_totals).collect();
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Bench(wrong.join("; "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &str) -> Vec<&'static str> {
        let options = Options {
            part: None,
            rounds: None,
            quick: true,
            only: Some(Regex::new(only).unwrap()),
            json: None,
            instructions: false,
            stacks: false,
            frame_pointers: false,
            bless: false,
        };
        let all: Vec<&Contestant> = contestants::ALL.iter().collect();
        options.contestants(&workloads::ALL[0], &all).iter().map(|it| it.name).collect()
    }

    #[test]
    fn a_contestant_brings_whom_it_is_compared_with() {
        assert_eq!(names("^pair/highwater$"), ["no-op", "highwater"]);
        assert_eq!(names("/jemalloc-profiler$"), ["jemalloc-no-op", "jemalloc-profiler"]);
        assert_eq!(names("^syn/"), [""; 0]);
    }
}
