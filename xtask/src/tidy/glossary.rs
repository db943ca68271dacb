//! The glossary explains each term once.

use std::collections::BTreeMap;

use super::{finding::Finding, tree::Tree};

/// Head of the table that is the glossary, in any document.
const HEAD: &str = "| term | meaning |";

/// No term is in two rows of the glossary. A row may explain several terms, separated by commas.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut has_table = false;
    for (path, text) in tree.texts(".md") {
        let mut is_inside = false;
        for (index, line) in text.lines().enumerate() {
            is_inside = line == HEAD || is_inside && line.starts_with('|');
            has_table |= is_inside;
            if !is_inside || line == HEAD || line.starts_with("|-") {
                continue;
            }
            let cell = line.split('|').nth(1).unwrap_or_default();
            for term in cell.split(',').map(|it| it.trim().trim_matches('`').to_lowercase()) {
                let place = format!("{path}:{}", index + 1);
                if let Some(first) = known.get(&term) {
                    let advice = format!("`{term}` is explained at {first} already: merge the rows");
                    findings.push(Finding::new(path, index + 1, advice));
                } else {
                    known.insert(term, place);
                }
            }
        }
    }
    if !has_table {
        findings.push(Finding::new("docs", 0, format!("add a glossary: a table that begins with `{HEAD}`")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: &str =
        "# Glossary\n\n| term | meaning |\n|---|---|\n| block | A. |\n| new, dead | B. |\n\nRing.\n";

    fn found(rows: &str) -> Vec<usize> {
        let text = format!("{}{rows}", CLEAN.trim_end_matches("\nRing.\n"));
        check(&Tree::of(&[("docs/G.md", &text)], vec![])).iter().map(|it| it.line).collect()
    }

    #[test]
    fn different_terms_pass() {
        assert_eq!(check(&Tree::of(&[("docs/G.md", CLEAN)], vec![])), []);
        assert_eq!(found("| leak (of a test) | C. |\n"), [0; 0]);
    }

    #[test]
    fn a_term_twice_is_found() {
        assert_eq!(found("| block | C. |\n"), [7]);
        assert_eq!(found("| `Dead` | C. |\n"), [7]);
        // In another document, too.
        let other = ("docs/H.md", "| term | meaning |\n|---|---|\n| new | C. |\n");
        assert_eq!(check(&Tree::of(&[("docs/G.md", CLEAN), other], vec![])).len(), 1);
    }

    #[test]
    fn a_missing_glossary_is_found() {
        assert_eq!(check(&Tree::of(&[("docs/A.md", "# A\n")], vec![])).len(), 1);
    }
}
