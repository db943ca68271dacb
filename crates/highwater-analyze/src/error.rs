//! Why a question could not be answered.

use std::fmt;

/// Why a question could not be answered. The messages name what was asked for and what there is instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnalyzeError {
    /// The profile has no values of the wanted kind.
    #[error("the profile has no sample type {wanted}; it has {}", List(available))]
    NoSampleType {
        /// The kind that was asked for, by its name in this crate.
        wanted: String,
        /// The kinds that the profile has, by their names in this crate.
        available: Vec<String>,
    },
    /// The two profiles were sampled differently, so that their errors are not comparable.
    #[error(
        "the profiles have different sampling intervals (base: {}, new: {}); record both with the same one, or force the comparison",
        Interval(*base),
        Interval(*new)
    )]
    DifferentIntervals {
        /// Sampling interval of the base in bytes; `None` when its file does not say.
        base: Option<i64>,
        /// Sampling interval of the new profile in bytes; `None` when its file does not say.
        new: Option<i64>,
    },
    /// The two profiles count in different units.
    #[error("the values of {sample} are in {base} in the base and in {new} in the new profile")]
    DifferentUnits {
        /// The kind of values, by its name in this crate.
        sample: String,
        /// Unit in the base.
        base: String,
        /// Unit in the new profile.
        new: String,
    },
    /// There is no grouping of this name.
    #[error("there is no grouping {0:?}; the groupings are site, function, line, file, module and crate")]
    UnknownGrouping(String),
}

struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("none at all") } else { f.write_str(&self.0.join(", ")) }
    }
}

struct Interval(Option<i64>);

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("unknown"),
            Some(1) => f.write_str("exact"),
            Some(bytes) => write!(f, "{bytes} bytes"),
        }
    }
}
