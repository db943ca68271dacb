//! Why a question could not be answered.

use std::fmt;

use highwater_profile::Profile;

use crate::caveat::Caveat;
use crate::groups::matrix::GroupSide;

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
    /// The difference of the two profiles would not mean what it seems to.
    #[error("{0}")]
    NotComparable(#[from] Caveat),
    /// The profile is the difference of two, whose values have signs, and cannot be asked this.
    #[error("this is the difference of two profiles, and {question}; give the two profiles themselves")]
    Difference {
        /// Why it cannot be asked.
        question: &'static str,
    },
    /// The profile counts in another unit than those before it.
    #[error("{sample} is in {unit} here, and in {others} in the profiles before it")]
    OtherUnit {
        /// The kind of values.
        sample: String,
        /// Unit in the profile.
        unit: String,
        /// Unit in the others.
        others: String,
    },
    /// What values are to be divided by is not known.
    #[error("it cannot be normalized: {0}")]
    NotNormalized(String),
    /// Two snapshots of one process are in different groups.
    #[error(
        "they are snapshots of one process, which cannot be in both groups (highwater diff compares them)"
    )]
    SameProcess(String, String),
    /// A group has no process.
    #[error("there is no {} process", .0.name())]
    EmptyGroup(GroupSide),
    /// There is no grouping of this name.
    #[error(
        "there is no grouping {0:?}; the groupings are site, function, generic, line, file, module and crate"
    )]
    UnknownGrouping(String),
}

/// Refuses a difference of profiles, whose values have signs. `question` says why: `a trend follows what is live`.
///
/// # Errors
/// [`AnalyzeError::Difference`] for one.
pub fn refuse_difference(profile: &Profile, question: &'static str) -> Result<(), AnalyzeError> {
    if profile.is_difference() { Err(AnalyzeError::Difference { question }) } else { Ok(()) }
}

struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("none at all") } else { f.write_str(&self.0.join(", ")) }
    }
}
