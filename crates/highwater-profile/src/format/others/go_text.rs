//! Go's heap profile as text: `pprof.Lookup("heap").WriteTo(w, 1)`, or `/debug/pprof/heap?debug=1`.
//!
//! ```text
//! heap profile: 112: 16385680 [116: 16639632] @ heap/131072
//! 50: 15155200 [50: 15155200] @ 0x4b3d51 0x4b3d19 0x461121
//! #   0x4b3d50   main.inlined+0x50   /src/main.go:14
//! #   0x4b3d18   main.large+0x18   /src/main.go:17
//!
//! # runtime.MemStats
//! ```
//!
//! Fields of a `#` line are separated by tabs. The first line states twice the sampling interval, values are
//! of the samples. Below a stack stand the names of its frames, each behind an address that is one less than
//! in the stack. Left out are functions of the runtime at the leaf, unless there is nothing else, and
//! `runtime.goexit` at the root. The format is described by Go's `runtime/pprof/pprof.go` and pprof's
//! `profile/legacy_profile.go`.

use std::collections::HashSet;

use super::legacy_heap::{self, Dialect, Sampling};
use super::native::{Native, Totals};
use super::text::{TextLine, quoted};
use crate::format::list::Format;
use crate::limits::Limits;
use crate::location::{Line, LocationId};
use crate::profile::Profile;
use crate::read_error::ReadError;

/// Decodes a heap profile.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    legacy_heap::decode::<GoText>(bytes, limits)
}

#[derive(Default)]
struct GoText {
    /// Frames of the row's stack up to the last one that was named.
    named: usize,
    /// Locations whose names are complete: other rows repeat them.
    complete: HashSet<LocationId>,
    /// The location that names are being added to.
    current: Option<LocationId>,
}

impl Dialect for GoText {
    const FORMAT: Format = Format::GoText;
    const PRODUCER: &'static str = "go";
    const METHODS: &'static str = "`heap/` with twice the interval in bytes";

    fn sampling(method: &str, number: Option<i64>, header: &Totals) -> Option<Sampling> {
        let has_alloc = (header.alloc_blocks, header.alloc_bytes) != (0, 0);
        (method == "heap").then(|| Sampling { interval: number.unwrap_or(0) / 2, has_alloc, kinds: None })
    }

    fn remark(
        &mut self,
        native: &mut Native,
        stack: &[LocationId],
        line: &TextLine<'_>,
    ) -> Result<(), ReadError> {
        // Behind the last row there are remarks of another kind, for people.
        let Some(text) = line.bytes.strip_prefix(b"#\t") else { return Ok(()) };
        let text = String::from_utf8_lossy(text);
        let mut fields = text.split('\t').filter(|it| !it.is_empty());
        let address = line.address(fields.next().unwrap_or_default())?;
        let Some(function) = fields.next() else { return Ok(()) };
        let function = function.rsplit_once("+0x").map_or(function, |it| it.0);
        let place = fields.next().unwrap_or_default();
        let (file, number) = place
            .rsplit_once(':')
            .ok_or_else(|| line.wrong(format!("{} is not a file and a line", quoted(place))))?;
        let number = line.count("the number of the source line", number)?;
        let is_here = |id: &LocationId| native.profile.location(*id).address == address;
        let id = match self.current.filter(is_here) {
            // A second name at one address: the call before it was inlined.
            Some(id) if !stack.get(self.named).is_some_and(is_here) => id,
            _ => {
                let skipped = stack.iter().skip(self.named).position(is_here);
                let at = self.named
                    + skipped.ok_or_else(|| line.wrong("no frame of the stack above has this address"))?;
                self.complete.extend(self.current);
                self.named = at + 1;
                self.current = Some(stack[at]);
                stack[at]
            }
        };
        if !self.complete.contains(&id) {
            let function = native.profile.add_function(function, function, file);
            native.profile.location_mut(id).lines.push(Line::new(function, number));
        }
        Ok(())
    }

    fn end_row(&mut self, native: &mut Native, stack: &[LocationId]) {
        self.complete.extend(self.current.take());
        // What has no name at the root can only be the one function that never gets one.
        if self.named > 0 && self.named + 1 == stack.len() {
            let id = stack[self.named];
            if self.complete.insert(id) {
                let function = native.profile.add_function("runtime.goexit", "runtime.goexit", "");
                native.profile.location_mut(id).lines.push(Line::new(function, 0));
            }
        }
        self.named = 0;
    }
}

/// Whether a file is one of these, by its first line.
pub(super) fn detect(text: &[u8]) -> bool {
    legacy_heap::method(text).is_some_and(|it| it.starts_with(b"heap/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Profile, ReadError> {
        decode(text.as_bytes(), &Limits::default())
    }

    /// `function file:line` of each frame of a row, leaf first; inlined ones joined by `<`.
    fn frames(profile: &Profile, row: usize) -> Vec<String> {
        let line = |it: &Line| {
            let function = profile.function(it.function);
            format!("{} {}:{}", profile.string(function.name), profile.string(function.file), it.line)
        };
        let stack = profile.samples.get(row).stack.iter();
        stack.map(|&id| profile.location(id).lines.iter().map(line).collect::<Vec<_>>().join(" < ")).collect()
    }

    const HEAD: &str = "heap profile: 58: 6496 [117: 13104] @ heap/32768\n";

    #[test]
    fn names_find_their_frames() {
        let text = format!(
            "{HEAD}58: 6496 [117: 13104] @ 0x31 0x11 0x21 0x21 0x41\n\
             #\t0x10\tmain.inner+0x5\t/src/a b.go:7\n\
             #\t0x10\tmain.(*T[...]).outer+0x5\t\t/src/b.go:8\n\
             #\t0x20\tmain.rec+0x1\tC:/src/c.go:9\n\
             #\t0x20\tmain.rec+0x1\tC:/src/c.go:9\n\n\
             0: 0 [1: 1] @ 0x31 0x21\n#\t0x30\truntime.malg+0x27\t/go/proc.go:1\n#\t0x20\tmain.rec+0x1\tC:/src/c.go:9\n\n\
             # runtime.MemStats\n# Alloc = 21768648\n# PauseNs = [1 2]\n"
        );
        let profile = read(&text).unwrap();
        assert_eq!(profile.period, 16_384);
        assert_eq!(profile.samples.get(0).values, [17173, 1_923_487, 8513, 953_523]);
        let rec = "main.rec C:/src/c.go:9";
        assert_eq!(
            frames(&profile, 0),
            [
                "runtime.malg /go/proc.go:1",
                "main.inner /src/a b.go:7 < main.(*T[...]).outer /src/b.go:8",
                rec,
                rec,
                "runtime.goexit :0"
            ]
        );
        assert_eq!(frames(&profile, 1), ["runtime.malg /go/proc.go:1", rec]);
    }

    #[test]
    fn wrong_lines_are_named() {
        let cases = [
            (
                "heap profile: 1: 2 [1: 2] @ heapz/2\n",
                "line 1: `heapz/2` is no known way of sampling; those are `heap/` with twice the interval in bytes",
            ),
            (&*format!("{HEAD}1: 1 [1: 1] @ 0x11\n#\tmain.f\n"), "line 3: `main.f` is no address"),
            (
                &format!("{HEAD}1: 1 [1: 1] @ 0x11\n#\t0x11\tmain.f+0x1\t/a.go:1\n"),
                "line 3: no frame of the stack above has this address",
            ),
            (
                &format!("{HEAD}#\t0x11\tmain.f+0x1\t/a.go:1\n"),
                "line 2: no frame of the stack above has this address",
            ),
            (
                &format!("{HEAD}1: 1 [1: 1] @ 0x11\n#\t0x10\tmain.f+0x1\t/a.go\n"),
                "line 3: `/a.go` is not a file and a line",
            ),
            (
                &format!("{HEAD}1: 1 [1: 1] @ 0x11\n#\t0x10\tmain.f+0x1\t/a.go:x\n"),
                "line 3: the number of the source line is `x`, not a whole number below 2^63",
            ),
            (&format!("{HEAD}1: 1\n"), "line 2: `blocks: bytes [blocks: bytes]` was expected"),
        ];
        for (text, expected) in cases {
            let error = read(text).unwrap_err().to_string();
            assert_eq!(error, format!("this Go heap profile is not valid: {expected}"));
        }
    }
}
