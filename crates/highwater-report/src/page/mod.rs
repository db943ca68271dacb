//! One page for a browser with everything inside: no network, no server, one file.
//!
//! The page shows the numbers of answers and computes none of its own. Its tables hold the texts of the
//! terminal views, and its graphs the values of `--json`. The folder `page/` holds the page's scripts and
//! styles.

mod axis;
mod budget;
mod content;
mod document;
mod findings;
mod head;
mod names;
mod prune;
mod shorten;

use crate::label::clean;
use budget::{Budget, Budgets};
pub use content::{Changed, Page, Snapshot};
use document::Document;
use shorten::shorten;

/// Maximum size of a page in bytes.
pub const MOST_BYTES: usize = 2 << 20;

/// Maximum bytes of a text. Shorter limits are tried if cutting tables and graphs alone would leave little of
/// them.
const LENGTHS: [usize; 3] = [4096, 512, 64];

/// Maximum characters of a title. Only the title is outside of the page's data.
const LONGEST_TITLE: usize = 200;

/// If a tree would get fewer nodes than this, texts are cut first.
const FEW_NODES: usize = 50;

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

#[cfg(test)]
pub(crate) mod tests;
