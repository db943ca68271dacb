//! Folded stacks: a line for each stack, root first, `main;parse;push 4096`. What flame graphs are drawn from.
//!
//! The format was never written down; Brendan Gregg's `flamegraph.pl` is its reader of reference. A line says nothing
//! but names and one number, so what the number counts is lost. Numbers may be negative, in differences, and have
//! decimals, where a tool scaled them: those are rounded. A line that begins with `# ` is a remark.

use std::io::{self, Write};

use super::columns::shown_column;
use super::frames::frames;
use super::text::{TextLine, check_memory, cut_off, lines, quoted};
use crate::{Format, Limits, Line, Location, LocationId, Missing, Profile, ReadError, Source, ValueType};

/// What `flamegraph.pl` calls a number of unknown unit.
const KIND: (&str, &str) = ("samples", "count");

/// A frame without a name.
const UNKNOWN: &str = "[unknown]";

/// Decodes folded stacks.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let mut profile = Profile::new(vec![ValueType::new(KIND.0, KIND.1)]);
    profile.source = Source {
        format: Format::Folded,
        producer: None,
        missing: vec![Missing::Unit, Missing::Moment, Missing::Addresses, Missing::Lines],
        ..Source::default()
    };
    let mut stack = Vec::new();
    for line in lines(Format::Folded, bytes).filter(|it| !it.is_blank() && !it.bytes.starts_with(b"# ")) {
        let (names, value) = row(&line)?;
        stack.clear();
        for name in names.split(';').filter(|it| !it.is_empty()) {
            stack.push(location(&mut profile, name));
        }
        line.check_depth(stack.len())?;
        stack.reverse();
        profile.samples.push(&stack, &[value], &[]);
        check_memory(limits, bytes, &profile)?;
    }
    if profile.samples.is_empty() {
        return Err(cut_off(Format::Folded, bytes, "a stack"));
    }
    Ok(profile)
}

/// The frames of a line, and its number.
fn row<'a>(line: &TextLine<'a>) -> Result<(&'a str, i64), ReadError> {
    let text = line.text()?.trim_end();
    let (names, number) = text
        .rsplit_once([' ', '\t'])
        .ok_or_else(|| line.wrong("frames, a blank and a number were expected"))?;
    let value = match number.parse() {
        Ok(value) => Some(value),
        Err(_) => number.parse().ok().and_then(rounded),
    };
    let value = value.ok_or_else(|| {
        line.wrong(format!("the value is {}, not a number between -2^63 and 2^63", quoted(number)))
    })?;
    Ok((names.trim(), value))
}

fn rounded(value: f64) -> Option<i64> {
    let value = value.round();
    // The bounds are exact: 2^63 is a power of two.
    (-(2_f64.powi(63)) <= value && value < 2_f64.powi(63)).then_some(value as i64)
}

/// The location of the function `name`. Each function of such a profile has one, at the same position.
fn location(profile: &mut Profile, name: &str) -> LocationId {
    let function = profile.add_function(name, name, "");
    if function.index() == profile.locations().len() {
        return profile.add_location(Location::symbolized(vec![Line { function, line: 0 }]));
    }
    LocationId::from_index(function.index())
}

/// Writes the default sample type of `profile`: one line for each row, inlined frames as frames of their own.
///
/// # Errors
/// Those of `out`, and when the profile has no sample type.
pub(super) fn encode(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let column = shown_column(profile)?;
    let mut names = Vec::new();
    for sample in profile.samples.iter().filter(|it| it.values[column] != 0) {
        names.clear();
        let frames = sample.stack.iter().flat_map(|&id| frames(profile, profile.location(id)));
        names.extend(frames.map(|it| escaped(&it.name)));
        if names.is_empty() {
            names.push(UNKNOWN.to_owned());
        }
        names.reverse();
        writeln!(out, "{} {}", names.join(";"), sample.values[column])?;
    }
    Ok(())
}

/// A name without what would end the frame or the line, for which readers know no escape; and without blanks at its
/// ends, a blank before a number at its end and one behind a `#` at its beginning, which would make the number a value
/// and the line a remark.
pub(super) fn escaped(name: &str) -> String {
    const NO_BREAK_SPACE: &str = "\u{a0}";
    let escape = |it| match it {
        ';' => ',',
        _ if char::is_control(it) => ' ',
        _ => it,
    };
    let name: String = name.chars().map(escape).collect();
    let name = name.trim();
    match name.rsplit_once(' ') {
        _ if name.is_empty() => UNKNOWN.to_owned(),
        Some((start, end)) if end.parse::<f64>().is_ok() => format!("{start}{NO_BREAK_SPACE}{end}"),
        _ if name.starts_with("# ") => name.replacen(' ', NO_BREAK_SPACE, 1),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Profile, ReadError> {
        decode(text.as_bytes(), &Limits::default())
    }

    fn written(profile: &Profile) -> String {
        let mut out = Vec::new();
        encode(profile, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_become_rows() {
        let profile = read("# a remark\nmain;a b;c 3\nmain;c -2\r\n\nmain;;c 2.6\n main\t7\n; 5").unwrap();
        let values: Vec<i64> = profile.samples.iter().map(|it| it.values[0]).collect();
        assert_eq!(values, [3, -2, 3, 7, 5]);
        assert_eq!(profile.functions().len(), 3);
        assert_eq!(written(&profile), "main;a b;c 3\nmain;c -2\nmain;c 3\nmain 7\n[unknown] 5\n");
        assert_eq!(profile.period, 0);
        assert!(profile.source.missing.contains(&Missing::Unit));
    }

    #[test]
    fn wrong_lines_are_named() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(
            message("main;f 1\nmain;f\n"),
            "this folded stacks file is not valid: line 2: frames, a blank and a number were expected"
        );
        for (text, value) in [
            ("a 1\n\nb x\n", "x"),
            ("a 1\n\nb 9223372036854775808\n", "9223372036854775808"),
            ("a 1\n\nb inf\n", "inf"),
            ("a 1\n\nb NaN\n", "NaN"),
        ] {
            assert_eq!(
                message(text),
                format!(
                    "this folded stacks file is not valid: line 3: the value is `{value}`, not a number between -2^63 and 2^63"
                )
            );
        }
        assert!(
            message(&format!("{}a 1\n", "a;".repeat(70_000))).contains("line 1: a stack of more than 65536")
        );
        assert!(decode(b"a\xff 1\n", &Limits::default()).unwrap_err().to_string().contains("line 1: byte 2"));
    }

    #[test]
    fn memory_is_bounded() {
        let text: String = (0..10_000).map(|i| format!("function{i} 1\n")).collect();
        let limits = Limits { max_memory_bytes: 300_000, ..Limits::default() };
        assert!(matches!(decode(text.as_bytes(), &limits), Err(ReadError::OutOfMemory { .. })));
        assert!(decode(text.as_bytes(), &Limits::default()).is_ok());
    }

    #[test]
    fn names_stay_names() {
        for (name, expected) in [
            ("grow<[u8; 4]>\n", "grow<[u8, 4]>"),
            ("step 2", "step\u{a0}2"),
            ("step -1.5e3", "step\u{a0}-1.5e3"),
            ("# main", "#\u{a0}main"),
            (" ", "[unknown]"),
            ("operator new(unsigned long)", "operator new(unsigned long)"),
        ] {
            let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
            let id = location(&mut profile, name);
            profile.samples.push(&[id], &[1], &[]);
            assert_eq!(written(&profile), format!("{expected} 1\n"));
        }
    }
}
