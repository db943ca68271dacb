//! The comparison of two groups of processes as text.

use highwater_analyze::{Estimate, GroupProcess, GroupRow, GroupSide, Groups, Interval95, Normalize};

use crate::label::{Label, clean};
use crate::number;
use crate::sparkline::sparkline;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// From this width on each row shows what each process holds, as small bars.
const WIDE: usize = 110;
/// Most bars of one group.
const MOST_BARS: usize = 12;

/// The comparison as text. One line counts the rows that are not called; with [`View::noise`] they are
/// listed, in a faint colour.
pub fn groups(groups: &Groups, view: &View) -> String {
    let is_judged = groups.total.p_value.is_some();
    let is_shown = |row: &&GroupRow| row.called || view.noise || !is_judged;
    let rows: Vec<&GroupRow> = groups.rows.iter().filter(is_shown).collect();
    let mut text = headings(groups, view);
    if rows.is_empty() {
        text += "no row differs beyond what the processes of a group differ\n";
    } else {
        text.push('\n');
        text += &table(groups, &rows, view).render(view);
    }
    let left_out = groups.rows.len() - rows.len() + groups.omitted.rows;
    if left_out > 0 {
        let line = if view.noise || !is_judged {
            format!("{}; --limit 0 --min-fraction 0 shows all", number::count(left_out, "more row"))
        } else {
            let verb = if left_out == 1 { "is" } else { "are" };
            format!(
                "{} {verb} not shown; --noise lists rows that are not called",
                number::count(left_out, "row")
            )
        };
        text += &view.paint(Role::Faint, &line);
        text.push('\n');
    }
    text
}

fn headings(groups: &Groups, view: &View) -> String {
    let of = |side| groups.processes.iter().filter(move |it: &&GroupProcess| it.side == side);
    let group = |side, mean: &Interval95| {
        let mean = number::estimate(&estimate(mean), &groups.unit);
        format!("{} {mean}, the mean of {}", groups.sample, processes(of(side).count()))
    };
    let total = &groups.total;
    let mut text = format!(
        "base: {}\nnew:  {}\n{}\n",
        group(GroupSide::Base, &total.base),
        group(GroupSide::New, &total.new),
        view.paint(Role::Heading, &summary(groups)),
    );
    text += &notes(groups);
    text + &view.paint(Role::Faint, &remarks(groups).join("\n")) + "\n"
}

/// What the comparison does not know, and which processes are unusual.
pub(crate) fn notes(groups: &Groups) -> String {
    let mut text = String::new();
    for note in &groups.notes {
        text += &format!("note: {}\n", clean(&note.to_string()));
    }
    for note in &groups.file_notes {
        text += &format!("note: {}\n", clean(note));
    }
    for process in groups.processes.iter().filter(|it| it.outlier.is_some()) {
        let side = if process.side == GroupSide::Base { "base" } else { "new" };
        let times = process.outlier.unwrap_or(1.0);
        text += &format!(
            "note: unusual: {side} {} holds {times:.2} times the median of its group\n",
            clean(&process.name)
        );
    }
    text
}

fn summary(groups: &Groups) -> String {
    let total = &groups.total;
    let change = number::change(&estimate(&total.change), &groups.unit);
    let ratio = total.ratio.map_or_else(String::new, |it| format!(", {}", percent_of(&it)));
    let verdict = match total.p_value {
        Some(_) if total.called => "",
        Some(_) => " (within what processes differ)",
        None => " (sampling error alone)",
    };
    format!("change of the total {change}{ratio}{verdict}")
}

/// How groups were compared, and what they can find.
fn remarks(groups: &Groups) -> Vec<String> {
    let mut lines = Vec::new();
    let scaled = match &groups.normalized {
        Normalize::None => None,
        Normalize::Total => Some("its total".to_owned()),
        Normalize::Time => Some("the time that it has run".to_owned()),
        Normalize::Counter(name) => Some(clean(name)),
    };
    lines.extend(
        scaled.map(|by| format!("each process is divided by {by}, and scaled to the mean of all processes")),
    );
    if let Some(variation) = groups.variation {
        lines.push(format!(
            "processes of a group differ by {} in most rows, sampling taken out; ± gives the 95 % confidence interval",
            number::percent(variation)
        ));
        lines.push(format!(
            "{} tested; of those called (q ≤ {}) at most {} are chance",
            number::count(groups.tested, "row"),
            groups.fdr,
            number::percent(groups.fdr)
        ));
    }
    let found: Vec<String> = groups
        .power
        .iter()
        .filter_map(|it| {
            Some(format!("{} a side ±{:.0} %", it.processes, it.growth.filter(|it| *it < 10.0)? * 100.0))
        })
        .collect();
    if !found.is_empty() {
        lines.push(format!("in a usual row four of five changes are found by {}", found.join(", ")));
    }
    lines
}

fn table(groups: &Groups, rows: &[&GroupRow], view: &View) -> Table {
    let is_judged = groups.total.p_value.is_some();
    let is_wide = view.width >= WIDE;
    let mut heads = vec!["change", "±", "%"];
    heads.extend(is_judged.then_some("q"));
    heads.extend(["base", "new"]);
    heads.extend(is_wide.then_some(["each base", "each new"]).into_iter().flatten());
    heads.push("where");
    let mut table = Table::new(heads);
    for row in rows {
        let role = if row.called { Role::Plain } else { Role::Faint };
        let direction = match row.change.value > 0.0 {
            _ if !row.called => Role::Faint,
            true => Role::Growth,
            false => Role::Shrinkage,
        };
        let change = estimate(&row.change);
        let amount = |it: &Interval95| Cell::role(number::amount(rounded(it.value), &groups.unit), role);
        let mut cells = vec![
            Cell::role(number::signed(change.value, &groups.unit), direction),
            Cell::role(number::margin(&change, &groups.unit), Role::Faint),
            Cell::role(
                row.ratio.map_or_else(|| "-".to_owned(), |it| number::signed_percent(it.value - 1.0)),
                role,
            ),
        ];
        let q_value = row.q_value.map_or_else(|| "-".to_owned(), number::probability);
        cells.extend(is_judged.then(|| Cell::role(q_value, role)));
        cells.extend([amount(&row.base), amount(&row.new)]);
        if is_wide {
            cells.extend(bars(groups, row).map(|it| Cell::role(it, role)));
        }
        let label = Label::from_key(&row.key);
        table.push(cells, if row.called { label } else { label.faint() });
    }
    table
}

/// What the processes of each group hold, on one scale.
fn bars(groups: &Groups, row: &GroupRow) -> [String; 2] {
    let values = |side| {
        let all = groups.processes.iter().zip(&row.values);
        let mut values: Vec<i64> = all.filter(|it| it.0.side == side).map(|it| rounded(*it.1)).collect();
        values.sort_unstable();
        values
    };
    let highest = row.values.iter().copied().fold(0.0, f64::max);
    [GroupSide::Base, GroupSide::New].map(|side| {
        let mut levels = values(side);
        // The highest value of both groups gives the scale, and is cut off again.
        let shown = levels.len().min(MOST_BARS);
        let picked: Vec<i64> =
            (1..=shown).map(|at| levels[(at * levels.len()).div_ceil(shown) - 1]).collect();
        levels = picked;
        levels.push(rounded(highest));
        let mut line = sparkline(&levels, levels.len());
        line.pop();
        line
    })
}

/// The number as an estimate, for its margins.
pub(crate) fn estimate(it: &Interval95) -> Estimate {
    Estimate {
        value: rounded(it.value),
        standard_error: Some((it.high - it.low) / 4.0),
        low: Some(it.low),
        high: Some(it.high),
    }
}

/// A value saturates where it is beyond what can be counted.
pub(crate) fn rounded(value: f64) -> i64 {
    value.round() as i64
}

/// A ratio as a change in per cent with its interval.
fn percent_of(ratio: &Interval95) -> String {
    let [value, low, high] = [ratio.value, ratio.low, ratio.high].map(|it| number::signed_percent(it - 1.0));
    format!("{value} ({low} to {high})")
}

fn processes(count: usize) -> String {
    if count == 1 { "1 process".to_owned() } else { format!("{count} processes") }
}
