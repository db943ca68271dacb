//! Stacks as a tree, for formats in which a stack is another one and a frame more.

use std::collections::HashMap;

/// Nodes. Each node is a stack: the frames on the way to it. A frame is whatever number its user has for it.
#[derive(Default)]
pub(super) struct StackTree {
    nodes: Vec<Node>,
    children: HashMap<(Option<u32>, u32), u32>,
}

struct Node {
    frame: u32,
    parent: Option<u32>,
    depth: u32,
}

impl StackTree {
    /// The stack `parent` with one frame more, which is the innermost. Equal stacks are one node.
    pub fn child(&mut self, parent: Option<u32>, frame: u32) -> u32 {
        *self.children.entry((parent, frame)).or_insert_with(|| {
            let depth = parent.map_or(0, |it| self.nodes[it as usize].depth).saturating_add(1);
            self.nodes.push(Node { frame, parent, depth });
            u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 stacks in a file")
        })
    }

    /// Number of frames of a stack.
    pub fn depth(&self, node: u32) -> usize {
        self.nodes[node as usize].depth as usize
    }

    /// The stack without its innermost frame.
    pub fn parent(&self, node: u32) -> Option<u32> {
        self.nodes[node as usize].parent
    }

    /// The innermost frame of a stack.
    pub fn frame(&self, node: u32) -> u32 {
        self.nodes[node as usize].frame
    }

    /// The frames of a stack, the innermost first.
    pub fn path(&self, node: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(node), |it| self.parent(*it)).map(|it| self.frame(it))
    }

    /// Number of stacks.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Memory that the tree takes, in bytes.
    pub fn heap_bytes(&self) -> u64 {
        let bytes = self.nodes.capacity() * size_of::<Node>()
            + self.children.capacity() * size_of::<((Option<u32>, u32), u32)>();
        bytes as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_stacks_are_one_node() {
        let mut tree = StackTree::default();
        let main = tree.child(None, 7);
        let leaf = tree.child(Some(main), 8);
        assert_eq!(tree.child(Some(main), 8), leaf);
        assert_ne!(tree.child(None, 8), leaf);
        assert_eq!(tree.path(leaf).collect::<Vec<_>>(), [8, 7]);
        assert_eq!((tree.depth(leaf), tree.len(), tree.parent(main)), (2, 3, None));
    }
}
