//! Whether what was seen last is worth an incident, and that none is told twice.
//!
//! A spike is looked for after each snapshot; it needs a few numbers of each. Growth is looked for every so often, because
//! for that all snapshots of the ring are read.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use highwater_analyze::{
    Class, GroupBy, Query, SampleKind, Series, SeriesOptions, SnapshotTotals, Spike, SpikesOptions, Suspects,
    Trend, TrendOptions, TrendRow, explain, find_spikes,
};
use highwater_profile::Profile;
use serde::Serialize;

use super::names;
use super::run::Shot;
use super::story::{self, Story};
use crate::error::CliError;
use crate::series::series_error;
use crate::shared::Shared;

/// Snapshots before which nothing is usual yet.
const FEWEST_FOR_SPIKE: usize = 4;

/// Snapshots that growth has to last at the least.
const FEWEST_FOR_GROWTH: usize = 8;

/// Snapshots that a search for spikes goes back.
const HISTORY: usize = 200;

const HOUR_NS: f64 = 3.6e12;

/// What an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Spike,
    Growth,
}

impl Kind {
    /// The name, as in the name of the folder.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Spike => "spike",
            Self::Growth => "growth",
        }
    }
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    /// One line.
    pub(crate) summary: String,
    /// More lines, for people.
    pub(crate) evidence: Vec<String>,
    /// The same for programs.
    pub(crate) detail: Detail,
    /// Whose values show it.
    pub(crate) sample: SampleKind,
    /// Positions of the two snapshots to compare.
    pub(crate) pair: [usize; 2],
}

/// The answers that a finding rests on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Detail {
    Spike { spike: Spike, suspects: Suspects },
    Growth(Trend),
}

/// What was told already, and how far the search has come.
#[derive(Debug)]
pub(crate) struct Detector {
    min_rise: f64,
    /// Snapshots between two searches for growth.
    growth_step: usize,
    since_growth: usize,
    /// Number of snapshots of this series, in the ring or not.
    snapshots: usize,
    /// Number of the snapshot behind the last spike that was told.
    last_spike: usize,
    /// What leaking rows held when they were told.
    told: HashMap<String, i64>,
}

impl Detector {
    /// A detector for a ring of `keep` snapshots. `min_rise` is the share of what is live that is worth telling.
    pub(crate) fn new(min_rise: f64, keep: usize) -> Self {
        let growth_step = (keep / FEWEST_FOR_GROWTH).max(1);
        Self { min_rise, growth_step, since_growth: 0, snapshots: 0, last_spike: 0, told: HashMap::new() }
    }

    /// Forgets what was told: another series begins.
    pub(crate) fn restart(&mut self) {
        *self = Self { told: HashMap::new(), since_growth: 0, snapshots: 0, last_spike: 0, ..*self };
    }

    /// What is to be told now that the last of `shots` is there.
    ///
    /// # Errors
    /// When a snapshot of the ring cannot be read any more.
    pub(crate) fn look(&mut self, shots: &[Shot], shared: &Shared) -> Result<Vec<Finding>, CliError> {
        self.snapshots += 1;
        self.since_growth += 1;
        let mut findings = Vec::new();
        if let Some(spike) = self.spike(shots) {
            findings.push(self.explain(shots, spike, shared)?);
        }
        if shots.len() >= FEWEST_FOR_GROWTH && self.since_growth >= self.growth_step {
            self.since_growth = 0;
            findings.extend(self.growth(shots, shared)?);
        }
        Ok(findings)
    }

    /// The largest spike that was not told before. What goes on for several intervals is told once.
    fn spike(&mut self, shots: &[Shot]) -> Option<Spike> {
        let first = shots.len().saturating_sub(HISTORY);
        let totals: Vec<SnapshotTotals> = shots[first..].iter().map(|it| it.facts).collect();
        if totals.len() < FEWEST_FOR_SPIKE {
            return None;
        }
        let options =
            SpikesOptions { min_rise: self.min_rise, limit: usize::MAX, ..SpikesOptions::default() };
        let spikes = find_spikes(&totals, &options).spikes;
        // Snapshots are numbered in their series, since positions move when the oldest go.
        let number = |before: usize| self.snapshots + before + 2 - totals.len();
        let is_new = |it: &&Spike| it.before > 0 && number(it.before) > self.last_spike + 1;
        let newest = spikes.iter().map(|it| number(it.before)).max();
        let found = spikes.iter().find(is_new).cloned();
        let goes_on = newest == Some(self.last_spike + 1);
        if found.is_some() || goes_on {
            self.last_spike = newest.unwrap_or(self.last_spike).max(self.last_spike);
        }
        found.map(|it| Spike { before: it.before + first, ..it })
    }

    fn explain(&self, shots: &[Shot], spike: Spike, shared: &Shared) -> Result<Finding, CliError> {
        let at = [0, spike.before, spike.before + 1, shots.len() - 1];
        // The first may be the one before, and the last the one after.
        let mut profiles: BTreeMap<usize, Profile> = BTreeMap::new();
        for position in at {
            if let Entry::Vacant(place) = profiles.entry(position) {
                place.insert(read(&shots[position], shared)?);
            }
        }
        let [first, before, after, last] = at.map(|it| &profiles[&it]);
        let query = query(shared);
        let files = || at[1..3].iter().map(|&it| shots[it].path.clone()).collect();
        let suspects = explain([first, before, after, last], &query)
            .map_err(|source| CliError::Question { files: files(), source })?;
        let story = Story::of(&spike, &suspects);
        Ok(Finding {
            kind: Kind::Spike,
            summary: story.summary(&spike, &suspects),
            evidence: story.evidence(&spike, &suspects),
            pair: [spike.before, spike.before + 1],
            sample: story.sample(),
            detail: Detail::Spike { spike, suspects },
        })
    }

    fn growth(&mut self, shots: &[Shot], shared: &Shared) -> Result<Option<Finding>, CliError> {
        let mut series =
            Series::new(Query { sample: None, ..shared.leak_query(GroupBy::Line) }, SeriesOptions::default());
        let mut before = None;
        for shot in shots {
            let profile = read(shot, shared)?;
            series.push(&profile).map_err(|source| series_error(&shot.path, before, source))?;
            before = Some(&shot.path);
        }
        let trend = series
            .trend(&TrendOptions::default())
            .map_err(|source| series_error(&shots[0].path, None, source))?;
        let hours = trend.span_ns as f64 / HOUR_NS;
        let worth_telling = self.min_rise * shots[0].facts.live_bytes.value.max(1) as f64;
        let gained = |it: &TrendRow| it.growth_per_hour.lower95().unwrap_or(0.0) * hours;
        let leaks: Vec<&TrendRow> =
            trend.rows.iter().filter(|it| it.class() == Class::Leak && gained(it) >= worth_telling).collect();
        let is_new = |it: &&&TrendRow| {
            self.told.get(&it.key.label).is_none_or(|told| it.live.value >= told.saturating_mul(2))
        };
        if trend.few_snapshots || !leaks.iter().any(|it| is_new(&it)) {
            return Ok(None);
        }
        self.told.extend(leaks.iter().map(|it| (it.key.label.clone(), it.live.value)));
        let finding = Finding {
            kind: Kind::Growth,
            summary: story::growth_summary(&trend, &leaks),
            evidence: story::growth_evidence(&trend, &leaks),
            sample: SampleKind::LiveBytes,
            // The first quarter is the warm-up, in which growth is no news.
            pair: [shots.len() / 4, shots.len() - 1],
            detail: Detail::Growth(trend),
        };
        Ok(Some(finding))
    }
}

/// The question about rows. What a folder shows is in `--by`; a row to name is a line.
fn query(shared: &Shared) -> Query {
    let mut query = shared.query(GroupBy::Line);
    query.sample = None;
    query
}

fn read(shot: &Shot, shared: &Shared) -> Result<Profile, CliError> {
    let (mut profile, _) = names::read(&shot.path, shared)?;
    profile.time_ns = shot.facts.time_ns;
    Ok(profile)
}
