//! Expressions of pprof files, which are RE2's, in the syntax of the crate `regex`.
//!
//! Both refuse what a finite automaton cannot do (references back, looking around). They differ in details: RE2's classes
//! (`\d`, `\w`, `\s`, `\b`) are ASCII, a brace that is no repetition is a character, `\<` is one too, `\Q…\E` quotes, `\101` is
//! a letter, and `[` or `&&` mean nothing inside of brackets.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// RE2 allows no more repetitions.
const MAX_REPEAT: u32 = 1000;

/// Compiles an expression that has to match a text as a whole.
///
/// # Errors
/// Why it is no expression, in one line.
pub(crate) fn whole(expression: &str) -> Result<Regex, String> {
    let translated = translate(expression)?;
    Regex::new(&format!("^(?:{translated})$")).map_err(|error| match error {
        // The last line of a syntax error says what it is; the others draw where, in the translation.
        regex::Error::Syntax(text) => {
            text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
        other => other.to_string(),
    })
}

fn translate(expression: &str) -> Result<String, String> {
    let mut out = String::with_capacity(expression.len());
    let mut rest = expression.chars().peekable();
    // Whether the last thing can be repeated, and whether it was already.
    let (mut item, mut repeated) = (false, false);
    while let Some(next) = rest.next() {
        let mut is_repetition = false;
        match next {
            '\\' => escape(&mut rest, &mut out)?,
            '[' => class(&mut rest, &mut out)?,
            '{' => match bounds(&mut rest)? {
                Some(bounds) if item => {
                    out.push_str(&bounds);
                    is_repetition = true;
                }
                Some(bounds) => return Err(format!("nothing to repeat before {bounds}")),
                None => out.push_str("\\{"),
            },
            '}' | ']' => literal(next, &mut out),
            '*' | '+' | '?' => {
                out.push(next);
                is_repetition = true;
            }
            '(' if rest.peek() == Some(&'?') => {
                group(&mut rest, &mut out)?;
                (item, repeated) = (false, false);
                continue;
            }
            _ => out.push(next),
        }
        if is_repetition {
            if !item || repeated {
                return Err(format!("nothing to repeat before `{next}`"));
            }
            // A `?` behind makes it lazy, and is part of it.
            if rest.next_if_eq(&'?').is_some() {
                out.push('?');
            }
            repeated = true;
        } else {
            item = !matches!(next, '(' | '|');
            repeated = false;
        }
    }
    Ok(out)
}

/// What stands behind `(?`: a name, or flags of which RE2 knows four.
fn group(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    rest.next();
    out.push_str("(?");
    let mut head = String::new();
    for next in rest.by_ref() {
        head.push(next);
        if matches!(next, ')' | ':' | '>') {
            break;
        }
    }
    let is_name = (head.starts_with("P<") || head.starts_with('<')) && head.ends_with('>');
    let is_flags = head.chars().rev().skip(1).all(|it| matches!(it, 'i' | 'm' | 's' | 'U' | '-'))
        && head.ends_with([')', ':']);
    if !is_name && !is_flags {
        return Err(format!("`(?{head}` is not known"));
    }
    out.push_str(&head);
    Ok(())
}

/// `n}`, `n,}` or `n,m}` behind a brace; `None`, and nothing is taken, when it is anything else and so a character.
fn bounds(rest: &mut Peekable<Chars<'_>>) -> Result<Option<String>, String> {
    let text: String = rest.clone().take_while(|&it| it != '}').take(16).collect();
    let (low, high) = text.split_once(',').map_or((text.as_str(), None), |it| (it.0, Some(it.1)));
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let is_bounds = is_number(low) && high.is_none_or(|it| it.is_empty() || is_number(it));
    let taken = text.chars().count();
    if !is_bounds || rest.clone().nth(taken) != Some('}') {
        return Ok(None);
    }
    rest.nth(taken);
    let value = |it: &str| it.parse::<u32>().unwrap_or(u32::MAX);
    let most = high.filter(|it| !it.is_empty()).map_or(value(low), value);
    if value(low) > most || most > MAX_REPEAT {
        return Err(format!("{{{text}}} is no number of repetitions"));
    }
    Ok(Some(format!("{{{text}}}")))
}

/// What a backslash and the characters behind it stand for, outside of brackets.
fn escape(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    match rest.peek().copied() {
        Some('Q') => {
            rest.next();
            quoted(rest, out);
        }
        Some(kind @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
            rest.next();
            let (negation, content) = ascii(kind);
            out.push_str(&format!("[{negation}{content}]"));
        }
        Some('b') => {
            rest.next();
            out.push_str("(?-u:\\b)");
        }
        Some(anchor @ ('A' | 'z' | 'B')) => {
            rest.next();
            out.push('\\');
            out.push(anchor);
        }
        Some('p' | 'P') => unicode(rest, out)?,
        _ => literal(character(rest)?, out),
    }
    Ok(())
}

/// Copies what is quoted, up to `\E` or the end.
fn quoted(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    while let Some(next) = rest.next() {
        if next == '\\' && rest.next_if_eq(&'E').is_some() {
            return;
        }
        literal(next, out);
    }
}

/// `\pN` or `\p{Greek}`, of which both know the same.
fn unicode(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    let missing = || "a class of characters is not named".to_owned();
    out.push('\\');
    out.extend(rest.next());
    let name = rest.next().ok_or_else(missing)?;
    out.push(name);
    if name == '{' {
        for next in rest.by_ref() {
            out.push(next);
            if next == '}' {
                return Ok(());
            }
        }
        return Err(missing());
    }
    Ok(())
}

/// What is in a class of RE2, and what negates it.
fn ascii(kind: char) -> (&'static str, &'static str) {
    let content = match kind.to_ascii_lowercase() {
        'd' => "0-9",
        's' => "\\t\\n\\x0C\\r ",
        _ => "0-9A-Za-z_",
    };
    (if kind.is_ascii_uppercase() { "^" } else { "" }, content)
}

/// The single character that stands behind a backslash.
fn character(rest: &mut Peekable<Chars<'_>>) -> Result<char, String> {
    let next = rest.next().ok_or("a backslash at the end")?;
    let simple = match next {
        'a' => '\x07',
        'f' => '\x0c',
        't' => '\t',
        'n' => '\n',
        'r' => '\r',
        'v' => '\x0b',
        'x' => return hexadecimal(rest),
        '0'..='7' => {
            let mut value = next.to_digit(8).unwrap_or_default();
            let mut digits = 1;
            while let Some(digit) = rest.peek().and_then(|it| it.to_digit(8)).filter(|_| digits < 3) {
                value = value * 8 + digit;
                digits += 1;
                rest.next();
            }
            // A single digit would be a reference back.
            if digits == 1 && next != '0' {
                return Err(format!("`\\{next}` refers back"));
            }
            return char::from_u32(value).ok_or_else(|| format!("`\\{next}` is no character"));
        }
        other if other.is_ascii_punctuation() && other != '_' => other,
        other => return Err(format!("`\\{other}` is not known")),
    };
    Ok(simple)
}

fn hexadecimal(rest: &mut Peekable<Chars<'_>>) -> Result<char, String> {
    let digits: String = if rest.next_if_eq(&'{').is_some() {
        rest.by_ref().take_while(|&it| it != '}').collect()
    } else {
        rest.by_ref().take(2).collect()
    };
    let value = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
    value.ok_or_else(|| format!("`\\x{digits}` is no character"))
}

fn literal(it: char, out: &mut String) {
    let mut bytes = [0; 4];
    out.push_str(&regex::escape(it.encode_utf8(&mut bytes)));
}

/// What stands in brackets.
fn class(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    out.push('[');
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut is_first = true;
    loop {
        let next = rest.next().ok_or("a bracket is not closed")?;
        match next {
            ']' if !is_first => break,
            '[' if rest.peek() == Some(&':') => {
                out.push('[');
                for next in rest.by_ref() {
                    out.push(next);
                    if next == ']' {
                        break;
                    }
                }
            }
            '\\' => match rest.peek().copied() {
                Some(kind @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
                    rest.next();
                    let (negation, content) = ascii(kind);
                    out.push_str(&format!("[{negation}{content}]"));
                }
                Some('p' | 'P') => unicode(rest, out)?,
                _ => range(character(rest)?, rest, out)?,
            },
            other => range(other, rest, out)?,
        }
        is_first = false;
    }
    out.push(']');
    Ok(())
}

/// A character in brackets, or all up to another one.
fn range(low: char, rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    in_class(low, out);
    let mut ahead = rest.clone();
    if ahead.next() != Some('-') || matches!(ahead.peek(), None | Some(']')) {
        return Ok(());
    }
    rest.next();
    let high = match rest.next() {
        Some('\\') => character(rest)?,
        Some(other) => other,
        None => return Err("a bracket is not closed".to_owned()),
    };
    out.push('-');
    in_class(high, out);
    Ok(())
}

fn in_class(it: char, out: &mut String) {
    if it.is_ascii_punctuation() {
        out.push('\\');
        // The two that would be the ends of words.
        if matches!(it, '<' | '>') {
            out.pop();
        }
    }
    out.push(it);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_they_mean_to_go() {
        // Each row was asked of Go 1.19's regexp.MatchString("^(" + expression + ")$", text).
        let cases = [
            ("alloc|parse", "alloc", true),
            ("alloc|parse", "xalloc", false),
            (r"\Aalloc\z|\pN+|[[:word:]]+lloc", "alloc", true),
            (r"\Aalloc\z|\pN+|[[:word:]]+lloc", "calloc", true),
            (r"\Qa.b(\E.*", "a.b(x", true),
            (r"\Qa.b(\E.*", "aXb(x", false),
            (r"\Qopen", "open", true),
            ("demo::f::{{closure}}", "demo::f::{{closure}}", true),
            ("a{,2}", "a{,2}", true),
            ("a{2}", "aa", true),
            ("a{1,}?", "aaa", true),
            (r"\<impl\>", "<impl>", true),
            (r"[\<]impl>", "<impl>", true),
            (r"\d+", "7", true),
            (r"\d+", "٣", false),
            (r"\w+", "é", false),
            (r"[^\w]", "é", true),
            (r"[\D]", "é", true),
            ("[[a]+", "[a", true),
            ("[a&&b]+", "a&b", true),
            ("[]a]+", "]a", true),
            ("[a-]+", "a-", true),
            ("[~~a]+", "~", true),
            (r"\101\x42\x{43}", "ABC", true),
            ("(?i)ALLOC", "alloc", true),
            ("(?P<name>a)", "a", true),
            (r"a\b.*", "a::b", true),
            ("", "", true),
        ];
        for (expression, text, expected) in cases {
            let found = whole(expression).map(|it| it.is_match(text));
            assert_eq!(found, Ok(expected), "{expression} {text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for expression in [
            "(?!x)alloc",
            "(",
            ")",
            "a**",
            "*a",
            "a{1001}",
            "a{2,1}",
            r"\1",
            r"\C",
            r"\_",
            "[a",
            "[z-a]",
            "(?x)a",
            r"\",
        ] {
            assert!(whole(expression).is_err(), "{expression}");
        }
    }
}
