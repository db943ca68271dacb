//! What a file is that is no heap profile: what is commonly given to a profiler by mistake, and what a server
//! sent instead.

use crate::utf8::{self, is_text};

/// How much of a file is looked at.
const HEAD: usize = 4096;

/// What binary files begin with, and what they are.
const BINARY: [(&[u8], &str); 21] = [
    (b"PK\x03\x04", "a ZIP archive; unpack it and give one of its files"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it and give one of its files"),
    (b"!<arch>\n", "an ar archive"),
    (b"\xfd7zXZ\0", "data compressed with xz; unpack it first"),
    (b"BZh", "data compressed with bzip2; unpack it first"),
    (b"\x04\x22\x4d\x18", "data compressed with lz4; unpack it first"),
    (b"\x1f\x8b", "data that was compressed twice; unpack it once"),
    (b"\x28\xb5\x2f\xfd", "data that was compressed twice; unpack it once"),
    (
        b"PERFILE2",
        "a recording of perf (perf.data); perf script and inferno-collapse-perf make folded stacks of it",
    ),
    (b"JAVA PROFILE", "a heap dump of Java"),
    (b"FLR\0", "a recording of Java Flight Recorder"),
    (b"memray", "a recording of memray; `memray transform csv` makes a file of it that is read"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\0asm", "a WebAssembly module"),
    (b"MZ", "a Windows program"),
    (b"\xcf\xfa\xed\xfe", "a Mach-O binary"),
    (b"\x89PNG", "a PNG picture"),
    (b"%PDF-", "a PDF document"),
    (b"\xff\xfe", "text in UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16; save it as UTF-8"),
];

/// What text files begin with, and what they are.
const TEXT: [(&[u8], &str); 12] = [
    (b"# callgrind format", "callgrind output, which is written but not read"),
    (b"{\"format\":\"highwater", "our own JSON, which is written but not read"),
    (
        b"goroutine profile: total",
        "Go's dump of goroutines, which holds no memory; ask for /debug/pprof/heap",
    ),
    (b"goroutine ", "Go's dump of goroutines, which holds no memory; ask for /debug/pprof/heap"),
    (
        b"threadcreate profile: total",
        "Go's list of threads, which holds no memory; ask for /debug/pprof/heap",
    ),
    (b"--- contention:", "Go's profile of contention, which holds no memory; ask for /debug/pprof/heap"),
    (b"--- mutex:", "Go's profile of mutexes, which holds no memory; ask for /debug/pprof/heap"),
    (b"version https://git-lfs", "a pointer to a file that Git LFS keeps; fetch it with `git lfs pull`"),
    (b"#!", "a script"),
    (b"--- symbol", "a profile of pprof with its names that holds no memory"),
    (
        b"{\"snapshot\":{\"meta\"",
        "a heap snapshot of V8, which has objects and no stacks; record a .heapprofile (node --heap-prof)",
    ),
    (b"{\"nodes\":[{\"id\"", "a CPU profile of V8, which holds no memory"),
];

/// Names what `bytes` are, which are no heap profile.
pub fn describe(bytes: &[u8]) -> String {
    let known = |list: &[(&[u8], &str)], bytes: &[u8]| {
        list.iter().find(|(start, _)| bytes.starts_with(start)).map(|it| it.1.to_owned())
    };
    if let Some(found) = elf(bytes).or_else(|| tar(bytes)).or_else(|| known(&BINARY, bytes)) {
        return found;
    }
    if is_go_trace(bytes) {
        return "an execution trace of Go, for `go tool trace`".to_owned();
    }
    let text = bytes.trim_ascii_start();
    if !is_text(bytes) || is_mostly_odd(bytes) {
        return "binary data of an unknown kind".to_owned();
    }
    if let Some(found) = known(&TEXT, text) {
        return found;
    }
    match text {
        [] => "nothing but blanks".to_owned(),
        [b'{' | b'[', ..] => format!("JSON that begins {}", first_line(text)),
        [b'<', ..] => match title(text) {
            Some(title) => format!("a page in HTML with the title {title}"),
            None => format!("HTML, XML or SVG that begins {}", first_line(text)),
        },
        _ if text.starts_with(b"HTTP/") => {
            format!("the answer of a server with its head, which begins {}", first_line(text))
        }
        _ => format!("plain text that begins {}", first_line(text)),
    }
}

/// Whether this is no UTF-8, and more than a few characters in another encoding.
fn is_mostly_odd(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(HEAD)];
    let odd: usize = head.utf8_chunks().map(|it| it.invalid().len()).sum();
    odd * 4 > head.len()
}

fn elf(bytes: &[u8]) -> Option<String> {
    const CORE: u8 = 4;
    let is_core = |bytes: &[u8]| bytes.get(16..18).is_some_and(|it| it.contains(&CORE));
    let found = if is_core(bytes) { "the core dump of a process" } else { "an ELF binary" };
    bytes.starts_with(b"\x7fELF").then(|| found.to_owned())
}

fn tar(bytes: &[u8]) -> Option<String> {
    let is_tar = bytes.get(257..262) == Some(b"ustar");
    is_tar.then(|| "a tar archive; unpack it and give one of its files".to_owned())
}

/// `go 1.22 trace` and zeros.
fn is_go_trace(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(16)];
    head.starts_with(b"go 1.") && head.windows(6).any(|it| it == b" trace")
}

/// The first line, quoted: often it is what a server had to say.
fn first_line(text: &[u8]) -> String {
    quoted(text.split(|&byte| byte == b'\n').next().unwrap_or_default())
}

/// The title of an HTML page, which says more than its first line.
fn title(text: &[u8]) -> Option<String> {
    let head = &text[..text.len().min(HEAD)];
    let lower = head.to_ascii_lowercase();
    let find = |what: &[u8], from: usize| {
        lower.get(from..)?.windows(what.len()).position(|it| it == what).map(|at| from + at)
    };
    let start = find(b">", find(b"<title", 0)?)? + 1;
    let end = find(b"</title", start)?;
    Some(quoted(head[start..end].trim_ascii()))
}

/// Text of a file in a message: short, and without characters that would move the cursor.
fn quoted(text: &[u8]) -> String {
    const SHOWN: usize = 120;
    // A character has four bytes at most.
    let head = &text[..text.len().min(4 * SHOWN + 4)];
    let text = utf8::text(head);
    let text = text.trim();
    let mut shown: String =
        text.chars().take(SHOWN).map(|it| if it.is_control() { '?' } else { it }).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_files_are_told_for_what_they_are() {
        let mut tar = vec![b'x'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let cases: [(&[u8], &str); 16] = [
            (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0", "an ELF binary"),
            (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0", "the core dump of a process"),
            (b"PK\x03\x04\x14\0", "a ZIP archive; unpack it and give one of its files"),
            (&tar, "a tar archive; unpack it and give one of its files"),
            (b"\x1f\x8b\x08\0", "data that was compressed twice; unpack it once"),
            (b"PERFILE2\x68\0", "a recording of perf (perf.data); perf script"),
            (b"go 1.19 trace\0\0\0", "an execution trace of Go"),
            (b"goroutine 1 [running]:\nmain.main()\n", "Go's dump of goroutines"),
            (b"goroutine profile: total 4\n1 @ 0x1\n", "Go's dump of goroutines"),
            (
                b"jemalloc profiling not enabled. Set MALLOC_CONF=prof:true before starting.\n",
                "plain text that begins `jemalloc profiling not enabled. Set MALLOC_CONF=prof:true before starting.`",
            ),
            (b"404 page not found\n", "plain text that begins `404 page not found`"),
            (
                b"<!DOCTYPE html>\n<html><head><TITLE>502 Bad\n Gateway</title>",
                "HTML with the title `502 Bad? Gateway`",
            ),
            (b"<svg xmlns='x'>\n", "HTML, XML or SVG that begins `<svg xmlns='x'>`"),
            (b"{\"error\": \"no\"}\nx", "JSON that begins `{\"error\": \"no\"}`"),
            (b"HTTP/1.1 404 Not Found\r\nServer: x\r\n", "begins `HTTP/1.1 404 Not Found`"),
            (b"\x01\x02\x03", "binary data of an unknown kind"),
        ];
        for (bytes, expected) in cases {
            let found = describe(bytes);
            assert!(found.contains(expected), "{found}");
        }
        assert!(describe("é".repeat(500).as_bytes()).chars().count() < 160);
    }
}
