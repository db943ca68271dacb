//! The minimum Rust version is stated once, and no toolchain is forced on contributors.

use super::{Finding, tree::Tree};

/// The root manifest states `rust-version`, every crate inherits it, and no `rust-toolchain` file exists.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let table = |path: &str| tree.text(path).and_then(|text| text.parse::<toml::Table>().ok());
    let root = table("Cargo.toml");
    let stated =
        root.as_ref().and_then(|root| root.get("workspace")?.get("package")?.get("rust-version")?.as_str());
    if stated.is_none() {
        findings.push(Finding::new("Cargo.toml", 0, "state `rust-version` in [workspace.package]"));
    }
    for each in &tree.crates {
        let inherits = table(&each.manifest)
            .and_then(|manifest| manifest.get("package")?.get("rust-version")?.get("workspace")?.as_bool());
        if inherits != Some(true) {
            let advice = "inherit the Rust version: `rust-version.workspace = true`";
            findings.push(Finding::new(&each.manifest, 0, advice));
        }
    }
    let forced = tree.paths().filter(|path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name == "rust-toolchain" || name == "rust-toolchain.toml"
    });
    findings.extend(forced.map(|path| {
        Finding::new(
            path,
            0,
            "delete it: `rust-version` says what is needed, the contributor chooses the toolchain",
        )
    }));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Crate;

    const ROOT: &str = "[workspace.package]\nrust-version = '1.95'";
    const MEMBER: &str = "[package]\nname = 'a'\nrust-version.workspace = true";

    fn tree(root: &str, member: &str, other: &str) -> Tree {
        let files = [("Cargo.toml", root), ("crates/a/Cargo.toml", member), (other, "")];
        let member = Crate { name: "a".into(), manifest: "crates/a/Cargo.toml".into(), ..Crate::default() };
        Tree::of(&files, vec![member])
    }

    #[test]
    fn one_statement_inherited_everywhere_passes() {
        assert_eq!(check(&tree(ROOT, MEMBER, "docs/rust-toolchain.md")), []);
    }

    #[test]
    fn an_own_or_missing_version_is_found() {
        for member in ["[package]\nname = 'a'\nrust-version = '1.80'", "[package]\nname = 'a'"] {
            let findings = check(&tree(ROOT, member, "x"));
            assert_eq!(findings.len(), 1, "{member}");
            assert_eq!(findings[0].path, "crates/a/Cargo.toml");
        }
        assert_eq!(check(&tree("[workspace]", MEMBER, "x"))[0].path, "Cargo.toml");
    }

    #[test]
    fn a_forced_toolchain_is_found() {
        assert_eq!(check(&tree(ROOT, MEMBER, "rust-toolchain.toml")).len(), 1);
        assert_eq!(check(&tree(ROOT, MEMBER, "crates/a/rust-toolchain")).len(), 1);
    }
}
