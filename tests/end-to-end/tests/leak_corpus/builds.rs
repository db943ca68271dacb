//! The findings do not depend on how a program was built. `cargo xtask suites leak-corpus --build …` runs the
//! whole corpus in each build. Here only the last crate of a short program is built in the most different
//! ways, which takes seconds.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use highwater_tests::succeed;

use crate::build;
use crate::compare::function;
use crate::run::{self, Outcome};

/// Builds the short program with these compiler options.
fn program(options: &[&str]) -> PathBuf {
    let mut cargo = build::cargo_for(&["rustc", "--message-format", "json"], &["short"]);
    let messages = succeed(cargo.args(["--profile", "test", "--"]).args(options));
    let messages = messages.lines().filter_map(|it| serde_json::from_str::<serde_json::Value>(it).ok());
    let path = messages.filter_map(|it| it["executable"].as_str().map(PathBuf::from)).next_back();
    path.expect("cargo says where the program is")
}

/// Checks that exactly the leaking tests are found, each with its function.
fn hold(outcome: &Outcome, options: &[&str]) {
    // In an optimized build without debug information, a function may be a part of its caller.
    let (is_optimized, has_lines) = (options.contains(&"-Copt-level=3"), !options.contains(&"-Cdebuginfo=0"));
    let names = |tests: &mut dyn Iterator<Item = &String>| -> BTreeSet<String> {
        tests.map(|it| function(it).to_owned()).collect()
    };
    let leaking = names(&mut outcome.leaks.iter().map(|it| &it.test));
    let mut expected = names(&mut outcome.passed.keys().filter(|it| it.starts_with("leak_")));
    assert_eq!((outcome.passed.len(), expected.len()), (15, 7), "{options:?}: {}", outcome.said);
    if is_optimized {
        expected.remove("leak_futures");
    }
    assert_eq!(leaking, expected, "{options:?}: {}", outcome.said);
    assert_eq!(outcome.code, Some(101), "{options:?}: {}", outcome.said);
    // The harness reports what it cannot see.
    for words in ["set `debug = \"line-tables-only\"`", "not judged: the futures of a FuturesUnordered"] {
        assert_eq!(outcome.said.contains(words), !has_lines, "{options:?}: {words:?}: {}", outcome.said);
    }
    for leak in outcome.leaks.iter().filter(|_| !is_optimized) {
        let is_named = leak.spawned.iter().any(|it| it.function.contains(&leak.test));
        assert!(is_named, "{options:?}: {leak:?}");
    }
}

#[test]
fn findings_do_not_depend_on_the_build() {
    let builds: [&[&str]; 3] = [
        &["-Csymbol-mangling-version=v0", "-Cdebuginfo=0"],
        &["-Cdebuginfo=0", "-Copt-level=3"],
        &["-Cinstrument-coverage", "-Cdebuginfo=1"],
    ];
    for options in builds {
        let path = program(options);
        hold(&run::program(&path, &[]), options);
        if options.contains(&"-Copt-level=3") {
            without_names_the_run_fails(&path);
        }
    }
}

/// If the harness cannot distinguish tests, that is not a pass, and one sentence says what to set.
fn without_names_the_run_fails(path: &Path) {
    let directory = tempfile::tempdir().expect("a directory");
    let stripped = directory.path().join("short");
    fs::copy(path, &stripped).expect("the program can be copied");
    let mut bytes = fs::read(&stripped).expect("it can be read");
    // The position and number of an ELF file's section headers.
    bytes[0x28..0x30].fill(0);
    bytes[0x3c..0x40].fill(0);
    fs::write(&stripped, bytes).expect("it can be written");
    let outcome = run::program(&stripped, &["--exact", "leak_task_of_smol"]);
    assert!(outcome.said.contains("error: this program has no symbol table"), "{}", outcome.said);
    assert!(outcome.said.contains("set `strip = \"none\"`"), "{}", outcome.said);
    assert_eq!(outcome.code, Some(101), "{}", outcome.said);
}
