//! How far a task has come.

/// How far a task has come, by the word of its cell in which the executor keeps that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Whether it is over; its cell is there for a handle, which may ask for the result.
    pub is_over: bool,
    /// Whether it was cancelled: by a handle, or by the end of its executor.
    pub is_cancelled: bool,
    /// Whether it runs, or is about to because it was woken.
    pub is_ready: bool,
}
