//! The call tree as numbers: which node each site ends at. Values are added up by whoever asks.

use hashbrown::HashMap;

use crate::queries::rows::{RowId, Rows};
use crate::queries::sites::Sites;

/// Name of the node that stands for all samples.
pub(crate) const ROOT: &str = "[root]";

/// No node, and no row.
const NONE: u32 = u32::MAX;

/// A node, at its position in the list of all. Files with a million stacks have tens of millions of them, so it is small.
#[derive(Debug)]
pub(crate) struct Branch {
    /// [`NONE`] for the root.
    row: u32,
    /// Position of the node above; of the root its own.
    parent: u32,
    /// Position of the child that was there first.
    first: u32,
}

/// A call tree from the root to the frames that values are put down to.
#[derive(Debug)]
pub(crate) struct Branches {
    /// The root first, each node after the one above it.
    pub all: Vec<Branch>,
    /// Of each site the node that it ends at.
    pub of_site: Vec<u32>,
}

impl Branches {
    /// The tree of all sites.
    pub fn of<const N: usize>(sites: &Sites<N>, rows: &mut Rows) -> Self {
        let mut all = vec![Branch { row: NONE, parent: 0, first: NONE }];
        let mut of_site = Vec::with_capacity(sites.all.len());
        // Most nodes have one child, which is found without looking here.
        let mut others: HashMap<(u32, u32), u32> = HashMap::new();
        let mut path = Vec::new();
        for site in &sites.all {
            rows.path(sites, site, &mut path);
            let mut at = 0;
            for &row in &path {
                let first = all[at as usize].first;
                at = if first != NONE && all[first as usize].row == row {
                    first
                } else if first == NONE {
                    let child = push(&mut all, row, at);
                    all[at as usize].first = child;
                    child
                } else {
                    *others.entry((at, row)).or_insert_with(|| push(&mut all, row, at))
                };
            }
            of_site.push(at);
        }
        Self { all, of_site }
    }

    /// The row of a node; `None` for the root.
    pub fn row(&self, at: usize) -> Option<RowId> {
        Some(self.all[at].row).filter(|it| *it != NONE).map(|it| it as RowId)
    }

    /// Position of the node above; of the root its own.
    pub fn parent(&self, at: usize) -> usize {
        self.all[at].parent as usize
    }

    /// Of each node the kinds of values, as bits, of which some row has any at it or below.
    pub fn kinds<const N: usize>(&self, sites: &Sites<N>) -> Vec<u8> {
        let mut kinds = vec![0; self.all.len()];
        for (site, &at) in sites.all.iter().zip(&self.of_site) {
            kinds[at as usize] |= site.kinds;
        }
        self.add_up(&mut kinds, |above, below| *above |= below);
        kinds
    }

    /// Adds to every node what is below it, from the leaves up.
    pub fn add_up<T>(&self, values: &mut [T], add: impl Fn(&mut T, &T)) {
        for at in (1..self.all.len()).rev() {
            let (above, from) = values.split_at_mut(at);
            add(&mut above[self.all[at].parent as usize], &from[0]);
        }
    }

    /// The nodes that are shown, with their depths: each before its children and those largest first, equal ones by name. A
    /// node is shown if it and all above it are `worth` it, and are among the `limit` largest children of theirs.
    pub fn shown<const N: usize>(
        &self,
        (sites, rows): (&Sites<N>, &Rows),
        limit: Option<usize>,
        worth: impl Fn(usize) -> bool,
        size: impl Fn(usize) -> u128,
    ) -> Vec<(usize, usize)> {
        let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
        for at in (1..self.all.len()).filter(|&at| worth(at)) {
            children.entry(self.all[at].parent as usize).or_default().push(at);
        }
        let mut shown = Vec::new();
        // The next one last.
        let mut pending = vec![(0, 0)];
        while let Some((at, depth)) = pending.pop() {
            shown.push((at, depth));
            let Some(mut below) = children.remove(&at) else { continue };
            below.sort_by(|&a, &b| {
                let name = |it: usize| self.label(it, sites, rows);
                size(b).cmp(&size(a)).then_with(|| name(a).cmp(name(b)))
            });
            below.truncate(limit.unwrap_or(usize::MAX));
            pending.extend(below.into_iter().rev().map(|child| (child, depth + 1)));
        }
        shown
    }

    /// For each node the position, in this list of shown ones, of the nearest that is at or above it.
    pub fn nearest(&self, shown: &[(usize, usize)]) -> Vec<u32> {
        let mut nearest = vec![NONE; self.all.len()];
        // There are fewer than 2^32 nodes.
        shown.iter().zip(0..).for_each(|(it, place)| nearest[it.0] = place);
        for at in 1..self.all.len() {
            if nearest[at] == NONE {
                nearest[at] = nearest[self.all[at].parent as usize];
            }
        }
        nearest
    }

    /// The name of a node, as of a row of the same grouping.
    pub fn label<'a, const N: usize>(&self, at: usize, sites: &Sites<N>, rows: &'a Rows) -> &'a str {
        self.row(at).map_or(ROOT, |row| rows.label(sites, row))
    }
}

fn push(all: &mut Vec<Branch>, row: u32, parent: u32) -> u32 {
    // A file has fewer than 2^32 frames.
    let at = all.len() as u32;
    all.push(Branch { row, parent, first: NONE });
    at
}
