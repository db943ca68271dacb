//! Detects incidents in the newest snapshots, and reports each only once.
//!
//! After each snapshot, the detector looks for a spike, which needs only a few numbers of each snapshot. It
//! reports a spike when the spike begins, and again when the same spike has become larger. It looks for
//! growth less often, because that reads all snapshots of the ring.

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
use super::wording::{self, SpikeValues};
use crate::error::CliError;
use crate::series::series_error;
use crate::shared::Shared;

/// Minimum number of snapshots over which growth has to last.
const FEWEST_FOR_GROWTH: usize = 8;

/// How many times as large a spike that goes on must be to be reported again at once. A smaller one is
/// reported when it is over.
const LARGER: f64 = 1.1;

const HOUR_NS: f64 = 3.6e12;

/// The kind of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Spike,
    Growth,
}

impl Kind {
    /// The name of the kind, as in the folder's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Spike => "spike",
            Self::Growth => "growth",
        }
    }
}

/// An incident to report.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    /// The summary, in one line.
    pub(crate) summary: String,
    /// More lines for people.
    pub(crate) evidence: Vec<String>,
    /// The same evidence for programs.
    pub(crate) detail: Detail,
    /// The kind of values that shows the incident.
    pub(crate) sample: SampleKind,
    /// The two snapshots to compare.
    pub(crate) pair: [Shot; 2],
    /// Whether the same incident was reported before, when it was smaller.
    pub(crate) goes_on: bool,
}

/// A reported spike, as it was at that time.
#[derive(Debug)]
struct Reported {
    spike: Spike,
    before: Shot,
    folder: Option<PathBuf>,
}

/// The answers that a finding is based on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Detail {
    Spike { spike: Spike, suspects: Suspects },
    Growth(Trend),
}

/// Finds incidents, and remembers what it reported already.
#[derive(Debug)]
pub(crate) struct Detector {
    min_rise: f64,
    /// Snapshots between two searches for growth.
    growth_step: usize,
    since_growth: usize,
    /// Number of snapshots of this series, in the ring or not.
    snapshots: usize,
    spikes: SpikeFollower,
    /// The last reported spike: at its report, and now.
    last_spike: Option<(Reported, Spike)>,
    /// Live bytes of leaking rows when they were reported, by label.
    reported: HashMap<String, i64>,
}

impl Detector {
    /// A detector for a ring of `keep` snapshots. `min_rise` is the smallest jump to report, as a share of
    /// live memory.
    pub(crate) fn new(min_rise: f64, keep: usize) -> Self {
        let growth_step = (keep / FEWEST_FOR_GROWTH).max(1);
        let spikes = SpikeFollower::new(SpikesOptions { min_rise, ..SpikesOptions::default() });
        let reported = HashMap::new();
        Self { min_rise, growth_step, since_growth: 0, snapshots: 0, spikes, last_spike: None, reported }
    }

    /// Forgets all reports, because another series begins.
    pub(crate) fn restart(&mut self) {
        *self = Self { growth_step: self.growth_step, ..Self::new(self.min_rise, 0) };
    }

    /// Remembers the folder of the last reported spike.
    pub(crate) fn has_folder(&mut self, folder: &Path) {
        if let Some((reported, _)) = &mut self.last_spike {
            reported.folder = Some(folder.to_owned());
        }
    }

    /// The folder of the last reported spike.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.last_spike.as_ref().and_then(|it| it.0.folder.as_deref())
    }

    /// The incidents to report after the last of `shots`.
    ///
    /// # Errors
    /// When a snapshot of the ring can no longer be read.
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

    /// The final report of a spike that no snapshot follows.
    ///
    /// # Errors
    /// When a snapshot of the ring can no longer be read.
    pub(crate) fn finish(&mut self, shots: &[Shot], shared: &Shared) -> Result<Option<Finding>, CliError> {
        match &self.last_spike {
            Some((reported, now))
                if size(now) > size(&reported.spike) && now.after != reported.spike.after =>
            {
                let now = now.clone();
                self.tell(shots, now, true, shared)
            }
            _ => Ok(None),
        }
    }

    /// The incident to report for the latest spike, if any.
    fn spike(&mut self, shots: &[Shot], spike: Spike, shared: &Shared) -> Result<Option<Finding>, CliError> {
        let newest = self.snapshots - 1;
        let Some((reported, now)) = &mut self.last_spike else {
            return self.tell(shots, spike, false, shared);
        };
        if spike.before >= now.last {
            return self.tell(shots, spike, false, shared);
        }
        let (old, new) = (size(&reported.spike), size(&spike));
        let is_over = spike.last < newest;
        let is_larger = new > old && spike.after != reported.spike.after;
        *now = spike.clone();
        if is_larger && (is_over || new as f64 >= LARGER * old as f64) {
            return self.tell(shots, spike, true, shared);
        }
        Ok(None)
    }

    /// Reports a spike, for the first time or in its present state. Its snapshots are numbered within the
    /// series, not within the ring.
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
            Some((reported, _)) if goes_on => (Some(reported.before), reported.folder),
            _ => (None, None),
        };
        // If a spike lasts longer than the ring, its beginning is the one of its first report.
        let before = shot(spike.before).or(known);
        let (Some(before), Some(after)) = (before, shot(spike.after)) else { return Ok(None) };
        // The ring will delete the file, but the folder keeps a copy.
        let reported = Reported { spike: spike.clone(), before: before.clone(), folder };
        self.last_spike = Some((reported, spike.clone()));
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
        // The first snapshot may be the one before the spike, and the last one the one after it.
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
        let wording = SpikeValues::from_signs(&spike, &suspects);
        Ok(Finding {
            kind: Kind::Spike,
            summary: wording.summary(&spike, &suspects),
            evidence: wording.evidence(&spike, &suspects),
            sample: wording.sample(),
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
            self.reported
                .get(&it.key.label)
                .is_none_or(|reported| it.live.value >= reported.saturating_mul(2))
        };
        if trend.few_snapshots || !leaks.iter().any(|it| is_new(&it)) {
            return Ok(None);
        }
        self.reported.extend(leaks.iter().map(|it| (it.key.label.clone(), it.live.value)));
        let finding = Finding {
            kind: Kind::Growth,
            summary: wording::growth_summary(&trend, &leaks),
            evidence: wording::growth_evidence(&trend, &leaks),
            sample: SampleKind::LiveBytes,
            // The first quarter is the warm-up, in which growth is expected.
            pair: [shots.len() / 4, shots.len() - 1].map(|at| shots[at].clone()),
            goes_on: false,
            detail: Detail::Growth(trend),
        };
        Ok(Some(finding))
    }
}

/// The size of a spike in bytes, by the values that show it.
fn size(spike: &Spike) -> i64 {
    if spike.signs.contains(&Sign::Live) {
        spike.live_change_bytes
    } else {
        spike.alloc_bytes.or(spike.peak_above_live_bytes).unwrap_or(0)
    }
}

/// The query for rows. A folder's tables follow `--by`; the row named in a message is a line.
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
