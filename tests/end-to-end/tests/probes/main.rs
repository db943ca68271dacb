//! OpenTelemetry's probes `otel_memory:alloc` and `otel_memory:free`: their notes in `readelf -n`, in every
//! kind of build that could lose them, and the events of a listener (gdb) against the program's profile.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod fires;
mod notes;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

use highwater_profile::{Limits, file};
use highwater_tests::{highwater, succeed};

/// The program of this test, as cargo built it.
const PROGRAM: &str = env!("CARGO_BIN_EXE_probes");

/// A build of an optimised program.
#[derive(Clone, Copy, Debug)]
enum Build {
    /// With link-time optimisation, and with the lines of the sources.
    Lines,
    /// With link-time optimisation and without symbols: the most that is removed from a program. The linker
    /// drops unreferenced parts, which is also the default.
    DropUnused,
    /// Like `DropUnused`, with GNU's linker, because rustc may use another one.
    DropUnusedByGnu,
}

/// Builds the program with optimisation, and returns where it is.
fn optimised(build: Build) -> PathBuf {
    /// All kinds are built in one place and then moved, so that compiled dependencies are shared.
    static BUILDING: Mutex<()> = Mutex::new(());
    const DROP_UNUSED: [&str; 2] = ["-Cstrip=symbols", "-Clink-arg=-Wl,--gc-sections"];
    let _one_at_a_time = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let options: &[&str] = match build {
        Build::Lines => &[],
        Build::DropUnused => &DROP_UNUSED,
        Build::DropUnusedByGnu => &[&DROP_UNUSED[..], &["-Clinker-features=-lld"]].concat(),
    };
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("probes");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args([
        "rustc",
        "--release",
        "--package",
        "highwater-tests",
        "--bin",
        "probes",
        "--no-default-features",
    ]);
    cargo.args(["--config", "profile.release.lto='fat'"]);
    cargo.args(["--config", "profile.release.debug='limited'"]);
    succeed(cargo.arg("--target-dir").arg(&directory).arg("--").args(options));
    let program = directory.join(format!("{build:?}"));
    fs::copy(directory.join("release/probes"), &program).expect("the program that was built");
    program
}

/// Lets gdb listen while the program runs, and returns its events with the program's profile.
fn listen(program: &Path, setting: &str) -> (Vec<fires::Fire>, highwater_profile::Profile) {
    let directory = tempfile::tempdir().unwrap();
    let [script, heap] = ["script.gdb", "heap.pb.gz"].map(|name| directory.path().join(name));
    fs::write(&script, fires::SCRIPT).unwrap();
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-quiet", "-batch", "-x"]).arg(&script).arg("--args").arg(program).arg(&heap);
    gdb.env("HIGHWATER", setting).env_remove("DEBUGINFOD_URLS");
    let heard = succeed(&mut gdb);
    let profile = file::read(&heap, &Limits::default()).unwrap_or_else(|it| panic!("{it}\n{heard}"));
    (fires::parse(&heard), profile)
}

#[test]
fn the_notes_are_there() {
    notes::check(Path::new(PROGRAM)).unwrap();
}

#[test]
fn the_notes_stay_in_optimised_programs() {
    for build in [Build::DropUnused, Build::DropUnusedByGnu] {
        notes::check(&optimised(build)).unwrap_or_else(|what| panic!("{build:?}: {what}"));
    }
}

#[test]
fn a_program_without_the_notes_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let stripped = directory.path().join("probes");
    for section in [".note.stapsdt", ".stapsdt.base"] {
        succeed(Command::new("objcopy").args(["--remove-section", section, PROGRAM]).arg(&stripped));
        assert!(notes::check(&stripped).is_err(), "{section} is not missed");
    }
}

#[test]
fn a_listener_hears_of_every_block_in_exact_mode() {
    let (heard, profile) = listen(Path::new(PROGRAM), "exact");
    fires::compare(&heard, &profile).unwrap();
    let allocs = heard.iter().filter(|it| matches!(it, fires::Fire::Alloc { .. })).count();
    assert!(allocs > 6_000, "{allocs}");
}

#[test]
fn a_listener_gets_samples_with_their_weights() {
    let directory = tempfile::tempdir().unwrap();
    let bare = directory.path().join("bare");
    succeed(Command::new("objcopy").arg("--strip-all").arg(optimised(Build::Lines)).arg(&bare));
    for program in [PathBuf::from(PROGRAM), bare] {
        let (mut heard, profile) = listen(&program, "");
        fires::compare(&heard, &profile).unwrap();
        assert!(heard.len() > 100, "{}", heard.len());
        // The planted faults: one event of each kind is missing.
        let alloc = heard.iter().rposition(|it| matches!(it, fires::Fire::Alloc { .. })).unwrap();
        let lost = heard.remove(alloc);
        assert!(fires::compare(&heard, &profile).is_err());
        heard.insert(alloc, lost);
        let free = heard.iter().rposition(|it| matches!(it, fires::Fire::Free { .. })).unwrap();
        heard.remove(free);
        assert!(fires::compare(&heard, &profile).is_err());
    }
}

#[test]
fn no_probe_fires_while_nothing_is_sampled() {
    let (heard, profile) = listen(Path::new(PROGRAM), "off");
    assert!(heard.is_empty() && profile.samples.is_empty(), "{heard:?}");
}

/// The optimiser inlines the recorder's functions into the program's functions, and these into each other. No
/// other reader may see the recorder, and the program's functions keep their names.
#[test]
fn link_time_optimisation_leaves_no_frame_of_the_recorder() {
    let directory = tempfile::tempdir().unwrap();
    let [heap, folded] = ["heap.pb.gz", "heap.folded"].map(|name| directory.path().join(name));
    succeed(Command::new(optimised(Build::Lines)).arg(&heap).env("HIGHWATER", "exact"));
    let stacks = |options: &[&str]| {
        let mut convert = Command::new(highwater());
        succeed(convert.args(["convert"]).args(options).args([&heap, &folded]));
        fs::read_to_string(&folded).unwrap()
    };
    let said = stacks(&[]);
    assert!(said.lines().filter(|it| it.contains("probes::work")).count() > 8, "{said}");
    assert!(!said.contains("highwater_recorder"), "{said}");
    // The planted fault: where every frame is asked for, the recorder's are there.
    assert!(stacks(&["--all-frames"]).contains("highwater_recorder"), "none is there to leave out");
}
