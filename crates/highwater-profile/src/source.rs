//! Where a profile comes from, and what its file leaves unsaid.
//!
//! A format that has no place for a fact, or a tool that did not record it, must not look as if the fact were zero:
//! readers state here what is missing, and `highwater info` prints it.

use std::fmt;
use std::str::FromStr;

/// A file format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// pprof's protocol buffer: the native format.
    #[default]
    Pprof,
    /// JSON of valgrind's DHAT and of the crate `dhat`, version 2.
    Dhat,
    /// jemalloc's heap dump, `heap_v2`.
    Jemalloc,
    /// Heap profile of gperftools (tcmalloc).
    Gperftools,
    /// Go's heap profile as text (`debug=1`).
    GoText,
    /// heaptrack's recording.
    Heaptrack,
    /// CSV of `memray transform csv`.
    MemrayCsv,
    /// Folded stacks, as flame graphs are drawn from.
    Folded,
    /// speedscope's JSON.
    Speedscope,
    /// V8's sampled heap profile (`.heapprofile`).
    V8,
    /// OpenTelemetry's profiles signal.
    Otlp,
    /// massif's output (valgrind).
    Massif,
    /// memcheck's leak report (valgrind).
    Memcheck,
    /// LeakSanitizer's report.
    LeakSanitizer,
    /// callgrind's output, for KCachegrind. Written only.
    Callgrind,
    /// The whole profile as JSON. Written only.
    Json,
    /// One row for each sample, as CSV. Written only.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 17] = [
        Self::Pprof,
        Self::Dhat,
        Self::Jemalloc,
        Self::Gperftools,
        Self::GoText,
        Self::Heaptrack,
        Self::MemrayCsv,
        Self::Folded,
        Self::Speedscope,
        Self::V8,
        Self::Otlp,
        Self::Massif,
        Self::Memcheck,
        Self::LeakSanitizer,
        Self::Callgrind,
        Self::Json,
        Self::Csv,
    ];

    /// One word for it, as options have it: `pprof`.
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// What it is, for people: `pprof profile`.
    pub fn title(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Pprof => ("pprof", "pprof profile"),
            Self::Dhat => ("dhat", "DHAT profile"),
            Self::Jemalloc => ("jemalloc", "jemalloc heap dump"),
            Self::Gperftools => ("gperftools", "gperftools heap profile"),
            Self::GoText => ("go", "Go heap profile"),
            Self::Heaptrack => ("heaptrack", "heaptrack recording"),
            Self::MemrayCsv => ("memray", "memray CSV file"),
            Self::Folded => ("folded", "folded stacks file"),
            Self::Speedscope => ("speedscope", "speedscope profile"),
            Self::V8 => ("v8", "V8 heap profile"),
            Self::Otlp => ("otlp", "OpenTelemetry profile"),
            Self::Massif => ("massif", "massif output file"),
            Self::Memcheck => ("memcheck", "memcheck leak report"),
            Self::LeakSanitizer => ("lsan", "LeakSanitizer report"),
            Self::Callgrind => ("callgrind", "callgrind file"),
            Self::Json => ("json", "JSON file"),
            Self::Csv => ("csv", "CSV file"),
        }
    }

    /// Whether files of this format can be read.
    pub fn can_read(self) -> bool {
        !matches!(self, Self::Callgrind | Self::Json | Self::Csv)
    }

    /// Whether files of this format can be written.
    pub fn can_write(self) -> bool {
        matches!(
            self,
            Self::Pprof
                | Self::Dhat
                | Self::Folded
                | Self::Speedscope
                | Self::Callgrind
                | Self::Json
                | Self::Csv
        )
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormatName;

    fn from_str(name: &str) -> Result<Self, UnknownFormatName> {
        Self::ALL.into_iter().find(|it| it.name() == name).ok_or(UnknownFormatName)
    }
}

/// No format has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the format is one of {}", Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormatName;

/// Where a profile comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Format of the file.
    pub format: Format,
    /// The program that recorded it, as far as the file tells: `dhat-rs`, `heaptrack 1.4`.
    pub producer: Option<String>,
    /// What the file leaves unsaid and the model cannot show by an empty field. In no order, each once.
    pub missing: Vec<Missing>,
    /// What was found out while the file was read and its names were looked for, and what to do about it: one sentence each,
    /// for whoever reads an answer. Not a part of any file.
    pub notes: Vec<String>,
}

impl Source {
    /// A file of this format that says everything.
    pub fn of(format: Format) -> Self {
        Self { format, ..Self::default() }
    }

    /// Notes that the file leaves `what` unsaid.
    pub fn lacks(&mut self, what: Missing) {
        if !self.missing.contains(&what) {
            self.missing.push(what);
        }
    }
}

/// Something that a profile can say and a file does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Missing {
    /// What the values count, and in which unit.
    Unit,
    /// The moment that the values are of: now, at the peak, at the end.
    Moment,
    /// How many bytes there are from one sample to the next.
    SamplingInterval,
    /// Number of blocks: there are only bytes.
    Blocks,
    /// Number of bytes: there are only blocks, or plain counts.
    Bytes,
    /// Live blocks and bytes.
    LiveTotals,
    /// Blocks and bytes allocated since the start.
    AllocatedTotals,
    /// Blocks and bytes at the peak.
    PeakTotals,
    /// Size of a row's blocks.
    BlockSizes,
    /// Stacks: rows have the allocating function at most.
    Stacks,
    /// Addresses: frames are names only.
    Addresses,
    /// The files that were mapped.
    Mappings,
    /// The build ids of the mapped files.
    BuildIds,
    /// Function names.
    FunctionNames,
    /// Source files and lines.
    Lines,
    /// When it was taken.
    Time,
    /// How long it had been recorded.
    Duration,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unit => "unit of the values",
            Self::Moment => "moment of the values",
            Self::SamplingInterval => "sampling interval",
            Self::Blocks => "number of blocks",
            Self::Bytes => "number of bytes",
            Self::LiveTotals => "live totals",
            Self::AllocatedTotals => "allocated totals",
            Self::PeakTotals => "peak totals",
            Self::BlockSizes => "block sizes",
            Self::Stacks => "stacks",
            Self::Addresses => "addresses",
            Self::Mappings => "mappings",
            Self::BuildIds => "build ids",
            Self::FunctionNames => "function names",
            Self::Lines => "source lines",
            Self::Time => "time",
            Self::Duration => "duration",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_by_its_name() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            assert!(format.can_read() || format.can_write(), "{format}");
        }
        let error = "Pprof".parse::<Format>().unwrap_err();
        assert!(error.to_string().starts_with("the format is one of pprof, dhat, "), "{error}");
    }

    #[test]
    fn what_is_missing_is_said_once() {
        let mut source = Source::of(Format::Folded);
        source.lacks(Missing::Time);
        source.lacks(Missing::Time);
        assert_eq!(source.missing, [Missing::Time]);
    }
}
