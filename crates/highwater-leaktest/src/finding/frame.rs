//! One call of a stack, and whose code it is.

use miniserde::{Deserialize, Serialize};

/// One call of a stack. Inlined calls are calls too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Frame {
    /// The function, without the compiler's hash.
    pub(crate) function: String,
    /// The file, as the compiler saw it; `None` without debug information.
    pub(crate) file: Option<String>,
    /// The line, from 1.
    pub(crate) line: Option<u32>,
    /// Whose code it is.
    pub(crate) origin: Origin,
}

#[cfg(test)]
impl Frame {
    /// A call of a program without debug information.
    pub(crate) fn without_place(function: &str, origin: Origin) -> Self {
        Self { function: function.to_owned(), file: None, line: None, origin }
    }

    /// A call at a line of source.
    pub(crate) fn at(function: &str, file: &str, line: u32, origin: Origin) -> Self {
        let (file, line) = (Some(file.to_owned()), Some(line));
        Self { function: function.to_owned(), file, line, origin }
    }
}

/// Whose code a frame is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// The project's own code, or code that no rule assigns to another owner.
    #[serde(rename = "own")]
    Own,
    /// A crate from a registry or a repository elsewhere.
    #[serde(rename = "dependency")]
    Dependency,
    /// Rust's standard library, or a system library.
    #[serde(rename = "system")]
    System,
    /// libtest, below which there is nothing of interest.
    #[serde(rename = "test_harness")]
    TestHarness,
    /// This harness.
    #[serde(rename = "highwater")]
    Highwater,
}

/// The innermost call of the project's own code, or without one the innermost of all.
pub(crate) fn innermost_own(frames: &[Frame]) -> Option<&Frame> {
    frames.iter().find(|frame| frame.origin == Origin::Own).or(frames.first())
}
