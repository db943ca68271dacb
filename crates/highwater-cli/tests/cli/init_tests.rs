//! `highwater init-tests`: what it changes, what it leaves unchanged, and that it runs the tests. The harness
//! is an empty crate here, so that these tests need not build the real one.

use std::fs;
use std::process::Command;

use crate::support::{Place, Run};

const COMMAND: &str = "init-tests --path harness";

/// A workspace of a library with tests, a program without, and a package with an allocator.
fn place() -> Place {
    let place = Place::new();
    let file = |name: &str, text: &str| {
        let path = place.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    file(
        "harness/Cargo.toml",
        "[package]\nname = \"highwater-leaktest\"\nedition = \"2024\"\n[features]\ndefault = []\n",
    );
    file("harness/src/lib.rs", "");
    file(
        "Cargo.toml",
        "[workspace]\nmembers = [\"with\", \"without\", \"own\"]\nexclude = [\"harness\"]\nresolver = \"3\"\n",
    );
    file(
        "with/Cargo.toml",
        "# Ours.\n[package]\nname = \"with\"\nedition = \"2024\"\n\n[[test]]\nname = \"odd\"\nharness = false\n",
    );
    file("with/src/lib.rs", "//! With tests.\n\n#[test]\nfn passes() {}\n");
    file("with/tests/more.rs", "#[test]\nfn passes_too() {}\n");
    file("with/tests/odd.rs", "fn main() {}\n");
    file("without/Cargo.toml", "[package]\nname = \"without\"\nedition = \"2024\"\n");
    file("without/src/main.rs", "fn main() {}\n");
    file("own/Cargo.toml", "[package]\nname = \"own\"\nedition = \"2024\"\n");
    file(
        "own/src/lib.rs",
        "#[global_allocator]\nstatic A: std::alloc::System = std::alloc::System;\n\n#[test]\nfn fails() {\n    panic!();\n}\n",
    );
    place
}

fn texts(place: &Place) -> Vec<String> {
    let names = [
        "with/Cargo.toml",
        "with/src/lib.rs",
        "with/tests/more.rs",
        "with/tests/odd.rs",
        "without/Cargo.toml",
        "without/src/main.rs",
        "own/Cargo.toml",
        "own/src/lib.rs",
    ];
    names.map(|it| fs::read_to_string(place.path(it)).unwrap()).to_vec()
}

#[track_caller]
fn succeeded(run: Run) -> Run {
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    run
}

#[test]
fn a_dry_run_shows_the_change_and_makes_none() {
    let place = place();
    let before = texts(&place);
    let run = succeeded(place.run(&format!("{COMMAND} --dry-run")));
    assert_eq!(texts(&place), before);
    for words in [
        "--- a/with/Cargo.toml\n+++ b/with/Cargo.toml\n",
        "+[dev-dependencies]\n+highwater-leaktest = { path = \"",
        "--- a/with/src/lib.rs\n+++ b/with/src/lib.rs\n",
        " //! With tests.\n \n+#[cfg(test)]\n+use highwater_leaktest as _;\n",
        "+++ b/with/tests/more.rs\n@@ -1,2 +1,4 @@\n+use highwater_leaktest as _;\n+\n #[test]\n",
        "default-features = false }\n",
    ] {
        assert!(run.stdout.contains(words), "{words:?} is not in\n{}", run.stdout);
    }
    assert!(!run.stdout.contains("odd.rs") && !run.stdout.contains("without"), "{}", run.stdout);
    assert!(
        run.stderr.contains("own/src/lib.rs:2: a global allocator of the package's own"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_second_run_changes_nothing() {
    let place = place();
    let first = succeeded(place.run(&format!("{COMMAND} --no-run")));
    assert!(first.stdout.contains("+use highwater_leaktest as _;"));
    let after = texts(&place);
    assert_eq!(after.iter().filter(|it| it.contains("use highwater_leaktest as _;")).count(), 3);
    let again = succeeded(place.run(&format!("{COMMAND} --no-run --yes")));
    assert_eq!((again.stdout.as_str(), texts(&place)), ("", after));
    assert!(again.stderr.contains("the harness is there already"), "{}", again.stderr);
}

#[test]
fn packages_are_chosen_and_their_tests_run() {
    let place = place();
    let run = succeeded(place.run(&format!("{COMMAND} -p with")));
    assert!(
        run.stdout.contains("passes ... ok") && run.stdout.contains("passes_too ... ok"),
        "{}",
        run.stdout
    );
    assert!(!fs::read_to_string(place.path("own/Cargo.toml")).unwrap().contains("leaktest"));
    // A failing test is a finding (exit code 1), not an error.
    assert_eq!(place.run(&format!("{COMMAND} -p own")).code, Some(1));
    let none = succeeded(place.run(&format!("{COMMAND} -p without")));
    assert!(none.stderr.contains("there are no tests here"), "{}", none.stderr);
}

#[test]
fn errors_are_one_line_and_change_nothing() {
    let place = place();
    let fault = |run: Run, words: &str| {
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(run.stderr.lines().count() == 1 && run.stderr.contains(words), "{}", run.stderr);
    };
    fault(place.run(&format!("{COMMAND} -p other")), "no package \"other\" in this workspace");
    fault(place.run("init-tests --path nowhere"), "cannot read nowhere");
    fault(place.run("init-tests --manifest-path nowhere/Cargo.toml"), "cargo: ");
    fs::write(place.path("with/src/lib.rs"), "#[test]\nfn passes() {\n").unwrap();
    let before = texts(&place);
    fault(place.run(&format!("{COMMAND} -p with")), "with/src/lib.rs:2: ");
    assert_eq!(texts(&place), before);
}

#[test]
fn cargo_starts_it_by_its_name() {
    let place = place();
    let mut cargo = Command::new(env!("CARGO_BIN_EXE_cargo-highwater"));
    let output =
        cargo.current_dir(place.path("")).args(["highwater", "init-tests", "--dry-run"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("+highwater-leaktest = \"0.1\""), "{output:?}");
    let refused =
        Command::new(env!("CARGO_BIN_EXE_cargo-highwater")).args(["highwater", "nothing"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}
