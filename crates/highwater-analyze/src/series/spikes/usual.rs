//! What is usual in a series, beside which an interval stands out or does not.

use std::collections::VecDeque;
use std::ops::Range;

/// Half the width of the middle half of a normal distribution in standard deviations: what makes of a median absolute
/// deviation an estimate of the standard deviation.
const MAD_OF_NORMAL: f64 = 0.674_489_750_196_081_7;

/// The same for the nearest quarter.
const QUARTER_OF_NORMAL: f64 = 0.318_639_363_964_375;

/// Rates from which on one more changes nothing that is usual. It keeps long series from taking quadratic time.
const MANY: usize = 200;

/// What intervals usually do, in bytes per nanosecond.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    pub(super) median: f64,
    /// A robust estimate of the standard deviation.
    pub(super) deviation: f64,
    /// The median, or, of two intervals or fewer, the highest.
    pub(super) highest_if_few: f64,
}

impl Usual {
    pub(super) fn of(mut rates: Vec<f64>) -> Option<Self> {
        rates.sort_by(f64::total_cmp);
        Self::of_sorted(&rates)
    }

    fn of_sorted(rates: &[f64]) -> Option<Self> {
        let half = rates.len() / 2;
        let upper = *rates.get(half)?;
        let median = if rates.len().is_multiple_of(2) { (rates[half - 1] + upper) / 2.0 } else { upper };
        let highest = rates.last().copied().unwrap_or(0.0).max(0.0);
        let highest_if_few = if rates.len() <= 2 { highest } else { median };
        Some(Self { median, deviation: middle_distance(rates, median) / MAD_OF_NORMAL, highest_if_few })
    }
}

/// The median of the distances from `centre`. The nearest of what is in order lie side by side.
fn middle_distance(sorted: &[f64], centre: f64) -> f64 {
    let mut high = sorted.partition_point(|it| *it < centre);
    let mut low = high;
    let (mut before, mut last) = (0.0, 0.0);
    for _ in 0..=sorted.len() / 2 {
        before = last;
        let left = low.checked_sub(1).map_or(f64::INFINITY, |at| centre - sorted[at]);
        let right = sorted.get(high).map_or(f64::INFINITY, |it| it - centre);
        if left < right {
            low -= 1;
        } else {
            high += 1;
        }
        last = left.min(right);
    }
    if sorted.len().is_multiple_of(2) { (before + last) / 2.0 } else { last }
}

/// An estimate of the standard deviation around `centre` that holds where up to three quarters of the rates are no noise.
pub(super) fn calm_deviation(rates: impl Iterator<Item = f64>, centre: f64) -> f64 {
    let mut distances: Vec<f64> = rates.map(|it| (it - centre).abs()).collect();
    distances.sort_by(f64::total_cmp);
    distances.get(distances.len() / 4).map_or(0.0, |it| it / QUARTER_OF_NORMAL)
}

/// What is usual in all intervals but a few.
pub(super) struct UsualOfOthers {
    rates: Vec<Option<f64>>,
    /// That of all, where there are many.
    of_all: Option<Usual>,
}

impl UsualOfOthers {
    pub(super) fn of(rates: Vec<Option<f64>>) -> Self {
        let of_all = (rates.len() >= MANY).then(|| Usual::of(rates.iter().copied().flatten().collect()));
        Self { rates, of_all: of_all.flatten() }
    }

    /// What is usual outside of these intervals.
    pub(super) fn outside(&self, intervals: &Range<usize>) -> Option<Usual> {
        self.of_all.or_else(|| {
            let others = self.rates.iter().enumerate().filter(|(other, _)| !intervals.contains(other));
            Usual::of(others.filter_map(|(_, rate)| *rate).collect())
        })
    }
}

/// The rates of the latest intervals, kept in order, so that they need not be sorted anew for each.
#[derive(Clone, Debug, Default)]
pub(super) struct Latest {
    rates: VecDeque<f64>,
    sorted: Vec<f64>,
}

impl Latest {
    /// Adds a rate, and forgets the oldest beyond `most`.
    pub(super) fn push(&mut self, rate: f64, most: usize) {
        self.rates.push_back(rate);
        let at = self.sorted.partition_point(|it| it.total_cmp(&rate).is_lt());
        self.sorted.insert(at, rate);
        if self.rates.len() > most {
            let oldest = self.rates.pop_front().unwrap_or(rate);
            let at = self.sorted.partition_point(|it| it.total_cmp(&oldest).is_lt());
            self.sorted.remove(at);
        }
    }

    pub(super) fn usual(&self) -> Option<Usual> {
        Usual::of_sorted(&self.sorted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_rates_are_as_usual_as_when_they_are_sorted_anew() {
        let mut latest = Latest::default();
        let mut noise = 7u32;
        let mut all = Vec::new();
        for _ in 0..60 {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let rate = f64::from(noise >> 28) - 5.0;
            all.push(rate);
            latest.push(rate, 9);
            let newest = all[all.len().saturating_sub(9)..].to_vec();
            let median = |mut of: Vec<f64>| {
                of.sort_by(f64::total_cmp);
                (of[(of.len() - 1) / 2] + of[of.len() / 2]) / 2.0
            };
            let expected = median(newest.clone());
            let usual = latest.usual().unwrap();
            assert_eq!(usual.median, expected, "{newest:?}");
            let distances = newest.iter().map(|it| (it - expected).abs()).collect();
            assert_eq!(usual.deviation, median(distances) / MAD_OF_NORMAL, "{newest:?}");
        }
        assert!(Latest::default().usual().is_none());
    }
}
