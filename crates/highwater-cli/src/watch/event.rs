//! The events of a watch: lines of text for people, and one JSON object a line for programs.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use highwater_analyze::Unit;
use highwater_report::{amount, duration, time};
use serde::Serialize;

use super::detect::Kind;
use super::run::Break;
use crate::error::CliError;
use crate::output;

/// An event.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// The watch begins.
    Watching { source: String, every_ns: i64, ring: PathBuf, keep: usize },
    /// A snapshot was taken in.
    Snapshot {
        file: PathBuf,
        series: usize,
        number: usize,
        live_bytes: i64,
        alloc_bytes: Option<i64>,
        rss_bytes: Option<i64>,
    },
    /// A snapshot could not be fetched, and the watch continues.
    Failure { consecutive: usize, reason: String },
    /// A file was not taken in.
    PassedOver { file: PathBuf, reason: String },
    /// The following snapshots are not compared with the earlier ones.
    NewSeries { series: usize, because: Break },
    /// The process of the pid file has ended.
    ProcessEnded { pid: u32 },
    /// A spike or sustained growth was found.
    Incident(Report),
    /// The last spike has become larger, and its folder was written again.
    IncidentGoesOn(Report),
    /// The watch ends.
    Ended { because: End, snapshots: usize, failures: usize, incidents: usize, lasted_ns: i64 },
}

/// The report of an incident.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) kind: Kind,
    pub(crate) summary: String,
    pub(crate) before: PathBuf,
    pub(crate) after: PathBuf,
    pub(crate) folder: Option<PathBuf>,
    /// What is missing in the folder, and why.
    pub(crate) missing: Vec<String>,
}

/// Why a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// Ctrl-C, or a signal of a service manager.
    Asked,
    /// `--for`.
    TimeIsUp,
    /// `--max-snapshots`.
    Enough,
}

/// An event and its time.
#[derive(Serialize)]
struct Entry<'a> {
    time_ns: i64,
    #[serde(flatten)]
    event: &'a Event,
}

/// Prints an event to stdout.
///
/// # Errors
/// When stdout cannot be written to.
pub(crate) fn print(event: &Event, json: bool) -> Result<(), CliError> {
    let time_ns = now_ns();
    let text = if json {
        highwater_report::json_line("watch", &Entry { time_ns, event })?
    } else {
        let line: String = line(event).chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
        format!("{}  {line}\n", time(time_ns))
    };
    output::print(&text)?;
    Ok(())
}

/// The current time, in nanoseconds since 1970-01-01 UTC.
pub(crate) fn now_ns() -> i64 {
    nanoseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

pub(crate) fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

fn line(event: &Event) -> String {
    let bytes = |value: i64| amount(value, &Unit::Bytes);
    match event {
        Event::Watching { source, every_ns, ring, keep } => format!(
            "watching {source} every {}; the newest {keep} snapshots are in {}",
            duration(*every_ns),
            ring.display()
        ),
        Event::Snapshot { number, live_bytes, alloc_bytes, rss_bytes, .. } => {
            let values =
                [(Some(*live_bytes), "live"), (*alloc_bytes, "allocated so far"), (*rss_bytes, "resident")];
            let known =
                values.into_iter().filter_map(|(value, what)| Some(format!("{} {what}", bytes(value?))));
            format!("snapshot {number}: {}", known.collect::<Vec<_>>().join(", "))
        }
        Event::Failure { consecutive: 1, reason } => format!("no snapshot: {reason}"),
        Event::Failure { consecutive, reason } => {
            format!("no snapshot for the {} time in a row: {reason}", ordinal(*consecutive))
        }
        Event::PassedOver { file, reason } => format!("{} is passed over: {reason}", file.display()),
        Event::NewSeries { series, because } => format!("series {series} begins: {because}"),
        Event::ProcessEnded { pid } => format!("process {pid} has ended; waiting for the next one"),
        Event::Incident(report) => incident(report, ""),
        Event::IncidentGoesOn(report) => incident(report, " goes on"),
        Event::Ended { because, snapshots, failures, incidents, lasted_ns } => {
            let because = match because {
                End::Asked => "ended as asked",
                End::TimeIsUp => "the time is up",
                End::Enough => "that was the last snapshot asked for",
            };
            format!(
                "{because}: {snapshots} snapshots, {failures} failures and {incidents} incidents in {}",
                duration(*lasted_ns)
            )
        }
    }
}

fn incident(report: &Report, goes_on: &str) -> String {
    let place = match &report.folder {
        Some(folder) => format!("see {}", folder.display()),
        None => format!("see {} and {}", report.before.display(), report.after.display()),
    };
    let missing = if report.missing.is_empty() { "" } else { " (its README.md says what is missing)" };
    format!("{}{goes_on}: {}; {place}{missing}", report.kind.name().to_uppercase(), report.summary)
}

/// `2nd`, `3rd`, `11th`.
fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (1, last) if last != 11 => "st",
        (2, last) if last != 12 => "nd",
        (3, last) if last != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_failures_are_counted() {
        let failure = |consecutive| line(&Event::Failure { consecutive, reason: "it is out".to_owned() });
        assert_eq!(failure(1), "no snapshot: it is out");
        assert_eq!(failure(2), "no snapshot for the 2nd time in a row: it is out");
        let ordinals: Vec<_> = [3, 4, 11, 12, 13, 21, 102, 111].map(ordinal).to_vec();
        assert_eq!(ordinals, ["3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"]);
    }
}
