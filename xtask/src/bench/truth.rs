//! Checks the totals that a tool reports against the totals of a wrapper that counts every call.

use serde::{Deserialize, Serialize};

use super::contestants::Profile;

/// Blocks and bytes, of a process or of a workload's run; see `tests/bench/src/totals.rs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Totals {
    pub alloc_blocks: i64,
    pub alloc_bytes: i64,
    pub live_blocks: i64,
    pub live_bytes: i64,
}

/// The sums of a profile in bytes, with their standard errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Estimate {
    pub alloc_bytes: f64,
    pub alloc_error: f64,
    pub live_bytes: f64,
    pub live_error: f64,
}

/// A program's report after a fixed number of operations.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// Maximum resident memory of the process, in bytes.
    pub peak_rss_bytes: Option<u64>,
    /// The workload's own counts.
    pub own: Option<Totals>,
    /// The tool's counts during the workload.
    pub during: Option<Totals>,
    /// The tool's counts since the process started.
    pub whole: Option<Totals>,
    /// The sums of the tool's profile since the process started.
    pub estimate: Option<Estimate>,
}

/// The deviation of a profile's value from the truth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Deviation {
    /// The deviation as a share of the truth.
    pub share: f64,
    /// The deviation in standard errors; 0 if equal, infinite if the value has no error but differs.
    pub standard_errors: f64,
}

/// How right a tool's totals are; parts that it does not report are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Accuracy {
    /// The difference between the tool's exact count of the workload's bytes and the truth, in bytes.
    pub counted_bytes_off: Option<i64>,
    /// Whether all four counted totals equal the truth.
    pub counts_hold: Option<bool>,
    /// Bytes ever allocated, according to the profile.
    pub alloc: Option<Deviation>,
    /// Live bytes, according to the profile.
    pub live: Option<Deviation>,
}

/// Mean bytes between samples, as requested from every tool.
const INTERVAL_BYTES: f64 = 524_288.0;

/// Maximum deviation of a correct total, in standard errors.
const MOST_STANDARD_ERRORS: f64 = 4.0;

impl Accuracy {
    /// Compares a report with the counting wrapper's.
    pub fn new(report: &Report, truth: &Report, profile: Profile) -> Self {
        let counted = report.during.zip(truth.during);
        let counts_hold = counted.map(|(counted, truth)| counted == truth);
        // Start-up differs with the length of the program's path. If the tool's counts are right, its own
        // count of the whole process is the truth, because it includes that difference.
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

    /// Whether every reported value is right. Counts need not be equal if the workload itself is not
    /// `repeatable`.
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
    // A profile of few samples underestimates its own error. For small blocks, the error is known from the
    // truth.
    let few = bytes < 10.0 * INTERVAL_BYTES;
    let bound = (truth.max(0.0) * INTERVAL_BYTES).sqrt();
    let error = match (exact, few) {
        (true, _) => 0.0,
        (false, true) => error.max(bound),
        // An estimate that is low by chance also has a low error, so the error at the truth is used.
        (false, false) => error * (truth / bytes).max(1.0).sqrt(),
    };
    // Rows are rounded to whole bytes and blocks, so a difference below 1 counts as equal.
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
        Accuracy::new(&report(counted, alloc_bytes), &report(TRUTH, 0.0), Profile::Sampled).holds(true)
    }

    #[test]
    fn four_standard_errors_are_the_limit() {
        assert!(holds(TRUTH, 1_079e6));
        assert!(!holds(TRUTH, 1_081e6));
        // The standard error is 20 MB at 900 MB, so it is 21 MB at the truth.
        assert!(holds(TRUTH, 917e6));
        assert!(!holds(TRUTH, 914e6));
    }

    #[test]
    fn a_count_off_by_one_is_wrong() {
        let off = Totals { live_blocks: TRUTH.live_blocks + 1, ..TRUTH };
        assert!(!holds(off, 1_000e6));
        let verdict = Accuracy::new(&report(off, 1_000e6), &report(TRUTH, 0.0), Profile::Sampled);
        assert!(verdict.holds(false), "but may differ where two runs do");
    }

    #[test]
    fn an_empty_profile_is_wrong_only_where_there_should_be_one() {
        let judged = |profile| Accuracy::new(&report(TRUTH, 0.0), &report(TRUTH, 0.0), profile).holds(true);
        assert!(judged(Profile::None) && !judged(Profile::Sampled) && !judged(Profile::Exact));
    }

    #[test]
    fn an_exact_profile_may_not_deviate() {
        let mut exact = report(TRUTH, 1e9);
        exact.estimate.as_mut().unwrap().live_bytes = 50.0;
        assert!(Accuracy::new(&exact, &report(TRUTH, 0.0), Profile::Exact).holds(true));
        exact.estimate.as_mut().unwrap().alloc_bytes += 64.0;
        assert!(!Accuracy::new(&exact, &report(TRUTH, 0.0), Profile::Exact).holds(true));
    }
}
