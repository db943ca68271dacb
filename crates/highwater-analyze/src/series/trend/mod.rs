//! What became of every row over a series of snapshots: which leak, and what else there is.
//!
//! Levels of live bytes at successive snapshots are not independent of each other, so nothing is fitted to them. What is
//! tested are flows: what was born less what died, stretch of time by stretch of time (`docs/ACCURACY.md`, "Trends").

pub(crate) mod classify;
pub(crate) mod forecast;
pub(crate) mod windows;

use serde::Serialize;

use crate::frames::frame::Frame;
use crate::group::RowKey;
use crate::queries::header::{Header, Omitted};
use crate::series::check::SeriesError;
use crate::series::flow_source::FlowSource;
use crate::series::{Row, Series};
use crate::statistics::estimate::Estimate;
use classify::{Class, TrendEvidence};
use forecast::Forecast;
use windows::Windows;

/// What a trend is asked for besides the query of its series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrendOptions {
    /// Memory that the process may use, in bytes; the limit of its cgroup unless given.
    pub limit_bytes: Option<i64>,
}

/// The answer of [`Series::trend`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Trend {
    /// What the last snapshot is.
    pub header: Header,
    /// Number of snapshots.
    pub snapshots: usize,
    /// Time between the first and the last, in nanoseconds.
    pub span_ns: i64,
    /// How births were distinguished from deaths.
    pub source: FlowSource,
    /// There are too few snapshots to tell a leak from anything else that grows.
    pub few_snapshots: bool,
    /// What the process gains per hour after its warm-up, in the unit of the values.
    pub growth_per_hour: Estimate,
    /// What was live in the process, oldest first: at most 33 moments, at equal numbers of snapshots from each other.
    pub levels: Vec<i64>,
    /// When the process reaches its limit; `None` when there is no limit, or the values are no bytes.
    pub forecast: Option<Forecast>,
    /// Leaks first, by [`TrendRow::sustained_per_hour`]; then what else there is, by class and by what it held at the most;
    /// churn by what it allocated.
    pub rows: Vec<TrendRow>,
    /// What is live in rows that are not in `rows`.
    pub omitted: Omitted,
}

/// One row of a trend.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct TrendRow {
    /// What the row is about.
    pub key: RowKey,
    /// What it does, and what shows it.
    pub evidence: TrendEvidence,
    /// What it gains per hour after the warm-up.
    pub growth_per_hour: Estimate,
    /// **Sustained net flow**: the least that it gained per hour in any of the windows after the warm-up, at the lower end of
    /// what sampling allows. `None` when the errors are not known.
    pub sustained_per_hour: Option<f64>,
    /// What was live, as in [`Trend::levels`].
    pub levels: Vec<i64>,
    /// What is live in the last snapshot.
    pub live: Estimate,
    /// The stack of the last snapshot in which the row holds most, leaf first, without the frames that filters
    /// removed.
    pub stack: Vec<Frame>,
}

impl TrendRow {
    /// What the row does.
    pub fn class(&self) -> Class {
        self.evidence.class()
    }
}

impl Series {
    /// What became of every row so far.
    ///
    /// # Errors
    /// When there are fewer than two snapshots.
    pub fn trend(&self, options: &TrendOptions) -> Result<Trend, SeriesError> {
        let (Some(header), Some(source), Some(last)) = (self.header(), self.source(), self.previous()) else {
            return Err(SeriesError::TooFew(self.len()));
        };
        let windows = Windows::of(self.clock().lengths());
        let mut rows: Vec<Judged> = self.rows().iter().enumerate().map(|it| judge(it, &windows)).collect();
        let highest: f64 = self.total().history.highest();
        let allocated: f64 = self.total().history.allocated();
        rows.retain(|it| it.is_of_interest());
        rows.sort_by(|a, b| a.place().cmp(&b.place()).then_with(|| b.weight().total_cmp(&a.weight())));

        let query = self.query();
        let (mut kept, mut left_out): (Vec<_>, Vec<_>) = rows.into_iter().partition(|it| {
            it.evidence.class() == Class::Leak
                || it.row.history.highest() >= query.min_fraction * highest
                || (allocated > 0.0 && it.row.history.allocated() >= query.min_fraction * allocated)
        });
        left_out.extend(kept.drain(query.limit.unwrap_or(usize::MAX).min(kept.len())..));
        let growth = windows.growth(&self.total().history);
        Ok(Trend {
            header: header.clone(),
            snapshots: self.len(),
            span_ns: windows.span_ns() as i64,
            source,
            few_snapshots: windows.are_few(),
            growth_per_hour: growth,
            levels: levels(self.total()),
            forecast: forecast::forecast(self, &windows, options.limit_bytes, last),
            rows: kept
                .into_iter()
                .map(|it| TrendRow {
                    key: self.key(it.at),
                    growth_per_hour: windows.growth(&it.row.history),
                    sustained_per_hour: Some(it.sustained).filter(|it| it.is_finite()),
                    levels: levels(it.row),
                    live: it.row.live().estimate(),
                    stack: self.stack(it.at),
                    evidence: it.evidence,
                })
                .collect(),
            omitted: Omitted::of(left_out.iter().map(|it| it.row.live())),
        })
    }
}

/// A row with its verdict.
struct Judged<'a> {
    at: usize,
    row: &'a Row,
    evidence: TrendEvidence,
    sustained: f64,
}

fn judge<'a>((at, row): (usize, &'a Row), windows: &Windows) -> Judged<'a> {
    let sustained = windows.sustained(&row.history);
    let evidence = classify::classify(&row.history, windows);
    Judged { at, row, evidence, sustained }
}

impl Judged<'_> {
    /// The order of the classes in an answer.
    fn place(&self) -> u8 {
        self.evidence.class() as u8
    }

    /// The order within a class.
    fn weight(&self) -> f64 {
        match self.evidence.class() {
            Class::Leak if self.sustained.is_finite() => self.sustained,
            Class::Churn => self.row.history.allocated(),
            _ => self.row.history.highest(),
        }
    }

    /// Whether the row ever held or allocated anything.
    fn is_of_interest(&self) -> bool {
        self.row.history.highest() > 0.0 || self.row.history.allocated() > 0.0
    }
}

/// What was live at the ends of the stretches, and at the beginning.
fn levels(row: &Row) -> Vec<i64> {
    let ends = row.history.all().map(|it| it.level as i64);
    std::iter::once(row.history.first_level as i64).chain(ends).collect()
}
