//! Tables whose numbers are aligned and whose last column takes the rest of the line.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Padding, Style};

use crate::label::{Label, length};
use crate::view::{Role, View};

/// Spaces between two columns.
const GAP: usize = 2;

/// A label is not cut below this width, even on a narrower screen.
const NARROWEST_LABEL: usize = 16;

/// A number in a table.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    role: Role,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), role: Role::Plain }
    }

    pub(crate) fn role(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role }
    }

    /// The text of the cell.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// The text of the cell and its role.
    pub(crate) fn into_parts(self) -> (String, Role) {
        (self.text, self.role)
    }
}

/// A table: columns of numbers, then one of labels.
pub(crate) struct Table {
    heads: Vec<String>,
    rows: Vec<(Vec<Cell>, Label)>,
}

impl Table {
    /// A table with these column heads. The last head is for the labels.
    pub(crate) fn new(heads: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { heads: heads.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row: one cell for each head but the last.
    pub(crate) fn push(&mut self, cells: Vec<Cell>, label: Label) {
        self.rows.push((cells, label));
    }

    /// The lines of the table.
    pub(crate) fn render(&self, view: &View) -> String {
        let numbers = self.heads.len().saturating_sub(1);
        let widest = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.0.get(column));
            cells.map(|cell| length(&cell.text)).chain([length(&self.heads[column])]).max().unwrap_or(0)
        };
        let taken: usize = (0..numbers).map(|column| widest(column) + GAP).sum();
        let space = view.width.saturating_sub(taken).max(NARROWEST_LABEL);

        let mut builder = Builder::new();
        builder.push_record(self.heads.iter().map(|head| view.paint(Role::Heading, head)));
        for (cells, label) in &self.rows {
            let cells = cells.iter().map(|cell| view.paint(cell.role, &cell.text));
            builder.push_record(cells.chain([view.paint(label.role(), &label.fit(space))]));
        }
        let mut table = builder.build();
        table
            .with(Style::empty())
            .with(Padding::zero())
            .modify(Columns::new(..numbers), Padding::new(0, GAP, 0, 0))
            .modify(Columns::new(..numbers), Alignment::right());
        let mut text = String::new();
        for line in table.to_string().lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}
