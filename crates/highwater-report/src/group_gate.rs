//! The verdict of `check` on several runs as text: the total, then the rows that grew by more than allowed.

use highwater_analyze::{Allowance, GroupGate, Unit, Verdict};

use crate::check::{role, word};
use crate::groups;
use crate::label::{Label, clean};
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// The verdicts on some kinds of values as text.
pub fn group_gates(gates: &[GroupGate], max_growth: Allowance, view: &View) -> String {
    let verdict = gates.iter().map(|it| it.verdict).max().unwrap_or(Verdict::Pass);
    let mut text = format!("{}\n", view.paint(role(verdict), &format!("check: {}", word(verdict))));
    for gate in gates {
        text += &one(gate, max_growth, view);
    }
    text
}

fn one(gate: &GroupGate, max_growth: Allowance, view: &View) -> String {
    let (unit, total) = (&gate.groups.unit, &gate.groups.total);
    let share = match max_growth {
        Allowance::Share(share) => format!(" ({})", number::percent(share)),
        Allowance::Fixed(_) => String::new(),
    };
    let head = format!(
        "{}: {}, then {}; growth {}, allowed {}{share}: {}",
        clean(&gate.groups.sample),
        number::estimate(&groups::estimate(&total.base), unit),
        number::estimate(&groups::estimate(&total.new), unit),
        number::change(&groups::estimate(&total.change), unit),
        number::amount(groups::rounded(gate.allowed), unit),
        word(gate.total_verdict),
    );
    let mut text = format!("{}\n{}", view.paint(Role::Heading, &head), groups::notes(&gate.groups));
    if gate.total_verdict == Verdict::Inconclusive {
        text += &advice(gate);
    }
    if !gate.regressions.is_empty() {
        text += &table(gate, unit).render(view);
    }
    if gate.omitted > 0 {
        text += &format!("{}; --limit 0 shows all\n", number::count(gate.omitted, "more regression"));
    }
    text
}

/// More runs than this nobody makes.
const MANY_RUNS: u64 = 1000;

fn advice(gate: &GroupGate) -> String {
    match gate.needed.filter(|it| *it <= MANY_RUNS) {
        Some(runs) => format!("to decide: {runs} runs a side, if the excess stays what it is\n"),
        None => "the growth is very close to what is allowed: no number of runs decides\n".to_owned(),
    }
}

fn table(gate: &GroupGate, unit: &Unit) -> Table {
    let mut table = Table::new(["growth", "±", "%", "q", "base", "new", "where"]);
    for row in &gate.regressions {
        let change = groups::estimate(&row.change);
        let ratio = row.ratio.map_or_else(|| "-".to_owned(), |it| number::signed_percent(it.value - 1.0));
        let cells = vec![
            Cell::role(number::signed(change.value, unit), Role::Growth),
            Cell::role(number::margin(&change, unit), Role::Faint),
            Cell::new(ratio),
            Cell::new(row.q_value.map_or_else(|| "-".to_owned(), number::probability)),
            Cell::new(number::amount(groups::rounded(row.base.value), unit)),
            Cell::new(number::amount(groups::rounded(row.new.value), unit)),
        ];
        table.push(cells, Label::from_key(&row.key));
    }
    table
}
