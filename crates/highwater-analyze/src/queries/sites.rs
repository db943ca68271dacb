//! The stacks of one or more profiles after filtering: what every answer is computed from.
//!
//! A stack of the profile is looked at once, however many rows have it, and a frame once, however many stacks.

use std::ops::Range;

use highwater_profile::{ListTable, Profile, StackId};

use crate::error::AnalyzeError;
use crate::frames::attribution;
use crate::frames::class::FrameClass;
use crate::frames::frame::Frame;
use crate::frames::resolver::{AllFrames, Resolved, Resolver};
use crate::frames::symbols::{SymbolId, Symbols};
use crate::frames::types::stacks::{self, StackType};
use crate::parallel;
use crate::queries::header::Header;
use crate::query::Query;
use crate::sample_kind::SampleKind;
use crate::statistics::sampling::Sampling;
use crate::statistics::sum::Sum;

/// Room for the stacks of the first profile and for those that only others have, in times of the first.
const ROOM: usize = 2;

/// A stack with its sums: in the common case one for each profile.
#[derive(Debug)]
pub(crate) struct Site<const N: usize> {
    /// Where its stack is: in which table, and at which position.
    stack: (u32, u32),
    /// Position in the stack of the frame that the values are put down to; 0 for an empty stack.
    attributed: u32,
    /// The slots, as bits, of which some row has a value.
    pub kinds: u8,
    pub sums: [Sum; N],
}

/// What becomes of stacks that differ in the profile and are the same to a reader: by addresses on one line, or by frames
/// that the filters remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Equal {
    /// They are one site.
    Merged,
    /// They are several, which is faster and makes no difference to what adds them up.
    Apart,
}

/// Some values of a profile, and where among a site's sums they go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub slot: usize,
    /// Position of their sample type.
    pub column: usize,
    /// Only those of live blocks that the snapshot with this number has seen, in the same process.
    pub seen_by: Option<i64>,
}

/// Where the rows of a profile went.
#[derive(Debug)]
pub(crate) struct Places(Vec<u32>);

impl Places {
    const NOWHERE: u32 = u32::MAX;

    /// Position of the site that has the values of rows with this stack; `None` where no row has any that was asked for.
    pub fn site(&self, stack: StackId) -> Option<usize> {
        self.0.get(stack.index()).filter(|it| **it != Self::NOWHERE).map(|it| *it as usize)
    }
}

/// All sites of one or more profiles, with `N` sums each.
#[derive(Debug)]
pub(crate) struct Sites<const N: usize> {
    pub symbols: Symbols,
    /// Frames that the filters left, leaf first; a stack for each site.
    stacks: Vec<ListTable<SymbolId>>,
    /// In the order in which they appear in the profiles.
    pub all: Vec<Site<N>>,
    pub headers: [Header; N],
    /// Sum of the absolute values in each slot: what shares are shares of.
    pub wholes: [u128; N],
    /// What a block that was not seen adds to each slot, at the most: a site without samples may have some all the same.
    unseen: [f64; N],
}

impl<const N: usize> Sites<N> {
    /// Collects the sites of `profiles`.
    ///
    /// # Errors
    /// When one of them has no values of the kind asked for. Which kind that is the last profile says, if the query
    /// does not.
    pub fn collect(profiles: [&Profile; N], query: &Query, equal: Equal) -> Result<Self, AnalyzeError> {
        let kind = query.sample.clone().or_else(|| profiles.last().map(|it| SampleKind::default_for(it)));
        let kind = kind.unwrap_or(SampleKind::LiveBytes);
        let mut columns = [0; N];
        for (column, profile) in columns.iter_mut().zip(profiles) {
            *column = kind.column(profile)?;
        }

        let mut sites = Self::new(profiles.map(|profile| Header::new(profile, &kind)));
        for slot in 0..N {
            let part = Part { slot, column: columns[slot], seen_by: None };
            sites.add(profiles[slot], &[part], query, equal);
        }
        Ok(sites)
    }

    /// No site yet.
    pub fn new(headers: [Header; N]) -> Self {
        Self {
            symbols: Symbols::default(),
            stacks: Vec::new(),
            all: Vec::new(),
            headers,
            wholes: [0; N],
            unseen: [0.0; N],
        }
    }

    /// Makes place for the values of another profile: the sums are 0 again and the symbols stay. So do the sites, if the next
    /// profile's are to be recognised.
    pub fn restart(&mut self, headers: [Header; N], keep_sites: bool) {
        if keep_sites {
            self.all.iter_mut().for_each(|site| site.sums = [Sum::ZERO; N]);
        } else {
            self.all.clear();
            self.stacks.clear();
        }
        self.headers = headers;
        self.wholes = [0; N];
        self.unseen = [0.0; N];
    }

    /// Adds these values of a profile to the sums of their slots, and returns where they went. What is equal is a matter of
    /// all profiles that are added, and the same for all.
    pub fn add(&mut self, profile: &Profile, parts: &[Part], query: &Query, equal: Equal) -> Places {
        let mut places = Places(vec![Places::NOWHERE; profile.samples.stacks()]);
        let symbols = &mut self.symbols;
        let (sums, frames) = parallel::both(
            profile.samples.len() >= parallel::WORTHWHILE,
            || StackSums::<N>::of(profile, parts),
            || Resolver::new(profile, query, symbols).resolve_all(symbols),
        );
        let mut shown = [Sum::ZERO; N];
        let types = stacks::of_stacks(
            sums.all.iter().map(|it| profile.samples.stack(it.stack)),
            &frames,
            query,
            symbols,
        );
        let ranges = parallel::parts(sums.all.len());
        let all_seen =
            parallel::map(ranges, |range| Seen::of(profile, range, &sums, &frames, types.as_deref(), query));
        drop(frames);
        if equal == Equal::Merged && self.stacks.is_empty() {
            // Growing step by step would copy everything several times. Room that is not used costs nothing.
            let stacks = all_seen.iter().map(|it| it.from.len()).sum::<usize>() * ROOM;
            let items = all_seen.iter().map(|it| it.frames).sum::<usize>() * ROOM;
            self.stacks.push(ListTable::with_capacity(stacks, items));
            self.all.reserve(stacks);
        }
        for seen in all_seen {
            let table = self.stacks.len() as u32;
            for (&(raw, attributed), at) in seen.from.iter().zip(0..) {
                let raw = &sums.all[raw as usize];
                let site = match (equal, self.stacks.first_mut()) {
                    (Equal::Merged, Some(all)) => all.intern(seen.stacks.get(at as usize)) as usize,
                    _ => self.all.len(),
                };
                if site == self.all.len() {
                    // There are fewer than 2^32 distinct stacks, as their handles show.
                    let stack = if equal == Equal::Merged { (0, site as u32) } else { (table, at) };
                    self.all.push(Site { stack, attributed, kinds: 0, sums: [Sum::ZERO; N] });
                }
                // There are fewer sites than distinct stacks, whose handles are smaller than that.
                places.0[raw.stack.index()] = site as u32;
                for (slot, sum) in raw.sums.iter().enumerate() {
                    self.all[site].sums[slot].add(*sum);
                    self.all[site].kinds |= u8::from(raw.rows[slot] > 0) << slot;
                    shown[slot].add(*sum);
                    self.headers[slot].samples += raw.rows[slot] as usize;
                }
            }
            if equal == Equal::Apart {
                self.stacks.push(seen.stacks);
            }
        }
        for &Part { slot, column, .. } in parts {
            let mut total = sums.totals[slot];
            self.unseen[slot] = unseen(profile, column, total);
            total.may_miss(self.unseen[slot]);
            shown[slot].may_miss(self.unseen[slot]);
            self.wholes[slot] = sums.wholes[slot];
            self.headers[slot].add_up(profile, total.estimate(), shown[slot].estimate());
        }
        if self.unseen != [0.0; N] {
            for site in &mut self.all {
                site.sums.iter_mut().zip(self.unseen).for_each(|(sum, unseen)| sum.may_miss(unseen));
            }
        }
        places
    }

    /// What a block adds to this slot that was not seen, at the most.
    pub fn unseen(&self, slot: usize) -> f64 {
        self.unseen[slot]
    }

    /// The frames of a site that the filters left, leaf first.
    pub fn symbols_of(&self, site: &Site<N>) -> &[SymbolId] {
        self.stacks[site.stack.0 as usize].get(site.stack.1 as usize)
    }

    /// The frame that the values of a site are put down to; `None` for an empty stack.
    pub fn cause(&self, site: &Site<N>) -> Option<SymbolId> {
        self.symbols_of(site).get(site.attributed as usize).copied()
    }

    /// The attributed frame of a site and its callers.
    pub fn cause_and_callers(&self, site: &Site<N>) -> &[SymbolId] {
        self.symbols_of(site).get(site.attributed as usize..).unwrap_or_default()
    }

    /// Position in a site's stack of the frame that its values are put down to; 0 for an empty stack.
    pub fn attributed(&self, site: &Site<N>) -> usize {
        site.attributed as usize
    }

    /// The stack of a site as a reader sees it, leaf first.
    pub fn stack(&self, site: &Site<N>) -> Vec<Frame> {
        self.symbols_of(site).iter().map(|&id| self.symbols.frame(id)).collect()
    }
}

/// What a block stands for that was not seen, at the most: one interval where bytes are added up. Where blocks are counted it is
/// taken to be as small as those that were seen, in the mean.
fn unseen(profile: &Profile, column: usize, total: Sum) -> f64 {
    let by_bytes = Sampling::of(profile, column).unseen();
    let mean = || match total.variance() {
        Some(variance) if variance > 0.0 => total.magnitude() as f64 / total.samples().max(1.0),
        _ => 0.0,
    };
    by_bytes.unwrap_or_else(mean)
}

/// Leaves the frames of a stack that are to be seen; false when `focus` or `ignore` drops the whole stack.
fn filter(frames: &mut Vec<Resolved>, query: &Query) -> bool {
    if !query.all_frames {
        let hidden = attribution::allocator_frames(frames.iter().map(|it| it.class));
        frames.drain(..hidden);
        frames.retain(|frame| frame.class != FrameClass::Recorder);
    }
    let focused = query.focus.is_empty() || frames.iter().any(|it| it.matches.focus);
    if !focused || frames.iter().any(|it| it.matches.ignore) {
        return false;
    }
    frames.retain(|it| !it.matches.removed);
    true
}

/// Position of the frame that the values of a stack are put down to.
fn attributed(stack: &[Resolved], query: &Query) -> usize {
    if query.leaf {
        return 0;
    }
    // Unless all frames are kept, those of the allocator are gone already.
    let classes = stack.iter().map(|it| it.class);
    let allocator = if query.all_frames { attribution::allocator_frames(classes) } else { 0 };
    let beyond = stack.get(allocator..).unwrap_or_default();
    let workspace = || beyond.iter().position(|it| it.is_workspace).filter(|_| query.through_libraries);
    match workspace().or_else(|| beyond.iter().position(|it| it.is_actionable)) {
        Some(at) => allocator + at,
        None if beyond.is_empty() => 0,
        None => allocator,
    }
}

/// The frame that the values of a stack are put down to, when the filters leave one. They are applied to `stack`.
pub(crate) fn cause_of(stack: &mut Vec<Resolved>, query: &Query) -> Option<SymbolId> {
    let is_left = filter(stack, query);
    stack.get(attributed(stack, query)).filter(|_| is_left).map(|it| it.symbol)
}

/// What all rows of a profile with the same stack add up to, slot by slot.
struct StackSum<const N: usize> {
    stack: StackId,
    sums: [Sum; N],
    /// Number of rows with a value.
    rows: [u32; N],
}

/// The values of a profile by stack, slot by slot.
struct StackSums<const N: usize> {
    /// Those with a value, in the order of their handles.
    all: Vec<StackSum<N>>,
    totals: [Sum; N],
    /// Sums of the absolute values.
    wholes: [u128; N],
}

impl<const N: usize> StackSums<N> {
    fn of(profile: &Profile, parts: &[Part]) -> Self {
        const NONE: u32 = u32::MAX;
        let mut samplings: Vec<Sampling> = parts.iter().map(|it| Sampling::of(profile, it.column)).collect();
        let mut places = vec![NONE; profile.samples.stacks()];
        let mut sums = Self {
            all: Vec::with_capacity(profile.samples.stacks()),
            totals: [Sum::ZERO; N],
            wholes: [0; N],
        };
        let is_base = profile.has_base().then(|| profile.base_rows());
        let mut base_wholes = [0_u128; N];
        for sample in profile.samples.iter() {
            for (&Part { slot, column, seen_by }, sampling) in parts.iter().zip(&mut samplings) {
                let value = sample.values[column];
                if value == 0 || seen_by.is_some_and(|epoch| !sampling.has_seen(epoch, &sample)) {
                    continue;
                }
                let sum = Sum::new(value, sampling.basis(&sample));
                sums.totals[slot].add(sum);
                sums.wholes[slot] = sums.wholes[slot].saturating_add(value.unsigned_abs().into());
                if is_base.as_ref().is_some_and(|is_base| is_base(&sample)) {
                    base_wholes[slot] = base_wholes[slot].saturating_add(value.unsigned_abs().into());
                }
                let place = &mut places[sample.stack_id.index()];
                if *place == NONE {
                    // There are fewer than 2^32 stacks, as their handles show.
                    *place = sums.all.len() as u32;
                    let stack = sample.stack_id;
                    sums.all.push(StackSum { stack, sums: [Sum::ZERO; N], rows: [0; N] });
                }
                let entry = &mut sums.all[*place as usize];
                entry.sums[slot].add(sum);
                entry.rows[slot] += 1;
            }
        }
        // Where the base is known, shares are shares of it, as pprof has them.
        for (whole, base) in sums.wholes.iter_mut().zip(base_wholes).filter(|it| it.1 > 0) {
            *whole = base;
        }
        // Whatever other values are added up beside it, a kind's are added in one order, and so have the same errors to the
        // last bit.
        sums.all.sort_by_key(|it| it.stack.index());
        sums
    }
}

/// What a reader sees of some stacks.
struct Seen {
    /// The stacks that the filters left.
    stacks: ListTable<SymbolId>,
    /// Of each the position among [`StackSums::all`], and that of the frame its values are put down to.
    from: Vec<(u32, u32)>,
    /// Number of frames in all of them.
    frames: usize,
}

impl Seen {
    fn of<const N: usize>(
        profile: &Profile,
        range: Range<usize>,
        sums: &StackSums<N>,
        frames: &AllFrames,
        types: Option<&[StackType]>,
        query: &Query,
    ) -> Self {
        let part_of = &sums.all[range.clone()];
        let stack = |it: &StackSum<N>| profile.samples.stack(it.stack);
        let items = part_of.iter().map(|it| stack(it).len()).sum();
        let mut seen = Self {
            stacks: ListTable::with_capacity(part_of.len(), items),
            from: Vec::with_capacity(part_of.len()),
            frames: 0,
        };
        let mut buffer: Vec<Resolved> = Vec::new();
        for (sum, raw) in part_of.iter().zip(range.start..) {
            buffer.clear();
            frames.add_all(stack(sum), &mut buffer);
            let of_type = types.map(|it| it[raw]);
            if of_type.is_some_and(|it| !it.is_asked_for) || !filter(&mut buffer, query) {
                continue;
            }
            let attributed = attributed(&buffer, query);
            // What stands for a type lies on the line that makes its blocks, as what that line calls.
            let (inner, outer) = buffer.split_at(attributed.min(buffer.len()));
            let types = of_type.into_iter().flat_map(|it| it.symbols).flatten();
            let frames: Vec<SymbolId> = inner
                .iter()
                .map(|it| it.symbol)
                .chain(types)
                .chain(outer.iter().map(|it| it.symbol))
                .collect();
            seen.frames += frames.len();
            seen.stacks.push(frames);
            // A stack is no longer than a file, and there are fewer than 2^32 stacks.
            seen.from.push((raw as u32, attributed as u32));
        }
        seen
    }
}
