//! Goldens, and a profile's values by address and by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_profile::{Limits, Profile, Sample, file};
use highwater_tests::{highwater, succeed};
use serde_json::Value;

/// The path of a golden.
pub fn golden(name: &str) -> PathBuf {
    let path = highwater_tests::repository().join("tests/golden").join(name);
    assert!(path.is_file(), "the golden {name} is missing; `cargo xtask bless` makes it");
    path
}

pub fn read(path: &Path) -> Profile {
    file::read(path, &Limits::default()).unwrap()
}

/// Index of the column with this kind, which must have this unit.
pub fn column(profile: &Profile, kind: &str, unit: &str) -> usize {
    let column = profile.sample_type(kind).unwrap_or_else(|| panic!("no {kind}"));
    assert_eq!(profile.sample_types()[column].unit, unit, "{kind}");
    column
}

/// Cumulative values by the keys of each frame in a row; a repeated key counts once.
pub fn cumulative<K: Ord>(
    profile: &Profile,
    column: usize,
    keys: impl Fn(&Sample<'_>) -> Vec<K>,
) -> BTreeMap<K, i64> {
    let mut values = BTreeMap::new();
    for sample in profile.samples.iter() {
        let mut keys = keys(&sample);
        keys.sort();
        keys.dedup();
        for key in keys {
            *values.entry(key).or_default() += sample.values[column];
        }
    }
    values
}

/// The ten largest, largest first.
pub fn top<K: Clone + Ord>(values: &BTreeMap<K, i64>) -> Vec<(K, i64)> {
    let mut all: Vec<(K, i64)> = values.iter().map(|(key, value)| (key.clone(), *value)).collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(10);
    all
}

/// Cumulative values by function, from `highwater top`.
pub fn functions(file: &Path, more: &[&str]) -> BTreeMap<String, i64> {
    let mut command = Command::new(highwater());
    command.args([
        "top",
        "--json",
        "--by",
        "function",
        "--all-frames",
        "--cumulative",
        "--limit",
        "0",
        "--min-fraction",
        "0",
    ]);
    let answer: Value = serde_json::from_str(&succeed(command.args(more).arg(file))).unwrap();
    let row = |row: &Value| {
        (row["key"]["label"].as_str().unwrap().to_owned(), row["cumulative"]["value"].as_i64().unwrap())
    };
    answer["rows"].as_array().unwrap().iter().map(row).collect()
}
