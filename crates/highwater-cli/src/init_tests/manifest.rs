//! Adds the harness to a manifest and changes nothing else in it.

use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use super::{HARNESS, Harness};

/// Why a manifest cannot be changed.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Line number, from 1.
    pub(crate) line: usize,
    pub(crate) words: String,
}

/// Properties of the dependency to add.
pub(crate) struct Dependency<'a> {
    pub(crate) harness: &'a Harness,
    pub(crate) has_workspace_harness: bool,
    /// Whether the package has its own global allocator. The harness then defines none.
    pub(crate) has_own_allocator: bool,
}

/// Reads a manifest.
pub(crate) fn parse(text: &str) -> Result<DocumentMut, Fault> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        let at = error.span().map_or(0, |it| it.start.min(text.len()));
        let line = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        Fault { line, words: error.message().lines().collect::<Vec<_>>().join(" ") }
    })
}

/// The manifest with the harness among its dev-dependencies; `None` if the harness is already there.
pub(crate) fn with_harness(text: &str, dependency: &Dependency<'_>) -> Result<Option<String>, Fault> {
    let mut document = parse(text)?;
    let section = ["dev-dependencies", "dev_dependencies"].into_iter().find(|it| document.contains_key(it));
    let section = section.unwrap_or("dev-dependencies");
    let dependencies = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
    let Some(table) = dependencies.as_table_like_mut() else {
        return Err(Fault { line: 1, words: format!("`{section}` is no table") });
    };
    if table.contains_key(HARNESS) {
        return Ok(None);
    }
    let is_sorted = table.iter().map(|(key, _)| key).is_sorted();
    table.insert(HARNESS, value(dependency));
    if is_sorted && let Some(table) = dependencies.as_table_mut() {
        table.sort_values();
    }
    let changed = document.to_string();
    Ok(Some(if text.contains("\r\n") {
        changed.replace("\r\n", "\n").replace('\n', "\r\n")
    } else {
        changed
    }))
}

fn value(dependency: &Dependency<'_>) -> Item {
    let mut table = InlineTable::new();
    if dependency.has_workspace_harness {
        table.insert("workspace", true.into());
    } else {
        match dependency.harness {
            Harness::Registry => table.insert("version", version().into()),
            Harness::Path(path) => table.insert("path", path.display().to_string().into()),
        };
    }
    if dependency.has_own_allocator {
        table.insert("default-features", false.into());
    }
    match (table.len(), table.get("version")) {
        (1, Some(version)) => Item::Value(version.clone()),
        (1, None) if dependency.has_workspace_harness => {
            // Written as `name.workspace = true`, the most common form.
            let mut dotted = Table::new();
            dotted.set_dotted(true);
            dotted.insert("workspace", true.into());
            Item::Table(dotted)
        }
        _ => Item::Value(Value::InlineTable(table)),
    }
}

/// The version requirement that fits this command.
fn version() -> &'static str {
    concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"))
}

/// Names of the targets that libtest does not run.
pub(crate) fn without_libtest(text: &str) -> Result<Vec<String>, Fault> {
    let document = parse(text)?;
    let of_kind = |kind: &str| document.get(kind).and_then(Item::as_array_of_tables);
    let tables = ["test", "bin"].into_iter().filter_map(of_kind).flat_map(|it| it.iter());
    let library = document.get("lib").and_then(Item::as_table).into_iter();
    let package = document.get("package").and_then(|it| it.get("name")).and_then(Item::as_str);
    let name = |it: &Table| it.get("name").and_then(Item::as_str).or(package).map(str::to_owned);
    let is_without = |it: &&Table| it.get("harness").and_then(Item::as_bool) == Some(false);
    Ok(tables.chain(library).filter(is_without).filter_map(name).collect())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn changed(text: &str, has_workspace_harness: bool, has_own_allocator: bool) -> Option<String> {
        let harness = Harness::Registry;
        with_harness(text, &Dependency { harness: &harness, has_workspace_harness, has_own_allocator })
            .unwrap()
    }

    #[test]
    fn the_rest_of_a_manifest_is_unchanged() {
        let text = "# a comment\n[package]\nname   = \"a\" # odd\n\n[dev-dependencies]\nserde = '1' # why\n\n[features]\nx = []\n";
        assert_eq!(
            changed(text, false, false).unwrap(),
            text.replace("serde = '1'", "highwater-leaktest = \"0.1\"\nserde = '1'")
        );
        let unsorted = "[dev-dependencies]\nz = \"1\"\nb = \"1\"\n";
        assert_eq!(
            changed(unsorted, false, false).unwrap(),
            format!("{unsorted}highwater-leaktest = \"0.1\"\n")
        );
    }

    #[test]
    fn a_missing_section_is_added() {
        let text = "[package]\nname = \"a\"\n\n[dependencies]\n";
        let expected = format!("{text}\n[dev-dependencies]\nhighwater-leaktest = \"0.1\"\n");
        assert_eq!(changed(text, false, false).unwrap(), expected);
        let windows = text.replace('\n', "\r\n");
        assert_eq!(changed(&windows, false, false).unwrap(), expected.replace('\n', "\r\n"));
    }

    #[test]
    fn the_harness_comes_from_workspace_or_path_with_or_without_allocator() {
        let ends = |text: Option<String>, end: &str| {
            let text = text.unwrap();
            assert!(text.ends_with(end), "{text}");
        };
        ends(changed("", true, false), "highwater-leaktest.workspace = true\n");
        ends(
            changed("", true, true),
            "highwater-leaktest = { workspace = true, default-features = false }\n",
        );
        ends(
            changed("", false, true),
            "highwater-leaktest = { version = \"0.1\", default-features = false }\n",
        );
        let harness = Harness::Path(PathBuf::from("/a/b"));
        let dependency =
            Dependency { harness: &harness, has_workspace_harness: false, has_own_allocator: false };
        ends(with_harness("", &dependency).unwrap(), "highwater-leaktest = { path = \"/a/b\" }\n");
    }

    #[test]
    fn a_manifest_with_the_harness_is_unchanged() {
        let once = changed("[package]\nname = \"a\"\n", false, false).unwrap();
        assert_eq!(changed(&once, false, false), None);
        assert_eq!(changed("dev-dependencies.highwater-leaktest.workspace = true\n", false, false), None);
    }

    #[test]
    fn faults_have_a_line() {
        assert_eq!(parse("[package]\nname = \n").unwrap_err().line, 2);
        let harness = Harness::Registry;
        let dependency =
            Dependency { harness: &harness, has_workspace_harness: false, has_own_allocator: false };
        assert!(with_harness("dev-dependencies = 3", &dependency).unwrap_err().words.contains("no table"));
    }

    #[test]
    fn targets_without_libtest_are_known() {
        let text = "[package]\nname = \"a\"\n[lib]\nharness = false\n[[test]]\nname = \"b\"\nharness = false\n[[test]]\nname = \"c\"\n";
        assert_eq!(without_libtest(text).unwrap(), ["b", "a"]);
    }
}
