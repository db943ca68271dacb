//! Rankings and call trees of one profile, for several kinds of values at once: stacks are resolved once for all of them, and
//! a tree of frames is built once for each grouping. The answers are those of [`top()`](crate::top()) and
//! [`tree()`](crate::tree()).

use highwater_profile::Profile;

use crate::error::AnalyzeError;
use crate::group::GroupBy;
use crate::parallel;
use crate::queries::branches::Branches;
use crate::queries::header::Header;
use crate::queries::rows::Rows;
use crate::queries::sites::{Equal, Part, Sites};
use crate::queries::top::{self, Top};
use crate::queries::tree::{self, Tree};
use crate::query::Query;
use crate::sample_kind::SampleKind;

/// Kinds of values that are added up together.
const TOGETHER: usize = 6;

/// What a profile holds, for one kind of values and one grouping.
#[derive(Clone, Debug)]
pub struct Holding {
    /// The kind of values.
    pub sample: SampleKind,
    /// What a row stands for.
    pub by: GroupBy,
    /// The ranking.
    pub top: Top,
    /// The call tree.
    pub tree: Tree,
}

/// Answers `query` for each of these kinds and, for each of them, each of these groupings. Its own kind and grouping do not
/// matter. A tree has all nodes that are no smaller than `narrowest`, a share of the whole.
///
/// # Errors
/// [`AnalyzeError::NoSampleType`] when the profile has no values of one of the kinds.
pub fn holdings(
    profile: &Profile,
    kinds: &[SampleKind],
    groupings: &[GroupBy],
    query: &Query,
    narrowest: f64,
) -> Result<Vec<Holding>, AnalyzeError> {
    let mut holdings = Vec::new();
    for kinds in kinds.chunks(TOGETHER) {
        for (by, equal) in [
            (GroupBy::Line, Equal::Apart),
            (GroupBy::Site, Equal::Merged),
            (GroupBy::Type, Equal::Apart),
            (GroupBy::Container, Equal::Apart),
        ] {
            let alike: Vec<GroupBy> = groupings.iter().copied().filter(|it| stacks_of(*it) == by).collect();
            if !alike.is_empty() {
                let query = Query { by, ..query.clone() };
                let sites = collect(profile, kinds, &query, equal)?;
                let parts = (0..alike.len()).map(|at| at..at + 1).collect();
                let of = |at: usize| of_grouping(&sites, kinds, alike[at], &query, narrowest);
                let found = parallel::map(parts, |range| range.map(of).collect::<Vec<_>>());
                holdings.extend(found.into_iter().flatten().flatten());
            }
        }
    }
    let place = |it: &Holding| {
        let of = |by| groupings.iter().position(|it| *it == by);
        (kinds.iter().position(|kind| *kind == it.sample), of(it.by))
    };
    holdings.sort_by_key(place);
    Ok(holdings)
}

/// A grouping that needs the same stacks: types are frames of their own, and not in stacks that are grouped by code.
fn stacks_of(by: GroupBy) -> GroupBy {
    match by {
        GroupBy::Site | GroupBy::Type | GroupBy::Container => by,
        _ => GroupBy::Line,
    }
}

/// The sites of the profile with the values of these kinds, each in its slot.
fn collect(
    profile: &Profile,
    kinds: &[SampleKind],
    query: &Query,
    equal: Equal,
) -> Result<Sites<TOGETHER>, AnalyzeError> {
    // Slots beyond the last kind stay empty.
    let kind = |slot: usize| kinds.get(slot).or(kinds.first()).cloned().unwrap_or(SampleKind::LiveBytes);
    let mut sites = Sites::new(std::array::from_fn(|slot| Header::new(profile, &kind(slot))));
    let part =
        |(slot, kind): (usize, &SampleKind)| Ok(Part { slot, column: kind.column(profile)?, seen_by: None });
    let parts = kinds.iter().enumerate().map(part).collect::<Result<Vec<_>, AnalyzeError>>()?;
    sites.add(profile, &parts, query, equal);
    Ok(sites)
}

fn of_grouping(
    sites: &Sites<TOGETHER>,
    kinds: &[SampleKind],
    by: GroupBy,
    query: &Query,
    narrowest: f64,
) -> Vec<Holding> {
    let mut rows = Rows::new(by);
    let branches = Branches::of(sites, &mut rows);
    let below = branches.kinds(sites);
    let holding = |(slot, sample): (usize, &SampleKind)| {
        let query = Query { sample: Some(sample.clone()), by, ..query.clone() };
        let calls = Query { limit: None, min_fraction: narrowest, ..query.clone() };
        Holding {
            sample: sample.clone(),
            by,
            top: top::of_sites(sites, slot, &query),
            tree: tree::of_branches(sites, slot, (&rows, &branches, &below), &calls),
        }
    };
    kinds.iter().enumerate().map(holding).collect()
}
