//! Stacks that share their outer frames, like the paths in a call tree.

use super::random::Random;

/// Maximum stacks to keep for branching off.
const KEPT: usize = 100_000;

/// A sequence of stacks. Each branches off from an earlier one or repeats one.
pub struct Stacks {
    locations: u64,
    /// Ids that are not used yet, so that every location occurs in a stack.
    fresh: u64,
    /// Root first.
    kept: Vec<Vec<u64>>,
}

impl Stacks {
    /// Stacks of locations with the ids from 1 to `locations`.
    pub fn new(locations: u64) -> Self {
        Self { locations, fresh: 1, kept: vec![vec![1, 2, 3]] }
    }

    /// The next stack, leaf first.
    pub fn next(&mut self, random: &mut Random, stack: &mut Vec<u64>) {
        let at = random.below(self.kept.len() as u64) as usize;
        stack.clear();
        stack.extend_from_slice(&self.kept[at]);
        // Two of three rows have a stack of their own; the others only differ in their labels.
        if random.below(3) != 0 {
            let shared = stack.len() - random.skewed(stack.len() as u64) as usize;
            stack.truncate(shared);
            for _ in 0..1 + random.skewed(16) {
                stack.push(self.location(random));
            }
            if self.kept.len() < KEPT {
                self.kept.push(stack.clone());
            } else {
                self.kept[at].clone_from(stack);
            }
        }
        stack.reverse();
    }

    fn location(&mut self, random: &mut Random) -> u64 {
        if self.fresh < self.locations && random.below(3) == 0 {
            self.fresh += 1;
            return self.fresh;
        }
        1 + random.skewed(self.locations)
    }
}
