//! Links between the project's documents have targets.

use regex::Regex;

use super::finding::Finding;
use super::markdown;
use super::tree::Tree;

/// Files that may name a page without a link to it. The sources of the rules name pages that are made up, and
/// the changelog names pages of its time.
const NAMED: [&str; 3] = [".rs", ".toml", ".md"];

fn may_name_others(path: &str) -> bool {
    path.starts_with("xtask/src/tidy/") || path == "CHANGELOG.md"
}

/// Every link of a Markdown file to a file of the repository, or to a heading, has its target. Every page of
/// `docs` that a source or a page names exists.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(".md") {
        for (number, link) in links(text) {
            if !leads(tree, path, &link) {
                let advice = format!("the link to {link} leads nowhere: correct it");
                findings.push(Finding::new(path, number, advice));
            }
        }
    }
    let Ok(named) = Regex::new(r"\bdocs/[A-Za-z0-9_/-]+\.md\b") else { return findings };
    let files = NAMED.iter().flat_map(|end| tree.texts(end));
    for (path, text) in files.filter(|(path, _)| !may_name_others(path)) {
        for (index, line) in text.lines().enumerate() {
            let gone = named.find_iter(line).filter(|name| !tree.has(name.as_str()));
            findings.extend(gone.map(|name| {
                let advice = format!("there is no {}: name the page that has it now", name.as_str());
                Finding::new(path, index + 1, advice)
            }));
        }
    }
    findings
}

/// The files that the links of a page lead to, as paths of the tree.
pub fn targets(path: &str, text: &str) -> Vec<String> {
    let files = links(text).into_iter().filter(|(_, link)| !is_elsewhere(link));
    files.filter_map(|(_, link)| resolve(path, link.split('#').next().unwrap_or_default())).collect()
}

/// The links of a page with their lines: inline ones, definitions of references, and attributes of HTML.
fn links(text: &str) -> Vec<(usize, String)> {
    let inline = Regex::new(r#"\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)"#);
    let reference = Regex::new(r"^\s{0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)");
    let attribute = Regex::new(r#"<[a-z][^>]*\s(?:href|src)="([^"]+)""#);
    let (Ok(inline), Ok(reference), Ok(attribute)) = (inline, reference, attribute) else { return vec![] };
    let mut found = Vec::new();
    for (number, line) in markdown::prose(text) {
        let line = markdown::without_code(line);
        let captures = inline.captures_iter(&line).chain(reference.captures_iter(&line));
        let captures = captures.chain(attribute.captures_iter(&line));
        found.extend(captures.map(|link| (number, link[1].to_owned())));
    }
    found
}

fn is_elsewhere(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

fn leads(tree: &Tree, from: &str, link: &str) -> bool {
    if is_elsewhere(link) {
        return true;
    }
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let Some(target) = resolve(from, path) else { return false };
    let has_heading = || tree.text(&target).is_none_or(|text| has_heading(text, heading));
    tree.has(&target) && (heading.is_empty() || has_heading())
}

/// The tree's path for a link in `from`; none if it leads out of the repository. A link is relative to its
/// own file, and a leading `/` means the repository's top, as web views of repositories have it.
fn resolve(from: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(from.to_owned());
    }
    let (mut parts, link) = match link.strip_prefix('/') {
        Some(link) => (vec![], link),
        None => (from.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect(), link),
    };
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

fn has_heading(text: &str, wanted: &str) -> bool {
    markdown::prose(text).filter_map(|(_, line)| markdown::heading(line)).any(|words| anchor(words) == wanted)
}

/// The anchor that code hosting sites give a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<usize> {
        let files = [("README.md", "# Quick start: `top`"), ("docs/a/B.md", text), ("docs/C.md", "")];
        check(&Tree::of(&files, vec![])).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn links_with_targets_pass() {
        let text = "# Here\n[web](https://example.org/x) [mail](mailto:a@b.c) [c](../C.md \"title\") [top](/README.md)\n\
            [start](../../README.md#quick-start-top) [here](#here) [directory](..)\n\
            `[code](no.md)`\n```\n[fenced](no.md)\n```\n[ref]: ../C.md\n";
        assert!(found(text).is_empty());
    }

    #[test]
    fn links_without_targets_are_found() {
        assert_eq!(found("\n[gone](GONE.md)"), [2]);
        assert_eq!(found("[wrong directory](C.md)"), [1]);
        assert_eq!(found("[out](../../../elsewhere.md)"), [1]);
        assert_eq!(found("[no heading](#there)"), [1]);
        assert_eq!(found("[no heading](../../README.md#slow-start)"), [1]);
        assert_eq!(found("[ref]: GONE.md"), [1]);
    }

    #[test]
    fn pictures_and_links_in_html_count() {
        assert!(found("<img alt=\"c\" src=\"../C.md\"> <a href=\"https://example.org\">x</a>").is_empty());
        assert_eq!(found("<img src=\"gone.png\">"), [1]);
    }

    #[test]
    fn a_page_that_is_named_and_gone_is_found() {
        let found = |path: &str, text: &str| {
            let findings = check(&Tree::of(&[(path, text), ("docs/C.md", "")], vec![]));
            findings.iter().map(|finding| finding.line).collect::<Vec<_>>()
        };
        for path in ["crates/a/src/b.rs", "tests/b.rs", "Cargo.toml", "docs/D.md", "xtask/src/bench/mod.rs"] {
            assert_eq!(
                found(path, "// See docs/C.md.\n// See docs/GONE.md, docs/c/GONE.md."),
                [2, 2],
                "{path}"
            );
        }
        assert_eq!(found("CHANGELOG.md", "docs/GONE.md"), [0; 0]);
        assert_eq!(found("tests/b.rs", "olddocs/GONE.md, docs/GONE.mdx, docs.rs/a.md"), [0; 0]);
    }
}
