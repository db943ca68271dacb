//! Draws the upper lines: the source, the shown snapshot, the process's totals, and the history of its live
//! bytes.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Sparkline, SparklineBar};

use highwater_analyze::Unit;
use highwater_report::{Role, amount, estimate, time};

use super::draw::Theme;
use super::model::Model;

/// Maximum width of a bar, in columns.
const WIDEST_BAR: usize = 6;

/// A line whose right end is never cut.
fn ends(frame: &mut Frame<'_>, area: Rect, left: Line<'_>, right: Line<'_>) {
    let width = u16::try_from(right.width()).unwrap_or(u16::MAX);
    let [left_area, right_area] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(width)]).spacing(1).areas(area);
    frame.render_widget(left, left_area);
    frame.render_widget(right, right_area);
}

/// The name of the source, and which snapshot is shown.
pub(crate) fn title(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let (at, of) = (model.position() + 1, model.history.len());
    let right = if model.is_following() {
        Line::raw(format!("following: {at} of {of}"))
    } else {
        Line::styled(format!("back at {at} of {of}"), theme.chosen())
    };
    let left =
        vec![Span::styled("highwater live  ", theme.role(Role::Heading)), Span::raw(model.source.as_str())];
    ends(frame, area, Line::from(left), right);
}

/// The process's totals, as far as they fit.
pub(crate) fn totals(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let shown = model.shown();
    let bytes = |value: i64| amount(value, &Unit::Bytes);
    let totals = &shown.totals;
    let items = [
        Some(format!("live {}", estimate(&totals.live_bytes, &Unit::Bytes))),
        totals.alloc_bytes.map(|it| format!("allocated {}", estimate(&it, &Unit::Bytes))),
        totals.peak_bytes.map(|it| format!("peak {}", bytes(it))),
        shown.rss_bytes.map(|it| format!("resident {}", bytes(it))),
        shown.limit_bytes.map(|it| format!("limit {}", bytes(it))),
    ];
    let mut text = String::new();
    for item in items.into_iter().flatten() {
        let separator = if text.is_empty() { "" } else { "  " };
        if text.chars().count() + separator.len() + item.chars().count() <= usize::from(area.width) {
            text += separator;
            text += &item;
        }
    }
    frame.render_widget(Line::raw(text), area);
}

/// When the snapshot was taken, and how many snapshots are kept.
pub(crate) fn moment(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let (shown, history) = (model.shown(), &model.history);
    let bounds = history.bounds();
    let size = |bytes: usize| amount(i64::try_from(bytes).unwrap_or(i64::MAX), &Unit::Bytes);
    let right = match area.width {
        100.. => format!(
            "kept {} of at most {}, {} of {}",
            history.len(),
            bounds.snapshots,
            size(history.bytes()),
            size(bounds.bytes)
        ),
        70.. => format!("kept {}/{}, {}", history.len(), bounds.snapshots, size(history.bytes())),
        _ => format!("kept {}/{}", history.len(), bounds.snapshots),
    };
    let left = format!("{}  pin {}  {}", time(shown.totals.time_ns), model.pinned.number, shown.name);
    ends(frame, area, Line::raw(left), Line::styled(right, theme.role(Role::Faint)));
}

/// The live bytes of each snapshot, as bars. If not all fit, the bars around the shown snapshot are drawn.
pub(crate) fn history_bars(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let levels: Vec<i64> = model.history.iter().map(|it| it.totals.live_bytes.value).collect();
    let most = levels.iter().copied().max().unwrap_or(0);
    let scale = format!("most {}", amount(most, &Unit::Bytes));
    let [bars_area, right] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(scale.chars().count() as u16)])
            .spacing(1)
            .areas(area);
    frame.render_widget(Line::styled(scale, theme.role(Role::Faint)), right);

    let space = usize::from(bars_area.width).max(1);
    let count = levels.len().min(space);
    let (wide, shown) = ((space / count).min(WIDEST_BAR), model.position());
    let first = shown.saturating_sub(space / 2).min(levels.len() - count);
    let bars = levels.iter().enumerate().skip(first).take(count).flat_map(|(at, level)| {
        let look = if at == shown { theme.shown_bar() } else { theme.bar() };
        let bar = SparklineBar::from(u64::try_from(*level).unwrap_or(0)).style(Some(look));
        std::iter::repeat_n(bar, wide)
    });
    let line = Sparkline::default().data(bars).max(u64::try_from(most).unwrap_or(0).max(1));
    frame.render_widget(line, bars_area);
}
