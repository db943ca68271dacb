//! Every file says its purpose, and is short enough for one purpose.

use super::finding::Finding;
use super::tree::Tree;

/// Maximum lines of a source.
const MOST_LINES: usize = 600;

/// Every Rust file begins with `//!` documentation and has no more than [`MOST_LINES`] lines.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(".rs") {
        if !begins_with_documentation(text) {
            findings.push(Finding::new(path, 1, "begin the file with a `//!` line that says what it is for"));
        }
        let lines = text.lines().count();
        if lines > MOST_LINES {
            findings.push(Finding::new(
                path,
                MOST_LINES + 1,
                format!("{lines} lines are too many for one idea (at most {MOST_LINES}): split the file"),
            ));
        }
    }
    findings
}

fn begins_with_documentation(text: &str) -> bool {
    let mut lines = text.lines().peekable();
    lines.next_if(|line| line.starts_with("#!") && !line.starts_with("#!["));
    lines
        .find(|line| !line.trim().is_empty())
        .and_then(|line| line.strip_prefix("//!"))
        .is_some_and(|words| words.chars().any(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_files_pass() {
        let files =
            [("a.rs", "//! What it is for.\nfn a() {}"), ("b.rs", "#!/usr/bin/env cargo\n\n//! A script.\n")];
        assert_eq!(check(&Tree::of(&files, vec![])), []);
    }

    #[test]
    fn a_file_without_documentation_is_found() {
        for text in [
            "",
            "use std::fmt;\n//! late",
            "#![forbid(unsafe_code)]\n//! late",
            "//!\nfn a() {}",
            "// not docs",
        ] {
            let findings = check(&Tree::of(&[("tests/a.rs", text)], vec![]));
            assert_eq!(findings.len(), 1, "{text:?}");
            assert!(findings[0].advice.contains("`//!`"));
        }
    }

    #[test]
    fn a_long_file_is_found() {
        let text = |lines: usize| format!("//! Long.\n{}", "\n".repeat(lines - 1));
        assert_eq!(check(&Tree::of(&[("a.rs", &text(600))], vec![])), []);
        let findings = check(&Tree::of(&[("a.rs", &text(601))], vec![]));
        assert!(findings[0].advice.contains("601 lines"), "{findings:?}");
    }
}
