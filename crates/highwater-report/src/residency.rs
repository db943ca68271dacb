//! What the resident set consists of, as a table that adds up.

use std::fmt::Write as _;

use highwater_analyze::{KeptBytes, Residency, ResidencyLine, Unit};

use crate::header;
use crate::label::{Label, clean};
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// The ledger as text: its sum, its lines with where each number comes from, and the code whose live blocks
/// keep more than themselves.
pub fn residency(answer: &Residency, view: &View) -> String {
    let bytes = |value| number::amount(value, &Unit::Bytes);
    let mut title = format!("resident set {}", bytes(answer.resident_bytes));
    if let Some(live) = &answer.live_bytes {
        let _ = write!(title, ", of which the program requested {}", bytes(live.value));
    }
    let mut text = format!("{}\n", view.paint(Role::Heading, &title));
    let mut facts = vec![format!("{} named", number::percent(answer.named_fraction))];
    if let Some([before, after]) = answer.counter_bytes {
        facts.push(match before == after {
            true => format!("the kernel's counter said {}", bytes(before)),
            false => format!("the kernel's counter said {} before and {} after", bytes(before), bytes(after)),
        });
    }
    if answer.swapped_bytes > 0 {
        facts.push(format!("{} swapped out", bytes(answer.swapped_bytes)));
    }
    if let Some(huge) = answer.huge_bytes.filter(|it| *it > 0) {
        facts.push(format!("{} in huge pages", bytes(huge)));
    }
    if let Some(ns) = answer.pause_ns {
        let unit = Unit::Other("nanoseconds".to_owned());
        facts.push(format!("the process was copied in {}", number::amount(ns, &unit)));
    }
    let _ = writeln!(text, "{}", view.paint(Role::Faint, &facts.join("; ")));
    text += &header::note_lines([&answer.header]);
    for remark in &answer.remarks {
        let _ = writeln!(text, "note: {}", clean(remark));
    }
    text.push('\n');
    text += &ledger(&answer.lines).render(view);
    text +=
        &kept("empty space on pages that live blocks keep, by the line that made them", &answer.held, view);
    text += &kept(
        "live bytes on pages that are not resident, by the line that made them",
        &answer.untouched,
        view,
    );
    text += &sources(&answer.lines, view);
    text
}

fn ledger(lines: &[ResidencyLine]) -> Table {
    let has_errors = lines.iter().any(|line| line.bytes.has_error());
    let has_swapped = lines.iter().any(|line| line.swapped_bytes != 0);
    let mut heads = vec!["resident".to_owned()];
    heads.extend(has_errors.then(|| "±".to_owned()));
    heads.push("%".to_owned());
    heads.extend(has_swapped.then(|| "swapped".to_owned()));
    heads.push("what".to_owned());
    let mut table = Table::new(heads);
    for line in lines {
        let bytes = number::amount(line.bytes.value, &Unit::Bytes);
        let mut cells = vec![Cell::new(bytes)];
        if has_errors {
            let margin = if line.bytes.has_error() {
                number::margin(&line.bytes, &Unit::Bytes)
            } else {
                String::new()
            };
            cells.push(Cell::role(margin, Role::Faint));
        }
        cells.push(Cell::new(number::percent(line.fraction)));
        if has_swapped {
            cells.push(Cell::new(number::amount(line.swapped_bytes, &Unit::Bytes)));
        }
        let label = match line.name.as_str() {
            "" => line.title.clone(),
            name => format!("{}: {name}", line.title),
        };
        table.push(cells, Label::text(&label));
    }
    table
}

fn kept(title: &str, kept: &KeptBytes, view: &View) -> String {
    if kept.rows.is_empty() {
        return String::new();
    }
    let total = number::estimate(&kept.total, &Unit::Bytes);
    let mut text = format!("\n{}\n", view.paint(Role::Heading, &format!("{title}: {total}")));
    let mut table = Table::new(["bytes", "±", "%", "line"]);
    for row in &kept.rows {
        let cells = vec![
            Cell::new(number::amount(row.flat.value, &Unit::Bytes)),
            Cell::role(number::margin(&row.flat, &Unit::Bytes), Role::Faint),
            Cell::new(number::percent(row.flat_fraction)),
        ];
        table.push(cells, Label::from_key(&row.key));
    }
    text += &table.render(view);
    text
}

/// Where the numbers of the ledger come from, each source once.
fn sources(lines: &[ResidencyLine], view: &View) -> String {
    let mut named: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in lines.iter().filter(|line| !line.source.is_empty()) {
        match named.iter_mut().find(|it| it.0 == line.source) {
            Some((_, titles)) if titles.contains(&line.title.as_str()) => {}
            Some((_, titles)) => titles.push(&line.title),
            None => named.push((&line.source, vec![&line.title])),
        }
    }
    if named.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", view.paint(Role::Heading, "where the numbers come from"));
    for (source, titles) in named {
        let _ = writeln!(text, "{}: {}", clean(source), clean(&titles.join("; ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use highwater_analyze::Estimate;

    use super::*;
    use crate::samples;

    #[test]
    fn the_table_adds_up_and_says_where_its_numbers_come_from() {
        let line = |kind: &str, title: &str, name: &str, bytes: Estimate, fraction| ResidencyLine {
            kind: kind.to_owned(),
            title: title.to_owned(),
            name: name.to_owned(),
            bytes,
            fraction,
            swapped_bytes: 0,
            source: "/proc/self/smaps".to_owned(),
        };
        let none = KeptBytes { total: Estimate::exact(0), rows: Vec::new() };
        let answer = Residency {
            header: samples::header(),
            resident_bytes: 10 << 20,
            swapped_bytes: 0,
            named_fraction: 0.9,
            live_bytes: Some(Estimate::exact(3 << 20)),
            counter_bytes: Some([10 << 20, 11 << 20]),
            huge_bytes: None,
            pause_ns: Some(1_500_000),
            lines: vec![
                line("live", "requested and alive", "", Estimate::normal(9 << 20, Some(1e5)), 0.9),
                line("unnamed", "not named", "a\u{1b}b", Estimate::exact(1 << 20), 0.1),
            ],
            held: none.clone(),
            untouched: none,
            remarks: vec!["nothing was walked".to_owned()],
        };
        let text = residency(&answer, &View::default());
        assert!(
            text.starts_with("resident set 10.0 MiB, of which the program requested 3.0 MiB\n"),
            "{text}"
        );
        assert!(
            text.contains("90.0% named; the kernel's counter said 10.0 MiB before and 11.0 MiB after"),
            "{text}"
        );
        assert!(text.contains("copied in 1.5 ms"), "{text}");
        assert!(text.contains("note: nothing was walked\n"), "{text}");
        assert!(text.contains("9.0 MiB  191 KiB  90.0%  requested and alive\n"), "{text}");
        assert!(text.contains("/proc/self/smaps: requested and alive; not named\n"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
