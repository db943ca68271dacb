//! The findings that were examined: the table in `docs/records/REAL-SUITES.md`, and what a run has beside it.
//!
//! A row of that table names the crate, the test program with the test (`*` matches any text), the kind of
//! leftover, the line of the published source that started it, and the verdict with its reason. If a finding
//! occurs only in some runs, its verdict ends in `sometimes`.

use std::fs;
use std::path::Path;

use regex::Regex;

use super::outcome::Finding;
use crate::failure::Failure;

/// Where the table is, below the root.
pub const PAGE: &str = "docs/records/REAL-SUITES.md";

/// A row of the table.
#[derive(Debug)]
pub struct Examined {
    krate: String,
    test: String,
    kind: String,
    line: String,
    sometimes: bool,
    pattern: Regex,
}

/// Reads the table.
///
/// # Errors
/// When the page cannot be read, has no such table, or a row of it is incomplete.
pub fn load(root: &Path) -> Result<Vec<Examined>, Failure> {
    let path = root.join(PAGE);
    let text = fs::read_to_string(&path).map_err(|source| Failure::File { path, source })?;
    parse(&text).map_err(Failure::Suites)
}

fn parse(page: &str) -> Result<Vec<Examined>, String> {
    let mut lines =
        page.lines().enumerate().skip_while(|(_, line)| !line.starts_with("| crate | test | left |"));
    if lines.next().is_none() {
        return Err(format!("{PAGE}: there is no table that begins with `| crate | test | left |`"));
    }
    let rows = lines.skip(1).take_while(|(_, line)| line.starts_with('|'));
    rows.map(|(index, line)| {
        row(line).ok_or_else(|| format!("{PAGE}:{}: a cell is missing or empty", index + 1))
    })
    .collect()
}

fn row(line: &str) -> Option<Examined> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let cells: Vec<&str> = inner.split('|').map(|it| it.trim().trim_matches('`')).collect();
    let [krate, test, kind, line, verdict, reason] = cells[..] else { return None };
    if cells.iter().any(|it| it.is_empty()) || reason.len() < 10 || !verdict.starts_with("genuine") {
        return None;
    }
    Some(Examined {
        krate: krate.to_owned(),
        test: test.to_owned(),
        kind: kind.to_owned(),
        line: line.to_owned(),
        sometimes: verdict.ends_with("sometimes"),
        pattern: Regex::new(&format!("^{}$", regex::escape(test).replace(r"\*", ".*"))).ok()?,
    })
}

impl Examined {
    fn is(&self, krate: &str, finding: &Finding) -> bool {
        self.krate == krate
            && self.kind == finding.kind
            && self.line == finding.line
            && self.pattern.is_match(&format!("{} {}", finding.program, finding.test))
    }
}

/// The differences for a crate: findings that are not in the table, and rows of the table without a finding.
pub fn compare(krate: &str, findings: &[Finding], examined: &[Examined]) -> Vec<String> {
    let mut wrong: Vec<String> = Vec::new();
    for finding in findings.iter().filter(|finding| !examined.iter().any(|it| it.is(krate, finding))) {
        let Finding { program, test, kind, site, line } = finding;
        let words =
            format!("unexamined: | `{krate}` | `{program} {test}` | {kind} | `{line}` |  (in {site})");
        if !wrong.contains(&words) {
            wrong.push(words);
        }
    }
    let of_crate = examined.iter().filter(|it| it.krate == krate && !it.sometimes);
    for row in of_crate.filter(|row| !findings.iter().any(|finding| row.is(krate, finding))) {
        let Examined { test, kind, line, .. } = row;
        wrong.push(format!("listed in {PAGE} and not found: | `{krate}` | `{test}` | {kind} | `{line}` |"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_TEXT: &str = "# Suites\n\n| crate | test | left | started at | verdict | reason |\n|---|---|---|---|---|---|\n\
        | `chan` | `list many_*` | thread | `tests/list.rs:7` | genuine | the producer is never joined |\n\
        | `chan` | `list slow` | thread | `tests/list.rs:9` | genuine, sometimes | it may end just in time |\n\nMore words.\n\n\
        | other | table |\n";

    fn finding(program: &str, test: &str, line: &str) -> Finding {
        let [program, test, line] = [program, test, line].map(str::to_owned);
        Finding { program, test, kind: "thread".to_owned(), site: "list::producer".to_owned(), line }
    }

    #[test]
    fn listed_findings_are_accepted() {
        let examined = parse(PAGE_TEXT).unwrap();
        assert_eq!(examined.len(), 2);
        let found = [finding("list", "many_two", "tests/list.rs:7")];
        assert_eq!(compare("chan", &found, &examined), [""; 0]);
        assert_eq!(compare("flume", &[], &examined), [""; 0]);
    }

    #[test]
    fn new_and_missing_findings_are_reported() {
        let examined = parse(PAGE_TEXT).unwrap();
        let others = [
            finding("list", "many_two", "tests/list.rs:8"),
            finding("array", "many_two", "tests/list.rs:7"),
            finding("list", "manytwo", "tests/list.rs:7"),
            Finding { kind: "task".to_owned(), ..finding("list", "many_two", "tests/list.rs:7") },
        ];
        for other in others {
            let wrong = compare("chan", &[other.clone(), other], &examined);
            assert_eq!(wrong.len(), 2, "{wrong:?}");
            let is_told =
                wrong[0].starts_with("unexamined: | `chan` |") && wrong[0].ends_with("(in list::producer)");
            assert!(is_told, "{wrong:?}");
            assert!(wrong[1].contains("not found: | `chan` | `list many_*`"), "{wrong:?}");
        }
    }

    #[test]
    fn a_row_without_a_reason_is_refused() {
        for (page, words) in [
            ("no table", "there is no table"),
            (&PAGE_TEXT.replace("the producer is never joined", "x"), "REAL-SUITES.md:5"),
            (&PAGE_TEXT.replace("genuine, sometimes", "unknown"), "REAL-SUITES.md:6"),
            (&PAGE_TEXT.replace("| `list slow` ", ""), "REAL-SUITES.md:6"),
        ] {
            let fault = parse(page).unwrap_err();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
