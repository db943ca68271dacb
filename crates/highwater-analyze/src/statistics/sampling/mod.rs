//! How much sampling may have put a profile's values off: the variance of each row.
//!
//! A block of `s` bytes is sampled with probability `p = 1 - e^(-s/R)`, `R` being the sampling interval, and a sampled
//! one stands for `1/p` blocks. An estimate of `c` blocks thus rests on `n = c·p` samples, each of which
//! contributes `(1-p)/p²` to the variance of the number of blocks and `s²·(1-p)/p²` to that of the bytes. With
//! `(1-p)/p = 1/(e^(s/R) - 1)` the variances of a row are `c / (e^(s/R) - 1)` blocks² and that times `s²` bytes².
//!
//! Samples of processor time are one for each period: `n` of them stand for `n` periods, with the variance `n` periods².
//!
//! `R` is the profile's period, or what the row's numeric label `interval` says, where the interval was changed while the
//! program ran.

use highwater_profile::{Profile, Sample, StringId};

use crate::statistics::estimate::Z95;
use crate::statistics::sum::Basis;

/// The sampling interval in bytes: 1 when every block was recorded, `None` when the file does not say.
pub(crate) fn interval_bytes(profile: &Profile) -> Option<i64> {
    let in_bytes = profile.period_type.as_ref().is_some_and(|it| it.unit == "bytes");
    (in_bytes && profile.period > 0).then_some(profile.period)
}

/// Whether every block was recorded. A recorder that was exact only for a time says so, and one whose memory was full.
pub(crate) fn is_exact(profile: &Profile) -> bool {
    let meta = profile.meta.unwrap_or_default();
    interval_bytes(profile) == Some(1) && meta.exact != Some(0) && meta.dropped_samples.unwrap_or(0) == 0
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    Bytes,
    Blocks,
}

/// The columns of a profile that the variance of one of them follows from.
pub(crate) struct Sampling {
    column: usize,
    /// What one sample adds to the value, where that is always the same.
    per_sample: Option<f64>,
    interval: Option<i64>,
    counted: Option<Counted>,
    blocks: Option<usize>,
    bytes: Option<usize>,
    size_label: Option<StringId>,
    interval_label: Option<StringId>,
    birth_label: Option<StringId>,
    /// How values come about that exact mode estimates from the blocks it timed.
    timed: Timed,
    /// The values are bytes that reallocations copied, and these columns say how many reallocations there were, and how many
    /// of them at least doubled the block.
    copied: Option<[usize; 2]>,
    /// How values come about that were measured when the heap was looked at.
    measured: Option<Measured>,
    /// What labels say, by their handle, once they have been asked.
    said: Vec<Option<Said>>,
}

/// Values that differ from block to block of one size, or belong to no block. A label has their error.
#[derive(Clone, Copy)]
enum Measured {
    /// What sampled blocks keep. The label has the variance of the bytes.
    Kept(Option<StringId>),
    /// Lines of a ledger. The label has half the width of the 95 % interval.
    Ledger(Option<StringId>),
}

impl Measured {
    fn of(profile: &Profile, kind: &str) -> Option<Self> {
        let label = |name| profile.strings.find(name);
        match kind.split_once('_')? {
            ("held", "objects" | "space") => Some(Self::Kept(label("held_variance"))),
            ("untouched", "objects" | "space") => Some(Self::Kept(label("untouched_variance"))),
            ("resident" | "swapped", "space") => Some(Self::Ledger(label("margin"))),
            _ => None,
        }
    }
}

/// In exact mode one block in so many is timed, once a call site has timed a few hundred.
const TIMED_ONE_IN: f64 = 64.0;

/// What is known of the values that depend on how long blocks lived, in rows of exact mode.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Timed {
    /// The values do not depend on it.
    Not,
    /// Rows with this label are estimates, and it is their variance in blocks²; all others are exact.
    Label(StringId),
    /// All rows are exact.
    All,
    /// One block in 64 was timed, as recorders did that did not write the label.
    OneInMany,
}

impl Timed {
    fn of(profile: &Profile, kind: &str) -> Self {
        if !["temp_", "freed_"].iter().any(|it| kind.starts_with(it)) {
            return Self::Not;
        }
        match (profile.strings.find("variance"), profile.meta) {
            (Some(label), _) => Self::Label(label),
            // Recorders that write the label write this fact too.
            (None, Some(meta)) if meta.dropped_blocks.is_none() => Self::OneInMany,
            (None, _) => Self::All,
        }
    }
}

/// What the labels of a row say about its sampling.
#[derive(Clone, Copy)]
struct Said {
    interval: Option<i64>,
    size: Option<f64>,
    /// The number of the first snapshot that can have seen the row's live blocks.
    born: Option<i64>,
    /// `e^(s/R) - 1`, where both are known.
    odds: Option<f64>,
}

/// How the blocks of a row were drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Draw {
    /// Sampling interval in bytes; 1 where every block was recorded.
    pub interval: i64,
    /// Size of each block in bytes.
    pub size: f64,
    /// Number of samples. It is whole but for the rounding of the values in the file.
    pub samples: f64,
    /// The size in the unit of the column: bytes, or 1 where blocks are counted.
    pub unit: f64,
}

impl Sampling {
    /// Prepares for the values in `column`. Columns of bytes and of blocks belong together by their names:
    /// `inuse_space` and `inuse_objects`.
    pub fn of(profile: &Profile, column: usize) -> Self {
        let kind = profile.sample_types().get(column).map_or("", |it| it.kind.as_str());
        let (counted, stem) = match (kind.strip_suffix("space"), kind.strip_suffix("objects")) {
            (Some(stem), _) => (Some(Counted::Bytes), stem),
            (_, Some(stem)) => (Some(Counted::Blocks), stem),
            _ => (None, ""),
        };
        let partner = |suffix: &str| counted.and_then(|_| profile.sample_type(&format!("{stem}{suffix}")));
        let is_growth = kind.starts_with("realloc_");
        let copied = (is_growth && counted == Some(Counted::Bytes))
            .then(|| ["realloc_objects", "realloc_doublings"].map(|it| profile.sample_type(it)));
        // Every doubling is a block, which no column of bytes belongs to.
        let counted = if kind == "realloc_doublings" { Some(Counted::Blocks) } else { counted };
        let interval_label = profile.strings.find("interval");
        // What is left between two sampled values says nothing of how many samples either rests on.
        let (interval, interval_label) = if profile.is_difference() {
            (interval_bytes(profile).filter(|it| *it == 1 && interval_label.is_none()), None)
        } else {
            (interval_bytes(profile), interval_label)
        };
        Self {
            column,
            per_sample: per_sample(profile, column),
            interval,
            counted,
            blocks: if is_growth && counted == Some(Counted::Blocks) {
                Some(column)
            } else {
                partner("objects")
            },
            // The bytes that were copied are not those of the blocks.
            bytes: if is_growth && counted == Some(Counted::Blocks) { None } else { partner("space") },
            size_label: profile.strings.find("bytes"),
            interval_label,
            birth_label: profile.strings.find("birth_epoch"),
            timed: Timed::of(profile, kind),
            copied: copied.and_then(|[all, doublings]| Some([all?, doublings?])),
            measured: Measured::of(profile, kind).filter(|_| !profile.is_difference()),
            said: vec![None; profile.samples.labels()],
        }
    }

    /// What a block stands for, in bytes, that was not seen, at the most: blocks much smaller than the sampling interval stand
    /// for one interval. `None` where blocks are counted: how many are unseen depends on how small they are.
    pub fn unseen(&self) -> Option<f64> {
        let bytes = self.interval.filter(|_| self.counted == Some(Counted::Bytes))?;
        Some(if bytes == 1 { 0.0 } else { bytes as f64 })
    }

    fn said(&mut self, sample: &Sample<'_>) -> Said {
        let at = sample.labels_id.index();
        if let Some(said) = self.said.get(at).copied().flatten() {
            return said;
        }
        let number = |label: Option<StringId>| sample.number(label?).filter(|it| *it > 0);
        let interval = number(self.interval_label).or(self.interval);
        let size = number(self.size_label).map(|it| it as f64);
        let odds = size.zip(interval).map(|(size, interval)| odds(size, interval));
        let said = Said { interval, size, odds, born: number(self.birth_label) };
        if let Some(place) = self.said.get_mut(at) {
            *place = Some(said);
        }
        said
    }

    /// What a row's value rests on: its variance in squared units of the column, and its samples; `None` when that is not
    /// known.
    pub fn basis(&mut self, sample: &Sample<'_>) -> Option<Basis> {
        if let Some(weight) = self.per_sample {
            let samples = self.value(sample, Some(self.column)).unwrap_or(0.0) / weight;
            let (variance, third) = (samples * weight * weight, samples * weight.powi(3));
            return Some(Basis { variance, third, unseen: weight, samples });
        }
        match self.measured {
            Some(Measured::Kept(label)) => return self.kept_basis(sample, label),
            Some(Measured::Ledger(label)) => return Some(self.ledger_basis(sample, label)),
            None => {}
        }
        let said = self.said(sample);
        if said.interval? == 1 {
            let samples = self.blocks(sample, said).unwrap_or(0.0);
            return self.timed_basis(sample, said, samples);
        }
        let (size, blocks) = (self.size(sample, said)?, self.blocks(sample, said)?);
        let odds = said.odds.unwrap_or_else(|| odds(size, said.interval.unwrap_or(1)));
        let unit = self.unit(sample, size)?;
        Some(basis_of(blocks, odds, unit, self.unseen()))
    }

    /// What a row rests on whose blocks each keep something else. In exact mode one block in many was looked at.
    fn kept_basis(&mut self, sample: &Sample<'_>, label: Option<StringId>) -> Option<Basis> {
        let said = self.said(sample);
        let Some(blocks) = self.value(sample, self.blocks.or(Some(self.column))) else {
            return Some(Basis { variance: 0.0, third: 0.0, unseen: 0.0, samples: 0.0 });
        };
        let missed = match said.interval? {
            1 => 1.0 - 1.0 / TIMED_ONE_IN,
            _ => 1.0 / (1.0 + said.odds?),
        };
        let samples = (blocks * (1.0 - missed)).max(f64::MIN_POSITIVE);
        let weight = self.value(sample, Some(self.column)).unwrap_or(0.0) / samples;
        let variance = match self.counted {
            // Blocks that are certain to be sampled have none.
            Some(Counted::Bytes) => label.and_then(|it| sample.number(it)).unwrap_or(0).max(0) as f64,
            _ => samples * weight * weight * missed,
        };
        Some(Basis { variance, third: variance * weight * (1.0 + missed), unseen: weight, samples })
    }

    /// What a line of a ledger rests on.
    fn ledger_basis(&self, sample: &Sample<'_>, label: Option<StringId>) -> Basis {
        let is_resident = self.value(sample, Some(self.column)).is_some();
        let margin = label.and_then(|it| sample.number(it)).filter(|_| is_resident).unwrap_or(0).max(0);
        let error = margin as f64 / Z95;
        Basis { variance: error * error, third: 0.0, unseen: 0.0, samples: f64::from(u8::from(is_resident)) }
    }

    /// What a row of exact mode rests on. Where only some of its blocks were timed, each stands for as many as it is one of.
    fn timed_basis(&self, sample: &Sample<'_>, said: Said, samples: f64) -> Option<Basis> {
        let exact = Basis { variance: 0.0, third: 0.0, unseen: 0.0, samples };
        let blocks = match self.timed {
            Timed::OneInMany => Some(samples * (TIMED_ONE_IN - 1.0)),
            Timed::Label(label) => sample.number(label).filter(|it| *it > 0).map(|it| it as f64),
            Timed::Not | Timed::All => None,
        };
        let Some(blocks) = blocks else { return Some(exact) };
        let unit = self.unit(sample, self.size(sample, said)?)?;
        let variance = blocks * unit * unit;
        let weight = TIMED_ONE_IN * unit;
        let missed = 1.0 - 1.0 / TIMED_ONE_IN;
        Some(Basis {
            variance,
            third: variance * weight * (1.0 + missed),
            unseen: weight,
            samples: variance / (weight * weight * missed),
        })
    }

    /// How the blocks behind a row's value were drawn; `None` when that is not known.
    pub fn draw(&mut self, sample: &Sample<'_>) -> Option<Draw> {
        let said = self.said(sample);
        let interval = said.interval?;
        let size = self.size(sample, said).unwrap_or(1.0);
        let blocks = self.blocks(sample, said);
        if interval == 1 {
            return Some(Draw { interval, size, samples: blocks.unwrap_or(0.0), unit: 1.0 });
        }
        let odds = said.odds.unwrap_or_else(|| odds(size, interval));
        Some(Draw { interval, size, samples: samples(blocks?, odds), unit: self.unit(sample, size)? })
    }

    /// Size of a row's blocks in bytes.
    fn size(&self, sample: &Sample<'_>, said: Said) -> Option<f64> {
        let mean = || Some(self.value(sample, self.bytes)? / self.value(sample, self.blocks)?);
        said.size.or_else(mean).filter(|it| *it > 0.0)
    }

    /// Number of a row's blocks: by their bytes where their size is known, which are rounded less.
    fn blocks(&self, sample: &Sample<'_>, said: Said) -> Option<f64> {
        let by_bytes = || Some(self.value(sample, self.bytes)? / self.unit_of_bytes(sample, said.size?));
        by_bytes().or_else(|| self.value(sample, self.blocks))
    }

    /// A value of a row without its sign, unless it is 0.
    fn value(&self, sample: &Sample<'_>, column: Option<usize>) -> Option<f64> {
        column.map(|column| (sample.values[column] as f64).abs()).filter(|it| *it > 0.0)
    }

    /// What one block of this size adds to the value.
    fn unit(&self, sample: &Sample<'_>, size: f64) -> Option<f64> {
        Some(if self.counted? == Counted::Bytes { self.unit_of_bytes(sample, size) } else { 1.0 })
    }

    /// What one block of this size adds to a column of bytes; of reallocations, what one that copied copies, at the most.
    ///
    /// One that at least doubled the block copied half of it or less, any other less than the whole. The error of a sum is
    /// largest when as many as can have copied the most that they can.
    fn unit_of_bytes(&self, sample: &Sample<'_>, size: f64) -> f64 {
        let (Some([all, doublings]), Some(copied)) = (self.copied, self.value(sample, self.bytes)) else {
            return size;
        };
        let others = (sample.values[all] as f64 - sample.values[doublings] as f64).max(0.0);
        let by_others = (others * size).min(copied);
        let squares = by_others * size + (copied - by_others) * size / 2.0;
        squares / copied
    }

    /// Whether the blocks of a row are among those that the snapshot with this number has seen. Rows without a birth are not.
    pub fn has_seen(&mut self, epoch: i64, sample: &Sample<'_>) -> bool {
        self.said(sample).born.is_some_and(|born| born <= epoch)
    }
}

/// What a sample of processor time adds to the values in `column`: the period, or 1 where samples are counted. `None` of other
/// profiles, and of differences.
fn per_sample(profile: &Profile, column: usize) -> Option<f64> {
    let period = profile.period_type.as_ref().filter(|it| it.kind == "cpu" && it.unit != "bytes")?;
    if profile.period <= 0 || profile.is_difference() {
        return None;
    }
    let column = profile.sample_types().get(column)?;
    match column.kind.as_str() {
        "samples" if column.unit == "count" => Some(1.0),
        _ if column == period => Some(profile.period as f64),
        _ => None,
    }
}

/// `e^(s/R) - 1`: how often a block of this size is sampled for each time it is not.
pub(crate) fn odds(size: f64, interval: i64) -> f64 {
    (size / interval as f64).exp_m1()
}

/// What an estimate of so many blocks rests on, each of which counts as `unit`; `unseen` is what one stands for that was not
/// seen, which is as much as one of these where it is not known.
pub(crate) fn basis_of(blocks: f64, odds: f64, unit: f64, unseen: Option<f64>) -> Basis {
    let missed = 1.0 / (1.0 + odds);
    let samples = samples(blocks, odds);
    let weight = if samples > 0.0 { blocks / samples * unit } else { 0.0 };
    Basis {
        variance: blocks / odds * unit * unit,
        third: samples * weight.powi(3) * missed * (1.0 + missed),
        unseen: unseen.unwrap_or(weight),
        samples,
    }
}

/// How many samples so many blocks stand for: `c·p`, with p = odds / (1 + odds), written so that infinite odds are certainty.
fn samples(blocks: f64, odds: f64) -> f64 {
    blocks / (1.0 + 1.0 / odds)
}

#[cfg(test)]
mod tests;
