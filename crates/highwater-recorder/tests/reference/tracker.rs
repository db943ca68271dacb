//! The obviously correct tracker: plain maps, behind a mutex wherever they are shared.

use std::collections::BTreeMap;

use highwater_recorder::{Counts, Values};

use super::sites::{Rows, SITES};

/// What is known of one block.
struct Known {
    site: usize,
    size: usize,
}

/// Everything that should be true now.
pub struct Tracker {
    live: BTreeMap<usize, Known>,
    /// Blocks and bytes, by site.
    pub rows: [Rows; SITES],
    pub counts: Counts,
}

impl Tracker {
    /// A tracker that goes on from what the recorder says: one that failed before has no say in what follows.
    pub fn new(rows: [Rows; SITES], counts: Counts) -> Self {
        Self { live: BTreeMap::new(), rows, counts }
    }

    pub fn allocated(&mut self, block: *mut u8, site: usize, size: usize) {
        let start = block.addr();
        let below = self.live.range(..start + size).next_back();
        assert!(below.is_none_or(|(at, known)| at + known.size <= start), "two live blocks overlap");
        self.live.insert(start, Known { site, size });
        let row = &mut self.rows[site];
        add(&mut row.allocated, size);
        add(&mut row.live, size);
        self.counts.alloc_blocks += 1;
        self.counts.alloc_bytes += size as u64;
        // The first moment with most bytes is the peak.
        if self.counts.live_bytes() > self.counts.peak_bytes {
            self.counts.peak_bytes = self.counts.live_bytes();
            self.rows.iter_mut().for_each(|row| row.at_peak = row.live);
        }
    }

    pub fn freed(&mut self, block: *mut u8) {
        let known = self.live.remove(&block.addr()).expect("a block that is freed is live");
        let live = &mut self.rows[known.site].live;
        live.blocks -= 1;
        live.bytes -= known.size as u64;
        self.counts.freed_blocks += 1;
        self.counts.freed_bytes += known.size as u64;
    }
}

fn add(values: &mut Values, size: usize) {
    values.blocks += 1;
    values.bytes += size as u64;
}
