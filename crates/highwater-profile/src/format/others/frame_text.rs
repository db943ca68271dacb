//! The text of one frame: `0x401136: main (src/main.rs:7:5)`, or `(in /lib/libc.so.6)` where there is no
//! line.

/// What a frame's text says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::format) struct FrameText<'a> {
    /// 0 when there is none.
    pub(in crate::format) address: u64,
    /// The function; empty when unknown.
    pub(in crate::format) function: &'a str,
    /// The source file; empty when unknown.
    pub(in crate::format) file: &'a str,
    /// 0 when unknown.
    pub(in crate::format) line: i64,
    /// The binary, which only stands in place of a source file; empty when unknown.
    pub(in crate::format) binary: &'a str,
}

/// What tools write for a name they do not know.
const UNKNOWN: &str = "???";

impl<'a> FrameText<'a> {
    /// Takes a text apart. Whatever has another form is a function's name.
    pub(in crate::format::others) fn parse(text: &'a str) -> Self {
        let (address, rest) = match text.split_once(": ") {
            Some((number, rest)) => match hexadecimal(number) {
                Some(address) => (address, rest),
                None => (0, text),
            },
            None => hexadecimal(text).map_or((0, text), |address| (address, "")),
        };
        let known = |name: &'a str| if name == UNKNOWN { "" } else { name };
        let parenthesized = rest.strip_suffix(')').and_then(|it| it.rsplit_once(" ("));
        let Some((function, place)) = parenthesized else {
            return Self { address, function: known(rest), ..Self::default() };
        };
        if let Some(binary) = place.strip_prefix("in ") {
            return Self { address, function: known(function), binary: known(binary), ..Self::default() };
        }
        match source(place) {
            Some((file, line)) => {
                Self { address, function: known(function), file: known(file), line, binary: "" }
            }
            None => Self { address, function: known(rest), ..Self::default() },
        }
    }
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// `file:line` or `file:line:column`.
fn source(place: &str) -> Option<(&str, i64)> {
    let (before, last) = place.rsplit_once(':')?;
    let last: i64 = last.parse().ok().filter(|it| *it >= 0)?;
    let with_column = before.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)));
    match with_column {
        Some((file, line)) if line >= 0 && !file.is_empty() => Some((file, line)),
        _ => Some((before, last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_apart() {
        let frame =
            |address, function, file, line, binary| FrameText { address, function, file, line, binary };
        for (text, expected) in [
            ("0x109076: main (prog.c:7)", frame(0x10_9076, "main", "prog.c", 7, "")),
            ("0x1: f(int) (a/b.cpp:12)", frame(1, "f(int)", "a/b.cpp", 12, "")),
            ("0x2: g (src/main.rs:19:18)", frame(2, "g", "src/main.rs", 19, "")),
            ("0x3: malloc (in /usr/lib/a b.so)", frame(3, "malloc", "", 0, "/usr/lib/a b.so")),
            ("0x4: ??? (in /lib/ld.so)", frame(4, "", "", 0, "/lib/ld.so")),
            ("0x5: ??? (???:0:0)", frame(5, "", "", 0, "")),
            ("0x6: ???", frame(6, "", "", 0, "")),
            ("0x7", frame(7, "", "", 0, "")),
            ("0x8: <(A, B) as F>::call", frame(8, "<(A, B) as F>::call", "", 0, "")),
            ("0x9: f (A, B)", frame(9, "f (A, B)", "", 0, "")),
            ("0xffffffffffffffffff: f", frame(0, "0xffffffffffffffffff: f", "", 0, "")),
            ("std::main", frame(0, "std::main", "", 0, "")),
            ("f (a.c:99999999999999999999)", frame(0, "f (a.c:99999999999999999999)", "", 0, "")),
            ("", frame(0, "", "", 0, "")),
        ] {
            assert_eq!(FrameText::parse(text), expected, "{text}");
        }
    }
}
