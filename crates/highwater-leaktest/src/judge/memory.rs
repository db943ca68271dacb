//! The verdict on a ledger: what is above its limits, of the blocks that are the test's.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use highwater_ledger::{Ledger, SiteTotals, Stack, pause};

use super::noise::{is_noise, outside_of_the_allocator};
use crate::evidence::path;
use crate::evidence::symbols;
use crate::evidence::types;
use crate::finding::{Excess, ExcessSite, Frame, Limit};
use crate::limits::Limits;
use crate::pauses::Pauses;
use crate::program;
use crate::settings::pattern;
use crate::settings::settings;

/// Compares what the test called `test` did with its limits. Blocks of calls that match `allowed`, or a rule,
/// may stay; the others are waited for, since threads may be about to free them.
pub(crate) fn judge(
    test: &str,
    ledger: &Ledger,
    limits: Limits,
    allowed: &[impl AsRef<str>],
    grace: Duration,
) -> Vec<Excess> {
    let _paused = pause();
    let mut blocks =
        TestBlocks { test, ledger, sites: BTreeMap::new(), allowed: Vec::new(), excused: BTreeMap::new() };
    blocks.allowed.extend(allowed.iter().map(AsRef::as_ref));
    let totals = ledger.totals();
    let counted = [
        (Limit::Blocks, limits.max_blocks, totals.alloc_blocks),
        (Limit::Bytes, limits.max_bytes, totals.alloc_bytes),
        (Limit::Peak, limits.max_peak_bytes, totals.peak_bytes),
    ];
    let mut found: Vec<Excess> = counted
        .into_iter()
        .filter_map(|(limit, allowed, found)| blocks.compare(limit, allowed.filter(|it| found > *it)?, found))
        .collect();
    if limits.denies_blocks {
        found.extend(blocks.wait(grace));
    }
    found.retain(|it| !settings().baseline.has_excess(program::name(), it));
    found
}

/// The part of a site that is about a limit, of the test's own blocks.
struct Own {
    path: Vec<Frame>,
    /// Blocks and bytes.
    part: (u64, u64),
    stack: Stack,
}

/// The blocks of one test that are compared with its limits.
struct TestBlocks<'a> {
    test: &'a str,
    ledger: &'a Ledger,
    allowed: Vec<&'a str>,
    /// The calls of a stack, by its address; `None` when its blocks are not the test's.
    sites: BTreeMap<usize, Option<Vec<Frame>>>,
    /// Whether the blocks of a stack may stay.
    excused: BTreeMap<usize, bool>,
}

impl TestBlocks<'_> {
    /// Sites with a part of each that is not 0.
    fn sites(&self, part: impl Fn(&SiteTotals) -> (u64, u64)) -> Vec<(SiteTotals, (u64, u64))> {
        let mut sites = Vec::new();
        self.ledger.visit_sites(|site| {
            let part = part(&site);
            if part != (0, 0) {
                sites.push((site, part));
            }
        });
        sites
    }

    /// The calls of a site that are worth showing, if its blocks are the test's.
    fn own_path(&mut self, site: &SiteTotals) -> Option<&Vec<Frame>> {
        let path = self.sites.entry(site.stack.as_ptr().addr()).or_insert_with(|| {
            let frames = symbols::spawn_frames(site.stack);
            (!is_noise(&frames)).then(|| path::allocation_path(outside_of_the_allocator(&frames)))
        });
        path.as_ref()
    }

    /// What is above a limit for a total, of the test's own blocks.
    fn compare(&mut self, limit: Limit, allowed: u64, total: u64) -> Option<Excess> {
        let part = |site: &SiteTotals| match limit {
            Limit::Peak => (0, site.peak_bytes),
            Limit::BlocksLeft => (site.live_blocks, site.live_bytes),
            Limit::Blocks | Limit::Bytes => (site.alloc_blocks, site.alloc_bytes),
        };
        let amount = |(blocks, bytes)| if limit == Limit::Blocks { blocks } else { bytes };
        let (mut own, mut noise) = (Vec::new(), 0);
        for (site, part) in self.sites(part) {
            match self.own_path(&site) {
                Some(path) => own.push(Own { path: path.clone(), part, stack: site.stack }),
                None => noise += amount(part),
            }
        }
        let found = total.saturating_sub(noise);
        (found > allowed).then(|| self.excess(limit, allowed, found, Duration::ZERO, own))
    }

    /// The blocks that must go and are still there when the grace is over.
    fn wait(&mut self, grace: Duration) -> Option<Excess> {
        let began = Instant::now();
        let mut pauses = Pauses::new();
        while self.ledger.live_blocks() > 0 {
            let mut left = Vec::new();
            for (site, part) in self.sites(|it| (it.live_blocks, it.live_bytes)) {
                if !self.is_excused(&site)
                    && let Some(path) = self.own_path(&site)
                {
                    left.push(Own { path: path.clone(), part, stack: site.stack });
                }
            }
            if left.is_empty() {
                return None;
            }
            if began.elapsed() >= grace {
                let blocks = left.iter().map(|own| own.part.0).sum();
                return Some(self.excess(Limit::BlocksLeft, 0, blocks, began.elapsed(), left));
            }
            thread::sleep(pauses.next());
        }
        None
    }

    /// Whether the test or a rule allows that blocks of this site stay.
    fn is_excused(&mut self, site: &SiteTotals) -> bool {
        let key = site.stack.as_ptr().addr();
        if let Some(known) = self.excused.get(&key) {
            return *known;
        }
        let Some(path) = self.own_path(site).cloned() else { return false };
        let by_test = self.allowed.iter().any(|it| pattern::matches_a_call(it, &path));
        let by_rule =
            || settings().rules.iter().any(|it| it.allows_blocks(program::name(), self.test, &path));
        let is_excused = by_test || by_rule();
        self.excused.insert(key, is_excused);
        is_excused
    }

    fn excess(&self, limit: Limit, allowed: u64, found: u64, waited: Duration, own: Vec<Own>) -> Excess {
        let mut sites: Vec<(ExcessSite, Stack)> = Vec::new();
        let mut places = BTreeMap::new();
        for Own { path, part: (blocks, bytes), stack } in own {
            // Calls that look alike are one site to the reader.
            let looks: Vec<_> =
                path.iter().map(|it| (it.function.clone(), it.file.clone(), it.line)).collect();
            let place = *places.entry(looks).or_insert_with(|| {
                sites.push((ExcessSite { blocks: 0, bytes: 0, allocated: path, container: None }, stack));
                sites.len() - 1
            });
            sites[place].0.blocks += blocks;
            sites[place].0.bytes += bytes;
        }
        sites.sort_by_key(|(it, _)| {
            std::cmp::Reverse(if limit == Limit::Blocks {
                (it.blocks, it.bytes)
            } else {
                (it.bytes, it.blocks)
            })
        });
        // Types are in debug information that takes time to read: only those that are shown are asked for.
        for (site, stack) in sites.iter_mut().take(Excess::MOST_SITES) {
            site.container = types::container(stack);
        }
        let sites = sites.into_iter().map(|(site, _)| site).collect();
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        Excess { test: self.test.to_owned(), limit, allowed, found, waited_ms, sites }
    }
}
