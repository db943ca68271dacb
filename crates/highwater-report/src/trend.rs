//! A trend as a table: leaks first, each row with its course and what shows its class.

use highwater_analyze::{Class, Evidence, FlowSource, Forecast, Trend, TrendRow, Unit, Used};

use crate::header;
use crate::label::Label;
use crate::number;
use crate::sparkline::sparkline;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// Width of the course of a row, in a table for an ordinary screen.
const COURSE: usize = 12;

/// Screens from this width on show courses whole.
const WIDE: usize = 120;

/// The trend as text: the process, its rows, what shows the class of each.
pub fn trend(trend: &Trend, view: &View) -> String {
    let unit = &trend.header.unit;
    let mut text = headings(trend, view);
    if trend.rows.is_empty() {
        return text + "no row is large enough to show; --rows 0 --min-fraction 0 shows all\n";
    }
    let errors = header::has_errors(&trend.header);
    let width = if view.width >= WIDE { usize::MAX } else { COURSE };
    let mut heads = vec!["per hour"];
    heads.extend(errors.then_some("±"));
    heads.extend(["live", "course", "class", "where"]);
    let mut table = Table::new(heads);
    for row in &trend.rows {
        let role = if row.class() == Class::Leak { Role::Growth } else { Role::Plain };
        let mut cells = vec![Cell::role(number::signed(row.growth_per_hour.value, unit), role)];
        cells.extend(errors.then(|| Cell::role(number::margin(&row.growth_per_hour, unit), Role::Faint)));
        cells.push(Cell::new(number::amount(row.live.value, unit)));
        cells.push(Cell::new(sparkline(&row.levels, width)));
        cells.push(Cell::role(name(row.class()), role));
        table.push(cells, Label::of(&row.key));
    }
    text.push('\n');
    let rendered = table.render(view);
    let mut lines = rendered.lines();
    text += &format!("{}\n", lines.next().unwrap_or_default());
    for (line, row) in lines.zip(&trend.rows) {
        text += &format!("{line}\n");
        if let Some(evidence) = evidence(row, unit) {
            text += &format!("    {}\n", view.paint(Role::Faint, &evidence));
        }
    }
    text + &omitted(trend, view)
}

fn headings(trend: &Trend, view: &View) -> String {
    let unit = &trend.header.unit;
    let growth = format!(
        "{} per hour  {}",
        number::change(&trend.growth_per_hour, unit),
        sparkline(&trend.levels, COURSE * 2)
    );
    let recording = header::recording(trend.header.exact, trend.header.interval_bytes);
    let mut text = format!(
        "{} in {}: {}\n{}\n",
        number::count(trend.snapshots, "snapshot"),
        number::duration(trend.span_ns),
        header::total(&trend.header),
        view.paint(Role::Heading, &growth),
    );
    if let Some(forecast) = &trend.forecast {
        text += &format!("{}\n", limit(forecast));
    }
    text += &format!("{}\n", view.paint(Role::Faint, &recording));
    let remark = match trend.source {
        FlowSource::Cohorts => None,
        FlowSource::Cumulative => {
            Some("the files do not say when live blocks were born: errors are upper bounds")
        }
        FlowSource::Levels => {
            Some("the files have live values alone: errors are upper bounds, and churn does not show")
        }
    };
    let few = "there are few snapshots: what grows cannot be told from a warm-up; take five or more";
    for remark in remark.into_iter().chain(trend.few_snapshots.then_some(few)) {
        text += &format!("{}\n", view.paint(Role::Faint, remark));
    }
    text
}

/// When the limit is reached, and what that rests on.
fn limit(forecast: &Forecast) -> String {
    let bytes = |value| number::amount(value, &Unit::Bytes);
    let used = match forecast.used {
        Used::Cgroup => "charged to the cgroup",
        Used::Resident => "resident",
        Used::Live => "live",
    };
    let head = format!("limit {}, {} {used}", bytes(forecast.limit_bytes), bytes(forecast.used_bytes));
    let time = |hours: f64| number::duration((hours * 3.6e12).min(i64::MAX as f64) as i64);
    let Some(hours) = forecast.hours else {
        return format!("{head}: not reached, since live bytes do not grow");
    };
    if hours <= 0.0 {
        return format!("{head}: reached");
    }
    let range = match (forecast.hours_lower95, forecast.hours_upper95) {
        (Some(lower), Some(upper)) => format!(" ({} to {})", time(lower), time(upper)),
        (Some(lower), None) => format!(" ({} at the earliest, perhaps never)", time(lower)),
        _ => String::new(),
    };
    format!("{head}: reached in {}{range} if it goes on like this", time(hours))
}

fn name(class: Class) -> &'static str {
    match class {
        Class::Leak => "leak",
        Class::Step => "step",
        Class::Sawtooth => "sawtooth",
        Class::WarmUp => "warm-up",
        Class::Churn => "churn",
        Class::Steady => "steady",
    }
}

/// What shows that a row is of its class; nothing that a steady one did not.
fn evidence(row: &TrendRow, unit: &Unit) -> Option<String> {
    Some(match &row.evidence {
        Evidence::Leak { windows_per_hour, kept_fraction } => {
            let windows: Vec<String> =
                windows_per_hour.iter().map(|it| number::signed(it.value, unit)).collect();
            let windows = windows.join(", ");
            let kept = kept_fraction
                .map_or_else(String::new, |it| format!("; {} of births stayed", number::percent(it)));
            let least = row.sustained_per_hour.filter(|it| *it > 0.0).map_or_else(String::new, |it| {
                format!("; at least {} throughout", number::signed(it as i64, unit))
            });
            format!("{windows} per hour in turn{kept}{least}")
        }
        Evidence::Step { at_ns, change } => {
            format!("{} within {}", number::change(change, unit), number::duration(*at_ns))
        }
        Evidence::Sawtooth { falls, lowest, highest } => format!(
            "between {} and {}, fell {}",
            number::amount(*lowest, unit),
            number::amount(*highest, unit),
            number::count(*falls, "time")
        ),
        Evidence::WarmUp { settled_ns, change } => format!(
            "{} in the first {}, little since",
            number::change(change, unit),
            number::duration(*settled_ns)
        ),
        Evidence::Churn { allocated_per_hour, turnover_per_hour } => {
            let times = turnover_per_hour.map_or_else(
                || "of which no snapshot sees any".to_owned(),
                |times| format!("{times:.1} times what it holds"),
            );
            format!("allocates {} per hour, {times}", number::amount(*allocated_per_hour, unit))
        }
        Evidence::Steady => return None,
    })
}

fn omitted(trend: &Trend, view: &View) -> String {
    if trend.omitted.rows == 0 {
        return String::new();
    }
    let line = format!(
        "{}, {} live together; --rows 0 --min-fraction 0 shows all",
        number::count(trend.omitted.rows, "more row"),
        number::amount(trend.omitted.value, &trend.header.unit)
    );
    format!("{}\n", view.paint(Role::Faint, &line))
}
