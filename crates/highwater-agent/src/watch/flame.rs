//! Live memory at an incident as a flame graph: the width is the present size, red grew since before, blue
//! shrank.
//!
//! The process draws it itself, because its own debug information is at hand. Only the largest stacks are
//! drawn, to bound the memory needed: memory has nearly run out. The `highwater` command draws all stacks.

use std::io::{self, Write};

use inferno::flamegraph::{Options, from_lines};

use super::growth::{self, Row};
use highwater_resolver::Names;

/// Maximum stacks that are drawn separately.
const MAX_STACKS: usize = 200;

/// Maximum frames of a stack that are drawn, from the innermost on.
const MAX_FRAMES: usize = 128;

/// The frame for all other stacks.
const OTHERS: &str = "[all others]";

/// Draws the stacks as an SVG.
///
/// # Errors
/// Errors of `out`, and an error if nothing is live.
pub(crate) fn write(rows: &[Row], names: &mut Names, out: &mut dyn Write) -> io::Result<()> {
    let mut options = Options::default();
    options.title = "Live memory, and what grew in it".to_owned();
    options.count_name = "bytes".to_owned();
    options.deterministic = true;
    // In chart mode, inferno does not sort lines by text, in which `a-b` would come between `a` and the
    // functions that `a` calls.
    options.flame_chart = true;
    let lines = lines(rows, names);
    from_lines(&mut options, lines.iter().map(String::as_str), out)
}

/// Lines `root;leaf before now`, ordered by frames, last first, as the chart mode expects them.
fn lines(rows: &[Row], names: &mut Names) -> Vec<String> {
    let mut rows: Vec<&Row> = rows.iter().filter(|row| row.now_bytes > 0).collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.now_bytes.max(row.bytes.abs()), &row.stack)));
    let (drawn, others) = rows.split_at(rows.len().min(MAX_STACKS));
    names.look_up(drawn.iter().flat_map(|row| row.stack.iter().take(MAX_FRAMES)).copied());
    let mut stacks: Vec<(Vec<String>, i64, i64)> =
        drawn.iter().map(|row| (frames(row, names), row.now_bytes - row.bytes, row.now_bytes)).collect();
    if !others.is_empty() {
        let sum = |value: fn(&Row) -> i64| others.iter().map(|row| value(row)).sum::<i64>();
        stacks.push((vec![OTHERS.to_owned()], sum(|it| it.now_bytes - it.bytes), sum(|it| it.now_bytes)));
    }
    stacks.sort();
    // Different addresses may have the same names. Of two lines with the same names, inferno would draw only
    // one line's growth.
    stacks.dedup_by(|later, kept| {
        let is_same = later.0 == kept.0;
        if is_same {
            kept.1 += later.1;
            kept.2 += later.2;
        }
        is_same
    });
    let line = |(frames, before, now): &(Vec<String>, i64, i64)| {
        // The difference of two sampled profiles may be negative; the drawing shows 0.
        format!("{} {} {now}", frames.join(";"), before.max(&0))
    };
    stacks.iter().rev().map(line).collect()
}

/// Names from the root on. An unknown stack has the address that allocated.
fn frames(row: &Row, names: &mut Names) -> Vec<String> {
    // A type may contain the character that separates frames: `[u8; 4]`.
    let mut frames: Vec<_> = growth::calls_from_origin(&row.stack, names, MAX_FRAMES)
        .iter()
        .rev()
        .map(|it| it.function.replace(';', ","))
        .collect();
    if frames.is_empty() {
        frames.push(format!("{:#x}", row.stack.first().copied().unwrap_or(0)));
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(stack: &[u64], bytes: i64, now_bytes: i64) -> Row {
        Row { stack: stack.to_vec(), bytes, blocks: 1, now_bytes }
    }

    fn no_names() -> Names {
        Names::within(0)
    }

    #[test]
    fn stacks_have_their_earlier_and_present_bytes() {
        let rows = [row(&[1], 70, 100), row(&[2], -50, 10), row(&[3], -5, 0), row(&[4], 9, 8)];
        assert_eq!(lines(&rows, &mut no_names()), ["0x4 0 8", "0x2 60 10", "0x1 30 100"]);
    }

    #[test]
    fn stacks_with_the_same_names_are_one() {
        let rows = [row(&[1, 2], 0, 40), row(&[1, 3], 80, 80), row(&[2], 1, 1)];
        assert_eq!(lines(&rows, &mut no_names()), ["0x2 0 1", "0x1 40 120"]);
    }

    #[test]
    fn stacks_beyond_the_limit_are_one_frame() {
        let rows: Vec<_> = (0..MAX_STACKS as u64 + 2).map(|it| row(&[it], 1, 2)).collect();
        let lines = lines(&rows, &mut no_names());
        assert_eq!(lines.len(), MAX_STACKS + 1);
        assert_eq!(lines[0], "[all others] 2 4");
    }

    #[test]
    fn a_drawing_names_its_frames_and_colours_growth() {
        let svg = |rows: &[Row]| {
            let mut svg = Vec::new();
            write(rows, &mut no_names(), &mut svg).map(|()| String::from_utf8(svg).unwrap())
        };
        let drawn = svg(&[row(&[1], 70, 100), row(&[2], -50, 10)]).unwrap();
        assert!(drawn.contains("<title>0x1 (100 bytes, 90.91%; +63.64%)</title>"), "{drawn}");
        assert!(drawn.contains("<title>0x2 (10 bytes, 9.09%; -45.45%)</title>"), "{drawn}");
        svg(&[]).unwrap_err();
    }
}
