//! Sentences that are longer than the screen is wide.

/// Breaks the lines of `text` that are longer than `width` columns between words; what follows is indented by two columns
/// more than the line. A word that is longer than a line stands alone, and is broken. Escape codes take no room.
///
/// Tables are as wide as they were told and stay as they are.
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
        let room = columns(word.trim_end());
        if !is_first && at + room > width {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.push_str(&" ".repeat(hanging));
            at = hanging;
        }
        is_first = false;
        if at + room > width {
            at = broken(word, (at, hanging, width), out);
        } else {
            out.push_str(word);
            at += columns(word);
        }
    }
}

/// Puts down a word that is longer than a line, and returns the column behind it.
fn broken(word: &str, (mut at, hanging, width): (usize, usize, usize), out: &mut String) -> usize {
    let mut is_code = false;
    for it in word.chars() {
        let takes_room = takes_room(it, &mut is_code);
        if takes_room && at >= width {
            out.push('\n');
            out.push_str(&" ".repeat(hanging));
            at = hanging;
        }
        out.push(it);
        at += usize::from(takes_room);
    }
    at
}

/// Columns that a text takes.
fn columns(text: &str) -> usize {
    let mut is_code = false;
    text.chars().filter(|&it| takes_room(it, &mut is_code)).count()
}

/// Whether a character takes a column: not one of an escape code, inside of which `is_code` is set.
fn takes_room(it: char, is_code: &mut bool) -> bool {
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
    fn escape_codes_take_no_room() {
        let painted = "\u{1b}[2mabc def\u{1b}[0m\n";
        assert_eq!(wrapped(painted, 7), painted);
        assert_eq!(wrapped("\u{1b}[1mabcdef\u{1b}[0m\n", 4), "\u{1b}[1mabcd\n  ef\u{1b}[0m\n");
        assert_eq!(wrapped(painted, 6), "\u{1b}[2mabc\n  def\u{1b}[0m\n");
    }
}
