//! Wraps sentences that are longer than the screen is wide.

/// Breaks lines of `text` that are longer than `width` columns between words. Continuation lines are indented
/// by two more columns than the line. A word that is longer than a line is put on a line of its own, and
/// broken. Escape codes have no width.
///
/// Tables that were made for this width are not changed.
pub fn wrapped(text: &str, width: usize) -> String {
    let mut lines = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if columns(line.trim_end_matches('\n')) <= width {
            lines.push_str(line);
        } else {
            wrap(line, width, &mut lines);
        }
    }
    lines
}

fn wrap(line: &str, width: usize, out: &mut String) {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let hanging = (indent + 2).min(width / 2);
    let mut at = indent;
    out.push_str(&line[..indent]);
    let mut is_first = true;
    for word in line[indent..].split_inclusive(' ') {
        let space = columns(word.trim_end());
        if !is_first && at + space > width {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.push_str(&" ".repeat(hanging));
            at = hanging;
        }
        is_first = false;
        if at + space > width {
            at = broken(word, (at, hanging, width), out);
        } else {
            out.push_str(word);
            at += columns(word);
        }
    }
}

/// Writes a word that is longer than a line, and returns the column after it.
fn broken(word: &str, (mut at, hanging, width): (usize, usize, usize), out: &mut String) -> usize {
    let mut is_code = false;
    for it in word.chars() {
        let has_width = has_width(it, &mut is_code);
        if has_width && at >= width {
            out.push('\n');
            out.push_str(&" ".repeat(hanging));
            at = hanging;
        }
        out.push(it);
        at += usize::from(has_width);
    }
    at
}

/// Number of columns that a text takes.
fn columns(text: &str) -> usize {
    let mut is_code = false;
    text.chars().filter(|&it| has_width(it, &mut is_code)).count()
}

/// Whether a character takes a column: not if it belongs to an escape code; inside one, `is_code` is set.
fn has_width(it: char, is_code: &mut bool) -> bool {
    let was_code = *is_code;
    *is_code = it == '\u{1b}' || (was_code && !it.is_ascii_alphabetic());
    !was_code && it != '\u{1b}' && it != '\n'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_between_words() {
        let text = "short\n    grew by 516.3 MiB per hour and by 416.2 MiB at the least\nend";
        let expected = "short\n    grew by 516.3\n      MiB per hour\n      and by 416.2\n      MiB at the\n      least\nend";
        assert_eq!(wrapped(text, 20), expected);
        assert_eq!(wrapped(text, 80), text);
        assert!(wrapped(text, 20).lines().all(|it| columns(it) <= 20));
        assert_eq!(wrapped("", 20), "");
    }

    #[test]
    fn a_word_longer_than_a_line_is_broken() {
        assert_eq!(wrapped("in abcdefghijklmnop\n", 10), "in\n  abcdefgh\n  ijklmnop\n");
    }

    #[test]
    fn escape_codes_have_no_width() {
        let painted = "\u{1b}[2mabc def\u{1b}[0m\n";
        assert_eq!(wrapped(painted, 7), painted);
        assert_eq!(wrapped("\u{1b}[1mabcdef\u{1b}[0m\n", 4), "\u{1b}[1mabcd\n  ef\u{1b}[0m\n");
        assert_eq!(wrapped(painted, 6), "\u{1b}[2mabc\n  def\u{1b}[0m\n");
    }
}
