//! Programs that read a file, run in turns: the time and the memory of each.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::ratio::{Spread, ratio};
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// A reader and its results.
pub struct Reader {
    /// The name in the table.
    pub name: &'static str,
    /// Duration of each run, in seconds.
    pub seconds: Vec<f64>,
    /// Maximum memory over all runs, in bytes; 0 if it was not observed.
    pub peak_bytes: u64,
}

/// Go's profile reader, without symbol look-ups; its own files go to `place`. The program is started
/// directly, because the `go` command would only start it as a child, whose memory would not be observed.
///
/// # Errors
/// When `go` is not installed.
pub fn go_pprof(workspace: &Workspace, place: &Path) -> Result<Command, Failure> {
    let tool = Line::new(&workspace.root, "go").args(["tool", "-n", "pprof"]).capture()?;
    let mut pprof = Command::new(tool.trim());
    pprof.arg("-symbolize=none").env("HOME", place).env("PPROF_TMPDIR", place);
    Ok(pprof)
}

/// A goal of a run: its name, the measured value, the bound, and whether the bound is a maximum or a minimum.
pub type Goal = (&'static str, Option<f64>, f64, bool);

/// A line for each goal, and the missed goals.
pub fn judged(goals: &[Goal]) -> (String, Vec<String>) {
    let (mut text, mut missed) = (String::new(), Vec::new());
    for &(what, found, goal, is_most) in goals {
        let found = found.unwrap_or(f64::NAN);
        let is_met = if is_most { found <= goal } else { found >= goal };
        let (word, verdict) = (if is_most { "most" } else { "least" }, if is_met { "met" } else { "missed" });
        let line = format!("{} × {what}; goal: at {word} {} ×, {verdict}", ratio(found), ratio(goal));
        text += &format!("{line}\n");
        if !is_met {
            missed.push(line);
        }
    }
    (text, missed)
}

impl Reader {
    /// A reader without results.
    pub fn named(name: &'static str) -> Self {
        Self { name, seconds: Vec::new(), peak_bytes: 0 }
    }

    /// Runs a program once, without its output.
    ///
    /// # Errors
    /// When the program does not start, or fails.
    pub fn run(&mut self, command: &mut Command) -> Result<(), Failure> {
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

    /// Waits for a program and reads its memory meanwhile: the kernel reports the maximum only while the
    /// process exists.
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

    /// Measures work in this process.
    ///
    /// # Errors
    /// When the work fails.
    pub fn time(&mut self, work: impl FnOnce() -> io::Result<()>) -> Result<(), Failure> {
        let started = Instant::now();
        work().map_err(|source| Failure::File { path: Path::new("large.pb.gz").to_owned(), source })?;
        self.seconds.push(started.elapsed().as_secs_f64());
        Ok(())
    }

    /// The reader's row in the table; memory is relative to `unpacked` bytes.
    pub fn row(&self, gunzip: &Self, unpacked: u64) -> String {
        let seconds = Spread::new(self.seconds.iter().copied()).map_or(f64::NAN, |it| it.median);
        let ratios = Spread::from_ratios(&self.seconds, &gunzip.seconds);
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
    fn the_kernels_sizes_are_parsed() {
        assert_eq!(peak_bytes("Name:\tgzip\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"), Some(2 << 20));
        assert_eq!(peak_bytes("Name:\tgzip\n"), None);
    }

    #[test]
    fn a_programs_time_and_memory_are_measured() {
        let mut reader = Reader::named("sleep");
        reader.run(Command::new("sleep").arg("0.1")).unwrap();
        assert!(reader.seconds[0] >= 0.1 && reader.peak_bytes > 0, "{:?}", reader.seconds);
        assert!(reader.row(&reader, 1 << 20).starts_with("sleep "));
        assert!(reader.run(&mut Command::new("false")).is_err());
        assert!(reader.run(&mut Command::new("no-such-program-anywhere")).is_err());
    }

    #[test]
    fn a_goal_is_met_or_missed() {
        let goals = [("a", Some(2.0), 2.0, true), ("b", Some(2.0), 3.0, false), ("c", None, 1.0, true)];
        let (text, missed) = judged(&goals);
        assert!(text.starts_with("2.00 × a; goal: at most 2.00 ×, met\n"), "{text}");
        assert_eq!(missed.len(), 2, "{text}");
        assert_eq!(missed[0], "2.00 × b; goal: at least 3.00 ×, missed");
    }
}
