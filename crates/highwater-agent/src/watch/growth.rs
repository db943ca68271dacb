//! What grew between two profiles of this process, ranked, with names: for people who find it next to the profiles.
//!
//! Whoever has the `highwater` command gets more from the profiles: errors, whole trees, noise set apart.

use std::collections::HashMap;
use std::io::{self, Write};

use highwater_names::own;
use highwater_profile::Profile;

use highwater_resolver::{Call, Names};

/// Rows that are worth showing.
pub(crate) const MAX_ROWS: usize = 20;

/// Frames that are shown of each.
const MAX_FRAMES: usize = 16;

/// Frames that are looked up for it: those of the allocator come first.
const MAX_LOOKED_UP: usize = 2 * MAX_FRAMES;

/// Functions of these, and of the recorder, are on the way to the memory and not where it is asked for.
const PASSED_OVER: &[&str] = &["alloc::", "core::", "std::", "hashbrown::", "__r", "_R"];

/// A stack, with the bytes and blocks that are alive more than before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Addresses, the innermost first.
    pub stack: Vec<u64>,
    pub bytes: i64,
    pub blocks: i64,
    /// Bytes that are alive now.
    pub now_bytes: i64,
}

/// All stacks, those first that hold most more than before.
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

/// Writes the first `most` of the rows that hold more, each with its stack from the line that asked for the memory on.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write(rows: &[Row], most: usize, names: &mut Names, out: &mut dyn Write) -> io::Result<()> {
    let rows = &rows[..rows.partition_point(|row| row.bytes > 0)];
    let shown = rows.iter().take(most);
    names.look_up(shown.flat_map(|row| row.stack.iter().take(MAX_LOOKED_UP)).copied());
    let total: i64 = rows.iter().map(|row| row.bytes).sum();
    writeln!(out, "{total} bytes more are alive than before, in {} stacks", rows.len())?;
    for row in rows.iter().take(most) {
        writeln!(out, "\n+{} bytes, {:+} blocks", row.bytes, row.blocks)?;
        for Call { function, file, line } in way(&row.stack, names, MAX_FRAMES) {
            match line {
                0 => writeln!(out, "    {function}")?,
                _ => writeln!(out, "    {function} {file}:{line}")?,
            }
        }
    }
    Ok(())
}

/// The first `most` calls of a stack, from the line that asked for the memory on. No address is looked up that is not
/// needed: there may be little time left.
pub(super) fn way(stack: &[u64], names: &mut Names, most: usize) -> Vec<Call> {
    let mut way = Vec::new();
    for &address in stack {
        let is_inside = way.is_empty();
        let calls = names.calls(address).iter();
        way.extend(calls.skip_while(|it| is_inside && is_passed_over(&it.function)).cloned());
        if way.len() >= most {
            break;
        }
    }
    way.truncate(most);
    way
}

fn is_passed_over(function: &str) -> bool {
    // `<Type as Trait>::method` is where the type is, unless it is one that has no place: `<u8 as alloc::…>::from_elem`.
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
    fn stacks_are_ranked_by_what_they_hold_more() {
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
    fn the_line_that_asked_comes_first() {
        let rows = [3, 0, -5].map(|bytes| Row { stack: vec![7], bytes, blocks: -1, now_bytes: 9 });
        let mut text = Vec::new();
        write(&rows, MAX_ROWS, &mut Names::within(0), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, "3 bytes more are alive than before, in 1 stacks\n\n+3 bytes, -1 blocks\n");
        for way in [
            "alloc::raw_vec::finish_grow",
            "<highwater_recorder::alloc::Alloc<A> as core::alloc::global::GlobalAlloc>::alloc",
            "__rustc::__rust_alloc",
            "<alloc::raw_vec::RawVecInner>::try_allocate_in",
            "<u8 as alloc::vec::spec_from_elem::SpecFromElem>::from_elem",
            "<T as core::convert::Into<U>>::into",
        ] {
            assert!(is_passed_over(way), "{way}");
        }
        for place in [
            "allocator::keep",
            "<service::Key as core::clone::Clone>::clone",
            "main",
            "<T as service::Keep>::keep",
        ] {
            assert!(!is_passed_over(place), "{place}");
        }
    }
}
