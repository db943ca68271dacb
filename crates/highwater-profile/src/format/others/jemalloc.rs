//! jemalloc's heap dump (`prof:true`, `mallctl("prof.dump")`), as described in its `jeprof`.
//!
//! ```text
//! heap_v2/524288                     the sampling interval
//!   t*: 106: 56637512 [0: 0]         all threads: live blocks: live bytes [allocated blocks: allocated bytes]
//!   t0: 106: 56637512 [0: 0]         one thread
//! @ 0x5f86da8 0x5f5a1dc              a stack, leaf first, with its totals below
//!   t*: 13: 6688 [0: 0]
//!
//! MAPPED_LIBRARIES:
//! ```
//!
//! Values are of the samples, not of what they stand for. That holds since 5.3, too, which corrects its
//! estimate first and then takes off again what a reader will put on. Without `prof_accum:true` nothing
//! allocated is counted, and zeros stand in its place. Totals of single threads are passed over: `jeprof`
//! shows the totals of all threads.

use super::native::{Native, Totals};
use super::text::{TextLine, check_memory, cut_off, lines, quoted};
use crate::format::list::Format;
use crate::limits::Limits;
use crate::location::LocationId;
use crate::profile::Profile;
use crate::read_error::ReadError;

/// Decodes a heap dump.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let end = |expected: &str| cut_off(Format::Jemalloc, bytes, expected);
    let mut lines = lines(Format::Jemalloc, bytes).skip_while(TextLine::is_blank);
    let interval = interval(&lines.next().ok_or_else(|| end("heap_v2/…"))?)?;
    let line = lines.next().ok_or_else(|| end("the totals of all threads"))?;
    let totals =
        all_threads(&line)?.ok_or_else(|| line.wrong("the totals of all threads, `t*: …`, were expected"))?;
    let has_alloc = totals.alloc_blocks != 0 || totals.alloc_bytes != 0;
    let mut native = Native::new(Format::Jemalloc, "jemalloc", interval, has_alloc);
    native.drop_c_allocator();
    let mut stack: Vec<LocationId> = Vec::new();
    let mut waiting = false;
    while let Some(line) = lines.next() {
        if line.is_blank() {
            continue;
        }
        if let Some(addresses) = line.bytes.strip_prefix(b"@") {
            if waiting {
                return Err(line.wrong("the stack before this one has no totals"));
            }
            let addresses =
                str::from_utf8(addresses).map_err(|_| line.wrong("the addresses are not text"))?;
            native.stack(&line, addresses, &mut stack)?;
            waiting = true;
        } else if line.bytes.starts_with(b"MAPPED_LIBRARIES:") {
            lines.by_ref().try_for_each(|line| {
                native.map(&line)?;
                check_memory(limits, bytes, &native.profile)
            })?;
        } else if let Some(totals) = all_threads(&line)?
            && waiting
        {
            native.push(&stack, &totals);
            waiting = false;
        }
        check_memory(limits, bytes, &native.profile)?;
    }
    if waiting {
        return Err(end("the totals of the last stack"));
    }
    Ok(native.finish())
}

/// The first line: `heap_v2/524288`.
fn interval(line: &TextLine<'_>) -> Result<i64, ReadError> {
    let text = line.text()?.trim();
    let interval = text.strip_prefix("heap_v2/").ok_or_else(|| line.wrong("heap_v2/… was expected"))?;
    match line.count("the sampling interval", interval)? {
        0 => Err(line.wrong("the sampling interval is 0")),
        interval => Ok(interval),
    }
}

/// The totals of a line `t*: …`; `None` on a line with the totals of one thread.
fn all_threads(line: &TextLine<'_>) -> Result<Option<Totals>, ReadError> {
    // The name of a thread may be anything.
    let text = String::from_utf8_lossy(line.bytes);
    let (thread, totals) = (text.trim().strip_prefix('t'))
        .and_then(|it| it.split_once(':'))
        .ok_or_else(|| line.wrong(format!("{} is neither a stack nor its totals", quoted(text.trim()))))?;
    if thread != "*" {
        line.count("the thread's number", thread)?;
        return Ok(None);
    }
    let totals = Totals::parse(line, totals)?.0;
    let Totals { live_blocks, live_bytes, alloc_blocks, alloc_bytes } = totals;
    if [live_blocks, live_bytes, alloc_blocks, alloc_bytes].iter().any(|it| *it < 0) {
        return Err(line.wrong("a number of blocks or bytes is below 0"));
    }
    Ok(Some(totals))
}

/// Whether a file is one of these, by what it begins with.
pub(super) fn detect(text: &[u8]) -> bool {
    text.starts_with(b"heap_v2/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Missing;

    const DUMP: &str = "\
heap_v2/16384
  t*: 59: 6600 [118: 13216]
  t0: 59: 6600 [118: 13216] main thread: x
@ 0x1001 0x2001
  t*: 58: 6496 [117: 13104]
  t0: 58: 6496 [117: 13104]

@
  t*: 1: 1073741824 [1: 1073741824]

MAPPED_LIBRARIES:
1000-3000 r-xp 00001000 fe:00 1 /bin/demo
";

    fn read(text: &str) -> Result<Profile, ReadError> {
        decode(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn a_dump_becomes_a_profile() {
        let profile = read(DUMP).unwrap();
        assert_eq!((profile.period, profile.default_sample_type), (16_384, Some(3)));
        let rows: Vec<_> = profile.samples.iter().map(|it| (it.stack.len(), it.values.to_vec())).collect();
        assert_eq!(rows, [(2, vec![17173, 1_923_487, 8513, 953_523]), (0, vec![1, 1 << 30, 1, 1 << 30])]);
        let addresses: Vec<_> = profile.locations().iter().map(|it| it.address).collect();
        assert_eq!(addresses, [0x1000, 0x2000]);
        assert!(profile.locations().iter().all(|it| it.mapping.is_some()));
        assert_eq!(profile.source.missing, [Missing::PeakTotals, Missing::BuildIds]);
    }

    #[test]
    fn zeros_that_stand_for_nothing_are_left_out() {
        let profile = read("heap_v2/1\n  t*: 2: 20 [0: 0]\n@ 0x1\n  t*: 2: 20 [0: 0]\n").unwrap();
        assert_eq!(profile.sample_types().len(), 2);
        assert_eq!(profile.samples.get(0).values, [2, 20]);
        let missing = [Missing::PeakTotals, Missing::AllocatedTotals, Missing::Mappings];
        assert_eq!(profile.source.missing, missing);
    }

    #[test]
    fn wrong_lines_are_named() {
        let cases = [
            ("heap_v2/0", "line 1: the sampling interval is 0"),
            ("heap_v2/x", "line 1: the sampling interval is `x`, not a whole number below 2^63"),
            ("heap_v2/1", "line 1: the file ends here, before the totals of all threads; it may be cut off"),
            ("heap_v2/1\n@ 0x1", "line 2: `@ 0x1` is neither a stack nor its totals"),
            ("heap_v2/1\n t1: 1: 1 [0: 0]", "line 2: the totals of all threads, `t*: …`, were expected"),
            ("heap_v2/1\n t*: 1: 1", "line 2: `blocks: bytes [blocks: bytes]` was expected"),
            (
                "heap_v2/1\n t*: x: 1 [0: 0]",
                "line 2: the number of live blocks is `x`, not a whole number below 2^63",
            ),
            (
                "heap_v2/1\n t*: 1: 1 [0: 0]\n@ 1\n t*: 1: 9223372036854775808 [0: 0]",
                "line 4: the number of live bytes is `9223372036854775808`, not a whole number below 2^63",
            ),
            ("heap_v2/1\n t*: 1: 1 [0: 0]\n@ 1 q", "line 3: `q` is no address"),
            ("heap_v2/1\n t*: 1: 1 [0: 0]\n@ 1\n@ 2", "line 4: the stack before this one has no totals"),
            (
                "heap_v2/1\n t*: 1: 1 [0: 0]\n@ 1\n",
                "line 3: the file ends here, before the totals of the last stack; it may be cut off",
            ),
        ];
        for (text, expected) in cases {
            let error = read(text).unwrap_err().to_string();
            assert_eq!(error, format!("this jemalloc heap dump is not valid: {expected}"));
        }
        let deep = format!("heap_v2/1\n t*: 1: 1 [0: 0]\n@{}", " 0x1".repeat(70_000));
        assert!(read(&deep).unwrap_err().to_string().contains("line 3: a stack of more than 65536 frames"));
    }

    #[test]
    fn memory_is_bounded() {
        let rows: String = (0..5000).map(|i| format!("@ {i:x}\n t*: 1: 1 [0: 0]\n")).collect();
        let text = format!("heap_v2/1\n t*: 1: 1 [0: 0]\n{rows}");
        let limits = Limits { max_memory_bytes: 200_000, ..Limits::default() };
        assert!(matches!(decode(text.as_bytes(), &limits), Err(ReadError::OutOfMemory { .. })));
        assert!(read(&text).is_ok());
    }
}
