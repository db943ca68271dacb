//! A program built with `panic = "abort"`.

use std::fs;
use std::process::Command;
use std::time::Duration;

use highwater_tests::truth::{Demand, functions};
use highwater_tests::{Failure, run_with_timeout};

use crate::build;
use crate::run::Trap;

/// Samples whose stack leads from `main` to the site through all functions in between, and all samples of the
/// site.
fn whole_stacks(program: Trap) -> (usize, usize) {
    let profile = program.passes();
    let whole = profile.samples.iter().filter(|sample| {
        functions(&profile, sample.stack).filter(|it| it.ends_with("::called_by_main")).count() == 6
            && functions(&profile, sample.stack).any(|it| it.ends_with("::main"))
    });
    let below = profile
        .samples
        .iter()
        .filter(|sample| functions(&profile, sample.stack).any(|it| it.ends_with("::site_below")));
    (whole.count(), below.count())
}

/// One test, because both builds use the same output file of cargo.
#[test]
fn stacks_are_whole_without_unwinding() {
    let program = build::aborting_program(&[]);
    let mut panicking = Command::new(&program);
    panicking.args(["unused", "panic"]);
    let aborted = run_with_timeout(&mut panicking, Duration::from_secs(240));
    assert!(matches!(aborted, Err(Failure::Crashed(_))), "it is not built to abort: {aborted:?}");
    let (whole, below) = whole_stacks(Trap::new(&program));
    assert!(below > 0);
    assert_eq!(whole, below);

    // The planted fault: the same program without its own unwind tables, for which a walk must fail.
    let tableless = build::aborting_program(&["-C", "force-unwind-tables=no"]);
    let copy = build::directory("panic-abort").join("tableless");
    fs::copy(tableless, &copy).unwrap();
    let (whole, below) = whole_stacks(Trap::new(&copy).demand(Demand::Sampled));
    assert!(whole < below || below == 0, "{whole} of {below}");
}
