//! The pieces of advice that were examined: the second table in `docs/records/ADVICE.md`, and what a run has
//! beside it.
//!
//! A row names the program, the line, the advice (whose first word is the measure), the verdict and its
//! reason.

use std::fs;
use std::path::Path;

use crate::failure::Failure;

/// A piece of advice: its place and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub line: String,
    pub measure: String,
}

/// Where the table is, below the root.
const PAGE: &str = "docs/records/ADVICE.md";

const HEAD: &str = "| program | line | advice | verdict | reason |";

/// A row of the table.
#[derive(Debug)]
pub struct Examined {
    program: String,
    piece: Piece,
    is_true: bool,
}

/// Reads the table.
///
/// # Errors
/// When the page cannot be read, has no such table, or a row of it is incomplete.
pub fn load(root: &Path) -> Result<Vec<Examined>, Failure> {
    let path = root.join(PAGE);
    let text = fs::read_to_string(&path).map_err(|source| Failure::File { path, source })?;
    parse(&text).map_err(Failure::Advice)
}

fn parse(page: &str) -> Result<Vec<Examined>, String> {
    let mut lines = page.lines().enumerate().skip_while(|(_, line)| *line != HEAD);
    if lines.next().is_none() {
        return Err(format!("{PAGE}: there is no table that begins with `{HEAD}`"));
    }
    let rows = lines.skip(1).take_while(|(_, line)| line.starts_with('|'));
    rows.map(|(index, line)| {
        row(line).ok_or_else(|| {
            format!("{PAGE}:{}: a cell is missing, or the verdict is neither true nor false", index + 1)
        })
    })
    .collect()
}

fn row(line: &str) -> Option<Examined> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
    let [program, line, advice, verdict, reason] = cells[..] else { return None };
    let measure = advice.split([' ', ',']).next().filter(|it| !it.is_empty())?;
    if reason.len() < 10 || !matches!(verdict, "true" | "false") {
        return None;
    }
    let line = line.trim_matches('`').to_owned();
    let piece = Piece { line, measure: measure.to_owned() };
    Some(Examined { program: program.to_owned(), piece, is_true: verdict == "true" })
}

/// Whether a piece was examined and is true.
pub fn is_true(program: &str, piece: &Piece, examined: &[Examined]) -> bool {
    examined.iter().any(|it| it.program == program && it.piece == *piece && it.is_true)
}

/// The differences for a program: advice that is not in the table, and rows of the table without advice.
pub fn compare(program: &str, pieces: &[Piece], examined: &[Examined]) -> Vec<String> {
    let of_program = || examined.iter().filter(|it| it.program == program);
    let unexamined = pieces.iter().filter(|piece| !of_program().any(|it| it.piece == **piece));
    let unexamined =
        unexamined.map(|it| format!("unexamined: | {program} | `{}` | {} |", it.line, it.measure));
    let gone = of_program().filter(|row| !pieces.contains(&row.piece));
    let gone = gone.map(|row| {
        format!(
            "listed in {PAGE} and not advised: | {program} | `{}` | {} |",
            row.piece.line, row.piece.measure
        )
    });
    unexamined.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &str = "| program | line | advice | verdict | reason |\n|---|---|---|---|---|\n\
        | csv | `src/a.rs:5` | reserve 64 B, in a library | true | it doubles from four on |\n\
        | csv | `src/b.rs:7` | reuse 38 B | false | it is handed on to others |\n\nmore\n";

    fn piece(line: &str, measure: &str) -> Piece {
        Piece { line: line.to_owned(), measure: measure.to_owned() }
    }

    #[test]
    fn only_listed_advice_is_accepted() {
        let examined = parse(ROWS).unwrap();
        let listed = [piece("src/a.rs:5", "reserve"), piece("src/b.rs:7", "reuse")];
        assert_eq!(compare("csv", &listed, &examined), [""; 0]);
        assert_eq!(listed.each_ref().map(|it| is_true("csv", it, &examined)), [true, false]);
        let others = [piece("src/a.rs:6", "reserve"), piece("src/b.rs:7", "reuse")];
        let wrong = compare("csv", &others, &examined);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].starts_with("unexamined: | csv | `src/a.rs:6`") && wrong[1].contains("not advised"));
        assert_eq!(compare("regex", &others, &examined).len(), 2);
    }

    #[test]
    fn a_row_without_a_verdict_is_refused() {
        assert!(parse("no table").unwrap_err().contains("there is no table"));
        assert!(parse(&ROWS.replace("| false |", "| maybe |")).unwrap_err().contains("ADVICE.md:4"));
        assert!(parse(&ROWS.replace("| `src/b.rs:7` ", "")).unwrap_err().contains("ADVICE.md:4"));
    }
}
