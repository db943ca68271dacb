//! A comparison as a table: what grew first, noise only counted.

use highwater_analyze::{Diff, DiffRow, Estimate, Omitted};

use crate::header;
use crate::label::Label;
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// The comparison as text. Changes that may be noise are counted in one line, unless [`View::noise`] is set.
pub fn diff(diff: &Diff, view: &View) -> String {
    let unit = &diff.new.unit;
    let mut text = headings(diff, view);
    let rows: Vec<&DiffRow> = diff.rows.iter().filter(|row| row.significant || view.noise).collect();
    if !rows.is_empty() {
        let errors = header::has_errors(&diff.base) || header::has_errors(&diff.new);
        let mut heads = vec!["change"];
        heads.extend(errors.then_some("±"));
        heads.extend(["base", "new", "%", "where"]);
        let mut table = Table::new(heads);
        for row in rows {
            let mut cells = vec![Cell::role(number::signed(row.change.value, unit), direction(row))];
            cells.extend(errors.then(|| Cell::role(number::margin(&row.change, unit), Role::Faint)));
            cells.push(Cell::new(number::amount(row.base.value, unit)));
            cells.push(Cell::new(number::amount(row.new.value, unit)));
            cells.push(Cell::new(number::signed_percent(row.fraction)));
            table.push(cells, Label::of(&row.key));
        }
        text.push('\n');
        text.push_str(&table.render(view));
    } else {
        text.push_str("no change that can be told from noise\n");
    }
    text + &footer(diff, view)
}

fn direction(row: &DiffRow) -> Role {
    match row.change.value {
        _ if !row.significant => Role::Faint,
        1.. => Role::Growth,
        ..0 => Role::Shrinkage,
        0 => Role::Plain,
    }
}

fn headings(diff: &Diff, view: &View) -> String {
    let unit = &diff.new.unit;
    let change = &diff.total_change;
    let verdict = match change.change.standard_error {
        Some(error) if error > 0.0 && !change.significant => " (may be noise)",
        _ => "",
    };
    let change = format!("change {}{verdict}", number::change(&change.change, unit));
    let recording =
        if (diff.base.exact, diff.base.interval_bytes) == (diff.new.exact, diff.new.interval_bytes) {
            header::recording(diff.new.exact, diff.new.interval_bytes)
        } else {
            format!(
                "base: {}\nnew: {}",
                header::recording(diff.base.exact, diff.base.interval_bytes),
                header::recording(diff.new.exact, diff.new.interval_bytes)
            )
        };
    let detectable = match diff.minimum_detectable {
        Some(least) if least > 0.0 => {
            let least = Estimate { value: least.round() as i64, standard_error: Some(0.0) };
            let bytes = number::estimate(&least, &highwater_analyze::Unit::Bytes);
            format!("\ngrowth of new code below {bytes} cannot be told from noise")
        }
        _ => String::new(),
    };
    format!(
        "base: {}\nnew:  {}\n{}\n{}\n",
        header::total(&diff.base),
        header::total(&diff.new),
        view.paint(Role::Heading, &change),
        view.paint(Role::Faint, &(recording + &detectable)),
    )
}

fn footer(diff: &Diff, view: &View) -> String {
    let unit = &diff.new.unit;
    if view.noise {
        return header::omitted(&diff.omitted, unit, "row", view);
    }
    // `omitted` and `noise` overlap in the noise that is not in `rows`; each row is to be counted once.
    let listed = diff.rows.iter().filter(|row| !row.significant);
    let (listed_rows, listed_value) =
        listed.fold((0, 0i64), |(rows, value), row| (rows + 1, value.saturating_add(row.change.value)));
    let both = Omitted {
        rows: diff.noise.rows.saturating_sub(listed_rows),
        value: diff.noise.value.saturating_sub(listed_value),
    };
    let significant = Omitted {
        rows: diff.omitted.rows.saturating_sub(both.rows),
        value: diff.omitted.value.saturating_sub(both.value),
    };
    let mut text = header::omitted(&significant, unit, "row", view);
    if diff.noise.rows > 0 {
        let line = format!(
            "{} may be noise, {} together; --noise shows them",
            number::count(diff.noise.rows, "change"),
            number::signed(diff.noise.value, unit)
        );
        text.push_str(&view.paint(Role::Faint, &line));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use highwater_analyze::Change;

    use super::*;
    use crate::samples::{estimate, header, line_key};

    fn sample() -> Diff {
        let row = |line, base: i64, new: i64, error, fraction, significant| DiffRow {
            key: line_key("src/index.rs", line, "codeindex::index::Index::add"),
            base: estimate(base, 0.0),
            new: estimate(new, 0.0),
            change: estimate(new - base, error),
            fraction,
            significant,
            stack: Vec::new(),
        };
        let new = estimate(24 << 20, 0.4 * 1_048_576.0 / 1.96);
        Diff {
            base: header(),
            new: highwater_analyze::Header { total: new, shown_total: new, ..header() },
            total_change: Change {
                change: estimate(8 << 20, 0.6 * 1_048_576.0 / 1.96),
                fraction: 0.5,
                significant: true,
            },
            minimum_detectable: Some(2_014_183.0),
            rows: vec![
                row(88, 0, 9 << 20, 200_000.0, 0.5625, true),
                row(90, 3 << 20, 1 << 20, 200_000.0, -0.125, true),
                row(99, 1 << 20, 2 << 20, 900_000.0, 0.0625, false),
            ],
            omitted: Omitted { rows: 3, value: 1 << 10 },
            noise: Omitted { rows: 2, value: (1 << 20) + 512 },
        }
    }

    const HEADINGS: &str = "\
base: live-bytes 16.0 MiB ± 410 KiB
new:  live-bytes 24.0 MiB ± 410 KiB
change +8.0 MiB ± 614 KiB
sampling interval 512 KiB; ± gives the 95 % confidence interval
growth of new code below 1.9 MiB cannot be told from noise
";

    #[test]
    fn noise_is_counted_and_growth_comes_first() {
        let table = "
  change        ±     base      new       %  where
+9.0 MiB  383 KiB      0 B  9.0 MiB  +56.3%  src/index.rs:88 …index::Index::add
-2.0 MiB  383 KiB  3.0 MiB  1.0 MiB  -12.5%  src/index.rs:90 …index::Index::add
2 more rows, 512 B together; --limit 0 --min-fraction 0 shows all
2 changes may be noise, +1.0 MiB together; --noise shows them
";
        assert_eq!(diff(&sample(), &View::default()), format!("{HEADINGS}{table}"));
    }

    #[test]
    fn noise_is_listed_when_asked_for() {
        let text = diff(&sample(), &View { noise: true, ..View::default() });
        assert!(text.contains("+1.0 MiB  1.7 MiB  1.0 MiB  2.0 MiB   +6.3%  src/index.rs:99"), "{text}");
        assert!(
            text.ends_with("3 more rows, 1.0 KiB together; --limit 0 --min-fraction 0 shows all\n"),
            "{text}"
        );
    }

    #[test]
    fn growth_and_shrinkage_have_colours() {
        let text = diff(&sample(), &View { colour: true, ..View::default() });
        assert!(text.contains("\u{1b}[31m+9.0 MiB\u{1b}[0m"), "{text:?}");
        assert!(text.contains("\u{1b}[32m-2.0 MiB\u{1b}[0m"), "{text:?}");
    }

    #[test]
    fn different_intervals_are_both_named() {
        let mut forced = sample();
        forced.base.interval_bytes = None;
        let text = diff(&forced, &View::default());
        assert!(
            text.contains(
                "\nbase: sampling interval unknown, so no sampling error can be given\nnew: sampling"
            )
        );
    }

    #[test]
    fn nothing_but_noise_says_so() {
        let mut quiet = sample();
        quiet.rows.retain(|row| !row.significant);
        quiet.omitted = Omitted::default();
        quiet.noise = Omitted { rows: 1, value: 1 << 20 };
        quiet.total_change.significant = false;
        let text = diff(&quiet, &View::default());
        assert!(text.contains("change +8.0 MiB ± 614 KiB (may be noise)\n"));
        assert!(text.ends_with(
            "no change that can be told from noise\n1 change may be noise, +1.0 MiB together; --noise shows them\n"
        ));
    }
}
