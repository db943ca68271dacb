//! Which columns of a profile a format with fixed fields is filled from.

use std::io;

use crate::format::list::Format;
use crate::profile::{Profile, ValueType};

/// Position of the column that a format with one value for each stack takes.
///
/// # Errors
/// When the profile has no column.
pub(super) fn shown_column(profile: &Profile) -> io::Result<usize> {
    profile
        .shown_sample_type()
        .ok_or_else(|| invalid("the profile has no sample type, so there is nothing to write"))
}

/// Position of the column with these blocks or bytes.
pub(super) fn column(profile: &Profile, value_type: &ValueType) -> Option<usize> {
    profile.sample_types().iter().position(|it| it == value_type)
}

/// Why a profile cannot be written in a format.
pub(super) fn invalid(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason.into())
}

/// Refuses negative values, for formats whose readers do not expect them.
///
/// # Errors
/// When one of `values` is negative.
pub(super) fn not_negative(profile: &Profile, columns: &[usize], format: Format) -> io::Result<()> {
    for &column in columns {
        if profile.samples.iter().any(|row| row.values[column] < 0) {
            return Err(invalid(format!(
                "{} is negative in some rows, as in a difference of profiles, and a {} cannot hold that; write \
                 pprof or folded",
                profile.sample_types()[column].kind,
                format.title()
            )));
        }
    }
    Ok(())
}
