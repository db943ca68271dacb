//! Draws the table: the chosen view, its subject, and the rows around the chosen one.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use highwater_report::{Role, Sheet, SheetRow};

use super::ask::About;
use super::draw::{Regions, Theme};
use super::model::Model;

/// Spaces between two columns.
const GAP: usize = 2;

/// The first columns, which are never left out: the value that ranks the rows, and its error.
const FIRST: usize = 2;

/// Columns of numbers are left out until the labels have this width.
const NARROWEST_LABEL: usize = 20;

/// The names of the views, and how rows are sorted.
pub(crate) fn views(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let names = [
        (About::Live, "1 live"),
        (About::Rate, "2 rate"),
        (About::Growth, "3 growth"),
        (About::Diff, "4 diff"),
    ];
    let mut spans = Vec::new();
    for (about, name) in names {
        let look = if about == model.about { theme.chosen() } else { theme.role(Role::Faint) };
        spans.push(Span::styled(format!(" {name} "), look));
    }
    let (order, reversed) = model.order();
    let direction = if reversed { '↑' } else { '↓' };
    spans.push(Span::raw(format!("  by {}, {direction}{order}", model.by())));
    if !model.search.is_empty() && !model.is_typing {
        spans.push(Span::raw(format!(", /{}: {}", model.search, model.table().rows().len())));
    }
    frame.render_widget(Line::from(spans), area);
}

/// The line that says what the table is about.
pub(crate) fn head(frame: &mut Frame<'_>, regions: &Regions, model: &Model, theme: Theme) {
    let sheet = model.table().sheet().filter(|_| model.is_of_view());
    let (summary, remarks) = match (sheet, model.failure().filter(|_| model.is_of_view())) {
        (Some(sheet), _) => (sheet.summary.as_str(), sheet.remarks.join("; ")),
        (None, Some(reason)) => (reason, advice(model).to_owned()),
        (None, None) => ("working…", String::new()),
    };
    frame.render_widget(Line::styled(summary, theme.role(Role::Heading)), regions.summary);
    frame.render_widget(Line::styled(remarks, theme.role(Role::Faint)), regions.remarks);
}

/// Advice for a table without an answer.
fn advice(model: &Model) -> &'static str {
    match model.about {
        About::Diff => "p pins the snapshot that is shown; later ones of its process are compared with it",
        About::Rate | About::Growth => "it takes another snapshot of the same process",
        About::Live => "v shows other values",
    }
}

/// The column heads and the rows.
pub(crate) fn rows(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let Some(sheet) = model.table().sheet().filter(|_| model.is_of_view()) else { return };
    let space = usize::from(area.height.saturating_sub(1));
    if space == 0 {
        return;
    }
    let table = model.table();
    let first = table.position() / space * space;
    let shown: Vec<&SheetRow> = table.rows().skip(first).take(space).collect();
    let columns = Columns::new(sheet, &shown, area.width.into());
    let mut lines = vec![columns.heads(sheet, theme)];
    for (row, at) in shown.iter().zip(first..) {
        let line = columns.line(row, theme);
        lines.push(if at == table.position() { line.patch_style(theme.chosen()) } else { line });
    }
    let left = table.rows().len().saturating_sub(first + shown.len());
    let is_all = left == 0 && model.search.is_empty();
    match (shown.is_empty(), is_all) {
        (true, _) => lines.push(Line::raw(nothing(model))),
        (false, true) if lines.len() <= space && !sheet.omitted.is_empty() => {
            lines.push(Line::styled(sheet.omitted.as_str(), theme.role(Role::Faint)));
        }
        _ => {}
    }
    for (line, y) in lines.into_iter().zip(area.y..area.bottom()) {
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

/// Why there are no rows.
fn nothing(model: &Model) -> String {
    if model.search.is_empty() {
        return "no values to show".to_owned();
    }
    format!("nothing matches /{} (Esc shows all)", model.search)
}

/// The columns of numbers that fit, and their widths.
struct Columns {
    /// Position and width of each column.
    shown: Vec<(usize, usize)>,
    label: usize,
}

impl Columns {
    fn new(sheet: &Sheet, rows: &[&SheetRow], width: usize) -> Self {
        let numbers = sheet.heads.len().saturating_sub(1);
        let widest = |column: usize| {
            let cells = rows.iter().filter_map(|it| it.cells.get(column)).map(|it| it.0.chars().count());
            cells.chain([sheet.heads[column].chars().count()]).max().unwrap_or(0)
        };
        let mut shown: Vec<(usize, usize)> = (0..numbers).map(|it| (it, widest(it))).collect();
        let taken = |shown: &[(usize, usize)]| shown.iter().map(|it| it.1 + GAP).sum::<usize>();
        while shown.len() > FIRST && taken(&shown) + NARROWEST_LABEL > width {
            // Removes the widest column, except for those that rank the rows; among equals the last.
            let widest = (FIRST..shown.len()).max_by_key(|it| shown[*it].1).unwrap_or(FIRST);
            shown.remove(widest);
        }
        let label = width.saturating_sub(taken(&shown));
        Self { shown, label }
    }

    fn heads(&self, sheet: &Sheet, theme: Theme) -> Line<'static> {
        let mut text = String::new();
        for &(at, width) in &self.shown {
            text += &format!("{:>width$}  ", sheet.heads[at]);
        }
        text += sheet.heads.last().map_or("", String::as_str);
        Line::styled(text, theme.role(Role::Heading))
    }

    fn line(&self, row: &SheetRow, theme: Theme) -> Line<'static> {
        let cells = self.shown.iter().filter_map(|&(at, width)| Some((row.cells.get(at)?, width)));
        let mut spans: Vec<Span<'static>> = cells
            .map(|((text, role), width)| Span::styled(format!("{text:>width$}  "), theme.role(*role)))
            .collect();
        spans
            .push(Span::styled(format!("{:<1$}", row.label(self.label), self.label), theme.role(row.role())));
        Line::from(spans)
    }
}
