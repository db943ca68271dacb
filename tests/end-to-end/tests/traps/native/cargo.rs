//! `cargo highwater run|test`: the programs of a cargo project, and the library that `highwater run
//! --install` builds.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use highwater_profile::{Limits, file};
use highwater_tests::{highwater, highwater_with_library};
use tempfile::TempDir;

/// A project with a program, two test programs, and a program that cannot be recorded.
fn project() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "Cargo.toml",
        "[package]\nname = \"pond\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n",
    );
    write("src/lib.rs", "#[test]\nfn unit() {\n    assert_eq!(vec![7_u8; 100_000].len(), 100_000);\n}\n");
    write(
        "src/main.rs",
        "fn main() {\n    let all: Vec<String> = std::env::args().skip(1).collect();\n    std::mem::forget(vec![1_u8; 300_000]);\n    println!(\"{}\", all.join(\",\"));\n    std::process::exit(4);\n}\n",
    );
    write("tests/deep.rs", "#[test]\nfn deep() {\n    std::mem::forget(vec![7_u8; 200_000]);\n}\n");
    let own = "#[no_mangle]\npub extern \"C\" fn je_malloc(_: usize) -> usize { 0 }\n";
    write("examples/own.rs", &format!("{own}fn main() {{\n    println!(\"{{}}\", je_malloc(1));\n}}\n"));
    directory
}

/// `cargo highwater` with these arguments. The command is what `cargo-highwater` starts.
fn cargo(project: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(highwater_with_library());
    command.arg("cargo").args(arguments).current_dir(project);
    for variable in ["CARGO_TARGET_DIR", "HIGHWATER", "RUSTFLAGS"] {
        command.env_remove(variable);
    }
    command.output().unwrap()
}

fn profiles(project: &Path) -> Vec<String> {
    let entries = fs::read_dir(project.join("target/highwater")).unwrap();
    let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn live_bytes(project: &Path, name: &str) -> i64 {
    let profile = file::read(&project.join("target/highwater").join(name), &Limits::default()).unwrap();
    profile.samples.total(profile.sample_type("inuse_space").unwrap())
}

#[test]
fn every_program_of_a_project_is_recorded_without_a_change_of_the_project() {
    let project = project();
    let project = project.path();
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();

    let ran = cargo(project, &["run", "--exact", "--bin", "pond", "-q", "--", "a", "--exact"]);
    assert_eq!(ran.status.code(), Some(4), "{}", said(&ran));
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "a,--exact\n");
    assert_eq!(profiles(project), ["pond.pb.gz"]);
    assert!(live_bytes(project, "pond.pb.gz") >= 300_000);

    let tested = cargo(project, &["test", "--exact", "--lib", "--test", "deep"]);
    assert_eq!(tested.status.code(), Some(0), "{}", said(&tested));
    let names = profiles(project);
    let [deep, unit, _] = &names[..] else { panic!("{names:?}") };
    assert!(deep.starts_with("deep-") && unit.starts_with("pond-"), "{names:?}");
    assert!(said(&tested).contains("2 programs were recorded, in target/highwater"), "{}", said(&tested));
    assert!((200_000..250_000).contains(&live_bytes(project, deep)), "{}", live_bytes(project, deep));

    let own = cargo(project, &["run", "--example", "own"]);
    assert_eq!((own.status.code(), &*own.stdout), (Some(0), &b"0\n"[..]), "{}", said(&own));
    assert!(said(&own).contains("not recorded") && said(&own).contains("jemalloc"), "{}", said(&own));
    assert!(said(&own).contains("no program was recorded"), "{}", said(&own));
}

#[test]
fn the_library_is_built_and_found_where_the_command_stands_alone() {
    let directory = tempfile::tempdir().unwrap();
    let alone = directory.path().join("highwater");
    fs::copy(highwater(), &alone).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&alone);
        command.arg("run").args(arguments).current_dir(directory.path());
        command.env("XDG_DATA_HOME", directory.path().join("data")).env_remove("HIGHWATER_PRELOAD");
        // What was built for the tests need not be built again.
        command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
        command.output().unwrap()
    };
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let missing = run(&["--", "true"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(said(&missing).contains("`highwater run --install`"), "{}", said(&missing));
    let installed = run(&["--install"]);
    assert_eq!(installed.status.code(), Some(0), "{}", said(&installed));
    assert!(said(&installed).contains("libhighwater_preload.so"), "{}", said(&installed));
    let found = run(&["--exact", "--", "true"]);
    assert_eq!((found.status.code(), said(&found)), (Some(0), String::new()));
    assert!(directory.path().join("heap.pb.gz").is_file());
    // Nothing but the library stays.
    let version = directory.path().join("data/highwater").join(env!("CARGO_PKG_VERSION"));
    assert_eq!(fs::read_dir(version).unwrap().count(), 1);
}
