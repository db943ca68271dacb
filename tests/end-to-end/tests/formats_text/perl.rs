//! jemalloc's and gperftools' own readers, `jeprof` and `google-pprof`, which have a common origin and the
//! same options.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;

use highwater_profile::{Limits, Profile};
use highwater_tests::succeed;

use super::support::{column, cumulative, golden, read, top};

/// The names of a column in Highwater and in the tools.
const COLUMNS: [(&str, &str, &str); 4] = [
    ("inuse_space", "bytes", "--inuse_space"),
    ("inuse_objects", "count", "--inuse_objects"),
    ("alloc_space", "bytes", "--alloc_space"),
    ("alloc_objects", "count", "--alloc_objects"),
];

/// A tool's answer about a file: the total, its unit, and cumulative values by address.
struct Answer {
    total: i64,
    unit: String,
    by_address: BTreeMap<u64, i64>,
}

/// Runs a tool. It gets neither mappings nor a program, so that it finds no names and shows addresses.
fn ask(tool: &str, golden: &Path, option: &str) -> Answer {
    let directory = tempfile::tempdir().unwrap();
    let (program, file) = (directory.path().join("program"), directory.path().join("heap"));
    let text = fs::read_to_string(golden).unwrap();
    let (rows, _) = text.split_once("MAPPED_LIBRARIES:").unwrap();
    fs::write(&program, "").unwrap();
    fs::write(&file, rows).unwrap();
    let text = succeed(
        Command::new(tool).args(["--text", "--addresses", "--show_bytes", option]).args([program, file]),
    );
    let mut lines = text.lines();
    let total: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    let ["Total:", total, unit] = total[..] else { panic!("{text}") };
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, cumulative, _, address, ..] = fields[..] else { panic!("{line}") };
        (u64::from_str_radix(address, 16).unwrap(), cumulative.parse().unwrap())
    };
    Answer { total: total.parse().unwrap(), unit: unit.to_owned(), by_address: lines.map(row).collect() }
}

/// Highwater's cumulative values by the same addresses. The tools' leaf address is the return address.
fn ours(profile: &Profile, column: usize) -> BTreeMap<u64, i64> {
    cumulative(profile, column, |sample| {
        let addresses = sample.stack.iter().map(|&id| profile.location(id).address);
        addresses.enumerate().map(|(depth, address)| if depth == 0 { address + 1 } else { address }).collect()
    })
}

/// The tools add up fractions and truncate the sum; Highwater rounds each row.
fn assert_close(ours: i64, theirs: i64, rows: usize, what: &str) {
    let difference = theirs - ours;
    assert!((0..=rows as i64).contains(&difference), "{what}: {ours} and {theirs}");
}

fn compare(tool: &str, name: &str, columns: &[(&str, &str, &str)]) {
    compare_with(tool, name, &read(&golden(name)), columns);
}

/// Compares a profile with a tool's answer about the golden `name`.
fn compare_with(tool: &str, name: &str, profile: &Profile, columns: &[(&str, &str, &str)]) {
    let path = golden(name);
    let rows = if profile.period > 1 { profile.samples.len() } else { 0 };
    assert!(profile.samples.len() > 12, "{name}");
    for (kind, unit, option) in columns {
        let column = column(profile, kind, unit);
        let theirs = ask(tool, &path, option);
        assert_eq!(theirs.unit, if *unit == "bytes" { "B" } else { "objects" }, "{name} {kind}");
        assert_close(profile.samples.total(column), theirs.total, rows, kind);
        let mut ours = ours(profile, column);
        // The tools show no address whose value is 0.
        ours.retain(|address, value| *value != 0 || theirs.by_address.contains_key(address));
        assert_eq!(ours.len(), theirs.by_address.len(), "{name} {kind}");
        for (address, value) in &ours {
            assert_close(*value, theirs.by_address[address], rows, &format!("{name} {kind} {address:#x}"));
        }
        let order = |values| top(values).into_iter().map(|it| it.0).collect::<Vec<_>>();
        assert_eq!(order(&ours), order(&theirs.by_address), "{name} {kind}");
    }
}

#[test]
fn jeprof_agrees_on_samples() {
    compare("jeprof", "jemalloc/sampled/heap", &COLUMNS);
}

#[test]
fn jeprof_agrees_on_every_block() {
    compare("jeprof", "jemalloc/live_only/heap", &COLUMNS[..2]);
    let profile = read(&golden("jemalloc/live_only/heap"));
    assert_eq!((profile.period, profile.sample_type("alloc_space")), (1, None));
}

#[test]
fn google_pprof_agrees_on_every_block() {
    compare("google-pprof", "gperftools/exact/heap", &COLUMNS);
}

#[test]
fn google_pprof_agrees_on_samples() {
    compare("google-pprof", "gperftools/sampled/heap", &COLUMNS[..2]);
}

#[test]
fn a_planted_fault_is_noticed() {
    let name = "jemalloc/sampled/heap";
    let text = fs::read_to_string(golden(name)).unwrap();
    let first = text.lines().nth(4).unwrap();
    for (from, to) in [("heap_v2/16384".to_owned(), "heap_v2/16000"), (first.to_owned(), "  t*: 1: 1 [1: 1]")]
    {
        let wrong = text.replacen(&from, to, 1);
        assert_ne!(wrong, text);
        let profile = highwater_profile::read(wrong.as_bytes(), &Limits::default()).unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| compare_with("jeprof", name, &profile, &COLUMNS)));
        assert!(outcome.is_err(), "{to}");
    }
}
