//! Memory over time.

use highwater_analyze::{GroupBy, Query, Timeline, TimelineBuilder};

use crate::build::{Build, everything};

const MAIN: &str = "demo::main@src/main.rs:3";

fn moment(at: i64, blocks: &[(&str, i64)]) -> Build {
    let mut build = Build::new(1);
    build.profile.time_ns += at * 1_000_000_000;
    for &(name, count) in blocks {
        build.live(&[&format!("demo::{name}@src/{name}.rs:1"), MAIN], count, 1);
    }
    build
}

fn follow(moments: &[Build], limit: usize) -> Timeline {
    let query = Query { by: GroupBy::Function, limit: Some(limit), ..everything() };
    let mut builder = TimelineBuilder::new(query);
    moments.iter().for_each(|it| builder.push(&it.profile).unwrap());
    builder.finish().unwrap()
}

#[test]
fn rows_are_followed_from_snapshot_to_snapshot() {
    let moments = [
        moment(0, &[("small", 1), ("cache", 50)]),
        moment(1, &[("late", 70), ("small", 2), ("cache", 50)]),
        moment(2, &[("late", 5), ("small", 3)]),
    ];
    let answer = follow(&moments, 2);
    let rows: Vec<_> = answer.rows.iter().map(|it| (it.key.label.as_str(), it.values.clone())).collect();
    assert_eq!(rows, [("demo::late", vec![0, 70, 5]), ("demo::cache", vec![50, 50, 0])]);
    assert_eq!(answer.others, [1, 2, 3]);
    assert_eq!(answer.moments.iter().map(|it| it.value.value).collect::<Vec<_>>(), [51, 122, 8]);
    assert_eq!(answer.moments[2].time_ns - answer.moments[0].time_ns, 2_000_000_000);
    assert_eq!(answer.moments[0].rss_bytes, Some(1 << 20));
    assert_eq!(answer.spikes.spikes.first().map(|it| it.before), Some(0), "late came at once");
}

#[test]
fn a_series_out_of_order_is_refused() {
    let mut builder = TimelineBuilder::new(everything());
    assert!(builder.finish().is_err());
    builder.push(&moment(1, &[("a", 1)]).profile).unwrap();
    let error = builder.push(&moment(0, &[("a", 1)]).profile).unwrap_err();
    assert_eq!(error.to_string(), "it was taken before the one before it");
    assert_eq!(builder.finish().unwrap().moments.len(), 1, "what was refused left nothing behind");
}
