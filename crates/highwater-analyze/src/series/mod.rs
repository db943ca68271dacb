//! A series of snapshots of one process, followed row by row in bounded memory.
//!
//! Of each snapshot only what flowed since the one before is kept: bytes born, bytes died, and how sure that is. The past
//! is held in at most [`MOST_BUCKETS`](flow::MOST_BUCKETS) stretches of time, which become twice as long whenever they are used
//! up, so that a series may go on for ever. [`Series::trend`] says what became of every row.

pub(crate) mod check;
pub(crate) mod flow;
pub(crate) mod flow_source;
pub(crate) mod spikes;
pub(crate) mod timeline;
pub(crate) mod trend;

use highwater_profile::Profile;

use crate::frames::frame::Frame;
use crate::group::{GroupBy, RowKey};
use crate::queries::header::Header;
use crate::queries::rows::{self, Rows};
use crate::queries::sites::{Equal, Part, Sites};
use crate::query::Query;
use crate::sample_kind::SampleKind;
use crate::statistics::sum::Sum;
use check::{Checked, Previous};
use check::{SeriesError, SeriesNote};
use flow::{Clock, Flow, RowHistory};
use flow_source::{FlowSource, weaker};

/// How a series is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeriesOptions {
    /// Go on where a series is not one of a single process with a single sampling interval, as far as that makes sense;
    /// [`Series::notes`] says where it happened.
    pub force: bool,
}

/// Where the sums of a site are, for each snapshot.
const LIVE: usize = 0;
/// Those of the live blocks that the snapshot before has seen.
const SURVIVED: usize = 1;
const ALLOCATED: usize = 2;

/// A row while the series goes on.
#[derive(Debug)]
pub(crate) struct Row {
    live: Sum,
    allocated: Sum,
    pub history: RowHistory,
    /// Site of the last snapshot in which the row held most, while that snapshot is the last.
    heaviest: Option<usize>,
}

/// Snapshots of one process, in order of time.
#[derive(Debug)]
pub struct Series {
    query: Query,
    options: SeriesOptions,
    sites: Option<Sites<3>>,
    rows: Rows,
    all: Vec<Row>,
    /// What the whole process did.
    total: Row,
    clock: Clock,
    previous: Option<Previous>,
    source: Option<FlowSource>,
    notes: Vec<SeriesNote>,
    snapshots: usize,
}

impl Series {
    /// A series without snapshots. Rows follow `query`; its `sample` is a live one, [`SampleKind::LiveBytes`] unless asked.
    pub fn new(query: Query, options: SeriesOptions) -> Self {
        Self {
            rows: Rows::new(query.by),
            query,
            options,
            sites: None,
            all: Vec::new(),
            total: Row::new(0),
            clock: Clock::default(),
            previous: None,
            source: None,
            notes: Vec::new(),
            snapshots: 0,
        }
    }

    /// Adds the next snapshot, which must have its symbols by now. After an error the series is as it was before.
    ///
    /// # Errors
    /// When the snapshot has no live values or no time, is not later than the one before, is the one before again, or,
    /// unless forced, comes from another process or was sampled at another interval.
    pub fn push(&mut self, profile: &Profile) -> Result<(), SeriesError> {
        let kind = self.query.sample.clone().unwrap_or(SampleKind::LiveBytes);
        let checked = check::check(profile, &kind, self.previous.as_ref())?;
        if let Some(reason) = checked.objection.clone() {
            if !self.options.force {
                return Err(reason);
            }
            let is_duplicate = matches!(reason, SeriesError::Duplicate { .. });
            self.notes.push(SeriesNote { snapshot: self.snapshots, reason });
            if is_duplicate {
                return Ok(());
            }
        }
        let source = checked.source(self.previous.as_ref());
        self.add(profile, &kind, &checked);
        let since =
            self.previous.as_ref().map(|it| checked.now.place.time_ns.saturating_sub(it.place.time_ns));
        if let Some(elapsed_ns) = since {
            let widened = self.clock.advance(elapsed_ns);
            if widened {
                self.all.iter_mut().chain([&mut self.total]).for_each(|row| row.history.widen());
            }
            // One snapshot without births of its own makes all of the series' errors those of levels.
            self.source = Some(self.source.map_or(source, |it| weaker(it, source)));
        }
        self.tally(since.is_some() && !checked.restarted, source);
        self.previous = Some(checked.now);
        self.snapshots += 1;
        Ok(())
    }

    /// Number of snapshots that were added.
    pub fn len(&self) -> usize {
        self.snapshots
    }

    /// Whether there is no snapshot yet.
    pub fn is_empty(&self) -> bool {
        self.snapshots == 0
    }

    /// Where the series had to be forced, and why.
    pub fn notes(&self) -> &[SeriesNote] {
        &self.notes
    }

    /// How births are distinguished from deaths; `None` before the second snapshot.
    pub(crate) fn source(&self) -> Option<FlowSource> {
        self.source
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn previous(&self) -> Option<&Previous> {
        self.previous.as_ref()
    }

    pub(crate) fn query(&self) -> &Query {
        &self.query
    }

    pub(crate) fn total(&self) -> &Row {
        &self.total
    }

    /// All rows, by their numbers.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.all
    }

    /// What the last snapshot is.
    pub(crate) fn header(&self) -> Option<&Header> {
        self.sites.as_ref().map(|it| &it.headers[LIVE])
    }

    /// What a row is about.
    pub(crate) fn key(&self, row: usize) -> RowKey {
        let Some(sites) = &self.sites else { return RowKey::default() };
        match self.query.by {
            GroupBy::Site => rows::key(GroupBy::Site, &sites.symbols, sites.cause(&sites.all[row])),
            _ => self.rows.key(sites, row).clone(),
        }
    }

    /// The stack of the last snapshot in which a row holds most; empty when it holds nothing any more.
    pub(crate) fn stack(&self, row: usize) -> Vec<Frame> {
        let site = self.sites.as_ref().zip(self.all[row].heaviest);
        site.map_or_else(Vec::new, |(sites, at)| sites.stack(&sites.all[at]))
    }

    /// Puts the values of a snapshot in the place of those of the one before.
    fn add(&mut self, profile: &Profile, kind: &SampleKind, checked: &Checked) {
        let header = Header::new(profile, kind);
        let headers = [(); 3].map(|()| header.clone());
        let sites = self.sites.get_or_insert_with(|| Sites::new(headers.clone()));
        sites.restart(headers, self.query.by == GroupBy::Site);
        let equal = if self.query.by == GroupBy::Site { Equal::Merged } else { Equal::Apart };
        let mut parts = vec![Part { slot: LIVE, column: checked.live, seen_by: None }];
        let survivors =
            self.previous.as_ref().and_then(|it| it.place.epoch).filter(|_| checked.now.has_births);
        parts.extend(survivors.map(|epoch| Part {
            slot: SURVIVED,
            column: checked.live,
            seen_by: Some(epoch),
        }));
        parts.extend(checked.now.allocated.map(|column| Part { slot: ALLOCATED, column, seen_by: None }));
        sites.add(profile, &parts, &self.query, equal);
    }

    /// Adds what flowed since the snapshot before to the histories.
    fn tally(&mut self, flows: bool, source: FlowSource) {
        let Some(sites) = &self.sites else { return };
        let mut sums: Vec<[Sum; 3]> = vec![[Sum::ZERO; 3]; self.all.len()];
        let mut heaviest: Vec<Option<usize>> = vec![None; self.all.len()];
        let mut whole = [Sum::ZERO; 3];
        for (at, site) in sites.all.iter().enumerate() {
            let row = match self.query.by {
                GroupBy::Site => at,
                _ => self.rows.of(sites, sites.cause(site)),
            };
            if row >= sums.len() {
                sums.resize(row + 1, [Sum::ZERO; 3]);
                heaviest.resize(row + 1, None);
            }
            for (slot, sum) in site.sums.into_iter().enumerate() {
                sums[row][slot].add(sum);
                whole[slot].add(sum);
            }
            let most = heaviest[row].map_or(0, |it: usize| sites.all[it].sums[LIVE].magnitude());
            if site.sums[LIVE].magnitude() > most {
                heaviest[row] = Some(at);
            }
        }
        while self.all.len() < sums.len() {
            self.all.push(Row::new(self.clock.buckets()));
        }
        let buckets = self.clock.buckets();
        for ((row, sums), heaviest) in self.all.iter_mut().zip(sums).zip(heaviest) {
            row.tally(sums, flows, source, buckets);
            row.heaviest = heaviest;
        }
        self.total.tally(whole, flows, source, buckets);
    }
}

impl Row {
    /// A row of which nothing was seen in the stretches of time so far.
    fn new(buckets: usize) -> Self {
        Self { live: Sum::ZERO, allocated: Sum::ZERO, history: RowHistory::new(buckets), heaviest: None }
    }

    /// What it holds in the last snapshot.
    pub fn live(&self) -> Sum {
        self.live
    }

    fn tally(&mut self, sums: [Sum; 3], flows: bool, source: FlowSource, buckets: usize) {
        let [live, survived, allocated] = sums;
        if flows {
            let flow = match source {
                FlowSource::Cohorts => Flow::of_cohorts(self.live, survived, live),
                FlowSource::Cumulative => Flow::of_cumulative([self.live, live], [self.allocated, allocated]),
                FlowSource::Levels => Flow::of_levels(self.live, live),
            };
            let flow = flow.allocating(allocated.without(self.allocated));
            self.history.add(flow, live, buckets);
        } else {
            self.history.start(live, buckets);
        }
        self.live = live;
        self.allocated = allocated;
    }
}
