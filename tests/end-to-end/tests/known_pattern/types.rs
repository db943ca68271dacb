//! Types of blocks, against a program that counts its types itself: equal to the byte, with much debug
//! information and little.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use highwater_tests::{build_example, highwater, succeed};
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
    let truth = succeed(Command::new(build_example("highwater-tests", "counted_types", options)).arg(&file));
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

#[test]
fn types_are_those_that_the_program_counted() {
    for options in [
        &["-Cdebuginfo=line-tables-only"][..],
        &["-Cdebuginfo=0", "-Cstrip=debuginfo", "-Csymbol-mangling-version=v0"],
        &["-Cdebuginfo=line-tables-only", "-Copt-level=3"],
    ] {
        let (said, found) = both(options);
        assert_eq!(said.len(), 20);
        assert_eq!(said, found, "{options:?}");
    }
    // The planted fault: the older mangling has no type arguments, and says so.
    let (said, found) = both(&["-Cdebuginfo=0", "-Cstrip=debuginfo", "-Csymbol-mangling-version=legacy"]);
    assert_ne!(said, found);
    assert!(found.contains_key("[no type: names without type arguments]"), "{found:?}");
}
