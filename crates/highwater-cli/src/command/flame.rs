//! `highwater flame`: a flame graph of one profile, or of the growth between two.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use highwater_analyze::{AnalyzeError, DiffOptions, FoldedStack, GroupBy, Lost, Query, SampleKind, Unit};
use highwater_profile::Profile;
use highwater_report::{FlameError, FlameText, flame, flame_growth, folded_lines};
use serde::Serialize;

use super::diff::Comparison;
use crate::config::Config;
use crate::error::CliError;
use crate::pages::{self, Wanted};
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
/// With --diff two profiles are compared. The width of a frame is its growth plus its shrinkage, so frames
/// that vanished are visible too; red grew, blue shrank, grey may be noise. With --json the data of the
/// drawing is written instead.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, override_usage = USAGE)]
pub(crate) struct Args {
    /// The profile: a file, - for standard input, or an address (http://host:6060); with --diff the earlier
    /// and the later one
    #[arg(required = true, num_args = 1..=2, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Draw what changed from the first file to the second
    #[arg(long)]
    diff: bool,
    /// The file to write; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// What to write [default: svg]
    #[arg(long, value_name = "FORMAT", value_enum, help_heading = "Output")]
    format: Option<Format>,
    /// Draw icicles: roots at the top
    #[arg(long, help_heading = "Output")]
    icicle: bool,
    #[command(flatten)]
    options: Comparison,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A picture that a browser opens, to zoom into and to search
    Svg,
    /// A page with the picture and its rows, as `highwater report` makes it
    Html,
    /// Lines of text, `root;leaf 42`; with --diff two values, before and after
    Folded,
}

#[derive(Serialize)]
struct Stacks {
    sample: SampleKind,
    unit: Unit,
    lost: Option<Lost>,
    notes: Vec<String>,
    stacks: Vec<FoldedStack>,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        if self.files.len() == 1 + usize::from(self.diff) && self.format == Some(Format::Html) {
            return self.page();
        }
        let document = match (self.files.as_slice(), self.diff) {
            ([path], false) => self.one(path)?,
            ([base, new], true) => self.two(base, new)?,
            (_, true) => return Err(CliError::Usage("--diff takes two profiles, BASE and NEW")),
            (_, false) => {
                return Err(CliError::Usage("two profiles are compared with --diff; without it give one"));
            }
        };
        output::document(&self.output, |out| out.write_all(&document))?;
        output::about_document(&self.output, &format!("wrote {}\n", self.output.display()))?;
        Ok(())
    }

    fn page(&self) -> Result<(), CliError> {
        let groupings = vec![self.query().by];
        let Config { accepted_leaks: accepted, containers, .. } = Config::load(None)?;
        let options = self.options.options();
        let wanted = Wanted { shared: &self.shared, options, groupings, accepted, containers };
        pages::write(&self.files, &wanted, &self.output)
    }

    fn one(&self, path: &Path) -> Result<Vec<u8>, CliError> {
        let profile = load::symbolized(path, &self.shared)?;
        load::say_notes([&profile]);
        let query = self.query();
        if profile.is_difference() && !self.shared.json && self.format != Some(Format::Folded) {
            return self.difference(path, &profile, &query);
        }
        let stacks: Vec<FoldedStack> =
            load::busy("adding up", || highwater_analyze::folded(&profile, &query))
                .map_err(command::question(&[path]))?;
        if self.shared.json {
            return json(&query, &profile, stacks);
        }
        let others = highwater_analyze::kinds_with_values(&profile);
        if !others.is_empty() && !others.contains(&sample(&query, &profile).to_string()) {
            return Err(CliError::NothingOfKind {
                path: path.to_owned(),
                kind: sample(&query, &profile),
                others,
            });
        }
        if self.format == Some(Format::Folded) {
            lost(&query, &profile).iter().for_each(|it| output::note(it));
            let lines = stacks.iter().map(|it| (it.frames.as_slice(), vec![it.value]));
            return Ok(folded_lines(lines).into_bytes());
        }
        let mut svg = Vec::new();
        let subtitle = [command::name(path)].into_iter().chain(lost(&query, &profile)).collect();
        let text = FlameText { icicle: self.icicle, ..text(&query, &profile, subtitle) };
        flame(&stacks, &text, &mut svg)
            .map_err(|source| CliError::Flame { files: vec![path.to_owned()], source })?;
        Ok(svg)
    }

    /// The drawing of a profile that already is a difference.
    fn difference(&self, path: &Path, profile: &Profile, query: &Query) -> Result<Vec<u8>, CliError> {
        let query = Query { sample: Some(sample(query, profile)), ..query.clone() };
        let sides = profile.sides();
        // Both come from the same recordings, so their units and intervals need no check.
        let options = DiffOptions { force: true, ..self.options.options() };
        let subtitle = vec![format!("{}: red grew, blue shrank", command::name(path))];
        load::busy("adding up", || drawn([&sides[0], &sides[1]], &query, &options, subtitle, self.icicle))
            .map_err(|it| it.about(&[path]))
    }

    fn two(&self, base_path: &Path, new_path: &Path) -> Result<Vec<u8>, CliError> {
        let paths = [base_path, new_path];
        let [base, new] = load::symbolized_pair(paths, &self.shared)?;
        load::say_notes([&base, &new]);
        let (query, options) = (self.query(), self.options.options());
        if self.shared.json {
            let growth = highwater_analyze::growth(&base, &new, &narrow(&query), &options)
                .map_err(command::question(&paths))?;
            return Ok(highwater_report::json("flame-diff", &growth)?.into_bytes());
        }
        let names = paths.map(command::name);
        if self.format == Some(Format::Folded) {
            lost_of_either(&query, [&base, &new], [&names[0], &names[1]]).for_each(|it| output::note(&it));
            let stacks = highwater_analyze::folded_diff(&base, &new, &query, &options)
                .map_err(command::question(&paths))?;
            let lines = stacks.iter().map(|it| (it.frames.as_slice(), vec![it.base, it.new]));
            return Ok(folded_lines(lines).into_bytes());
        }
        let draw = || differential([&base, &new], &query, &options, [&names[0], &names[1]], self.icicle);
        load::busy("comparing", draw).map_err(|it| it.about(&paths))
    }

    fn query(&self) -> Query {
        self.shared.query(GroupBy::Function)
    }
}

/// Why a difference cannot be drawn.
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

/// The drawing of the changes between two profiles with these names; roots are at the top if `icicle`.
pub(crate) fn differential(
    [base, new]: [&Profile; 2],
    query: &Query,
    options: &DiffOptions,
    names: [&str; 2],
    icicle: bool,
) -> Result<Vec<u8>, Undrawn> {
    let head = format!("{} to {}: red grew, blue shrank, grey may be noise", names[0], names[1]);
    let subtitle = [head].into_iter().chain(lost_of_either(query, [base, new], names)).collect();
    drawn([base, new], query, options, subtitle, icicle)
}

fn drawn(
    [base, new]: [&Profile; 2],
    query: &Query,
    options: &DiffOptions,
    subtitle: Vec<String>,
    icicle: bool,
) -> Result<Vec<u8>, Undrawn> {
    let growth = highwater_analyze::growth(base, new, &narrow(query), options)?;
    let mut svg = Vec::new();
    flame_growth(&growth, &FlameText { icicle, ..text(query, new, subtitle) }, &mut svg)?;
    Ok(svg)
}

/// The query for every frame at least one pixel wide.
fn narrow(query: &Query) -> Query {
    Query { min_fraction: pages::NARROWEST, limit: None, ..query.clone() }
}

/// What the recorder of a profile lost, as text.
fn lost(query: &Query, profile: &Profile) -> Option<String> {
    let sample = sample(query, profile);
    let lost = highwater_analyze::lost(profile, &sample).ok()??;
    Some(highwater_report::lost(&lost, &sample.to_string(), &sample.unit(profile)))
}

/// What the recorders of two profiles lost, each with the name of its profile, as text.
fn lost_of_either(query: &Query, profiles: [&Profile; 2], names: [&str; 2]) -> impl Iterator<Item = String> {
    let lost = profiles.map(|it| lost(query, it));
    let named = names.map(str::to_owned).into_iter().zip(lost);
    named.filter_map(|(name, lost)| Some(format!("{name}: {}", lost?)))
}

fn text(query: &Query, profile: &Profile, subtitle: Vec<String>) -> FlameText {
    let sample = sample(query, profile);
    let unit = match sample.unit(profile) {
        Unit::Count => "blocks".to_owned(),
        unit => unit.to_string(),
    };
    FlameText { title: sample.to_string(), subtitle: subtitle.join("; "), unit, icicle: false }
}

fn sample(query: &Query, profile: &Profile) -> SampleKind {
    query.sample.clone().unwrap_or_else(|| SampleKind::default_for(profile))
}

fn json(query: &Query, profile: &Profile, stacks: Vec<FoldedStack>) -> Result<Vec<u8>, CliError> {
    let sample = sample(query, profile);
    let unit = sample.unit(profile);
    let notes = highwater_analyze::notes(profile);
    let lost = highwater_analyze::lost(profile, &sample).ok().flatten();
    Ok(highwater_report::json("flame", &Stacks { sample, unit, lost, notes, stacks })?.into_bytes())
}
