//! What a rule has to say: a place, and what to do there.

use std::fmt;

/// A place that breaks a rule, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the workspace root.
    pub path: String,
    /// 1-based; 0 where the finding is about the file as a whole.
    pub line: usize,
    /// In the imperative.
    pub advice: String,
}

impl Finding {
    /// A finding at this place.
    pub fn new(path: impl Into<String>, line: usize, advice: impl Into<String>) -> Self {
        Self { path: path.into(), line, advice: advice.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.advice),
            line => write!(f, "{}:{line}: {}", self.path, self.advice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_printed_as_a_place_that_an_editor_opens() {
        assert_eq!(Finding::new("docs/A.md", 7, "do this").to_string(), "docs/A.md:7: do this");
        assert_eq!(Finding::new("notes", 0, "move it").to_string(), "notes: move it");
    }
}
