//! One page for a browser with everything inside: no network, no server, one file.
//!
//! The page shows the numbers of answers and computes none of its own. Its tables hold the texts of the
//! terminal views, and its graphs the values of `--json`. The folder `page/` holds the page's scripts and
//! styles.

mod axis;
mod document;
mod findings;
mod head;
mod names;
mod prune;
mod shorten;

use highwater_analyze::{
    Advices, Diff, GroupBy, Growth, Holding, Info, Leaks, SampleKind, Suppression, Suspects, Timeline, Trend,
};
use serde::Serialize;

use crate::label::clean;
use document::Document;
use shorten::shorten;

/// Maximum size of a page in bytes.
pub const MOST_BYTES: usize = 2 << 20;

/// Maximum nodes of all call trees together, before the page is checked for its size.
const NODES: usize = 60_000;

/// Maximum rows of all tables together, before the page is checked for its size.
const ROWS: usize = 6_000;

/// Maximum bytes of a text. Shorter limits are tried if cutting tables and graphs alone would leave little of
/// them.
const LENGTHS: [usize; 3] = [4096, 512, 64];

/// Maximum characters of a title. Only the title is outside of the page's data.
const LONGEST_TITLE: usize = 200;

/// If a tree would get fewer nodes than this, texts are cut first.
const FEW_NODES: usize = 50;

/// A profile of the page.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Displayed name: the file's name.
    pub name: String,
    /// The same kinds and groupings in every snapshot, in the same order.
    pub holdings: Vec<Holding>,
    /// Changes since the first profile; empty for the first one, and if the two cannot be compared.
    pub changed: Vec<Changed>,
}

/// Changes from the first profile to another, for one kind of values and one grouping.
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

/// The content of a page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Title.
    pub title: String,
    /// What the last profile says of its process.
    pub info: Option<Info>,
    /// The profiles in full, in order of time.
    pub snapshots: Vec<Snapshot>,
    /// Memory over time, for more than one profile.
    pub timeline: Option<Timeline>,
    /// For each of `snapshots`, its position in `timeline`.
    pub moments: Vec<usize>,
    /// The behaviour of every row, for a series.
    pub trend: Option<Trend>,
    /// Possible leaks in the last profile.
    pub leaks: Option<Leaks>,
    /// The rules that accept known leaks.
    pub accepted: Vec<Suppression>,
    /// Advice about allocations.
    pub advices: Option<Advices>,
    /// What explains the first spike of the time line.
    pub suspects: Option<Suspects>,
    /// Notes for the reader, such as what was left out of the page.
    pub notes: Vec<String>,
}

/// The size that one answer may take on a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Nodes of one tree.
    pub nodes: usize,
    /// Rows of one table.
    pub rows: usize,
}

impl Budget {
    /// The share of each of `views` views in this fraction of a page.
    fn new(views: usize, share: f64) -> Self {
        let each = |all: usize| (all as f64 * share / views.max(1) as f64) as usize;
        Self { nodes: each(NODES).max(50), rows: each(ROWS).clamp(10, 200) }
    }

    /// A smaller budget, for a page that is too large by this factor.
    fn cut(self, share: f64) -> Self {
        let less = |it: usize, share: f64| ((it as f64 * share) as usize).max(1);
        Self { nodes: less(self.nodes, share), rows: less(self.rows, share.sqrt()) }
    }

    fn is_least(self) -> bool {
        self.nodes <= 1 && self.rows <= 1
    }
}

/// The budget of the last snapshot, which readers look at most, and the budget of each earlier one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budgets {
    pub last: Budget,
    pub before: Budget,
}

impl Page {
    /// The page as one HTML file of at most [`MOST_BYTES`]. The page says what was cut.
    pub fn html(&self) -> String {
        let data = self.data();
        let title: String = self.title.chars().take(LONGEST_TITLE).collect();
        let script: String = SCRIPTS.iter().map(|it| format!("{{\n{it}\n}}\n")).collect();
        // In this order, no inserted text can contain a placeholder that is replaced later.
        PAGE.replace("@TITLE@", &escaped(&title))
            .replace("@STYLE@", &STYLES.concat())
            .replace("@SCRIPT@", &format!("\"use strict\";\nconst page = {{}};\n{script}"))
            .replacen("@DATA@", &in_script(&data), 1)
    }

    /// The page's data as one JSON document.
    pub fn data(&self) -> String {
        let mut views = self.snapshots.iter().map(|it| it.holdings.len() + it.changed.len());
        let last = views.next_back().unwrap_or(0);
        let before: usize = views.sum();
        let share = if before == 0 { 1.0 } else { 0.5 };
        let whole = Budgets { last: Budget::new(last, share), before: Budget::new(before, 1.0 - share) };
        let space = MOST_BYTES
            - SCRIPTS.iter().chain(&STYLES).chain([&PAGE]).map(|it| it.len() + 64).sum::<usize>()
            - 6 * LONGEST_TITLE;
        let (mut lengths, mut budgets) = (LENGTHS.into_iter(), whole);
        let mut length = lengths.next().unwrap_or(usize::MAX);
        loop {
            let data = shorten(self.document(budgets), length);
            let size = in_script(&data).len();
            if size <= space || (budgets.last.is_least() && budgets.before.is_least()) {
                return data;
            }
            if budgets.last.nodes < FEW_NODES
                && let Some(shorter) = lengths.next()
            {
                (length, budgets) = (shorter, whole);
                continue;
            }
            // Slightly less than would fit if all parts shrank alike.
            let share = (0.9 * space as f64 / size as f64).min(0.8);
            budgets = Budgets { last: budgets.last.cut(share), before: budgets.before.cut(share) };
        }
    }

    fn document(&self, budgets: Budgets) -> String {
        // Answers always serialize. If one did not, the page would be empty.
        serde_json::to_string(&Document::new(self, budgets)).unwrap_or_default()
    }
}

const PAGE: &str = include_str!("../../page/page.html");

/// The tokens of the design, and what is made of them.
const STYLES: [&str; 2] = [include_str!("../../page/tokens.css"), include_str!("../../page/style.css")];

/// In the order of their dependencies.
const SCRIPTS: [&str; 10] = [
    include_str!("../../page/tools.js"),
    include_str!("../../page/names.js"),
    include_str!("../../page/state.js"),
    include_str!("../../page/fold.js"),
    include_str!("../../page/flame.js"),
    include_str!("../../page/table.js"),
    include_str!("../../page/timeline.js"),
    include_str!("../../page/series.js"),
    include_str!("../../page/findings.js"),
    include_str!("../../page/main.js"),
];

/// JSON for a `<script>` element: nothing in it ends the element or begins a comment.
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

/// A kind of values and a grouping. The page finds their views by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Question {
    /// The text of [`SampleKind`]'s `Display`.
    pub sample: String,
    /// The text of [`GroupBy`]'s `Display`.
    pub by: String,
}

impl Question {
    pub(crate) fn new(sample: &SampleKind, by: GroupBy) -> Self {
        Self { sample: sample.to_string(), by: by.to_string() }
    }
}

#[cfg(test)]
mod tests;
