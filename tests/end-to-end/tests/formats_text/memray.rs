//! memray: its own statistics of a recording, line by line, against the CSV that it made from the recording.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::support::{column, golden, read, top};

/// Compares a CSV with memray's own numbers, which are stored next to it.
fn compare(case: &str) -> (i64, Value) {
    let profile = read(&golden(&format!("memray/{case}/allocations.csv")));
    let oracle = fs::read_to_string(golden(&format!("memray/{case}/oracle.json"))).unwrap();
    let oracle: Value = serde_json::from_str(&oracle).unwrap();
    let (blocks, bytes) =
        (column(&profile, "peak_objects", "count"), column(&profile, "peak_space", "bytes"));
    let mut ours: BTreeMap<String, [i64; 2]> = BTreeMap::new();
    for sample in profile.samples.iter() {
        let name = sample.stack.first().map_or_else(String::new, |&id| {
            let line = profile.location(id).lines[0];
            let function = profile.function(line.function);
            format!("{}|{}|{}", profile.string(function.name), profile.string(function.file), line.line)
        });
        let sums = ours.entry(name).or_default();
        sums[0] += sample.values[blocks];
        sums[1] += sample.values[bytes];
    }
    let line =
        |it: &Value| (it[0].as_str().unwrap().to_owned(), [it[1].as_i64().unwrap(), it[2].as_i64().unwrap()]);
    let theirs: BTreeMap<String, [i64; 2]> = oracle["lines"].as_array().unwrap().iter().map(line).collect();
    assert!(theirs.len() > 10, "{oracle}");
    let sizes = |lines: &BTreeMap<String, [i64; 2]>| lines.iter().map(|it| (it.0.clone(), it.1[1])).collect();
    assert_eq!(top(&sizes(&ours)), top(&sizes(&theirs)));
    assert_eq!(ours, theirs);
    let total = profile.samples.total(bytes);
    assert_eq!(Some(total), oracle["bytes"].as_i64());
    assert_eq!(Some(profile.samples.total(blocks)), oracle["blocks"].as_i64());
    (total, oracle)
}

#[test]
fn the_peak_is_memrays() {
    let (total, oracle) = compare("peak");
    assert_eq!(Some(total), oracle["peak_memory"].as_i64());
}

#[test]
fn leaks_are_memrays() {
    let (total, oracle) = compare("leaks");
    assert!(Some(total) < oracle["peak_memory"].as_i64());
}

#[test]
fn a_thread_is_known_by_name() {
    let profile = read(&golden("memray/peak/allocations.csv"));
    let thread = profile.strings.find("thread").unwrap();
    let bytes: i64 = (profile.samples.iter())
        .filter(|it| it.text(thread).map(|it| profile.string(it)) == Some("0x2 (a \"worker\", named;)"))
        .map(|it| it.values[1])
        .sum();
    assert!(bytes >= 70_000, "{bytes}");
}
