//! `highwater flame`: a flame graph of one profile, or of the growth between two.

use std::path::{Path, PathBuf};

use highwater_analyze::{
    AnalyzeError, DiffOptions, FoldedDiff, FoldedStack, GroupBy, Query, SampleKind, Unit,
};
use highwater_profile::{Profile, file};
use highwater_report::{FlameError, FlameText, flame, flame_diff};
use serde::Serialize;

use super::diff::Comparison;
use crate::error::CliError;
use crate::shared::Shared;
use crate::{command, load, output};

const USAGE: &str = "\
highwater flame [OPTIONS] <FILE> --output <FILE>
       highwater flame [OPTIONS] --diff <BASE> <NEW> --output <FILE>";

const EXAMPLES: &str = "\
Examples:
  highwater flame heap.pb.gz -o heap.svg
  highwater flame --diff before.pb.gz after.pb.gz -o growth.svg";

/// Draw a flame graph as an SVG file that a browser opens
///
/// With --diff two profiles are compared: widths are of the second, red grew, blue shrank. With --json the stacks
/// that would be drawn are written instead.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, override_usage = USAGE)]
pub(crate) struct Args {
    /// The profile; with --diff the earlier and the later one
    #[arg(required = true, num_args = 1..=2, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Draw what changed from the first file to the second
    #[arg(long)]
    diff: bool,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    options: Comparison,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Serialize)]
struct Stacks<T> {
    sample: SampleKind,
    unit: Unit,
    stacks: Vec<T>,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let document = match (self.files.as_slice(), self.diff) {
            ([path], false) => self.one(path)?,
            ([base, new], true) => self.two(base, new)?,
            (_, true) => return Err(CliError::Usage("--diff takes two profiles, BASE and NEW")),
            (_, false) => {
                return Err(CliError::Usage("two profiles are compared with --diff; without it give one"));
            }
        };
        file::write_atomically(&self.output, |out| out.write_all(&document))?;
        output::print(&format!("wrote {}\n", self.output.display()))?;
        Ok(())
    }

    fn one(&self, path: &Path) -> Result<Vec<u8>, CliError> {
        let profile = load::symbolized(path, &self.shared)?;
        let query = self.query();
        let stacks: Vec<FoldedStack> =
            highwater_analyze::folded(&profile, &query).map_err(command::question(&[path]))?;
        if self.shared.json {
            return json("flame", &query, &profile, stacks);
        }
        let mut svg = Vec::new();
        let text = text(&query, &profile, &name(path));
        flame(&stacks, &text, &mut svg)
            .map_err(|source| CliError::Flame { files: vec![path.to_owned()], source })?;
        Ok(svg)
    }

    fn two(&self, base_path: &Path, new_path: &Path) -> Result<Vec<u8>, CliError> {
        let paths = [base_path, new_path];
        let [base, new] = load::symbolized_pair(paths, &self.shared)?;
        let (query, options) = (self.query(), self.options.options());
        if self.shared.json {
            let stacks: Vec<FoldedDiff> = highwater_analyze::folded_diff(&base, &new, &query, &options)
                .map_err(command::question(&paths))?;
            return json("flame-diff", &query, &new, stacks);
        }
        let names = paths.map(name);
        differential([&base, &new], &query, &options, [&names[0], &names[1]]).map_err(|it| it.about(&paths))
    }

    fn query(&self) -> Query {
        self.shared.query(GroupBy::Function)
    }
}

/// Why there is no drawing of a difference.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undrawn {
    #[error(transparent)]
    Question(#[from] AnalyzeError),
    #[error(transparent)]
    Flame(#[from] FlameError),
}

impl Undrawn {
    fn about(self, paths: &[&Path]) -> CliError {
        let files = || paths.iter().map(|&it| it.to_owned()).collect();
        match self {
            Self::Question(source) => CliError::Question { files: files(), source },
            Self::Flame(source) => CliError::Flame { files: files(), source },
        }
    }
}

/// The drawing of what changed between two profiles of these names.
pub(crate) fn differential(
    [base, new]: [&Profile; 2],
    query: &Query,
    options: &DiffOptions,
    names: [&str; 2],
) -> Result<Vec<u8>, Undrawn> {
    let stacks = highwater_analyze::folded_diff(base, new, query, options)?;
    let subtitle = format!("{} to {}: red grew, blue shrank", names[0], names[1]);
    let mut svg = Vec::new();
    flame_diff(&stacks, &text(query, new, &subtitle), &mut svg)?;
    Ok(svg)
}

fn sample(query: &Query, profile: &Profile) -> SampleKind {
    query.sample.clone().unwrap_or_else(|| SampleKind::default_for(profile))
}

fn text(query: &Query, profile: &Profile, subtitle: &str) -> FlameText {
    let sample = sample(query, profile);
    let unit = match sample.unit(profile) {
        Unit::Count => "blocks".to_owned(),
        unit => unit.to_string(),
    };
    FlameText { title: sample.to_string(), subtitle: subtitle.to_owned(), unit }
}

fn json<T: Serialize>(
    kind: &str,
    query: &Query,
    profile: &Profile,
    stacks: Vec<T>,
) -> Result<Vec<u8>, CliError> {
    let sample = sample(query, profile);
    let unit = sample.unit(profile);
    Ok(highwater_report::json(kind, &Stacks { sample, unit, stacks })?.into_bytes())
}

/// The file's name without its directory, so that equal profiles give equal drawings.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
