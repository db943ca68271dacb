//! The page about file formats has a row for each format that the code has, in the same order, and says of
//! each whether it is read and written.

use regex::Regex;

use super::{finding::Finding, tree::Tree};

const ROWS: &str = "crates/highwater-profile/src/format/list.rs";
const DOCUMENT: &str = "docs/FORMATS.md";

/// What a row says of a format.
#[derive(Debug, PartialEq, Eq)]
struct Format {
    name: String,
    can_read: bool,
    can_write: bool,
}

/// The table of the document equals the table of the code.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let (Some(code), Some(document)) = (tree.text(ROWS), tree.text(DOCUMENT)) else { return vec![] };
    let formats = of_code(code);
    if formats.is_empty() {
        return vec![Finding::new(
            ROWS,
            0,
            "no row of a format was found: correct xtask/src/tidy/formats.rs",
        )];
    }
    let documented = of_document(document);
    let mut findings = Vec::new();
    for (at, format) in formats.iter().enumerate() {
        let Some((line, found)) = documented.iter().find(|(_, it)| it.name == format.name) else {
            let advice = format!("add a row for the format `{}`", format.name);
            findings.push(Finding::new(DOCUMENT, 0, advice));
            continue;
        };
        if found != format {
            let word = |can: bool| if can { "" } else { "not " };
            let advice = format!(
                "the format `{}` is {}read and {}written: correct its row",
                format.name,
                word(format.can_read),
                word(format.can_write)
            );
            findings.push(Finding::new(DOCUMENT, *line, advice));
        } else if documented.get(at).is_none_or(|(_, it)| it.name != format.name) {
            let advice = format!("move the row of `{}` to where {ROWS} has it", format.name);
            findings.push(Finding::new(DOCUMENT, *line, advice));
        }
    }
    let unknown = documented.iter().filter(|(_, it)| !formats.iter().any(|format| format.name == it.name));
    findings.extend(unknown.map(|(line, it)| {
        Finding::new(DOCUMENT, *line, format!("there is no format `{}`: delete its row", it.name))
    }));
    findings
}

/// The formats that the rows of the code name.
fn of_code(code: &str) -> Vec<Format> {
    let row = Regex::new(
        r#"(?s)name: "([a-z0-9]+)", title: [^\[]*\[[^\]]*\],\s*read: \[([^\]]*)\], write: \[([^\]]*)\]"#,
    );
    let Ok(row) = row else { return vec![] };
    let is_some = |text: &str| !text.trim().is_empty();
    let of = |it: regex::Captures<'_>| Format {
        name: it[1].to_owned(),
        can_read: is_some(&it[2]),
        can_write: is_some(&it[3]),
    };
    row.captures_iter(code).map(of).collect()
}

/// The formats in the table of the document, with their lines.
fn of_document(document: &str) -> Vec<(usize, Format)> {
    let lines = document.lines().enumerate();
    let table = lines.skip_while(|(_, line)| !line.starts_with("| name | format |")).skip(2);
    let rows = table.take_while(|(_, line)| line.starts_with('|'));
    let of = |(index, line): (usize, &str)| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let name = cells.next()?.trim_matches('`').to_owned();
        let mut is_yes = |at| cells.nth(at).is_some_and(|it| it == "yes");
        Some((index + 1, Format { name, can_read: is_yes(1), can_write: is_yes(0) }))
    };
    rows.filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = r#"
            Pprof {
                name: "pprof", title: "pprof profile", files: [".pb.gz", ".pb"],
                read: [Binary, Vague, pprof::detect, pprof::decode], write: [pprof::encode],
            }
            Csv {
                name: "csv", title: "CSV file", files: [".csv"],
                read: [], write: [csv::encode],
            }
    "#;
    const HEAD: &str =
        "# File formats\n\n| name | format | read | written | values |\n|---|---|---|---|---|\n";
    const PPROF: &str = "| `pprof` | pprof's own | yes | yes | all |\n";
    const CSV: &str = "| `csv` | rows | | yes | all |\n";

    fn findings(rows: &[&str]) -> Vec<String> {
        let document = format!("{HEAD}{}\n| other | table |\n", rows.concat());
        let tree = Tree::of(&[(ROWS, CODE), (DOCUMENT, &document)], vec![]);
        check(&tree).into_iter().map(|it| it.to_string()).collect()
    }

    #[test]
    fn a_table_that_is_the_code_s_passes() {
        assert_eq!(findings(&[PPROF, CSV]), [""; 0]);
    }

    #[test]
    fn a_row_that_is_missing_wrong_or_too_much_is_found() {
        assert_eq!(findings(&[PPROF]), ["docs/FORMATS.md: add a row for the format `csv`"]);
        let wrong = "| `csv` | rows | yes | yes | all |\n";
        let expected = "docs/FORMATS.md:6: the format `csv` is not read and written: correct its row";
        assert_eq!(findings(&[PPROF, wrong]), [expected]);
        let odd = "| `xml` | odd | | yes | all |\n";
        assert_eq!(
            findings(&[PPROF, CSV, odd]),
            ["docs/FORMATS.md:7: there is no format `xml`: delete its row"]
        );
        assert_eq!(findings(&[CSV, PPROF]).len(), 2);
    }

    #[test]
    fn rows_that_cannot_be_read_are_found() {
        let tree = Tree::of(&[(ROWS, "enum Format {}"), (DOCUMENT, HEAD)], vec![]);
        assert_eq!(check(&tree).len(), 1);
    }
}
