//! Which of a profile's values are meant, by names that say what they count.
//!
//! pprof's words (`inuse`, `alloc`) appear here and nowhere else in this crate.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use highwater_profile::Profile;
use serde::{Serialize, Serializer};

use crate::error::AnalyzeError;

/// What a number counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SampleKind {
    /// Bytes allocated and not yet freed.
    LiveBytes,
    /// Blocks allocated and not yet freed.
    LiveBlocks,
    /// Bytes allocated since the start, freed or not.
    AllocBytes,
    /// Blocks allocated since the start, freed or not.
    AllocBlocks,
    /// Bytes that were live when the process had most bytes live.
    PeakBytes,
    /// Blocks that were live when the process had most bytes live.
    PeakBlocks,
    /// Bytes of blocks that were freed before their thread allocated another one, or within a millisecond.
    TempBytes,
    /// Blocks that were freed before their thread allocated another one, or within a millisecond.
    TempBlocks,
    /// Bytes copied by reallocations.
    ReallocBytes,
    /// Blocks that came to be by reallocation.
    ReallocBlocks,
    /// Reallocations to at least twice the size.
    ReallocDoublings,
    /// Bytes of freed blocks.
    FreedBytes,
    /// Freed blocks.
    FreedBlocks,
    /// Bytes that live blocks hold resident beyond themselves: the empty space on their pages.
    HeldBytes,
    /// Live blocks that keep such space.
    HeldBlocks,
    /// Bytes of live blocks on pages that are neither resident nor swapped.
    UntouchedBytes,
    /// Live blocks with such pages.
    UntouchedBlocks,
    /// Bytes of the resident set, in rows that say what they are.
    ResidentBytes,
    /// Bytes that were swapped out, in the same rows.
    SwappedBytes,
    /// Any other sample type, by its name in the file.
    Other(String),
}

/// What becomes of values from one snapshot of a process to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// They come with blocks and go with them.
    Live,
    /// They only grow.
    Cumulative,
    /// They are of the moment when the process had most bytes live, which is another one in each run.
    Peak,
    /// Nothing that is known.
    Other,
}

/// The unit of a profile's values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// A plain number, such as blocks.
    Count,
    /// Any other unit, by its name in the file.
    Other(String),
}

/// Every kind with a name of its own: this crate's name, pprof's name.
const NAMES: [(SampleKind, &str, &str); 19] = [
    (SampleKind::LiveBytes, "live-bytes", "inuse_space"),
    (SampleKind::LiveBlocks, "live-blocks", "inuse_objects"),
    (SampleKind::AllocBytes, "alloc-bytes", "alloc_space"),
    (SampleKind::AllocBlocks, "alloc-blocks", "alloc_objects"),
    (SampleKind::PeakBytes, "peak-bytes", "peak_space"),
    (SampleKind::PeakBlocks, "peak-blocks", "peak_objects"),
    (SampleKind::TempBytes, "temp-bytes", "temp_space"),
    (SampleKind::TempBlocks, "temp-blocks", "temp_objects"),
    (SampleKind::ReallocBytes, "realloc-bytes", "realloc_space"),
    (SampleKind::ReallocBlocks, "realloc-blocks", "realloc_objects"),
    (SampleKind::ReallocDoublings, "realloc-doublings", "realloc_doublings"),
    (SampleKind::FreedBytes, "freed-bytes", "freed_space"),
    (SampleKind::FreedBlocks, "freed-blocks", "freed_objects"),
    (SampleKind::HeldBytes, "held-bytes", "held_space"),
    (SampleKind::HeldBlocks, "held-blocks", "held_objects"),
    (SampleKind::UntouchedBytes, "untouched-bytes", "untouched_space"),
    (SampleKind::UntouchedBlocks, "untouched-blocks", "untouched_objects"),
    (SampleKind::ResidentBytes, "resident-bytes", "resident_space"),
    (SampleKind::SwappedBytes, "swapped-bytes", "swapped_space"),
];

impl SampleKind {
    fn names(&self) -> (&str, &str) {
        match self {
            Self::Other(name) => (name, name),
            kind => NAMES.iter().find(|row| row.0 == *kind).map_or(("", ""), |row| (row.1, row.2)),
        }
    }

    /// The name of this kind in a pprof file, such as `inuse_space`.
    pub fn pprof_name(&self) -> &str {
        self.names().1
    }

    /// Position of this kind among the sample types of `profile`.
    ///
    /// # Errors
    /// [`AnalyzeError::NoSampleType`] when the profile has no such values.
    pub fn column(&self, profile: &Profile) -> Result<usize, AnalyzeError> {
        profile.sample_type(self.pprof_name()).ok_or_else(|| AnalyzeError::NoSampleType {
            wanted: self.to_string(),
            available: profile.sample_types().iter().map(|it| Self::named(&it.kind).to_string()).collect(),
        })
    }

    /// What a reader is shown when nothing else is asked for: the file's default sample type, else its last as in
    /// pprof. [`SampleKind::LiveBytes`] for a profile without any.
    pub fn default_for(profile: &Profile) -> Self {
        let types = profile.sample_types();
        let chosen = profile.default_sample_type.and_then(|index| types.get(index)).or_else(|| types.last());
        chosen.map_or(Self::LiveBytes, |it| Self::named(&it.kind))
    }

    /// The number of the blocks whose bytes these are; `None` for values that are no bytes of blocks.
    pub(crate) fn of_blocks(&self) -> Option<Self> {
        let stem = self.pprof_name().strip_suffix("_space")?;
        Some(Self::named(&format!("{stem}_objects")))
    }

    /// What becomes of these values while the process runs; known of Highwater's own.
    pub(crate) fn course(&self) -> Course {
        let is_of = |stems: &[&str]| stems.iter().any(|stem| self.pprof_name().starts_with(stem));
        match () {
            () if is_of(&["inuse_"]) => Course::Live,
            () if is_of(&["alloc_", "temp_", "realloc_", "freed_"]) => Course::Cumulative,
            () if is_of(&["peak_"]) => Course::Peak,
            () => Course::Other,
        }
    }

    /// The unit of these values in `profile`; [`Unit::Count`] when the profile has none of them.
    pub fn unit(&self, profile: &Profile) -> Unit {
        let column = profile.sample_type(self.pprof_name());
        column.map_or(Unit::Count, |column| Unit::named(&profile.sample_types()[column].unit))
    }

    /// The kind of this name, which may be pprof's.
    pub(crate) fn named(name: &str) -> Self {
        let row = NAMES.into_iter().find(|row| row.1 == name || row.2 == name);
        row.map_or_else(|| Self::Other(name.to_owned()), |row| row.0)
    }
}

impl FromStr for SampleKind {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(Self::named(name))
    }
}

impl fmt::Display for SampleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.names().0)
    }
}

impl Serialize for SampleKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Unit {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "bytes" => Self::Bytes,
            "count" => Self::Count,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "bytes",
            Self::Count => "count",
            Self::Other(name) => name,
        })
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use highwater_profile::ValueType;

    use super::*;

    #[test]
    fn both_vocabularies_name_the_same_kinds() {
        for (kind, name, pprof_name) in NAMES {
            assert_eq!(SampleKind::named(name), kind);
            assert_eq!(SampleKind::named(pprof_name), kind);
            assert_eq!(kind.to_string(), name);
            assert_eq!(kind.pprof_name(), pprof_name);
        }
        assert_eq!("contentions".parse(), Ok(SampleKind::Other("contentions".into())));
    }

    #[test]
    fn a_missing_kind_is_answered_with_those_there_are() {
        let types = [("alloc_space", "bytes"), ("delay", "nanoseconds")].map(|(k, u)| ValueType::new(k, u));
        let mut profile = Profile::new(types.to_vec());
        let error = SampleKind::LiveBytes.column(&profile).unwrap_err();
        assert_eq!(error.to_string(), "the profile has no sample type live-bytes; it has alloc-bytes, delay");
        assert_eq!(SampleKind::AllocBytes.column(&profile), Ok(0));
        assert_eq!(SampleKind::default_for(&profile), SampleKind::Other("delay".into()));
        assert_eq!(SampleKind::default_for(&profile).unit(&profile), Unit::Other("nanoseconds".into()));
        profile.default_sample_type = Some(0);
        assert_eq!(SampleKind::default_for(&profile), SampleKind::AllocBytes);
        assert_eq!(SampleKind::AllocBytes.unit(&profile), Unit::Bytes);
    }
}
