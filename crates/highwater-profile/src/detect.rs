//! Telling formats apart by their content, never by a file's name.

use crate::Format;

/// How much of a file is looked at for what stands at its beginning.
const HEAD: usize = 4096;

impl Format {
    /// The format of a file's unpacked content; `None` when it is none that is read.
    ///
    /// Looks for what only this format begins with, so a damaged file is still known for what it was.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        if !is_text(bytes) {
            #[cfg(feature = "formats")]
            if crate::format::otlp_decode::is_otlp(bytes) {
                return Some(Self::Otlp);
            }
            return is_protobuf(bytes).then_some(Self::Pprof);
        }
        let text = bytes.trim_ascii_start();
        #[cfg(feature = "formats")]
        let text = crate::format::symbolized::split(text).1.trim_ascii_start();
        match text {
            [b'{', ..] => json(text),
            _ => [jemalloc, legacy_heap, heaptrack, memray, massif, leaks, folded]
                .into_iter()
                .find_map(|test| test(text)),
        }
    }
}

/// Whether `bytes` begin as text does. A pprof message does not: the number of one of its first fields is a control
/// character.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(HEAD)];
    !head.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
}

/// Whether `bytes` begin with a field of pprof's message, as far as its number and its type tell.
fn is_protobuf(bytes: &[u8]) -> bool {
    const LENGTH_DELIMITED: u8 = 2;
    let Some(tag) = bytes.first() else { return false };
    match (tag >> 3, tag & 7) {
        (1..=6 | 11, wire) => wire == LENGTH_DELIMITED,
        (7..=10 | 12 | 14 | 15, wire) => wire == 0,
        // Remarks are numbers, one by one or packed.
        (13, wire) => wire == 0 || wire == LENGTH_DELIMITED,
        _ => false,
    }
}

fn json(text: &[u8]) -> Option<Format> {
    let head = &text[..text.len().min(HEAD)];
    let holds = |text: &[u8], word: &[u8]| text.windows(word.len()).any(|it| it == word);
    if holds(head, b"\"dhatFileVersion\"") {
        return Some(Format::Dhat);
    }
    if holds(head, b"\"head\"") && holds(head, b"\"callFrame\"") {
        return Some(Format::V8);
    }
    // speedscope's keys may come in any order, with megabytes between them.
    holds(text, b"speedscope.app/file-format-schema.json").then_some(Format::Speedscope)
}

fn jemalloc(text: &[u8]) -> Option<Format> {
    text.starts_with(b"heap_v2/").then_some(Format::Jemalloc)
}

/// gperftools and Go share a first line, and differ in the word behind its `@`.
fn legacy_heap(text: &[u8]) -> Option<Format> {
    // A program may have warnings to give first.
    let is_warning = |line: &&[u8]| line.starts_with(b"%");
    let first = text.split(|&byte| byte == b'\n').find(|line| !is_warning(line))?;
    let rest = first.trim_ascii_start().strip_prefix(b"heap profile:")?;
    let method = rest.rsplit(|&byte| byte == b'@').next().unwrap_or_default().trim_ascii();
    Some(if method.starts_with(b"heap/") { Format::GoText } else { Format::Gperftools })
}

/// heaptrack's first line has its version and that of the file, in hexadecimal.
fn heaptrack(text: &[u8]) -> Option<Format> {
    let versions = first_line(text).strip_prefix(b"v ")?;
    versions.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b' ').then_some(Format::Heaptrack)
}

fn memray(text: &[u8]) -> Option<Format> {
    let header = first_line(text);
    let holds = |name: &[u8]| header.split(|&byte| byte == b',').any(|it| it.trim_ascii() == name);
    (holds(b"stack_trace") && holds(b"size") && holds(b"num_allocations")).then_some(Format::MemrayCsv)
}

/// massif says how it was called, what it watched and what its times are.
fn massif(text: &[u8]) -> Option<Format> {
    let head = &text[..text.len().min(HEAD)];
    let has_line = |start: &[u8]| head.split(|&byte| byte == b'\n').any(|it| it.starts_with(start));
    (text.starts_with(b"desc:") && has_line(b"cmd:") && has_line(b"time_unit:")).then_some(Format::Massif)
}

/// Leak checkers write among what the program itself does.
fn leaks(text: &[u8]) -> Option<Format> {
    const MOST: usize = 1 << 20;
    text[..text.len().min(MOST)].split(|&byte| byte == b'\n').find_map(|line| {
        let line = line.trim_ascii();
        let ends = |end: &[u8]| line.starts_with(b"==") && line.ends_with(end);
        let is_leak = |start: &[u8]| line.starts_with(start) && line.ends_with(b"allocated from:");
        if ends(b"ERROR: LeakSanitizer: detected memory leaks") || is_leak(b"Direct leak of ") {
            Some(Format::LeakSanitizer)
        } else if ends(b"Memcheck, a memory error detector")
            || ends(b"HEAP SUMMARY:")
            || ends(b"LEAK SUMMARY:")
        {
            Some(Format::Memcheck)
        } else {
            None
        }
    })
}

/// Frames, a blank, a number; in the first line that is no remark.
fn folded(text: &[u8]) -> Option<Format> {
    if text.starts_with(b"# callgrind format") {
        return None;
    }
    let is_row = |line: &&[u8]| !line.trim_ascii().is_empty() && !line.starts_with(b"# ");
    let line = text.split(|&byte| byte == b'\n').find(is_row)?.trim_ascii_end();
    let blank = line.iter().rposition(|byte| byte.is_ascii_whitespace())?;
    let number = str::from_utf8(&line[blank + 1..]).ok()?;
    number.parse::<f64>().ok().filter(|it| it.is_finite()).map(|_| Format::Folded)
}

fn first_line(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == b'\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let cases: [(&[u8], Option<Format>); 31] = [
            (b"\x0a\x04\x08\x01\x10\x02", Some(Format::Pprof)),
            (b"\x32\x00\x0a\x04", Some(Format::Pprof)),
            (b"\x0d\x04\x08", None),
            (b"{\"dhatFileVersion\":2,\"mode\":\"heap\"}", Some(Format::Dhat)),
            (b" {\n \"dhatFileVersion\" : 2", Some(Format::Dhat)),
            (
                b"{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\"}",
                Some(Format::Speedscope),
            ),
            (b"{\"a\":1}", None),
            (b"heap_v2/524288\n  t*: 1: 2 [0: 0]\n", Some(Format::Jemalloc)),
            (b"heap profile:      1:     24 [     1:     24] @ heapprofile\n", Some(Format::Gperftools)),
            (b"heap profile: 1: 24 [1: 24] @ heap_v2/524288\n", Some(Format::Gperftools)),
            (b"heap profile: 1: 24 [1: 24] @ heap/1048576\n", Some(Format::GoText)),
            (b"v 10400 3\nx 4 abc\n", Some(Format::Heaptrack)),
            (b"v 1.4\n", Some(Format::Folded)),
            (b"allocator,num_allocations,size,tid,thread_name,stack_trace\n", Some(Format::MemrayCsv)),
            (b"main;f;g 12\n", Some(Format::Folded)),
            (b"\nmain -3\r\n", Some(Format::Folded)),
            (b"a;b with blanks 1.5", Some(Format::Folded)),
            (b"# a remark\n\n# and another\nmain;f;g 12\n", Some(Format::Folded)),
            (b"main;caf\xe9 12\n", Some(Format::Folded)),
            (b"# callgrind format\nversion: 1\n", None),
            (b"desc: (none)\ncmd: ./a\ntime_unit: i\n", Some(Format::Massif)),
            (b"started 3\n==7== Memcheck, a memory error detector\n", Some(Format::Memcheck)),
            (b"==7==ERROR: LeakSanitizer: detected memory leaks\n", Some(Format::LeakSanitizer)),
            (b"{\"head\":{\"callFrame\":{}}}", Some(Format::V8)),
            (b"%warn x\nheap profile: 1: 24 [1: 24] @ growth\n", Some(Format::Gperftools)),
            (b"\x0a\x06\x0a\x04\x0a\x02\x08\x01", Some(Format::Otlp)),
            (b"main;f;g\n", None),
            (b"main;f;g nan\n", None),
            (b"hello world", None),
            (b"\n", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Format::detect(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_schema_far_from_the_beginning_is_found() {
        let padding = " ".repeat(100_000);
        let text = format!(
            "{{\"profiles\":[],{padding}\"$schema\":\"https://www.speedscope.app/file-format-schema.json\"}}"
        );
        assert_eq!(Format::detect(text.as_bytes()), Some(Format::Speedscope));
    }
}
