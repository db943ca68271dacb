//! The rows of a comparison while they are added up, and the test of each.

use std::cmp::Ordering;

use highwater_profile::{Profile, Sample};

use crate::change_test::{self, Side, Traces};
use crate::comparison::{Comparison, Overlap};
use crate::estimate::Sum;
use crate::rows::Rows;
use crate::sampling::{self, Draw, Sampling};
use crate::sites::{Part, Places, Site, Sites};
use crate::{AnalyzeError, GroupBy, Header, Query, SampleKind, diff::DiffOptions, sites::Equal, statistics};

/// The sites of two profiles: values of the base, of the new profile, and of blocks that live in both.
pub(crate) type PairSites = Sites<3>;

const BASE: usize = 0;
const NEW: usize = 1;
const SURVIVED: usize = 2;

/// Two profiles that can be compared, and their sites.
pub(crate) struct Pair<'a> {
    pub sites: PairSites,
    pub comparison: Comparison,
    profiles: [&'a Profile; 2],
    columns: [usize; 2],
    /// Of each profile the site of each stack.
    places: [Places; 2],
}

/// The parts of a site's or a row's change.
#[derive(Clone, Copy)]
pub(crate) struct Cohorts {
    pub new: Sum,
    pub dead: Sum,
    pub survived: Sum,
}

impl Cohorts {
    pub fn change(&self) -> Sum {
        self.new.minus(self.dead)
    }
}

impl<'a> Pair<'a> {
    pub fn collect(
        profiles: [&'a Profile; 2],
        query: &Query,
        options: &DiffOptions,
    ) -> Result<Self, AnalyzeError> {
        let kind = query.sample.clone().unwrap_or_else(|| SampleKind::default_for(profiles[NEW]));
        let columns = [kind.column(profiles[BASE])?, kind.column(profiles[NEW])?];
        let [base, new] = profiles.map(|it| Header::new(it, &kind));
        let comparison = Comparison::of(profiles, [&base, &new], &kind, options.force)?;
        let mut sites = Sites::new([base, new.clone(), new]);
        let places = [BASE, NEW].map(|slot| {
            let mut parts = vec![Part { slot, column: columns[slot], seen_by: None }];
            if comparison.overlap == Overlap::Survivors && slot == later(&comparison) {
                let seen_by = Some(comparison.earlier_epoch);
                parts.push(Part { slot: SURVIVED, column: columns[slot], seen_by });
            }
            sites.add(profiles[slot], &parts, query, Equal::Merged)
        });
        Ok(Self { sites, comparison, profiles, columns, places })
    }

    /// What became of the blocks of a site or a row with these sums.
    pub fn cohorts(&self, sums: &[Sum; 3]) -> Cohorts {
        let survived = match self.comparison.overlap {
            Overlap::Independent => Sum::ZERO,
            Overlap::Survivors => sums[SURVIVED],
            Overlap::Nested => sums[1 - later(&self.comparison)],
        };
        Cohorts { new: sums[NEW].without(survived), dead: sums[BASE].without(survived), survived }
    }

    pub fn change(&self, site: &Site<3>) -> Sum {
        self.cohorts(&site.sums).change()
    }

    /// Adds up the sites by row, in order of appearance.
    pub fn tally(&self, rows: &mut Rows) -> Vec<Tally> {
        let by_site = rows.by() == GroupBy::Site;
        let sites = self.sites.all.iter().enumerate();
        // A site is a row of its own even where its cause is another's too.
        let row_of = sites.map(|(at, site)| {
            (if by_site { at } else { rows.of(&self.sites, self.sites.cause(site)) }) as u32
        });
        self.tally_by(&row_of.collect::<Vec<_>>(), |_| {})
    }

    /// Adds up the sites by these numbers of rows, one for each site. Before a row is tested `complete` may add others to it.
    pub fn tally_by(&self, row_of: &[u32], complete: impl FnOnce(&mut Vec<Tally>)) -> Vec<Tally> {
        let mut tallies: Vec<Tally> = Vec::new();
        for ((at, site), &row) in self.sites.all.iter().enumerate().zip(row_of) {
            while row as usize >= tallies.len() {
                tallies.push(Tally::new(tallies.len(), at));
            }
            let tally = &mut tallies[row as usize];
            tally.sums.iter_mut().zip(site.sums).for_each(|(sum, part)| sum.add(part));
            let heaviest = &self.sites.all[tally.heaviest];
            if self.change(site).magnitude() > self.change(heaviest).magnitude() {
                tally.heaviest = at;
            }
        }
        for slot in [BASE, NEW] {
            self.trace(slot, row_of, &mut tallies);
        }
        complete(&mut tallies);
        for tally in &mut tallies {
            tally.change = self.cohorts(&tally.sums).change();
            tally.p_value = change_test::p_value(tally.change, &tally.base, &tally.new);
        }
        tallies
    }

    /// Adds what the samples of a profile say about chance to their rows.
    fn trace(&self, slot: usize, row_of: &[u32], tallies: &mut [Tally]) {
        let profile = self.profiles[slot];
        let side = if slot == NEW { Side::New } else { Side::Base };
        let mut tracer = Tracer::new(profile, self.columns[slot], side);
        let is_same_process = self.comparison.overlap != Overlap::Independent;
        tracer.other_interval =
            sampling::interval_bytes(self.profiles[1 - slot]).filter(|_| !is_same_process);
        let is_later = slot == later(&self.comparison);
        for sample in self.profiles[slot].samples.iter() {
            if sample.values[self.columns[slot]] == 0 {
                continue;
            }
            let Some(site) = self.places[slot].site(sample.stack_id) else { continue };
            let tally = &mut tallies[row_of[site] as usize];
            let Some((one, samples)) = tracer.trace(&sample) else { continue };
            let (own, other) = match side {
                Side::Base => (&mut tally.base, &mut tally.new),
                Side::New => (&mut tally.new, &mut tally.base),
            };
            // Samples that are in both are taken away from the earlier side, and not added to the later.
            match self.comparison.overlap {
                Overlap::Survivors
                    if is_later && tracer.sampling.has_seen(self.comparison.earlier_epoch, &sample) =>
                {
                    other.add(&one, -samples);
                }
                Overlap::Nested if !is_later => other.add(&one, -samples),
                _ => own.add(&one, samples),
            }
        }
    }
}

/// The slot of the later snapshot.
fn later(comparison: &Comparison) -> usize {
    if comparison.reversed { BASE } else { NEW }
}

/// Turns samples into traces. Rows with the same labels are mostly drawn the same way.
struct Tracer {
    sampling: Sampling,
    side: Side,
    /// `None` where both sides have the interval that the row was drawn with.
    other_interval: Option<i64>,
    known: Vec<Option<(Draw, Traces)>>,
}

impl Tracer {
    fn new(profile: &Profile, column: usize, side: Side) -> Self {
        let known = vec![None; profile.samples.labels()];
        Self { sampling: Sampling::of(profile, column), side, other_interval: None, known }
    }

    /// What one of the row's samples says, and their number.
    fn trace(&mut self, sample: &Sample<'_>) -> Option<(Traces, f64)> {
        let draw = self.sampling.draw(sample)?;
        let samples = draw.samples;
        let draw = Draw { samples: 1.0, ..draw };
        let known = &mut self.known[sample.labels_id.index()];
        if let Some((_, traces)) = known.filter(|it| it.0 == draw) {
            return Some((traces, samples));
        }
        let traces = Traces::of(&draw, self.side, self.other_interval.unwrap_or(draw.interval));
        *known = Some((draw, traces));
        Some((traces, samples))
    }
}

/// A row while it is added up.
pub(crate) struct Tally {
    /// Position among the rows; grouped by site that of the site.
    pub row: usize,
    pub sums: [Sum; 3],
    pub change: Sum,
    /// Position of the site that contributes most.
    pub heaviest: usize,
    base: Traces,
    new: Traces,
    pub p_value: Option<f64>,
    pub q_value: Option<f64>,
    pub significant: bool,
}

impl Tally {
    pub fn new(row: usize, heaviest: usize) -> Self {
        Self {
            row,
            sums: [Sum::ZERO; 3],
            change: Sum::ZERO,
            heaviest,
            base: Traces::default(),
            new: Traces::default(),
            p_value: None,
            q_value: None,
            significant: false,
        }
    }

    /// This row and `other` as one, for the test of a total.
    pub fn absorb(&mut self, other: &Self) {
        self.sums.iter_mut().zip(other.sums).for_each(|(sum, part)| sum.add(part));
        self.base.add(&other.base, 1.0);
        self.new.add(&other.new, 1.0);
    }

    pub fn total() -> Self {
        Self::new(0, 0)
    }

    pub fn test(&mut self, change: Sum) {
        self.change = change;
        self.p_value = change_test::p_value(change, &self.base, &self.new);
    }

    /// Whether the change is significant though there is a sampling error.
    pub fn stands_out(&self) -> bool {
        self.significant && self.change.variance().is_some_and(|it| it > 0.0)
    }

    /// Growth that is certain enough first, by the lower end of its interval; then such shrinkage, by the other end; then
    /// the rest of both in the same order.
    pub fn cmp_rank(&self, other: &Self) -> Ordering {
        let rank = |it: &Self| {
            let change = it.change.estimate();
            let (value, margin) = (change.value as f64, change.margin95().unwrap_or(0.0));
            let least = value.abs() - margin;
            let group = match (it.significant || least > 0.0, value > 0.0) {
                (true, true) => 0,
                (true, false) => 1,
                (false, true) => 2,
                (false, false) => 3,
            };
            (group, least)
        };
        let (own, others) = (rank(self), rank(other));
        own.0.cmp(&others.0).then_with(|| others.1.total_cmp(&own.1))
    }
}

/// Sets the q-values of all rows, and what is significant at this false discovery rate. Returns how many were tested.
pub(crate) fn judge(tallies: &mut [Tally], fdr: f64) -> usize {
    let p_values: Vec<f64> = tallies.iter().filter_map(|it| it.p_value).collect();
    let mut q_values = statistics::q_values(&p_values).into_iter();
    for tally in tallies {
        tally.q_value = tally.p_value.and_then(|_| q_values.next());
        tally.significant = is_significant(tally.q_value, tally.change, fdr);
    }
    p_values.len()
}

/// Whether a change is asserted: any at all where its error is not known.
pub(super) fn is_significant(q_value: Option<f64>, change: Sum, fdr: f64) -> bool {
    match (q_value, change.variance()) {
        _ if change.is_zero() => false,
        (Some(q_value), _) => q_value <= fdr,
        (None, variance) => variance.is_none(),
    }
}
