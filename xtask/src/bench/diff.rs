//! `cargo xtask bench diff`: the time and memory for comparing two large profiles, next to Go's tool.
//!
//! The files are two moments of [`large_profile`]. All programs run in turns, like in `cargo xtask bench
//! read`. Go's tool takes minutes and a dozen gigabytes, and runs once.

use std::fs;
use std::process::Command;

use super::ratio::Spread;
use super::reader::{Reader, go_pprof, judged};
use super::{document, machine};
use crate::clients;
use crate::failure::Failure;
use crate::large_profile::{self, Moment, Size};
use crate::shell::Line;
use crate::workspace::Workspace;

/// The options of a run.
#[derive(clap::Args)]
pub struct Options {
    /// Number of times that each program runs; Go's slow tool runs once.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Leave out Go's tool, and the goals that refer to it.
    #[arg(long)]
    without_go: bool,
    /// Write the results into docs/BENCHMARKS.md.
    #[arg(long)]
    bless: bool,
}

/// Maximum time, as a multiple of a plain gunzip of both files.
const MOST_GUNZIPS: f64 = 3.0;

/// Maximum memory: 600 MiB.
const MOST_BYTES: f64 = (600 << 20) as f64;

/// Minimum speed relative to Go's tool for writing the difference, and for ranking it.
const LEAST_FASTER_THAN_GO: [f64; 2] = [10.0, 60.0];

/// Measures, prints the table, and compares with the goals.
///
/// # Errors
/// When a program does not build or run, or a goal is missed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    Line::cargo(&workspace.root).args(["build", "--release", "--package", "highwater-cli"]).run()?;
    let place = workspace.target.join("bench-diff");
    fs::create_dir_all(&place).map_err(|source| Failure::File { path: place.clone(), source })?;
    let files = ["base.pb.gz", "new.pb.gz"].map(|name| place.join(name));
    let mut unpacked = 0;
    for (file, moment) in files.iter().zip([Moment::Early, Moment::Later]) {
        unpacked += large_profile::write(file, Size::LARGE, moment)?;
    }
    let [base, new] = &files;

    let highwater = workspace.target.join("release/highwater");
    let names = ["gzip -dc, both", "highwater diff", "pprof -proto -diff_base", "pprof -top -diff_base"];
    let [mut gunzip, mut ours, mut go_proto, mut go_top] = names.map(Reader::named);
    for round in 0..options.rounds.max(1) {
        gunzip.run(Command::new("gzip").args(["--decompress", "--stdout"]).args(&files))?;
        ours.run(Command::new(&highwater).arg("diff").args(&files))?;
        if round == 0 && !options.without_go {
            clients::ensure_one(&workspace.root, "go")?;
            let diff_base = format!("-diff_base={}", base.display());
            let output = format!("-output={}", place.join("difference.pb.gz").display());
            go_proto.run(go_pprof(workspace, &place)?.args(["-proto", &output, &diff_base]).arg(new))?;
            go_top.run(go_pprof(workspace, &place)?.args(["-top", &diff_base]).arg(new))?;
        }
    }

    let Size { samples, locations } = Size::LARGE;
    let mut text = format!(
        "{}\ntwice {samples} rows, {locations} locations: {:.1} MB unpacked; {} rounds\n\n",
        machine::description(workspace)?,
        unpacked as f64 / 1e6,
        gunzip.seconds.len()
    );
    text += "                         seconds    × gunzip               peak RSS   × unpacked\n";
    for reader in [&gunzip, &ours, &go_proto, &go_top].into_iter().filter(|it| !it.seconds.is_empty()) {
        text += &reader.row(&gunzip, unpacked);
    }
    let median = |spread: Option<Spread>| spread.map(|it| it.median);
    let time = median(Spread::from_ratios(&ours.seconds, &gunzip.seconds));
    let mut goals = vec![
        ("time of a bare gunzip", time, MOST_GUNZIPS, true),
        ("600 MiB", Some(ours.peak_bytes as f64 / MOST_BYTES), 1.0, true),
    ];
    if !options.without_go {
        let faster = |go: &Reader| median(Spread::from_ratios(&go.seconds, &ours.seconds));
        let [proto, top] = LEAST_FASTER_THAN_GO;
        goals.push(("times as fast as Go's -proto", faster(&go_proto), proto, false));
        goals.push(("times as fast as Go's -top", faster(&go_top), top, false));
    }
    let (verdicts, missed) = judged(&goals);
    text += &format!("\n{verdicts}");
    println!("\n{text}");
    if options.bless {
        document::bless(workspace, "comparing", &text)?;
    }
    if missed.is_empty() { Ok(()) } else { Err(Failure::Bench(missed.join("; "))) }
}
