//! The stacks of one or more profiles after filtering: what every answer is computed from.
//!
//! Rows with the same stack become one before anything is looked up, so that the cost of a frame's name
//! or of an expression does not depend on how many rows there are.

use std::collections::HashMap;

use highwater_profile::{LocationId, Profile};

use crate::attribution::{self, Class};
use crate::estimate::Sum;
use crate::sampling::Sampling;
use crate::symbols::{Resolved, Resolver, SymbolId, Symbols};
use crate::{AnalyzeError, Frame, Header, Query, SampleKind};

/// A distinct stack with a value for each profile.
#[derive(Debug)]
pub(crate) struct Site<const N: usize> {
    /// Frames that the filters left, leaf first.
    pub stack: Vec<SymbolId>,
    /// Position in `stack` of the frame that the values are put down to; 0 for an empty stack.
    pub attributed: usize,
    pub sums: [Sum; N],
}

impl<const N: usize> Site<N> {
    /// The frame that the values are put down to; `None` for an empty stack.
    pub fn cause(&self) -> Option<SymbolId> {
        self.stack.get(self.attributed).copied()
    }

    /// The attributed frame and its callers.
    pub fn cause_and_callers(&self) -> &[SymbolId] {
        self.stack.get(self.attributed..).unwrap_or_default()
    }
}

/// All sites of `N` profiles.
#[derive(Debug)]
pub(crate) struct Sites<const N: usize> {
    pub symbols: Symbols,
    /// In the order in which they appear in the profiles.
    pub all: Vec<Site<N>>,
    pub headers: [Header; N],
    /// Sum of the absolute values of each profile: what shares are shares of.
    pub wholes: [u128; N],
}

impl<const N: usize> Sites<N> {
    /// Collects the sites of `profiles`.
    ///
    /// # Errors
    /// When one of them has no values of the kind asked for. Which kind that is the last profile says, if the query
    /// does not.
    pub fn collect(profiles: [&Profile; N], query: &Query) -> Result<Self, AnalyzeError> {
        let kind = query.sample.clone().or_else(|| profiles.last().map(|it| SampleKind::default_for(it)));
        let kind = kind.unwrap_or(SampleKind::LiveBytes);
        let mut columns = [0; N];
        for (column, profile) in columns.iter_mut().zip(profiles) {
            *column = kind.column(profile)?;
        }

        let mut sites = Self {
            symbols: Symbols::default(),
            all: Vec::new(),
            headers: profiles.map(|profile| Header::new(profile, &kind)),
            wholes: [0; N],
        };
        let mut ids: HashMap<Vec<SymbolId>, usize> = HashMap::new();
        for slot in 0..N {
            sites.add_profile(slot, profiles[slot], columns[slot], query, &mut ids);
        }
        for (stack, site) in ids {
            sites.all[site].attributed = attributed(&stack, &sites.symbols, query);
            sites.all[site].stack = stack;
        }
        Ok(sites)
    }

    fn add_profile(
        &mut self,
        slot: usize,
        profile: &Profile,
        column: usize,
        query: &Query,
        ids: &mut HashMap<Vec<SymbolId>, usize>,
    ) {
        let mut resolver = Resolver::new(profile, query);
        let (mut total, mut shown) = (Sum::ZERO, Sum::ZERO);
        for raw in raw_stacks(profile, column) {
            total.add(raw.sum);
            self.wholes[slot] = self.wholes[slot].saturating_add(raw.magnitude);
            let Some(stack) = self.filtered(raw.stack, &mut resolver, query) else { continue };
            shown.add(raw.sum);
            self.headers[slot].samples += raw.rows;
            let site = *ids.entry(stack).or_insert_with(|| {
                self.all.push(Site { stack: Vec::new(), attributed: 0, sums: [Sum::ZERO; N] });
                self.all.len() - 1
            });
            self.all[site].sums[slot].add(raw.sum);
        }
        self.headers[slot].total = total.estimate();
        self.headers[slot].shown_total = shown.estimate();
    }

    /// The frames of a stack that are to be seen; `None` when `focus` or `ignore` drops the whole stack.
    fn filtered(
        &mut self,
        stack: &[LocationId],
        resolver: &mut Resolver<'_>,
        query: &Query,
    ) -> Option<Vec<SymbolId>> {
        let mut frames: Vec<Resolved> = Vec::with_capacity(stack.len());
        for &location in stack {
            frames.extend_from_slice(resolver.frames(&mut self.symbols, location));
        }
        if !query.all_frames {
            let class = |frame: &Resolved| self.symbols.get(frame.symbol).class;
            let hidden = attribution::allocator_frames(frames.iter().map(class));
            frames.drain(..hidden);
            frames.retain(|frame| self.symbols.get(frame.symbol).class != Class::Recorder);
        }
        let focused = query.focus.is_empty() || frames.iter().any(|it| it.matches.focus);
        if !focused || frames.iter().any(|it| it.matches.ignore) {
            return None;
        }
        Some(frames.iter().filter(|it| !it.matches.removed).map(|it| it.symbol).collect())
    }

    /// The stack of a site as a reader sees it, leaf first.
    pub fn stack(&self, site: &Site<N>) -> Vec<Frame> {
        site.stack.iter().map(|&id| self.symbols.get(id).frame.clone()).collect()
    }
}

/// Position of the frame that the values of a stack are put down to.
fn attributed(stack: &[SymbolId], symbols: &Symbols, query: &Query) -> usize {
    if query.leaf {
        return 0;
    }
    // Unless all frames are kept, those of the allocator are gone already.
    let classes = stack.iter().map(|&id| symbols.get(id).class);
    let allocator = if query.all_frames { attribution::allocator_frames(classes) } else { 0 };
    let beyond = stack.get(allocator..).unwrap_or_default();
    match beyond.iter().position(|&id| symbols.get(id).is_actionable()) {
        Some(at) => allocator + at,
        None if beyond.is_empty() => 0,
        None => allocator,
    }
}

/// All rows of a profile with the same stack.
struct RawStack<'a> {
    stack: &'a [LocationId],
    sum: Sum,
    magnitude: u128,
    rows: usize,
}

/// Merges the rows of a profile that have a value in `column`, in order of appearance.
fn raw_stacks(profile: &Profile, column: usize) -> Vec<RawStack<'_>> {
    let sampling = Sampling::of(profile, column);
    let mut ids: HashMap<&[LocationId], usize> = HashMap::new();
    let mut stacks: Vec<RawStack<'_>> = Vec::new();
    for sample in profile.samples.iter() {
        let value = sample.values[column];
        if value == 0 {
            continue;
        }
        let id = *ids.entry(sample.stack).or_insert_with(|| {
            stacks.push(RawStack { stack: sample.stack, sum: Sum::ZERO, magnitude: 0, rows: 0 });
            stacks.len() - 1
        });
        let entry = &mut stacks[id];
        entry.sum.add(Sum::new(value, sampling.variance(&sample)));
        entry.magnitude = entry.magnitude.saturating_add(value.unsigned_abs().into());
        entry.rows += 1;
    }
    stacks
}
