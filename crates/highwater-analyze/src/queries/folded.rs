//! Stacks as lists of names with one value each: what flame graphs are drawn from.

use std::collections::HashMap;

use highwater_profile::Profile;
use serde::Serialize;

use crate::error::AnalyzeError;
use crate::queries::branches::Branches;
use crate::queries::diff::options::DiffOptions;
use crate::queries::diff::pair::Pair;
use crate::queries::rows::Rows;
use crate::queries::sites::{Equal, Sites};
use crate::query::Query;
use crate::statistics::sum::Sum;

/// A stack and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct FoldedStack {
    /// Names of the frames, root first, as of rows of the same grouping. They may hold any character.
    pub frames: Vec<String>,
    /// Value in the unit of the sample kind; never 0.
    pub value: i64,
}

/// A stack and its values in two profiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct FoldedDiff {
    /// Names of the frames, root first, as of rows of the same grouping. They may hold any character.
    pub frames: Vec<String>,
    /// Value in the base.
    pub base: i64,
    /// Value in the new profile. Never 0 when `base` is.
    pub new: i64,
}

/// Folds the stacks of `profile`, equal ones into one, ordered by their frames. A stack ends with the frame that its
/// value is attributed to. `limit` and `min_fraction` do not apply.
///
/// # Errors
/// [`AnalyzeError::NoSampleType`] when the profile has no values of the kind asked for.
pub fn folded(profile: &Profile, query: &Query) -> Result<Vec<FoldedStack>, AnalyzeError> {
    let merged = merge(&Sites::collect([profile], query, Equal::Apart)?, query);
    Ok(merged.into_iter().map(|(frames, [sum])| FoldedStack { frames, value: sum.value() }).collect())
}

/// Folds the stacks of two profiles together, as [`folded()`].
///
/// # Errors
/// As [`diff`](crate::diff()).
pub fn folded_diff(
    base: &Profile,
    new: &Profile,
    query: &Query,
    options: &DiffOptions,
) -> Result<Vec<FoldedDiff>, AnalyzeError> {
    let merged = merge(&Pair::collect([base, new], query, options)?.sites, query);
    let fold =
        |(frames, [base, new]): (_, [Sum; 2])| FoldedDiff { frames, base: base.value(), new: new.value() };
    Ok(merged.into_iter().map(fold).collect())
}

/// The stacks as names, equal ones merged, without those that come to nothing.
fn merge<const N: usize>(sites: &Sites<N>, query: &Query) -> Vec<(Vec<String>, [Sum; N])> {
    let mut rows = Rows::new(query.by);
    let branches = Branches::of(sites, &mut rows);
    let mut merged: HashMap<u32, [Sum; N]> = HashMap::new();
    for (site, &at) in sites.all.iter().zip(&branches.of_site) {
        let sums = merged.entry(at).or_insert([Sum::ZERO; N]);
        sums.iter_mut().zip(site.sums).for_each(|(total, sum)| total.add(sum));
    }
    let name = |end: u32| {
        let mut names = Vec::new();
        let mut at = end as usize;
        while at > 0 {
            names.push(branches.label(at, sites, &rows).to_owned());
            at = branches.parent(at);
        }
        names.reverse();
        names
    };
    let mut named: Vec<(Vec<String>, [Sum; N])> =
        merged.into_iter().map(|(end, sums)| (name(end), sums)).collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));
    // Rows may differ in what their names do not say.
    named.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1.iter_mut().zip(next.1).for_each(|(total, sum)| total.add(sum));
        }
        same
    });
    named.retain(|(_, sums)| sums.iter().any(|sum| !sum.is_zero()));
    named
}
