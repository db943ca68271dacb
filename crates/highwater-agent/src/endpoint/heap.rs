//! The heap profile: as pprof, or as text for people.

use std::io;
use std::sync::Arc;

use highwater::Snapshot;
use highwater_profile::{go_text, pprof};

use crate::captures;
use crate::names;
use crate::query::Query;
use crate::reply::{Answer, Refusal, Reply};
use crate::service::Service;

/// The values that a reader shows by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Live memory.
    Live,
    /// All allocations since the start, or within the requested time.
    Allocated,
}

impl Shown {
    fn sample_type(self) -> &'static str {
        match self {
            Self::Live => "inuse_space",
            Self::Allocated => "alloc_space",
        }
    }

    /// The file name under which a browser saves the profile.
    fn file(self, is_of_time: bool) -> &'static str {
        match (self, is_of_time) {
            (Self::Live, false) => "attachment; filename=\"heap.pb.gz\"",
            (Self::Live, true) => "attachment; filename=\"heap-delta.pb.gz\"",
            (Self::Allocated, false) => "attachment; filename=\"allocs.pb.gz\"",
            (Self::Allocated, true) => "attachment; filename=\"allocs-delta.pb.gz\"",
        }
    }
}

/// The answer without its body.
pub(super) fn head(query: Query<'_>, shown: Shown) -> Answer {
    let (time, is_text) = (query.seconds()?, query.is_text()?);
    captures::check()?;
    Ok(Reply::head_of(is_text, shown.file(time.is_some())))
}

pub(super) async fn answer(service: &Service, query: Query<'_>, shown: Shown) -> Answer {
    let (head, is_text) = (head(query, shown)?, query.is_text()?);
    let snapshot = service.captures.snapshot(query.seconds()?).await?;
    let counts = Arc::clone(&service.counts);
    let write = move || {
        if is_text {
            counts.while_text(|| as_text(&snapshot))
        } else {
            as_pprof(&snapshot, shown.sample_type())
        }
    };
    Ok(head.with(service.captures.run(write).await?.map_err(Refusal::failed)?))
}

/// The answer of the page of what is resident, without its body.
pub(super) fn head_of_resident() -> Answer {
    captures::check()?;
    Ok(Reply::head_of(false, "attachment; filename=\"rss.pb.gz\""))
}

/// What is resident, beside live memory.
pub(super) async fn resident(service: &Service) -> Answer {
    let head = head_of_resident()?;
    let snapshot = service.captures.run(Snapshot::capture_with_residency).await?;
    let snapshot = snapshot.map_err(Refusal::failed)?;
    let write = move || as_pprof(&snapshot, "resident_space");
    Ok(head.with(service.captures.run(write).await?.map_err(Refusal::failed)?))
}

fn as_pprof(snapshot: &Snapshot, shown: &str) -> io::Result<Vec<u8>> {
    let mut profile = snapshot.to_profile();
    profile.default_sample_type = profile.sample_type(shown);
    let mut out = Vec::new();
    pprof::write(&profile, &mut out)?;
    Ok(out)
}

fn as_text(snapshot: &Snapshot) -> io::Result<Vec<u8>> {
    let mut profile = snapshot.to_profile();
    let locations: Vec<_> = profile.location_ids().collect();
    // The addresses of a profile lie inside of their calls.
    let known = highwater_resolver::calls_of(locations.iter().map(|&id| profile.location(id).address + 1));
    names::add(&mut profile, locations, |address| known.get(&(address + 1)).cloned().unwrap_or_default());
    let mut out = Vec::new();
    go_text::write(&profile, &mut out)?;
    Ok(out)
}
