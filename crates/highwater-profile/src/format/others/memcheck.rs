//! memcheck's leak report, valgrind's `--leak-check=full`: live blocks at the end and how they are lost.
//!
//! ```text
//! ==123== 320 (64 direct, 256 indirect) bytes in 1 blocks are definitely lost in loss record 2 of 5
//! ==123==    at 0x48417B4: malloc (in /usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so)
//! ==123==    by 0x109157: grab (leaks.c:7)
//! ==123==
//! ==123== LEAK SUMMARY:
//! ==123==    definitely lost: 23,526 bytes in 10 blocks
//! ```
//!
//! Lines of the program itself and of other errors may stand between. What only the summary counts, such as
//! blocks that are still reachable, is a row without a stack, so that totals are the totals of the summary.

use std::collections::BTreeMap;

use super::frame_text::FrameText;
use super::leak_report::{self, Checker, Report, grouped};
use super::text::{TextLine, lines};
use crate::format::list::Format;
use crate::limits::Limits;
use crate::location::LocationId;
use crate::profile::Profile;
use crate::read_error::ReadError;

/// How blocks are lost: the name of the kind, and what memcheck calls it.
const WAYS: [(&str, &str); 5] = [
    ("definitely_lost", "definitely lost"),
    ("indirectly_lost", "indirectly lost"),
    ("possibly_lost", "possibly lost"),
    ("still_reachable", "still reachable"),
    ("suppressed", "suppressed"),
];

/// The loss record that is being read, of one process.
struct Record {
    way: usize,
    blocks: i64,
    bytes: i64,
    stack: Vec<LocationId>,
}

/// Decodes a report.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let mut report = Report::new(Format::Memcheck, "memcheck", &WAYS.map(|it| it.0));
    let mut open: BTreeMap<&str, Record> = BTreeMap::new();
    let mut summary = [[0_i64; 2]; WAYS.len()];
    let mut command = None;
    for line in lines(Format::Memcheck, bytes) {
        let Some((process, text)) = of_process(line.text()?) else { continue };
        if let Some(record) = loss_record(&line, text)? {
            close(&mut report, open.insert(process, record));
        } else if let Some(frame) = text.strip_prefix("at ").or_else(|| text.strip_prefix("by ")) {
            if let Some(record) = open.get_mut(process) {
                record.stack.push(report.location(&FrameText::parse(frame)));
                line.check_depth(record.stack.len())?;
            }
        } else {
            close(&mut report, open.remove(process));
            if let Some((way, blocks, total)) = summary_line(&line, text)? {
                let sum = &mut summary[way];
                *sum = [sum[0].saturating_add(blocks), sum[1].saturating_add(total)];
            }
            command = command.or_else(|| text.strip_prefix("Command: ").map(str::to_owned));
        }
        report.check(limits, bytes)?;
    }
    open.into_values().for_each(|it| close(&mut report, Some(it)));
    for (way, [blocks, total]) in summary.into_iter().enumerate() {
        report.complete(way, blocks, total);
    }
    if let Some(command) = command {
        report.remark(format!("command: {command}"));
    }
    Ok(report.finish())
}

/// The process that a line of valgrind's is of, and what it says.
fn of_process(line: &str) -> Option<(&str, &str)> {
    let (process, text) = line.trim_start().strip_prefix("==")?.split_once("==")?;
    process.bytes().all(|it| it.is_ascii_digit()).then(|| (process, text.trim()))
}

/// The first line of a loss record: only the blocks that it is about count, what they lead to has records of
/// its own.
fn loss_record(line: &TextLine<'_>, text: &str) -> Result<Option<Record>, ReadError> {
    let Some((amounts, _)) = text.split_once(" in loss record ") else { return Ok(None) };
    let Some((amounts, way)) = amounts.split_once(" are ") else { return Ok(None) };
    let Some(way) = WAYS.iter().position(|it| it.1 == way) else { return Ok(None) };
    let expected = || line.wrong("`… bytes in … blocks` was expected");
    let (total, blocks) = amounts.split_once(" bytes in ").ok_or_else(expected)?;
    let blocks = blocks.strip_suffix(" blocks").ok_or_else(expected)?;
    let direct = total.split_once('(').and_then(|it| it.1.split_once(" direct")).map(|it| it.0);
    Ok(Some(Record {
        way,
        blocks: grouped(line, "the number of blocks", blocks)?,
        bytes: grouped(line, "the number of bytes", direct.unwrap_or(total))?,
        stack: Vec::new(),
    }))
}

/// A line of the summary: `definitely lost: 23,526 bytes in 10 blocks`.
fn summary_line(line: &TextLine<'_>, text: &str) -> Result<Option<(usize, i64, i64)>, ReadError> {
    let Some((way, amounts)) = text.split_once(": ") else { return Ok(None) };
    let Some(way) = WAYS.iter().position(|it| it.1 == way.trim()) else { return Ok(None) };
    let Some((total, blocks)) = amounts.trim().split_once(" bytes in ") else { return Ok(None) };
    let blocks = blocks.strip_suffix(" blocks").unwrap_or(blocks);
    let total = grouped(line, "the number of bytes", total)?;
    Ok(Some((way, grouped(line, "the number of blocks", blocks)?, total)))
}

fn close(report: &mut Report, record: Option<Record>) {
    if let Some(Record { way, blocks, bytes, stack }) = record {
        report.push(way, blocks, bytes, &stack);
    }
}

/// Whether a text has the lines of this checker.
pub(super) fn detect(text: &[u8]) -> bool {
    leak_report::checker(text) == Some(Checker::Memcheck)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
the program's own line
==7== Memcheck, a memory error detector
==7== Command: ./demo
==7== Invalid read of size 4
==7==    at 0x10: f (a.c:1)
==7==
==8== 1,256 bytes in 4 blocks are indirectly lost in loss record 1 of 5
==7== 320 (64 direct, 256 indirect) bytes in 1 blocks are definitely lost in loss record 2 of 5
==8==    at 0x48417B4: malloc (in /usr/lib/vg.so)
==7==    at 0x48417B4: malloc (in /usr/lib/vg.so)
==7==    by 0x109157: grab (a.c:7)
==7==
==7== LEAK SUMMARY:
==7==    definitely lost: 64 bytes in 1 blocks
==7==    still reachable: 12,345 bytes in 2 blocks
";

    fn read(text: &str) -> Result<Profile, ReadError> {
        decode(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn totals_are_those_of_the_summary() {
        let profile = read(REPORT).unwrap();
        let total = |kind: &str| profile.samples.total(profile.sample_type(kind).unwrap());
        let kinds =
            ["definitely_lost_space", "indirectly_lost_space", "still_reachable_space", "inuse_space"];
        assert_eq!(kinds.map(total), [64, 1256, 12_345, 13_665]);
        assert_eq!(total("inuse_objects"), 7);
        let rows: Vec<(usize, i64)> =
            profile.samples.iter().map(|it| (it.stack.len(), it.values[1])).collect();
        assert_eq!(rows, [(2, 64), (1, 1256), (0, 12_345)]);
        assert_eq!((profile.period, profile.comments.as_slice()), (1, &["command: ./demo".to_owned()][..]));
    }

    #[test]
    fn wrong_lines_are_named() {
        let error = |text: &str| read(text).unwrap_err().to_string();
        assert!(
            error("==1== x bytes in 1 blocks are possibly lost in loss record 1 of 1")
                .contains("line 1: the number of bytes is `x`")
        );
        assert!(
            error("\n==1== 1 are possibly lost in loss record 1 of 1")
                .contains("line 2: `… bytes in … blocks`")
        );
    }
}
