//! The configuration of Prometheus and the alerts, checked by promtool and by a Prometheus that scrapes a
//! service.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::dashboard::{expressions, metrics, served};
use super::file;
use crate::clients::Prometheus;
use crate::service::Service;

const RULES: &str = "prometheus-rules.yml";
const RULES_TEST: &str = "prometheus-rules.test.yml";

/// The output of `promtool`, and whether it succeeded.
fn promtool(directory: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("promtool").current_dir(directory).args(arguments).output();
    let output = output.expect("promtool is there; `cargo xtask test` installs what the tests need");
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn promtool_finds_no_fault_with_the_alerts() {
    let directory = tempfile::tempdir().unwrap();
    let (rules, tests) = (file(RULES), file(RULES_TEST));
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write(RULES, &rules);
    write(RULES_TEST, &tests);
    write("prometheus.yml", &file("prometheus.yml"));
    write("highwater-token", "0123456789abcdef");
    let passes = |arguments: &[&str]| promtool(directory.path(), arguments);
    for arguments in
        [["check", "rules", RULES], ["test", "rules", RULES_TEST], ["check", "config", "prometheus.yml"]]
    {
        let (has_passed, said) = passes(&arguments);
        assert!(has_passed, "{arguments:?}: {said}");
    }
    let alerts: Vec<_> = rules.lines().filter_map(|it| it.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() >= 8, "{alerts:?}");
    for alert in alerts {
        assert!(tests.contains(&format!("alertname: {alert}")), "no test of {alert}");
    }
    // The planted faults: promtool does find them.
    write(RULES, &rules.replace("increase(", "inkrease("));
    assert!(!passes(&["check", "rules", RULES]).0);
    for (right, wrong) in [
        ("< 0.1", "< 0.05"),
        ("4 * 3600", "40 * 3600"),
        ("tasks=\"all\"", "tasks=\"some\""),
        ("== 0 and", "== 0 or"),
    ] {
        assert!(rules.contains(right), "{right}");
        write(RULES, &rules.replace(right, wrong));
        assert!(!passes(&["test", "rules", RULES_TEST]).0, "{wrong} passes");
    }
}

/// An expression with Grafana's variables filled in.
fn filled_in(expression: &str) -> String {
    let mut expression = expression.to_owned();
    for (name, value) in
        [("$job", ".+"), ("$instance", ".+"), ("$__rate_interval", "10s"), ("$__range", "1m")]
    {
        expression = expression.replace(name, value);
    }
    assert!(!expression.contains('$'), "{expression}");
    expression
}

#[test]
fn prometheus_answers_every_panel_and_evaluates_every_alert() {
    let directory = tempfile::tempdir().unwrap();
    let token = "correct-horse-battery";
    let settings =
        format!("token:{token},dir:{},watch:0.99,every:20ms", directory.path().join("watched").display());
    let service = Service::start_with(&[("HIGHWATER_AGENT", &settings)]);
    service.visit(10);
    let config = file("prometheus.yml");
    let target = "service.example.org:6060";
    assert!(config.contains(target) && config.contains("_interval: 15s"));
    let config =
        config.replace(target, &service.agent.to_string()).replace("_interval: 15s", "_interval: 1s");
    fs::write(directory.path().join("highwater-token"), token).unwrap();
    fs::write(directory.path().join(RULES), file(RULES)).unwrap();
    let prometheus = Prometheus::start(directory.path(), &config);
    let head = format!("Authorization: Bearer {token}\r\n");
    let page = crate::service::ask_with(service.agent, "GET /metrics HTTP/1.1", &head, b"").text();
    let served = served(&page);
    let dashboard: Value = serde_json::from_str(&file("grafana-dashboard.json")).unwrap();
    // An annotation marks events, and there were none.
    let mut unanswered: Vec<_> = expressions(&dashboard)
        .into_iter()
        .filter(|it| metrics(it).is_subset(&served) && !it.ends_with("> 0"))
        .map(filled_in)
        .collect();
    assert!(unanswered.len() > 15, "{unanswered:?}");
    let begin = Instant::now();
    while !unanswered.is_empty() && begin.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(300));
        unanswered.retain(|it| prometheus.query(it).is_empty());
    }
    assert_eq!(unanswered, [""; 0]);
    assert!(prometheus.query("rate(highwater_agent_requests_total{outcome=\"none\"}[10s])").is_empty());
    let mut rules = Vec::new();
    while rules.is_empty() && begin.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(300));
        let groups = prometheus.get("/api/v1/rules");
        rules = groups["data"]["groups"][0]["rules"].as_array().cloned().unwrap_or_default();
        rules.retain(|it| it["health"] != "unknown");
    }
    assert!(rules.len() >= 8 && rules.iter().all(|it| it["health"] == "ok"), "{rules:#?}");
}
