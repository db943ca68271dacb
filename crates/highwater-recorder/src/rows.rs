//! What was recorded, as rows to be written down: each scaled up from its samples.

use crate::ends::Estimated;
use crate::site::{self, Site};
use crate::values::Values;
use crate::{own_frames, sampler, totals};

/// One call site, scaled up from its samples, or the part of it that [`Self::first_snapshot`] and
/// [`Self::lived_ns`] say.
#[derive(Clone, Copy, Debug)]
pub struct SiteTotals {
    /// Call-site addresses, leaf first. They begin with the call of the allocator, after
    /// [`learn_own_frames`](crate::learn_own_frames); before, inside the recorder itself.
    pub stack: &'static [usize],
    /// The whole stack with the allocator's own frames.
    pub whole_stack: &'static [usize],
    /// The modules that the whole stack was in when it was first met; see
    /// [`modules_of`](highwater_unwind::modules_of). `None` where the platform does not tell.
    pub modules: Option<u64>,
    /// Name of the thread that allocated, as the system gives it; empty when it has none.
    pub thread: &'static [u8],
    /// Scopes that the allocating thread was in, outermost first, separated by `/`; empty outside of any.
    pub scope: &'static str,
    /// The sampling interval that drew the samples, in bytes; 1 where all blocks were recorded.
    pub interval_bytes: u64,
    /// Size of the blocks; in exact mode their mean.
    pub block_bytes: u64,
    /// The number of the first snapshot that can have seen the live blocks, see
    /// [`begin_snapshot`](crate::begin_snapshot); `None` when none is alive.
    pub first_snapshot: Option<u64>,
    /// The row has nothing but freed blocks that lived for at least so long, in nanoseconds, and for less
    /// than twice that (or for less than 1024, when it is 1), in [`Self::ended`]. `None` for a row with
    /// everything else, and with freed blocks whose lifetime is not known at all.
    pub lived_ns: Option<u64>,
    /// Where the live blocks are counted, as [`LiveSample::cohort`](crate::LiveSample::cohort) has it; 0 in a
    /// row without any.
    pub cohort: usize,
    /// Samples taken, not scaled.
    pub samples: u64,
    /// All blocks allocated so far.
    pub allocated: Values,
    /// Blocks not yet freed.
    pub live: Values,
    /// Blocks that were live when the process had most bytes live.
    pub at_peak: Values,
    /// Blocks that were freed before their thread allocated another one, or within a millisecond of their
    /// birth.
    pub temporary: Values,
    /// Blocks that came to be by reallocation, and the bytes that were copied to them.
    pub grown: Values,
    /// Grown blocks that are at least twice as large as they were.
    pub doublings: u64,
    /// Blocks that were freed. A reallocation is no end. All rows of a site add up to what is known exactly,
    /// but for sampling.
    pub ended: Values,
    /// What [`Self::temporary`], or in a row with a lifetime [`Self::ended`], is off in exact mode, in
    /// blocks²: not every block is timed there. 0 where each was. When sampling the error is the same as of
    /// any other value.
    pub variance: u64,
}

/// Calls `visit` for every site, at least once. Blocks no allocating thread; what is allocated meanwhile may
/// or may not be seen.
pub fn visit_sites(mut visit: impl FnMut(SiteTotals)) {
    // What is live now may be the peak, which the sites are to know before they are asked.
    totals::counts();
    for site in site::all() {
        let allocated = site.allocated();
        if allocated.blocks != 0 {
            visit_site(site, allocated, &mut visit);
        }
    }
}

fn visit_site(site: &'static Site, allocated: Values, visit: &mut impl FnMut(SiteTotals)) {
    let block_bytes = (allocated.bytes + allocated.blocks / 2) / allocated.blocks;
    let scale = 1.0 / sampler::probability(block_bytes, site.history().interval_bytes());
    let empty = SiteTotals {
        stack: own_frames::without(site.stack()),
        whole_stack: site.stack(),
        modules: site.modules(),
        thread: site.thread(),
        scope: site.scope(),
        interval_bytes: site.history().interval_bytes(),
        block_bytes,
        first_snapshot: None,
        lived_ns: None,
        cohort: 0,
        samples: 0,
        allocated: Values::default(),
        live: Values::default(),
        at_peak: Values::default(),
        temporary: Values::default(),
        grown: Values::default(),
        doublings: 0,
        ended: Values::default(),
        variance: 0,
    };
    let ends = site.ends();
    let temporaries = ends.temporaries();
    let [grown, copied_bytes, doublings] = site.history().growth();
    // What belongs to the site as a whole is in its first row.
    let mut rest = SiteTotals {
        temporary: scaled(temporaries.values, scale),
        variance: temporaries.variance,
        grown: scaled(Values { blocks: grown, bytes: copied_bytes }, scale),
        doublings: scaled(Values { blocks: doublings, bytes: 0 }, scale).blocks,
        ..empty
    };
    let mut has_rest = grown != 0 || rest.temporary.blocks != 0 || rest.variance != 0;
    for cohort in site.cohorts() {
        let at_peak = cohort.at_peak();
        let live = cohort.live();
        // After the live ones: all of those are among them.
        let allocated = cohort.allocated();
        let (samples, allocated) = (allocated.blocks, scaled(allocated, scale));
        let at_peak = scaled(at_peak, scale);
        if live.blocks == 0 {
            rest.samples += samples;
            rest.allocated = rest.allocated.plus(allocated);
            rest.at_peak = rest.at_peak.plus(at_peak);
            has_rest = true;
        } else {
            let first_snapshot = Some(cohort.first_snapshot());
            let live = scaled(live, scale);
            let cohort = core::ptr::from_ref(cohort).addr();
            visit(SiteTotals { first_snapshot, cohort, samples, allocated, live, at_peak, ..empty });
        }
    }
    ends.visit_lifetimes(|lived_ns, Estimated { values, variance }| {
        let ended = scaled(values, scale);
        if lived_ns.is_none() {
            rest.ended = ended;
            has_rest = true;
        } else {
            visit(SiteTotals { lived_ns, ended, variance, ..empty });
        }
    });
    if has_rest {
        visit(rest);
    }
}

/// Every sample of a site has the same weight, so scaling the sums is scaling each sample by itself.
fn scaled(values: Values, scale: f64) -> Values {
    if scale == 1.0 {
        // Not through f64, which holds 53 bits: exact mode is exact.
        return values;
    }
    Values {
        blocks: (values.blocks as f64 * scale).round() as u64,
        bytes: (values.bytes as f64 * scale).round() as u64,
    }
}
