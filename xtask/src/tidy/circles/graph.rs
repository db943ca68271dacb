//! Circles of a graph: the largest sets in which every node leads to every other one.

use std::collections::{BTreeMap, BTreeSet};

/// Which node leads to which; a node that leads nowhere may be left out.
pub type Graph<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// The circles of `graph` with more than one node, and the nodes of each in order. (Two nodes are in one
/// circle when each is reached from the other.)
pub fn circles<'a>(graph: &Graph<'a>) -> Vec<Vec<&'a str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|&node| (node, reached_from(node, graph))).collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut circles = Vec::new();
    for (&node, from_node) in &reached {
        if seen.contains(node) {
            continue;
        }
        let leads_back = |other: &&str| reached.get(other).is_some_and(|it| it.contains(node));
        let circle: Vec<&str> = from_node.iter().copied().filter(leads_back).collect();
        if circle.len() > 1 {
            seen.extend(&circle);
            circles.push(circle);
        }
    }
    circles
}

fn reached_from<'a>(node: &'a str, graph: &Graph<'a>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        for &next in graph.get(node).into_iter().flatten() {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(arrows: &[(&'static str, &'static str)]) -> Graph<'static> {
        let mut graph = Graph::new();
        for (from, to) in arrows {
            graph.entry(*from).or_default().insert(*to);
        }
        graph
    }

    #[test]
    fn a_graph_whose_arrows_lead_down_has_no_circle() {
        assert!(circles(&graph(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])).is_empty());
        assert!(circles(&graph(&[("a", "a")])).is_empty());
    }

    #[test]
    fn each_circle_is_found_once_and_what_only_leads_to_it_is_left_out() {
        let arrows =
            [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("c", "e"), ("f", "g"), ("g", "f"), ("e", "f")];
        assert_eq!(circles(&graph(&arrows)), [vec!["a", "b", "c"], vec!["f", "g"]]);
    }

    #[test]
    fn two_circles_that_share_a_node_are_one() {
        let arrows = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")];
        assert_eq!(circles(&graph(&arrows)), [["a", "b", "c"]]);
    }
}
