//! Libraries that are loaded and unloaded, and the loader's lock.

use highwater_profile::{Profile, Sample};
use highwater_tests::truth::{Demand, functions};
use tempfile::TempDir;

use crate::build;
use crate::run::{SAMPLED, Trap};

/// The program with its two libraries.
fn program(part: &str, directory: &TempDir) -> Trap {
    let narrow = build::library(directory.path(), "libnarrow", &[]);
    let wide = build::library(directory.path(), "libwide", &["--cfg", "wide"]);
    Trap::new(env!("CARGO_BIN_EXE_trap_dlopen")).arg(narrow).arg(wide).arg(part)
}

/// Blocks allocated below a library, and how many of them have a stack that continues to the program above
/// it.
fn below_libraries(profile: &Profile) -> (i64, i64) {
    let column = profile.sample_type("alloc_objects").unwrap();
    let (mut below, mut whole) = (0, 0);
    for sample in profile.samples.iter() {
        let functions: Vec<&str> = functions(profile, sample.stack).collect();
        if functions.iter().any(|it| it.contains("::site_below_")) {
            below += sample.values[column];
            if functions.iter().any(|it| it.ends_with("::above_the_library")) {
                whole += sample.values[column];
            }
        }
    }
    (below, whole)
}

/// Number of rows with `site` in their stack, and how many of them have a frame in the file `module`.
fn in_module(profile: &Profile, site: &str, module: &str) -> (usize, usize) {
    let (mut rows, mut inside) = (0, 0);
    for sample in profile.samples.iter() {
        if functions(profile, sample.stack).any(|it| it.contains(site)) {
            let mappings = sample.stack.iter().filter_map(|&id| profile.location(id).mapping);
            let is_inside = |it| profile.string(profile.mapping(it).file).contains(module);
            rows += 1;
            inside += usize::from(mappings.into_iter().any(is_inside));
        }
    }
    (rows, inside)
}

#[test]
fn libraries_may_come_and_go_while_threads_allocate() {
    let directory = tempfile::tempdir().unwrap();
    let profile = program("churn", &directory).passes();
    // Also if another library's frames were at the same place before.
    assert_eq!(below_libraries(&profile), (200, 200));
    // The snapshot is taken while the wide library is at the place of the narrow one. Frames of the narrow
    // one belong to no module.
    let (rows, inside) = in_module(&profile, "::site_below_narrow", "libwide");
    assert!(rows > 0 && inside == 0, "{inside} of {rows}");
    // Frames of the wide library from when it was at another place belong to no module either.
    let (rows, inside) = in_module(&profile, "::site_below_wide", "libwide");
    assert!(inside > 0, "{inside} of {rows}");
    program("churn", &directory).mode(SAMPLED).passes();
}

/// Blocks with `site` in their stack that have a frame in the file `module`, or in no module if that is
/// empty.
fn blocks_in(profile: &Profile, site: &str, module: &str) -> i64 {
    let column = profile.sample_type("alloc_objects").unwrap();
    let is_below = |it: &Sample<'_>| functions(profile, it.stack).any(|it| it.contains(site));
    let has_module = |it: &Sample<'_>| {
        it.stack.iter().any(|&id| match profile.location(id).mapping {
            Some(mapping) => {
                !module.is_empty() && profile.string(profile.mapping(mapping).file).contains(module)
            }
            None => module.is_empty(),
        })
    };
    profile.samples.iter().filter(|it| is_below(it) && has_module(it)).map(|it| it.values[column]).sum()
}

#[test]
fn a_library_that_lies_where_another_lay_has_stacks_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let [first, second] = ["libfirst", "libsecond"].map(|it| build::library(directory.path(), it, &[]));
    let program = || Trap::new(env!("CARGO_BIN_EXE_trap_dlopen")).arg(&first).arg(&second).arg("successor");
    let profile = program().passes();
    let all = below_libraries(&profile).0;
    let [of_first, of_second, of_none] =
        ["libfirst", "libsecond", ""].map(|it| blocks_in(&profile, "::site_below_narrow", it));
    // The blocks of the unloaded library belong to no module, and its successor's blocks keep their module.
    assert!(of_first == 0 && of_second > 0 && of_second + of_none == all, "{of_first} {of_second} {of_none}");
    assert!(of_none >= all / 2, "{of_none} of {all}");
}

#[test]
fn stacks_cut_off_at_a_library_are_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let narrow = build::library(directory.path(), "libnarrow", &["--cfg", "blind"]);
    let wide = build::library(directory.path(), "libwide", &["--cfg", "wide"]);
    let program = Trap::new(env!("CARGO_BIN_EXE_trap_dlopen")).arg(narrow).arg(wide).arg("churn");
    let (below, whole) = below_libraries(&program.passes());
    assert!(below == 200 && whole < 200, "{whole} of {below} stacks are whole");
}

#[test]
fn a_thread_may_allocate_while_the_loader_waits_for_it() {
    let directory = tempfile::tempdir().unwrap();
    program("constructor", &directory).passes();
    // The first sample of the process is taken in that thread.
    program("constructor", &directory).mode("interval:1MiB").passes();
}

#[test]
fn a_recorder_that_asks_the_loader_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    program("constructor", &directory).plant("loader").hangs();
}

#[test]
fn a_snapshot_calls_no_allocator_under_the_loaders_lock() {
    let directory = tempfile::tempdir().unwrap();
    program("lock", &directory).demand(Demand::Exact).passes();
}
