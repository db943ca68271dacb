//! Decides when memory use is an incident: pure functions of readings, independent of any clock.

use std::time::Duration;

/// Memory in use at one time, and its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// Bytes that count against the nearest limit, used by any process.
    pub used_bytes: u64,
    /// The nearest limit in bytes; `None` if there is none.
    pub limit_bytes: Option<u64>,
    /// Bytes that the service uses itself.
    pub own_bytes: u64,
    /// The part of `used_bytes` that the watch reserves for recording an incident, and can free.
    pub reserved_bytes: u64,
}

impl Use {
    /// The use in bytes at which this fraction of the limit is reached, including the reserve. The threshold
    /// leaves at least the reserve below the limit, unless the fraction itself leaves less.
    fn threshold(&self, fraction: f64) -> Option<f64> {
        let (limit, reserved) = (self.limit_bytes? as f64, self.reserved_bytes as f64);
        let plain = fraction * limit;
        Some((plain + reserved).min((limit - reserved).max(plain)))
    }
}

/// Why an incident is recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reason {
    /// The use reached this fraction of the limit.
    Fraction(f64),
    /// The service's own use reached this number of bytes.
    Bytes(u64),
    /// The use is much higher than recently.
    Growth { baseline_bytes: u64 },
}

impl Reason {
    /// A word for the folder's name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Fraction(_) => "fraction",
            Self::Bytes(_) => "bytes",
            Self::Growth { .. } => "growth",
        }
    }
}

/// How much growth is an incident: all three bounds must be exceeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Bytes in use below which growth does not count. Default: 64 MiB.
    pub least_bytes: u64,
    /// Growth in per cent of the baseline. Default: 50.
    pub percent: f64,
    /// Growth in bytes above the baseline. Default: 32 MiB.
    pub added_bytes: u64,
    /// The baseline is a mean of past readings, weighted by an exponential decay with this time constant.
    /// Default: 10 minutes.
    pub memory: Duration,
}

impl Default for Growth {
    fn default() -> Self {
        Self { least_bytes: 64 << 20, percent: 50.0, added_bytes: 32 << 20, memory: Duration::from_secs(600) }
    }
}

/// A threshold is armed again below this share of itself, so that memory that oscillates around it is one
/// incident and not many.
const REARM: f64 = 0.95;

/// Pause before an incident that could not be recorded is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// The rules with their state.
#[derive(Debug)]
pub(crate) struct Judge {
    thresholds: Vec<Threshold>,
    growth: Option<(Growth, Trend)>,
    cooldown: Duration,
}

#[derive(Debug)]
struct Threshold {
    at: Reason,
    is_armed: bool,
    quiet_until: Duration,
}

#[derive(Debug, Default)]
struct Trend {
    /// Time and value of the baseline in bytes; `None` before the first reading.
    baseline: Option<(Duration, f64)>,
    quiet_until: Duration,
}

impl Judge {
    pub(crate) fn new(
        thresholds: impl IntoIterator<Item = Reason>,
        growth: Option<Growth>,
        cooldown: Duration,
    ) -> Self {
        let thresholds = thresholds
            .into_iter()
            .map(|at| Threshold { at, is_armed: true, quiet_until: Duration::ZERO })
            .collect();
        Self { thresholds, growth: growth.map(|it| (it, Trend::default())), cooldown }
    }

    /// Takes a reading at `now`, on any clock that does not go back. Returns the reason to record an
    /// incident, if there is one: the highest of the newly reached thresholds.
    pub(crate) fn judge(&mut self, now: Duration, reading: Use) -> Option<Reason> {
        let quiet_until = now.saturating_add(self.cooldown);
        let own = reading.own_bytes as f64;
        let mut reached: Option<(f64, Reason)> = None;
        for threshold in &mut self.thresholds {
            let bytes = match threshold.at {
                Reason::Fraction(fraction) => reading.threshold(fraction),
                Reason::Bytes(bytes) => Some(bytes as f64),
                Reason::Growth { .. } => None,
            };
            let Some(bytes) = bytes else { continue };
            let used =
                if matches!(threshold.at, Reason::Fraction(_)) { reading.used_bytes as f64 } else { own };
            if used < REARM * bytes {
                threshold.is_armed = true;
            } else if used >= bytes && threshold.is_armed && now >= threshold.quiet_until {
                threshold.is_armed = false;
                threshold.quiet_until = quiet_until;
                if reached.is_none_or(|(highest, _)| highest < bytes) {
                    reached = Some((bytes, threshold.at));
                }
            }
        }
        let growth = self.growth.as_mut().and_then(|(growth, trend)| {
            let baseline = trend.update(now, own, growth.memory);
            let is_much = own >= growth.least_bytes as f64
                && own - baseline >= growth.added_bytes as f64
                && own >= baseline * (1.0 + growth.percent / 100.0);
            (is_much && now >= trend.quiet_until).then(|| {
                trend.quiet_until = quiet_until;
                // The present use is the baseline for further growth.
                trend.baseline = Some((now, own));
                Reason::Growth { baseline_bytes: baseline as u64 }
            })
        });
        reached.map(|(_, reason)| reason).or(growth)
    }

    /// Takes back a reason that `judge` returned at `now`, because the incident could not be recorded, for
    /// the `failures`th time in a row. If the reason still holds, `judge` returns it again after [`RETRY`],
    /// doubled for each failure and at most after the cooldown.
    pub(crate) fn take_back(&mut self, now: Duration, reason: Reason, failures: u32) {
        let pause = RETRY.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
        let quiet_until = now.saturating_add(pause.min(self.cooldown));
        if let (Reason::Growth { baseline_bytes }, Some((_, trend))) = (reason, &mut self.growth) {
            *trend = Trend { baseline: Some((now, baseline_bytes as f64)), quiet_until };
        }
        for threshold in self.thresholds.iter_mut().filter(|it| it.at == reason) {
            threshold.is_armed = true;
            threshold.quiet_until = quiet_until;
        }
    }
}

impl Trend {
    /// Returns the baseline before this reading, and adds the reading to it. The times between readings may
    /// vary.
    fn update(&mut self, now: Duration, used: f64, memory: Duration) -> f64 {
        let Some((last, baseline)) = self.baseline else {
            self.baseline = Some((now, used));
            return used;
        };
        let time = now.saturating_sub(last).as_secs_f64() / memory.as_secs_f64().max(1e-9);
        let weight = 1.0 - (-time).exp();
        self.baseline = Some((now, baseline + weight * (used - baseline)));
        baseline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// The reasons that a judge returns for values in MiB, one a second, with a limit of 100 MiB.
    fn run(judge: &mut Judge, values: impl IntoIterator<Item = u64>) -> Vec<(u64, Reason)> {
        let readings = values.into_iter().zip(0_u64..);
        readings
            .filter_map(|(mib, second)| {
                let used_bytes = mib * MIB;
                let reading = Use {
                    used_bytes,
                    limit_bytes: Some(100 * MIB),
                    own_bytes: used_bytes,
                    reserved_bytes: 0,
                };
                Some((second, judge.judge(Duration::from_secs(second), reading)?))
            })
            .collect()
    }

    #[test]
    fn a_threshold_is_reached_once_until_memory_has_fallen() {
        let mut judge = Judge::new([Reason::Fraction(0.8)], None, Duration::ZERO);
        let fired = run(&mut judge, [10, 79, 80, 90, 81, 77, 85, 75, 80]);
        assert_eq!(fired, [(2, Reason::Fraction(0.8)), (8, Reason::Fraction(0.8))]);
    }

    #[test]
    fn a_higher_threshold_does_not_wait_for_the_lower_one() {
        let rules = [Reason::Fraction(0.95), Reason::Bytes(80 * MIB)];
        let mut judge = Judge::new(rules, None, Duration::from_secs(600));
        assert_eq!(
            run(&mut judge, [10, 82, 96, 10, 99]),
            [(1, Reason::Bytes(80 * MIB)), (2, Reason::Fraction(0.95))]
        );
        // Both thresholds at once are one incident.
        let mut judge = Judge::new(rules, None, Duration::from_secs(600));
        assert_eq!(run(&mut judge, [10, 96]), [(1, Reason::Fraction(0.95))]);
    }

    #[test]
    fn a_cooldown_bounds_incidents_of_oscillating_memory() {
        let mut judge = Judge::new([Reason::Fraction(0.5)], None, Duration::from_secs(10));
        let fired = run(&mut judge, (0..25).map(|second| if second % 2 == 0 { 10 } else { 60 }));
        assert_eq!(fired.iter().map(|it| it.0).collect::<Vec<_>>(), [1, 11, 21]);
    }

    #[test]
    fn an_unrecorded_incident_is_tried_again() {
        let minute = Duration::from_secs(60);
        let rules = [Reason::Bytes(50 * MIB), Reason::Bytes(80 * MIB)];
        for (thresholds, growth) in [(&rules[..], None), (&[], Some(growth()))] {
            let mut judge = Judge::new(thresholds.iter().copied(), growth, minute);
            assert_eq!(run(&mut judge, [30; 30]), []);
            let high = Use { used_bytes: 0, limit_bytes: None, own_bytes: 90 * MIB, reserved_bytes: 0 };
            let at = |second, judge: &mut Judge| judge.judge(Duration::from_secs(second), high);
            let reason = at(30, &mut judge).unwrap();
            judge.take_back(Duration::from_secs(30), reason, 1);
            assert_eq!(at(39, &mut judge), None);
            let again = at(40, &mut judge).unwrap();
            assert_eq!(again.word(), reason.word());
            judge.take_back(Duration::from_secs(40), again, 2);
            assert_eq!(at(59, &mut judge), None);
            assert!(at(60, &mut judge).is_some());
            // This time the incident was recorded.
            assert_eq!(at(81, &mut judge), None);
        }
    }

    #[test]
    fn without_a_limit_fractions_are_never_reached() {
        let mut judge = Judge::new([Reason::Fraction(0.1)], None, Duration::ZERO);
        let reading = Use { used_bytes: u64::MAX, limit_bytes: None, own_bytes: u64::MAX, reserved_bytes: 0 };
        assert_eq!(judge.judge(Duration::ZERO, reading), None);
    }

    #[test]
    fn a_reserve_does_not_reach_a_fraction_and_does_not_hide_the_end() {
        let reading = |limit, reserved_bytes| Use {
            used_bytes: 0,
            limit_bytes: Some(limit),
            own_bytes: 0,
            reserved_bytes,
        };
        let at = |fraction, limit, reserved| reading(limit, reserved).threshold(fraction);
        assert_eq!(at(0.5, 200, 8), Some(108.0));
        // At 192, only the reserve is left.
        assert_eq!(at(0.9375, 200, 8), Some(192.0));
        assert_eq!(at(0.75, 32, 6), Some(26.0));
        // A threshold is never below the requested fraction.
        assert_eq!(at(0.75, 32, 20), Some(24.0));
        assert_eq!(at(0.75, 32, 0), Some(24.0));
    }

    fn growth() -> Growth {
        Growth {
            least_bytes: 20 * MIB,
            percent: 50.0,
            added_bytes: 10 * MIB,
            memory: Duration::from_secs(60),
        }
    }

    #[test]
    fn a_slow_rise_and_small_numbers_are_no_growth() {
        let fires = |values: Vec<u64>| run(&mut Judge::new([], Some(growth()), Duration::ZERO), values).len();
        assert_eq!(fires([vec![30; 30], vec![46]].concat()), 1);
        // None of these reaches all three: 50 % growth, 10 MiB growth, 20 MiB in total.
        assert_eq!(fires([vec![30; 30], vec![44]].concat()), 0);
        assert_eq!(fires([vec![14; 30], vec![23]].concat()), 0);
        assert_eq!(fires([vec![5; 30], vec![19]].concat()), 0);
        // 20 MiB more in 10 minutes: the baseline follows the slow rise.
        assert_eq!(fires((0..600).map(|second| 40 + second / 30).collect()), 0);
    }

    #[test]
    fn the_level_after_growth_is_the_new_baseline() {
        let mut judge = Judge::new([], Some(growth()), Duration::ZERO);
        let fired = run(&mut judge, [vec![30; 30], vec![60; 30], vec![95; 5]].concat());
        assert_eq!(fired.iter().map(|it| it.0).collect::<Vec<_>>(), [30, 60]);
        assert_eq!(fired[0].1, Reason::Growth { baseline_bytes: 30 * MIB });
    }
}
