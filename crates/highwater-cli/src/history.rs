//! The history of a process, from a file or a directory: its last snapshot and the snapshots before it.

use std::path::{Path, PathBuf};

use highwater_analyze::{History, Query, SampleKind, TrendOptions, refuse_difference};
use highwater_profile::Profile;

use crate::command::question;
use crate::error::CliError;
use crate::series::{self, Files};
use crate::shared::Shared;
use crate::{input, load, output};

/// The last snapshot of a process, and the snapshots before it.
pub(crate) struct Past {
    /// The first of several snapshots; `None` if there is only one.
    pub(crate) first: Option<Profile>,
    pub(crate) last: Profile,
    pub(crate) history: History,
}

impl Past {
    /// Reads a profile, or a directory of snapshots of one process. At most two snapshots are in memory at a
    /// time. With `force`, snapshots that do not continue the series are left out, and a note says so.
    pub(crate) fn read(path: &Path, query: &Query, force: bool, shared: &Shared) -> Result<Self, CliError> {
        if !path.is_dir() {
            let last = load::symbolized(path, shared)?;
            // For a directory, following the series makes this check.
            refuse_difference(&last, "the question is about the memory of one process")
                .map_err(question(&[path]))?;
            return Ok(Self { first: None, last, history: History::default() });
        }
        let mut files = Files::from_paths(&[path.to_owned()], force)?;
        let known = files.scan(shared, |it| Ok((it.meta.and_then(|it| it.epoch), it.time_ns)))?;
        let snapshots = known.into_iter().filter_map(|(epoch, time_ns)| Some((epoch?, time_ns))).collect();
        let mut history = History { trend: None, snapshots };
        let (first, last) = match files.paths.as_slice() {
            [only] => (None, only.clone()),
            [first, .., last] => (Some(first.clone()), last.clone()),
            [] => return Err(CliError::NoProfiles { path: path.to_owned(), others: 0 }),
        };
        if let Some(first) = &first {
            history.trend = follow(&mut files, first, query, shared)?;
        }
        let mut read = |path: PathBuf| {
            let gone = || CliError::NoProfiles { path: path.clone(), others: 0 };
            let mut profile = files.read(&path, shared)?.ok_or_else(gone)?;
            load::symbolize_quietly(&path, &mut profile, shared)?;
            Ok::<_, CliError>(profile)
        };
        let last = read(last)?;
        let first = first.map(&mut read).transpose()?.filter(|first| is_same_process(path, first, &last));
        Ok(Self { first, last, history })
    }
}

/// How every row changed over the series; `None` if the files have no live values.
fn follow(
    files: &mut Files,
    first: &Path,
    query: &Query,
    shared: &Shared,
) -> Result<Option<highwater_analyze::Trend>, CliError> {
    if SampleKind::LiveBytes.column(&load::raw(first, shared)?).is_err() {
        return Ok(None);
    }
    let all = Query { sample: Some(SampleKind::LiveBytes), limit: None, min_fraction: 0.0, ..query.clone() };
    let series = files.follow(&all, shared)?;
    series.trend(&TrendOptions::default()).map(Some).map_err(series::whole(files))
}

/// Whether both snapshots are of the same process, so that cumulative counts can be compared. If not, a note
/// says so.
pub(crate) fn is_same_process(path: &Path, first: &Profile, last: &Profile) -> bool {
    let process = |it: &Profile| it.meta.and_then(|it| it.process);
    let is_same = process(first) == process(last);
    if !is_same {
        output::note(&format!(
            "{}: the first and the last snapshot are of different processes: cumulative values belong to the last one",
            input::shown(path)
        ));
    }
    is_same
}
