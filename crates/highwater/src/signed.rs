//! Counts as the signed numbers that profiles have.

/// The number, or the largest one that fits.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
