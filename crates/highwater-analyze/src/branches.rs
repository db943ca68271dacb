//! The call tree as numbers: which node each site ends at. Values are added up by whoever asks.

use std::collections::HashMap;

use crate::rows::{RowId, Rows};
use crate::sites::Sites;

/// Name of the node that stands for all samples.
pub(crate) const ROOT: &str = "[root]";

/// A node, at its position in the list of all.
#[derive(Debug)]
pub(crate) struct Branch {
    /// `None` for the root.
    pub row: Option<RowId>,
    /// Position of the node above; of the root its own.
    pub parent: usize,
    pub children: Vec<usize>,
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
    /// The tree of all sites, children in order of appearance.
    pub fn of<const N: usize>(sites: &Sites<N>, rows: &mut Rows) -> Self {
        let mut all = vec![Branch { row: None, parent: 0, children: Vec::new() }];
        let mut of_site = Vec::with_capacity(sites.all.len());
        let mut ids: HashMap<(usize, RowId), usize> = HashMap::new();
        for site in &sites.all {
            let mut at = 0;
            for row in rows.path(sites, site) {
                at = *ids.entry((at, row)).or_insert_with(|| {
                    all.push(Branch { row: Some(row), parent: at, children: Vec::new() });
                    let child = all.len() - 1;
                    all[at].children.push(child);
                    child
                });
            }
            // A file has fewer than 2^32 frames.
            of_site.push(at as u32);
        }
        Self { all, of_site }
    }

    /// Adds to every node what is below it, from the leaves up.
    pub fn add_up<T>(&self, values: &mut [T], add: impl Fn(&mut T, &T)) {
        for at in (1..self.all.len()).rev() {
            let (above, from) = values.split_at_mut(at);
            add(&mut above[self.all[at].parent], &from[0]);
        }
    }

    /// Puts the children of every node in order: largest first, equal ones by name.
    pub fn sort<const N: usize>(&mut self, sites: &Sites<N>, rows: &Rows, size: impl Fn(usize) -> u128) {
        let names: Vec<Option<RowId>> = self.all.iter().map(|it| it.row).collect();
        for branch in &mut self.all {
            branch.children.sort_by(|&a, &b| {
                let name = |it: usize| names[it].map(|row| rows.label(sites, row));
                size(b).cmp(&size(a)).then_with(|| name(a).cmp(&name(b)))
            });
        }
    }

    /// Visits every node, each before its children and those in their order: its position, its depth, and whether it and all
    /// above it are shown, of which `limit` children of a node may be.
    pub fn visit(
        &self,
        limit: Option<usize>,
        is_shown: impl Fn(usize) -> bool,
        mut visit: impl FnMut(usize, usize, bool),
    ) {
        let limit = limit.unwrap_or(usize::MAX);
        // The next one last.
        let mut pending = vec![(0, 0, true)];
        while let Some((at, depth, shown)) = pending.pop() {
            let shown = shown && (at == 0 || is_shown(at));
            let children = self.all[at].children.iter().enumerate().rev();
            pending.extend(children.map(|(place, &child)| (child, depth + 1, shown && place < limit)));
            visit(at, depth, shown);
        }
    }

    /// The name of a node, as of a row of the same grouping.
    pub fn label<'a, const N: usize>(&self, at: usize, sites: &Sites<N>, rows: &'a Rows) -> &'a str {
        self.all[at].row.map_or(ROOT, |row| rows.label(sites, row))
    }
}
