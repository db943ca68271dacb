//! `highwater check`: fails a CI run when memory grew. The exit code is the verdict; options also write it
//! elsewhere.

use std::path::{Path, PathBuf};

use highwater_analyze::{Allowance, Check, CheckOptions, GroupBy, Verdict};
use highwater_profile::file::write_atomically;

use crate::error::CliError;
use crate::output::Outcome;
use crate::shared::Shared;
use crate::{command, load, output, parse};

const EXAMPLES: &str = "\
The total passes when its growth is certainly within what is allowed, and is a regression when it is certainly beyond.
A line (or what --by says) is a regression when its growth is significant, and certainly beyond both what is allowed of
its own and --min-fraction of the base's total. The profiles may be of different runs, builds and sampling intervals. With
--focus the total is that of the samples that are left.

Sampling errors are known, the differences between two runs of a program are not: allow for them in --max-growth.

Peaks come at another moment in each run, so peak-bytes is judged by the peak that each process counted, whatever the
filters; rows of the peak are shown as an explanation only. Where a recorder lost samples that could decide, the verdict is
inconclusive.

Exit codes: 0 pass; 1 regression; 2 error; 3 inconclusive: there are too few samples, and the answer says what would
decide.

Examples:
  highwater check new.pb.gz --baseline main.pb.gz --max-growth 5%
  highwater check new.pb.gz --baseline main.pb.gz --max-growth 10MiB --sample peak-bytes --sample alloc-bytes
  highwater check new.pb.gz --baseline main.pb.gz --max-growth 5% --github --junit memory.xml";

/// Judge whether a profile holds more than a baseline allows; meant for CI
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("sample", |it| it.action(clap::ArgAction::Append)))]
pub(crate) struct Args {
    /// The profile to judge: a file, - for standard input, or an address (http://host:6060)
    new: PathBuf,
    /// The profile to compare it with: a file, - for standard input, or an address
    #[arg(long, value_name = "FILE", help_heading = "What to show")]
    baseline: PathBuf,
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
        let base = load::symbolized(&self.baseline, &self.shared)?;
        let new = load::symbolized(&self.new, &self.shared)?;
        let query = self.shared.query(GroupBy::Line);
        let options = CheckOptions { max_growth: self.max_growth, fdr: self.fdr };
        let compare = || highwater_analyze::check(&base, &new, &query, &self.shared.sample, &options);
        let answer =
            load::busy("comparing", compare).map_err(command::question(&[&self.baseline, &self.new]))?;
        if let Some(path) = &self.junit {
            let xml = highwater_report::junit(&answer)?;
            output::document(path, |out| out.write_all(xml.as_bytes()))?;
        }
        output::answer(&self.shared, "check", &answer, |it| highwater_report::check(it, &output::view()))?;
        if self.github {
            self.annotate_github(&answer)?;
        }
        Ok(match answer.verdict {
            Verdict::Pass => Outcome::Answered,
            Verdict::Regression => Outcome::Found,
            Verdict::Inconclusive => Outcome::Inconclusive,
        })
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
