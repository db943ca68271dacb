//! The first row of a table in JSON, and whether it belongs to a marked line of a program.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// The source position a first row is about.
#[derive(Debug)]
pub struct FirstRow {
    /// The row's name in the table.
    pub label: String,
    /// The source file in the table.
    file: Option<String>,
    /// The line in that file, from 1.
    line: Option<usize>,
}

impl FirstRow {
    /// Parses the output of `highwater … --json`.
    ///
    /// # Errors
    /// A sentence about the missing part, if this is not a table with a row.
    pub fn parse(json: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(json).map_err(|error| format!("no JSON ({error})"))?;
        let rows = document.get("rows").and_then(Value::as_array).ok_or("no `rows`")?;
        let key = rows.first().ok_or("no row")?.get("key").ok_or("no `key` in its first row")?;
        let text = |name| key.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            label: text("label").ok_or("no `label` in its first row")?,
            file: text("file"),
            line: key.get("line").and_then(Value::as_u64).and_then(|line| usize::try_from(line).ok()),
        })
    }

    /// Checks that the row's line, in the program whose sources are in `directory`, ends in the comment `//
    /// marker`.
    ///
    /// # Errors
    /// The row's actual position, as a sentence that continues "the first row".
    pub fn carries(&self, marker: &str, directory: &Path) -> Result<(), String> {
        let instead =
            |what: &str| format!("is {}, {what}, and not the line marked `// {marker}`", self.label);
        let (Some(file), Some(line)) = (&self.file, self.line) else {
            return Err(instead("without a file and line"));
        };
        let program = directory.file_name().unwrap_or_default().to_string_lossy();
        let inside = format!("examples/{program}/");
        let Some((_, below)) = file.split_once(inside.as_str()) else {
            return Err(instead(&format!("in {file}, which is no file of {inside}")));
        };
        let text = fs::read_to_string(directory.join(below)).map_err(|error| instead(&error.to_string()))?;
        let source = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        match source.rsplit_once("//") {
            Some((_, comment)) if comment.trim() == marker => Ok(()),
            _ => Err(instead(&format!("the line `{}`", source.trim()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(file: &str, line: u64) -> FirstRow {
        let document = serde_json::json!({
            "highwater": 1,
            "kind": "diff",
            "rows": [
                { "key": { "label": format!("{file}:{line} demo::grow"), "function": "demo::grow", "file": file, "line": line } },
                { "key": { "label": "other", "function": null, "file": null, "line": null } },
            ],
        });
        FirstRow::parse(&document.to_string()).unwrap()
    }

    fn program() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let sources = directory.path().join("examples/demo/fault");
        fs::create_dir_all(&sources).unwrap();
        fs::write(sources.join("leak.rs"), "fn grow() {\n    cache.push(body); // the leak\n}\n").unwrap();
        directory
    }

    fn verdict(row: &FirstRow) -> Result<(), String> {
        row.carries("the leak", &program().path().join("examples/demo"))
    }

    #[test]
    fn the_marked_line_is_known_however_its_path_begins() {
        assert_eq!(verdict(&row("crates/x/examples/demo/fault/leak.rs", 2)), Ok(()));
        assert_eq!(verdict(&row("/somewhere/crates/x/examples/demo/fault/leak.rs", 2)), Ok(()));
    }

    #[test]
    fn another_row_is_refused_with_its_position() {
        let neighbour = verdict(&row("examples/demo/fault/leak.rs", 1)).unwrap_err();
        assert!(neighbour.contains("fn grow() {") && neighbour.contains("demo::grow"), "{neighbour}");
        assert!(verdict(&row("examples/demo/fault/leak.rs", 99)).is_err());
        assert!(verdict(&row("examples/demo/gone.rs", 2)).is_err());
        assert!(verdict(&row("alloc/src/raw_vec.rs", 2)).unwrap_err().contains("no file of examples/demo/"));
        let nowhere = r#"{"rows":[{"key":{"label":"[unknown]","file":null,"line":null}}]}"#;
        assert!(verdict(&FirstRow::parse(nowhere).unwrap()).unwrap_err().contains("[unknown]"));
    }

    #[test]
    fn other_json_is_refused() {
        for (json, what) in [
            ("", "no JSON"),
            ("{}", "no `rows`"),
            (r#"{"rows":[]}"#, "no row"),
            (r#"{"rows":[{}]}"#, "no `key`"),
        ] {
            assert!(FirstRow::parse(json).unwrap_err().contains(what), "{json}");
        }
    }
}
