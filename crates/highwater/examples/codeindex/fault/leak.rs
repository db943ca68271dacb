//! The leak: a cache from which nothing is ever removed.
//!
//! The kind of incident: a map remembers something for everything that was ever seen, its entries are hardly ever
//! asked for again, and no code path removes them (as in the syscall monitor of github.com/exein-io/pulsar,
//! issue 9). Nothing is lost in the sense of a leak checker, since every block can still be reached; only growth
//! shows it.

use std::collections::HashMap;

/// Rendered pages by query and number of the request: a key that never comes twice, so that it never hits.
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
