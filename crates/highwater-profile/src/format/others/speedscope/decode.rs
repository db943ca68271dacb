//! Reads speedscope files.
//!
//! A file holds any number of profiles with names of their own. Profiles that are named like a sample type of
//! Highwater become its column, as our own files have them. The other profiles of one unit become one column
//! together, and a label has the profile of each row: in other tools' files they are threads.

use std::borrow::Cow;

use serde::Deserialize;

use super::NO_UNIT;
use super::values::{Amount, Event, EventKind, Stacks};
use crate::format::list::Format;
use crate::format::others::beginning::holds;
use crate::format::others::by_stack::ByStack;
use crate::format::others::json::{self, Refusal};
use crate::format::others::tree::StackTree;
use crate::limits::Limits;
use crate::location::{Line, Location, LocationId};
use crate::profile::{Profile, ValueType};
use crate::read_error::ReadError;
use crate::sample::{Label, LabelValue};
use crate::source::{Missing, Source};

/// Names that are sample types, with their units in speedscope's words and in ours.
const OWN_KINDS: [(&str, &str, &str); 6] = [
    ("alloc_objects", NO_UNIT, "count"),
    ("alloc_space", "bytes", "bytes"),
    ("inuse_objects", NO_UNIT, "count"),
    ("inuse_space", "bytes", "bytes"),
    ("peak_objects", NO_UNIT, "count"),
    ("peak_space", "bytes", "bytes"),
];

/// Other units: what their values count, in which unit, and how many of it one is. Times have fractions.
const UNITS: [(&str, &str, &str, f64); 6] = [
    ("bytes", "space", "bytes", 1.0),
    (NO_UNIT, "samples", "count", 1.0),
    ("nanoseconds", "time", "nanoseconds", 1.0),
    ("microseconds", "time", "nanoseconds", 1e3),
    ("milliseconds", "time", "nanoseconds", 1e6),
    ("seconds", "time", "nanoseconds", 1e9),
];

/// How many bytes the tables of a profile take for each byte of its text, at most: of two bytes, a digit and
/// a comma, one of 16 is made.
const GROWTH: u64 = 8;

/// A file, but for its tables.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    exporter: Option<Cow<'a, str>>,
    #[serde(rename = "activeProfileIndex")]
    active: Option<u32>,
    #[serde(borrow)]
    profiles: Vec<About<'a>>,
    #[serde(rename = "shared")]
    _shared: serde::de::IgnoredAny,
}

/// A profile, but for its tables.
#[derive(Deserialize)]
struct About<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    unit: Cow<'a, str>,
}

#[derive(Deserialize)]
struct SharedFrame<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    file: Option<Cow<'a, str>>,
    line: Option<f64>,
}

/// The values of a profile, in one of two forms.
#[derive(Deserialize)]
struct Values<'a> {
    #[serde(rename = "type", borrow)]
    form: Cow<'a, str>,
    samples: Option<Stacks>,
    weights: Option<Vec<Amount>>,
    events: Option<Vec<Event>>,
}

/// Where the values of a profile go.
struct Target {
    column: usize,
    /// How many units of the column one of the profile's is.
    scale: f64,
    /// The profile's name, if others in the same column must be distinguished from it.
    label: Option<Label>,
}

/// Reads the text of a speedscope file.
///
/// # Errors
/// When it is no such file, or takes more memory than allowed.
pub(in crate::format::others) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let text_bytes = bytes.len() as u64;
    limits.check(text_bytes.saturating_mul(GROWTH))?;
    let head: Head<'_> = json::parse(Format::Speedscope, bytes)?;
    let (mut profile, targets) = columns(&head)?;
    json::each(Format::Speedscope, bytes, &["shared", "frames"], |frame: SharedFrame<'_>| {
        let line = frame.line.filter(|it| (0.0..=f64::from(u32::MAX)).contains(it)).unwrap_or(0.0) as i64;
        let function =
            profile.add_function(&frame.name, &frame.name, frame.file.as_deref().unwrap_or_default());
        profile.add_location(Location::symbolized(vec![Line::new(function, line)]));
        Ok(limits.check(text_bytes + profile.heap_bytes())?)
    })?;
    // The first number of each stack is the label, if it has one.
    let mut rows = ByStack::new(profile.sample_types().len());
    let mut next = targets.iter().zip(1..);
    json::each(Format::Speedscope, bytes, &["profiles"], |values: Values<'_>| {
        let Some((target, number)) = next.next() else { return Ok(()) };
        let label = if target.label.is_some() { number } else { 0 };
        let frames = profile.locations().len();
        let mut add = |stack: &mut dyn Iterator<Item = u32>, value: i64| {
            let key: Vec<u32> = std::iter::once(label).chain(stack).collect();
            let sum = &mut rows.values_mut(&key)[target.column];
            *sum = sum.saturating_add(value);
            limits.check(text_bytes.saturating_add(profile.heap_bytes()) + rows.heap_bytes())
        };
        match (&*values.form, &values) {
            ("sampled", Values { samples: Some(stacks), weights: Some(weights), .. }) => {
                sampled(stacks, weights, frames, target.scale, &mut add)
            }
            ("evented", Values { events: Some(events), .. }) => {
                evented(events, frames, target.scale, &mut add)
            }
            ("sampled" | "evented", _) => {
                Err("a `sampled` profile has `samples` and `weights`, an `evented` one `events`"
                    .to_owned()
                    .into())
            }
            (other, _) => Err(format!("a profile is `sampled` or `evented`, not `{other}`").into()),
        }
    })?;
    let mut stack = Vec::new();
    for (key, values) in rows.iter().filter(|(_, values)| values.iter().any(|it| *it != 0)) {
        let Some((&label, frames)) = key.split_first() else { continue };
        let label = (label as usize).checked_sub(1).and_then(|it| targets[it].label);
        stack.clear();
        stack.extend(frames.iter().map(|&it| LocationId::from_index(it as usize)));
        profile.samples.push(&stack, values, label.as_slice());
        limits.check(text_bytes + profile.heap_bytes() + rows.heap_bytes())?;
    }
    Ok(profile)
}

/// An empty profile with the columns of the file, and which of them each of the file's profiles goes to.
fn columns(head: &Head<'_>) -> Result<(Profile, Vec<Target>), ReadError> {
    let mut types: Vec<ValueType> = Vec::new();
    let mut targets = Vec::new();
    // What we wrote calls every profile by its kind of values.
    let is_ours = head.exporter.as_deref().is_some_and(|it| it.starts_with("highwater "));
    for about in &head.profiles {
        let own = OWN_KINDS.iter().find(|(kind, unit, _)| *kind == about.name && *unit == about.unit);
        let other = UNITS.iter().find(|(unit, ..)| *unit == about.unit);
        let (kind, unit, scale) = match (own, other) {
            (Some((kind, _, unit)), _) => (*kind, *unit, 1.0),
            (None, Some((_, _, unit, scale))) if is_ours => (&*about.name, *unit, *scale),
            (None, Some((_, kind, unit, scale))) => (*kind, *unit, *scale),
            (None, None) => {
                return Err(ReadError::Line {
                    format: Format::Speedscope.title(),
                    line: 1,
                    reason: format!(
                        "the unit of a profile is `{}`, which is none of speedscope's",
                        about.unit
                    ),
                });
            }
        };
        let value_type = ValueType::new(kind, unit);
        let column = types.iter().position(|it| *it == value_type).unwrap_or_else(|| {
            types.push(value_type);
            types.len() - 1
        });
        targets.push((Target { column, scale, label: None }, own.is_none() && !is_ours));
    }
    let mut profile = Profile::new(types);
    let key = profile.strings.intern("profile");
    let others = targets.iter().filter(|(_, is_other)| *is_other).count();
    let targets: Vec<Target> = targets
        .into_iter()
        .zip(&head.profiles)
        .map(|((target, is_other), about)| {
            let value =
                (is_other && others > 1).then(|| LabelValue::Text(profile.strings.intern(&about.name)));
            Target { label: value.map(|value| Label { key, value }), ..target }
        })
        .collect();
    let active = head.active.and_then(|it| targets.get(it as usize)).or(targets.first());
    profile.default_sample_type = active.map(|it| it.column);
    let producer = head.exporter.as_deref().map(str::to_owned);
    profile.source = Source { producer, ..Source::of(Format::Speedscope) };
    profile.source.missing = vec![
        Missing::SamplingInterval,
        Missing::BlockSizes,
        Missing::Addresses,
        Missing::Mappings,
        Missing::BuildIds,
        Missing::Time,
        Missing::Duration,
    ];
    let has = |kind| profile.sample_type(kind).is_some();
    let (plain, bytes) = (has("samples"), has("space"));
    if plain {
        profile.source.lacks(Missing::Unit);
    }
    if plain || bytes {
        profile.source.lacks(Missing::Moment);
    }
    Ok((profile, targets))
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Reason(reason)
    }
}

/// Takes a value with the stack that it belongs to, leaf first.
type Add<'a> = dyn FnMut(&mut dyn Iterator<Item = u32>, i64) -> Result<(), ReadError> + 'a;

/// A stack for each weight.
fn sampled(
    stacks: &Stacks,
    weights: &[Amount],
    frames: usize,
    scale: f64,
    add: &mut Add<'_>,
) -> Result<(), Refusal> {
    if stacks.len() != weights.len() {
        return Err(format!("{} `samples` have {} `weights`", stacks.len(), weights.len()).into());
    }
    for (stack, weight) in stacks.iter().zip(weights) {
        if stack.len() > Limits::MAX_STACK_FRAMES {
            return Err(format!("a stack of more than {} frames", Limits::MAX_STACK_FRAMES).into());
        }
        for &frame in stack {
            check_frame(frame, frames)?;
        }
        let value = weight.scaled(scale).ok_or_else(|| "a weight is out of range".to_owned())?;
        add(&mut stack.iter().rev().copied(), value)?;
    }
    Ok(())
}

/// Frames that open and close while a counter runs: what it gains belongs to the stack that is open.
fn evented(events: &[Event], frames: usize, scale: f64, add: &mut Add<'_>) -> Result<(), Refusal> {
    let mut tree = StackTree::default();
    let mut sums: Vec<i64> = Vec::new();
    let (mut open, mut before): (Option<u32>, i64) = (None, 0);
    for (index, event) in events.iter().enumerate() {
        let at = event.at.scaled(scale).ok_or_else(|| format!("`at` of event {index} is out of range"))?;
        let gain = if index == 0 { Some(0) } else { at.checked_sub(before).filter(|it| *it >= 0) };
        let gain = gain.ok_or_else(|| format!("event {index} is before the one in front of it"))?;
        before = at;
        if let Some(node) = open {
            let sum = &mut sums[node as usize];
            *sum = sum.saturating_add(gain);
        }
        check_frame(event.frame, frames)?;
        match (event.kind, open) {
            (EventKind::Open, _) => {
                let node = tree.child(open, event.frame);
                if tree.depth(node) > Limits::MAX_STACK_FRAMES {
                    return Err(format!("a stack of more than {} frames", Limits::MAX_STACK_FRAMES).into());
                }
                sums.resize(tree.len(), 0);
                open = Some(node);
            }
            (EventKind::Close, Some(node)) if tree.frame(node) == event.frame => open = tree.parent(node),
            (EventKind::Close, _) => {
                let what = format!(
                    "event {index} closes frame {}, which is not the innermost open one",
                    event.frame
                );
                return Err(what.into());
            }
        }
    }
    if open.is_some() {
        return Err("frames are left open at the end".to_owned().into());
    }
    for (node, &sum) in sums.iter().enumerate().filter(|(_, sum)| **sum != 0) {
        add(&mut tree.path(node as u32), sum)?;
    }
    Ok(())
}

fn check_frame(frame: u32, frames: usize) -> Result<(), Refusal> {
    if frame as usize >= frames {
        return Err(format!("frame {frame} is named, and `shared.frames` has {frames} frames").into());
    }
    Ok(())
}

/// Whether a file is one of these, by its schema. Keys may come in any order, with megabytes between them.
pub(in crate::format::others) fn detect(json: &[u8]) -> bool {
    holds(json, b"speedscope.app/file-format-schema.json")
}
