//! The types that hold most, each with the collections that keep its blocks and the lines that make them.

pub(crate) mod change;
pub(crate) mod layout;
pub(crate) mod parts;
pub(crate) mod shape;

use std::cmp::Reverse;

use hashbrown::HashMap;
use highwater_profile::Profile;
use serde::Serialize;

use crate::error::AnalyzeError;
use crate::group::{GroupBy, RowKey};
use crate::queries::header::{Header, Omitted};
use crate::queries::rows::{RowId, Rows};
use crate::queries::sites::{Equal, Part, Sites};
use crate::queries::types::parts::{Parts, Split, TypePart};
use crate::query::Query;
use crate::sample_kind::SampleKind;
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::Sum;

/// The answer of [`types()`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Types {
    /// What the rows are about.
    pub header: Header,
    /// Most bytes first.
    pub rows: Vec<TypeRow>,
    /// What is not in `rows`.
    pub omitted: Omitted,
}

/// The blocks of one type.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct TypeRow {
    /// The type, or why there is none.
    pub key: RowKey,
    /// Bytes of its blocks.
    pub bytes: Estimate,
    /// `bytes` as a share of the whole profile.
    pub fraction: f64,
    /// Number of its blocks; `None` where the file does not count them.
    pub blocks: Option<Estimate>,
    /// Mean size of a block in bytes.
    pub mean_block_bytes: Option<f64>,
    /// The collections and pointers that keep most of the bytes, at most three.
    pub containers: Vec<TypePart>,
    /// The lines that make most of the bytes, at most three.
    pub lines: Vec<TypePart>,
    /// Number of lines that make blocks of the type.
    pub line_count: usize,
}

/// A type while its blocks are added up.
struct Tally {
    bytes: Sum,
    blocks: Sum,
    parts: Parts,
}

impl Tally {
    fn new() -> Self {
        Self { bytes: Sum::ZERO, blocks: Sum::ZERO, parts: Parts::default() }
    }
}

/// The types that hold most of `profile`. Whatever grouping the query has, a row is a type.
///
/// # Errors
/// [`AnalyzeError::NoSampleType`] when the profile has no values of the kind asked for.
pub fn types(profile: &Profile, query: &Query) -> Result<Types, AnalyzeError> {
    let query = Query { by: GroupBy::Type, ..query.clone() };
    let kind = query.sample.clone().unwrap_or_else(|| SampleKind::default_for(profile));
    let blocks_kind = kind.of_blocks();
    let mut parts = vec![Part { slot: 0, column: kind.column(profile)?, seen_by: None }];
    let counted = blocks_kind.as_ref().and_then(|kind| kind.column(profile).ok());
    parts.extend(counted.map(|column| Part { slot: 1, column, seen_by: None }));
    let headers = [Header::new(profile, &kind), Header::new(profile, blocks_kind.as_ref().unwrap_or(&kind))];
    let mut sites: Sites<2> = Sites::new(headers);
    sites.add(profile, &parts, &query, Equal::Apart);

    let (mut types, mut lines) = (Rows::new(GroupBy::Type), Rows::new(GroupBy::Line));
    let mut tallies: Vec<Tally> = Vec::new();
    for site in &sites.all {
        let of = Split::of(&sites, site);
        let row = types.of(&sites, of.type_or_why);
        tallies.resize_with(types.len().max(tallies.len()), Tally::new);
        let tally = &mut tallies[row];
        tally.bytes.add(site.sums[0]);
        tally.blocks.add(site.sums[1]);
        tally.parts.add(&sites, &of, [&mut types, &mut lines], site.sums[0]);
    }

    let whole = sites.wholes[0];
    let held = tallies.iter().enumerate().filter(|(_, tally)| !tally.bytes.is_zero());
    let (mut rows, mut left_out): (Vec<_>, Vec<_>) =
        held.partition(|(_, tally)| tally.bytes.fraction_of(whole).abs() >= query.min_fraction);
    rows.sort_by_key(|(row, tally)| (Reverse(tally.bytes.magnitude()), *row));
    left_out.extend(rows.drain(query.limit.unwrap_or(usize::MAX).min(rows.len())..));
    let row = |(row, tally): &(RowId, &Tally)| {
        let parts_of = |parts: &HashMap<RowId, Sum>, names: &Rows| {
            parts::largest(parts, names, &sites, tally.bytes.magnitude())
        };
        let blocks = counted.map(|_| tally.blocks.estimate());
        let mean = blocks.filter(|blocks| blocks.value > 0);
        TypeRow {
            key: types.key(&sites, *row).clone(),
            bytes: tally.bytes.estimate(),
            fraction: tally.bytes.fraction_of(whole),
            blocks,
            mean_block_bytes: mean.map(|blocks| tally.bytes.value() as f64 / blocks.value as f64),
            containers: parts_of(&tally.parts.containers, &types),
            lines: parts_of(&tally.parts.lines, &lines),
            line_count: tally.parts.lines.len(),
        }
    };
    Ok(Types {
        rows: rows.iter().map(row).collect(),
        omitted: Omitted::of(left_out.iter().map(|(_, tally)| tally.bytes)),
        header: sites.headers[0].clone(),
    })
}
