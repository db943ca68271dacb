//! Answers questions about the kept snapshots on a separate thread: a table of a large profile takes time.
//!
//! The answers are computed by the functions behind `highwater top`, `diff` and `trend`. Profiles with their
//! symbols, and the series used for growth, are kept for the next question.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use highwater_analyze::{
    AnalyzeError, Diff, DiffOptions, GroupBy, Query, SampleKind, Series, SeriesOptions, Top, Trend,
    TrendOptions,
};
use highwater_profile::{Limits, Profile};
use highwater_symbol::symbolize_with;

use super::kept::Kept;
use crate::error::CliError;
use crate::names;
use crate::series::series_error;

/// Maximum rows of a table. A search looks at all of them.
const ROWS: usize = 500;

/// Profiles in memory: the one that is shown, the one before it, the pinned one, and one more.
const PROFILES: usize = 4;

/// The content of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// The rows with the most live memory.
    Live,
    /// Allocations since the previous snapshot.
    Rate,
    /// The behaviour of every row over the series.
    Growth,
    /// Changes since the pinned snapshot.
    Diff,
}

/// Identifies a question by the numbers of its snapshots: two questions with the same key have the same
/// answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) about: About,
    /// The kind of values; `None` for the profile's default.
    pub(crate) sample: Option<SampleKind>,
    pub(crate) by: GroupBy,
    pub(crate) shown: usize,
    /// The number of the second snapshot, or of the first one of the series.
    pub(crate) other: Option<usize>,
}

/// A question with all data needed to answer it.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) key: Key,
    pub(crate) shown: Arc<Kept>,
    /// The snapshot to compare with.
    pub(crate) base: Option<Arc<Kept>>,
    /// The snapshots of the process up to the shown one; used for growth.
    pub(crate) series: Vec<Arc<Kept>>,
}

/// The table's data.
#[derive(Debug)]
pub(crate) enum Findings {
    Live(Top),
    Rate(Diff),
    Growth(Trend),
    Diff(Diff),
}

/// An answer, or the reason why there is none, as text.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) key: Key,
    pub(crate) findings: Result<Findings, String>,
    /// Names that were not found, as text.
    pub(crate) remark: Option<String>,
}

/// The options for answering.
pub(crate) struct Ways {
    /// Filters and the like. The question replaces the values, the grouping and the number of rows.
    pub(crate) query: Query,
    pub(crate) limits: Limits,
    pub(crate) symbols: highwater_symbol::Options,
}

/// Answers questions, and caches profiles between them.
pub(crate) struct Analyst {
    ways: Ways,
    /// Least recently used first.
    profiles: Vec<(usize, Arc<Profile>)>,
    follower: Option<Follower>,
    remark: Option<String>,
}

/// A series and the snapshots that it has followed so far.
struct Follower {
    sample: SampleKind,
    by: GroupBy,
    last: usize,
    process: usize,
    series: Series,
}

impl Analyst {
    pub(crate) fn new(ways: Ways) -> Self {
        Self { ways, profiles: Vec::new(), follower: None, remark: None }
    }

    /// Answers the newest question each time, until the sender is gone.
    pub(crate) fn go_on(mut self, questions: &Receiver<Question>, answers: &Sender<Answer>) {
        while let Ok(first) = questions.recv() {
            // Older questions are outdated: the screen waits for the newest only.
            let question = questions.try_iter().last().unwrap_or(first);
            let answered = panic::catch_unwind(AssertUnwindSafe(|| self.answer(&question)));
            let findings = answered.unwrap_or_else(|fault| {
                // After a panic, the series may be half updated.
                self.follower = None;
                Err(super::fault(&*fault))
            });
            let answer = Answer { key: question.key, findings, remark: self.remark.take() };
            if answers.send(answer).is_err() {
                return;
            }
        }
    }

    pub(crate) fn answer(&mut self, question: &Question) -> Result<Findings, String> {
        let Key { about, sample, by, .. } = &question.key;
        let query = Query {
            sample: sample.clone(),
            by: *by,
            limit: Some(ROWS),
            // A comparison leaves out rows without any change.
            min_fraction: if matches!(about, About::Rate | About::Diff) { f64::MIN_POSITIVE } else { 0.0 },
            ..self.ways.query.clone()
        };
        let asked = |source: AnalyzeError| source.to_string();
        match (about, &question.base) {
            (About::Live, _) => {
                let shown = self.profile(&question.shown)?;
                highwater_analyze::top(&shown, &query).map(Findings::Live).map_err(asked)
            }
            (About::Growth, _) => self.growth(question, query).map(Findings::Growth),
            (About::Rate, None) => Err("there is no snapshot of this process before this one".to_owned()),
            (About::Diff, None) => Err("no snapshot is pinned".to_owned()),
            (About::Rate | About::Diff, Some(base)) => {
                let (base, shown) = (self.profile(base)?, self.profile(&question.shown)?);
                let diff = highwater_analyze::diff(&base, &shown, &query, &DiffOptions::default());
                let findings = if *about == About::Rate { Findings::Rate } else { Findings::Diff };
                diff.map(findings).map_err(asked)
            }
        }
    }

    /// Continues the series of the last question if possible.
    fn growth(&mut self, question: &Question, mut query: Query) -> Result<Trend, String> {
        query.through_libraries = query.through.is_empty();
        let sample = query.sample.clone().unwrap_or(SampleKind::LiveBytes);
        let process = question.shown.series;
        let goes_on = |it: &Follower| {
            it.sample == sample && it.by == query.by && it.process == process && it.last <= question.key.shown
        };
        let mut follower = self.follower.take().filter(goes_on).unwrap_or_else(|| Follower {
            sample: sample.clone(),
            by: query.by,
            last: 0,
            process,
            series: Series::new(query, SeriesOptions::default()),
        });
        let followed = follower.last;
        for kept in question.series.iter().filter(|it| it.number > followed) {
            let profile = self.profile(kept)?;
            let pushed = follower.series.push(&profile);
            pushed.map_err(|source| series_error(Path::new(&kept.name), None, source).to_string())?;
            follower.last = kept.number;
        }
        let trend = follower.series.trend(&TrendOptions::default()).map_err(|it| it.to_string());
        self.follower = Some(follower);
        trend
    }

    /// A profile with all names that were found. Other addresses stay, and a remark says so.
    fn profile(&mut self, kept: &Kept) -> Result<Arc<Profile>, String> {
        if let Some(at) = self.profiles.iter().position(|it| it.0 == kept.number) {
            let known = self.profiles.remove(at);
            self.profiles.push(known);
        } else {
            let mut profile = kept.profile(&self.ways.limits).map_err(|it| format!("{}: {it}", kept.name))?;
            let summary =
                symbolize_with(&mut profile, &self.ways.symbols, &|_| ()).map_err(|it| it.to_string())?;
            profile.source.notes.extend(names::missing(&summary));
            let missing = CliError::missing_binaries(Path::new(&kept.name), &summary);
            self.remark = missing.map(|it| it.to_string()).or(self.remark.take());
            while self.profiles.len() >= PROFILES {
                self.profiles.remove(0);
            }
            self.profiles.push((kept.number, Arc::new(profile)));
        }
        Ok(Arc::clone(&self.profiles[self.profiles.len() - 1].1))
    }
}
