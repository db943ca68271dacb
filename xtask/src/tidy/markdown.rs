//! The parts of Markdown that the rules about documents need.

use regex::Regex;

/// A document's lines with their 1-based numbers, without those inside fenced code.
pub fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((index + 1, line))
    })
}

/// The words of a line that stand in backticks.
pub fn code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// A line without its text in backticks.
pub fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// The targets of a document's links, with the 1-based numbers of their lines; none that stand in code.
pub fn links(text: &str) -> impl Iterator<Item = (usize, String)> {
    let inline = Regex::new(r#"\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)"#).ok();
    let reference = Regex::new(r"^\s{0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)").ok();
    prose(text).flat_map(move |(number, line)| {
        let line = without_code(line);
        let targets = |form: &Option<Regex>| -> Vec<String> {
            let found = form.iter().flat_map(|form| form.captures_iter(&line));
            found.filter_map(|link| Some(link.get(1)?.as_str().to_owned())).collect()
        };
        let both = [targets(&inline), targets(&reference)].concat();
        both.into_iter().map(move |target| (number, target))
    })
}

/// The words of a heading, if the line is one.
pub fn heading(line: &str) -> Option<&str> {
    let words = line.trim_start_matches('#');
    (words.len() < line.len()).then(|| words.strip_prefix(' ')).flatten().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fenced_code_is_no_prose() {
        let text = "one\n```sh\ntwo\n```\nthree";
        assert_eq!(prose(text).collect::<Vec<_>>(), [(1, "one"), (5, "three")]);
    }

    #[test]
    fn code_and_the_rest_of_a_line() {
        let line = "see `a.rs` and `b`.";
        assert_eq!(code(line).collect::<Vec<_>>(), ["a.rs", "b"]);
        assert_eq!(without_code(line), "see `` and ``.");
    }

    #[test]
    fn headings() {
        assert_eq!(heading("## In `docs`"), Some("In `docs`"));
        assert_eq!(heading("#hashtag"), None);
        assert_eq!(heading("plain"), None);
    }
}
