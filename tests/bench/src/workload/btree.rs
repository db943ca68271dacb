//! An ordered map with strings in it that keeps its size while its content changes.

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::random::Random;
use crate::totals::Totals;
use crate::work::Workload;

const ENTRIES: u64 = 100_000;

/// One operation puts an entry in and takes another one out.
pub struct BTree {
    map: BTreeMap<u64, String>,
    random: Random,
}

impl BTree {
    /// A map with its entries in it.
    pub fn new() -> Self {
        let mut tree = Self { map: BTreeMap::new(), random: Random::new(13) };
        for _ in 0..ENTRIES {
            tree.insert();
        }
        tree
    }

    fn insert(&mut self) {
        let key = self.random.next();
        self.map.insert(key, format!("value of {key}"));
    }
}

impl Workload for BTree {
    fn run(&mut self, operations: u64) -> Result<(), Failure> {
        for _ in 0..operations {
            self.insert();
            let from = self.random.next();
            let next = self.map.range(from..).next().or_else(|| self.map.iter().next());
            if let Some(key) = next.map(|(&key, _)| key) {
                self.map.remove(&key);
            }
        }
        Ok(())
    }

    fn own(&self) -> Option<Totals> {
        None
    }
}
