//! Whether what a tool reports is true: its totals against those of a wrapper that counts every call.

use serde::{Deserialize, Serialize};

use super::contestants::Profile;

/// Blocks and bytes, of a process or of the time a workload ran; see `tests/bench/src/totals.rs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Totals {
    pub alloc_blocks: i64,
    pub alloc_bytes: i64,
    pub live_blocks: i64,
    pub live_bytes: i64,
}

/// Bytes that a profile adds up to, with their standard errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Estimate {
    pub alloc_bytes: f64,
    pub alloc_error: f64,
    pub live_bytes: f64,
    pub live_error: f64,
}

/// What a program reported after a fixed number of operations.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// The most memory it had resident.
    pub peak_rss_bytes: Option<u64>,
    /// What the workload itself counted.
    pub own: Option<Totals>,
    /// What the tool counted while the workload ran.
    pub during: Option<Totals>,
    /// What the tool counted since the process started.
    pub whole: Option<Totals>,
    /// What the tool's profile adds up to since the process started.
    pub estimate: Option<Estimate>,
}

/// A value of a profile beside what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Deviation {
    /// How far it is off, as a share of the truth.
    pub share: f64,
    /// How far it is off, in standard errors; 0 if it is equal. Infinite if it may not be off at all.
    pub standard_errors: f64,
}

/// How true a tool's totals are; parts that it does not report are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// How far the tool's exact count of the workload's bytes is off, in bytes.
    pub counted_bytes_off: Option<i64>,
    /// Whether all four totals that the tool counts are equal to the truth.
    pub counts_hold: Option<bool>,
    /// Bytes ever allocated, by the profile.
    pub alloc: Option<Deviation>,
    /// Bytes live, by the profile.
    pub live: Option<Deviation>,
}

/// Mean bytes between samples, as every tool is asked for.
const INTERVAL_BYTES: f64 = 524_288.0;

/// The most standard errors that a true total is off.
const MOST_STANDARD_ERRORS: f64 = 4.0;

impl Verdict {
    /// Compares a report with that of the counting wrapper.
    pub fn new(report: &Report, truth: &Report, profile: Profile) -> Self {
        let counted = report.during.zip(truth.during);
        let counts_hold = counted.map(|(counted, truth)| counted == truth);
        // Start-up differs by the length of the program's path; where the tool counts right, its own count of the
        // whole process is the truth without that difference.
        let whole = report.whole.filter(|_| counts_hold == Some(true)).or(truth.whole);
        let exact = profile == Profile::Exact;
        let compared = report.estimate.filter(|_| profile != Profile::None).zip(whole);
        Self {
            counted_bytes_off: counted.map(|(counted, truth)| counted.alloc_bytes - truth.alloc_bytes),
            counts_hold,
            alloc: compared
                .map(|(it, truth)| deviation(it.alloc_bytes, it.alloc_error, truth.alloc_bytes, exact)),
            live: compared
                .map(|(it, truth)| deviation(it.live_bytes, it.live_error, truth.live_bytes, exact)),
        }
    }

    /// Whether everything reported is true. Counts need not be equal if the workload itself is not `repeatable`.
    pub fn holds(&self, repeatable: bool) -> bool {
        let within = |it: Deviation| it.standard_errors.abs() <= MOST_STANDARD_ERRORS;
        (self.counts_hold != Some(false) || !repeatable)
            && self.alloc.is_none_or(within)
            && self.live.is_none_or(within)
    }
}

fn deviation(bytes: f64, error: f64, truth: i64, exact: bool) -> Deviation {
    let truth = truth as f64;
    let difference = bytes - truth;
    // A profile of few samples underestimates its own error; what it is for small blocks is known from the truth.
    let few = bytes < 10.0 * INTERVAL_BYTES;
    let bound = (truth.max(0.0) * INTERVAL_BYTES).sqrt();
    let error = match (exact, few) {
        (true, _) => 0.0,
        (false, true) => error.max(bound),
        // An estimate that is low by chance has a low error too; judged is by the error at the truth.
        (false, false) => error * (truth / bytes).max(1.0).sqrt(),
    };
    // Rows are rounded to whole bytes and blocks, so a difference below a byte is none.
    let standard_errors = if difference.abs() < 1.0 { 0.0 } else { difference / error };
    Deviation { share: difference / truth.max(1.0), standard_errors }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: Totals =
        Totals { alloc_blocks: 10_000_000, alloc_bytes: 1_000_000_000, live_blocks: 5, live_bytes: 50 };

    fn report(counted: Totals, alloc_bytes: f64) -> Report {
        let estimate = Estimate { alloc_bytes, alloc_error: 20e6, live_bytes: 0.0, live_error: 0.0 };
        Report {
            peak_rss_bytes: None,
            own: None,
            during: Some(counted),
            whole: Some(counted),
            estimate: Some(estimate),
        }
    }

    fn holds(counted: Totals, alloc_bytes: f64) -> bool {
        Verdict::new(&report(counted, alloc_bytes), &report(TRUTH, 0.0), Profile::Sampled).holds(true)
    }

    #[test]
    fn four_standard_errors_are_the_limit() {
        assert!(holds(TRUTH, 1_079e6));
        assert!(!holds(TRUTH, 1_081e6));
        // The error is 20 MB at 900 MB, so 21 MB at the truth.
        assert!(holds(TRUTH, 917e6));
        assert!(!holds(TRUTH, 914e6));
    }

    #[test]
    fn a_count_that_is_off_by_one_does_not_hold() {
        let off = Totals { live_blocks: TRUTH.live_blocks + 1, ..TRUTH };
        assert!(!holds(off, 1_000e6));
        let verdict = Verdict::new(&report(off, 1_000e6), &report(TRUTH, 0.0), Profile::Sampled);
        assert!(verdict.holds(false), "but may differ where two runs do");
    }

    #[test]
    fn an_empty_profile_is_wrong_only_where_there_should_be_one() {
        let judged = |profile| Verdict::new(&report(TRUTH, 0.0), &report(TRUTH, 0.0), profile).holds(true);
        assert!(judged(Profile::None) && !judged(Profile::Sampled) && !judged(Profile::Exact));
    }

    #[test]
    fn an_exact_profile_may_not_be_off_at_all() {
        let mut exact = report(TRUTH, 1e9);
        exact.estimate.as_mut().unwrap().live_bytes = 50.0;
        assert!(Verdict::new(&exact, &report(TRUTH, 0.0), Profile::Exact).holds(true));
        exact.estimate.as_mut().unwrap().alloc_bytes += 64.0;
        assert!(!Verdict::new(&exact, &report(TRUTH, 0.0), Profile::Exact).holds(true));
    }
}
