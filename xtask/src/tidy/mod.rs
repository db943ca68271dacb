//! `cargo xtask tidy`: rules of the project that the compiler does not check.
//!
//! A rule is one file below this one: a pure function from a [`Tree`] to [`Finding`]s, with a test that
//! plants the fault and one that passes a clean tree. To add a rule, add its file and its line in [`RULES`].

mod architecture;
mod crates;
mod dependencies;
mod glossary;
mod leftovers;
mod links;
mod markdown;
mod modules;
mod rust_version;
mod top_level;
mod tree;
mod unsafe_code;
mod words;
mod writers;

use std::fmt;

use crate::failure::Failure;
use crate::workspace::Workspace;
use tree::Tree;

/// A place that breaks a rule, with advice on what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// Line number, from 1; 0 if the finding is about the whole file.
    line: usize,
    advice: String,
}

impl Finding {
    fn new(path: impl Into<String>, line: usize, advice: impl Into<String>) -> Self {
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

/// A rule, with the name that is printed with its findings.
type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

/// Every rule.
const RULES: &[Rule] = &[
    ("sources", tree::check),
    ("crates", crates::check),
    ("unsafe code", unsafe_code::check),
    ("writers", writers::check),
    ("modules", modules::check),
    ("architecture", architecture::check),
    ("dependencies", dependencies::check),
    ("rust-version", rust_version::check),
    ("top level", top_level::check),
    ("leftovers", leftovers::check),
    ("links", links::check),
    ("words", words::check),
    ("glossary", glossary::check),
];

/// Applies every rule and prints all findings.
///
/// # Errors
/// When there is a finding, or the tree cannot be read.
pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    let tree = Tree::load(workspace)?;
    let mut count = 0;
    for (name, rule) in RULES {
        let mut findings = rule(&tree);
        findings.sort();
        findings.dedup();
        count += findings.len();
        for finding in findings {
            println!("{finding} [{name}]");
        }
    }
    if count > 0 {
        return Err(Failure::Findings(count));
    }
    println!("tidy: {} rules hold over {} files", RULES.len(), tree.paths().count());
    Ok(())
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
