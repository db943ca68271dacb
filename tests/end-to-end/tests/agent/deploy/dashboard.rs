//! The dashboard shows what the agent serves: every panel's metric exists, and every metric has a panel.

use std::collections::BTreeSet;

use serde_json::Value;

use super::file;
use crate::watch::{wait_until, watched};

/// Metrics that some machines do not have: no control group, no such limit, no pressure information in the
/// kernel.
const SOMETIMES: &[&str] = &[
    "highwater_container_limit_hits_total",
    "highwater_container_oom_kills_total",
    "highwater_container_pressure_seconds_total",
    "highwater_container_used_bytes",
    "highwater_container_working_set_bytes",
    "highwater_memory_throttle_bytes",
];

/// Metrics that are not drawn over time.
const NOT_DRAWN: &[&str] = &["highwater_build_info"];

/// The source that names the metrics.
const SOURCE: &str = include_str!("../../../../../crates/highwater-agent/src/endpoint/metrics.rs");

/// All expressions of a dashboard.
pub fn expressions(dashboard: &Value) -> Vec<&str> {
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.iter().all(|it| it["targets"][0].is_object()), "a panel without a query");
    let targets = panels.iter().flat_map(|it| it["targets"].as_array().unwrap());
    let marks = dashboard["annotations"]["list"].as_array().unwrap();
    targets.chain(marks).map(|it| it["expr"].as_str().unwrap()).collect()
}

/// The metrics in an expression.
pub fn metrics(expression: &str) -> BTreeSet<&str> {
    let words = expression.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    words.filter(|it| it.starts_with("highwater_")).collect()
}

/// The metrics on a page of `/metrics`.
pub fn served(page: &str) -> BTreeSet<&str> {
    let lines = page.lines().filter(|it| it.starts_with("highwater_"));
    lines.map(|it| it.split(['{', ' ']).next().unwrap()).collect()
}

/// The metrics that a dashboard and rules use but the agent does not serve, and the other way round.
fn disagreement(dashboard: &str, rules: &str, page: &str) -> Vec<String> {
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();
    let drawn: BTreeSet<_> = expressions(&dashboard).into_iter().flat_map(metrics).collect();
    // Comments and texts of the rules contain no metrics.
    let asked: BTreeSet<_> = drawn.union(&metrics(rules)).copied().collect();
    let served = served(page);
    let in_source = |name: &str| {
        let name = name.trim_start_matches("highwater_").trim_end_matches("_total");
        SOURCE.contains(&format!("\"{name}\""))
    };
    let is_there = |name: &str| served.contains(name) || SOMETIMES.contains(&name) && in_source(name);
    let missing = asked.iter().filter(|it| !is_there(it)).map(|it| format!("{it} is not served"));
    let forgotten = served.difference(&drawn).filter(|it| !NOT_DRAWN.contains(it));
    missing.chain(forgotten.map(|it| format!("{it} is not drawn"))).collect()
}

#[test]
fn the_dashboard_and_the_alerts_use_served_metrics() {
    let directory = tempfile::tempdir().unwrap();
    let service = watched(directory.path(), "every:20ms");
    wait_until("readings", || service.metric("highwater_watch_readings_total") >= 2);
    let page = service.get("/metrics").text();
    let (dashboard, rules) = (file("grafana-dashboard.json"), file("prometheus-rules.yml"));
    assert_eq!(disagreement(&dashboard, &rules, &page), [""; 0]);
    assert_eq!(
        metrics("rate(highwater_a_total{x=\"y\"}[5m]) / highwater_b"),
        ["highwater_a_total", "highwater_b"].into()
    );
    // The planted faults: a missing metric, a counter without its suffix, an alert about nothing, a forgotten
    // metric.
    for (right, wrong, said) in [
        ("highwater_live_bytes", "highwater_living_bytes", "highwater_living_bytes is not served"),
        ("highwater_freed_bytes_total", "highwater_freed_bytes", "highwater_freed_bytes is not served"),
        (
            "highwater_memory_throttle_bytes",
            "highwater_memory_throttled",
            "highwater_memory_throttled is not served",
        ),
        ("highwater_interval_bytes", "highwater_overhead_bytes", "highwater_interval_bytes is not drawn"),
    ] {
        let found = disagreement(&dashboard.replace(right, wrong), &rules, &page);
        assert!(found.iter().any(|it| it == said), "{said}: {found:?}");
    }
    let wrong = rules.replace("highwater_watch_failures_total", "highwater_watch_faults_total");
    assert_eq!(disagreement(&dashboard, &wrong, &page), ["highwater_watch_faults_total is not served"]);
}

#[test]
fn the_panels_lie_beside_each_other() {
    let dashboard: Value = serde_json::from_str(&file("grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|it| it["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut taken = BTreeSet::new();
    for panel in panels {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|it| panel["gridPos"][it].as_u64().unwrap());
        assert!(x + w <= 24 && !panel["title"].as_str().unwrap().is_empty(), "{panel}");
        let mut cells = (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y)));
        assert!(cells.all(|cell| taken.insert(cell)), "{} covers another", panel["title"]);
    }
}
