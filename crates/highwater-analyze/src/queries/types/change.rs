//! How much more or less of each type there is in one of two profiles.

use std::collections::HashMap;

use highwater_profile::Profile;
use serde::Serialize;

use super::parts::{self, Parts, Split, TypePart};
use crate::error::AnalyzeError;
use crate::group::GroupBy;
use crate::queries::diff::compared::Compared;
use crate::queries::diff::options::DiffOptions;
use crate::queries::diff::{self, Diff};
use crate::queries::rows::Rows;
use crate::query::Query;
use crate::sample_kind::SampleKind;
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::Sum;

/// The answer of [`types_diff()`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct TypesDiff {
    /// The comparison, whose rows are types.
    #[serde(flatten)]
    pub diff: Diff,
    /// One for each row of `diff`, in the same order.
    pub types: Vec<TypeChange>,
}

/// What belongs to the change of one type.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct TypeChange {
    /// The change of the number of blocks; `None` where a file does not count them.
    pub blocks: Option<Estimate>,
    /// The collections and pointers whose blocks changed most, at most three.
    pub containers: Vec<TypePart>,
    /// The lines whose blocks changed most, at most three.
    pub lines: Vec<TypePart>,
    /// Number of lines whose blocks changed.
    pub line_count: usize,
}

/// Compares the types of two profiles. Whatever grouping the query has, a row is a type; the evidence is that of
/// [`diff()`](crate::diff()).
///
/// # Errors
/// As [`diff()`](crate::diff()).
pub fn types_diff(
    base: &Profile,
    new: &Profile,
    query: &Query,
    options: &DiffOptions,
) -> Result<TypesDiff, AnalyzeError> {
    let query = Query { by: GroupBy::Type, ..query.clone() };
    let compared = Compared::of([base, new], &query, options)?;
    let blocks = blocks_of([base, new], &query, options);
    let sites = &compared.pair.sites;
    let (mut types, mut lines) = (Rows::new(GroupBy::Type), Rows::new(GroupBy::Line));
    let mut changes: Vec<(Sum, Parts)> = Vec::new();
    for site in &sites.all {
        let of = Split::of(sites, site);
        let row = types.of(sites, of.type_or_why);
        changes.resize_with(types.len().max(changes.len()), || (Sum::ZERO, Parts::default()));
        let change = compared.pair.change(site);
        changes[row].0.add(change);
        changes[row].1.add(sites, &of, [&mut types, &mut lines], change);
    }
    changes.resize_with(types.len(), || (Sum::ZERO, Parts::default()));
    let row_of: HashMap<String, usize> =
        (0..changes.len()).map(|row| (types.label(sites, row).to_owned(), row)).collect();
    let ranked = diff::ranked(&compared, &query);
    let details = ranked.shown.iter().map(|row| {
        let label = compared.key(row).label;
        let blocks = blocks.as_ref().map(|all| all.get(&label).copied().unwrap_or(Estimate::exact(0)));
        let Some((sum, parts)) = row_of.get(&label).map(|row| &changes[*row]) else {
            return TypeChange { blocks, ..TypeChange::default() };
        };
        TypeChange {
            blocks,
            containers: parts::largest(&parts.containers, &types, sites, sum.magnitude()),
            lines: parts::largest(&parts.lines, &lines, sites, sum.magnitude()),
            line_count: parts.lines.values().filter(|sum| !sum.is_zero()).count(),
        }
    });
    let types = details.collect();
    let ranked = ranked.into_answer(&compared, options);
    Ok(TypesDiff { diff: ranked, types })
}

/// The change of the number of blocks of each type, where both profiles count them.
fn blocks_of(
    [base, new]: [&Profile; 2],
    query: &Query,
    options: &DiffOptions,
) -> Option<HashMap<String, Estimate>> {
    let kind = query.sample.clone().unwrap_or_else(|| SampleKind::default_for(new));
    let query = Query { sample: Some(kind.of_blocks()?), ..query.clone() };
    let compared = Compared::of([base, new], &query, options).ok()?;
    let change = |row: &_| (compared.key(row).label, row.change.estimate());
    Some(compared.tallies.iter().map(change).collect())
}
