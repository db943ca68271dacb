//! The oldest Rust that builds the project is stated once, and no toolchain is forced on a contributor. The
//! leak harness and what it is linked with build with an older one, which they all state alike: libraries
//! have it as a dependency of their tests.

use super::finding::Finding;
use super::tree::Tree;
use crate::workspace::Crate;

/// The crate that other projects' tests are linked with.
const HARNESS: &str = "highwater-leaktest";

/// `rust-version` stands in the root manifest, every crate outside the harness inherits it, and no
/// `rust-toolchain` file exists.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let table = |path: &str| tree.text(path).and_then(|text| text.parse::<toml::Table>().ok());
    let root = table("Cargo.toml");
    let stated =
        root.as_ref().and_then(|root| root.get("workspace")?.get("package")?.get("rust-version")?.as_str());
    if stated.is_none() {
        findings.push(Finding::new("Cargo.toml", 0, "state `rust-version` in [workspace.package]"));
    }
    let own = |manifest: &str| {
        let manifest = table(manifest)?;
        Some(manifest.get("package")?.get("rust-version")?.as_str()?.to_owned())
    };
    let of_harness = linked_with(&tree.crates, HARNESS);
    let harness = tree.crates.iter().find(|it| it.name == HARNESS).and_then(|it| own(&it.manifest));
    for each in &tree.crates {
        if of_harness.contains(&each.name.as_str()) {
            if own(&each.manifest).is_none() || own(&each.manifest) != harness {
                let advice = format!("state the same `rust-version` as {HARNESS}, which is linked with it");
                findings.push(Finding::new(&each.manifest, 0, advice));
            }
            continue;
        }
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

/// A crate of the workspace and all that it is linked with, as far as they are there.
fn linked_with<'a>(crates: &'a [Crate], name: &str) -> Vec<&'a str> {
    let find = |name: &str| crates.iter().find(|it| it.name == name);
    let mut found: Vec<&Crate> = find(name).into_iter().collect();
    let mut next = 0;
    while let Some(each) = found.get(next) {
        let linked = each.dependencies.iter().filter(|it| !it.dev).filter_map(|it| find(&it.name));
        let new: Vec<&Crate> = linked.filter(|it| found.iter().all(|known| known.name != it.name)).collect();
        found.extend(new);
        next += 1;
    }
    found.into_iter().map(|it| it.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

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
    fn what_the_harness_is_linked_with_states_its_version() {
        let of = |linked: &str| {
            let harness = "[package]\nname = 'highwater-leaktest'\nrust-version = '1.88'";
            let files = [("Cargo.toml", ROOT), ("h/Cargo.toml", harness), ("l/Cargo.toml", linked)];
            let dependency = Dependency { name: "linked".into(), dev: false };
            let harness = Crate {
                name: HARNESS.into(),
                manifest: "h/Cargo.toml".into(),
                dependencies: vec![dependency],
                ..Crate::default()
            };
            let linked = Crate { name: "linked".into(), manifest: "l/Cargo.toml".into(), ..Crate::default() };
            check(&Tree::of(&files, vec![harness, linked])).len()
        };
        assert_eq!(of("[package]\nname = 'linked'\nrust-version = '1.88'"), 0);
        assert_eq!(of("[package]\nname = 'linked'\nrust-version = '1.90'"), 1);
        assert_eq!(of("[package]\nname = 'linked'\nrust-version.workspace = true"), 1);
    }

    #[test]
    fn a_forced_toolchain_is_found() {
        assert_eq!(check(&tree(ROOT, MEMBER, "rust-toolchain.toml")).len(), 1);
        assert_eq!(check(&tree(ROOT, MEMBER, "crates/a/rust-toolchain")).len(), 1);
    }
}
