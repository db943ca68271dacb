//! Reads folded stacks.

use std::collections::BTreeMap;

use super::KIND;
use super::value::{Rounding, Value};
use crate::format::list::Format;
use crate::format::others::text::{TextLine, check_memory, cut_off, lines, quoted};
use crate::limits::Limits;
use crate::location::{Line, Location, LocationId};
use crate::profile::{Profile, ValueType};
use crate::read_error::ReadError;
use crate::sample::Label;
use crate::source::{Missing, Source};

/// What the numbers at the end of each line are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    One,
    /// Of the base and of the new profile.
    Two,
}

/// Decodes folded stacks. A file with two numbers on each line is a difference, with the rows of the base
/// apart.
pub(in crate::format::others) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let mut profile = Profile::new(vec![ValueType::new(KIND.0, KIND.1)]);
    profile.source = Source {
        format: Format::Folded,
        producer: None,
        missing: vec![Missing::Unit, Missing::Moment, Missing::Addresses, Missing::Lines],
        ..Source::default()
    };
    let numbers = numbers(bytes);
    let add_up = rows_of(bytes).any(|line| !is_whole(&line, numbers));
    let mut rows = Rows { base: profile.add_base_label(), add_up, sums: BTreeMap::new(), heap_bytes: 0 };
    let mut stack = Vec::new();
    for line in rows_of(bytes) {
        let (names, [base, value]) = row(&line, numbers)?;
        stack.clear();
        for name in names.split(';').filter(|it| !it.is_empty()) {
            stack.push(location(&mut profile, name));
        }
        line.check_depth(stack.len())?;
        stack.reverse();
        if numbers == Numbers::Two {
            rows.push(&mut profile, &stack, base, true);
        }
        rows.push(&mut profile, &stack, value, false);
        limits.check(rows.heap_bytes.saturating_add(bytes.len() as u64))?;
        check_memory(limits, bytes, &profile)?;
    }
    rows.finish(&mut profile);
    if profile.samples.is_empty() {
        return Err(cut_off(Format::Folded, bytes, "a stack"));
    }
    Ok(profile)
}

/// The lines that are no remarks.
fn rows_of(bytes: &[u8]) -> impl Iterator<Item = TextLine<'_>> {
    lines(Format::Folded, bytes).filter(|it| !it.is_blank() && !it.bytes.starts_with(b"# "))
}

/// A name may end in a number, so how many numbers there are is seen in all lines together.
fn numbers(bytes: &[u8]) -> Numbers {
    let has_two = |line: TextLine<'_>| {
        let words = line.text().ok().and_then(|it| split(it.trim_end()));
        let words = words.and_then(|(names, _)| split(names.trim_end()));
        words.is_some_and(|(names, number)| !names.trim().is_empty() && Value::parse(number).is_some())
    };
    let mut lines = rows_of(bytes).peekable();
    if lines.peek().is_some() && lines.all(has_two) { Numbers::Two } else { Numbers::One }
}

fn split(text: &str) -> Option<(&str, &str)> {
    text.rsplit_once([' ', '\t'])
}

fn is_whole(line: &TextLine<'_>, numbers: Numbers) -> bool {
    row(line, numbers).map_or(true, |(_, values)| values.into_iter().all(Value::is_whole))
}

/// The frames of a line, and its numbers: the base's, which is 0 where there is one number, and the other.
fn row<'a>(line: &TextLine<'a>, numbers: Numbers) -> Result<(&'a str, [Value; 2]), ReadError> {
    let number = |text: &str| {
        Value::parse(text).ok_or_else(|| {
            line.wrong(format!("the value is {}, not a number between -2^63 and 2^63", quoted(text)))
        })
    };
    let nothing = || line.wrong("frames, a blank and a number were expected");
    let (names, last) = split(line.text()?.trim_end()).ok_or_else(nothing)?;
    let value = number(last)?;
    if numbers == Numbers::One {
        return Ok((names.trim(), [Value::default(), value]));
    }
    let (names, first) = split(names.trim_end()).ok_or_else(nothing)?;
    Ok((names.trim(), [number(first)?, value]))
}

/// The rows on their way into the profile.
struct Rows {
    /// The label of the base's rows.
    base: Label,
    /// Some value has decimals: rows of one stack are added up, and rounded at the end.
    add_up: bool,
    /// By stack, root first, so that what rounding takes from one row goes to the next within the same
    /// function.
    sums: BTreeMap<(bool, Vec<u32>), Value>,
    heap_bytes: u64,
}

impl Rows {
    fn push(&mut self, profile: &mut Profile, stack: &[LocationId], value: Value, of_base: bool) {
        if !self.add_up {
            self.push_rounded(profile, stack, &mut Rounding::default(), value, of_base);
            return;
        }
        let root_first: Vec<u32> = stack.iter().rev().map(|it| it.0).collect();
        let bytes = size_of::<((bool, Vec<u32>), Value)>() + root_first.len() * size_of::<u32>();
        let sum = self.sums.entry((of_base, root_first)).or_insert_with(|| {
            self.heap_bytes += bytes as u64;
            Value::default()
        });
        sum.add(value);
    }

    fn push_rounded(
        &self,
        profile: &mut Profile,
        stack: &[LocationId],
        rounding: &mut Rounding,
        value: Value,
        of_base: bool,
    ) {
        let value = rounding.round(value);
        if of_base {
            profile.samples.push(stack, &[value.saturating_neg()], &[self.base]);
        } else {
            profile.samples.push(stack, &[value], &[]);
        }
    }

    fn finish(mut self, profile: &mut Profile) {
        let mut roundings = [Rounding::default(), Rounding::default()];
        for ((of_base, root_first), value) in std::mem::take(&mut self.sums) {
            let stack: Vec<LocationId> = root_first.into_iter().rev().map(LocationId).collect();
            self.push_rounded(profile, &stack, &mut roundings[usize::from(of_base)], value, of_base);
        }
    }
}

/// The location of the function `name`. Each function of such a profile has one, at the same position.
pub(super) fn location(profile: &mut Profile, name: &str) -> LocationId {
    let function = profile.add_function(name, name, "");
    if function.index() == profile.locations().len() {
        return profile.add_location(Location::symbolized(vec![Line::new(function, 0)]));
    }
    LocationId::from_index(function.index())
}

/// Whether a text is one of these: frames, a blank, and a number in the first line that is no remark.
pub(in crate::format::others) fn detect(text: &[u8]) -> bool {
    if text.starts_with(b"# callgrind format") {
        return false;
    }
    let is_row = |line: &&[u8]| !line.trim_ascii().is_empty() && !line.starts_with(b"# ");
    let Some(line) = text.split(|&byte| byte == b'\n').find(is_row).map(<[u8]>::trim_ascii_end) else {
        return false;
    };
    let number = line.iter().rposition(|byte| byte.is_ascii_whitespace()).map(|blank| &line[blank + 1..]);
    let number = number.and_then(|it| str::from_utf8(it).ok()?.parse::<f64>().ok());
    number.is_some_and(f64::is_finite)
}
