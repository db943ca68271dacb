//! `/metrics`: totals for Prometheus, as OpenMetrics for clients that accept it and otherwise in the older
//! text format.
//!
//! The two formats differ in three things: where a counter's suffix is, whether there are units, and how the
//! text ends. A reader that takes one format for the other loses the descriptions of counters, so the
//! response must name its format.
//! <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use highwater::MemoryLevel;

use super::process;
use crate::reply::Reply;
use crate::service::Service;
use crate::system_limits::limits;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Nanoseconds in a second.
const SECOND_NS: f64 = 1e9;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

/// A metric with its values, which differ in one label or have none.
struct Family {
    /// For a counter, the name without its suffix.
    name: Cow<'static, str>,
    kind: Kind,
    /// The unit suffix of the name, as OpenMetrics requires it; empty for plain numbers.
    unit: &'static str,
    help: &'static str,
    values: Vec<(Cow<'static, str>, f64)>,
}

pub(super) fn answer(service: &Service, is_open: bool) -> Reply {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_all(&families(service), is_open, &mut text);
    let content_type = if is_open { OPEN_METRICS } else { TEXT };
    Reply::head(content_type).with(text)
}

fn write_all(families: &[Family], is_open: bool, text: &mut String) -> fmt::Result {
    for family in families.iter().filter(|family| !family.values.is_empty()) {
        let kind = if family.kind == Kind::Counter { "counter" } else { "gauge" };
        let ending = if family.kind == Kind::Counter { "_total" } else { "" };
        let base = family.name.as_ref();
        let value = format!("{base}{ending}");
        let described = if is_open { base } else { value.as_str() };
        writeln!(text, "# HELP {described} {}", family.help)?;
        writeln!(text, "# TYPE {described} {kind}")?;
        if is_open && !family.unit.is_empty() {
            writeln!(text, "# UNIT {described} {}", family.unit)?;
        }
        for (label, number) in &family.values {
            writeln!(text, "{value}{label} {number}")?;
        }
    }
    if is_open {
        writeln!(text, "# EOF")?;
    }
    Ok(())
}

fn families(service: &Service) -> Vec<Family> {
    let stats = highwater::stats();
    let container = highwater::container();
    let limits = limits();
    let levels = highwater::memory_levels();
    let nearest = MemoryLevel::nearest(&levels);
    let counts = highwater_recorder::counts();
    let interval = highwater::mode().and_then(highwater::Mode::interval_bytes);
    let mut families = Vec::new();
    let mut add = |kind, name, unit, help, values: Vec<(&'static str, Option<f64>)>| {
        let values =
            values.into_iter().filter_map(|(label, value)| Some((Cow::Borrowed(label), value?))).collect();
        families.push(Family { name: own(name), kind, unit, help, values });
    };
    let one = |value: u64| vec![("", Some(value as f64))];
    let maybe = |value: Option<u64>| vec![("", value.map(|it| it as f64))];
    let seconds = |ns: Option<u64>| ns.map(|ns| ns as f64 / SECOND_NS);
    let so_far = |count: &AtomicU64| Some(count.load(Ordering::Relaxed) as f64);
    use Kind::{Counter, Gauge};
    add(Gauge, "live_bytes", "bytes", "Bytes allocated and not yet freed.", one(stats.live_bytes));
    add(Gauge, "live_blocks", "blocks", "Blocks allocated and not yet freed.", one(stats.live_blocks));
    add(Gauge, "peak_bytes", "bytes", "Highest number of live bytes so far.", one(stats.peak_bytes));
    add(Counter, "alloc_bytes", "bytes", "Bytes allocated since the start.", one(stats.alloc_bytes));
    add(Counter, "alloc_blocks", "blocks", "Blocks allocated since the start.", one(stats.alloc_blocks));
    add(Counter, "freed_bytes", "bytes", "Bytes freed since the start.", one(stats.freed_bytes));
    add(Counter, "freed_blocks", "blocks", "Blocks freed since the start.", one(stats.freed_blocks));
    add(
        Gauge,
        "overhead_bytes",
        "bytes",
        "Memory of the profiler itself, in none of the others.",
        one(stats.overhead_bytes),
    );
    add(
        Gauge,
        "interval_bytes",
        "bytes",
        "Mean bytes between samples; 1 when all are recorded, 0 when none.",
        one(interval.unwrap_or(0)),
    );
    add(
        Counter,
        "dropped_samples",
        "",
        "Samples lost for want of memory for them.",
        one(counts.dropped_samples),
    );
    add(Gauge, "resident_bytes", "bytes", "Resident set of the process.", maybe(stats.rss_bytes));
    add(
        Gauge,
        "memory_limit_bytes",
        "bytes",
        "The limit that is nearest: of a control group, of the process, or the machine's memory.",
        maybe(nearest.map(|it| it.limit_bytes)),
    );
    add(
        Gauge,
        "memory_used_bytes",
        "bytes",
        "What counts against that limit and cannot be taken back.",
        maybe(nearest.map(MemoryLevel::working_set_bytes)),
    );
    add(
        Gauge,
        "memory_headroom_bytes",
        "bytes",
        "What is left below that limit, with what can be swapped out.",
        maybe(nearest.map(MemoryLevel::headroom_bytes)),
    );
    add(
        Gauge,
        "memory_throttle_bytes",
        "bytes",
        "The use from which on the kernel slows the process down: memory.high of its control groups.",
        maybe(container.throttle_bytes),
    );
    add(
        Gauge,
        "cpu_limit",
        "",
        "Processors that the process may use, by quota or by number.",
        vec![("", limits.cpus)],
    );
    add(
        Gauge,
        "container_used_bytes",
        "bytes",
        "Memory charged to the control group.",
        maybe(container.memory_used_bytes),
    );
    add(
        Gauge,
        "container_working_set_bytes",
        "bytes",
        "The same less inactive files, which the kernel can take back.",
        maybe(container.working_set_bytes()),
    );
    add(
        Counter,
        "container_limit_hits",
        "",
        "How often the control group ran into its limit.",
        maybe(container.limit_hits),
    );
    add(
        Counter,
        "container_oom_kills",
        "",
        "Processes of the control group killed for want of memory.",
        maybe(container.oom_kills),
    );
    add(
        Counter,
        "container_pressure_seconds",
        "seconds",
        "Time for which some or all tasks of the control group waited for memory.",
        vec![
            ("{tasks=\"some\"}", seconds(container.some_pressure_ns)),
            ("{tasks=\"all\"}", seconds(container.full_pressure_ns)),
        ],
    );
    add(
        Counter,
        "agent_requests",
        "",
        "Requests to the agent, by what came of them.",
        vec![
            ("{outcome=\"answered\"}", so_far(&service.counts.answered)),
            ("{outcome=\"refused\"}", so_far(&service.counts.refused)),
        ],
    );
    add(
        Counter,
        "agent_dropped_connections",
        "",
        "Connections that were closed because they took too long or a new one needed the slot.",
        vec![("", so_far(&service.counts.dropped_connections))],
    );
    add(
        Gauge,
        "watch_reserve_bytes",
        "bytes",
        "What the watch keeps to record an incident with; a part of the profiler's own memory.",
        vec![("", so_far(&service.counts.reserved_bytes))],
    );
    add(
        Counter,
        "watch_readings",
        "",
        "How often the watch read how much memory is in use.",
        vec![("", so_far(&service.counts.readings))],
    );
    add(
        Counter,
        "watch_snapshots",
        "",
        "Snapshots that the watch wrote to its ring.",
        vec![("", so_far(&service.counts.snapshots))],
    );
    add(
        Counter,
        "watch_incidents",
        "",
        "Incidents that the watch recorded.",
        vec![("", so_far(&service.counts.incidents))],
    );
    add(
        Counter,
        "watch_failures",
        "",
        "What the watch could not read or write.",
        vec![("", so_far(&service.counts.watch_failures))],
    );
    let of_levels = |value: fn(&MemoryLevel) -> u64| {
        let labels =
            |it: &MemoryLevel| format!("{{level=\"{}\",kind=\"{}\"}}", label(&it.name), it.kind.word());
        levels.iter().map(|it| (Cow::Owned(labels(it)), value(it) as f64)).collect()
    };
    let of_level = |name, help, value| Family {
        name: own(name),
        kind: Gauge,
        unit: "bytes",
        help,
        values: of_levels(value),
    };
    families.push(of_level(
        "memory_level_limit_bytes",
        "Each limit that the process's memory is below.",
        |it| it.limit_bytes,
    ));
    families.push(of_level(
        "memory_level_used_bytes",
        "What counts against each of them and cannot be taken back.",
        MemoryLevel::working_set_bytes,
    ));
    families.extend(of_process());
    families
}

/// The name of one of Highwater's own metrics.
fn own(name: &str) -> Cow<'static, str> {
    Cow::Owned(format!("highwater_{name}"))
}

/// The process metrics and the start time, under the names that all exporters use.
fn of_process() -> Vec<Family> {
    let who = highwater::who();
    let labels = format!(
        "{{version=\"{}\",program=\"{}\",program_version=\"{}\"}}",
        env!("CARGO_PKG_VERSION"),
        label(&who.program),
        label(who.version.as_deref().unwrap_or_default())
    );
    let started = process::start_seconds().map(|it| (Cow::Borrowed(""), it));
    vec![
        Family {
            name: own("build_info"),
            kind: Kind::Gauge,
            unit: "",
            help: "Always 1: the version of Highwater, and the program with its own version or build id.",
            values: vec![(Cow::Owned(labels), 1.0)],
        },
        Family {
            name: Cow::Borrowed("process_start_time_seconds"),
            kind: Kind::Gauge,
            unit: "seconds",
            help: "When the process began, in seconds since 1970.",
            values: started.into_iter().collect(),
        },
    ]
}

/// Text escaped for the value of a label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values_of(values: Vec<(&'static str, f64)>) -> Vec<(Cow<'static, str>, f64)> {
        values.into_iter().map(|(label, value)| (label.into(), value)).collect()
    }

    #[test]
    fn a_label_may_contain_any_text() {
        assert_eq!(label("/a\\x2d\"b\nc"), r#"/a\\x2d\"b\nc"#);
    }

    #[test]
    fn process_metrics_have_the_usual_names() {
        let mut text = String::new();
        write_all(&of_process(), false, &mut text).unwrap();
        let info = format!("\nhighwater_build_info{{version=\"{}\",program=\"", env!("CARGO_PKG_VERSION"));
        assert!(text.contains(&info) && text.contains("\"} 1\n"), "{text}");
        assert!(!cfg!(target_os = "linux") || text.contains("\nprocess_start_time_seconds 1"), "{text}");
    }

    fn shown(is_open: bool) -> String {
        let family = |name, kind, unit, values| Family {
            name: own(name),
            kind,
            unit,
            help: "Some help.",
            values: values_of(values),
        };
        let families = [
            family("live_bytes", Kind::Gauge, "bytes", vec![("", 5.0)]),
            family("alloc_bytes", Kind::Counter, "bytes", vec![("", 1e15)]),
            family("waits", Kind::Counter, "", vec![("{tasks=\"some\"}", 0.25)]),
            family("unknown", Kind::Gauge, "", vec![]),
        ];
        let mut text = String::new();
        write_all(&families, is_open, &mut text).unwrap();
        text
    }

    #[test]
    fn open_metrics_has_units_and_an_end() {
        let expected = "# HELP highwater_live_bytes Some help.\n\
            # TYPE highwater_live_bytes gauge\n\
            # UNIT highwater_live_bytes bytes\n\
            highwater_live_bytes 5\n\
            # HELP highwater_alloc_bytes Some help.\n\
            # TYPE highwater_alloc_bytes counter\n\
            # UNIT highwater_alloc_bytes bytes\n\
            highwater_alloc_bytes_total 1000000000000000\n\
            # HELP highwater_waits Some help.\n\
            # TYPE highwater_waits counter\n\
            highwater_waits_total{tasks=\"some\"} 0.25\n\
            # EOF\n";
        assert_eq!(shown(true), expected);
    }

    #[test]
    fn the_older_format_describes_counters_by_their_whole_name() {
        let text = shown(false);
        assert!(text.contains("# TYPE highwater_alloc_bytes_total counter\n"), "{text}");
        assert!(!text.contains("UNIT") && !text.contains("EOF"), "{text}");
    }
}
