//! Every dependency is chosen once and for a reason: its version stands in the root manifest, its reason in
//! docs/records/DEPENDENCIES.md.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::finding::Finding;
use super::tree::Tree;

const DOCUMENT: &str = "docs/records/DEPENDENCIES.md";
const ROOT: &str = "Cargo.toml";

/// One line a dependency in the document, a use for each, and no version outside the root manifest.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = check_document(tree);
    for each in &tree.crates {
        match tree.text(&each.manifest).map(str::parse::<Table>) {
            Some(Ok(manifest)) => findings.extend(check_manifest(&each.manifest, &manifest)),
            _ => findings.push(Finding::new(&each.manifest, 0, "this manifest cannot be read: correct it")),
        }
    }
    findings
}

fn check_document(tree: &Tree) -> Vec<Finding> {
    let root = tree.text(ROOT).and_then(|text| text.parse::<Table>().ok()).unwrap_or_default();
    let declared = root.get("workspace").and_then(|workspace| workspace.get("dependencies")?.as_table());
    let is_external = |value: &Value| value.get("path").is_none();
    let external: Vec<&str> = declared
        .into_iter()
        .flatten()
        .filter(|(_, value)| is_external(value))
        .map(|(name, _)| name.as_str())
        .collect();

    let mut findings = Vec::new();
    let mut explained: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, line) in tree.text(DOCUMENT).unwrap_or_default().lines().enumerate() {
        let Some((name, reason)) = line.strip_prefix("- `").and_then(|rest| rest.split_once('`')) else {
            continue;
        };
        let mut report = |advice: String| findings.push(Finding::new(DOCUMENT, index + 1, advice));
        if !external.contains(&name) {
            report(format!("delete the line: `{name}` is no dependency of [workspace.dependencies]"));
        } else if let Some(first) = explained.insert(name, index + 1) {
            report(format!("`{name}` is explained in line {first} already: make one line of the two"));
        }
        if !reason.starts_with(": ") || reason.trim().len() < 10 {
            report(format!("say why `{name}` is there: \"- `{name}`: why\""));
        }
    }
    findings.extend(external.iter().filter(|name| !explained.contains_key(*name)).map(|name| {
        Finding::new(
            DOCUMENT,
            0,
            format!("add a line that says why the project uses it: \"- `{name}`: why\""),
        )
    }));
    let is_used =
        |name: &str| tree.crates.iter().flat_map(|each| &each.dependencies).any(|used| used.name == name);
    findings.extend(external.iter().filter(|name| !is_used(name)).map(|name| {
        Finding::new(ROOT, 0, format!("no crate uses `{name}`: take it out of [workspace.dependencies]"))
    }));
    findings
}

/// The dependencies of a crate that state a version of their own.
fn check_manifest(path: &str, manifest: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    let platforms = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = platforms.filter_map(|(_, table)| table.as_table()).chain([manifest]);
    for table in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let dependencies = table.get(kind).and_then(Value::as_table).into_iter().flatten();
            let own = dependencies.filter(|(_, value)| !is_inherited(value, kind));
            findings.extend(own.map(|(name, _)| {
                let advice =
                    format!("`{name}` states a version here: inherit it with `{name}.workspace = true`");
                Finding::new(path, 0, advice)
            }));
        }
    }
    findings
}

/// A development dependency may also be a bare path: publishing takes those out, which lets a crate's tests
/// use the crates above it.
fn is_inherited(value: &Value, kind: &str) -> bool {
    let inherits = value.get("workspace").and_then(Value::as_bool) == Some(true);
    let bare_path = value.get("path").is_some() && value.get("version").is_none();
    inherits || (kind == "dev-dependencies" && bare_path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Crate, Dependency};

    const WORKSPACE: &str = "[workspace.dependencies]\nours = { path = 'crates/ours', version = '1' }\n\
        regex = '1'\nsyn = { version = '3' }\n";
    const REASONS: &str = "# Why\n\n- `regex`: filters of names\n- `syn`: parses sources\n";
    const MEMBER: &str = "[dependencies]\nregex.workspace = true\n[dev-dependencies]\nours = { path = '../ours' }\n\
        [target.'cfg(unix)'.dependencies]\nsyn = { workspace = true, optional = true }\n";

    fn found(reasons: &str, member: &str) -> Vec<Finding> {
        let files = [(ROOT, WORKSPACE), (DOCUMENT, reasons), ("crates/a/Cargo.toml", member)];
        let used = |name: &&str| Dependency { name: (*name).to_owned(), dev: false };
        let dependencies = ["regex", "syn"].iter().map(used).collect();
        let manifest = "crates/a/Cargo.toml".to_owned();
        check(&Tree::of(&files, vec![Crate { manifest, dependencies, ..Crate::default() }]))
    }

    #[test]
    fn explained_and_inherited_passes() {
        assert_eq!(found(REASONS, MEMBER), []);
    }

    #[test]
    fn an_unexplained_dependency_is_found() {
        let findings = found("- `regex`: filters of names", MEMBER);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].advice.contains("`syn`"));
        assert_eq!(found("- `regex`: filters of names\n- `syn`: ", MEMBER).len(), 1);
    }

    #[test]
    fn a_duplicate_or_unused_reason_is_found() {
        let twice = found(&format!("{REASONS}- `regex`: for something else\n"), MEMBER);
        assert_eq!((twice.len(), twice[0].line), (1, 5));
        let gone = found(&format!("{REASONS}- `nom`: once parsed things\n"), MEMBER);
        assert!(gone.len() == 1 && gone[0].advice.contains("`nom`"));
        // The workspace's own crates are explained in ARCHITECTURE.md, not here.
        assert_eq!(found(&format!("{REASONS}- `ours`: a room of the house\n"), MEMBER).len(), 1);
    }

    #[test]
    fn a_version_in_a_crate_is_found() {
        for member in [
            "[dependencies]\nregex = '1'",
            "[build-dependencies]\nregex = { version = '1' }",
            "[dev-dependencies]\nours = { path = '../ours', version = '1' }",
            "[target.'cfg(unix)'.dependencies]\nregex = '1'",
            "[dependencies]\nours = { path = '../ours' }",
        ] {
            let findings = found(REASONS, member);
            assert_eq!(findings.len(), 1, "{member}");
            assert_eq!(findings[0].path, "crates/a/Cargo.toml");
        }
    }

    #[test]
    fn a_dependency_without_a_use_is_found() {
        let files = [(ROOT, WORKSPACE), (DOCUMENT, REASONS)];
        let findings = check(&Tree::of(&files, vec![]));
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(
            findings.iter().all(|finding| finding.path == ROOT && finding.advice.contains("no crate uses"))
        );
    }
}
