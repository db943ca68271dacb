//! A graph of 40,000 nodes with names: its components, and shortest paths from 20 of them.

use petgraph::algo::{dijkstra, tarjan_scc};
use petgraph::graphmap::DiGraphMap;
use petgraph::graph::DiGraph;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

fn main() {
    let _profiler = highwater::Profiler::new(std::env::args().nth(1).expect("where the profile goes"));
    let mut graph: DiGraph<String, u32> = DiGraph::new();
    let nodes: Vec<_> = (0..40_000_usize).map(|number| graph.add_node(format!("word-{number}"))).collect();
    let mut map: DiGraphMap<usize, u32> = DiGraphMap::new();
    for number in 0..40_000_usize {
        for step in [1, 17, 1_009] {
            let other = (number * 31 + step) % 40_000;
            graph.add_edge(nodes[number], nodes[other], step as u32);
            map.add_edge(number % 9_000, other % 9_000, step as u32);
        }
    }
    let reached: usize = (0..20).map(|at| dijkstra(&graph, nodes[at * 1_999], None, |edge| *edge.weight()).len()).sum();
    println!("{} {reached} {}", tarjan_scc(&graph).len(), tarjan_scc(&map).len());
}
