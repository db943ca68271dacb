//! Why profiles cannot be merged.

/// Why profiles cannot be merged. Positions count from 0, in the order in which the profiles were given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// No profile was given.
    #[error("there is nothing to merge")]
    Nothing,
    /// No kind of values is in all of them.
    #[error("they have no kind of values in common: {first} in one and {other} in the other")]
    SampleTypes {
        /// Position of the profile that differs from the first.
        at: usize,
        /// Kinds and units of the first profile.
        first: String,
        /// Kinds and units of the other.
        other: String,
    },
    /// The sampling intervals are of different things.
    #[error("their sampling intervals are in different units: {first} in one and {other} in the other")]
    PeriodTypes {
        /// Position of the profile that differs from an earlier one.
        at: usize,
        /// What the earlier one counts.
        first: String,
        /// What this one counts.
        other: String,
    },
    /// A sum is beyond what a file can hold.
    #[error("the sum of {kind} over one stack is beyond 2^63")]
    Overflow {
        /// Position of the profile that was too much.
        at: usize,
        /// The sample type.
        kind: String,
    },
}
