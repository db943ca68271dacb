//! The gate for groups: whether the processes of a group hold more than those of another allow.
//!
//! What is judged is the excess, growth minus allowance: `N - (1+f)·B` over a share `f` of the base, `N - B - a` over a number
//! `a`. Its interval follows from those of both means, so what runs differ by is in it.

use serde::Serialize;

use super::answer::{GroupRow, Groups, Interval95};
use super::matrix::GroupSide;
use crate::findings::check::{Allowance, Verdict};

/// Growth beside what is allowed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct GroupGate {
    /// A regression when the total or a row is one; else what the total is.
    pub verdict: Verdict,
    /// What the total alone is.
    pub total_verdict: Verdict,
    /// The growth of the total that is allowed.
    pub allowed: f64,
    /// Growth of the total minus allowance.
    pub excess: Interval95,
    /// Processes a side that decide, if the excess stays what it is. `None` where the total is decided, and where no number does.
    pub needed: Option<u64>,
    /// The rows that grew by more than is allowed, the largest certain excess first.
    pub regressions: Vec<GroupRow>,
    /// How many more there are, beyond the limit of rows.
    pub omitted: usize,
    /// The comparison, without its rows.
    pub groups: Groups,
}

/// Judges the growth between groups. A row is a regression when it is called, and certainly beyond the allowance of its own and
/// beyond `min_fraction` of the base's total. At most `limit` rows are listed.
pub fn gate(mut groups: Groups, max_growth: Allowance, min_fraction: f64, limit: Option<usize>) -> GroupGate {
    let excess = excess(&groups.total, max_growth);
    let is_significant = groups.total.p_value.is_some_and(|it| it <= groups.fdr);
    let total_verdict = match () {
        () if groups.total.p_value.is_none() => Verdict::Inconclusive,
        () if excess.high <= 0.0 => Verdict::Pass,
        () if excess.low > 0.0 && is_significant => Verdict::Regression,
        () => Verdict::Inconclusive,
    };
    let floor = groups.total.base.value * min_fraction;
    let certain = |row: &GroupRow| excess_of_row(row, max_growth, floor);
    let mut regressions = std::mem::take(&mut groups.rows);
    regressions.retain(|row| row.called && certain(row) > 0.0);
    regressions.sort_by(|a, b| certain(b).total_cmp(&certain(a)));
    let rows_verdict = if regressions.is_empty() { Verdict::Pass } else { Verdict::Regression };
    let omitted = regressions.len().saturating_sub(limit.unwrap_or(usize::MAX));
    regressions.truncate(limit.unwrap_or(usize::MAX));
    GroupGate {
        verdict: total_verdict.max(rows_verdict),
        total_verdict,
        allowed: allowed(&groups.total, max_growth),
        needed: (total_verdict == Verdict::Inconclusive).then(|| needed(&groups, &excess)).flatten(),
        excess,
        regressions,
        omitted,
        groups,
    }
}

fn allowed(row: &GroupRow, max_growth: Allowance) -> f64 {
    match max_growth {
        Allowance::Share(share) => row.base.value * share,
        Allowance::Fixed(number) => number as f64,
    }
}

fn excess(row: &GroupRow, max_growth: Allowance) -> Interval95 {
    let share = match max_growth {
        Allowance::Share(share) => share,
        Allowance::Fixed(_) => 0.0,
    };
    // The lower ends of means are cut off at 0, the upper ones are not.
    let [base, new] = [&row.base, &row.new].map(|it| it.high - it.value);
    let margin = new.hypot((1.0 + share) * base);
    let value = row.new.value - row.base.value - allowed(row, max_growth);
    Interval95 { value, low: value - margin, high: value + margin }
}

/// By how much a row certainly exceeds both its allowance and the floor.
fn excess_of_row(row: &GroupRow, max_growth: Allowance, floor: f64) -> f64 {
    excess(row, max_growth).low.min(row.change.low - floor)
}

/// The margin shrinks with the square root of the number of processes.
fn needed(groups: &Groups, excess: &Interval95) -> Option<u64> {
    let of = |side| groups.processes.iter().filter(move |it| it.side == side).count();
    let now = of(GroupSide::Base).min(of(GroupSide::New)) as f64;
    let times = ((excess.high - excess.value) / excess.value.abs()).powi(2).max(1.0);
    let runs = (now * times).ceil();
    // One more decides where the test of the growth alone is in doubt.
    runs.is_finite().then(|| (runs as u64).max(now as u64 + 1))
}
