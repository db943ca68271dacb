//! Writes folded stacks.

use std::collections::HashMap;
use std::io::{self, Write};

use super::UNKNOWN;
use crate::format::others::columns::shown_column;
use crate::format::others::frames::frames;
use crate::format::written::Written;
use crate::profile::Profile;
use crate::sample::Sample;

/// Writes the default sample type of `profile`: one line for each row, inlined frames as frames of their own.
/// Where the rows of a base are apart, each line has two numbers: the base's and the new profile's.
///
/// # Errors
/// The errors of `out`, and when the profile has no sample type.
pub(in crate::format::others) fn encode(profile: &Profile, out: &mut dyn Write) -> io::Result<Written> {
    let column = shown_column(profile)?;
    if profile.has_base() {
        return encode_sides(profile, column, out);
    }
    let mut rows = 0;
    for sample in profile.samples.iter().filter(|it| it.values[column] != 0) {
        writeln!(out, "{} {}", stack(profile, &sample), sample.values[column])?;
        rows += 1;
    }
    Ok(Written { rows, columns: vec![column] })
}

/// Writes the values of the base and of the new profile beside each other, one line for each stack.
fn encode_sides(profile: &Profile, column: usize, out: &mut dyn Write) -> io::Result<Written> {
    let is_base = profile.base_rows();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut sides: Vec<[i64; 2]> = Vec::new();
    for sample in profile.samples.iter().filter(|it| it.values[column] != 0) {
        let at = *places.entry(stack(profile, &sample)).or_insert_with(|| {
            sides.push([0, 0]);
            sides.len() - 1
        });
        let value = sample.values[column];
        let (side, value) = if is_base(&sample) { (0, value.saturating_neg()) } else { (1, value) };
        sides[at][side] = sides[at][side].saturating_add(value);
    }
    let mut stacks: Vec<(String, usize)> = places.into_iter().collect();
    stacks.sort_unstable_by_key(|it| it.1);
    for (stack, at) in &stacks {
        writeln!(out, "{stack} {} {}", sides[*at][0], sides[*at][1])?;
    }
    Ok(Written { rows: stacks.len(), columns: vec![column] })
}

/// The names of a row's frames, root first.
fn stack(profile: &Profile, sample: &Sample<'_>) -> String {
    let frames = sample.stack.iter().flat_map(|&id| frames(profile, profile.location(id)));
    let mut names: Vec<String> = frames.map(|it| escaped(&it.name)).collect();
    if names.is_empty() {
        names.push(UNKNOWN.to_owned());
    }
    names.reverse();
    names.join(";")
}

/// A name without what would end the frame or the line, for which readers know no escape; and without blanks
/// at its ends, a blank before a number at its end and one behind a `#` at its beginning, which would make
/// the number a value and the line a remark.
pub(in crate::format::others) fn escaped(name: &str) -> String {
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
    use super::super::decode::{decode, location};
    use super::*;
    use crate::{Limits, Missing, ReadError, ValueType};

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
        let profile = read("# a remark\nmain;a b;c 3\nmain;c -2\r\n\nmain;;c 3\n main\t7\n; 5").unwrap();
        let values: Vec<i64> = profile.samples.iter().map(|it| it.values[0]).collect();
        assert_eq!(values, [3, -2, 3, 7, 5]);
        assert_eq!(profile.functions().len(), 3);
        assert_eq!(written(&profile), "main;a b;c 3\nmain;c -2\nmain;c 3\nmain 7\n[unknown] 5\n");
        assert_eq!(profile.period, 0);
        assert!(profile.source.missing.contains(&Missing::Unit));
    }

    #[test]
    fn decimals_are_added_up_before_they_are_rounded() {
        let profile = read("main;a 0.5\nmain;b 2\nmain;a 0.5\nmain;c 0.7\nmain;d 0.7\n").unwrap();
        assert_eq!(profile.samples.total(0), 4);
        assert_eq!(written(&profile), "main;a 1\nmain;b 2\nmain;c 1\n");
    }

    #[test]
    fn two_numbers_on_every_line_are_a_base_and_a_new_profile() {
        let text = "# base and new\nmain;a 6 4\nmain;b 0 12\nmain;c 1 0\n";
        let profile = read(text).unwrap();
        assert!(profile.is_difference());
        assert_eq!(profile.sides().map(|it| it.samples.total(0)), [7, 16]);
        let again = read(&written(&profile)).unwrap();
        assert_eq!(written(&again), "main;a 6 4\nmain;b 0 12\nmain;c 1 0\n");
        // A name may end in a number, and then not all lines do.
        let one = read("main;step 2 4\nmain;b 12\n").unwrap();
        assert!(!one.is_difference());
        assert_eq!((one.samples.total(0), one.string(one.functions()[1].name)), (16, "step 2"));
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
