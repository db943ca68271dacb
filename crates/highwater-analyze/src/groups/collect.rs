//! The profiles of two groups on their way into a comparison. Of each only the sums of its rows are kept.

use highwater_profile::Profile;

use super::answer::Normalize;
use super::matrix::GroupSide;
use super::note::GroupNote;
use super::process::GroupProcess;
use crate::error::{AnalyzeError, refuse_difference};
use crate::frames::frame::Frame;
use crate::group::{GroupBy, RowKey};
use crate::queries::header::{Header, known};
use crate::queries::rows::{self, Rows};
use crate::queries::sites::{Equal, Part, Sites};
use crate::query::Query;
use crate::sample_kind::{SampleKind, Unit};
use crate::statistics::sum::Sum;

/// Processes of two groups, added one after the other.
#[derive(Debug)]
pub struct GroupsBuilder {
    query: Query,
    normalize: Normalize,
    sites: Option<Sites<1>>,
    kind: Option<(SampleKind, Unit)>,
    rows: Rows,
    /// What the files say about themselves, each once.
    pub(super) file_notes: Vec<String>,
    pub(super) processes: Vec<Process>,
}

/// A process with the sums of its rows; rows that came up later are missing at the end.
#[derive(Debug)]
pub(super) struct Process {
    pub shown: GroupProcess,
    pub sums: Vec<Sum>,
    pub unseen: f64,
    /// Identity of the process, and number of the snapshot.
    place: Option<(i64, i64)>,
    pub has_lost: bool,
    /// What its values are divided by; `None` where that is not known.
    pub divisor: Option<f64>,
}

impl GroupsBuilder {
    /// No process yet.
    pub fn new(query: Query, normalize: Normalize) -> Self {
        let rows = Rows::new(query.by);
        let (sites, kind, file_notes, processes) = (None, None, Vec::new(), Vec::new());
        Self { query, normalize, sites, kind, rows, file_notes, processes }
    }

    /// Adds a process of a group, whose profile has its symbols by now. `counter` is the number of the user's that
    /// [`Normalize::Counter`] divides by.
    ///
    /// # Errors
    /// When the profile has no values of the kind, counts in another unit than the others, is a difference, or does not say what
    /// its values are to be divided by.
    pub fn push(
        &mut self,
        side: GroupSide,
        name: String,
        profile: &Profile,
        counter: Option<f64>,
    ) -> Result<(), AnalyzeError> {
        refuse_difference(profile, "groups are compared by what their processes hold")?;
        let kind = || self.query.sample.clone().unwrap_or_else(|| SampleKind::default_for(profile));
        let (kind, unit) = self.kind.get_or_insert_with(|| {
            let kind = kind();
            let unit = kind.unit(profile);
            (kind, unit)
        });
        let column = kind.column(profile)?;
        if kind.unit(profile) != *unit {
            return Err(AnalyzeError::OtherUnit {
                sample: kind.to_string(),
                unit: kind.unit(profile).to_string(),
                others: unit.to_string(),
            });
        }
        let headers = [Header::new(profile, kind)];
        let by_site = self.query.by == GroupBy::Site;
        let sites = self.sites.get_or_insert_with(|| Sites::new(headers.clone()));
        sites.restart(headers, by_site);
        let equal = if by_site { Equal::Merged } else { Equal::Apart };
        sites.add(profile, &[Part { slot: 0, column, seen_by: None }], &self.query, equal);
        let mut sums = vec![Sum::ZERO; self.rows.len()];
        for (at, site) in sites.all.iter().enumerate() {
            let row = if by_site { at } else { self.rows.of(sites, sites.cause(site)) };
            if row >= sums.len() {
                sums.resize(row + 1, Sum::ZERO);
            }
            sums[row].add(site.sums[0]);
        }
        let header = &sites.headers[0];
        for note in &header.notes {
            if !self.file_notes.contains(note) {
                self.file_notes.push(note.clone());
            }
        }
        let divisor = match &self.normalize {
            Normalize::None => Some(1.0),
            Normalize::Total => Some(header.total.value as f64),
            Normalize::Time => header.duration_ns.map(|it| it as f64),
            Normalize::Counter(_) => counter,
        };
        let divisor = divisor.filter(|it| *it > 0.0 && it.is_finite());
        if divisor.is_none() {
            return Err(AnalyzeError::NotNormalized(match &self.normalize {
                Normalize::Counter(name) => format!("there is no {name}=NUMBER above 0 for it in a list"),
                Normalize::Time => "the file does not say how long the process had run".to_owned(),
                _ => "the process holds nothing".to_owned(),
            }));
        }
        let meta = profile.meta.unwrap_or_default();
        self.processes.push(Process {
            shown: GroupProcess {
                name,
                side,
                total: header.shown_total,
                factor: 1.0,
                interval_bytes: header.interval_bytes,
                age_ns: known(profile.duration_ns),
                build: build(profile),
                outlier: None,
            },
            sums,
            unseen: sites.unseen(0),
            place: meta.process.zip(meta.epoch),
            has_lost: header.lost.is_some(),
            divisor,
        });
        Ok(())
    }

    /// Leaves out earlier snapshots of a process. A process in both groups is an error: its snapshots are no two processes.
    pub(super) fn keep_last_snapshots(&mut self) -> Result<Option<GroupNote>, AnalyzeError> {
        let processes = &self.processes;
        let mut is_kept = vec![true; processes.len()];
        for (at, process) in processes.iter().enumerate() {
            let Some((id, epoch)) = process.place else { continue };
            for (other_at, other) in processes.iter().enumerate() {
                let Some((_, other_epoch)) = other.place.filter(|it| it.0 == id && other_at != at) else {
                    continue;
                };
                if other.shown.side != process.shown.side {
                    let [a, b] = [process, other].map(|it| it.shown.name.clone());
                    return Err(AnalyzeError::SameProcess(a, b));
                }
                is_kept[at] &= (other_epoch, other_at) < (epoch, at);
            }
        }
        let snapshots = is_kept.iter().filter(|it| !**it).count();
        let mut kept = is_kept.into_iter();
        self.processes.retain(|_| kept.next().unwrap_or(true));
        // The base comes first, and each group keeps its order.
        self.processes.sort_by_key(|it| it.shown.side.index());
        Ok((snapshots > 0).then_some(GroupNote::EarlierSnapshots { snapshots }))
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.processes.iter().map(|it| it.sums.len()).max().unwrap_or(0)
    }

    /// What a row is about, and its stack where rows are stacks.
    pub(super) fn key(&self, row: usize) -> (RowKey, Vec<Frame>) {
        let Some(sites) = &self.sites else { return Default::default() };
        // Grouped by site, the sites of all processes are kept, and each is a row.
        match (self.query.by, sites.all.get(row)) {
            (GroupBy::Site, Some(site)) => {
                (rows::key(GroupBy::Site, &sites.symbols, sites.cause(site)), sites.stack(site))
            }
            _ => (self.rows.key(sites, row).clone(), Vec::new()),
        }
    }

    pub(super) fn query(&self) -> &Query {
        &self.query
    }

    pub(super) fn normalize(&self) -> &Normalize {
        &self.normalize
    }

    pub(super) fn kind(&self) -> Option<&(SampleKind, Unit)> {
        self.kind.as_ref()
    }
}

/// The build id of the program, which is the first mapped file; its name where it has none.
fn build(profile: &Profile) -> Option<String> {
    let program = profile.mappings().first()?;
    let [id, file] = [program.build_id, program.file].map(|it| profile.string(it).to_owned());
    [id, file].into_iter().find(|it| !it.is_empty())
}
