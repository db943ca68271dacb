//! Links between the project's documents have targets.

use regex::Regex;

use super::{Finding, markdown, tree::Tree};

/// Every link of a Markdown file to a file of the repository, or to a heading, has its target.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let inline = Regex::new(r#"\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)"#);
    let reference = Regex::new(r"^\s{0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)");
    let (Ok(inline), Ok(reference)) = (inline, reference) else { return vec![] };
    let mut findings = Vec::new();
    for (path, text) in tree.texts(".md") {
        for (number, line) in markdown::prose(text) {
            let line = markdown::without_code(line);
            let links = inline.captures_iter(&line).chain(reference.captures_iter(&line));
            let broken =
                links.filter_map(|link| link.get(1)).filter(|link| !leads(tree, path, link.as_str()));
            findings.extend(broken.map(|link| {
                Finding::new(path, number, format!("the link to {} leads nowhere: correct it", link.as_str()))
            }));
        }
    }
    findings
}

fn leads(tree: &Tree, from: &str, link: &str) -> bool {
    let is_elsewhere = link.contains("://") || link.starts_with("mailto:");
    if is_elsewhere {
        return true;
    }
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let Some(target) = resolve(from, path) else { return false };
    let has_heading = || tree.text(&target).is_none_or(|text| has_heading(text, heading));
    tree.has(&target) && (heading.is_empty() || has_heading())
}

/// The tree's path for a link in `from`; `None` if it leads out of the repository. A link is relative to its
/// own file. A leading `/` means the repository's top, as on code hosting sites.
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
}
