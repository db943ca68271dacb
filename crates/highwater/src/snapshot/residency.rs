//! What is resident and why, as rows and values of a profile.

use std::collections::HashMap;
use std::io;

use highwater_heap::{Block, Known, Line, Reading, Seen};
use highwater_profile::{Label, LabelValue, Line as CodeLine, Location, Meta, Profile, ValueType};
use highwater_recorder::{LiveSample, SiteTotals};

use crate::cgroup;
use crate::signed::signed;
use crate::stats::Stats;

/// The sample types behind the ones that every Highwater profile has. `held`: what live blocks keep resident
/// beyond themselves, which is the empty space on their pages. `untouched`: live bytes on pages that are not
/// resident. `resident` and `swapped`: the ledger of the process, in rows of its own.
const SAMPLE_TYPES: [(&str, &str); 6] = [
    ("held_objects", "count"),
    ("held_space", "bytes"),
    ("untouched_objects", "count"),
    ("untouched_space", "bytes"),
    ("resident_space", "bytes"),
    ("swapped_space", "bytes"),
];

/// The root of the ledger's rows.
const ROOT: &str = "resident set";

/// A block that lies where the allocator's own does, without a mark of the recorder in front.
fn unmarked_block() -> Option<Vec<u8>> {
    const BYTES: usize = 4000;
    (0..8).map(|_| Vec::with_capacity(BYTES)).find(|it: &Vec<u8>| it.as_ptr().addr().is_multiple_of(16))
}

/// What was resident at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Residency {
    reading: Reading,
    /// By the number of a cohort.
    kept: HashMap<usize, Kept>,
}

/// What the live blocks of a row keep, scaled up.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    held: Scaled,
    untouched: Scaled,
}

/// A sum over samples, each for itself scaled up.
#[derive(Clone, Copy, Debug, Default)]
struct Scaled {
    blocks: f64,
    bytes: f64,
    /// Of the bytes.
    variance: f64,
}

/// The remark on sampled blocks for which there was no place, because many came while the memory was counted.
fn remark_on_missed(missed: usize) -> Option<String> {
    (missed > 0).then(|| {
        format!("{missed} sampled blocks were allocated during the reading and are not in the empty space")
    })
}

impl Scaled {
    fn add(&mut self, bytes: u64, probability: f64) {
        if bytes == 0 {
            return;
        }
        let (p, bytes) = (probability, bytes as f64);
        self.blocks += 1.0 / p;
        self.bytes += bytes / p;
        self.variance += bytes * bytes * (1.0 - p) / (p * p);
    }
}

impl Residency {
    /// Reads it. `stats` are the totals of the moment.
    pub(super) fn read(stats: &Stats) -> io::Result<Self> {
        let mut samples: Vec<LiveSample> =
            Vec::with_capacity(highwater_recorder::live_samples() * 5 / 4 + 256);
        // Nothing may be allocated while blocks are shown.
        let mut missed = 0_usize;
        highwater_recorder::visit_live_samples(|sample| {
            if samples.len() < samples.capacity() {
                samples.push(sample);
            } else {
                missed += 1;
            }
        });
        let mut own = Vec::with_capacity(4096);
        let mut tables = 0;
        highwater_recorder::visit_own_mappings(|start, bytes| {
            tables += bytes as u64;
            own.push(start..start + bytes);
        });
        let block = |it: &LiveSample| Block {
            start: it.start,
            lead: it.lead,
            size: it.size,
            probability: it.probability,
        };
        let probe = unmarked_block();
        let levels = cgroup::memory_levels();
        let known = Known {
            blocks: samples.iter().map(block).collect(),
            probe: probe.as_ref().map_or(0, |it| it.as_ptr().addr()),
            own,
            own_bytes: stats.overhead_bytes.saturating_sub(tables),
            live_bytes: stats.live_bytes,
            headroom_bytes: levels.iter().map(|it| it.headroom_bytes()).min(),
        };
        let mut reading = highwater_heap::read(&known)?;
        reading.notes.extend(remark_on_missed(missed));
        let mut kept: HashMap<usize, Kept> = HashMap::new();
        for (sample, seen) in samples.iter().zip(&reading.blocks) {
            let Seen { held_bytes, untouched_bytes } = *seen;
            let kept = kept.entry(sample.cohort).or_default();
            kept.held.add(held_bytes.unwrap_or(0), sample.probability);
            kept.untouched.add(untouched_bytes, sample.probability);
        }
        Ok(Self { reading, kept })
    }

    /// The sample types of a profile with these ones of a heap.
    pub(super) fn sample_types(of_heap: &[(&str, &str)]) -> Vec<ValueType> {
        of_heap.iter().chain(&SAMPLE_TYPES).map(|&(kind, unit)| ValueType::new(kind, unit)).collect()
    }

    /// Adds what is known of the reading itself.
    pub(super) fn add_facts(&self, meta: &mut Meta) {
        let [before, after] = self.reading.counter_bytes;
        meta.rss_before_bytes = Some(signed(before));
        meta.rss_after_bytes = Some(signed(after));
        meta.rss_huge_bytes = Some(signed(self.reading.huge_bytes));
        meta.rss_pause_ns = self.reading.pause.map(|it| i64::try_from(it.as_nanos()).unwrap_or(i64::MAX));
    }

    /// The values of a site's row behind the ones of every profile.
    pub(super) fn values(&self, site: &SiteTotals) -> [i64; SAMPLE_TYPES.len()] {
        let Kept { held, untouched } = self.kept_by(site);
        let whole = |it: f64| it.round() as i64;
        [whole(held.blocks), whole(held.bytes), whole(untouched.blocks), whole(untouched.bytes), 0, 0]
    }

    /// The variances of these values in bytes², for what is not 0.
    pub(super) fn labels(&self, profile: &mut Profile, site: &SiteTotals) -> Vec<Label> {
        let Kept { held, untouched } = self.kept_by(site);
        let mut labels = Vec::new();
        for (key, sum) in [("held_variance", held), ("untouched_variance", untouched)] {
            if sum.variance > 0.0 {
                let (key, unit) = (profile.strings.intern(key), profile.strings.intern("bytes2"));
                labels.push(Label { key, value: LabelValue::Number(sum.variance.round() as i64, unit) });
            }
        }
        labels
    }

    fn kept_by(&self, site: &SiteTotals) -> Kept {
        self.kept.get(&site.cohort).copied().unwrap_or_default()
    }

    /// Adds the ledger's rows, and what is not known as remarks.
    pub(super) fn add_to(&self, profile: &mut Profile) {
        let columns = profile.sample_types().len();
        let resident = profile.sample_type("resident_space").unwrap_or(0);
        let swapped = profile.sample_type("swapped_space").unwrap_or(0);
        for line in &self.reading.lines {
            let Line { kind, name, .. } = line;
            let frames = [name.as_str(), kind.title(), ROOT];
            let stack: Vec<_> = frames
                .iter()
                .filter(|it| !it.is_empty())
                .map(|frame| {
                    let function = profile.add_function(frame, frame, "");
                    profile.add_location(Location::symbolized(vec![CodeLine::new(function, 0)]))
                })
                .collect();
            let mut values = vec![0; columns];
            values[resident] = signed(line.resident_bytes);
            values[swapped] = signed(line.swapped_bytes);
            let mut text = |key, text: &str| {
                let key = profile.strings.intern(key);
                Label { key, value: LabelValue::Text(profile.strings.intern(text)) }
            };
            let mut labels = vec![text("ledger", kind.key()), text("source", line.source)];
            if line.margin_bytes > 0 {
                let (key, unit) = (profile.strings.intern("margin"), profile.strings.intern("bytes"));
                labels.push(Label { key, value: LabelValue::Number(signed(line.margin_bytes), unit) });
            }
            profile.samples.push(&stack, &values, &labels);
        }
        profile.comments.extend(self.reading.notes.iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_without_a_place_are_remarked_on() {
        assert_eq!(remark_on_missed(0), None);
        assert!(remark_on_missed(3).is_some_and(|it| it.starts_with("3 sampled blocks ")));
    }
}
