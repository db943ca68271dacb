//! `cargo xtask bench-read`: how fast, and in how much memory, a large profile is read, beside tools that read it too.
//!
//! The file is that of [`large_profile`]. All readers run in turns in one run, so that whatever slows the machine down hits
//! all of them; what is compared is the ratio of two times of the same round.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::{document, machine, ratio::Spread, ratio::ratio};
use crate::clients;
use crate::failure::Failure;
use crate::large_profile::{self, Moment, Size};
use crate::shell::Line;
use crate::workspace::Workspace;

/// What can be chosen about a run.
#[derive(clap::Args)]
pub struct Options {
    /// How often each reader runs; Go's, which takes long, once.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Write the results into docs/BENCHMARKS.md.
    #[arg(long)]
    bless: bool,
}

/// The most time that parsing, aggregating and ranking may take, in times of a bare gunzip.
const MOST_GUNZIPS: f64 = 2.0;

/// The most memory, in sizes of the unpacked file.
const MOST_SIZES: f64 = 6.0;

/// How much faster than Go's reader we are to be.
const LEAST_FASTER_THAN_GO: f64 = 10.0;

/// A reader, and what it did.
pub(crate) struct Reader {
    pub(crate) name: &'static str,
    pub(crate) seconds: Vec<f64>,
    pub(crate) peak_bytes: u64,
}

/// Measures, shows the table, and compares with the goals.
///
/// # Errors
/// When something does not build or run, or a goal is missed.
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
    let named = |name| Reader { name, seconds: Vec::new(), peak_bytes: 0 };
    let [mut gunzip, mut inflate, mut ours, mut go] =
        ["gzip -dc", "zlib-rs, one thread", "highwater top", "go tool pprof -proto"].map(named);
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
            // `go` would only start it, and what it takes would not be seen.
            let tool = Line::new(&workspace.root, "go").args(["tool", "-n", "pprof"]).capture()?;
            let mut pprof = Command::new(tool.trim());
            pprof.args(["-proto", "-symbolize=none", &output]).arg(&file);
            go.run(pprof.env("HOME", &place).env("PPROF_TMPDIR", &place))?;
        }
    }

    let time = Spread::of_ratios(&ours.seconds, &gunzip.seconds);
    let faster = Spread::of_ratios(&go.seconds, &ours.seconds);
    let sizes = ours.peak_bytes as f64 / unpacked as f64;
    let machine = machine::described(workspace)?;
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
    let mut missed = Vec::new();
    text.push('\n');
    for (what, found, goal, is_most) in goals {
        let found = found.unwrap_or(f64::NAN);
        let is_met = if is_most { found <= goal } else { found >= goal };
        let (word, verdict) = (if is_most { "most" } else { "least" }, if is_met { "met" } else { "missed" });
        let line = format!("{} × {what}; goal: at {word} {} ×, {verdict}", ratio(found), ratio(goal));
        text += &format!("{line}\n");
        if !is_met {
            missed.push(line);
        }
    }
    println!("\n{text}");
    if options.bless {
        document::bless(workspace, "reading", &text)?;
    }
    if missed.is_empty() { Ok(()) } else { Err(Failure::Bench(missed.join("; "))) }
}

impl Reader {
    /// Runs a program once, without its output.
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<(), Failure> {
        let shown = format!("{command:?}");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Instant::now();
        let mut child =
            command.spawn().map_err(|source| Failure::Start { command: shown.clone(), source })?;
        let status =
            self.watch(&mut child).map_err(|source| Failure::Start { command: shown.clone(), source })?;
        self.seconds.push(started.elapsed().as_secs_f64());
        if status.success() { Ok(()) } else { Err(Failure::Exit { command: shown, status }) }
    }

    /// Waits for a program, looking at its memory meanwhile: the kernel tells the most it had only while it lives.
    fn watch(&mut self, child: &mut Child) -> io::Result<std::process::ExitStatus> {
        let status = format!("/proc/{}/status", child.id());
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            let peak = fs::read_to_string(&status).ok().and_then(|text| peak_bytes(&text));
            self.peak_bytes = self.peak_bytes.max(peak.unwrap_or(0));
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Measures work that is done here.
    fn time(&mut self, work: impl FnOnce() -> io::Result<()>) -> Result<(), Failure> {
        let started = Instant::now();
        work().map_err(|source| Failure::File { path: Path::new("large.pb.gz").to_owned(), source })?;
        self.seconds.push(started.elapsed().as_secs_f64());
        Ok(())
    }

    fn row(&self, gunzip: &Self, unpacked: u64) -> String {
        let seconds = Spread::of(self.seconds.iter().copied()).map_or(f64::NAN, |it| it.median);
        let ratios = Spread::of_ratios(&self.seconds, &gunzip.seconds);
        let ratios = ratios.map_or_else(String::new, |it| format!("{} ({it})", ratio(it.median)));
        let (mut memory, mut sizes) = (String::new(), String::new());
        if self.peak_bytes > 0 {
            memory = format!("{:.0} MB", self.peak_bytes as f64 / 1e6);
            sizes = ratio(self.peak_bytes as f64 / unpacked as f64);
        }
        format!("{:<22} {seconds:>9.2}    {ratios:<20} {memory:>10} {sizes:>12}\n", self.name)
    }
}

fn peak_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_understood() {
        assert_eq!(peak_bytes("Name:\tgzip\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"), Some(2 << 20));
        assert_eq!(peak_bytes("Name:\tgzip\n"), None);
    }

    #[test]
    fn a_programs_time_and_memory_are_seen() {
        let mut reader = Reader { name: "sleep", seconds: Vec::new(), peak_bytes: 0 };
        reader.run(Command::new("sleep").arg("0.1")).unwrap();
        assert!(reader.seconds[0] >= 0.1 && reader.peak_bytes > 0, "{:?}", reader.seconds);
        assert!(reader.row(&reader, 1 << 20).starts_with("sleep "));
        assert!(reader.run(&mut Command::new("false")).is_err());
        assert!(reader.run(&mut Command::new("no-such-program-anywhere")).is_err());
    }
}
