//! What profiles say as a whole: whether that can be merged, and what becomes of it.

use super::error::MergeError;
use crate::meta::Meta;
use crate::profile::{Profile, ValueType};
use crate::source::Source;

/// The label that says which sampling interval drew a row.
pub(super) const INTERVAL: &str = "interval";

/// The label that says what the row's estimates are off, in blocks². The values of equal rows are added up.
pub(super) const VARIANCE: &str = "variance";

/// Labels that mean something within one process only, and are left out.
pub(super) const OF_PROCESS: [&str; 1] = ["birth_epoch"];

/// The merged profile without its tables.
pub(super) fn merged(profiles: &[Profile]) -> Result<Profile, MergeError> {
    let (first, others) = profiles.split_first().ok_or(MergeError::Nothing)?;
    let mut common = first.sample_types().to_vec();
    for (other, at) in others.iter().zip(1..) {
        let mut left = other.sample_types().to_vec();
        common.retain(|wanted| match left.iter().position(|it| it == wanted) {
            Some(found) => {
                left.swap_remove(found);
                true
            }
            None => false,
        });
        if common.is_empty() && !(first.sample_types().is_empty() && other.sample_types().is_empty()) {
            let (first, other) = (kinds(first.sample_types()), kinds(other.sample_types()));
            return Err(MergeError::SampleTypes { at, first, other });
        }
    }
    let mut merged = Profile::new(common);
    for (profile, at) in profiles.iter().zip(0..) {
        match (&merged.period_type, &profile.period_type) {
            (Some(known), Some(other)) if known != other => {
                let (first, other) = (kind(known), kind(other));
                return Err(MergeError::PeriodTypes { at, first, other });
            }
            (None, Some(_)) => merged.period_type.clone_from(&profile.period_type),
            _ => {}
        }
    }
    let default = first.default_sample_type.and_then(|it| first.sample_types().get(it));
    merged.default_sample_type =
        default.and_then(|wanted| merged.sample_types().iter().position(|it| it == wanted));
    merged.period = if profiles.iter().any(|it| it.period <= 0) {
        0
    } else {
        profiles.iter().map(|it| it.period).max().unwrap_or(0)
    };
    merged.time_ns = profiles.iter().map(|it| it.time_ns).filter(|it| *it != 0).min().unwrap_or(0);
    merged.duration_ns = profiles.iter().fold(0, |sum, it| sum.saturating_add(it.duration_ns));
    for comment in profiles.iter().flat_map(|it| &it.comments) {
        if !merged.comments.contains(comment) {
            merged.comments.push(comment.clone());
        }
    }
    merged.drop_frames = either(profiles.iter().map(|it| it.drop_frames.as_str()));
    merged.keep_frames = either(profiles.iter().map(|it| it.keep_frames.as_str()));
    if others.iter().all(|it| it.doc_url == first.doc_url) {
        merged.doc_url.clone_from(&first.doc_url);
    }
    merged.meta = meta(profiles);
    // What all of them are of.
    merged.identity.clone_from(&first.identity);
    merged.identity.retain(|name, text| others.iter().all(|it| it.identity.get(name) == Some(text)));
    merged.source = source(profiles);
    Ok(merged)
}

/// For each column of `merged` the one of `profile` that counts the same.
pub(super) fn columns(merged: &Profile, profile: &Profile) -> Vec<usize> {
    let mut taken = vec![false; profile.sample_types().len()];
    let column = |wanted: &ValueType| {
        let mut all = profile.sample_types().iter().zip(&taken);
        let found = all.position(|(it, taken)| it == wanted && !taken).unwrap_or_default();
        taken[found] = true;
        found
    };
    merged.sample_types().iter().map(column).collect()
}

/// What the rows of `profile` have to say about their sampling interval, because `merged` as a whole does
/// not.
pub(super) fn interval(merged: &Profile, profile: &Profile) -> Option<i64> {
    (profile.period > 0 && profile.period != merged.period).then_some(profile.period)
}

fn kind(it: &ValueType) -> String {
    format!("{} ({})", it.kind, it.unit)
}

fn kinds(types: &[ValueType]) -> String {
    types.iter().map(kind).collect::<Vec<_>>().join(", ")
}

/// An expression that matches what any of these does. Each is in a group of its own, so that its flags
/// (`(?i)`) are its own.
fn either<'a>(expressions: impl Iterator<Item = &'a str>) -> String {
    let mut all: Vec<&str> = expressions.filter(|it| !it.is_empty()).collect();
    all.sort_unstable();
    all.dedup();
    match all.as_slice() {
        [only] => (*only).to_owned(),
        all => all.iter().map(|it| format!("(?:{it}{})", end_of_quote(it))).collect::<Vec<_>>().join("|"),
    }
}

/// What ends a quotation (`\Q`) that an expression leaves open, which would quote what is written behind it.
fn end_of_quote(expression: &str) -> &'static str {
    let (mut is_quoted, mut characters) = (false, expression.chars());
    while let Some(next) = characters.next() {
        if next == '\\' {
            let mut ahead = characters.clone();
            match ahead.next() {
                Some('E') if is_quoted => is_quoted = false,
                Some('Q') if !is_quoted => is_quoted = true,
                // Inside of a quotation a backslash is a character, and what follows may end it.
                _ if is_quoted => continue,
                _ => {}
            }
            characters = ahead;
        }
    }
    if is_quoted { "\\E" } else { "" }
}

/// The recorders' facts, if all profiles have some: counts are added up, and what is of one process only is
/// left out.
fn meta(profiles: &[Profile]) -> Option<Meta> {
    let all: Vec<Meta> = profiles.iter().map(|it| it.meta).collect::<Option<_>>()?;
    let sum = |fact: fn(&Meta) -> Option<i64>| {
        all.iter().map(fact).try_fold(0_i64, |sum, it| Some(sum.saturating_add(it?)))
    };
    Some(Meta {
        format: all.iter().filter_map(|it| it.format).max(),
        exact: all.iter().map(|it| it.exact).min().flatten(),
        alloc_blocks: sum(|it| it.alloc_blocks),
        alloc_bytes: sum(|it| it.alloc_bytes),
        freed_blocks: sum(|it| it.freed_blocks),
        freed_bytes: sum(|it| it.freed_bytes),
        peak_bytes: sum(|it| it.peak_bytes),
        overhead_bytes: sum(|it| it.overhead_bytes),
        rss_bytes: sum(|it| it.rss_bytes),
        samples: sum(|it| it.samples),
        dropped_samples: sum(|it| it.dropped_samples),
        dropped_blocks: sum(|it| it.dropped_blocks),
        dropped_bytes: sum(|it| it.dropped_bytes),
        truncated_stacks: sum(|it| it.truncated_stacks),
        system_walks: sum(|it| it.system_walks),
        ..Meta::default()
    })
}

/// What any of the profiles lacks, the merged one lacks in part.
fn source(profiles: &[Profile]) -> Source {
    let mut source = profiles.first().map(|it| it.source.clone()).unwrap_or_default();
    for other in profiles.iter().map(|it| &it.source) {
        if other.producer != source.producer {
            source.producer = None;
        }
        other.missing.iter().for_each(|&it| source.lacks(it));
        for note in &other.notes {
            if !source.notes.contains(note) {
                source.notes.push(note.clone());
            }
        }
    }
    source
}
