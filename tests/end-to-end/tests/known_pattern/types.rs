//! Types of blocks, against a program that counts its types itself: equal to the byte, with much debug
//! information and little.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use highwater_tests::{build_program, highwater, succeed};
use serde_json::Value;

/// What is alive of a type: what keeps it, bytes and blocks.
type Held = (String, i64, i64);

fn ask(arguments: &[&str], file: &Path) -> Value {
    let mut command = Command::new(highwater());
    command.args(arguments).args(["--limit", "0", "--min-fraction", "0", "--json", "--no-cache"]).arg(file);
    serde_json::from_str(&succeed(&mut command)).unwrap()
}

/// What the program says of itself, and what the profile says of it.
fn both(options: &[&str]) -> (BTreeMap<String, Held>, BTreeMap<String, Held>) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("heap.pb.gz");
    let truth = succeed(Command::new(build_program("counted_types", options)).arg(&file));
    let number = |text: &str| text.parse().unwrap();
    let said = truth.lines().map(|line| {
        let [name, container, bytes, blocks] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        (name.to_owned(), (container.to_owned(), number(bytes), number(blocks)))
    });
    let answer = ask(&["types", "--focus", "counted_types::fill"], &file);
    let found = answer["rows"].as_array().unwrap().iter().map(|row| {
        let container = row["containers"][0]["key"]["label"].as_str().unwrap_or_default();
        let value = |key: &str| row[key]["value"].as_i64().unwrap();
        (
            row["key"]["label"].as_str().unwrap().to_owned(),
            (container.to_owned(), value("bytes"), value("blocks")),
        )
    });
    (said.collect(), found.collect())
}

/// Types that have others of the same size, which the same functions allocate for.
const ALIKE: [&str; 10] = [
    "counted_types::Session",
    "counted_types::Twin",
    "counted_types::Queued",
    "counted_types::Heaped",
    "counted_types::Copied",
    "counted_types::Gathered",
    "counted_types::Sliced",
    "counted_types::Kept",
    "(u64, counted_types::Row)",
    "(u64, counted_types::RowTwin)",
];

/// Bytes of blocks that have a type, as a share of all. Each type has what the program counted. Without
/// names of inlined functions, types of one size may have each other's names.
fn typed_fraction(options: &[&str], has_inlined: bool) -> f64 {
    let (said, found) = both(options);
    let (untyped, typed): (Vec<_>, Vec<_>) =
        found.iter().partition(|(name, _)| name.starts_with("[no type: "));
    for (name, held) in &typed {
        if has_inlined || !ALIKE.contains(&name.as_str()) {
            assert_eq!(said.get(*name), Some(*held), "{name} with {options:?}");
        }
    }
    let sum = |rows: &[(&String, &Held)]| rows.iter().map(|(_, held)| held.1).sum::<i64>() as f64;
    sum(&typed) / (sum(&typed) + sum(&untyped))
}

#[test]
fn types_are_those_that_the_program_counted() {
    // Optimized, so that functions are inlined, and those with the same machine code are one.
    let (said, found) = both(&["-Cdebuginfo=limited", "-Copt-level=3"]);
    assert_eq!(said.len(), 33);
    assert_eq!(said, found);
    let lines = typed_fraction(&["-Cdebuginfo=line-tables-only", "-Copt-level=3"], true);
    let symbols =
        typed_fraction(&["-Cdebuginfo=0", "-Cstrip=debuginfo", "-Csymbol-mangling-version=v0"], false);
    assert!(
        lines > 0.98 && symbols > 0.9,
        "{lines} of the bytes with line tables, {symbols} with symbols alone"
    );
    // The planted fault: without any name no block is of a type.
    let (said, found) = both(&["-Cdebuginfo=0", "-Cstrip=symbols", "-Csymbol-mangling-version=v0"]);
    assert_eq!((said.len(), found.len()), (33, 0), "{found:?}");
}
