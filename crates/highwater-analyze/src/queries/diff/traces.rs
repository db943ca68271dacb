//! What the samples of each row say about chance: the second pass over both profiles.

use highwater_profile::{Profile, Sample};

use super::pair::{BASE, NEW, Pair};
use crate::parallel;
use crate::queries::comparison::Overlap;
use crate::statistics::change_test::{Side, Traces};
use crate::statistics::sampling::{self, Draw, Sampling};
use crate::statistics::sum::Sum;

/// What samples say, row by row.
pub(super) struct RowTraces {
    /// Those of each profile; without those in both that are known to be, where these are the later profile's.
    own: [Vec<Traces>; 2],
    /// Those in both, and what they come to; empty unless there are survivors.
    shared: Vec<(Traces, Sum)>,
}

impl RowTraces {
    /// Looks at all rows of both profiles. `row_of` has the row of each site, of which there are `rows`.
    pub fn collect(pair: &Pair<'_>, row_of: &[u32], rows: usize) -> Self {
        let is_large = pair.profiles.iter().any(|it| it.samples.len() >= parallel::WORTHWHILE);
        let ((base, base_shared), (new, new_shared)) =
            parallel::both(is_large, || trace(pair, BASE, row_of, rows), || trace(pair, NEW, row_of, rows));
        let shared = if base_shared.is_empty() { new_shared } else { base_shared };
        Self { own: [base, new], shared }
    }

    /// What the samples say that are in only one of both, and what those in both come to.
    pub fn of(&self, pair: &Pair<'_>, row: usize) -> ([Traces; 2], Sum) {
        let mut traces = [self.own[BASE][row], self.own[NEW][row]];
        let (earlier, later) = (1 - pair.later(), pair.later());
        match pair.comparison.overlap {
            Overlap::Independent => (traces, Sum::ZERO),
            Overlap::Survivors => {
                let (shared, sum) = self.shared[row];
                traces[earlier].add(&shared, -1.0);
                (traces, sum)
            }
            Overlap::Nested => {
                let shared = traces[earlier];
                traces[earlier].add(&shared, -1.0);
                traces[later].add(&shared, -1.0);
                (traces, Sum::ZERO)
            }
        }
    }
}

fn trace(pair: &Pair<'_>, slot: usize, row_of: &[u32], rows: usize) -> (Vec<Traces>, Vec<(Traces, Sum)>) {
    let (profile, column) = (pair.profiles[slot], pair.columns[slot]);
    let seen_by = (pair.comparison.overlap == Overlap::Survivors && slot == pair.later())
        .then_some(pair.comparison.earlier_epoch);
    let side = if slot == NEW { Side::New } else { Side::Base };
    let mut tracer = Tracer::new(profile, column, side);
    if pair.comparison.overlap == Overlap::Independent {
        tracer.other_interval = sampling::interval_bytes(pair.profiles[1 - slot]);
    }
    let mut own = vec![Traces::default(); rows];
    let mut shared = vec![(Traces::default(), Sum::ZERO); if seen_by.is_some() { rows } else { 0 }];
    for sample in profile.samples.iter().filter(|it| it.values[column] != 0) {
        let Some(site) = pair.places[slot].site(sample.stack_id) else { continue };
        let row = row_of[site] as usize;
        let is_shared = seen_by.is_some_and(|epoch| tracer.sampling.has_seen(epoch, &sample));
        if is_shared {
            let basis = tracer.sampling.basis(&sample);
            shared[row].1.add(Sum::new(sample.values[column], basis));
        }
        let traces = if is_shared { &mut shared[row].0 } else { &mut own[row] };
        if let Some((one, samples)) = tracer.trace(&sample) {
            traces.add(one, samples);
        }
    }
    (own, shared)
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
    fn trace(&mut self, sample: &Sample<'_>) -> Option<(&Traces, f64)> {
        let draw = self.sampling.draw(sample)?;
        let one = Draw { samples: 1.0, ..draw };
        let known = &mut self.known[sample.labels_id.index()];
        if known.is_none_or(|it| it.0 != one) {
            *known = Some((one, Traces::of(&one, self.side, self.other_interval.unwrap_or(draw.interval))));
        }
        Some((&known.as_ref()?.1, draw.samples))
    }
}
