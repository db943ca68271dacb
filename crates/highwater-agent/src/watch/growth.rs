//! Growth between two profiles of this process, ranked and with names, for people who read it next to the
//! profiles.
//!
//! The `highwater` command shows more from the same profiles: errors, whole trees, and noise kept apart.

use std::collections::HashMap;
use std::io::{self, Write};

use highwater_names::own;
use highwater_profile::Profile;

use highwater_resolver::{Call, Names};

/// Maximum rows to show.
pub(crate) const MAX_ROWS: usize = 20;

/// Maximum frames to show for each row.
const MAX_FRAMES: usize = 16;

/// Maximum frames to look up for a row: the allocator's frames come first.
const MAX_LOOKED_UP: usize = 2 * MAX_FRAMES;

/// Functions of these, and of the recorder, are on the way to the memory and not where it is asked for.
const PASSED_OVER: &[&str] = &["alloc::", "core::", "std::", "hashbrown::", "__r", "_R"];

/// A stack, with the growth of its live bytes and blocks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Addresses, innermost first.
    pub stack: Vec<u64>,
    pub bytes: i64,
    pub blocks: i64,
    /// Live bytes now.
    pub now_bytes: i64,
}

/// All stacks, largest growth first.
pub(crate) fn rows(before: &Profile, now: &Profile) -> Vec<Row> {
    let mut changes: HashMap<Vec<u64>, [i64; 3]> = HashMap::new();
    for (profile, sign) in [(now, 1), (before, -1)] {
        let columns = ["inuse_space", "inuse_objects"].map(|kind| profile.sample_type(kind));
        let [Some(bytes), Some(blocks)] = columns else { continue };
        for sample in profile.samples.iter().filter(|sample| sample.values[bytes] != 0) {
            let stack = sample.stack.iter().map(|&id| profile.location(id).address).collect();
            let change = changes.entry(stack).or_default();
            change[0] += sign * sample.values[bytes];
            change[1] += sign * sample.values[blocks];
            change[2] += if sign > 0 { sample.values[bytes] } else { 0 };
        }
    }
    let row = |(stack, [bytes, blocks, now_bytes]): (_, [i64; 3])| Row { stack, bytes, blocks, now_bytes };
    let mut rows: Vec<_> = changes.into_iter().map(row).collect();
    rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.stack.cmp(&b.stack)));
    rows
}

/// Writes the first `most` rows with growth, each with its stack from the line that asked for the memory.
///
/// # Errors
/// Errors of `out`.
pub(crate) fn write(rows: &[Row], most: usize, names: &mut Names, out: &mut dyn Write) -> io::Result<()> {
    let rows = &rows[..rows.partition_point(|row| row.bytes > 0)];
    let shown = rows.iter().take(most);
    names.look_up(shown.flat_map(|row| row.stack.iter().take(MAX_LOOKED_UP)).copied());
    let total: i64 = rows.iter().map(|row| row.bytes).sum();
    writeln!(out, "{total} bytes more are alive than before, in {} stacks", rows.len())?;
    for row in rows.iter().take(most) {
        writeln!(out, "\n+{} bytes, {:+} blocks", row.bytes, row.blocks)?;
        for Call { function, file, line } in calls_from_origin(&row.stack, names, MAX_FRAMES) {
            match line {
                0 => writeln!(out, "    {function}")?,
                _ => writeln!(out, "    {function} {file}:{line}")?,
            }
        }
    }
    Ok(())
}

/// The first `most` calls of a stack, from the line that asked for the memory. Looks up no more addresses
/// than needed: there may be little time.
pub(super) fn calls_from_origin(stack: &[u64], names: &mut Names, most: usize) -> Vec<Call> {
    let mut found = Vec::new();
    for &address in stack {
        let is_inside = found.is_empty();
        let calls = names.calls(address).iter();
        found.extend(calls.skip_while(|it| is_inside && is_skipped(&it.function)).cloned());
        if found.len() >= most {
            break;
        }
    }
    found.truncate(most);
    found
}

fn is_skipped(function: &str) -> bool {
    // `<Type as Trait>::method` is in the module of the type, unless the type has none: `<u8 as
    // alloc::…>::from_elem`.
    let inner = function.trim_start_matches(['<', '&']);
    let place = match inner.split_once(" as ") {
        Some((of, of_trait)) if function.starts_with('<') && !of.contains("::") => of_trait,
        _ => inner,
    };
    own::is_in_recorder(place) || PASSED_OVER.iter().any(|prefix| place.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use highwater_profile::{Location, ValueType};

    use super::*;

    fn profile(samples: &[(&[u64], i64, i64)]) -> Profile {
        let mut profile = Profile::new(vec![
            ValueType::new("inuse_objects", "count"),
            ValueType::new("inuse_space", "bytes"),
        ]);
        for (stack, blocks, bytes) in samples {
            let stack: Vec<_> =
                stack.iter().map(|&address| profile.add_location(Location::at(None, address))).collect();
            profile.samples.push(&stack, &[*blocks, *bytes], &[]);
        }
        profile
    }

    #[test]
    fn stacks_are_ranked_by_growth() {
        let before = profile(&[(&[1, 2], 1, 100), (&[3], 5, 500), (&[4], 1, 10)]);
        let now =
            profile(&[(&[3], 1, 100), (&[1, 2], 2, 200), (&[1, 2], 1, 50), (&[5], 1, 900), (&[4], 1, 10)]);
        let row =
            |stack: &[u64], bytes, blocks, now_bytes| Row { stack: stack.to_vec(), bytes, blocks, now_bytes };
        let expected = [
            row(&[5], 900, 1, 900),
            row(&[1, 2], 150, 2, 250),
            row(&[4], 0, 0, 10),
            row(&[3], -400, -4, 100),
        ];
        assert_eq!(rows(&before, &now), expected);
    }

    #[test]
    fn the_allocating_line_comes_first() {
        let rows = [3, 0, -5].map(|bytes| Row { stack: vec![7], bytes, blocks: -1, now_bytes: 9 });
        let mut text = Vec::new();
        write(&rows, MAX_ROWS, &mut Names::within(0), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, "3 bytes more are alive than before, in 1 stacks\n\n+3 bytes, -1 blocks\n");
        for function in [
            "alloc::raw_vec::finish_grow",
            "<highwater_recorder::alloc::Alloc<A> as core::alloc::global::GlobalAlloc>::alloc",
            "__rustc::__rust_alloc",
            "<alloc::raw_vec::RawVecInner>::try_allocate_in",
            "<u8 as alloc::vec::spec_from_elem::SpecFromElem>::from_elem",
            "<T as core::convert::Into<U>>::into",
        ] {
            assert!(is_skipped(function), "{function}");
        }
        for place in [
            "allocator::keep",
            "<service::Key as core::clone::Clone>::clone",
            "main",
            "<T as service::Keep>::keep",
        ] {
            assert!(!is_skipped(place), "{place}");
        }
    }
}
