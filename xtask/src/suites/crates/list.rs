//! The published crates whose tests are run, each in one version: `xtask/suites/crates.toml`.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;

/// Path of the list, relative to the root.
const FILE: &str = "xtask/suites/crates.toml";

/// A published crate, and how to build its tests.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Suite {
    /// The crate.
    pub name: String,
    /// Its exact version: the one whose findings were examined.
    pub version: String,
    /// Features that its tests need, in addition to the default ones.
    #[serde(default)]
    pub features: Vec<String>,
    /// Whether to leave out its default features.
    #[serde(default)]
    pub bare: bool,
    /// Whether some of its tests have their own global allocator, so that the harness must not define one.
    #[serde(default)]
    pub own_allocator: bool,
}

#[derive(Deserialize)]
struct List {
    suite: Vec<Suite>,
}

/// Reads the list.
///
/// # Errors
/// When the list cannot be read, or is not valid.
pub fn load(root: &Path) -> Result<Vec<Suite>, Failure> {
    let path = root.join(FILE);
    let text = fs::read_to_string(&path).map_err(|source| Failure::File { path, source })?;
    let list: List = toml::from_str(&text).map_err(|error| Failure::Suites(format!("{FILE}: {error}")))?;
    Ok(list.suite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_read_and_names_no_crate_twice() {
        let list = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
        let mut names: Vec<&str> = list.iter().map(|suite| suite.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), list.len());
        assert!(list.iter().any(|suite| suite.own_allocator) && list.iter().any(|suite| suite.bare));
    }

    #[test]
    fn an_unknown_word_is_refused() {
        let text = "[[suite]]\nname = \"a\"\nversion = \"1.0.0\"\nfeature = [\"full\"]\n";
        assert!(toml::from_str::<List>(text).is_err());
    }
}
