//! `cargo xtask bench trend`: the time for following a long series of profiles, and whether its memory grows
//! with their number.
//!
//! The series consists of moments of [`large_profile`]: every row allocates between two snapshots, and every
//! eighth row keeps its allocations.

use std::fs;
use std::process::Command;

use super::ratio::{Spread, ratio};
use super::reader::Reader;
use super::{document, machine};
use crate::failure::Failure;
use crate::large_profile::{self, Moment, Size};
use crate::shell::Line;
use crate::workspace::Workspace;

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Number of times that each series is followed.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Write the results into docs/BENCHMARKS.md.
    #[arg(long)]
    bless: bool,
}

const SIZE: Size = Size { samples: 100_000, locations: 30_000 };

/// Number of profiles in the short and in the long series.
const SERIES: [u64; 2] = [25, 100];

/// Maximum time for the long series, in seconds.
const MOST_SECONDS: f64 = 20.0;

/// Maximum memory for the long series, as a multiple of the short one's.
const MOST_TIMES_MEMORY: f64 = 1.1;

/// Measures, prints the table, and compares with the goals.
///
/// # Errors
/// When a program does not build or run, or a goal is missed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    Line::cargo(&workspace.root).args(["build", "--release", "--package", "highwater-cli"]).run()?;
    let highwater = workspace.target.join("release/highwater");
    let mut readers = [("25 profiles", SERIES[0]), ("100 profiles", SERIES[1])]
        .map(|(name, count)| (Reader::named(name), count));
    let mut unpacked = 0;
    for (_, count) in &readers {
        let place = workspace.target.join(format!("bench-trend-{count}"));
        fs::create_dir_all(&place).map_err(|source| Failure::File { path: place.clone(), source })?;
        for number in 0..*count {
            let file = place.join(format!("heap-{number:03}.pb.gz"));
            unpacked = large_profile::write(&file, SIZE, Moment::Nth(number))?;
        }
    }
    for _ in 0..options.rounds.max(1) {
        for (reader, count) in &mut readers {
            let place = workspace.target.join(format!("bench-trend-{count}"));
            reader.run(Command::new(&highwater).arg("trend").arg(place))?;
        }
    }
    let readers = readers.map(|it| it.0);
    let mut text = format!(
        "{}\n{} rows, {} locations, {:.1} MB unpacked each; {} rounds of highwater trend DIR\n\n",
        machine::description(workspace)?,
        SIZE.samples,
        SIZE.locations,
        unpacked as f64 / 1e6,
        options.rounds.max(1)
    );
    text += "                 seconds   peak RSS\n";
    for reader in &readers {
        let (name, seconds) = (reader.name, seconds(reader));
        text += &format!("{name:<14} {seconds:>9.2} {:>7.0} MB\n", reader.peak_bytes as f64 / 1e6);
    }
    let [short, long] = &readers;
    let times = long.peak_bytes as f64 / short.peak_bytes as f64;
    let goals = [
        (format!("{:.1} s for {} profiles", seconds(long), SERIES[1]), seconds(long), MOST_SECONDS),
        (format!("{} × the memory of {} profiles", ratio(times), SERIES[0]), times, MOST_TIMES_MEMORY),
    ];
    text.push('\n');
    let mut missed = Vec::new();
    for (what, found, most) in goals {
        let is_met = found <= most;
        let line = format!("{what}; goal: at most {most}, {}", if is_met { "met" } else { "missed" });
        text += &format!("{line}\n");
        if !is_met {
            missed.push(line);
        }
    }
    println!("\n{text}");
    if options.bless {
        document::bless(workspace, "trends", &text)?;
    }
    if missed.is_empty() { Ok(()) } else { Err(Failure::Bench(missed.join("; "))) }
}

fn seconds(reader: &Reader) -> f64 {
    Spread::new(reader.seconds.iter().copied()).map_or(f64::NAN, |it| it.median)
}
