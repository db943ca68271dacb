//! The difference of two snapshots of a process: cumulative values are subtracted, all others are kept.

use std::collections::HashMap;

use highwater_recorder::{SiteTotals, Values, own_memory};

use super::Content;
use crate::signed::signed;
use crate::snapshot::Snapshot;

impl Snapshot {
    /// The part of this snapshot that is not in `base`, an earlier snapshot of the same process: blocks
    /// allocated, freed and reallocated since then. Live values and values at the peak stay as they are now,
    /// since their difference would be negative where something was freed.
    #[must_use]
    pub fn since(&self, base: &Self) -> Self {
        Self { content: own_memory(|| self.content.since(&base.content)) }
    }
}

impl Content {
    fn since(&self, base: &Self) -> Self {
        let mut before: HashMap<Key, Cumulative> = HashMap::new();
        for site in &base.sites {
            before.entry(Key::new(site)).or_default().add(site);
        }
        let mut sites = self.sites.clone();
        // Blocks born since the base belong to no row of the base. So older rows are reduced first.
        let base_epoch = base.meta.epoch.unwrap_or(0);
        let is_new = |site: &SiteTotals| site.first_snapshot.is_some_and(|first| signed(first) > base_epoch);
        for turn_of_new in [false, true] {
            for site in sites.iter_mut().filter(|site| is_new(site) == turn_of_new) {
                if let Some(before) = before.get_mut(&Key::new(site)) {
                    before.take_from(site);
                }
            }
        }
        sites.retain(|site| !is_empty(site));
        let added = |now: Option<i64>, before: Option<i64>| Some(now?.saturating_sub(before?));
        let mut meta = self.meta;
        meta.alloc_blocks = added(meta.alloc_blocks, base.meta.alloc_blocks);
        meta.alloc_bytes = added(meta.alloc_bytes, base.meta.alloc_bytes);
        meta.freed_blocks = added(meta.freed_blocks, base.meta.freed_blocks);
        meta.freed_bytes = added(meta.freed_bytes, base.meta.freed_bytes);
        meta.samples = Some(signed(sites.iter().map(|site| site.samples).sum()));
        Self {
            sites,
            modules: self.modules.clone(),
            interval_bytes: self.interval_bytes,
            time_ns: self.time_ns,
            duration_ns: self.time_ns.saturating_sub(base.time_ns),
            meta,
            who: self.who.clone(),
            residency: self.residency.clone(),
        }
    }
}

/// Identifies the site of a row across two snapshots.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    stack: &'static [usize],
    thread: &'static [u8],
    scope: &'static str,
    interval_bytes: u64,
    /// In exact mode the size is a mean, which changes, so it is not part of the key.
    block_bytes: Option<u64>,
    lived_ns: Option<u64>,
}

impl Key {
    fn new(site: &SiteTotals) -> Self {
        Self {
            stack: site.stack,
            thread: site.thread,
            scope: site.scope,
            interval_bytes: site.interval_bytes,
            block_bytes: (site.interval_bytes != 1).then_some(site.block_bytes),
            lived_ns: site.lived_ns,
        }
    }
}

/// The cumulative values of a site in the base. Their distribution over the site's rows changes between
/// snapshots, so they are subtracted from one row after the other until nothing is left.
#[derive(Default)]
struct Cumulative {
    samples: u64,
    doublings: u64,
    values: [Values; 4],
}

impl Cumulative {
    fn add(&mut self, site: &SiteTotals) {
        self.samples += site.samples;
        self.doublings += site.doublings;
        for (sum, value) in
            self.values.iter_mut().zip([site.allocated, site.temporary, site.grown, site.ended])
        {
            sum.blocks += value.blocks;
            sum.bytes += value.bytes;
        }
    }

    fn take_from(&mut self, site: &mut SiteTotals) {
        take(&mut self.samples, &mut site.samples);
        take(&mut self.doublings, &mut site.doublings);
        let values = [&mut site.allocated, &mut site.temporary, &mut site.grown, &mut site.ended];
        for (before, value) in self.values.iter_mut().zip(values) {
            take(&mut before.blocks, &mut value.blocks);
            take(&mut before.bytes, &mut value.bytes);
        }
    }
}

/// Subtracts as much of `before` from `value` as possible.
fn take(before: &mut u64, value: &mut u64) {
    let part = (*before).min(*value);
    *before -= part;
    *value -= part;
}

fn is_empty(site: &SiteTotals) -> bool {
    let SiteTotals { allocated, live, at_peak, temporary, grown, ended, doublings, .. } = site;
    let values = [allocated, live, at_peak, temporary, grown, ended];
    *doublings == 0 && values.iter().all(|value| value.blocks == 0 && value.bytes == 0)
}

#[cfg(test)]
mod tests {
    use highwater_profile::Meta;

    use super::*;

    const fn values(blocks: u64) -> Values {
        Values { blocks, bytes: blocks * 10 }
    }

    fn row(first_snapshot: Option<u64>, allocated: u64, live: u64) -> SiteTotals {
        SiteTotals {
            stack: &[1, 2],
            whole_stack: &[1, 2],
            modules: None,
            thread: b"main",
            scope: "",
            interval_bytes: 4096,
            block_bytes: 10,
            first_snapshot,
            lived_ns: None,
            cohort: 0,
            samples: allocated,
            allocated: values(allocated),
            live: values(live),
            at_peak: values(0),
            temporary: values(0),
            grown: values(0),
            doublings: 0,
            ended: values(0),
            variance: 0,
        }
    }

    fn snapshot(epoch: i64, alloc_bytes: i64, sites: Vec<SiteTotals>) -> Content {
        let meta = Meta { epoch: Some(epoch), alloc_bytes: Some(alloc_bytes), ..Meta::default() };
        Content { sites, meta, time_ns: epoch * 1_000, ..Content::default() }
    }

    #[test]
    fn cumulative_values_are_subtracted_and_live_ones_kept() {
        let base = snapshot(1, 100, vec![row(Some(1), 10, 6)]);
        let new = snapshot(2, 150, vec![row(None, 4, 0), row(Some(1), 6, 4), row(Some(2), 5, 5)]);
        let delta = new.since(&base);
        let shown: Vec<_> =
            delta.sites.iter().map(|it| (it.first_snapshot, it.allocated.blocks, it.live.blocks)).collect();
        assert_eq!(shown, [(Some(1), 0, 4), (Some(2), 5, 5)]);
        assert_eq!(delta.meta.alloc_bytes, Some(50));
        assert_eq!(delta.meta.samples, Some(5));
        assert_eq!(delta.duration_ns, 1_000);
    }

    #[test]
    fn a_site_that_is_not_in_the_base_is_unchanged() {
        let base = snapshot(1, 0, vec![SiteTotals { thread: b"other", ..row(None, 3, 0) }]);
        let new = snapshot(2, 0, vec![row(None, 3, 0)]);
        assert_eq!(new.since(&base).sites[0].allocated, values(3));
    }

    #[test]
    fn in_exact_mode_the_mean_size_may_change() {
        let exact =
            |block_bytes, allocated| SiteTotals { interval_bytes: 1, block_bytes, ..row(None, allocated, 0) };
        let delta = snapshot(2, 0, vec![exact(20, 3)]).since(&snapshot(1, 0, vec![exact(10, 2)]));
        assert_eq!(delta.sites[0].allocated, values(1));
    }
}
