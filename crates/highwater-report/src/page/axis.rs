//! The axes of a page's time line: how high it is, and where its ticks are.

use highwater_analyze::{Moment, Timeline, Unit};
use serde::Serialize;

use crate::number;

/// A line that is higher than this multiple of the process's own memory is not drawn: it would flatten the
/// others.
const NEAR: i64 = 4;

/// Ticks between which the eye can still estimate.
const MOST_TICKS: i64 = 5;

/// Steps of a time axis in seconds.
const STEPS: [i64; 20] = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1_800,
    3_600,
    2 * 3_600,
    4 * 3_600,
    8 * 3_600,
    86_400,
    2 * 86_400,
    7 * 86_400,
    30 * 86_400,
];

const SECOND: i64 = 1_000_000_000;

/// Steps in nanoseconds for a series of less than ten seconds.
const SHORT_STEPS: [i64; 5] = [SECOND / 10, SECOND / 5, SECOND / 2, SECOND, 2 * SECOND];

/// The ticks of both axes, each with its text.
#[derive(Debug, Serialize)]
pub(crate) struct Axes {
    /// The highest value that the drawing has space for.
    most: i64,
    values: Vec<(i64, String)>,
    /// Nanoseconds since 1970-01-01 UTC.
    times: Vec<(i64, String)>,
}

impl Axes {
    pub(crate) fn new(timeline: &Timeline) -> Self {
        let unit = &timeline.header.unit;
        let most = most(timeline).max(1);
        let step = step(most, *unit == Unit::Bytes);
        let values = (0..=most / step).map(|it| (it * step, number::amount(it * step, unit)));
        Self { most, values: values.collect(), times: times(timeline) }
    }
}

/// The highest value among the process's own, and among the ones of its control group that are near them.
fn most(timeline: &Timeline) -> i64 {
    let moments = &timeline.moments;
    let own = moments.iter().flat_map(|it| [Some(it.value.value), it.rss_bytes]).flatten().max().unwrap_or(0);
    let highest = |of: fn(&Moment) -> Option<i64>| moments.iter().filter_map(of).max();
    let others = [highest(|it| it.cgroup_used_bytes), highest(|it| it.cgroup_limit_bytes)];
    let near = others.into_iter().flatten().filter(|it| *it <= own.saturating_mul(NEAR));
    near.fold(own, i64::max)
}

/// The distance of two ticks: a power of two for bytes; 1, 2 or 5 times a power of ten for others.
fn step(most: i64, is_bytes: bool) -> i64 {
    let fits = |it: &i64| most / it <= MOST_TICKS;
    let (base, parts): (i64, &[i64]) = if is_bytes { (2, &[1]) } else { (10, &[1, 2, 5]) };
    let powers = std::iter::successors(Some(1_i64), |it| it.checked_mul(base));
    let mut steps = powers.flat_map(|power| parts.iter().map(move |it| power.saturating_mul(*it)));
    steps.find(fits).unwrap_or(most)
}

/// Times of day, or the time since the first moment for a series of seconds.
fn times(timeline: &Timeline) -> Vec<(i64, String)> {
    let (Some(first), Some(last)) = (timeline.moments.first(), timeline.moments.last()) else {
        return Vec::new();
    };
    let span = last.time_ns - first.time_ns;
    if span < 10 * SECOND {
        let fits = |it: &&i64| span / **it <= MOST_TICKS;
        let step = SHORT_STEPS.iter().find(fits).copied().unwrap_or(SECOND);
        return (0..=span / step)
            .map(|it| (first.time_ns + it * step, number::duration(it * step)))
            .collect();
    }
    let fits = |it: &&i64| span / (**it * SECOND) <= MOST_TICKS;
    let step = STEPS.iter().find(fits).or(STEPS.last()).copied().unwrap_or(1) * SECOND;
    let begin = (first.time_ns / step + i64::from(first.time_ns % step != 0)) * step;
    // A span of years has more ticks than fit, even with the longest step.
    let all = std::iter::successors(Some(begin), |it| it.checked_add(step)).take(60);
    all.take_while(|it| *it <= last.time_ns).map(|it| (it, short_time(it, step))).collect()
}

/// `22:14`, with seconds or the day where the step asks for them.
fn short_time(ns: i64, step: i64) -> String {
    let text = number::time(ns);
    let (day, clock) = text.split_once(' ').unwrap_or(("", &text));
    let clock = clock.trim_end_matches(" UTC");
    if step >= 86_400 * SECOND {
        return day.to_owned();
    }
    match clock.rsplit_once(':') {
        Some((minutes, "00")) if step >= 60 * SECOND => minutes.to_owned(),
        _ => clock.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{estimate, header};

    fn timeline(span: i64, limit: Option<i64>) -> Timeline {
        let moment = |at: i64| Moment {
            time_ns: 1_700_000_000 * SECOND + at * span * SECOND,
            value: estimate((50 << 20) * (1 + at), 0.0),
            rss_bytes: None,
            cgroup_used_bytes: Some(16 << 30),
            cgroup_limit_bytes: limit,
        };
        Timeline {
            header: header(),
            moments: vec![moment(0), moment(1)],
            rows: Vec::new(),
            others: vec![0, 0],
            spikes: highwater_analyze::Spikes {
                snapshots: Vec::new(),
                spikes: Vec::new(),
                omitted: 0,
                only_live: false,
            },
        }
    }

    #[test]
    fn an_axis_has_few_round_ticks() {
        let axes = Axes::new(&timeline(180, None));
        assert_eq!(axes.most, 100 << 20, "the whole machine is far above");
        let texts = |all: &[(i64, String)]| all.iter().map(|it| it.1.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&axes.values), ["0 B", "32.0 MiB", "64.0 MiB", "96.0 MiB"]);
        assert_eq!(texts(&axes.times), ["22:14", "22:15", "22:16"]);
        assert_eq!(Axes::new(&timeline(180, Some(200 << 20))).most, 200 << 20);
        assert_eq!(texts(&Axes::new(&timeline(40, None)).times).len(), 5);
        assert_eq!(texts(&Axes::new(&timeline(4, None)).times)[4], "4.0 s");
        assert_eq!(texts(&Axes::new(&timeline(0, None)).times), ["0.0 s"]);
        assert_eq!(texts(&Axes::new(&timeline(4 * 86_400, None)).times)[0], "2023-11-15");
        for (most, is_bytes, expected) in
            [(9, false, 2), (49, false, 10), (120, false, 50), (1023, true, 256)]
        {
            assert_eq!(step(most, is_bytes), expected, "{most}");
        }
    }
}
