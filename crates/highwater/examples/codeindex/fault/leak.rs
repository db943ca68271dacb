//! The leak: a cache from which nothing is ever removed.
//!
//! The kind of incident: a map keeps an entry for every key it has ever seen, its entries are rarely used
//! again, and no code path removes them.
//! (The model is the syscall monitor of github.com/exein-io/pulsar, issue 9.) A leak checker finds nothing,
//! since every block is still reachable; only growth shows the leak.

use std::collections::HashMap;

/// Rendered pages by query and request number. The number makes every key unique, so the cache never hits.
#[derive(Default)]
pub struct ResultCache {
    pages: HashMap<(String, usize), String>,
}

impl ResultCache {
    /// Keeps a page.
    #[inline(never)]
    pub fn remember(&mut self, query: &str, number: usize, page: &str) {
        self.pages.insert((query.to_owned(), number), page.to_owned()); // the leak
    }
}
