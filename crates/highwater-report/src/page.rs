//! One page for a browser, with everything in it: no network, no server, one file.
//!
//! The page shows the numbers of answers and makes none of its own: its tables hold the same texts that the terminal is
//! shown, and its graphs the values that `--json` gives. What the page does with them is in `page/`.

mod document;
mod findings;
mod prune;
mod shorten;

use highwater_analyze::{
    Advices, Diff, GroupBy, Growth, Holding, Leaks, SampleKind, Suppression, Suspects, Timeline, Trend,
};
use serde::Serialize;

use crate::label::clean;
use document::Document;
use shorten::shorten;

/// No page is larger than this.
pub const MOST_BYTES: usize = 2 << 20;

/// Nodes of all call trees together, before the page turns out to be too large.
const NODES: usize = 60_000;

/// Rows of all tables together, likewise.
const ROWS: usize = 6_000;

/// How long texts may be, in bytes: ever shorter ones are tried while cutting tables and graphs alone would leave little of
/// them.
const LENGTHS: [usize; 3] = [4096, 512, 64];

/// Characters of a title, which is all that stands outside of the data.
const LONGEST_TITLE: usize = 200;

/// Nodes of a tree below which texts are cut rather than it.
const FEW_NODES: usize = 50;

/// A profile of the page.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What to call it: the file's name.
    pub name: String,
    /// The same kinds and groupings in every snapshot, in the same order.
    pub holdings: Vec<Holding>,
    /// What changed since the first; empty for that, and where the two cannot be compared.
    pub changed: Vec<Changed>,
}

/// What changed from the first profile to another, for one kind of values and one grouping.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The kind of values.
    pub sample: SampleKind,
    /// What a row stands for.
    pub by: GroupBy,
    /// The comparison.
    pub diff: Diff,
    /// The same along the call tree.
    pub growth: Growth,
}

/// Everything that a page shows.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Title.
    pub title: String,
    /// The profiles to look into, in order of time.
    pub snapshots: Vec<Snapshot>,
    /// Memory over time, for more than one profile.
    pub timeline: Option<Timeline>,
    /// For each of `snapshots` its position in `timeline`.
    pub moments: Vec<usize>,
    /// What became of every row, for a series.
    pub trend: Option<Trend>,
    /// What may be leaked in the last profile.
    pub leaks: Option<Leaks>,
    /// Rules that say which leaks are known and accepted.
    pub accepted: Vec<Suppression>,
    /// What could be done about allocations.
    pub advices: Option<Advices>,
    /// What explains the first spike of the time line.
    pub suspects: Option<Suspects>,
    /// What the reader should know about the page, such as what was left out of it.
    pub notes: Vec<String>,
}

/// How much of an answer goes into a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Nodes of one tree.
    pub nodes: usize,
    /// Rows of one table.
    pub rows: usize,
}

impl Budget {
    /// What each of so many views may have of this share of a page.
    fn of(views: usize, share: f64) -> Self {
        let each = |all: usize| (all as f64 * share / views.max(1) as f64) as usize;
        Self { nodes: each(NODES).max(50), rows: each(ROWS).clamp(10, 200) }
    }

    /// Somewhat less, for a page that is so much too large.
    fn cut(self, share: f64) -> Self {
        let less = |it: usize, share: f64| ((it as f64 * share) as usize).max(1);
        Self { nodes: less(self.nodes, share), rows: less(self.rows, share.sqrt()) }
    }

    fn is_least(self) -> bool {
        self.nodes <= 1 && self.rows <= 1
    }
}

/// How much of the last snapshot, which is looked at most, and of each before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budgets {
    pub last: Budget,
    pub before: Budget,
}

impl Page {
    /// The page as one HTML file of at most [`MOST_BYTES`]. What was cut to get there is said in it.
    pub fn html(&self) -> String {
        let data = self.data();
        let title: String = self.title.chars().take(LONGEST_TITLE).collect();
        let script: String = SCRIPTS.iter().map(|it| format!("{{\n{it}\n}}\n")).collect();
        // In an order in which no text that is put in can hold a place for another.
        PAGE.replace("@TITLE@", &escaped(&title))
            .replace("@STYLE@", STYLE)
            .replace("@SCRIPT@", &format!("\"use strict\";\nconst page = {{}};\n{script}"))
            .replacen("@DATA@", &in_script(&data), 1)
    }

    /// What the page shows as one JSON document.
    pub fn data(&self) -> String {
        let mut views = self.snapshots.iter().map(|it| it.holdings.len() + it.changed.len());
        let last = views.next_back().unwrap_or(0);
        let before: usize = views.sum();
        let share = if before == 0 { 1.0 } else { 0.5 };
        let whole = Budgets { last: Budget::of(last, share), before: Budget::of(before, 1.0 - share) };
        let room = MOST_BYTES
            - SCRIPTS.iter().chain([&STYLE, &PAGE]).map(|it| it.len() + 64).sum::<usize>()
            - 6 * LONGEST_TITLE;
        let (mut lengths, mut budgets) = (LENGTHS.into_iter(), whole);
        let mut length = lengths.next().unwrap_or(usize::MAX);
        loop {
            let data = shorten(self.document(budgets), length);
            let size = in_script(&data).len();
            if size <= room || (budgets.last.is_least() && budgets.before.is_least()) {
                return data;
            }
            if budgets.last.nodes < FEW_NODES
                && let Some(shorter) = lengths.next()
            {
                (length, budgets) = (shorter, whole);
                continue;
            }
            // Somewhat less than would fit if all parts were alike.
            let share = (0.9 * room as f64 / size as f64).min(0.8);
            budgets = Budgets { last: budgets.last.cut(share), before: budgets.before.cut(share) };
        }
    }

    fn document(&self, budgets: Budgets) -> String {
        // Answers always serialize; an empty page would show that one did not.
        serde_json::to_string(&Document::of(self, budgets)).unwrap_or_default()
    }
}

const PAGE: &str = include_str!("../page/page.html");
const STYLE: &str = include_str!("../page/style.css");

/// In the order in which they use each other.
const SCRIPTS: [&str; 6] = [
    include_str!("../page/tools.js"),
    include_str!("../page/state.js"),
    include_str!("../page/flame.js"),
    include_str!("../page/table.js"),
    include_str!("../page/series.js"),
    include_str!("../page/main.js"),
];

/// JSON that can stand in a `<script>`: nothing in it ends the element or begins a comment.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

fn escaped(text: &str) -> String {
    clean(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('@', "&#64;")
}

/// The name of a kind and a grouping, by which the page finds their views.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Question {
    /// As [`SampleKind`] displays it.
    pub sample: String,
    /// As [`GroupBy`] displays it.
    pub by: String,
}

impl Question {
    pub(crate) fn new(sample: &SampleKind, by: GroupBy) -> Self {
        Self { sample: sample.to_string(), by: by.to_string() }
    }
}

#[cfg(test)]
mod tests;
