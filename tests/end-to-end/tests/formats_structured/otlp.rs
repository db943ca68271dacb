//! OpenTelemetry's profiles, written and read by its own classes (the Python package `opentelemetry-proto`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use highwater_profile::otlp::Attribute;
use highwater_profile::{LabelValue, Limits, Profile, otlp};
use highwater_tests::succeed;
use serde_json::{Value, json};

use crate::model::{golden, read};

/// The values that OpenTelemetry's classes read from a message: totals by kind, and cumulative values by
/// function.
fn theirs(message: &[u8]) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("message");
    fs::write(&path, message).unwrap();
    let clients = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("clients");
    let mut python = Command::new(clients.join("python/bin/python3"));
    let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/../golden/otlp/tool.py");
    serde_json::from_str(&succeed(python.args(["-I", tool, "read"]).arg(&path))).unwrap()
}

/// The same values as Highwater reads them.
fn ours(profile: &Profile, kinds: &[&str]) -> Value {
    let of_kind = |kind: &str| {
        let column = profile.sample_type(kind).unwrap();
        let mut functions = BTreeMap::<&str, i64>::new();
        for sample in profile.samples.iter().filter(|it| it.values[column] != 0) {
            let lines = sample.stack.iter().flat_map(|&id| &profile.location(id).lines);
            let mut names: Vec<&str> =
                lines.map(|it| profile.string(profile.function(it.function).name)).collect();
            names.sort_unstable();
            names.dedup();
            names.into_iter().for_each(|it| *functions.entry(it).or_default() += sample.values[column]);
        }
        json!({ "total": profile.samples.total(column), "functions": functions })
    };
    kinds.iter().map(|&kind| (kind.to_owned(), of_kind(kind))).collect::<serde_json::Map<_, _>>().into()
}

const KINDS: [&str; 2] = ["inuse_objects", "inuse_space"];

#[test]
fn highwater_reads_opentelemetrys_messages() {
    let path = golden("otlp/python/heap.otlp");
    let profile = read(&path);
    let oracle: Value =
        serde_json::from_slice(&fs::read(path.with_file_name("oracle.json")).unwrap()).unwrap();
    assert_eq!(ours(&profile, &KINDS), oracle);
    assert_eq!((profile.period, profile.duration_ns), (524_288, 5_000_000_000));
    let build_ids: Vec<&str> = profile.mappings().iter().map(|it| profile.string(it.build_id)).collect();
    assert_eq!(build_ids, ["0123456789abcdef", "fedcba9876543210"]);
    let inlined = profile.locations().iter().find(|it| it.lines.len() == 2).unwrap();
    assert_eq!(inlined.lines.iter().map(|it| (it.line, it.column)).collect::<Vec<_>>(), [(12, 9), (23, 5)]);
    let labels = profile.samples.iter().flat_map(|it| it.labels).map(|it| match it.value {
        LabelValue::Text(text) => profile.string(text).to_owned(),
        LabelValue::Number(number, unit) => format!("{number} {}", profile.string(unit)),
    });
    let mut labels: Vec<String> = labels.collect();
    labels.sort();
    assert_eq!(labels, ["48 bytes", "collector", "worker"]);
    // The planted fault: one changed value gives another answer.
    let mut wrong = profile.clone();
    wrong.samples.push(&[], &[0, 1], &[]);
    assert_ne!(ours(&wrong, &KINDS), oracle);
}

#[test]
fn opentelemetry_reads_highwaters_messages() {
    for name in ["go/sampled/heap.txt", "memray/peak/allocations.csv", "v8/node/sites.heapprofile"] {
        let profile = read(&golden(name));
        let kinds: Vec<&str> = profile.sample_types().iter().map(|it| it.kind.as_str()).collect();
        let resource = [("service.name".to_owned(), Attribute::Text("a-service".to_owned()))];
        let message = otlp::encode(&profile, &kinds, &resource);
        let expected = ours(&profile, &kinds);
        assert_eq!(theirs(&message), expected, "{name}");
        let again = highwater_profile::read(&message, &Limits::default()).unwrap();
        assert_eq!(ours(&again, &kinds), expected, "{name}");
        // The planted fault: one changed value gives another answer.
        let mut wrong = profile.clone();
        wrong.samples.push(&[], &vec![1; kinds.len()], &[]);
        assert_ne!(theirs(&otlp::encode(&wrong, &kinds, &resource)), expected);
    }
}
