//! `highwater convert`: the same profile in another format.

use std::io;
use std::path::{Path, PathBuf};

use highwater_analyze::{GroupBy, Query, SampleKind};
use highwater_profile::{Format, Profile, csv};
use serde::Serialize;

use crate::error::CliError;
use crate::shared::Shared;
use crate::{input, load, output};

const EXAMPLES: &str = "\
Examples:
  highwater convert heap.pb.gz heap.speedscope.json
  highwater convert dhat-heap.json heap.pb.gz
  highwater convert --to folded --sample alloc-bytes jeprof.1.heap stacks.txt";

/// Write a profile in another format
///
/// The content of the input decides its format. The name of the output decides the output format, unless --to
/// is given: .pb.gz is pprof, .folded folded stacks, .speedscope.json speedscope, .dhat.json DHAT, .callgrind
/// or callgrind.out.* callgrind, .json and .csv all data, for programs.
///
/// Functions and lines are looked up first, since most formats have no place for addresses. A pprof profile
/// keeps its addresses (highwater symbolize adds names). Frames that a pprof profile marks to be left out
/// (drop_frames) are left out, unless the output format can express the mark too: pprof and JSON. Formats
/// with one value per stack show the values of --sample. CSV has a column "where": the line to which
/// highwater top attributes the row, by --through and --leaf. Other options that choose values or rows have
/// no effect.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The profile: a file, - for standard input, or an address (http://host:6060)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The file to write; - for standard output
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Format of the output [default: from the name]
    #[arg(long, value_name = "FORMAT")]
    to: Option<Format>,
    #[command(flatten)]
    shared: Shared,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let format = output_format(&self.output, self.to)?;
        let mut profile = load_for(format, &self.input, &self.shared)?;
        load::say_notes([&profile]);
        // `load` has checked already that the profile has this column.
        let column = self.shared.sample.first().and_then(|it| it.column(&profile).ok());
        profile.default_sample_type = column.or(profile.default_sample_type);
        refuse_zeros(&self.input, &profile, format)?;
        note_lost(&profile, format);
        write("convert", &profile, format, &self.output, &self.shared)
    }
}

/// Reports what the recorder lost, if the written format cannot hold it.
fn note_lost(profile: &Profile, format: Format) {
    if matches!(format, Format::Pprof | Format::Json) {
        return;
    }
    let kind = SampleKind::default_for(profile);
    if let Ok(Some(lost)) = highwater_analyze::lost(profile, &kind) {
        output::note(&highwater_report::lost(&lost, &kind.to_string(), &kind.unit(profile)));
    }
}

/// Refuses to write a file without rows, which happens when all values of the format's one kind are 0.
fn refuse_zeros(path: &Path, profile: &Profile, format: Format) -> Result<(), CliError> {
    let kind = SampleKind::default_for(profile);
    let others = highwater_analyze::kinds_with_values(profile);
    let is_shown = others.is_empty() || others.contains(&kind.to_string());
    if format != Format::Folded || is_shown {
        return Ok(());
    }
    Err(CliError::NothingOfKind { path: path.to_owned(), kind, others })
}

/// Reads a profile for writing it in `format`. Only pprof has a place for addresses.
pub(super) fn load_for(format: Format, input: &Path, shared: &Shared) -> Result<Profile, CliError> {
    let load = if format == Format::Pprof { load::raw } else { load::symbolized };
    let mut profile = load::busy(&format!("reading {}", input::shown(input)), || load(input, shared))?;
    if !matches!(format, Format::Pprof | Format::Json) && !shared.all_frames {
        // Other formats cannot express the mark. An invalid expression stays in the profile, and a note
        // reports it.
        let _ = highwater_analyze::drop_frames(&mut profile);
    }
    Ok(profile)
}

/// The answer of the command: what was written.
#[derive(Serialize)]
struct Written<'a> {
    output: &'a Path,
    format: &'static str,
    samples: usize,
    totals: Vec<Total<'a>>,
}

#[derive(Serialize)]
struct Total<'a> {
    sample_type: &'a str,
    unit: &'a str,
    value: i64,
}

/// Writes `profile` and prints what was written.
pub(super) fn write(
    kind: &str,
    profile: &Profile,
    format: Format,
    output: &Path,
    shared: &Shared,
) -> Result<(), CliError> {
    let mut outcome = None;
    load::busy(&format!("writing {}", output.display()), || {
        output::document(output, |out| {
            outcome = Some(write_to(format, profile, out, shared)?);
            Ok(())
        })
    })?;
    let (samples, columns) = outcome.map_or((0, Vec::new()), |it| (it.rows, it.columns));
    let total = |column: usize| {
        let it = &profile.sample_types()[column];
        Total { sample_type: &it.kind, unit: &it.unit, value: profile.samples.total(column) }
    };
    let totals = columns.into_iter().map(total).collect();
    let written = Written { output, format: format.name(), samples, totals };
    let text = |it: &Written<'_>| format!("wrote {} ({}, {} rows)\n", output.display(), format, it.samples);
    output::answer_about(output, shared, kind, &written, text)
}

/// Writes `profile` in its format. CSV also gets the line to which `top` attributes a row; only the analysis
/// knows it.
fn write_to(
    format: Format,
    profile: &Profile,
    out: &mut dyn io::Write,
    shared: &Shared,
) -> io::Result<highwater_profile::Written> {
    if format != Format::Csv {
        return highwater_profile::write(format, profile, out);
    }
    let (focus, ignore, hide, show) = Default::default();
    // All rows are written, and stacks are not shortened.
    let query = Query { focus, ignore, hide, show, ..shared.query(GroupBy::default()) };
    let causes = highwater_analyze::causes(profile, &query);
    csv::write(profile, Some(&|stack| causes.label(stack)), out)
}

/// The format to write `output` in.
pub(super) fn output_format(output: &Path, asked_for: Option<Format>) -> Result<Format, CliError> {
    let wrong = |reason| CliError::OutputFormat { path: output.to_owned(), reason };
    match asked_for.or_else(|| format_of(output)) {
        Some(format) if format.can_write() => Ok(format),
        Some(_) => Err(wrong("files of that format are read and not written")),
        None => Err(wrong("the name does not say which format to write")),
    }
}

/// The format for a file name's suffix.
pub(super) fn format_of(path: &Path) -> Option<Format> {
    Format::of_file_name(&path.file_name()?.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_for_the_format_of_its_last_part() {
        assert_eq!(format_of(Path::new("a/b.c/HEAP.PB.GZ")), Some(Format::Pprof));
        assert_eq!(format_of(Path::new("pb.gz/heap")), None);
    }

    #[test]
    fn help_names_the_files_of_every_format_that_is_written() {
        let help = <Args as clap::Args>::augment_args(clap::Command::new("convert"));
        let help = help.get_long_about().map(ToString::to_string).unwrap_or_default();
        for format in Format::ALL.into_iter().filter(|it| it.can_write()) {
            let names = format.file_names();
            let is_named = names.iter().any(|name| help.contains(name));
            assert!(is_named, "{format} {names:?} in {help}");
        }
    }
}
