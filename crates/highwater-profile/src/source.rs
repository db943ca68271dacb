//! Where a profile comes from, and what its file leaves unsaid.
//!
//! A format that has no place for a fact, or a tool that did not record it, must not look as if the fact were
//! zero: readers state here what is missing, and `highwater info` prints it.

use std::fmt;

use crate::format::list::Format;

/// Where a profile comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Format of the file.
    pub format: Format,
    /// The program that recorded it, as far as the file tells: `dhat-rs`, `heaptrack 1.4`.
    pub producer: Option<String>,
    /// What the file leaves unsaid and the model cannot show by an empty field. In no order, each once.
    pub missing: Vec<Missing>,
    /// What was found out while the file was read and its names were looked for, and what to do about it: one
    /// sentence each, for the reader of an answer. Not a part of any file.
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
    fn what_is_missing_is_said_once() {
        let mut source = Source::of(Format::Folded);
        source.lacks(Missing::Time);
        source.lacks(Missing::Time);
        assert_eq!(source.missing, [Missing::Time]);
    }
}
