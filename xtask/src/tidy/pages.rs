//! Each page says who reads it, can be reached from the README, and installs what is there.

use std::collections::BTreeSet;

use regex::Regex;
use toml::Table;

use super::{finding::Finding, links, tree::Tree};

const START: &str = "README.md";

/// How the first paragraph of a page begins.
const READERS: [&str; 2] = ["This page is for ", "This record is for "];

/// The folder that pages call the checkout by, in lines that install it.
const CHECKOUT: &str = "../highwater/";

/// Every page below `docs` has its reader and a way to it, and no line of a page installs what is not there.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let pages = || tree.texts(".md").filter(|(path, _)| path.starts_with("docs/"));
    let reached = reached(tree);
    let mut findings = Vec::new();
    for (path, text) in pages() {
        let mut lines = text.lines().filter(|line| !line.is_empty());
        let has_title = lines.next().is_some_and(|line| line.starts_with("# "));
        let has_reader = lines.next().is_some_and(|line| READERS.iter().any(|words| line.starts_with(words)));
        if !has_title || !has_reader {
            let advice =
                format!("begin with a title and `{}…`: who reads it, what he can do then", READERS[0]);
            findings.push(Finding::new(path, 1, advice));
        }
        if !reached.contains(path) {
            findings.push(Finding::new(
                path,
                0,
                format!("no page that {START} leads to has a link to this one"),
            ));
        }
    }
    let installing = tree.texts(".md").filter(|(path, _)| *path == START || path.starts_with("docs/"));
    findings.extend(installing.flat_map(|(path, text)| wrong_installation(path, text, tree)));
    findings
}

/// All pages that links lead to, from the README on.
fn reached(tree: &Tree) -> BTreeSet<String> {
    let mut reached = BTreeSet::from([START.to_owned()]);
    let mut open = vec![START.to_owned()];
    while let Some(page) = open.pop() {
        let text = tree.text(&page).unwrap_or_default();
        for target in links::targets(&page, text) {
            if target.ends_with(".md") && tree.has(&target) && reached.insert(target.clone()) {
                open.push(target);
            }
        }
    }
    reached
}

/// Lines that install a folder that is no crate, or a version that is not the workspace's.
fn wrong_installation(path: &str, text: &str, tree: &Tree) -> Vec<Finding> {
    let folder = Regex::new(&format!(r#"{}([^\s"]+)"#, regex::escape(CHECKOUT)));
    let version = Regex::new(r#"^[^|]*\bhighwater[a-z-]* = (?:\{[^}]*version = )?"([0-9.]+)""#);
    let (Ok(folder), Ok(version)) = (folder, version) else { return vec![] };
    let manifest = tree.text("Cargo.toml").and_then(|text| text.parse::<Table>().ok()).unwrap_or_default();
    let ours = manifest.get("workspace").and_then(|it| it.get("package")?.get("version")?.as_str());
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let gone = folder.captures_iter(line).map(|found| found[1].to_owned());
        for gone in gone.filter(|it| !tree.has(&format!("{it}/Cargo.toml"))) {
            findings.push(Finding::new(path, index + 1, format!("there is no crate in {gone}")));
        }
        let fits =
            |asked: &str| ours.is_some_and(|ours| ours == asked || ours.starts_with(&format!("{asked}.")));
        let wrong = version.captures(line).filter(|found| !fits(&found[1]));
        findings.extend(wrong.map(|found| {
            let advice =
                format!("version {} is not the workspace's, {}", &found[1], ours.unwrap_or("unknown"));
            Finding::new(path, index + 1, advice)
        }));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<(String, usize)> {
        let house =
            [("Cargo.toml", "[workspace.package]\nversion = '0.1.3'"), ("crates/highwater/Cargo.toml", "")];
        let files: Vec<_> = files.iter().copied().chain(house).collect();
        check(&Tree::of(&files, vec![])).into_iter().map(|it| (it.path, it.line)).collect()
    }

    const README: (&str, &str) = (START, "[a](docs/A.md)");
    const PAGE: (&str, &str) = ("docs/A.md", "# A\n\nThis page is for testers. [b](records/B.md#b)");
    const RECORD: (&str, &str) = ("docs/records/B.md", "# B\n\nThis record is for testers.");

    #[test]
    fn pages_with_a_reader_and_a_way_to_them_pass() {
        assert_eq!(found(&[README, PAGE, RECORD]), []);
    }

    #[test]
    fn a_page_without_a_reader_is_found() {
        let page = |text| found(&[README, ("docs/A.md", text)]);
        assert_eq!(page("# A\n\nIt is said what there is."), [("docs/A.md".to_owned(), 1)]);
        assert_eq!(page("This page is for testers."), [("docs/A.md".to_owned(), 1)]);
        assert_eq!(page("# A\n## B\n\nThis page is for testers."), [("docs/A.md".to_owned(), 1)]);
    }

    #[test]
    fn a_page_that_nothing_leads_to_is_found() {
        let lost = found(&[README, ("docs/A.md", "# A\n\nThis page is for testers."), RECORD]);
        assert_eq!(lost, [("docs/records/B.md".to_owned(), 0)]);
    }

    #[test]
    fn an_installation_of_what_is_not_there_is_found() {
        let readme = |line: &str| found(&[(START, &format!("[a](docs/A.md)\n{line}")), PAGE, RECORD]);
        for right in [
            "highwater = { path = \"../highwater/crates/highwater\" } # or highwater = \"0.1\"",
            "cargo install --path ../highwater/crates/highwater",
            "highwater-agent = { version = \"0.1\", features = [\"tls\"] }",
        ] {
            assert_eq!(readme(right), [], "{right}");
        }
        for wrong in [
            "highwater = { path = \"../highwater/crates/high\" }",
            "cargo install --path ../highwater/crates/highwater-cli",
            "highwater = \"0.2\"",
            "highwater-agent = { version = \"1.0\", features = [\"tls\"] }",
            "highwater = { path = \"../highwater/crates/highwater\" } # or highwater = \"0.12\"",
        ] {
            assert_eq!(readme(wrong), [(START.to_owned(), 2)], "{wrong}");
        }
    }
}
