//! The call tree, from the root to the code that allocates.

use std::collections::HashMap;

use highwater_profile::Profile;
use serde::Serialize;

use crate::estimate::Sum;
use crate::rows::{RowId, Rows};
use crate::sites::{Equal, Sites};
use crate::{AnalyzeError, Estimate, Frame, Header, Omitted, Query};

/// The answer of [`tree()`]. A flat list and no nested one, because stacks may be deeper than recursion can go.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Tree {
    /// What the nodes are about.
    pub header: Header,
    /// The nodes, each before its children and those in order of their values. The first is the root, which stands
    /// for all samples, is named `[root]` and has no frame.
    pub nodes: Vec<TreeNode>,
    /// What is not in `nodes`.
    pub omitted: Omitted,
}

/// One node of a call tree.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct TreeNode {
    /// Distance from the root, which has 0. The parent is the nearest node before this one with a smaller depth.
    pub depth: usize,
    /// Name of the node, as of a row of the same grouping.
    pub label: String,
    /// A frame of the node; `None` for the root and for samples without frames.
    pub frame: Option<Frame>,
    /// What is attributed to the node and everything below it.
    pub cumulative: Estimate,
    /// What is attributed to the node itself.
    pub flat: Estimate,
    /// `cumulative` as a share of the whole profile.
    pub fraction: f64,
}

/// Builds the call tree of `profile`. Its leaves are the frames that values are attributed to.
///
/// # Errors
/// [`AnalyzeError::NoSampleType`] when the profile has no values of the kind asked for.
pub fn tree(profile: &Profile, query: &Query) -> Result<Tree, AnalyzeError> {
    let sites = Sites::collect([profile], query, Equal::Apart)?;
    let [whole] = sites.wholes;
    let mut rows = Rows::new(query.by);
    let mut branches = grow(&sites, &mut rows);
    sort(&mut branches, &sites, &rows);

    let (mut nodes, mut omitted) = (Vec::new(), Vec::new());
    // Positions of branches to visit, with their depth and whether they are shown; the next one last.
    let mut pending = vec![(0, 0, true)];
    while let Some((at, depth, shown)) = pending.pop() {
        let branch = &branches[at];
        let fraction = branch.cumulative.fraction_of(whole);
        let shown = shown && (at == 0 || fraction.abs() >= query.min_fraction);
        let limit = query.limit.unwrap_or(usize::MAX);
        let children = branch.children.iter().enumerate().rev();
        pending.extend(children.map(|(place, &child)| (child, depth + 1, shown && place < limit)));
        if !shown {
            omitted.push(branch.flat);
            continue;
        }
        let frame = branch.row.and_then(|row| rows.example(row)).map(|id| sites.symbols.frame(id));
        nodes.push(TreeNode {
            depth,
            label: branch.row.map_or(ROOT, |row| rows.label(&sites, row)).to_owned(),
            frame,
            cumulative: branch.cumulative.estimate(),
            flat: branch.flat.estimate(),
            fraction,
        });
    }
    let [header] = sites.headers;
    Ok(Tree { header, nodes, omitted: Omitted::of(omitted.into_iter()) })
}

const ROOT: &str = "[root]";

/// A node while the tree grows, at its position in the list of all. The root is the first.
struct Branch {
    /// `None` for the root.
    row: Option<RowId>,
    cumulative: Sum,
    flat: Sum,
    children: Vec<usize>,
}

impl Branch {
    fn new(row: Option<RowId>) -> Self {
        Self { row, cumulative: Sum::ZERO, flat: Sum::ZERO, children: Vec::new() }
    }
}

/// Adds every site to the tree, from the root.
fn grow(sites: &Sites<1>, rows: &mut Rows) -> Vec<Branch> {
    let mut branches = vec![Branch::new(None)];
    let mut ids: HashMap<(usize, RowId), usize> = HashMap::new();
    for site in &sites.all {
        let [sum] = site.sums;
        branches[0].cumulative.add(sum);
        let mut at = 0;
        for row in rows.path(sites, site) {
            at = *ids.entry((at, row)).or_insert_with(|| {
                branches.push(Branch::new(Some(row)));
                let child = branches.len() - 1;
                branches[at].children.push(child);
                child
            });
            branches[at].cumulative.add(sum);
        }
        branches[at].flat.add(sum);
    }
    branches
}

/// Puts the children of every node in order: largest first.
fn sort(branches: &mut [Branch], sites: &Sites<1>, rows: &Rows) {
    for at in 0..branches.len() {
        let mut children = std::mem::take(&mut branches[at].children);
        children.sort_by(|&a, &b| {
            let name = |it: usize| branches[it].row.map(|row| rows.label(sites, row));
            let size = |it: usize| branches[it].cumulative.magnitude();
            size(b).cmp(&size(a)).then_with(|| name(a).cmp(&name(b)))
        });
        branches[at].children = children;
    }
}
