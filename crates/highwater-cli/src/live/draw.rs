//! Draws the screen from top to bottom: the source, its totals, their history, the table, the stack, and a
//! status line.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Borders, Paragraph};

use highwater_report::Role;

use super::draw_table;
use super::draw_top;
use super::keys;
use super::model::Model;

/// The smallest screen, in columns and lines, on which anything is readable.
const SMALLEST: (u16, u16) = (40, 10);

/// From this number of lines on, there is space for every region.
const TALL: u16 = 20;

/// The appearance of the screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    /// Whether to use colours besides bold, dim and reversed text.
    pub(crate) colour: bool,
}

impl Theme {
    /// The style of a piece of text.
    pub(crate) fn role(self, role: Role) -> Style {
        match role {
            Role::Plain => Style::new(),
            Role::Heading => Style::new().add_modifier(Modifier::BOLD),
            Role::Faint => Style::new().add_modifier(Modifier::DIM),
            Role::Growth => self.coloured(Color::Red),
            Role::Shrinkage => self.coloured(Color::Green),
        }
    }

    /// The style of the chosen row.
    pub(crate) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The style of the history's bars.
    pub(crate) fn bar(self) -> Style {
        self.coloured(Color::Cyan)
    }

    /// The style of the bar of the shown snapshot.
    pub(crate) fn shown_bar(self) -> Style {
        self.coloured(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    fn coloured(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }
}

/// The position of each region. A region without space is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Regions {
    pub(crate) title: Rect,
    pub(crate) totals: Rect,
    pub(crate) moment: Rect,
    pub(crate) history_bars: Rect,
    pub(crate) views: Rect,
    pub(crate) summary: Rect,
    pub(crate) remarks: Rect,
    pub(crate) table: Rect,
    pub(crate) stack: Rect,
    pub(crate) words: Rect,
}

impl Regions {
    /// On a low screen, the stack replaces the table while the stack has the keys.
    pub(crate) fn new(area: Rect, model: &Model) -> Self {
        let is_tall = area.height >= TALL;
        let (history_bars, remarks) = if is_tall { (2, 1) } else { (1, 0) };
        let fixed = 6 + history_bars + remarks;
        let rest = area.height.saturating_sub(fixed);
        let stack = match (model.stack.is_open, is_tall) {
            (true, true) => (rest / 3).max(4),
            (true, false) if model.stack.has_keys => rest,
            _ => 0,
        };
        let heights = [1, 1, 1, history_bars, 1, 1, remarks, rest - stack, stack, 1];
        let areas = Layout::vertical(heights.map(Constraint::Length)).areas(area);
        let [title, totals, moment, history_bars, views, summary, remarks, table, stack, words] = areas;
        Self { title, totals, moment, history_bars, views, summary, remarks, table, stack, words }
    }
}

/// The number of the table's rows on a screen of this size.
pub(crate) fn rows(model: &Model) -> usize {
    let (width, height) = model.size;
    let table = Regions::new(Rect::new(0, 0, width, height), model).table;
    usize::from(table.height.saturating_sub(1))
}

/// Draws the whole screen.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model, theme: Theme) {
    let area = frame.area();
    let (width, height) = SMALLEST;
    if area.width < width || area.height < height {
        let text = format!("{}×{} is too small: {width}×{height} or more; q quits", area.width, area.height);
        frame.render_widget(Paragraph::new(text).wrap(Default::default()), area);
        return;
    }
    if model.is_helping {
        help(frame, area, theme);
        return;
    }
    let regions = Regions::new(area, model);
    draw_top::title(frame, regions.title, model, theme);
    draw_top::totals(frame, regions.totals, model);
    draw_top::moment(frame, regions.moment, model, theme);
    draw_top::history_bars(frame, regions.history_bars, model, theme);
    draw_table::views(frame, regions.views, model, theme);
    draw_table::head(frame, &regions, model, theme);
    draw_table::rows(frame, regions.table, model, theme);
    stack(frame, regions.stack, model, theme);
    words(frame, regions.words, model, theme);
}

/// The stack of the chosen row, leaf first.
fn stack(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    if area.height < 2 {
        return;
    }
    let row = model.table().chosen().filter(|_| model.is_of_view());
    let frames = row.map_or(&[][..], |it| &it.stack);
    let space = usize::from(area.height) - 1;
    let first = model.first_frame().min(frames.len().saturating_sub(1));
    let last = (first + space).min(frames.len());
    let place = match frames.len() {
        0 => " no stack ".to_owned(),
        all if last - first < all => format!(" heaviest stack: frames {} to {last} of {all} ", first + 1),
        _ => " heaviest stack ".to_owned(),
    };
    let look = if model.stack.has_keys { theme.chosen() } else { theme.role(Role::Heading) };
    let block = Block::new().borders(Borders::TOP).title(Span::styled(place, look));
    let lines: Vec<Line<'_>> = frames[first..last].iter().map(|it| Line::raw(it.as_str())).collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// The last line: the typed search, an error, a notice, or the list of keys.
fn words(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let waiting = if model.is_waiting() { " working… " } else { "" };
    let line = if model.is_typing {
        Line::raw(format!("/{}▏", model.search))
    } else if let Some(notice) = &model.notice {
        Line::styled(notice.as_str(), theme.role(Role::Heading))
    } else if let Some(trouble) = &model.trouble {
        let times = if trouble.times > 1 { format!(" ({} times)", trouble.times) } else { String::new() };
        Line::styled(format!("no snapshot{times}: {}", trouble.reason), theme.role(Role::Growth))
    } else if let Some(remark) = &model.remark {
        Line::styled(remark.as_str(), theme.role(Role::Faint))
    } else {
        let keys = "? help  q quit  1-4 views  ↑↓ rows  ←→ snapshots  p pin  / search  s save";
        Line::styled(keys, theme.role(Role::Faint))
    };
    let [text, right] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(waiting.chars().count() as u16)])
            .areas(area);
    frame.render_widget(line, text);
    frame.render_widget(Line::styled(waiting, theme.chosen()), right);
}

/// The list of keys, in two columns.
fn help(frame: &mut Frame<'_>, area: Rect, theme: Theme) {
    let rows: Vec<(String, &str)> = keys::GROUPS.iter().map(|it| (keys::names(it), it.does)).collect();
    let (left, right) = rows.split_at(rows.len().div_ceil(2));
    let widest = |rows: &[(String, &str)]| rows.iter().map(|it| it.0.chars().count()).max().unwrap_or(0);
    let column = |rows: &[(String, &'static str)]| -> Text<'static> {
        let widest = widest(rows);
        let line = |(keys, does): &(String, &'static str)| {
            let keys = Span::styled(format!("{keys:<widest$}  "), theme.role(Role::Heading));
            Line::from(vec![keys, Span::raw(*does)])
        };
        rows.iter().map(line).collect::<Vec<_>>().into()
    };
    let block = Block::new().borders(Borders::TOP).title(" keys; any of them goes back ");
    let inside = block.inner(area);
    frame.render_widget(block, area);
    // On a high screen, one group is below the other.
    if usize::from(inside.height) > rows.len() {
        frame.render_widget(column(&rows), inside);
        return;
    }
    let (left, right) = (column(left), column(right));
    let width = u16::try_from(left.width()).unwrap_or(u16::MAX);
    let columns = Layout::horizontal([Constraint::Length(width), Constraint::Min(0)]).spacing(2);
    let [left_area, right_area] = columns.areas(inside);
    frame.render_widget(left, left_area);
    frame.render_widget(right, right_area);
}
