//! When a process reaches its limit, if it goes on as it did.

use serde::Serialize;

use crate::sample_kind::Unit;
use crate::series::Series;
use crate::series::check::Previous;
use crate::series::trend::windows::Windows;
use crate::statistics::estimate::Estimate;

/// What of the process is measured against its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Used {
    /// Memory that the kernel charges to its cgroup.
    Cgroup,
    /// Its resident set.
    Resident,
    /// Its live blocks alone: the file says nothing of its other memory.
    Live,
}

/// When a process reaches its limit, if what is live goes on growing as it did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Forecast {
    /// The limit.
    pub limit_bytes: i64,
    /// What is used in the last snapshot.
    pub used_bytes: i64,
    /// What is measured as used.
    pub used: Used,
    /// What the process gains per hour; the error has the unevenness of the growth in it, besides that of sampling.
    pub growth_per_hour: Estimate,
    /// Hours until the limit is reached; `None` when the process does not grow, 0 when it is reached.
    pub hours: Option<f64>,
    /// The lower end of the 95 % interval of `hours`; `None` when even the fastest growth is none.
    pub hours_lower95: Option<f64>,
    /// The upper end; `None` when there may be no growth at all.
    pub hours_upper95: Option<f64>,
}

/// The forecast for the limit that was asked for or that the process has.
pub(crate) fn forecast(
    series: &Series,
    windows: &Windows,
    asked_limit_bytes: Option<i64>,
    last: &Previous,
) -> Option<Forecast> {
    let header = series.header().filter(|it| it.unit == Unit::Bytes)?;
    let limit_bytes = asked_limit_bytes.or(last.cgroup_limit_bytes)?;
    let live = last.live_bytes.unwrap_or(header.total.value);
    let own_limit = asked_limit_bytes.is_none();
    let (used_bytes, used) = match (last.cgroup_used_bytes.filter(|_| own_limit), last.rss_bytes) {
        (Some(bytes), _) => (bytes, Used::Cgroup),
        (None, Some(bytes)) => (bytes, Used::Resident),
        (None, None) => (live, Used::Live),
    };
    let growth = uneven(windows.growth(&series.total().history), windows, series);
    let room = (limit_bytes.saturating_sub(used_bytes)).max(0) as f64;
    let hours = |per_hour: f64| (per_hour > 0.0).then(|| room / per_hour);
    let value = growth.value as f64;
    Some(Forecast {
        limit_bytes,
        used_bytes,
        used,
        growth_per_hour: growth,
        hours: hours(value),
        hours_lower95: growth.high.and_then(hours),
        hours_upper95: growth.low.and_then(hours),
    })
}

/// The growth with the larger of two errors: that of sampling, and that which follows from how much the stretches of time
/// differ from each other.
fn uneven(growth: Estimate, windows: &Windows, series: &Series) -> Estimate {
    let rates = windows.rates(&series.total().history);
    let count = rates.len() as f64;
    if rates.len() < 2 {
        return growth;
    }
    let mean = rates.iter().sum::<f64>() / count;
    let spread = rates.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let error = (spread / count).sqrt();
    match growth.standard_error {
        Some(sampling) if sampling >= error => growth,
        _ => Estimate::normal(growth.value, Some(error)),
    }
}
