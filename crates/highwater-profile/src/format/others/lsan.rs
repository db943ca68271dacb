//! LeakSanitizer's report: blocks that nothing points to at the end.
//!
//! ```text
//! Direct leak of 7021 byte(s) in 7 object(s) allocated from:
//!     #0 0x7effad013545 in __interceptor_malloc ../libsanitizer/lsan/lsan_interceptors.cpp:75
//!     #1 0x55c2b1d9e157 in grab /src/leaks.c:7:3
//!     #2 0x55c2b1d9e1d0  (/src/leaks+0x11d0) (BuildId: 0123)
//!
//! SUMMARY: LeakSanitizer: 23782 byte(s) leaked in 14 allocation(s).
//! ```

use super::frame_text::FrameText;
use super::leak_report::{self, Checker, Report};
use super::text::{TextLine, lines};
use crate::format::list::Format;
use crate::limits::Limits;
use crate::location::LocationId;
use crate::profile::Profile;
use crate::read_error::ReadError;

/// How blocks are lost: the name of the kind, and what the report calls it. An indirect leak is led to by
/// another one.
const WAYS: [(&str, &str); 2] = [("direct_leak", "Direct leak of "), ("indirect_leak", "Indirect leak of ")];

/// Decodes a report.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let mut report = Report::new(Format::LeakSanitizer, "LeakSanitizer", &WAYS.map(|it| it.0));
    let mut open: Option<(usize, [i64; 2])> = None;
    let mut stack: Vec<LocationId> = Vec::new();
    let mut summary = [0_i64; 2];
    for line in lines(Format::LeakSanitizer, bytes) {
        let text = line.text()?.trim();
        let way = WAYS.iter().position(|it| text.starts_with(it.1));
        if way.is_none() && text.starts_with('#') {
            if let Some(frame) = text.split_once(' ').and_then(|it| frame(it.1.trim_start())) {
                stack.push(report.location(&frame));
                line.check_depth(stack.len())?;
            }
            continue;
        }
        // Anything else ends a stack.
        if let Some((way, [blocks, total])) = open.take() {
            report.push(way, blocks, total, &stack);
        }
        stack.clear();
        if let Some(way) = way {
            open = Some((way, leak(&line, &text[WAYS[way].1.len()..])?));
        } else if let Some((total, blocks)) = summarized(text) {
            let found =
                [line.count("the number of objects", blocks)?, line.count("the number of bytes", total)?];
            summary = [summary[0].saturating_add(found[0]), summary[1].saturating_add(found[1])];
        }
        report.check(limits, bytes)?;
    }
    if let Some((way, [blocks, total])) = open {
        report.push(way, blocks, total, &stack);
    }
    let [blocks, total] = report.reported();
    if summary[1] > total {
        // With `max_leaks` the report lists the largest only.
        report.push_unlisted((summary[0] - blocks).max(0), summary[1] - total);
    }
    Ok(report.finish())
}

/// Objects and bytes of `7021 byte(s) in 7 object(s) allocated from:`.
fn leak(line: &TextLine<'_>, text: &str) -> Result<[i64; 2], ReadError> {
    let expected = || line.wrong("`… byte(s) in … object(s)` was expected");
    let (bytes, rest) = text.split_once(" byte(s) in ").ok_or_else(expected)?;
    let (objects, _) = rest.split_once(" object(s)").ok_or_else(expected)?;
    Ok([line.count("the number of objects", objects)?, line.count("the number of bytes", bytes)?])
}

/// Bytes and objects of the last line.
fn summarized(text: &str) -> Option<(&str, &str)> {
    let (_, amounts) = text.strip_prefix("SUMMARY: ")?.split_once(": ")?;
    let (bytes, rest) = amounts.split_once(" byte(s) leaked in ")?;
    Some((bytes, rest.split_once(" allocation(s)")?.0))
}

/// A frame without its number: `0x55c2b1d9e157 in grab /src/leaks.c:7:3`.
fn frame(text: &str) -> Option<FrameText<'_>> {
    let (address, rest) = text.split_once(' ').unwrap_or((text, ""));
    let address = u64::from_str_radix(address.strip_prefix("0x")?, 16).ok()?;
    let rest = rest.trim();
    let rest = rest.rsplit_once(" (BuildId: ").map_or(rest, |it| it.0).trim();
    let (function, place) = match rest.strip_prefix("in ") {
        None => ("", rest),
        // A name may have blanks, and a path seldom.
        Some(named) => match named.rfind(" /").or_else(|| named.rfind(' ')) {
            Some(at) => (named[..at].trim(), named[at + 1..].trim()),
            None => (named, ""),
        },
    };
    let frame = FrameText { address, function, ..FrameText::default() };
    if let Some(module) = place.strip_prefix('(').and_then(|it| it.strip_suffix(')')) {
        let binary = module.rsplit_once("+0x").map_or(module, |it| it.0);
        return Some(FrameText { binary, ..frame });
    }
    let number = |text: &str| text.parse::<i64>().ok().filter(|it| *it >= 0);
    let parts = place.rsplit_once(':').and_then(|(before, last)| Some((before, number(last)?)));
    let (file, line) = match parts {
        None => (place, 0),
        Some((before, last)) => {
            match before.rsplit_once(':').and_then(|(file, it)| Some((file, number(it)?))) {
                Some(with_column) => with_column,
                None => (before, last),
            }
        }
    };
    Some(FrameText { file, line, ..frame })
}

/// Whether a text has the lines of this checker.
pub(super) fn detect(text: &[u8]) -> bool {
    leak_report::checker(text) == Some(Checker::LeakSanitizer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
=================================================================
==7==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 64 byte(s) in 1 object(s) allocated from:
    #0 0x7ef in operator new(unsigned long) ../../src/new.cpp:99
    #1 0x55c in grab<int, 3> /home/a b/leaks.c:7:3
    #2 0x55d  (/src/leaks+0x11d0) (BuildId: 0123)

Indirect leak of 256 byte(s) in 4 object(s) allocated from:
    #0 0x7ef in malloc (/lib/liblsan.so+0x545)

SUMMARY: AddressSanitizer: 1320 byte(s) leaked in 7 allocation(s).
";

    #[test]
    fn totals_are_those_of_the_summary() {
        let profile = decode(REPORT.as_bytes(), &Limits::default()).unwrap();
        let total = |kind: &str| profile.samples.total(profile.sample_type(kind).unwrap());
        let kinds = ["direct_leak_space", "indirect_leak_space", "inuse_space", "inuse_objects"];
        assert_eq!(kinds.map(total), [64, 256, 1320, 7]);
        let rows: Vec<usize> = profile.samples.iter().map(|it| it.stack.len()).collect();
        assert_eq!(rows, [3, 1, 0]);
        let function = |at: usize| profile.functions()[at];
        let texts = |at: usize| (profile.string(function(at).name), profile.string(function(at).file));
        assert_eq!(texts(0), ("operator new(unsigned long)", "../../src/new.cpp"));
        assert_eq!(texts(1), ("grab<int, 3>", "/home/a b/leaks.c"));
        assert_eq!(profile.string(profile.mappings()[0].file), "/src/leaks");
    }

    #[test]
    fn wrong_lines_are_named() {
        let error = decode(b"\nDirect leak of 1 byte(s)", &Limits::default()).unwrap_err().to_string();
        assert!(error.contains("line 2: `… byte(s) in … object(s)` was expected"), "{error}");
    }
}
