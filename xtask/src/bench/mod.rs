//! `cargo xtask bench`: the costs of allocators with and without a profiler, and whether their totals are
//! right.
//!
//! Each contestant is a separate program ([`contestants`]), built from `tests/bench`. They run each workload
//! in turns, A B C A B C, so that a slow phase of the machine affects all of them. The comparison is the
//! ratio of two neighbours' times within one round; the tables show the median of those ratios and their
//! range.

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
mod native;
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

/// The options of a run.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    part: Option<Part>,
    /// Number of times that every allocator runs every workload [default: 7, or 3 with --quick].
    #[arg(long)]
    rounds: Option<usize>,
    /// Shorter and fewer rounds: for a first look, not for published numbers.
    #[arg(long)]
    quick: bool,
    /// Run only what matches, as `workload/allocator`; the allocators for the comparison run as well.
    #[arg(long, value_name = "REGEX")]
    only: Option<Regex>,
    /// Also write all numbers, round by round, to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Count instructions for each pair of 64 bytes with callgrind, instead of measuring time.
    #[arg(long)]
    instructions: bool,
    /// Measure the cost of stack walks, instead of allocators.
    #[arg(long, conflicts_with = "instructions")]
    stacks: bool,
    /// Build everything with frame pointers, which some tools need for complete stacks.
    #[arg(long)]
    frame_pointers: bool,
    /// Write the results into docs/BENCHMARKS.md.
    #[arg(long, conflicts_with_all = ["quick", "only", "frame_pointers"])]
    bless: bool,
}

/// Other measurements than allocators.
#[derive(clap::Subcommand)]
enum Part {
    /// Measure the agent's cost for a service under a load of 2,000 requests a second; takes some minutes.
    Agent(agent::Options),
    /// Measure how fast a large profile is read, next to gunzip and Go's reader; takes a minute or two.
    Read(read::Options),
    /// Measure the time and memory for comparing two large profiles, next to gunzip and Go's tool, which
    /// takes minutes and 13 GB.
    Diff(diff::Options),
    /// Measure how fast a long series of profiles is followed, and whether its memory grows; takes a minute
    /// or two.
    Trend(trend::Options),
    /// Measure the cost of the leak harness for a test that does nothing; takes half a minute.
    Leaktest(leaktest::Options),
    /// Measure what `highwater run` costs programs of the distribution, next to heaptrack; takes some
    /// minutes.
    Native(native::Options),
}

impl Options {
    fn setting(&self) -> Setting {
        let (rounds, millis) = if self.quick { (3, 160) } else { (7, 600) };
        Setting { rounds: self.rounds.unwrap_or(rounds).max(1), millis }
    }

    /// The contestants to run in `workload`: the selected ones and their references.
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

/// Builds the programs, measures, and prints the tables.
///
/// # Errors
/// When a program does not build or run, or when Highwater's own totals are wrong.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    match &options.part {
        None => allocators(workspace, options),
        Some(Part::Agent(options)) => agent::run(workspace, options),
        Some(Part::Read(options)) => read::run(workspace, options),
        Some(Part::Diff(options)) => diff::run(workspace, options),
        Some(Part::Trend(options)) => trend::run(workspace, options),
        Some(Part::Leaktest(options)) => leaktest::run(workspace, options),
        Some(Part::Native(options)) => native::run(workspace, options),
    }
}

fn allocators(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    if options.stacks {
        let text = format!(
            "{}\n\n{}",
            machine::description(workspace)?,
            stacks::table(&stacks::measure(workspace)?)
        );
        println!("\n{text}");
        return if options.bless { document::bless(workspace, "stacks", &text) } else { Ok(()) };
    }
    let available = contestants::available();
    if options.instructions {
        let wanted = options.contestants(&workloads::ALL[0], &available);
        let counts = instructions::count(workspace, wanted, options.frame_pointers)?;
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

    let machine = machine::description(workspace)?;
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
    fn a_contestant_needs_its_reference() {
        assert_eq!(names("^pair/highwater$"), ["no-op", "highwater"]);
        assert_eq!(names("/jemalloc-profiler$"), ["jemalloc-no-op", "jemalloc-profiler"]);
        assert_eq!(names("^syn/"), [""; 0]);
    }
}
