//! `cargo xtask bench read`: the time and memory for reading a large profile, next to other tools.
//!
//! The file comes from [`large_profile`]. All readers run in turns, so that a slow phase of the machine
//! affects all of them. The comparison is the ratio of two times in the same round.

use std::fs::{self, File};
use std::io;
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
    /// Number of times that each reader runs; Go's slow reader runs once.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Write the results into docs/BENCHMARKS.md.
    #[arg(long)]
    bless: bool,
}

/// Maximum time for parsing, aggregating and ranking, as a multiple of a plain gunzip.
const MOST_GUNZIPS: f64 = 2.0;

/// Maximum memory, as a multiple of the uncompressed file's size.
const MOST_SIZES: f64 = 6.0;

/// Minimum speed relative to Go's reader.
const LEAST_FASTER_THAN_GO: f64 = 10.0;

/// Measures, prints the table, and compares with the goals.
///
/// # Errors
/// When a program does not build or run, or a goal is missed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    clients::ensure_one(&workspace.root, "go")?;
    Line::cargo(&workspace.root).args(["build", "--release", "--package", "highwater-cli"]).run()?;
    let place = workspace.target.join("bench-read");
    let fail = |source| Failure::File { path: place.clone(), source };
    fs::create_dir_all(&place).map_err(fail)?;
    let file = place.join("large.pb.gz");
    let unpacked = large_profile::write(&file, Size::LARGE, Moment::Early)?;
    let packed = fs::metadata(&file).map_err(fail)?.len();

    let highwater = workspace.target.join("release/highwater");
    let [mut gunzip, mut inflate, mut ours, mut go] =
        ["gzip -dc", "zlib-rs, one thread", "highwater top", "go tool pprof -proto"].map(Reader::named);
    for round in 0..options.rounds.max(1) {
        gunzip.run(Command::new("gzip").args(["--decompress", "--stdout"]).arg(&file))?;
        inflate.time(|| {
            let file = io::BufReader::new(File::open(&file)?);
            io::copy(&mut flate2::bufread::MultiGzDecoder::new(file), &mut io::sink()).map(drop)
        })?;
        ours.run(Command::new(&highwater).arg("top").arg(&file))?;
        if round == 0 {
            let written = place.join("again.pb.gz");
            let output = format!("-output={}", written.display());
            go.run(go_pprof(workspace, &place)?.args(["-proto", &output]).arg(&file))?;
        }
    }

    let time = Spread::from_ratios(&ours.seconds, &gunzip.seconds);
    let faster = Spread::from_ratios(&go.seconds, &ours.seconds);
    let sizes = ours.peak_bytes as f64 / unpacked as f64;
    let machine = machine::description(workspace)?;
    let Size { samples, locations } = Size::LARGE;
    let mut text = format!(
        "{machine}\n{samples} rows, {locations} locations: {:.1} MB, {:.1} MB unpacked; {} rounds\n\n",
        packed as f64 / 1e6,
        unpacked as f64 / 1e6,
        gunzip.seconds.len()
    );
    text += "                         seconds    × gunzip               peak RSS   × unpacked\n";
    for reader in [&gunzip, &inflate, &ours, &go] {
        text += &reader.row(&gunzip, unpacked);
    }
    let goals = [
        ("time of a bare gunzip", time.map(|it| it.median), MOST_GUNZIPS, true),
        ("memory of the unpacked file", Some(sizes), MOST_SIZES, true),
        ("times as fast as Go's reader", faster.map(|it| it.median), LEAST_FASTER_THAN_GO, false),
    ];
    let (verdicts, missed) = judged(&goals);
    text += &format!("\n{verdicts}");
    println!("\n{text}");
    if options.bless {
        document::bless(workspace, "reading", &text)?;
    }
    if missed.is_empty() { Ok(()) } else { Err(Failure::Bench(missed.join("; "))) }
}
