//! Whether what was seen last is worth an incident, and that none is told twice.
//!
//! A spike is looked for after each snapshot; it needs a few numbers of each. It is told when it begins, and again as the same
//! one when it has become larger. Growth is looked for every so often, because for that all snapshots of the ring are read.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use highwater_analyze::{
    Class, GroupBy, Query, SampleKind, Series, SeriesOptions, Sign, Spike, SpikeFollower, SpikesOptions,
    Suspects, Trend, TrendOptions, TrendRow, explain,
};
use highwater_profile::Profile;
use serde::Serialize;

use super::names;
use super::run::Shot;
use super::story::{self, Story};
use crate::error::CliError;
use crate::series::series_error;
use crate::shared::Shared;

/// Snapshots that growth has to last at the least.
const FEWEST_FOR_GROWTH: usize = 8;

/// How many times as large a spike that goes on must be to be reported again at once. A smaller one is reported when it is over.
const LARGER: f64 = 1.1;

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
    /// The two snapshots to compare.
    pub(crate) pair: [Shot; 2],
    /// Whether it was told before, when it was smaller.
    pub(crate) goes_on: bool,
}

/// A spike that was told, as it was then.
#[derive(Debug)]
struct Told {
    spike: Spike,
    before: Shot,
    folder: Option<PathBuf>,
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
    spikes: SpikeFollower,
    /// The last spike that was told, and as it is now.
    last_spike: Option<(Told, Spike)>,
    /// What leaking rows held when they were told.
    told: HashMap<String, i64>,
}

impl Detector {
    /// A detector for a ring of `keep` snapshots. `min_rise` is the share of what is live that is worth telling.
    pub(crate) fn new(min_rise: f64, keep: usize) -> Self {
        let growth_step = (keep / FEWEST_FOR_GROWTH).max(1);
        let spikes = SpikeFollower::new(SpikesOptions { min_rise, ..SpikesOptions::default() });
        let told = HashMap::new();
        Self { min_rise, growth_step, since_growth: 0, snapshots: 0, spikes, last_spike: None, told }
    }

    /// Forgets what was told: another series begins.
    pub(crate) fn restart(&mut self) {
        *self = Self { growth_step: self.growth_step, ..Self::new(self.min_rise, 0) };
    }

    /// Takes note of the folder of the spike that was told last.
    pub(crate) fn has_folder(&mut self, folder: &Path) {
        if let Some((told, _)) = &mut self.last_spike {
            told.folder = Some(folder.to_owned());
        }
    }

    /// The folder of the spike that was told last.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.last_spike.as_ref().and_then(|it| it.0.folder.as_deref())
    }

    /// What is to be told now that the last of `shots` is there.
    ///
    /// # Errors
    /// When a snapshot of the ring cannot be read any more.
    pub(crate) fn look(&mut self, shots: &[Shot], shared: &Shared) -> Result<Vec<Finding>, CliError> {
        self.snapshots += 1;
        self.since_growth += 1;
        let mut findings = Vec::new();
        if let Some(last) = shots.last()
            && let Some(spike) = self.spikes.push(last.facts)
        {
            findings.extend(self.spike(shots, spike, shared)?);
        }
        if shots.len() >= FEWEST_FOR_GROWTH && self.since_growth >= self.growth_step {
            self.since_growth = 0;
            findings.extend(self.growth(shots, shared)?);
        }
        Ok(findings)
    }

    /// What is left to be told of a spike when no snapshot follows.
    ///
    /// # Errors
    /// When a snapshot of the ring cannot be read any more.
    pub(crate) fn finish(&mut self, shots: &[Shot], shared: &Shared) -> Result<Option<Finding>, CliError> {
        match &self.last_spike {
            Some((told, now)) if size(now) > size(&told.spike) && now.after != told.spike.after => {
                let now = now.clone();
                self.tell(shots, now, true, shared)
            }
            _ => Ok(None),
        }
    }

    /// What is to be told of the latest spike.
    fn spike(&mut self, shots: &[Shot], spike: Spike, shared: &Shared) -> Result<Option<Finding>, CliError> {
        let newest = self.snapshots - 1;
        let Some((told, now)) = &mut self.last_spike else { return self.tell(shots, spike, false, shared) };
        if spike.before >= now.last {
            return self.tell(shots, spike, false, shared);
        }
        let (old, new) = (size(&told.spike), size(&spike));
        let is_over = spike.last < newest;
        let is_larger = new > old && spike.after != told.spike.after;
        *now = spike.clone();
        if is_larger && (is_over || new as f64 >= LARGER * old as f64) {
            return self.tell(shots, spike, true, shared);
        }
        Ok(None)
    }

    /// Tells a spike, for the first time or as it is now. Its snapshots are counted in the series, not in the ring.
    fn tell(
        &mut self,
        shots: &[Shot],
        spike: Spike,
        goes_on: bool,
        shared: &Shared,
    ) -> Result<Option<Finding>, CliError> {
        let first = self.snapshots - shots.len();
        let shot = |number: usize| number.checked_sub(first).and_then(|at| shots.get(at)).cloned();
        let (known, folder) = match self.last_spike.take() {
            Some((told, _)) if goes_on => (Some(told.before), told.folder),
            _ => (None, None),
        };
        // One that lasts longer than the ring reaches back begins where it began when it was told.
        let before = shot(spike.before).or(known);
        let (Some(before), Some(after)) = (before, shot(spike.after)) else { return Ok(None) };
        // The ring will delete what the folder keeps.
        let told = Told { spike: spike.clone(), before: before.clone(), folder };
        self.last_spike = Some((told, spike.clone()));
        self.explain(shots, spike, [before, after], goes_on, shared).map(Some)
    }

    fn explain(
        &self,
        shots: &[Shot],
        spike: Spike,
        pair: [Shot; 2],
        goes_on: bool,
        shared: &Shared,
    ) -> Result<Finding, CliError> {
        let [before, after] = &pair;
        let ends = [shots.first().unwrap_or(before), before, after, shots.last().unwrap_or(after)];
        // The first may be the one before, and the last the one after.
        let mut profiles: BTreeMap<&Path, Profile> = BTreeMap::new();
        for shot in ends {
            if let Entry::Vacant(place) = profiles.entry(&shot.path) {
                place.insert(read(shot, shared)?);
            }
        }
        let series = ends.map(|it| &profiles[it.path.as_path()]);
        let files = || vec![before.path.clone(), after.path.clone()];
        let suspects = explain(series, &query(shared))
            .map_err(|source| CliError::Question { files: files(), source })?;
        let story = Story::of(&spike, &suspects);
        Ok(Finding {
            kind: Kind::Spike,
            summary: story.summary(&spike, &suspects),
            evidence: story.evidence(&spike, &suspects),
            sample: story.sample(),
            detail: Detail::Spike { spike, suspects },
            pair,
            goes_on,
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
            pair: [shots.len() / 4, shots.len() - 1].map(|at| shots[at].clone()),
            goes_on: false,
            detail: Detail::Growth(trend),
        };
        Ok(Some(finding))
    }
}

/// How large a spike is, by what shows it.
fn size(spike: &Spike) -> i64 {
    if spike.signs.contains(&Sign::Live) {
        spike.live_change_bytes
    } else {
        spike.alloc_bytes.or(spike.peak_above_live_bytes).unwrap_or(0)
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
