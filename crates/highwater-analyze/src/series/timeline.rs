//! Memory over time: what the process and its largest rows held in each snapshot of a series.

use std::cmp::Reverse;

use highwater_profile::Profile;
use serde::Serialize;

use crate::group::{GroupBy, RowKey};
use crate::queries::header::Header;
use crate::queries::rows::Rows;
use crate::queries::sites::{Equal, Part, Sites};
use crate::query::Query;
use crate::sample_kind::SampleKind;
use crate::series::check::SeriesError;
use crate::series::spikes::find::{Spikes, find_spikes};
use crate::series::spikes::spike::SpikesOptions;
use crate::series::spikes::totals::SnapshotTotals;
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::Sum;

/// The answer of [`TimelineBuilder::finish`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Timeline {
    /// What the last snapshot is.
    pub header: Header,
    /// The snapshots, in the order in which they were added.
    pub moments: Vec<Moment>,
    /// The rows that held most at any moment, largest first.
    pub rows: Vec<TimelineRow>,
    /// What all other rows held, at each moment.
    pub others: Vec<i64>,
    /// Where the process jumped.
    pub spikes: Spikes,
}

/// A snapshot of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Moment {
    /// When it was taken, in nanoseconds since 1970-01-01 UTC.
    pub time_ns: i64,
    /// Sum of the values that the query's filters left.
    pub value: Estimate,
    /// Resident set of the process.
    pub rss_bytes: Option<i64>,
    /// Memory that the kernel charges to the process's cgroup.
    pub cgroup_used_bytes: Option<i64>,
    /// Limit of the cgroup.
    pub cgroup_limit_bytes: Option<i64>,
}

/// A row over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct TimelineRow {
    /// What the row is about.
    pub key: RowKey,
    /// What it held at each moment.
    pub values: Vec<i64>,
}

/// Snapshots on their way into a [`Timeline`]. Of each only the sums of its rows are kept.
#[derive(Debug)]
pub struct TimelineBuilder {
    query: Query,
    sites: Option<Sites<1>>,
    rows: Rows,
    moments: Vec<Moment>,
    totals: Vec<SnapshotTotals>,
    /// For each moment what its rows held; rows that came up later are missing at the end.
    values: Vec<Vec<i64>>,
}

impl TimelineBuilder {
    /// No snapshot yet. The values are [`SampleKind::LiveBytes`] unless the query names others; grouping by site is grouping
    /// by line here, and `limit` is the number of rows that are told apart.
    pub fn new(query: Query) -> Self {
        let by = if query.by == GroupBy::Site { GroupBy::Line } else { query.by };
        let (moments, totals, values) = (Vec::new(), Vec::new(), Vec::new());
        Self { rows: Rows::new(by), query, sites: None, moments, totals, values }
    }

    /// Adds the next snapshot, which must have its symbols by now.
    ///
    /// # Errors
    /// When it has no values of the kind, no live or cumulative bytes, or no time, or is older than the one before.
    pub fn push(&mut self, profile: &Profile) -> Result<(), SeriesError> {
        let kind = self.query.sample.clone().unwrap_or(SampleKind::LiveBytes);
        let column = kind.column(profile)?;
        let totals = SnapshotTotals::of(profile)?;
        if let Some(last) = self.totals.last().filter(|it| it.time_ns > profile.time_ns) {
            return Err(SeriesError::Unsorted { by_ns: last.time_ns - profile.time_ns });
        }
        let headers = [Header::new(profile, &kind)];
        let sites = self.sites.get_or_insert_with(|| Sites::new(headers.clone()));
        sites.restart(headers, false);
        sites.add(profile, &[Part { slot: 0, column, seen_by: None }], &self.query, Equal::Apart);
        let mut sums: Vec<Sum> = vec![Sum::ZERO; self.rows.len()];
        for site in &sites.all {
            let row = self.rows.of(sites, sites.cause(site));
            if row >= sums.len() {
                sums.resize(row + 1, Sum::ZERO);
            }
            sums[row].add(site.sums[0]);
        }
        let meta = profile.meta.unwrap_or_default();
        self.moments.push(Moment {
            time_ns: profile.time_ns,
            value: sites.headers[0].shown_total,
            rss_bytes: meta.rss_bytes,
            cgroup_used_bytes: meta.cgroup_used_bytes,
            cgroup_limit_bytes: meta.cgroup_limit_bytes,
        });
        self.totals.push(totals);
        self.values.push(sums.into_iter().map(Sum::value).collect());
        Ok(())
    }

    /// The series so far.
    ///
    /// # Errors
    /// When there is no snapshot.
    pub fn finish(&self) -> Result<Timeline, SeriesError> {
        let Some(sites) = &self.sites else { return Err(SeriesError::TooFew(0)) };
        let at = |moment: &Vec<i64>, row: usize| moment.get(row).copied().unwrap_or(0);
        let highest = |row: usize| self.values.iter().map(|it| at(it, row).unsigned_abs()).max().unwrap_or(0);
        let mut ranked: Vec<(u64, usize)> = (0..self.rows.len()).map(|row| (highest(row), row)).collect();
        ranked.retain(|it| it.0 > 0);
        ranked.sort_by_key(|it| (Reverse(it.0), it.1));
        ranked.truncate(self.query.limit.unwrap_or(usize::MAX));
        let rows: Vec<TimelineRow> = ranked
            .into_iter()
            .map(|(_, row)| TimelineRow {
                key: self.rows.key(sites, row).clone(),
                values: self.values.iter().map(|it| at(it, row)).collect(),
            })
            .collect();
        let named = |moment: usize| rows.iter().map(|it| i128::from(it.values[moment])).sum::<i128>();
        let all = |moment: &[i64]| moment.iter().map(|it| i128::from(*it)).sum::<i128>();
        let others = self.values.iter().enumerate().map(|(at, it)| {
            let rest = all(it) - named(at);
            i64::try_from(rest).unwrap_or(i64::MAX)
        });
        Ok(Timeline {
            header: sites.headers[0].clone(),
            moments: self.moments.clone(),
            others: others.collect(),
            rows,
            spikes: find_spikes(&self.totals, &SpikesOptions::default()),
        })
    }
}
