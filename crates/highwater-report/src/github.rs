//! The verdict of `check` for GitHub workflows: annotations at source lines, and a step summary in Markdown.
//!
//! Annotations are lines of the form `::error file=…,line=…,title=…::message`. `%`, CR and LF are escaped in
//! the message and in properties; properties also escape `:` and `,`.

use highwater_analyze::{Check, CheckRow, Frame, KindCheck, Verdict};

use crate::check::{advice, growth, total, undecided, word};
use crate::label::clean;
use crate::number;

/// The lines that make GitHub annotate the pull request: an error for each regression, a warning for an
/// inconclusive verdict. `roots` are the possible root directories of the repository; paths below one of them
/// become relative to it.
pub fn github_annotations(check: &Check, roots: &[String]) -> String {
    let mut text = String::new();
    for kind in &check.checks {
        for row in &kind.regressions {
            let unit = &kind.new.unit;
            let message = format!(
                "{}: {}; {} of {}",
                clean(&row.key.label),
                growth(check.max_growth, &row.judgement, unit),
                number::amount(row.judgement.new.value, unit),
                clean(&kind.new.sample)
            );
            text.push_str(&command("error", place(row, roots), &message));
        }
        match kind.total_verdict {
            Verdict::Regression => text.push_str(&command("error", None, &total(check, kind))),
            Verdict::Inconclusive => {
                let advice = advice(kind).unwrap_or_default();
                text.push_str(&command("warning", None, &format!("{}; {advice}", total(check, kind))));
            }
            Verdict::Pass => {}
        }
    }
    text
}

/// The verdict in GitHub's Markdown, for the file in `GITHUB_STEP_SUMMARY`.
pub fn github_summary(check: &Check) -> String {
    let mut text = format!("### Memory: {}\n\n", word(check.verdict));
    for kind in &check.checks {
        text.push_str(&format!("{}\n\n", markdown(&total(check, kind))));
        if let Some(advice) = advice(kind) {
            text.push_str(&format!("{}\n\n", markdown(&advice)));
        }
        text.push_str(&table(kind));
        if kind.undecided.rows > 0 {
            text.push_str(&format!("{}\n\n", markdown(&undecided(kind))));
        }
    }
    text
}

fn table(kind: &KindCheck) -> String {
    if kind.regressions.is_empty() {
        return String::new();
    }
    let unit = &kind.new.unit;
    let mut text = "| growth | allowed | base | new | where |\n|---:|---:|---:|---:|---|\n".to_owned();
    for row in &kind.regressions {
        let it = &row.judgement;
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            number::change(&it.growth, unit),
            number::amount(it.allowed, unit),
            number::amount(it.base.value, unit),
            number::amount(it.new.value, unit),
            markdown(&clean(&row.key.label))
        ));
    }
    if kind.omitted.rows > 0 {
        text.push_str(&format!(
            "\n{} are not listed.\n",
            number::count(kind.omitted.rows, "more regression")
        ));
    }
    text + "\n"
}

/// The place to annotate: the innermost line inside the repository, from the row's own frame outwards.
fn place(row: &CheckRow, roots: &[String]) -> Option<(String, Option<i64>)> {
    let is_own = |frame: &Frame| frame.short_file() == row.key.file.as_deref() && frame.line == row.key.line;
    let from = row.stack.iter().position(is_own).unwrap_or(0);
    let in_repository = |frame: &Frame| {
        let file = frame.file.as_deref()?;
        let below =
            roots.iter().find_map(|root| file.strip_prefix(root.trim_end_matches('/'))?.strip_prefix('/'));
        let is_relative =
            !file.starts_with(['/', '\\']) && !file.contains(":\\") && frame.short_file() == Some(file);
        let file = below.or_else(|| is_relative.then_some(file))?;
        Some((file.to_owned(), frame.line))
    };
    row.stack.get(from..).unwrap_or_default().iter().find_map(in_repository)
}

fn command(name: &str, place: Option<(String, Option<i64>)>, message: &str) -> String {
    let mut properties = Vec::new();
    if let Some((file, line)) = place {
        properties.push(format!("file={}", property(&file)));
        properties.extend(line.map(|line| format!("line={line}")));
    }
    properties.push(format!("title={}", property("highwater check")));
    format!("::{name} {}::{}\n", properties.join(","), data(message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Escapes a profile's text for Markdown: names contain `<`, `*`, `_` and `|`.
fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '@' | '!' => escaped.extend(['\\', it]),
            it => escaped.push(it),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use highwater_analyze::Doubt;

    use super::*;
    use crate::check::tests::{sample, with_doubt};

    fn roots() -> Vec<String> {
        vec!["/home/me/app/".to_owned()]
    }

    #[test]
    fn a_regression_is_an_error_at_its_line_in_the_repository() {
        let text = github_annotations(&sample(), &roots());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[0].starts_with(
                "::error file=src/index.rs,line=88,title=highwater check::src/index.rs:88 codeindex::index::Index::add: growth +9.0 MiB ± 410 KiB"
            ),
            "{text}"
        );
        assert!(lines[1].starts_with("::error title=highwater check::live-bytes: "), "{text}");
        assert!(lines[1].contains("(+50.0%25), allowed"), "per cent signs are escaped: {text}");
    }

    #[test]
    fn code_outside_of_the_repository_is_annotated_at_its_call() {
        let mut check = sample();
        let row = &mut check.checks[0].regressions[0];
        row.stack[1].file = Some("/home/u/.cargo/registry/src/i/regex-1.0.0/src/lib.rs".to_owned());
        row.key.file = Some("regex-1.0.0/src/lib.rs".to_owned());
        assert!(github_annotations(&check, &roots()).starts_with("::error file=src/main.rs,line=7,"));
        assert!(github_annotations(&check, &[]).starts_with("::error title="), "no file is made up");
    }

    #[test]
    fn names_cannot_inject_commands() {
        let mut check = sample();
        let row = &mut check.checks[0].regressions[0];
        row.key.label = "a%b\n::error::x".to_owned();
        row.stack[1].file = Some("/home/me/app/src/a,b:c%\n.rs".to_owned());
        row.key.file.clone_from(&row.stack[1].file);
        let text = github_annotations(&check, &roots());
        assert!(text.starts_with("::error file=src/a%2Cb%3Ac%25%0A.rs,line=88,"), "{text}");
        assert!(text.contains("::a%25b\u{fffd}::error::x: growth"), "{text}");
        assert!(text.lines().all(|line| line.starts_with("::error ")), "{text}");
    }

    #[test]
    fn an_inconclusive_verdict_is_a_warning() {
        let text = github_annotations(&with_doubt(Doubt::UnknownErrors), &roots());
        assert!(text.starts_with("::warning title=highwater check::live-bytes: "), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn the_summary_is_markdown_with_escaped_names() {
        let mut check = sample();
        check.checks[0].regressions[0].key.label = "<a::B as c|d>::*e".to_owned();
        let text = github_summary(&check);
        assert!(text.starts_with("### Memory: regression\n\nlive-bytes: 16.0 MiB"), "{text}");
        assert!(
            text.contains(
                "| +9.0 MiB ± 410 KiB | 81.9 KiB | 0 B | 9.0 MiB | &lt;a::B as c\\|d&gt;::\\*e |\n"
            ),
            "{text}"
        );
        assert!(text.contains("2 rows may have grown"));
        assert!(!github_summary(&with_doubt(Doubt::UnknownErrors)).contains("| growth"));
    }
}
