//! A comparison as a table: growth first, noise only counted.

use highwater_analyze::{Caveat, Diff, DiffRow, Estimate, Omitted, Overlap, Unit};

use crate::header;
use crate::label::Label;
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// Below this width the column "survived" is left out: it is the base minus the dead blocks.
pub(crate) const WIDE: usize = 100;

/// The comparison as text. One line counts the changes that may be noise; with [`View::noise`] they are
/// listed, in a faint colour.
pub fn diff(diff: &Diff, view: &View) -> String {
    let mut text = headings(diff, view);
    let rows: Vec<&DiffRow> = diff.rows.iter().filter(|row| row.significant || view.noise).collect();
    if rows.is_empty() {
        text += &nothing(diff);
    } else {
        text.push('\n');
        text.push_str(&table(diff, &rows, view).render(view));
    }
    text + &footer(diff, view)
}

/// What a comparison without a row says.
pub(crate) fn nothing(diff: &Diff) -> String {
    let zeros = [&diff.base, &diff.new].map(header::zeros);
    let why = if zeros.iter().all(|it| !it.is_empty()) { &*zeros[1] } else { "" };
    format!("no change that can be distinguished from noise\n{why}")
}

fn table(diff: &Diff, rows: &[&DiffRow], view: &View) -> Table {
    let mut table = Table::new(heads(diff, view));
    for row in rows {
        let label = Label::from_key(&row.key);
        let label = if row.significant { label } else { label.faint() };
        table.push(cells(diff, row, view), label);
    }
    table
}

/// Whether a column for errors has any content.
pub(crate) fn has_errors(diff: &Diff) -> bool {
    header::has_errors(&diff.base) || header::has_errors(&diff.new)
}

/// The heads of the columns; the last is the label's.
pub(crate) fn heads(diff: &Diff, view: &View) -> Vec<&'static str> {
    let mut heads = vec!["change"];
    if has_errors(diff) {
        heads.extend(["±", "q"]);
    }
    match diff.overlap == Overlap::Survivors {
        true if view.width >= WIDE => heads.extend(["new", "dead", "survived"]),
        true => heads.extend(["new", "dead"]),
        false => heads.extend(["base", "new"]),
    }
    heads.extend(["%", "where"]);
    heads
}

/// The numbers of a row: one cell for each head but the last.
pub(crate) fn cells(diff: &Diff, row: &DiffRow, view: &View) -> Vec<Cell> {
    let unit = &diff.new.unit;
    let role = if row.significant { Role::Plain } else { Role::Faint };
    let amount = |it: &Estimate| Cell::role(number::amount(it.value, unit), role);
    let mut cells = vec![Cell::role(number::signed(row.change.value, unit), direction(row))];
    if has_errors(diff) {
        cells.push(Cell::role(number::margin(&row.change, unit), Role::Faint));
        cells.push(Cell::role(q_value(row), role));
    }
    match &row.cohorts {
        Some(cohorts) if view.width >= WIDE => {
            cells.extend([&cohorts.new, &cohorts.dead, &cohorts.survived].map(amount));
        }
        Some(cohorts) => cells.extend([&cohorts.new, &cohorts.dead].map(amount)),
        None => cells.extend([&row.base, &row.new].map(amount)),
    }
    cells.push(Cell::role(number::signed_percent(row.fraction), role));
    cells
}

/// `-` for a row with too few samples for a test, `?` if the error is unknown.
fn q_value(row: &DiffRow) -> String {
    match (row.q_value, row.change.standard_error) {
        (Some(q_value), Some(error)) if error > 0.0 => number::probability(q_value.max(f64::MIN_POSITIVE)),
        (Some(q_value), _) => number::probability(q_value),
        (None, Some(_)) => "-".to_owned(),
        (None, None) => "?".to_owned(),
    }
}

fn direction(row: &DiffRow) -> Role {
    match row.change.value {
        _ if !row.significant => Role::Faint,
        1.. => Role::Growth,
        ..0 => Role::Shrinkage,
        0 => Role::Plain,
    }
}

/// The change of the total, and how much of it is new, dead and survived.
pub(crate) fn summary(diff: &Diff) -> String {
    let unit = &diff.new.unit;
    let change = &diff.total_change;
    let verdict = match change.change.standard_error {
        Some(error) if error > 0.0 && !change.significant => " (may be noise)",
        _ => "",
    };
    let mut summary = format!("change {}{verdict}", number::change(&change.change, unit));
    if let Some(cohorts) = &change.cohorts {
        summary += &format!(
            ": {} new, {} dead; {} survived",
            number::amount(cohorts.new.value, unit),
            number::amount(cohorts.dead.value, unit),
            number::amount(cohorts.survived.value, unit)
        );
    }
    summary
}

pub(crate) fn headings(diff: &Diff, view: &View) -> String {
    let caveats: String =
        diff.caveats.iter().map(|it| format!("note: {}\n", crate::label::clean(&it.to_string()))).collect();
    let notes = header::note_lines([&diff.base, &diff.new]);
    format!(
        "base: {}\nnew:  {}\n{}\n{caveats}{notes}{}\n",
        header::total(&diff.base),
        header::total(&diff.new),
        view.paint(Role::Heading, &summary(diff)),
        view.paint(Role::Faint, &remarks(diff).join("\n")),
    )
}

/// How the values were recorded, and what that means for the table.
pub(crate) fn remarks(diff: &Diff) -> Vec<String> {
    let (base, new) = (header::recording(&diff.base), header::recording(&diff.new));
    let mut lines =
        if base == new { vec![new] } else { vec![format!("base: {base}"), format!("new: {new}")] };
    if !has_errors(diff) {
        return lines;
    }
    lines.push(
        match diff.overlap {
            Overlap::Survivors => "two snapshots of one process: only new and dead blocks have an error",
            Overlap::Nested => "two snapshots of one process: only what was added has an error",
            Overlap::Independent => "independent recordings: the errors of both add up",
        }
        .to_owned(),
    );
    if let Some(least) = diff.minimum_detectable.filter(|it| *it > 0.0) {
        let least = Estimate::exact(least.round() as i64);
        let bytes = number::estimate(&least, &Unit::Bytes);
        lines.push(format!("growth of new code below {bytes} cannot be distinguished from noise"));
    }
    let tested = number::count(diff.tested, "row");
    lines.push(if diff.caveats.contains(&Caveat::SamplingOnly) {
        format!(
            "{tested} tested against sampling error alone (q ≤ {}): runs that differ by load differ more",
            diff.fdr
        )
    } else {
        let share = number::percent(diff.fdr);
        format!("{tested} tested; of those called changes (q ≤ {}) at most {share} are chance", diff.fdr)
    });
    lines
}

pub(crate) fn footer(diff: &Diff, view: &View) -> String {
    let unit = &diff.new.unit;
    if view.noise {
        return header::omitted(&diff.omitted, unit, "row", view);
    }
    // `omitted` and `noise` both contain the noise that is not in `rows`; each row must be counted once.
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
    use highwater_analyze::{Change, CohortEstimates};

    use super::*;
    use crate::samples::{estimate, header, line_key};

    fn sample() -> Diff {
        let row = |line, base: i64, new: i64, error, fraction, significant| DiffRow {
            key: line_key("src/index.rs", line, "codeindex::index::Index::add"),
            base: estimate(base, 0.0),
            new: estimate(new, 0.0),
            change: estimate(new - base, error),
            samples: 20.0,
            fraction,
            q_value: Some(if significant { 0.000_02 } else { 0.3 }),
            significant,
            cohorts: None,
            stack: Vec::new(),
        };
        let new = estimate(24 << 20, 0.4 * 1_048_576.0 / 1.96);
        Diff {
            base: header(),
            new: highwater_analyze::Header { total: new, shown_total: new, ..header() },
            total_change: Change {
                change: estimate(8 << 20, 0.6 * 1_048_576.0 / 1.96),
                fraction: 0.5,
                p_value: Some(0.001),
                significant: true,
                cohorts: None,
            },
            overlap: Overlap::Independent,
            caveats: Vec::new(),
            fdr: 0.05,
            tested: 7,
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
independent recordings: the errors of both add up
growth of new code below 1.9 MiB cannot be distinguished from noise
7 rows tested; of those called changes (q ≤ 0.05) at most 5.0% are chance
";

    #[test]
    fn noise_is_counted_and_growth_comes_first() {
        let table = "
  change        ±       q     base      new       %  where
+9.0 MiB  383 KiB  <0.001      0 B  9.0 MiB  +56.3%  src/index.rs:88 …Index::add
-2.0 MiB  383 KiB  <0.001  3.0 MiB  1.0 MiB  -12.5%  src/index.rs:90 …Index::add
2 more rows, 512 B together; --limit 0 --min-fraction 0 shows all
2 changes may be noise, +1.0 MiB together; --noise shows them
";
        assert_eq!(diff(&sample(), &View::default()), format!("{HEADINGS}{table}"));
    }

    #[test]
    fn noise_is_listed_when_asked_for() {
        let text = diff(&sample(), &View { noise: true, ..View::default() });
        assert!(
            text.contains("+1.0 MiB  1.7 MiB   0.300  1.0 MiB  2.0 MiB   +6.3%  src/index.rs:99"),
            "{text}"
        );
        assert!(
            text.ends_with("3 more rows, 1.0 KiB together; --limit 0 --min-fraction 0 shows all\n"),
            "{text}"
        );
    }

    #[test]
    fn insignificant_changes_are_grey() {
        let text = diff(&sample(), &View { noise: true, colour: true, ..View::default() });
        let noise = text.lines().find(|line| line.contains("index.rs:99")).unwrap();
        assert!(noise.contains("\u{1b}[2m0.300") && noise.contains("\u{1b}[2msrc/index.rs:99"), "{noise:?}");
        let growth = text.lines().find(|line| line.contains("index.rs:88")).unwrap();
        assert!(!growth.contains("\u{1b}[2msrc/index.rs"), "{growth:?}");
    }

    #[test]
    fn snapshots_of_one_process_show_new_and_dead_blocks() {
        let mut same = sample();
        let cohorts = CohortEstimates {
            new: estimate(10 << 20, 0.0),
            dead: estimate(2 << 20, 0.0),
            survived: estimate(14 << 20, 0.0),
        };
        same.overlap = Overlap::Survivors;
        same.total_change.cohorts = Some(cohorts);
        same.rows.iter_mut().for_each(|row| row.cohorts = Some(cohorts));
        let text = diff(&same, &View::default());
        assert!(text.contains(": 10.0 MiB new, 2.0 MiB dead; 14.0 MiB survived\n"), "{text}");
        assert!(text.contains("only new and dead blocks have an error"), "{text}");
        assert!(text.contains("q       new     dead       %  where"), "{text}");
        let wide = diff(&same, &View { width: 120, ..View::default() });
        assert!(wide.contains("10.0 MiB  2.0 MiB  14.0 MiB  +56.3%  src/index.rs:88"), "{wide}");
    }

    #[test]
    fn unknown_values_are_named() {
        let mut forced = sample();
        forced.caveats = vec![Caveat::Restarted, Caveat::Older { back_ns: 5_000_000_000 }];
        let text = diff(&forced, &View::default());
        assert!(text.contains("\nnote: the profiles are of two processes of one program"), "{text}");
        assert!(text.contains("\nnote: the new profile was taken 5 s before the base\n"), "{text}");
    }

    #[test]
    fn different_processes_are_never_called_all_chance() {
        let mut runs = sample();
        runs.caveats = vec![Caveat::SamplingOnly];
        let text = diff(&runs, &View::default());
        assert!(text.contains("\nnote: only sampling error is covered"), "{text}");
        assert!(text.contains("7 rows tested against sampling error alone (q ≤ 0.05)"), "{text}");
        assert!(!text.contains("chance"), "{text}");
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
    fn noise_alone_is_reported() {
        let mut quiet = sample();
        quiet.rows.retain(|row| !row.significant);
        quiet.omitted = Omitted::default();
        quiet.noise = Omitted { rows: 1, value: 1 << 20 };
        quiet.total_change.significant = false;
        let text = diff(&quiet, &View::default());
        assert!(text.contains("change +8.0 MiB ± 614 KiB (may be noise)\n"));
        assert!(text.ends_with(
            "no change that can be distinguished from noise\n1 change may be noise, +1.0 MiB together; --noise shows them\n"
        ));
    }
}
