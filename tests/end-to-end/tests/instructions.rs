//! The cost of an unsampled allocation in instructions. The number is the same in every run on every machine
//! of a kind, so a change that lengthens the fast path fails this test before it reaches production.
//!
//! callgrind counts a pair of 64 bytes, allocated and freed, in optimised programs of `tests/bench`. The
//! limits are for x86-64; other processors need another number of instructions.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_tests::succeed;

/// Maximum additional instructions of a pair, compared to a wrapper that does nothing, while sampling is on.
const MOST_SAMPLING: f64 = 11.25;

/// Maximum additional instructions while recording is off.
const MOST_OFF: f64 = 11.25;

/// The optimised programs to count.
struct Programs {
    directory: PathBuf,
}

impl Programs {
    /// Builds the programs without the workloads that are not needed here, which would take longer to
    /// compile.
    fn build() -> Self {
        let target =
            Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target directory");
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo.args(["build", "--release", "--package", "highwater-bench", "--no-default-features"]);
        for program in ["bench-noop", "bench-highwater", "bench-instructions"] {
            cargo.args(["--bin", program]);
        }
        succeed(cargo.arg("--target-dir").arg(target));
        Self { directory: target.join("release") }
    }

    /// Instructions per pair.
    fn count(&self, program: &str, setting: &str) -> f64 {
        let mut tool = Command::new(self.directory.join("bench-instructions"));
        tool.arg(self.directory.join(program)).env("HIGHWATER", setting);
        let output = succeed(&mut tool);
        output.trim().parse().unwrap_or_else(|_| panic!("no number: {output}"))
    }
}

/// An error if a count is too high.
fn excess(count: f64, noop: f64, most: f64) -> Result<(), String> {
    let above = count - noop;
    if above <= most {
        Ok(())
    } else {
        Err(format!(
            "a pair takes {above:.1} instructions more than the no-op wrapper's {noop:.1}, limit {most}"
        ))
    }
}

#[test]
fn an_allocation_that_is_not_sampled_costs_few_instructions() {
    let programs = Programs::build();
    let noop = programs.count("bench-noop", "");
    assert!(noop > 50.0, "{noop} instructions are too few for a pair: it was optimised away");
    // The interval is so long that nothing is sampled while callgrind counts.
    for (setting, most) in [("interval:1GiB", MOST_SAMPLING), ("off", MOST_OFF)] {
        let count = programs.count("bench-highwater", setting);
        println!("{setting}: {:+.2}", count - noop);
        excess(count, noop, most).unwrap_or_else(|what| panic!("{setting}: {what}"));
    }
    // The planted fault: recording everything takes far more instructions.
    let exact = programs.count("bench-highwater", "exact");
    assert!(excess(exact, noop, MOST_SAMPLING).is_err(), "exact mode took {exact}");
}

#[test]
fn one_instruction_above_the_limit_is_too_many() {
    assert_eq!(excess(187.0, 157.0, 30.0), Ok(()));
    assert!(excess(188.0, 157.0, 30.0).unwrap_err().contains("31.0 instructions more"));
}
