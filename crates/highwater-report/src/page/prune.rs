//! Selects the largest nodes of a call tree, as many as fit on a page.

/// The selection from a list of nodes in which each node comes before its children.
pub(crate) struct Pruned {
    /// Indexes of the kept nodes, in order.
    pub kept: Vec<usize>,
    /// Number of nodes left out.
    pub left_out: usize,
}

/// Keeps at most `most` of the largest nodes, given by depth and size. A node is kept only with its parent.
pub(crate) fn prune(nodes: &[(usize, u128)], most: usize) -> Pruned {
    let mut sizes: Vec<u128> = nodes.iter().map(|it| it.1).collect();
    let least = match sizes.len().checked_sub(most.max(1)) {
        None | Some(0) => 0,
        // One more than the largest size that does not fit: all nodes of that size are left out.
        Some(from) => *sizes.select_nth_unstable(from - 1).1 + 1,
    };
    let mut kept = Vec::new();
    // Depth of the last node that was left out, while its children follow.
    let mut below: Option<usize> = None;
    for (at, &(depth, size)) in nodes.iter().enumerate() {
        if below.is_some_and(|it| depth > it) {
            continue;
        }
        below = (at > 0 && size < least).then_some(depth);
        if below.is_none() {
            kept.push(at);
        }
    }
    Pruned { left_out: nodes.len() - kept.len(), kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept_with_their_parents() {
        let nodes = [(0, 100), (1, 60), (2, 50), (2, 10), (1, 40), (2, 5)];
        assert_eq!(prune(&nodes, 9).kept, [0, 1, 2, 3, 4, 5]);
        let some = prune(&nodes, 4);
        assert_eq!((some.kept, some.left_out), (vec![0, 1, 2, 4], 2));
        assert_eq!(prune(&nodes, 1).kept, [0]);
        assert_eq!(prune(&nodes, 0).kept, [0]);
        assert!(prune(&[], 4).kept.is_empty());
    }

    #[test]
    fn a_large_child_of_an_omitted_node_is_omitted() {
        // With signed values, a child can be larger than its parent.
        let nodes = [(0, 100), (1, 1), (2, 90), (1, 80)];
        assert_eq!(prune(&nodes, 3).kept, [0, 3]);
    }

    #[test]
    fn equal_nodes_do_not_exceed_the_limit() {
        let nodes: Vec<(usize, u128)> = std::iter::once((0, 9)).chain((0..50).map(|_| (1, 3))).collect();
        assert!(prune(&nodes, 10).kept.len() <= 10);
    }
}
