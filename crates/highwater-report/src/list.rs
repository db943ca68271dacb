//! An annotated source: the lines of a function, each with its memory.

use std::collections::HashMap;

use highwater_analyze::{Estimate, Header, LineValues, ListedFunction, Listing};

use crate::header;
use crate::label::{Label, clean};
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// Number of lines shown before and after a line with a value.
const AROUND: i64 = 2;

/// The content of a source file, or why it is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The lines of the file.
    Lines {
        /// The text, line by line, without line ends.
        lines: Vec<String>,
        /// Whether the file was changed after the profile was taken, so that its lines may differ.
        is_newer: bool,
    },
    /// Why the source is missing, in a few words.
    Missing(String),
}

/// Each function with its lines. `sources` holds the source of each function's `file`.
///
/// With several kinds of values, each number is cumulative: the line and everything it calls. With one kind,
/// there are columns for the line itself, for the cumulative value and for the error.
pub fn list(listing: &Listing, sources: &HashMap<String, Source>, view: &View) -> String {
    let mut text = headings(&listing.headers, view);
    if listing.functions.is_empty() {
        text.push_str("nothing matches\n");
    }
    for function in &listing.functions {
        text.push('\n');
        let source = function.file.as_ref().and_then(|it| sources.get(it));
        text.push_str(&one(&listing.headers, function, source, view));
    }
    match listing.headers.first() {
        Some(first) => text + &header::omitted(&listing.omitted, &first.unit, "function", view),
        None => text,
    }
}

fn headings(headers: &[Header], view: &View) -> String {
    let mut text = String::new();
    for header in headers {
        text.push_str(&view.paint(Role::Heading, &header::total(header)));
        text.push('\n');
    }
    let Some(first) = headers.first() else { return text };
    let mut remark = header::recording(first);
    if headers.len() > 1 {
        remark.push_str("\nof each line and what it calls; --sample KIND shows both apart, with errors");
    }
    text.push_str(&view.paint(Role::Faint, &remark));
    text.push('\n');
    if let [only] = headers {
        text.push_str(&header::zeros(only));
    }
    text + &header::note_lines(headers)
}

fn one(headers: &[Header], function: &ListedFunction, source: Option<&Source>, view: &View) -> String {
    let place = function.short_file.as_deref().map_or_else(String::new, |it| format!(" in {}", clean(it)));
    let mut text = format!("{}{place}\n", view.paint(Role::Heading, &clean(&function.function)));
    let mut remark = |words: String| {
        text.push_str(&view.paint(Role::Faint, &clean(&words)));
        text.push('\n');
    };
    let lines: &[String] = match source {
        Some(Source::Lines { lines, is_newer }) => {
            if *is_newer {
                remark("the file is newer than the profile: its lines may have moved".to_owned());
            }
            lines
        }
        Some(Source::Missing(reason)) => {
            remark(format!("no source: {reason}; --source DIR names a directory to look in"));
            &[]
        }
        None => {
            remark("no source: there is no debug information that names the file".to_owned());
            &[]
        }
    };
    text + &table(headers, function, lines).render(view)
}

fn table(headers: &[Header], function: &ListedFunction, source: &[String]) -> Table {
    let mut heads: Vec<String> = headers.iter().map(|it| clean(&it.sample)).collect();
    if let [only] = headers {
        heads.extend(header::has_errors(only).then(|| "±".to_owned()));
        heads.push("cum".to_owned());
    }
    heads.push("line".to_owned());
    let columns = heads.len() - 1;
    let mut table = Table::new(heads);
    table.push(cells(headers, &function.values), Label::text("the whole function"));

    let values: HashMap<i64, &LineValues> =
        function.lines.iter().filter_map(|it| Some((it.line?, &it.values))).collect();
    let shown = shown(function, source.len());
    let digits = shown.last().map_or(1, |it| it.to_string().len());
    let text = |line: i64| usize::try_from(line - 1).ok().and_then(|at| source.get(at)).map_or("", |it| it);
    let indent = shown.iter().map(|it| text(*it)).filter(|it| !it.trim().is_empty()).map(indentation).min();
    let mut before = None;
    for line in shown {
        if before.is_some_and(|it| it + 1 < line) {
            table.push(vec![Cell::new(""); columns], Label::text("…").behind(" ".repeat(digits - 1)).faint());
        }
        before = Some(line);
        let words = Label::source(text(line).get(indent.unwrap_or(0)..).unwrap_or_default().trim_end());
        let words = words.behind(format!("{line:digits$}  "));
        match values.get(&line) {
            Some(values) => table.push(cells(headers, values), words),
            None => table.push(vec![Cell::new(""); columns], words.faint()),
        }
    }
    for nameless in function.lines.iter().filter(|it| it.line.is_none()) {
        table.push(cells(headers, &nameless.values), Label::text("a line that is not known"));
    }
    table
}

/// The numbers of the lines with values and of the lines around them, as far as the source reaches.
fn shown(function: &ListedFunction, source_lines: usize) -> Vec<i64> {
    let source_lines = i64::try_from(source_lines).unwrap_or(i64::MAX);
    let mut shown: Vec<i64> = Vec::new();
    for line in function.lines.iter().filter_map(|it| it.line) {
        let around = line.saturating_sub(AROUND).max(1)..=line.saturating_add(AROUND);
        shown.extend(around.filter(|it| *it == line || *it <= source_lines));
    }
    shown.sort_unstable();
    shown.dedup();
    shown
}

/// Number of bytes of white space at the beginning of a line.
fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

fn cells(headers: &[Header], values: &LineValues) -> Vec<Cell> {
    let amount = |header: &Header, it: &Estimate| match it.value {
        0 => Cell::role("·", Role::Faint),
        value => Cell::new(header::amount(value, header)),
    };
    if let ([header], [flat], [cumulative]) = (headers, values.flat.as_slice(), values.cumulative.as_slice())
    {
        let mut cells = vec![amount(header, flat)];
        cells.extend(
            header::has_errors(header).then(|| Cell::role(number::margin(flat, &header.unit), Role::Faint)),
        );
        cells.push(amount(header, cumulative));
        return cells;
    }
    headers.iter().zip(&values.cumulative).map(|(header, it)| amount(header, it)).collect()
}

#[cfg(test)]
mod tests {
    use highwater_analyze::{ListedLine, Omitted};

    use super::*;
    use crate::samples::{estimate, header};

    fn values(flat: &[i64], cumulative: &[i64]) -> LineValues {
        let estimates = |values: &[i64]| values.iter().map(|it| estimate(*it, 0.0)).collect();
        LineValues { flat: estimates(flat), cumulative: estimates(cumulative) }
    }

    fn sample() -> Listing {
        let line = |line, values| ListedLine { line, values };
        let function = ListedFunction {
            function: "demo::add".to_owned(),
            file: Some("/srv/demo/src/index.rs".to_owned()),
            short_file: Some("src/index.rs".to_owned()),
            values: values(&[1 << 20, 0], &[3 << 20, 8 << 20]),
            lines: vec![
                line(None, values(&[0, 0], &[7, 7])),
                line(Some(3), values(&[1 << 20, 0], &[1 << 20, 0])),
                line(Some(9), values(&[0, 0], &[2 << 20, 8 << 20])),
            ],
        };
        let alloc = Header { sample: "alloc-bytes".to_owned(), ..header() };
        Listing { headers: vec![header(), alloc], functions: vec![function], omitted: Omitted::default() }
    }

    fn with(source: Source, listing: &Listing) -> String {
        let sources = HashMap::from([("/srv/demo/src/index.rs".to_owned(), source)]);
        list(listing, &sources, &View::default())
    }

    fn lines(is_newer: bool) -> Source {
        let lines = "impl Index {\n\n    fn add(&mut self) {\n        self.a.push(1);\n    }\n    //\n    //\n    fn b() {\n        c();\n    }";
        Source::Lines { lines: lines.lines().map(str::to_owned).collect(), is_newer }
    }

    #[test]
    fn each_line_has_its_memory() {
        let text = with(lines(false), &sample());
        assert!(text.starts_with("live-bytes 16.0 MiB ± 410 KiB\nalloc-bytes 16.0 MiB"), "{text}");
        assert!(
            text.ends_with(
                "
demo::add in src/index.rs
live-bytes  alloc-bytes  line
   3.0 MiB      8.0 MiB  the whole function
                          1  impl Index {
                          2
   1.0 MiB            ·   3      fn add(&mut self) {
                          4          self.a.push(1);
                          5      }
                          …
                          7      //
                          8      fn b() {
   2.0 MiB      8.0 MiB   9          c();
                         10      }
       7 B          7 B  a line that is not known
"
            ),
            "{text}"
        );
    }

    #[test]
    fn one_kind_has_both_columns_and_its_error() {
        let mut listing = sample();
        listing.headers.truncate(1);
        let whole = &mut listing.functions[0].values;
        whole.flat.truncate(1);
        whole.cumulative.truncate(1);
        for line in &mut listing.functions[0].lines {
            line.values.flat.truncate(1);
            line.values.cumulative.truncate(1);
        }
        let text = with(lines(false), &listing);
        assert!(
            text.contains("live-bytes    ±      cum  line\n   1.0 MiB  0 B  3.0 MiB  the whole"),
            "{text}"
        );
    }

    #[test]
    fn missing_and_changed_files_are_reported() {
        let text = with(Source::Missing("it is not at /srv/demo/src/index.rs".to_owned()), &sample());
        assert!(
            text.contains(
                "no source: it is not at /srv/demo/src/index.rs; --source DIR names a directory to look in\n"
            ),
            "{text}"
        );
        assert!(text.contains("   2.0 MiB      8.0 MiB  9\n"), "{text}");
        assert!(with(lines(true), &sample()).contains("newer than the profile"));
        let none = Listing { functions: Vec::new(), ..sample() };
        assert!(with(lines(false), &none).ends_with("nothing matches\n"));
    }

    #[test]
    fn source_cannot_control_a_terminal() {
        let evil = Source::Lines { lines: vec!["\u{1b}[2J\tx".to_owned(); 12], is_newer: false };
        let text = with(evil, &sample());
        assert!(!text.contains('\u{1b}') && text.contains("\u{fffd}[2J    x"), "{text}");
    }
}
