//! The content of a page as data: answers whose names and stacks are indexes into common lists.

use highwater_analyze::{
    Change, Code, Diff, Estimate, Growth, Header, Holding, Moment, Omitted, Timeline, Top, Tree, Trend,
    TrendRow, Unit,
};
use serde::Serialize;

use super::axis::Axes;
use super::budget::{Budget, Budgets};
use super::content::{Changed, Page, Question};
use super::findings::{self, Finding};
use super::head::Head;
use super::names::Names;
use super::prune::{Pruned, prune};
use crate::label::clean;
use crate::view::View;
use crate::{diff, header, number, top};

/// The document of a page.
#[derive(Serialize)]
pub(crate) struct Document<'a> {
    highwater: u32,
    kind: &'static str,
    title: String,
    /// Who was recorded, and the figures of the last profile.
    head: Head,
    /// The findings for the top of the page.
    findings: Vec<Finding>,
    notes: Vec<String>,
    snapshots: Vec<SnapshotData<'a>>,
    timeline: Option<&'a Timeline>,
    moments: &'a [usize],
    /// The memory in use at each moment of the time line, as text.
    moment_texts: Vec<String>,
    /// The ticks of the time line's axes, and what its spikes are called.
    axes: Option<Axes>,
    spike_texts: Vec<String>,
    trend: Option<TrendData<'a>>,
    /// Names of frames and rows.
    labels: Vec<String>,
    /// For each label, its short form, empty where there is none, and whose code it is.
    looks: Vec<(String, Code)>,
    /// Stacks, leaf first, as indexes into `labels`.
    stacks: Vec<Vec<usize>>,
}

#[derive(Serialize)]
struct SnapshotData<'a> {
    name: String,
    views: Vec<HoldingData<'a>>,
    /// Changes since the first profile.
    changed: Vec<ChangedData<'a>>,
}

/// The data of a table and a tree.
#[derive(Serialize)]
struct HoldingData<'a> {
    #[serde(flatten)]
    question: Question,
    header: &'a Header,
    /// The text that the terminal view has above the table.
    summary: String,
    heads: Vec<String>,
    rows: Vec<RowData>,
    omitted: Omitted,
    /// For each node: depth, index of the label, cumulative value, value of the node itself.
    nodes: Vec<(usize, usize, i64, i64)>,
    nodes_left_out: usize,
}

#[derive(Serialize)]
struct RowData {
    label: usize,
    /// The texts of all columns but the last.
    cells: Vec<String>,
    /// The numbers behind the cells, for sorting.
    values: Vec<f64>,
    /// The exact value that ranks the row.
    value: i64,
    /// The margins of the value below and above; `None` if they are unknown or not drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    margins: Option<[f64; 2]>,
    stack: usize,
    /// False for a change that may be noise.
    significant: bool,
}

#[derive(Serialize)]
struct ChangedData<'a> {
    #[serde(flatten)]
    question: Question,
    base: &'a Header,
    new: &'a Header,
    total_change: &'a Change,
    summary: String,
    heads: Vec<&'static str>,
    rows: Vec<RowData>,
    omitted: Omitted,
    noise: Omitted,
    /// For each node: depth, index of the label, change, growth, shrinkage, whether it is significant.
    nodes: Vec<(usize, usize, i64, i64, i64, bool)>,
    nodes_left_out: usize,
}

#[derive(Serialize)]
struct TrendData<'a> {
    snapshots: usize,
    span_ns: i64,
    few_snapshots: bool,
    growth_per_hour: Estimate,
    levels: &'a [i64],
    summary: String,
    heads: [&'static str; 5],
    rows: Vec<TrendRowData<'a>>,
    omitted: Omitted,
}

#[derive(Serialize)]
struct TrendRowData<'a> {
    #[serde(flatten)]
    row: RowData,
    class: highwater_analyze::Class,
    levels: &'a [i64],
}

impl<'a> Document<'a> {
    pub(crate) fn new(page: &'a Page, budgets: Budgets) -> Self {
        let mut names = Names::default();
        let last = page.snapshots.len().saturating_sub(1);
        let snapshots = page.snapshots.iter().enumerate().map(|(at, snapshot)| {
            let budget = if at == last { budgets.last } else { budgets.before };
            SnapshotData {
                name: clean(&snapshot.name),
                views: snapshot.holdings.iter().map(|it| holding(it, budget, &mut names)).collect(),
                changed: snapshot.changed.iter().map(|it| change(it, budget, &mut names)).collect(),
            }
        });
        let snapshots: Vec<SnapshotData<'a>> = snapshots.collect();
        let trend = page.trend.as_ref().map(|it| trend(it, budgets.last, &mut names));
        let mut notes: Vec<String> = page.notes.iter().map(|it| clean(it)).collect();
        let suppressed = page.leaks.iter().flat_map(|it| &it.suppressed).filter(|it| it.findings > 0);
        notes.extend(suppressed.map(crate::leaks::suppressed));
        let nodes_cut = |it: &SnapshotData| {
            it.views.iter().any(|it| it.nodes_left_out > 0)
                || it.changed.iter().any(|it| it.nodes_left_out > 0)
        };
        if snapshots.iter().any(nodes_cut) {
            let earlier = if last > 0 {
                format!(", those of earlier snapshots {}", number::count(budgets.before.nodes, "frame"))
            } else {
                String::new()
            };
            notes.push(format!(
                "flame graphs have at most {} each, the largest{earlier}; what is cut from one is said below it",
                number::count(budgets.last.nodes, "frame")
            ));
        }
        Self {
            highwater: crate::json::VERSION,
            kind: "report",
            title: clean(&page.title),
            head: Head::new(page),
            findings: findings::collect(page),
            notes,
            snapshots,
            timeline: page.timeline.as_ref(),
            moments: &page.moments,
            moment_texts: page.timeline.as_ref().map_or_else(Vec::new, moment_texts),
            axes: page.timeline.as_ref().map(Axes::new),
            spike_texts: page.timeline.as_ref().map_or_else(Vec::new, spike_texts),
            trend,
            looks: names.looks(),
            labels: names.labels,
            stacks: names.stacks,
        }
    }
}

fn holding<'a>(it: &'a Holding, budget: Budget, names: &mut Names) -> HoldingData<'a> {
    let Top { header, rows, omitted } = &it.top;
    let shown = rows.len().min(budget.rows);
    let data = rows[..shown].iter().map(|row| {
        let errors = header::has_errors(header);
        let mut values = vec![row.flat.value as f64];
        values.extend(errors.then(|| row.flat.margin95().unwrap_or(f64::MAX)));
        values.extend([row.flat_fraction, row.cumulative.value as f64, row.cumulative_fraction]);
        RowData {
            label: names.row(&row.key),
            cells: texts(top::cells(row, header)),
            values,
            value: row.flat.value,
            margins: row.flat.margins95().filter(|_| header::has_errors(header)),
            stack: names.stack(&row.stack),
            significant: true,
        }
    });
    let rows_data = data.collect();
    let (nodes, nodes_left_out) = tree(&it.tree, budget, names);
    HoldingData {
        question: Question::new(&it.sample, it.by),
        header,
        summary: header::lines(header, &View::default()),
        heads: top::heads(header),
        rows: rows_data,
        omitted: more(*omitted, rows[shown..].iter().map(|it| it.flat.value)),
        nodes,
        nodes_left_out,
    }
}

fn tree(tree: &Tree, budget: Budget, names: &mut Names) -> (Vec<(usize, usize, i64, i64)>, usize) {
    let sizes: Vec<(usize, u128)> =
        tree.nodes.iter().map(|it| (it.depth, it.cumulative.value.unsigned_abs().into())).collect();
    let Pruned { kept, left_out } = prune(&sizes, budget.nodes);
    let nodes = kept.into_iter().map(|at| {
        let node = &tree.nodes[at];
        let label = match &node.frame {
            Some(frame) => names.frame(&node.label, frame),
            None => names.label(&node.label),
        };
        (node.depth, label, node.cumulative.value, node.flat.value)
    });
    (nodes.collect(), left_out + tree.omitted.rows)
}

fn change<'a>(it: &'a Changed, budget: Budget, names: &mut Names) -> ChangedData<'a> {
    let Changed { diff: answer, growth, .. } = it;
    let view = View { width: diff::WIDE, ..View::default() };
    let shown = answer.rows.len().min(budget.rows);
    let rows = answer.rows[..shown].iter().map(|row| RowData {
        label: names.row(&row.key),
        cells: texts(diff::cells(answer, row, &view)),
        values: diff_values(answer, row),
        value: row.change.value,
        margins: row.change.margins95().filter(|_| diff::has_errors(answer)),
        stack: names.stack(&row.stack),
        significant: row.significant,
    });
    let rows = rows.collect();
    let (nodes, nodes_left_out) = grown(growth, budget, names);
    ChangedData {
        question: Question::new(&it.sample, it.by),
        base: &answer.base,
        new: &answer.new,
        total_change: &answer.total_change,
        summary: diff::headings(answer, &View::default()),
        heads: diff::heads(answer, &view),
        rows,
        omitted: more(answer.omitted, answer.rows[shown..].iter().map(|it| it.change.value)),
        noise: answer.noise,
        nodes,
        nodes_left_out,
    }
}

/// The numbers behind the cells of a row, in order.
fn diff_values(diff: &Diff, row: &highwater_analyze::DiffRow) -> Vec<f64> {
    let mut values = vec![row.change.value as f64];
    if header::has_errors(&diff.base) || header::has_errors(&diff.new) {
        values.extend([row.change.margin95().unwrap_or(f64::MAX), row.q_value.unwrap_or(1.0)]);
    }
    match &row.cohorts {
        Some(it) => values.extend([it.new, it.dead, it.survived].map(|it| it.value as f64)),
        None => values.extend([row.base, row.new].map(|it| it.value as f64)),
    }
    values.push(row.fraction);
    values
}

type GrownNode = (usize, usize, i64, i64, i64, bool);

fn grown(growth: &Growth, budget: Budget, names: &mut Names) -> (Vec<GrownNode>, usize) {
    let width = |it: &highwater_analyze::GrowthNode| {
        u128::from(it.grown.unsigned_abs()) + u128::from(it.shrunk.unsigned_abs())
    };
    let sizes: Vec<(usize, u128)> = growth.nodes.iter().map(|it| (it.depth, width(it))).collect();
    let Pruned { kept, left_out } = prune(&sizes, budget.nodes);
    let nodes = kept.into_iter().map(|at| {
        let it = &growth.nodes[at];
        (it.depth, names.label(&it.label), it.change.value, it.grown, it.shrunk, it.significant)
    });
    (nodes.collect(), left_out + growth.omitted.rows)
}

/// What each spike of the time line is called.
fn spike_texts(timeline: &Timeline) -> Vec<String> {
    timeline.spikes.spikes.iter().map(findings::spike_figure).collect()
}

fn moment_texts(timeline: &Timeline) -> Vec<String> {
    let Header { sample, unit, .. } = &timeline.header;
    let text = |it: &Moment| {
        let mut words = vec![
            number::time(it.time_ns),
            format!("{} {}", clean(sample), number::estimate(&it.value, unit)),
        ];
        let bytes = |name: &str, value: Option<i64>| {
            value.map(|it| format!("{name} {}", number::amount(it, &Unit::Bytes)))
        };
        words.extend(bytes("resident", it.rss_bytes));
        words.extend(bytes("cgroup", it.cgroup_used_bytes));
        words.extend(bytes("limit", it.cgroup_limit_bytes));
        words.join(", ")
    };
    timeline.moments.iter().map(text).collect()
}

fn trend<'a>(trend: &'a Trend, budget: Budget, names: &mut Names) -> TrendData<'a> {
    let shown = trend.rows.len().min(budget.rows);
    let unit = &trend.header.unit;
    let row = |row: &'a TrendRow, names: &mut Names| TrendRowData {
        class: row.class(),
        levels: &row.levels,
        row: RowData {
            label: names.row(&row.key),
            cells: vec![
                crate::trend::name(row.class()).to_owned(),
                number::signed(row.growth_per_hour.value, unit),
                number::margin(&row.growth_per_hour, unit),
                number::amount(row.live.value, unit),
            ],
            values: vec![
                f64::from(row.class() as u8),
                row.growth_per_hour.value as f64,
                row.growth_per_hour.margin95().unwrap_or(f64::MAX),
                row.live.value as f64,
            ],
            value: row.live.value,
            margins: None,
            stack: names.stack(&row.stack),
            significant: true,
        },
    };
    TrendData {
        snapshots: trend.snapshots,
        span_ns: trend.span_ns,
        few_snapshots: trend.few_snapshots,
        growth_per_hour: trend.growth_per_hour,
        levels: &trend.levels,
        summary: crate::trend::summary(trend),
        heads: ["class", "per hour", "±", "live", "where"],
        rows: trend.rows[..shown].iter().map(|it| row(it, names)).collect(),
        omitted: more(trend.omitted, trend.rows[shown..].iter().map(|it| it.live.value)),
    }
}

fn texts(cells: Vec<crate::table::Cell>) -> Vec<String> {
    cells.into_iter().map(crate::table::Cell::into_text).collect()
}

/// The omitted rows so far, plus these values.
fn more(omitted: Omitted, values: impl Iterator<Item = i64>) -> Omitted {
    values.fold(omitted, |it, value| Omitted { rows: it.rows + 1, value: it.value.saturating_add(value) })
}
