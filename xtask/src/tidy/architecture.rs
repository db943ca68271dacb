//! docs/ARCHITECTURE.md describes the present project: every crate, no other crate, and only files that
//! exist.

use regex::Regex;

use super::finding::Finding;
use super::markdown;
use super::tree::Tree;

const DOCUMENT: &str = "docs/ARCHITECTURE.md";

/// Suffixes by which a word in backticks is a file name.
const FILE_ENDS: &[&str] = &[".rs", ".md", ".toml", ".lock"];

/// The document names the workspace's crates and files of the tree.
///
/// A path in backticks counts from the workspace root, or from the directory that the heading above names.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(DOCUMENT) else {
        return vec![Finding::new(DOCUMENT, 0, "write it: it says which crate is for what")];
    };
    let mut findings = Vec::new();
    for each in &tree.crates {
        if !text.lines().any(|line| markdown::code(line).any(|word| word == each.name)) {
            let advice = format!("say what the crate `{}` is for, its name in backticks", each.name);
            findings.push(Finding::new(DOCUMENT, 0, advice));
        }
    }
    findings.extend(unknown_crates(text, tree));
    findings.extend(missing_paths(text, tree));
    findings
}

fn unknown_crates(text: &str, tree: &Tree) -> Vec<Finding> {
    let Ok(names) = Regex::new("highwater-[a-z0-9]+(?:-[a-z0-9]+)*") else { return vec![] };
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let unknown = |name: &&str| !tree.crates.iter().any(|each| each.name == *name);
        findings.extend(names.find_iter(line).map(|name| name.as_str()).filter(unknown).map(|name| {
            let advice = format!("there is no crate `{name}`: name only crates that exist");
            Finding::new(DOCUMENT, index + 1, advice)
        }));
    }
    findings
}

fn missing_paths(text: &str, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut directory = String::new();
    for (number, line) in markdown::prose(text) {
        if let Some(words) = markdown::heading(line) {
            let named = markdown::code(words).find(|word| is_path(word) && tree.has(word));
            directory = named.map(|word| format!("{}/", word.trim_end_matches('/'))).unwrap_or_default();
        }
        let missing =
            |word: &&str| is_path(word) && !tree.has(word) && !tree.has(&format!("{directory}{word}"));
        findings.extend(markdown::code(line).filter(missing).map(|word| {
            Finding::new(
                DOCUMENT,
                number,
                format!("there is no `{word}`: correct or delete what is said of it"),
            )
        }));
    }
    findings
}

/// Whether a word reads as a path inside the repository.
fn is_path(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    word.chars().all(plain)
        && !word.starts_with('/')
        && (word.contains('/') || FILE_ENDS.iter().any(|end| word.len() > end.len() && word.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Crate;

    fn found(text: &str) -> Vec<Finding> {
        let crates = ["highwater", "highwater-profile"];
        let crates = crates.map(|name| Crate { name: name.to_owned(), ..Crate::default() });
        let files = [(DOCUMENT, text), ("crates/highwater/src/lib.rs", "//! l"), (".ci/run", "")];
        check(&Tree::of(&files, crates.into()))
    }

    const CLEAN: &str = "`highwater` uses `highwater-profile`.\n\
        ## Inside `crates/highwater/src/`\n\
        `lib.rs` is all; `/proc/self/maps`, `a b/c.rs` and `std::fmt` are no files of ours, `.ci/run` is.\n\
        ```\n`no/such/file.rs`\n```\n";

    #[test]
    fn a_true_document_passes() {
        assert_eq!(found(CLEAN), []);
    }

    #[test]
    fn a_crate_that_is_not_named_is_found() {
        let findings = found("Only `highwater`.");
        assert_eq!(findings.len(), 1);
        assert!(findings[0].advice.contains("`highwater-profile`"));
        // Part of another crate's name, or bare in the text, is not the name.
        assert_eq!(found("highwater, and `highwater-profile`.").len(), 1);
    }

    #[test]
    fn a_crate_that_does_not_exist_is_found() {
        let findings = found(&format!("{CLEAN}Later: highwater-agent."));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].advice.contains("`highwater-agent`") && findings[0].line == 7, "{findings:?}");
    }

    #[test]
    fn a_path_that_does_not_exist_is_found() {
        assert_eq!(found(&format!("{CLEAN}See `crates/highwater/src/gone.rs`."))[0].line, 7);
        assert_eq!(found(&format!("{CLEAN}See `gone.rs`.")).len(), 1);
        // Outside the heading that names its directory, a bare name is not a path.
        assert_eq!(found(&format!("{CLEAN}## Other\nSee `lib.rs`.")).len(), 1);
    }

    #[test]
    fn a_missing_document_is_found() {
        assert_eq!(check(&Tree::of(&[], vec![])).len(), 1);
    }
}
