//! Questions about what is kept, answered on a thread of its own: a table of a large profile takes its time.
//!
//! What is computed here is what `highwater top`, `diff` and `trend` compute. Profiles with their symbols, and the series
//! that growth is told from, are kept for the next question.

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

/// Rows of a table, of which a search may find any.
const ROWS: usize = 500;

/// Profiles in memory: the one that is shown, the one before it, the pinned one, and one more.
const PROFILES: usize = 4;

/// What the table is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// What holds most.
    Live,
    /// What was allocated since the snapshot before.
    Rate,
    /// What became of every row over the series.
    Growth,
    /// What changed since the pinned snapshot.
    Diff,
}

/// What is asked, by the numbers of the snapshots: two questions with the same key have the same answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) about: About,
    /// The values; `None` for the profile's own choice.
    pub(crate) sample: Option<SampleKind>,
    pub(crate) by: GroupBy,
    pub(crate) shown: usize,
    /// The other snapshot that it takes, or the first one of the series.
    pub(crate) other: Option<usize>,
}

/// A question with all that it takes to answer it.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) key: Key,
    pub(crate) shown: Arc<Kept>,
    /// The snapshot to compare with.
    pub(crate) base: Option<Arc<Kept>>,
    /// The snapshots of the process up to the shown one, for growth.
    pub(crate) series: Vec<Arc<Kept>>,
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Findings {
    Live(Top),
    Rate(Diff),
    Growth(Trend),
    Diff(Diff),
}

/// An answer, or why there is none, in words.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) key: Key,
    pub(crate) findings: Result<Findings, String>,
    /// What could not be named, in words.
    pub(crate) remark: Option<String>,
}

/// How to answer.
pub(crate) struct Ways {
    /// Filters and the like; values, grouping and number of rows are those of the question.
    pub(crate) query: Query,
    pub(crate) limits: Limits,
    pub(crate) symbols: highwater_symbol::Options,
}

/// Answers questions.
pub(crate) struct Analyst {
    ways: Ways,
    /// The ones used last at the end.
    profiles: Vec<(usize, Arc<Profile>)>,
    follower: Option<Follower>,
    remark: Option<String>,
}

/// A series and what it has followed.
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

    /// Answers the newest question, as long as there are any.
    pub(crate) fn go_on(mut self, questions: &Receiver<Question>, answers: &Sender<Answer>) {
        while let Ok(first) = questions.recv() {
            // Nobody waits any more for what was asked before the newest.
            let question = questions.try_iter().last().unwrap_or(first);
            let answered = panic::catch_unwind(AssertUnwindSafe(|| self.answer(&question)));
            let findings = answered.unwrap_or_else(|fault| {
                // What it was in the middle of is not to be gone on with.
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
            // What did not change at all is no row of a comparison.
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

    /// Goes on with the series of the last question where that is possible.
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

    /// A profile with all names that can be found; the rest keeps its addresses, with a remark.
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
