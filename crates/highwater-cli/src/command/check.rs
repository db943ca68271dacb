//! `highwater check`: fails a CI run when memory grew. The exit code is the verdict; options also write it
//! elsewhere.

use std::path::{Path, PathBuf};

use highwater_analyze::{Allowance, Check, CheckOptions, GroupBy, GroupGate, Normalize, Query, Verdict};
use highwater_profile::file::write_atomically;
use serde::Serialize;

use crate::error::CliError;
use crate::group_files::{self, GroupFiles};
use crate::output::Outcome;
use crate::shared::Shared;
use crate::{command, load, output, parse};

const EXAMPLES: &str = "\
The total passes when its growth is certainly within what is allowed, and is a regression when it is certainly beyond.
A line (or what --by says) is a regression when its growth is significant, and certainly beyond both what is allowed of
its own and --min-fraction of the base's total. The profiles may be of different runs, builds and sampling intervals. With
--focus the total is that of the samples that are left.

Sampling errors are known, the differences between two runs of a program are not: allow for them in --max-growth, or give
several runs a side. Then what runs differ by is measured, and an inconclusive answer says how many runs would decide.

Peaks come at another moment in each run, so peak-bytes is judged by the peak that each process counted, whatever the
filters; rows of the peak are shown as an explanation only. Where a recorder lost samples that could decide, the verdict is
inconclusive.

Exit codes: 0 pass; 1 regression; 2 error; 3 inconclusive: there are too few samples, and the answer says what would
decide.

Examples:
  highwater check new.pb.gz --baseline main.pb.gz --max-growth 5%
  highwater check new.pb.gz --baseline main.pb.gz --max-growth 10MiB --sample peak-bytes --sample alloc-bytes
  highwater check new.pb.gz --baseline main.pb.gz --max-growth 5% --github --junit memory.xml
  highwater check 'new/*.pb.gz' --baseline 'main/*.pb.gz' --max-growth 5%";

/// Judge whether a profile holds more than a baseline allows; meant for CI
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("sample", |it| it.action(clap::ArgAction::Append)))]
pub(crate) struct Args {
    /// The profile to judge: a file, - for standard input, or an address (http://host:6060); or several
    /// runs: files, a directory, a pattern in quotes, or a list (@FILE)
    #[arg(required = true, value_name = "NEW")]
    new: Vec<String>,
    /// The profile to compare it with, or several runs; may be given several times
    #[arg(long, required = true, value_name = "FILE", help_heading = "What to show")]
    baseline: Vec<String>,
    /// How much the total and each row may grow: a share of the baseline (5%) or a number (10MiB)
    #[arg(long, value_name = "GROWTH", value_parser = parse::allowance, help_heading = "What to show")]
    max_growth: Allowance,
    /// Largest share of false alarms among the rows called regressions
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = parse::share, help_heading = "What to show")]
    fdr: f64,
    /// Annotate the source lines on GitHub, and append to the step's summary (GITHUB_STEP_SUMMARY)
    #[arg(long, help_heading = "Output")]
    github: bool,
    /// Also write the verdict as JUnit XML
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<Outcome, CliError> {
        let runs = [&self.baseline, &self.new];
        let ([baseline], [new]) = (self.baseline.as_slice(), self.new.as_slice()) else {
            return self.judge_runs();
        };
        if runs.iter().any(|it| group_files::is_several(it)) {
            return self.judge_runs();
        }
        let [baseline, new_path] = [baseline, new].map(|it| Path::new(it).to_owned());
        let base = load::symbolized(&baseline, &self.shared)?;
        let new = load::symbolized(&new_path, &self.shared)?;
        let query = self.shared.query(GroupBy::Line);
        let options = CheckOptions { max_growth: self.max_growth, fdr: self.fdr };
        let compare = || highwater_analyze::check(&base, &new, &query, &self.shared.sample, &options);
        let answer = load::busy("comparing", compare).map_err(command::question(&[&baseline, &new_path]))?;
        if let Some(path) = &self.junit {
            let xml = highwater_report::junit(&answer)?;
            output::document(path, |out| out.write_all(xml.as_bytes()))?;
        }
        output::answer(&self.shared, "check", &answer, |it| highwater_report::check(it, &output::view()))?;
        if self.github {
            self.annotate_github(&answer)?;
        }
        Ok(outcome(answer.verdict))
    }

    /// Judges several runs a side, whose differences are known from the runs themselves.
    fn judge_runs(&self) -> Result<Outcome, CliError> {
        if self.github || self.junit.is_some() {
            return Err(CliError::Target {
                target: "several runs".to_owned(),
                reason: "they are judged without --github and --junit; use the exit code or --json"
                    .to_owned(),
            });
        }
        let kinds: Vec<_> = if self.shared.sample.is_empty() {
            vec![None]
        } else {
            self.shared.sample.iter().cloned().map(Some).collect()
        };
        let mut gates = Vec::with_capacity(kinds.len());
        let plain = self.shared.query(GroupBy::Line);
        for sample in kinds {
            let query = Query { sample, min_fraction: 0.0, limit: None, ..plain.clone() };
            let files =
                GroupFiles { base: &self.baseline, new: &self.new, force: false, shared: &self.shared };
            let groups = files.compare(query, &Normalize::None, self.fdr)?;
            gates.push(highwater_analyze::gate(groups, self.max_growth, plain.min_fraction, plain.limit));
        }
        let verdict = gates.iter().map(|it| it.verdict).max().unwrap_or(Verdict::Pass);
        let answer = RunsCheck { verdict, max_growth: self.max_growth, fdr: self.fdr, runs: gates };
        output::answer(&self.shared, "check", &answer, |it| {
            highwater_report::group_gates(&it.runs, it.max_growth, &output::view())
        })?;
        Ok(outcome(verdict))
    }

    fn annotate_github(&self, answer: &Check) -> Result<(), CliError> {
        let annotations = highwater_report::github_annotations(answer, &repository());
        // GitHub reads both streams. Annotations go to stderr with `--json`, so that stdout stays valid JSON.
        if self.shared.json {
            output::aside(&annotations);
        } else {
            output::print(&annotations)?;
        }
        match std::env::var_os("GITHUB_STEP_SUMMARY").filter(|it| !it.is_empty()) {
            Some(path) => append(Path::new(&path), &highwater_report::github_summary(answer)),
            None => {
                output::note("GITHUB_STEP_SUMMARY is not set, so there is no step summary");
                Ok(())
            }
        }
    }
}

/// The answer on several runs.
#[derive(Serialize)]
struct RunsCheck {
    verdict: Verdict,
    max_growth: Allowance,
    fdr: f64,
    /// One for each kind of values.
    runs: Vec<GroupGate>,
}

fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Pass => Outcome::Answered,
        Verdict::Regression => Outcome::Found,
        Verdict::Inconclusive => Outcome::Inconclusive,
    }
}

/// Directories that may be the repository's root: GITHUB_WORKSPACE, and the nearest parent directory with a
/// `.git`.
fn repository() -> Vec<String> {
    let workspace = std::env::var("GITHUB_WORKSPACE").ok().filter(|it| !it.is_empty());
    let here = std::env::current_dir().unwrap_or_default();
    let root = here.ancestors().find(|it| it.join(".git").exists()).unwrap_or(&here);
    workspace.into_iter().chain([root.display().to_string()]).collect()
}

/// Appends text to a file that earlier commands of the step may have written.
fn append(path: &Path, text: &str) -> Result<(), CliError> {
    // Only a regular file has earlier text: reading a device or a FIFO does not return what was written to
    // it.
    let earlier = match std::fs::metadata(path) {
        Ok(it) if it.is_file() => {
            std::fs::read(path).map_err(|source| CliError::Unreadable { path: path.to_owned(), source })?
        }
        _ => Vec::new(),
    };
    Ok(write_atomically(path, |out| {
        out.write_all(&earlier)?;
        out.write_all(text.as_bytes())
    })?)
}
