//! A trend as a table: leaks first, each row with its history and the evidence for its class.

use highwater_analyze::{Class, FlowSource, Forecast, Header, Trend, TrendEvidence, TrendRow, Unit, Used};

use crate::header;
use crate::label::Label;
use crate::number;
use crate::sparkline::sparkline;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// Width of a row's history on an ordinary screen, in columns.
const HISTORY_WIDTH: usize = 12;

/// From this screen width on, histories are shown in full.
const WIDE: usize = 120;

/// The trend as text: the process, its rows, and the evidence for each row's class.
pub fn trend(trend: &Trend, view: &View) -> String {
    let unit = &trend.header.unit;
    let mut text = headings(trend, view);
    if trend.rows.is_empty() {
        return text + "no row is large enough to show; --rows 0 --min-fraction 0 shows all\n";
    }
    let mut table = Table::new(heads(&trend.header));
    for row in &trend.rows {
        table.push(cells(row, &trend.header, view), Label::from_key(&row.key));
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

/// The heads of the columns; the last is the label's.
pub(crate) fn heads(header: &Header) -> Vec<&'static str> {
    let mut heads = vec!["per hour"];
    heads.extend(header::has_errors(header).then_some("±"));
    heads.extend(["live", "history", "class", "where"]);
    heads
}

/// The numbers of a row: one cell for each head but the last.
pub(crate) fn cells(row: &TrendRow, header: &Header, view: &View) -> Vec<Cell> {
    let unit = &header.unit;
    let width = if view.width >= WIDE { usize::MAX } else { HISTORY_WIDTH };
    let role = if row.class() == Class::Leak { Role::Growth } else { Role::Plain };
    let mut cells = vec![Cell::role(number::signed(row.growth_per_hour.value, unit), role)];
    let error = || Cell::role(number::margin(&row.growth_per_hour, unit), Role::Faint);
    cells.extend(header::has_errors(header).then(error));
    cells.push(Cell::new(number::amount(row.live.value, unit)));
    cells.push(Cell::new(sparkline(&row.levels, width)));
    cells.push(Cell::role(name(row.class()), role));
    cells
}

/// The number of snapshots, their time span, and the growth of the process.
pub(crate) fn summary(trend: &Trend) -> String {
    format!(
        "{} in {}: {} per hour",
        number::count(trend.snapshots, "snapshot"),
        number::duration(trend.span_ns),
        number::change(&trend.growth_per_hour, &trend.header.unit)
    )
}

fn headings(trend: &Trend, view: &View) -> String {
    let unit = &trend.header.unit;
    let growth = format!(
        "{} per hour  {}",
        number::change(&trend.growth_per_hour, unit),
        sparkline(&trend.levels, HISTORY_WIDTH * 2)
    );
    let recording = header::recording(&trend.header);
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
    text += &header::note_lines([&trend.header]);
    for remark in remarks(trend) {
        text += &format!("{}\n", view.paint(Role::Faint, &remark));
    }
    text
}

/// The limits of the trend.
pub(crate) fn remarks(trend: &Trend) -> Vec<String> {
    let remark = match trend.source {
        FlowSource::Cohorts => None,
        FlowSource::Cumulative => {
            Some("the files do not say when live blocks were born: errors are upper bounds")
        }
        FlowSource::Levels => {
            Some("the files have live values alone: errors are upper bounds, and churn does not show")
        }
    };
    let few = "there are few snapshots: what grows cannot be distinguished from a warm-up; take five or more";
    remark.into_iter().chain(trend.few_snapshots.then_some(few)).map(str::to_owned).collect()
}

/// When the limit will be reached, and the basis of the forecast.
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

pub(crate) fn name(class: Class) -> &'static str {
    match class {
        Class::Leak => "leak",
        Class::Step => "step",
        Class::Sawtooth => "sawtooth",
        Class::WarmUp => "warm-up",
        Class::Churn => "churn",
        Class::Steady => "steady",
    }
}

/// The evidence that a row is of its class; `None` for a steady row.
fn evidence(row: &TrendRow, unit: &Unit) -> Option<String> {
    Some(match &row.evidence {
        TrendEvidence::Leak { windows_per_hour, kept_fraction } => {
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
        TrendEvidence::Step { at_ns, change } => {
            let since = number::duration(*at_ns);
            format!("{} until {since} after the start, level since", number::change(change, unit))
        }
        TrendEvidence::Sawtooth { falls, lowest, highest } => format!(
            "between {} and {}, fell {}",
            number::amount(*lowest, unit),
            number::amount(*highest, unit),
            number::count(*falls, "time")
        ),
        TrendEvidence::WarmUp { settled_ns, change } => format!(
            "{} in the first {}, little since",
            number::change(change, unit),
            number::duration(*settled_ns)
        ),
        TrendEvidence::Churn { allocated_per_hour, turnover_per_hour } => {
            let times = turnover_per_hour.map_or_else(
                || "of which no snapshot sees any".to_owned(),
                |times| format!("{times:.1} times what it holds"),
            );
            format!("allocates {} per hour, {times}", number::amount(*allocated_per_hour, unit))
        }
        TrendEvidence::Steady => return None,
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

#[cfg(test)]
mod tests {
    use highwater_analyze::Omitted;

    use super::*;
    use crate::samples::{estimate, header, line_key};

    fn sample() -> Trend {
        let mib = |it: f64| (it * 1_048_576.0) as i64;
        let row = |line, growth, live, evidence, levels: &[i64], sustained| TrendRow {
            key: line_key("src/index.rs", line, "codeindex::index::Index::add"),
            evidence,
            growth_per_hour: estimate(growth, 100_000.0),
            sustained_per_hour: sustained,
            levels: levels.to_vec(),
            live: estimate(live, 0.0),
            stack: Vec::new(),
        };
        let windows = [1.0, 1.1, 1.2].map(|it| estimate(mib(it), 1000.0)).to_vec();
        let leak = TrendEvidence::Leak { windows_per_hour: windows, kept_fraction: Some(0.97) };
        let step = TrendEvidence::Step { at_ns: 600_000_000_000, change: estimate(mib(8.0), 0.0) };
        let sawtooth = TrendEvidence::Sawtooth { falls: 1, lowest: 0, highest: mib(3.0) };
        let warm_up = TrendEvidence::WarmUp { settled_ns: 60_000_000_000, change: estimate(mib(2.0), 0.0) };
        let churn = TrendEvidence::Churn { allocated_per_hour: mib(500.0), turnover_per_hour: Some(250.0) };
        Trend {
            header: header(),
            snapshots: 40,
            span_ns: 3_510_000_000_000,
            source: FlowSource::Cohorts,
            few_snapshots: false,
            growth_per_hour: estimate(mib(1.1), 100_000.0),
            levels: vec![1, 2, 3, 4, 5, 6, 7, 8],
            forecast: None,
            rows: vec![
                row(1, mib(1.1), mib(9.0), leak, &[0, 4, 8], Some(900_000.0)),
                row(2, 0, mib(8.0), step, &[0, 8, 8], Some(0.0)),
                row(3, 0, mib(1.0), sawtooth, &[0, 3, 1], Some(-1.0)),
                row(4, 0, mib(2.0), warm_up, &[1, 2, 2], None),
                row(5, 0, mib(2.0), churn, &[2, 2, 2], None),
                row(6, 0, mib(2.0), TrendEvidence::Steady, &[2, 2, 2], None),
            ],
            omitted: Omitted { rows: 2, value: 4096 },
        }
    }

    #[test]
    fn every_row_has_its_history_and_its_evidence() {
        let expected = "\
40 snapshots in 58 min 30 s: live-bytes 16.0 MiB ± 410 KiB
+1.1 MiB ± 191 KiB per hour  ▂▃▄▅▆▇██
sampling interval 512 KiB; ± gives the 95 % confidence interval

per hour        ±     live  history     class  where
+1.1 MiB  191 KiB  9.0 MiB      ▁▅█      leak  src/index.rs:1 …index::Index::add
    +1.0 MiB, +1.1 MiB, +1.2 MiB per hour in turn; 97.0% of births stayed; at least +878.9 KiB throughout
     0 B  191 KiB  8.0 MiB      ▁██      step  src/index.rs:2 …index::Index::add
    +8.0 MiB until 10 min 0 s after the start, level since
     0 B  191 KiB  1.0 MiB      ▁█▃  sawtooth  src/index.rs:3 …index::Index::add
    between 0 B and 3.0 MiB, fell 1 time
     0 B  191 KiB  2.0 MiB      ▅██   warm-up  src/index.rs:4 …index::Index::add
    +2.0 MiB in the first 1 min 0 s, little since
     0 B  191 KiB  2.0 MiB      ███     churn  src/index.rs:5 …index::Index::add
    allocates 500.0 MiB per hour, 250.0 times what it holds
     0 B  191 KiB  2.0 MiB      ███    steady  src/index.rs:6 …index::Index::add
2 more rows, 4.0 KiB live together; --rows 0 --min-fraction 0 shows all
";
        let text = trend(&sample(), &View::default());
        assert_eq!(text, expected);
    }

    #[test]
    fn the_limit_is_forecast_if_possible() {
        let forecast = Forecast {
            limit_bytes: 2 << 30,
            used_bytes: 1 << 30,
            used: Used::Resident,
            growth_per_hour: estimate(1 << 20, 0.0),
            hours: Some(30.0),
            hours_lower95: Some(20.5),
            hours_upper95: Some(60.0),
        };
        assert_eq!(
            limit(&forecast),
            "limit 2.0 GiB, 1.0 GiB resident: reached in 30 h 0 min (20 h 30 min to 60 h 0 min) if it goes on like this"
        );
        let perhaps = Forecast { hours_upper95: None, used: Used::Cgroup, ..forecast };
        assert!(limit(&perhaps).contains(
            "charged to the cgroup: reached in 30 h 0 min (20 h 30 min at the earliest, perhaps never)"
        ));
        let never = Forecast { hours: None, hours_lower95: None, ..perhaps };
        assert!(limit(&never).ends_with("not reached, since live bytes do not grow"));
        let over = Forecast { hours: Some(0.0), used: Used::Live, ..forecast };
        assert_eq!(limit(&over), "limit 2.0 GiB, 1.0 GiB live: reached");
        let far = Forecast { hours: Some(1e300), ..never };
        assert!(limit(&far).contains("reached in "));
    }

    #[test]
    fn missing_data_is_reported() {
        let go = Trend { source: FlowSource::Cumulative, few_snapshots: true, ..sample() };
        let text = trend(&go, &View::default());
        assert!(text.contains("errors are upper bounds") && text.contains("take five or more"), "{text}");
        let levels = Trend { source: FlowSource::Levels, rows: Vec::new(), ..sample() };
        let text = trend(&levels, &View::default());
        assert!(text.contains("live values alone") && text.ends_with("shows all\n"), "{text}");
        let exact = Trend { header: Header { exact: true, interval_bytes: Some(1), ..header() }, ..sample() };
        assert!(!trend(&exact, &View::default()).contains("  ±  "));
    }
}
