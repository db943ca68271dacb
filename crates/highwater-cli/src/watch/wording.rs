//! The findings of the watch as lines of text for people.

use highwater_analyze::{Estimate, SampleKind, Sign, Spike, SpikeRow, Suspects, Trend, TrendRow, Unit};
use highwater_report::{amount, change, duration, estimate};

/// Number of rows named as evidence.
const NAMED: usize = 5;

fn bytes(value: i64) -> String {
    amount(value, &Unit::Bytes)
}

fn signed(value: i64) -> String {
    change(&Estimate::exact(value), &Unit::Bytes)
}

/// The kind of values that shows a spike best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpikeValues {
    /// Allocated memory, which may be freed again.
    Allocated,
    /// Live memory.
    Live,
}

impl SpikeValues {
    /// The values that the spike's signs are about.
    pub(crate) fn from_signs(spike: &Spike, suspects: &Suspects) -> Self {
        let is_live = spike.signs.iter().all(|it| *it == Sign::Live);
        if is_live || suspects.only_live { Self::Live } else { Self::Allocated }
    }

    /// The kind of these values in a profile.
    pub(crate) fn sample(self) -> SampleKind {
        match self {
            Self::Allocated => SampleKind::AllocBytes,
            Self::Live => SampleKind::LiveBytes,
        }
    }

    /// The value of a row that counts as evidence.
    fn amount(self, row: &SpikeRow) -> Estimate {
        match self {
            Self::Allocated => row.excess,
            Self::Live => row.live_change,
        }
    }

    /// The rows that explain the spike, largest first.
    fn rows(self, suspects: &Suspects) -> Vec<&SpikeRow> {
        let lower = |it: &SpikeRow| {
            let amount = self.amount(it);
            amount.lower95().unwrap_or(amount.value as f64)
        };
        let mut rows: Vec<&SpikeRow> = suspects.rows.iter().filter(|it| lower(it) > 0.0).collect();
        rows.sort_by(|a, b| lower(b).total_cmp(&lower(a)));
        rows
    }

    /// A spike, in one line.
    pub(crate) fn summary(self, spike: &Spike, suspects: &Suspects) -> String {
        let elapsed = duration(spike.elapsed_ns);
        let what = match (self, spike.alloc_bytes, spike.usual_alloc_bytes) {
            (Self::Allocated, Some(allocated), Some(usual)) => {
                format!("{} allocated in {elapsed}, where {} are usual", bytes(allocated), bytes(usual))
            }
            (Self::Allocated, Some(allocated), None) => {
                format!("{} allocated in {elapsed}", bytes(allocated))
            }
            _ => format!("live bytes {} in {elapsed}", signed(spike.live_change_bytes)),
        };
        match self.rows(suspects).first() {
            Some(row) => format!("{what}, most of it by {}", row.key.label),
            None => what,
        }
    }

    /// The evidence for a spike, row by row.
    pub(crate) fn evidence(self, spike: &Spike, suspects: &Suspects) -> Vec<String> {
        let mut lines = vec![format!("live bytes changed by {}", signed(spike.live_change_bytes))];
        lines.extend(
            spike
                .peak_above_live_bytes
                .map(|above| format!("the peak rose {} above what is live on either side", bytes(above))),
        );
        if spike.last > spike.before + 1 {
            let intervals = spike.last - spike.before;
            lines.push(format!("it lasted for {intervals} intervals between two snapshots"));
        }
        for row in self.rows(suspects).into_iter().take(NAMED) {
            let live = format!("live {}", change(&row.live_change, &Unit::Bytes));
            let what = match self {
                Self::Live => live,
                Self::Allocated => {
                    format!("{} allocated beyond the usual, {live}", change(&row.excess, &Unit::Bytes))
                }
            };
            lines.push(format!("{what}: {}", row.key.label));
        }
        if suspects.only_live {
            lines.push("the profiles have no cumulative values, so temporary blocks do not show".to_owned());
        }
        lines
    }
}

/// Sustained growth, in one line.
pub(crate) fn growth_summary(trend: &Trend, leaks: &[&TrendRow]) -> String {
    let growth = change(&trend.growth_per_hour, &Unit::Bytes);
    let label = leaks.first().map_or("", |it| it.key.label.as_str());
    format!("live bytes {growth} an hour over {}, most by {label}", duration(trend.span_ns))
}

/// The evidence for growth, row by row, and when the limit will be reached.
pub(crate) fn growth_evidence(trend: &Trend, leaks: &[&TrendRow]) -> Vec<String> {
    let mut lines = Vec::new();
    for row in leaks.iter().take(NAMED) {
        let growth = change(&row.growth_per_hour, &Unit::Bytes);
        let live = estimate(&row.live, &Unit::Bytes);
        lines.push(format!(
            "{growth} an hour, growing in every part of the time, {live} live now: {}",
            row.key.label
        ));
    }
    if let Some(forecast) = &trend.forecast {
        let hours = |hours: Option<f64>| hours.map_or("never".to_owned(), |it| format!("{it:.1} h"));
        lines.push(format!(
            "at this rate the limit of {} is reached in {} (95 %: {} to {})",
            bytes(forecast.limit_bytes),
            hours(forecast.hours),
            hours(forecast.hours_lower95),
            hours(forecast.hours_upper95)
        ));
    }
    lines
}
