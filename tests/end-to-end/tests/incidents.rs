//! The four incidents of `docs/READING.md`: each command names the line that carries the fault, and none
//! names a fault that is not there.

use highwater_tests::codeindex::{Series, ask, assert_marked};
use serde_json::Value;

/// The rows of an answer with this class.
fn of_class<'a>(trend: &'a Value, class: &str) -> Vec<&'a Value> {
    trend["rows"].as_array().expect("rows").iter().filter(|it| it["evidence"]["class"] == class).collect()
}

#[test]
fn a_leak_is_named_with_its_growth_and_the_remaining_time() {
    let series = Series::with_fault("leak");
    let (trend, _) = ask(&["trend", "--limit", "2GiB"], &[series.path()]);
    let leaks = of_class(&trend, "leak");
    assert_eq!(leaks.len(), 1, "{leaks:#?}");
    assert_eq!(leaks[0], &trend["rows"][0], "the leak is not first");
    assert_marked(leaks[0], "the leak");
    let growth = &leaks[0]["growth_per_hour"];
    let (value, error) = (growth["value"].as_f64(), growth["standard_error"].as_f64());
    assert!(value.unwrap() > 1.96 * error.unwrap() && error.unwrap() > 0.0, "{growth}");
    assert!(trend["forecast"]["hours"].as_f64().is_some_and(|it| it > 0.0), "{}", trend["forecast"]);
}

#[test]
fn a_spike_is_named_with_its_interval_though_live_bytes_are_flat() {
    let series = Series::with_fault("spike");
    let files = series.files();
    let (answer, _) = ask(&["spikes"], &[series.path()]);
    // The durations of a short run's steps have no meaning; the largest jump does not depend on them.
    assert_eq!(answer["spikes"][0]["before"], 10, "{answer:#}");
    assert_marked(&answer["suspects"]["rows"][0], "the spike");

    // The archive is decompressed in the middle of the run, between these two snapshots.
    let pair = [10, 11].map(|at| files[at].to_str().unwrap().to_owned());
    let named = answer.to_string();
    assert!(pair.iter().all(|it| named.contains(it)), "{pair:?} are not named in {answer:#}");
    let (live, _) = ask(&["diff"], &pair);
    let change = live["total_change"]["change"]["value"].as_i64().unwrap();
    assert!(change.abs() < 1 << 20, "{change} bytes more are live");
    assert_eq!(of_class(&ask(&["trend"], &[series.path()]).0, "leak").len(), 0);
}

#[test]
fn churn_is_named_by_its_allocations() {
    let series = Series::with_fault("churn");
    let files = series.files();
    let pair = [&files[0], files.last().expect("a snapshot")];
    let (diff, _) = ask(&["diff", "--sample", "alloc-bytes", "--through", "registry/src"], &pair);
    assert_marked(&diff["rows"][0], "the churn");
    assert_eq!(diff["rows"][0]["significant"], true);
    assert_eq!(of_class(&ask(&["trend"], &[series.path()]).0, "leak").len(), 0);
}

#[test]
fn fragmentation_is_named_by_the_space_that_live_blocks_hold() {
    let series = Series::with_fault("fragment");
    let files = series.files();
    let last = files.last().expect("a snapshot");
    let (rss, code) = ask(&["rss"], &[last]);
    assert_eq!(code, Some(0));
    let lines = rss["lines"].as_array().expect("lines");
    let sum: i64 = lines.iter().map(|it| it["bytes"]["value"].as_i64().unwrap()).sum();
    assert_eq!(rss["resident_bytes"], sum);
    assert!(rss["named_fraction"].as_f64().unwrap() >= 0.97, "{lines:#?}");
    assert_eq!(lines[0]["kind"], "held", "{lines:#?}");
    let space = lines[0]["bytes"]["value"].as_f64().unwrap();
    assert!((35e6..60e6).contains(&space), "{space} bytes of empty space");
    // The blame rests on samples, and its interval on their error.
    let held = &rss["held"]["rows"][0];
    assert_marked(held, "the fragmentation");
    let [low, high] = ["low", "high"].map(|end| rss["held"]["total"][end].as_f64().unwrap());
    assert!(low < space * 1.2 && space * 0.8 < high, "{low} to {high}, and the walk says {space}");

    let (top, _) = ask(&["top", "--sample", "held-bytes"], &[last]);
    assert_marked(&top["rows"][0], "the fragmentation");
    let pair = [&files[0], last];
    let (diff, _) = ask(&["diff", "--sample", "held-bytes"], &pair);
    assert_marked(&diff["rows"][0], "the fragmentation");
    assert_eq!(diff["rows"][0]["significant"], true, "{:#}", diff["rows"][0]);
    assert_eq!(of_class(&ask(&["trend"], &[series.path()]).0, "leak").len(), 0);
}
