//! The parts of a type: the collections that keep its blocks, and the lines that make them.

use std::cmp::Reverse;

use hashbrown::HashMap;
use serde::Serialize;

use crate::frames::symbols::SymbolId;
use crate::group::RowKey;
use crate::queries::rows::{RowId, Rows};
use crate::queries::sites::{Site, Sites};
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::Sum;

/// Collections and lines that are named for each type.
const NAMED: usize = 3;

/// A part of the blocks of one type.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct TypePart {
    /// The collection, or the line.
    pub key: RowKey,
    /// Bytes of the part.
    pub bytes: Estimate,
    /// `bytes` as a share of the type's.
    pub fraction: f64,
}

/// What the stack of a site says, in a query by type.
#[derive(Clone, Copy)]
pub(crate) struct Split {
    pub type_or_why: Option<SymbolId>,
    container: Option<SymbolId>,
    line: Option<SymbolId>,
}

impl Split {
    pub fn of<const N: usize>(sites: &Sites<N>, site: &Site<N>) -> Self {
        let mut stack = sites.cause_and_callers(site).iter().copied();
        let type_or_why = stack.next();
        let next = stack.next();
        let is_type = |id: &SymbolId| sites.symbols.get(*id).is_type.is_some();
        let container = next.filter(is_type);
        Self { type_or_why, container, line: if container.is_some() { stack.next() } else { next } }
    }
}

/// The parts of a type while they are added up.
#[derive(Default)]
pub(crate) struct Parts {
    pub containers: HashMap<RowId, Sum>,
    pub lines: HashMap<RowId, Sum>,
}

impl Parts {
    /// Adds a site, whose collection is one of the rows of the first kind, and whose line one of the second.
    pub fn add<const N: usize>(
        &mut self,
        sites: &Sites<N>,
        site: &Split,
        [types, lines]: [&mut Rows; 2],
        sum: Sum,
    ) {
        if let Some(container) = site.container {
            self.containers.entry(types.of(sites, Some(container))).or_insert(Sum::ZERO).add(sum);
        }
        self.lines.entry(lines.of(sites, site.line)).or_insert(Sum::ZERO).add(sum);
    }
}

/// The largest parts, as shares of `whole`.
pub(crate) fn largest<const N: usize>(
    parts: &HashMap<RowId, Sum>,
    names: &Rows,
    sites: &Sites<N>,
    whole: u128,
) -> Vec<TypePart> {
    let mut parts: Vec<(RowId, Sum)> = parts.iter().map(|(row, sum)| (*row, *sum)).collect();
    parts.retain(|(_, sum)| !sum.is_zero());
    parts.sort_by_key(|(row, sum)| (Reverse(sum.magnitude()), *row));
    parts.truncate(NAMED);
    let part = |&(row, sum): &(RowId, Sum)| TypePart {
        key: names.key(sites, row).clone(),
        bytes: sum.estimate(),
        fraction: sum.fraction_of(whole),
    };
    parts.iter().map(part).collect()
}
