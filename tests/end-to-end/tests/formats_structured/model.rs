//! Profiles to write, goldens to read, and the numbers to compare with a tool's output.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_profile::{Format, Limits, Line, Location, Mapping, Profile, ValueType};
use highwater_tests::succeed;

/// The path of a golden.
pub fn golden(name: &str) -> PathBuf {
    let path = highwater_tests::repository().join("tests/golden").join(name);
    assert!(path.is_file(), "the golden {name} is missing; `cargo xtask bless` makes it");
    path
}

/// A profile from a file; its content decides the format.
pub fn read(path: &Path) -> Profile {
    highwater_profile::file::read(path, &Limits::default()).unwrap()
}

/// A profile in another format.
pub fn written(profile: &Profile, format: Format) -> String {
    let mut out = Vec::new();
    highwater_profile::write(format, profile, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Where `cargo xtask test` puts the readers from npm.
pub fn npm_package(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let package = target.join("clients/node_modules").join(name);
    assert!(
        package.is_dir(),
        "{} is missing; `cargo xtask test` installs what the tests need",
        package.display()
    );
    package
}

/// The profiles to write: one with every peculiarity of stacks, a snapshot of a real process with addresses
/// only, and a recording with names.
pub fn profiles() -> Vec<(&'static str, Profile)> {
    vec![
        ("by hand", by_hand()),
        ("a snapshot", snapshot()),
        ("a recording", read(&golden("heaptrack/zstd/recording.zst"))),
    ]
}

const COLUMNS: [(&str, &str); 6] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
    ("peak_objects", "count"),
    ("peak_space", "bytes"),
];

/// Inlined calls, a recursion, names with every bracket and quote, an address without a name, a stack that is
/// a prefix of another, a duplicate stack, and an empty stack.
pub fn by_hand() -> Profile {
    let mut profile = Profile::new(COLUMNS.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
    profile.default_sample_type = profile.sample_type("inuse_space");
    let file = profile.strings.intern("/usr/bin/shop \"server\"");
    let binary = profile.add_mapping(Mapping { start: 0x1000, limit: 0x9000, file, ..Mapping::default() });
    let mut at = |address: u64, lines: &[(&str, &str, i64)]| {
        let lines = lines
            .iter()
            .map(|(name, file, line)| Line::new(profile.add_function(name, name, file), *line))
            .collect();
        profile.add_location(Location { mapping: Some(binary), address, lines, is_folded: false })
    };
    let main = at(0x1100, &[("shop::main", "src/main.rs", 7)]);
    let parse = at(0x1200, &[("<shop::Cart<(A, B)> as From<&'a str>>::from", "src/a \"b\".rs", 19)]);
    let push = at(
        0x1300,
        &[
            ("alloc::raw_vec::grow", "alloc/src/raw_vec.rs", 550),
            ("alloc::vec::Vec<T>::push", "alloc/src/vec/mod.rs", 1997),
            ("shop::fill", "src/fill.rs", 3),
        ],
    );
    let walk = at(0x1400, &[("shop::walk", "src/walk.rs", 12)]);
    let nameless = at(0x1500, &[]);
    let no_file = at(0x1600, &[("strdup", "", 0)]);
    let rows: [(&[_], [i64; 6]); 8] = [
        (&[push, parse, main], [10, 10_000_000_019, 5, 5_000_000_007, 7, 7_000_000_001]),
        (&[parse, main], [3, 300, 1, 100, 0, 0]),
        (&[push, walk, walk, walk, main], [4, 4444, 4, 4444, 4, 4444]),
        (&[walk, main], [1, 11, 0, 0, 1, 11]),
        (&[nameless, main], [2, 22, 2, 22, 2, 22]),
        (&[no_file, nameless], [6, 66, 6, 66, 6, 66]),
        (&[push, parse, main], [1, 17, 1, 17, 1, 17]),
        (&[], [1, 5, 1, 5, 1, 5]),
    ];
    for (stack, values) in rows {
        profile.samples.push(stack, &values, &[]);
    }
    profile
}

fn snapshot() -> Profile {
    let directory = tempfile::tempdir().unwrap();
    let files = ["base", "new"].map(|name| directory.path().join(name));
    succeed(Command::new(env!("CARGO_BIN_EXE_interop")).args(&files).env_remove("HIGHWATER"));
    read(&files[1])
}

/// Values of a profile by name.
pub type Values = BTreeMap<String, i64>;

/// The total of every column.
pub fn totals(profile: &Profile) -> Values {
    let types = profile.sample_types().iter().enumerate();
    types.map(|(column, it)| (it.kind.clone(), profile.samples.total(column))).collect()
}

/// The total of a column.
pub fn total(profile: &Profile, kind: &str) -> i64 {
    totals(profile)[kind]
}

/// The unit of a column.
pub fn unit<'a>(profile: &'a Profile, kind: &str) -> &'a str {
    &profile.sample_types()[profile.sample_type(kind).unwrap()].unit
}

/// The names of a row's frames, leaf first, inlined calls included.
pub fn names(profile: &Profile, row: usize) -> Vec<String> {
    let mut names = Vec::new();
    for &location in profile.samples.get(row).stack {
        profile.location_names(location, |name| names.push(name.into_owned()));
    }
    names
}

/// The values of a column by stack, leaf first and joined by `;`. Rows with the same stack are added up.
pub fn by_stack(profile: &Profile, kind: &str) -> Values {
    let column = profile.sample_type(kind).unwrap();
    let mut values = Values::new();
    for (index, row) in profile.samples.iter().enumerate().filter(|(_, row)| row.values[column] != 0) {
        *values.entry(names(profile, index).join(";")).or_default() += row.values[column];
    }
    values
}

/// The values of a column by the function at the leaf.
pub fn by_leaf(profile: &Profile, kind: &str) -> Values {
    let mut values = Values::new();
    for (stack, value) in by_stack(profile, kind) {
        let leaf = stack.split(';').next().unwrap_or_default();
        *values.entry(leaf.to_owned()).or_default() += value;
    }
    values
}

/// The ten largest values, largest first; equal ones by name.
pub fn top_ten(values: &Values) -> Vec<(String, i64)> {
    let mut all: Vec<(String, i64)> = values.clone().into_iter().filter(|(_, value)| *value != 0).collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(10);
    all
}

/// An error that describes the difference, if there is one.
pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: &T, theirs: &T) -> Result<(), String> {
    if ours == theirs { Ok(()) } else { Err(format!("{what}: ours {ours:?}, theirs {theirs:?}")) }
}

/// A text in which the number `value` after `before` is increased by one.
pub fn with_one_more(text: &str, before: &str, value: i64) -> String {
    let found = format!("{before}{value}");
    assert!(text.contains(&found), "there is no {found:?}");
    text.replacen(&found, &format!("{before}{}", value + 1), 1)
}

/// A file with this content, and the directory that it is in.
pub fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    (directory, path)
}
