//! What the resident set consists of: a ledger that adds up, and the lines whose live blocks keep more than themselves.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use highwater_profile::{Profile, Sample};
use serde::Serialize;

use crate::error::AnalyzeError;
use crate::queries::header::Header;
use crate::queries::top::{TopRow, top};
use crate::query::Query;
use crate::sample_kind::SampleKind;
use crate::statistics::estimate::Estimate;
use crate::statistics::sampling::Sampling;
use crate::statistics::sum::Sum;

/// The part of the ledger that nothing explains, as the recorder calls it.
const UNNAMED: &str = "unnamed";

/// The answer of [`residency()`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Residency {
    /// What the lines are about: resident bytes.
    pub header: Header,
    /// The resident set in bytes: the sum of all lines.
    pub resident_bytes: i64,
    /// Bytes that were swapped out beside it.
    pub swapped_bytes: i64,
    /// The share of the resident set that has a name.
    pub named_fraction: f64,
    /// Bytes that the program had requested and not freed; `None` where the file does not say.
    pub live_bytes: Option<Estimate>,
    /// The kernel's counter of the resident set before the ledger was read, and after that.
    pub counter_bytes: Option<[i64; 2]>,
    /// Resident bytes in huge pages. They are part of the lines.
    pub huge_bytes: Option<i64>,
    /// Time in nanoseconds for which the process was copied; `None` where it was not.
    pub pause_ns: Option<i64>,
    /// The ledger, the largest line first.
    pub lines: Vec<ResidencyLine>,
    /// Where live blocks were made that keep empty space on their pages, the most first.
    pub held: KeptBytes,
    /// Where live blocks were made that have pages which are not resident, the most first.
    pub untouched: KeptBytes,
    /// What could not be told, and why.
    pub remarks: Vec<String>,
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct ResidencyLine {
    /// What it is, in one word.
    pub kind: String,
    /// The same in a few words.
    pub title: String,
    /// Which one: a file, threads, a mapping; empty where the title says all.
    pub name: String,
    /// Resident bytes.
    pub bytes: Estimate,
    /// `bytes` as a share of the resident set.
    pub fraction: f64,
    /// Bytes that were swapped out, beside the resident ones.
    pub swapped_bytes: i64,
    /// Where the number comes from.
    pub source: String,
}

/// A ranking of bytes that live blocks keep, or do not touch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct KeptBytes {
    /// Sum over all rows.
    pub total: Estimate,
    /// The largest rows.
    pub rows: Vec<TopRow>,
}

/// Says what the resident set of the process in `profile` consists of.
///
/// # Errors
/// [`AnalyzeError::NoSampleType`] when the profile has no such ledger.
pub fn residency(profile: &Profile, query: &Query) -> Result<Residency, AnalyzeError> {
    let kind = SampleKind::ResidentBytes;
    let column = kind.column(profile)?;
    let swapped = SampleKind::SwappedBytes.column(profile)?;
    let mut sampling = Sampling::of(profile, column);
    let ledger = profile.strings.find("ledger");
    let mut lines = Vec::new();
    let (mut total, mut swapped_bytes, mut unnamed) = (Sum::ZERO, Sum::ZERO, Sum::ZERO);
    for sample in profile.samples.iter() {
        let Some(word) = ledger.and_then(|it| sample.text(it)) else { continue };
        let sum = Sum::new(sample.values[column], sampling.basis(&sample));
        let kind = profile.string(word).to_owned();
        total.add(Sum::counted(sample.values[column]));
        swapped_bytes.add(Sum::counted(sample.values[swapped]));
        if kind == UNNAMED {
            unnamed.add(sum);
        }
        let [title, name] = names(profile, &sample);
        let source = profile.strings.find("source").and_then(|it| sample.text(it));
        lines.push(ResidencyLine {
            kind,
            title,
            name,
            bytes: Estimate::normal(sample.values[column], sum.variance().map(f64::sqrt)),
            fraction: 0.0,
            swapped_bytes: sample.values[swapped],
            source: source.map_or_else(String::new, |it| profile.string(it).to_owned()),
        });
    }
    let share = |value: i64| if total.is_zero() { 0.0 } else { value as f64 / total.value() as f64 };
    for line in &mut lines {
        line.fraction = share(line.bytes.value);
    }
    lines.sort_by_key(|it| Reverse(it.bytes.value));
    let mut header = Header::new(profile, &kind);
    header.total = Estimate::exact(total.value());
    header.shown_total = header.total;
    let meta = profile.meta.unwrap_or_default();
    Ok(Residency {
        header,
        resident_bytes: total.value(),
        swapped_bytes: swapped_bytes.value(),
        named_fraction: 1.0 - share(unnamed.value()),
        live_bytes: live_bytes(profile),
        counter_bytes: meta.rss_before_bytes.zip(meta.rss_after_bytes).map(|(before, after)| [before, after]),
        huge_bytes: meta.rss_huge_bytes,
        pause_ns: meta.rss_pause_ns,
        lines,
        held: kept(profile, query, SampleKind::HeldBytes)?,
        untouched: kept(profile, query, SampleKind::UntouchedBytes)?,
        remarks: profile.comments.clone(),
    })
}

/// Title and name of a line. Its stack has the name, if there is one, the title, and what all lines have in common.
fn names(profile: &Profile, sample: &Sample<'_>) -> [String; 2] {
    let mut frames = Vec::new();
    for &location in sample.stack {
        profile.location_names(location, |name| frames.push(name.into_owned()));
    }
    frames.pop();
    let title = frames.pop().unwrap_or_default();
    [title, frames.pop().unwrap_or_default()]
}

/// What the recorder counted, else what its samples stand for.
fn live_bytes(profile: &Profile) -> Option<Estimate> {
    let meta = profile.meta?;
    Some(Estimate::exact(meta.alloc_bytes?.saturating_sub(meta.freed_bytes?)))
}

fn kept(profile: &Profile, query: &Query, sample: SampleKind) -> Result<KeptBytes, AnalyzeError> {
    let answer = top(profile, &Query { sample: Some(sample), ..query.clone() })?;
    let rows = answer.rows.into_iter().filter(|row| row.flat.value > 0).collect();
    Ok(KeptBytes { total: answer.header.total, rows })
}

impl Residency {
    /// The resident bytes of each kind of line, by the kind's word.
    pub fn by_kind(&self) -> BTreeMap<&str, i64> {
        let mut sums = BTreeMap::new();
        for line in &self.lines {
            let sum: &mut i64 = sums.entry(line.kind.as_str()).or_default();
            *sum = sum.saturating_add(line.bytes.value);
        }
        sums
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use highwater_profile::{Label, LabelValue, Line, Location, ValueType};

    use super::*;

    /// A profile with the columns of a ledger, and without rows.
    pub(crate) fn profile() -> Profile {
        let types = [
            "inuse_objects",
            "inuse_space",
            "held_objects",
            "held_space",
            "untouched_objects",
            "untouched_space",
            "resident_space",
            "swapped_space",
        ];
        let mut profile = Profile::new(types.map(|it| ValueType::new(it, "bytes")).to_vec());
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = 4096;
        profile
    }

    fn stack(profile: &mut Profile, frames: &[&str]) -> Vec<highwater_profile::LocationId> {
        let location = |profile: &mut Profile, frame: &str| {
            let function = profile.add_function(frame, frame, "src/a.rs");
            profile.add_location(Location::symbolized(vec![Line::new(function, 7)]))
        };
        frames.iter().map(|frame| location(profile, frame)).collect()
    }

    fn line(profile: &mut Profile, kind: &str, frames: &[&str], bytes: i64, margin: i64) {
        let stack = stack(profile, frames);
        let key = profile.strings.intern("ledger");
        let value = LabelValue::Text(profile.strings.intern(kind));
        let mut labels = vec![Label { key, value }];
        if margin > 0 {
            let key = profile.strings.intern("margin");
            labels.push(Label { key, value: LabelValue::Number(margin, key) });
        }
        profile.samples.push(&stack, &[0, 0, 0, 0, 0, 0, bytes, 0], &labels);
    }

    #[test]
    fn lines_add_up_and_have_their_margins() {
        let mut profile = profile();
        line(&mut profile, "live", &["requested and alive", "resident set"], 600, 60);
        line(&mut profile, "program", &["libc.so.6", "program and libraries", "resident set"], 390, 0);
        line(&mut profile, UNNAMED, &["not named", "resident set"], 10, 0);
        let answer = residency(&profile, &Query::default()).unwrap();
        assert_eq!((answer.resident_bytes, answer.named_fraction), (1000, 0.99));
        assert_eq!(answer.by_kind()["live"], 600);
        let [live, program, _] = answer.lines.as_slice() else { panic!("{:?}", answer.lines) };
        assert_eq!((live.fraction, live.bytes.margin95().map(f64::round)), (0.6, Some(60.0)));
        assert_eq!((program.name.as_str(), program.bytes.has_error()), ("libc.so.6", false));
        assert_eq!(program.title, "program and libraries");
    }

    #[test]
    fn what_blocks_hold_has_the_error_of_its_label() {
        let mut profile = profile();
        let frames = stack(&mut profile, &["keep"]);
        let mut number = |key, value| {
            let key = profile.strings.intern(key);
            Label { key, value: LabelValue::Number(value, key) }
        };
        // 16 samples of 64 bytes stand for 64 blocks each, and each keeps 3 KiB.
        let labels = [number("bytes", 64), number("held_variance", 16 * 64 * 63 * 3072 * 3072)];
        profile.samples.push(&frames, &[1024, 65_536, 1024, 3 << 20, 0, 0, 0, 0], &labels);
        let answer = residency(&profile, &Query::default()).unwrap();
        assert_eq!(answer.held.total.value, 3 << 20);
        let error = answer.held.total.standard_error.unwrap();
        assert!((error / (3072.0 * (16.0 * 64.0 * 63.0_f64).sqrt()) - 1.0).abs() < 1e-6, "{error}");
        assert_eq!(answer.held.rows[0].key.function.as_deref(), Some("keep"));
        assert!(answer.untouched.rows.is_empty());
    }

    #[test]
    fn a_profile_without_a_ledger_says_what_it_has() {
        let profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
        let error = residency(&profile, &Query::default()).unwrap_err();
        assert_eq!(error.to_string(), "the profile has no sample type resident-bytes; it has live-bytes");
    }
}
