//! Telling formats apart by their content, never by a file's name.

use crate::format::list::Format;

impl Format {
    /// The format of a file's unpacked content; `None` when it is none that is read.
    ///
    /// Looks for what only this format begins with, so a damaged file is still known for what it was.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        #[cfg(feature = "formats")]
        return crate::format::others::detect(bytes);
        #[cfg(not(feature = "formats"))]
        (!crate::utf8::is_text(bytes) && crate::format::pprof::detect(bytes)).then_some(Self::Pprof)
    }
}

#[cfg(all(test, feature = "formats"))]
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
