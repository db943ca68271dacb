//! Situations in which the harness cannot follow threads: each gives a message, and none passes silently.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::build;
use crate::run;

#[test]
fn a_thread_past_the_hooks_is_unclassified() {
    let library = build::library("leak_bypass", &[]).display().to_string();
    let outcome = run::one_clean_test(&[("LD_PRELOAD", &library)]);
    assert!(
        outcome.said.contains("warning: unclassified: 1 thread alive that was not seen to start"),
        "{}",
        outcome.said
    );
    assert_eq!(outcome.code, Some(0), "no test is blamed: {}", outcome.said);
}

/// The tests run in such builds, with a message that they were not checked.
#[test]
fn tests_under_a_sanitizer_run_unchecked() {
    let library = build::library("leak_sanitizer", &["--cfg", "sanitizer"]).display().to_string();
    let outcome = run::one_clean_test(&[("LD_PRELOAD", &library)]);
    let words = "NOT CHECKED for threads left alive: a sanitizer is linked in";
    assert!(outcome.said.contains(words), "{}", outcome.said);
    assert_eq!(outcome.code, Some(0), "{}", outcome.said);
}

/// An interposer that passes calls on comes after the harness, which sees everything as before.
#[test]
fn another_interposer_comes_after_the_harness() {
    let library = build::library("leak_interposer", &["--cfg", "interposer"]).display().to_string();
    let leaking = run::one_test("cases::std_threads::leak_detached", &[("LD_PRELOAD", &library)]);
    assert!(leaking.said.contains("the other pthread_create"), "it was not loaded: {}", leaking.said);
    assert_eq!((leaking.leaks.len(), leaking.code), (1, Some(101)), "{}", leaking.said);
    let clean = run::one_clean_test(&[("LD_PRELOAD", &library)]);
    assert_eq!((clean.leaks.len(), clean.code), (0, Some(0)), "{}", clean.said);
}

/// The planted thread cannot be started, and no test can start a thread either: they fail, as without the
/// harness.
#[test]
fn an_interposer_that_starts_nothing_is_no_pass() {
    let options = ["--cfg", "interposer", "--cfg", "broken"];
    let library = build::library("leak_broken", &options).display().to_string();
    let outcome = run::one_clean_test(&[("LD_PRELOAD", &library)]);
    assert_ne!(outcome.code, Some(0), "{}", outcome.said);
}

/// The program contains the C library, so there is no second `pthread_create` to call. This uses a small
/// package of its own, so that little has to be built: half a minute on two processors.
#[test]
fn a_static_c_library_is_reported_and_threads_listed() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("static");
    write_package(&directory);
    let rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV").output();
    let version = String::from_utf8(rustc.expect("the compiler says its version").stdout).expect("in words");
    let host = version.lines().find_map(|it| it.strip_prefix("host: ")).expect("it has a host");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&directory).args(["test", "--lib", "--target", host, "--", "--test-threads=1"]);
    cargo.env("CARGO_TARGET_DIR", directory.join("target")).env("RUSTFLAGS", "-Ctarget-feature=+crt-static");
    // The messages here are about threads without a line, so nothing reads debug information.
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "none");
    run::clear(&mut cargo);
    let output = cargo.env("CARGO_MANIFEST_DIR", &directory).output().expect("cargo starts");
    let said = [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned()).concat();
    for words in [
        "NOT CHECKED for threads left alive: glibc is linked statically",
        "warning: unclassified: 1 thread alive that was not seen to start, and no test is blamed",
        "test result: ok. 2 passed",
    ] {
        assert!(said.contains(words), "{words:?} is missing from {said}");
    }
    assert!(output.status.success(), "no test is blamed: {said}");
}

/// A package with the harness, a test that leaves a thread, and one that does not.
fn write_package(directory: &Path) {
    let harness = build::directory().join("../../crates/highwater-leaktest");
    let manifest = format!(
        "[package]\nname = \"static\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dev-dependencies]\nhighwater-leaktest = {{ path = '{}' }}\n",
        harness.display()
    );
    let source = "#[cfg(test)]\nuse highwater_leaktest as _;\n\n#[test]\nfn joins() {\n    \
                  std::thread::spawn(|| ()).join().unwrap();\n}\n\n#[test]\nfn leaves() {\n    \
                  std::thread::spawn(|| loop { std::thread::park() });\n}\n";
    fs::create_dir_all(directory.join("src")).expect("the directory can be made");
    fs::write(directory.join("Cargo.toml"), manifest).expect("the manifest can be written");
    fs::write(directory.join("src/lib.rs"), source).expect("the library can be written");
}
