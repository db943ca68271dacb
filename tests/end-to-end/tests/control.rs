//! The recording mode changes while threads run: each sample keeps the interval with which it was taken, so
//! the sums stay right. And samples carry the scope of their thread.

use std::process::Command;

use highwater_profile::{Limits, Profile, Sample, file};
use highwater_tests::succeed;

struct Run {
    profile: Profile,
    blocks: i64,
    measured: Vec<String>,
}

fn run() -> Run {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("heap.pb.gz");
    let said = succeed(Command::new(env!("CARGO_BIN_EXE_control")).arg(&path).env_remove("HIGHWATER"));
    let mut profile = file::read(&path, &Limits::default()).unwrap();
    highwater_symbol::symbolize(&mut profile, &Default::default()).unwrap();
    let mut lines = said.lines();
    let blocks = lines.next().unwrap().parse().unwrap();
    Run { profile, blocks, measured: lines.map(str::to_owned).collect() }
}

impl Run {
    /// The rows of a function, without the rows of freed blocks' lifetimes.
    fn samples(&self, function: &str) -> Vec<Sample<'_>> {
        let lifetime = self.profile.strings.find("lifetime");
        let of = |sample: &Sample<'_>| {
            sample.stack.iter().flat_map(|&id| &self.profile.location(id).lines).any(|line| {
                self.profile.string(self.profile.function(line.function).name).ends_with(function)
            })
        };
        let samples = self.profile.samples.iter().filter(of);
        samples.filter(|it| lifetime.is_none_or(|key| it.number(key).is_none())).collect()
    }

    /// Allocated and live blocks of a function, each with its standard error. The kept blocks are mostly the
    /// smallest, which are sampled least.
    fn blocks_of(&self, function: &str) -> [(i64, f64); 2] {
        let [allocated, live] =
            ["alloc_objects", "inuse_objects"].map(|kind| self.profile.sample_type(kind).unwrap());
        let key = |name| self.profile.strings.find(name);
        let mut sums = [(0, 0.0); 2];
        for sample in self.samples(function) {
            let size = sample.number(key("bytes").unwrap()).unwrap() as f64;
            let interval = key("interval").and_then(|key| sample.number(key)).unwrap_or(self.profile.period);
            for ((blocks, variance), column) in sums.iter_mut().zip([allocated, live]) {
                *blocks += sample.values[column];
                if interval > 1 {
                    *variance += sample.values[column] as f64 / (size / interval as f64).exp_m1();
                }
            }
        }
        sums.map(|(blocks, variance): (i64, f64)| (blocks, variance.sqrt()))
    }
}

#[test]
fn every_interval_gives_the_right_sums() {
    let run = run();
    assert_eq!(run.profile.period, 32 * 1024, "the interval in force at the end");
    assert_eq!(run.profile.meta.unwrap().exact, Some(0), "it was exact for a time only");
    for function in ["::phase_sampled", "::phase_coarse"] {
        // A quarter of the blocks is kept.
        for ((blocks, error), truth) in run.blocks_of(function).into_iter().zip([run.blocks, run.blocks / 4])
        {
            let difference = (blocks - truth) as f64;
            assert!(
                error > 0.0 && difference.abs() <= 5.0 * error,
                "{function}: {blocks} of {truth}, ± {error}"
            );
        }
    }
    assert_eq!(run.blocks_of("::phase_exact"), [(run.blocks, 0.0), (run.blocks / 4, 0.0)]);
    // When recording is switched off, the distance that each thread has begun still ends with a sample.
    assert!(run.samples("::phase_off").len() <= 3);
}

#[test]
fn samples_carry_the_scope_of_the_thread() {
    let run = run();
    let key = run.profile.strings.find("scope").unwrap();
    for sample in run.samples("::phase_exact") {
        assert_eq!(sample.text(key).map(|it| run.profile.string(it)), Some("phases/inner"));
    }
    assert_eq!(run.samples("::outside").iter().map(|it| it.text(key)).collect::<Vec<_>>(), [None]);
}

#[test]
fn a_measured_closure_is_counted_exactly() {
    let run = run();
    let expected = "Measured { alloc_blocks: 2, alloc_bytes: 6000, freed_blocks: 1, freed_bytes: 5000, peak_bytes: 5000 }";
    assert_eq!(run.measured, [expected, "true true"]);
}
