//! The most important findings of a page, each with the place at which the page shows it.

use highwater_analyze::{Advice, Cause, Class, DiffRow, GroupBy, Measure, SampleKind, Spike, TrendRow, Unit};
use serde::Serialize;

use super::content::{Changed, Page};
use crate::label::clean;
use crate::number;

/// Maximum findings of one sort.
const MOST: usize = 5;

/// A finding.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// The sort of the finding, in a word or two.
    sort: &'static str,
    /// The row that the finding is about; empty for a moment of the series.
    label: String,
    /// The number that says how much it matters.
    figure: String,
    /// The evidence, in a sentence without the row's name.
    text: String,
    place: Place,
}

/// The place at which the page shows a finding.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "view")]
enum Place {
    /// A row of the trend.
    Trend { label: String },
    /// A moment of the series: an index into the time line.
    Moment { at: usize },
    /// A row of the changes.
    Changed { sample: String, by: String, label: String },
    /// A row of the last profile.
    Holding { sample: String, by: String, label: String },
}

impl Place {
    /// A line of the last profile.
    fn line(sample: SampleKind, label: &str) -> Self {
        let (sample, by) = (sample.to_string(), GroupBy::Line.to_string());
        Self::Holding { sample, by, label: clean(label) }
    }
}

/// The findings of a page: leaks, spikes, growth and advice; without any of these, the largest rows.
pub(crate) fn collect(page: &Page) -> Vec<Finding> {
    let mut findings = leaks(page);
    findings.extend(spikes(page));
    findings.extend(growth(page));
    findings.extend(advice(page));
    if findings.is_empty() {
        findings.extend(largest(page));
    }
    findings
}

/// The findings of `highwater leaks`, then the leaks of the trend that are not among them.
fn leaks(page: &Page) -> Vec<Finding> {
    let found = page.leaks.iter().flat_map(|it| it.findings.iter().map(move |leak| (it, leak)));
    let trend = page.trend.iter().flat_map(|it| it.rows.iter().map(move |row| (it, row)));
    let is_in_trend = |label: &str| trend.clone().any(|(_, row)| row.key.label == label);
    let is_found = |label: &str| found.clone().any(|(_, leak)| leak.key.label == label);
    let findings = found.clone().map(|(all, leak)| Finding {
        sort: "leak",
        label: clean(&leak.key.label),
        figure: format!("{} live", number::estimate(&leak.live_bytes, &all.header.unit)),
        text: clean(&format!(
            "{}: {}",
            crate::leaks::heading(leak.evidence.cause()),
            crate::leaks::evidence(leak)
        )),
        place: if is_in_trend(&leak.key.label) {
            Place::Trend { label: clean(&leak.key.label) }
        } else {
            Place::line(SampleKind::LiveBytes, &leak.key.label)
        },
    });
    // In a long series, `highwater leaks` finds every leak, except for those that a rule accepts.
    let accepts = |row: &TrendRow| {
        page.accepted.iter().any(|it| it.accepts(&row.key, &row.stack, Cause::GrowsWithoutEnd))
    };
    let growing = trend.clone().filter(|(all, row)| {
        let is_known = page.leaks.is_some() && !all.few_snapshots;
        row.class() == Class::Leak && !is_known && !is_found(&row.key.label) && !accepts(row)
    });
    let growing = growing.map(|(all, row)| Finding {
        sort: if all.few_snapshots { "may leak" } else { "leak" },
        label: clean(&row.key.label),
        figure: format!("{} live", number::amount(row.live.value, &all.header.unit)),
        text: format!("gains {} per hour", number::change(&row.growth_per_hour, &all.header.unit)),
        place: Place::Trend { label: clean(&row.key.label) },
    });
    findings.take(MOST).chain(growing.take(MOST)).collect()
}

fn spikes(page: &Page) -> Vec<Finding> {
    // For two profiles, the comparison is enough.
    let Some(timeline) = page.timeline.as_ref().filter(|it| it.moments.len() > 2) else { return Vec::new() };
    let bytes = |value: i64| number::amount(value, &Unit::Bytes);
    let all = &timeline.spikes.spikes;
    let spikes = all.iter().take(MOST).enumerate().map(|(at, spike)| {
        let mut words = Vec::new();
        words.extend(spike.alloc_bytes.map(|it| format!("{} allocated", bytes(it))));
        words.extend(spike.usual_alloc_bytes.map(|it| format!("{} is usual", bytes(it))));
        words
            .extend(spike.peak_above_live_bytes.map(|it| format!("a peak {} above what is live", bytes(it))));
        words.push(format!("live {}", number::signed(spike.live_change_bytes, &Unit::Bytes)));
        let suspect = page.suspects.as_ref().filter(|_| at == 0).and_then(|it| it.rows.first());
        Finding {
            sort: "spike",
            label: suspect.map_or_else(String::new, |it| clean(&it.key.label)),
            figure: spike_figure(spike),
            text: format!(
                "{}between snapshots {} and {}: {}",
                if suspect.is_some() { "most of the memory " } else { "" },
                spike.before + 1,
                spike.after + 1,
                words.join(", ")
            ),
            place: Place::Moment { at: spike.peak },
        }
    });
    let more = all.get(MOST).map(|next| Finding {
        sort: "spike",
        label: String::new(),
        figure: spike_figure(next),
        text: format!(
            "{} more in the time line; highwater spikes lists all",
            number::count(all.len() - MOST + timeline.spikes.omitted, "smaller spike")
        ),
        place: Place::Moment { at: next.peak },
    });
    spikes.chain(more).collect()
}

/// The most telling number of a spike.
pub(crate) fn spike_figure(spike: &Spike) -> String {
    let bytes = |value: i64| number::amount(value, &Unit::Bytes);
    match (spike.peak_above_live_bytes, spike.alloc_bytes) {
        (Some(above), _) => format!("{} above live", bytes(above)),
        (None, Some(allocated)) => format!("{} allocated", bytes(allocated)),
        (None, None) => format!("{} live", number::signed(spike.live_change_bytes, &Unit::Bytes)),
    }
}

fn growth(page: &Page) -> Vec<Finding> {
    let Some(all) = page.snapshots.last().map(|it| &it.changed) else { return Vec::new() };
    let Some(changed) = all.iter().find(|it| it.by == GroupBy::Line).or(all.first()) else {
        return Vec::new();
    };
    let rows = changed.diff.rows.iter().filter(|it| it.significant && it.change.value > 0);
    rows.take(MOST).map(|row| grown(changed, row)).collect()
}

fn grown(changed: &Changed, row: &DiffRow) -> Finding {
    let change = number::change(&row.change, &changed.diff.new.unit);
    // A q-value of 0 is no estimate: both profiles are exact.
    let chance = row.q_value.filter(|it| *it > 0.0);
    let chance = chance.map_or_else(String::new, |it| format!(", q {}", number::probability(it)));
    Finding {
        sort: "growth",
        label: clean(&row.key.label),
        figure: change,
        text: clean(&format!("of {} since the first snapshot{chance}", changed.sample)),
        place: Place::Changed {
            sample: changed.sample.to_string(),
            by: changed.by.to_string(),
            label: clean(&row.key.label),
        },
    }
}

/// The findings of `highwater advise`.
fn advice(page: &Page) -> Vec<Finding> {
    let findings = page.advices.iter().flat_map(|it| &it.findings);
    let finding = |it: &Advice| {
        let sample = match it.measure {
            Measure::Bound { .. } | Measure::Shrink { .. } => SampleKind::LiveBytes,
            Measure::Compact { .. } => SampleKind::HeldBytes,
            Measure::Trim { .. } => SampleKind::ResidentBytes,
            _ => SampleKind::AllocBytes,
        };
        Finding {
            sort: "advice",
            label: clean(&it.key.label),
            figure: String::new(),
            text: clean(&crate::advise::measure_and_savings(it)),
            place: Place::line(sample, &it.key.label),
        }
    };
    findings.take(MOST).map(finding).collect()
}

fn largest(page: &Page) -> Vec<Finding> {
    let Some(last) = page.snapshots.last() else { return Vec::new() };
    let by_line = last.holdings.iter().filter(|it| it.by == GroupBy::Line);
    let first = by_line.filter_map(|it| Some((it, it.top.rows.first()?)));
    first
        .filter(|(_, row)| row.flat.value > 0)
        .take(MOST)
        .map(|(holding, row)| Finding {
            sort: "largest",
            label: clean(&row.key.label),
            figure: number::amount(row.flat.value, &holding.top.header.unit),
            text: format!("{} of {}", number::percent(row.flat_fraction), holding.sample),
            place: Place::Holding {
                sample: holding.sample.to_string(),
                by: holding.by.to_string(),
                label: clean(&row.key.label),
            },
        })
        .collect()
}
