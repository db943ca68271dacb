//! What an encoder says it wrote.

use crate::profile::Profile;

/// What was written of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Number of rows: the rows of the profile, without rows in which all values are 0 where the format has
    /// no place for them, and with the rows of one stack as one row where a stack may stand only once.
    pub rows: usize,
    /// Positions of the sample types that were written.
    pub columns: Vec<usize>,
}

impl Written {
    /// All of the profile.
    pub(crate) fn whole(profile: &Profile) -> Self {
        Self { rows: profile.samples.len(), columns: (0..profile.sample_types().len()).collect() }
    }

    /// These columns, of the rows that have a value in one of them.
    #[cfg(feature = "formats")]
    pub(super) fn of(profile: &Profile, columns: Vec<usize>) -> Self {
        let has_value = |row: &crate::sample::Sample<'_>| columns.iter().any(|&it| row.values[it] != 0);
        Self { rows: profile.samples.iter().filter(has_value).count(), columns }
    }
}
