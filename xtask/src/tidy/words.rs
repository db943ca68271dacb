//! Comments use plain words, and their lines are no wider than the code.
//!
//! `words.toml` lists the words to avoid, and the files that are not checked yet.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{finding::Finding, tree::Tree};

const LIST: &str = "xtask/src/tidy/words.toml";

/// Maximum entries in the list of files that are not checked yet. Lower this when the list gets shorter.
const MOST_PENDING: usize = 1;

#[derive(Deserialize)]
struct List {
    /// Plain words for each phrase to avoid.
    words: BTreeMap<String, String>,
    pending: Pending,
}

#[derive(Deserialize)]
struct Pending {
    paths: Vec<String>,
}

/// Consecutive comment lines with the same marker.
struct Block<'a> {
    /// Number of the first line, from 1.
    line: usize,
    /// The lines without their markers.
    lines: Vec<&'a str>,
}

/// No comment contains a word of the list, or a line that is wider than the code's `max_width`.
pub fn check(tree: &Tree) -> Vec<Finding> {
    match toml::from_str(include_str!("words.toml")) {
        Ok(list) => check_with(tree, &list, MOST_PENDING),
        Err(error) => vec![Finding::new(LIST, 0, format!("correct the list: {error}"))],
    }
}

fn check_with(tree: &Tree, list: &List, most_pending: usize) -> Vec<Finding> {
    let width = max_width(tree);
    let all: Vec<Finding> = tree
        .texts(".rs")
        .flat_map(|(path, text)| words(path, text, list).into_iter().chain(wide_lines(path, text, width)))
        .collect();
    let is_pending =
        |entry: &str, path: &str| entry == path || entry.ends_with('/') && path.starts_with(entry);
    let pending = &list.pending.paths;
    let done = pending.iter().filter(|entry| !all.iter().any(|it| is_pending(entry, &it.path)));
    let mut findings: Vec<Finding> = done
        .map(|entry| {
            Finding::new(LIST, 0, format!("`{entry}` has no findings any more: drop it from the list"))
        })
        .collect();
    if pending.len() != most_pending {
        let advice =
            format!("{} paths are pending, and MOST_PENDING is {most_pending}: only lower it", pending.len());
        findings.push(Finding::new(LIST, 0, advice));
    }
    findings.extend(all.into_iter().filter(|it| !pending.iter().any(|entry| is_pending(entry, &it.path))));
    findings
}

/// The maximum width of code lines in `rustfmt.toml`; rustfmt's default if it is not set.
fn max_width(tree: &Tree) -> usize {
    let settings = tree.text("rustfmt.toml").and_then(|text| text.parse::<toml::Table>().ok());
    let width = settings.as_ref().and_then(|it| it.get("max_width")?.as_integer());
    width.and_then(|it| usize::try_from(it).ok()).unwrap_or(100)
}

fn words(path: &str, text: &str, list: &List) -> Vec<Finding> {
    let mut findings = Vec::new();
    for block in blocks(text) {
        let prose = prose(&block.lines);
        for (phrase, plain) in &list.words {
            for at in positions(&prose, phrase) {
                let line = block.line + prose[..at].matches('\n').count();
                findings.push(Finding::new(
                    path,
                    line,
                    format!("say it in plain words ({plain}), not `{phrase}`"),
                ));
            }
        }
    }
    findings
}

/// Comment lines wider than `width` characters. A line that cannot be broken there is allowed: a table, an
/// address, or code inside a fence.
fn wide_lines(path: &str, text: &str, width: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut is_fenced = false;
    for (index, line) in text.lines().enumerate() {
        let Some(content) = comment(line) else {
            is_fenced = false;
            continue;
        };
        is_fenced ^= content.trim_start().starts_with("```");
        let columns = line.chars().count();
        let is_breakable = !is_fenced && !content.trim_start().starts_with('|') && !content.contains("://");
        if columns > width && is_breakable {
            let advice = format!("this comment has {columns} columns, more than the code ({width}): wrap it");
            findings.push(Finding::new(path, index + 1, advice));
        }
    }
    findings
}

/// The text of a comment line, without its marker.
fn comment(line: &str) -> Option<&str> {
    let content = line.trim_start().strip_prefix("//")?;
    Some(content.strip_prefix(['/', '!']).unwrap_or(content))
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_open = false;
    for (index, line) in text.lines().enumerate() {
        match (comment(line), blocks.last_mut().filter(|_| is_open)) {
            (Some(content), Some(block)) => block.lines.push(content),
            (Some(content), None) => blocks.push(Block { line: index + 1, lines: vec![content] }),
            (None, _) => {}
        }
        is_open = comment(line).is_some();
    }
    blocks
}

/// The prose of a comment in lower case, line by line: code in fences and backticks is blank.
fn prose(lines: &[&str]) -> String {
    let (mut is_fenced, mut is_code) = (false, false);
    let mut prose = String::new();
    for line in lines {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        if !is_fence && !is_fenced {
            for character in line.trim_start().chars() {
                is_code ^= character == '`';
                prose.extend(if is_code { "_".chars().next() } else { character.to_lowercase().next() });
            }
        }
        prose.push('\n');
    }
    prose
}

/// The positions at which `text` contains the words of `phrase`, separated by spaces or line ends.
fn positions(text: &str, phrase: &str) -> Vec<usize> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let words: Vec<&str> = phrase.split(' ').collect();
    let mut found = Vec::new();
    for (at, _) in text.match_indices(words[0]) {
        if text[..at].chars().next_back().is_some_and(is_word) {
            continue;
        }
        let mut rest = Some(&text[at..]);
        for (index, word) in words.iter().enumerate() {
            rest = rest
                .map(|it| if index == 0 { it } else { it.trim_start() })
                .and_then(|it| it.strip_prefix(word));
            if rest.is_some_and(|it| it.chars().next().is_some_and(is_word)) {
                rest = None;
            }
        }
        found.extend(rest.map(|_| at));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[(&str, &str)], paths: &[&str]) -> List {
        let words = words.iter().map(|(phrase, plain)| ((*phrase).to_owned(), (*plain).to_owned())).collect();
        List { words, pending: Pending { paths: paths.iter().map(|it| (*it).to_owned()).collect() } }
    }

    fn found(text: &str) -> Vec<(usize, String)> {
        let list = list(&[("whoever", "the caller"), ("those of", "the noun")], &[]);
        let tree = Tree::of(&[("rustfmt.toml", "max_width = 40"), ("a.rs", text)], vec![]);
        check_with(&tree, &list, 0).into_iter().map(|it| (it.line, it.advice)).collect()
    }

    #[test]
    fn plain_comments_pass() {
        let address = "x".repeat(40);
        for text in [
            "//! Wraps an allocator.\n\n/// What `whoever` means: whoevers.\nfn a() {}\n",
            "/// ```\n/// whoever those of\n/// ```\nfn a() {}\n",
            "let whoever = those; // whoever",
            "// Thou. Those\nfn of() {}",
            &format!("//! <https://{address}>\n//! | {address} |\n//!\n//! ```\n//! {address}\n//! ```\n"),
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn each_word_of_the_list_is_found() {
        let list: List = toml::from_str(include_str!("words.toml")).unwrap();
        for (phrase, plain) in &list.words {
            assert!(!plain.is_empty() && *phrase == phrase.to_lowercase(), "{phrase}");
            let text = format!("//! A.\n\n/// Does it, {phrase}, well.\nfn a() {{}}\n");
            let findings = words("a.rs", &text, &list);
            assert!(findings.iter().any(|it| it.line == 3 && it.advice.contains(phrase)), "{phrase}");
        }
    }

    #[test]
    fn words_are_found_in_any_case_and_across_lines() {
        assert_eq!(found("//! Whoever asks.").len(), 1);
        assert_eq!(
            found("//! A.\n\n    // Like those\n    // of others.").iter().map(|it| it.0).collect::<Vec<_>>(),
            [3]
        );
    }

    #[test]
    fn a_wide_comment_is_found_and_wide_code_is_not() {
        let wide = "word ".repeat(8);
        assert_eq!(
            found(&format!("//! A.\n\n/// {wide}\nfn a() {{}}")).iter().map(|it| it.0).collect::<Vec<_>>(),
            [3]
        );
        assert_eq!(found(&format!("fn a() {{ let a = \"{wide}\"; }}")), []);
    }

    #[test]
    fn a_pending_file_is_not_checked_and_the_list_only_gets_shorter() {
        let files = [("old/a.rs", "//! Whoever."), ("new/a.rs", "//! Plain.")];
        let check = |paths: &[&str], most| {
            let list = list(&[("whoever", "the caller")], paths);
            check_with(&Tree::of(&files, vec![]), &list, most).len()
        };
        assert_eq!(check(&["old/"], 1), 0);
        assert_eq!(check(&["old/a.rs"], 1), 0);
        assert_eq!(check(&[], 0), 1);
        // A path that needs no exception, or does not exist; a list that is longer or shorter than the limit.
        assert_eq!(check(&["old/", "new/"], 2), 1);
        assert_eq!(check(&["old/", "gone/"], 2), 1);
        assert_eq!((check(&["old/"], 0), check(&["old/"], 2)), (1, 1));
    }
}
