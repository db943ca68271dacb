//! Collects the answers that make up a page.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use highwater_analyze::{
    ContainerRule, DiffOptions, GroupBy, History, Holding, Query, SampleKind, Series, SeriesOptions,
    Suppression, Timeline, TimelineBuilder, TrendOptions,
};
use highwater_profile::Profile;
use highwater_report::{Changed, Page, Snapshot};

use crate::error::CliError;
use crate::load::Progress;
use crate::series::{self, Files, series_error};
use crate::shared::Shared;
use crate::{command, history, input, load, output};

/// A frame with a smaller share of the whole is narrower than a pixel.
pub(crate) const NARROWEST: f64 = 0.0001;

/// Maximum rows of a table.
const ROWS: usize = 200;

/// Maximum number of profiles that a page shows in full. From a longer series, this many are chosen.
const SNAPSHOTS: usize = 24;

/// Maximum rows of all profiles that a page shows in full. Fewer profiles are chosen if they are large.
const FULL_ROWS: usize = 3_000_000;

/// Kinds of values on a page, after the profile's default, if the profile has values of that kind.
const KINDS: [SampleKind; 8] = [
    SampleKind::LiveBytes,
    SampleKind::AllocBytes,
    SampleKind::PeakBytes,
    SampleKind::LiveBlocks,
    SampleKind::AllocBlocks,
    SampleKind::PeakBlocks,
    SampleKind::ResidentBytes,
    SampleKind::HeldBytes,
];

/// Maximum kinds for a series: every snapshot repeats them.
const KINDS_OF_SERIES: usize = 3;

/// Rows with a line of their own in the time line.
const TIMELINE_ROWS: usize = 10;

/// The options of a page.
pub(crate) struct Wanted<'a> {
    pub shared: &'a Shared,
    pub options: DiffOptions,
    /// The groupings to show.
    pub groupings: Vec<GroupBy>,
    /// The rules that accept leaks.
    pub accepted: Vec<Suppression>,
    /// What the project says of its collections.
    pub containers: Vec<ContainerRule>,
}

impl Wanted<'_> {
    fn query(&self, sample: &SampleKind, by: GroupBy, limit: Option<usize>, min_fraction: f64) -> Query {
        Query { sample: Some(sample.clone()), by, limit, min_fraction, ..self.all_of(by) }
    }

    /// The query that the command line asks for, which may be one by types.
    fn all_of(&self, by: GroupBy) -> Query {
        Query { containers: self.containers.clone(), ..self.shared.query(by) }
    }

    /// The kinds of values to show for a profile.
    fn kinds(&self, profile: &Profile, most: usize) -> Vec<SampleKind> {
        if !self.shared.sample.is_empty() {
            return self.shared.sample.clone();
        }
        let has_values = |kind: &SampleKind| {
            let column = kind.column(profile).ok();
            column.is_some_and(|column| profile.samples.iter().any(|it| it.values[column] != 0))
        };
        let default = SampleKind::default_for(profile);
        let others = KINDS.into_iter().filter(|it| *it != default && has_values(it));
        let mut kinds: Vec<SampleKind> = others.collect();
        // A kind that is 0 everywhere is shown only if there is no other.
        if kinds.is_empty() || has_values(&default) {
            kinds.insert(0, default);
        }
        kinds.truncate(most);
        kinds
    }

    /// A progress bar for the views of a profile.
    fn progress(&self, path: &Path, kinds: &[SampleKind]) -> Progress {
        let bar = Progress::start(format!("adding up {}", input::shown(path)), "views");
        bar.show(0, kinds.len() * self.groupings.len());
        bar
    }

    /// The tables of a profile, for each kind and grouping.
    fn holdings(
        &self,
        path: &Path,
        profile: &Profile,
        kinds: &[SampleKind],
    ) -> Result<Vec<Holding>, CliError> {
        let _bar = self.progress(path, kinds);
        let query = Query { limit: Some(ROWS), min_fraction: 0.0, ..self.all_of(GroupBy::Line) };
        highwater_analyze::holdings(profile, kinds, &self.groupings, &query, NARROWEST)
            .map_err(command::question(&[path]))
    }

    /// Adds findings about leaks and advice, if the last profile has the data for them.
    fn judge(&self, page: &mut Page, first: Option<&Profile>, last: &Profile, history: History) {
        page.accepted = self.accepted.clone();
        // Files of other tools have no data for findings unless there is a series, and the search would take
        // as long as drawing.
        let is_known = last.meta.is_some() || history.trend.is_some();
        if is_known && !last.is_difference() && SampleKind::LiveBytes.column(last).is_ok() {
            let query = Query { sample: None, ..self.all_of(GroupBy::Line) };
            let leaks = Query { sample: None, ..self.shared.leak_query(GroupBy::Line) };
            page.leaks = Some(highwater_analyze::leaks(last, &history, &leaks, &self.accepted));
            page.advices = Some(highwater_analyze::advise(last, first, &history, &query));
        }
    }

    /// The changes between two profiles, for each kind and grouping.
    fn changed(
        &self,
        paths: [&Path; 2],
        profiles: [&Profile; 2],
        kinds: &[SampleKind],
    ) -> Result<Vec<Changed>, CliError> {
        let [base, new] = profiles;
        let bar = self.progress(paths[1], kinds);
        let mut changed = Vec::new();
        for sample in kinds {
            for &by in &self.groupings {
                bar.show(changed.len(), kinds.len() * self.groupings.len());
                // A comparison leaves out rows without any change.
                let ranking = self.query(sample, by, Some(ROWS), f64::MIN_POSITIVE);
                let calls = self.query(sample, by, None, NARROWEST);
                let question = || command::question(&paths);
                changed.push(Changed {
                    sample: sample.clone(),
                    by,
                    diff: highwater_analyze::diff(base, new, &ranking, &self.options).map_err(question())?,
                    growth: highwater_analyze::growth(base, new, &calls, &self.options).map_err(question())?,
                });
            }
        }
        Ok(changed)
    }
}

/// The files as given, or all profiles of a directory in order of time.
fn in_order(files: &[PathBuf], shared: &Shared) -> Result<Files, CliError> {
    let mut files = Files::from_paths(files, false)?;
    if files.directory.is_some() {
        files.scan(shared, |_| Ok(()))?;
    }
    Ok(files)
}

/// Writes the page of these profiles, or its data, and prints what was written.
pub(crate) fn write(files: &[PathBuf], wanted: &Wanted<'_>, out: &Path) -> Result<(), CliError> {
    let page = of_all(&in_order(files, wanted.shared)?, wanted)?;
    let document = if wanted.shared.json { page.data() } else { page.html() };
    output::document(out, |it| it.write_all(document.as_bytes()))?;
    output::about_document(out, &format!("wrote {}\n", out.display()))?;
    Ok(())
}

/// The page of one profile.
fn of_one(path: &Path, profile: &Profile, wanted: &Wanted<'_>) -> Result<Page, CliError> {
    let kinds = wanted.kinds(profile, KINDS.len());
    let holdings = wanted.holdings(path, profile, &kinds)?;
    let name = command::name(path);
    let snapshots = vec![Snapshot { name: name.clone(), holdings, changed: Vec::new() }];
    let info = Some(highwater_analyze::info(profile));
    let mut page = Page { title: name, info, snapshots, ..Page::default() };
    wanted.judge(&mut page, None, profile, History::default());
    Ok(page)
}

/// The page of several profiles in order of time. They are read one after the other.
fn of_all(files: &Files, wanted: &Wanted<'_>) -> Result<Page, CliError> {
    let paths: Vec<&Path> = files.paths.iter().map(PathBuf::as_path).collect();
    let (&[first_path, .., last_path], shared) = (paths.as_slice(), wanted.shared) else {
        let Some(path) = paths.first() else { return Ok(Page::default()) };
        return of_one(path, &load::symbolized(path, wanted.shared)?, wanted);
    };
    let first = files.symbolized(first_path, shared)?;
    let most = if paths.len() > 2 { KINDS_OF_SERIES } else { KINDS.len() };
    let kinds = wanted.kinds(&first, most);
    let live = kinds.first().filter(|it| matches!(it, SampleKind::LiveBlocks)).cloned();
    let query = Query { sample: live, limit: Some(TIMELINE_ROWS), ..shared.query(GroupBy::Line) };
    let mut timeline = Following::new(TimelineBuilder::new(query.clone()));
    let options = SeriesOptions { force: wanted.options.force };
    // Leaks are searched among all rows. The page shows only the first rows.
    let every_row =
        Query { sample: query.sample, limit: None, min_fraction: 0.0, ..shared.leak_query(GroupBy::Line) };
    let mut trend = Following::new(Series::new(every_row, options));
    let mut page = Page { title: title(&files.paths), ..Page::default() };
    let chosen = chosen(paths.len(), (FULL_ROWS / first.samples.len().max(1)).clamp(2, SNAPSHOTS));
    if chosen.len() < paths.len() {
        page.notes.push(format!(
            "{} of {} profiles are shown in full; all are in the time line and in what became of every row",
            chosen.len(),
            paths.len()
        ));
    }
    let mut snapshots: Vec<(i64, i64)> = Vec::new();
    let mut last = None;
    let mut incomparable = None;
    for (at, &path) in paths.iter().enumerate() {
        let profile = if at == 0 { None } else { Some(files.symbolized(path, shared)?) };
        let this = profile.as_ref().unwrap_or(&first);
        snapshots.extend(this.meta.and_then(|it| it.epoch).map(|epoch| (epoch, this.time_ns)));
        timeline.add(|it| it.push(this).map_err(|error| format!("{}: {error}", input::shown(path))));
        if paths.len() > 2 {
            trend.add(|it| it.push(this).map_err(|error| format!("{}: {error}", input::shown(path))));
        }
        if chosen.contains(&at) {
            let holdings = wanted.holdings(path, this, &kinds)?;
            let mut changed = Vec::new();
            if at > 0 && incomparable.is_none() {
                match wanted.changed([first_path, path], [&first, this], &kinds) {
                    Ok(found) => changed = found,
                    Err(error) => incomparable = Some(error),
                }
            }
            page.snapshots.push(Snapshot { name: command::name(path), holdings, changed });
            page.moments.push(at);
        }
        last = profile.or(last);
    }
    match timeline.finish().map(|it| it.finish()) {
        Ok(Ok(timeline)) => page.timeline = Some(timeline),
        Ok(Err(error)) => page.notes.push(format!("no time line: {error}")),
        Err(reason) => page.notes.push(format!("no time line: {reason}")),
    }
    if page.timeline.is_none() {
        page.moments.clear();
    }
    if paths.len() > 2 {
        match trend.finish().map(|it| it.trend(&TrendOptions::default())) {
            Ok(Ok(trend)) => page.trend = Some(trend),
            Ok(Err(error)) => page.notes.push(format!("no trend: {error}")),
            Err(reason) => page.notes.push(format!("no trend: {reason}")),
        }
    }
    page.notes.extend(incomparable.map(|it| format!("no comparison: {it}")));
    let spikes = page.timeline.as_ref().map(|it| &it.spikes).filter(|it| it.snapshots.len() > 2);
    if let Some((spikes, spike)) = spikes.and_then(|it| Some((it, it.spikes.first()?))) {
        match series::explain(spike, &spikes.snapshots, &files.paths, shared) {
            Ok(suspects) => page.suspects = Some(suspects),
            Err(error) => page.notes.push(format!("the spike is not explained: {error}")),
        }
    }
    let last = last.as_ref().unwrap_or(&first);
    page.info = Some(highwater_analyze::info(last));
    let earlier = Some(&first).filter(|it| history::is_same_process(last_path, it, last));
    let history = History { trend: page.trend.clone(), snapshots };
    wanted.judge(&mut page, earlier, last, history);
    page.notes.iter().for_each(|it| output::note(it));
    Ok(page)
}

/// The memory of the process and of its largest rows in each profile. The profiles are read one after the
/// other.
pub(crate) fn timeline(files: &[PathBuf], shared: &Shared, query: Query) -> Result<Timeline, CliError> {
    let files = &in_order(files, shared)?;
    let mut builder = TimelineBuilder::new(query);
    // A drawing has no place for notes.
    let mut notes = BTreeSet::new();
    for path in &files.paths {
        let profile = files.symbolized(path, shared)?;
        notes.extend(highwater_analyze::notes(&profile));
        builder.push(&profile).map_err(|source| series_error(path, None, source))?;
    }
    notes.iter().for_each(|it| output::note(it));
    builder.finish().map_err(|source| series_error(&files.paths[0], None, source))
}

/// The names of the first and the last file.
pub(crate) fn title(files: &[PathBuf]) -> String {
    match files {
        [] => String::new(),
        [one] => command::name(one),
        [first, .., last] => format!("{} to {}", command::name(first), command::name(last)),
    }
}

/// Positions of the profiles to show in full: at most `most`, with the first and the last among them.
fn chosen(profiles: usize, most: usize) -> Vec<usize> {
    let shown = profiles.min(most);
    let last = shown.saturating_sub(1).max(1);
    (0..shown).map(|it| it * (profiles - 1) / last).collect()
}

/// A collection that profiles are added to until one does not fit.
struct Following<T> {
    it: T,
    fault: Option<String>,
}

impl<T> Following<T> {
    fn new(it: T) -> Self {
        Self { it, fault: None }
    }

    fn add(&mut self, add: impl FnOnce(&mut T) -> Result<(), String>) {
        if self.fault.is_none() {
            self.fault = add(&mut self.it).err();
        }
    }

    fn finish(self) -> Result<T, String> {
        match self.fault {
            None => Ok(self.it),
            Some(reason) => Err(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_shows_its_ends_and_an_even_selection() {
        assert_eq!(chosen(1, SNAPSHOTS), [0]);
        assert_eq!(chosen(3, SNAPSHOTS), [0, 1, 2]);
        assert_eq!(chosen(3, 2), [0, 2]);
        let many = chosen(1000, SNAPSHOTS);
        assert_eq!((many.len(), many[0], many[23]), (24, 0, 999));
        assert!(many.windows(2).all(|it| it[1] - it[0] >= 43));
    }
}
