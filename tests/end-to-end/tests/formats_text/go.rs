//! `go tool pprof`, which owns Go's text format and also reads gperftools' files: every value, every address,
//! every size.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use highwater_profile::{Limits, Profile};
use highwater_tests::go::Go;

use super::support::{functions, golden, read, top};

fn pprof(go: Go, arguments: &[&str], file: &Path) -> String {
    let directory = tempfile::tempdir().unwrap();
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    go.pprof(directory.path(), temporary, &[&["-symbolize=none"], arguments].concat(), &[file])
}

/// Values by stack (addresses, leaf first) and block size. pprof treats rows with the same stack and size as
/// one.
type Rows = BTreeMap<(Vec<u64>, i64), Vec<i64>>;

fn add(rows: &mut Rows, key: (Vec<u64>, i64), values: &[i64]) {
    let sums = rows.entry(key).or_insert_with(|| vec![0; values.len()]);
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

/// The content of `pprof -raw`: sample types, period, and rows.
fn raw(go: Go, file: &Path) -> (Vec<String>, i64, Rows) {
    let text = pprof(go, &["-raw"], file);
    let between = |start: &str, end: &str| {
        let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("{text}"));
        rest.split_once(end).unwrap_or_else(|| panic!("{text}")).0
    };
    let mut locations = BTreeMap::new();
    for line in between("\nLocations\n", "\nMappings").lines() {
        let (id, rest) = line.split_once(": 0x").unwrap();
        let address = u64::from_str_radix(rest.split_whitespace().next().unwrap(), 16).unwrap();
        locations.insert(id.trim().to_owned(), address);
    }
    let mut lines = between("\nSamples:\n", "\nLocations\n").lines();
    // If a profile has no cumulative values, pprof does not say that its objects are live ones.
    let kind = |it: &str| if it.starts_with(['o', 's']) { format!("inuse_{it}") } else { it.to_owned() };
    let types = lines.next().unwrap().split_whitespace().map(kind).collect();
    let mut rows = Rows::new();
    let mut last: Option<(Vec<u64>, Vec<i64>)> = None;
    for line in lines {
        if let Some(size) = line.trim().strip_prefix("bytes:[") {
            let (stack, values) = last.take().unwrap();
            add(&mut rows, (stack, size.trim_end_matches(']').parse().unwrap()), &values);
        } else {
            let (values, stack) = line.split_once(':').unwrap();
            let values = values.split_whitespace().map(|it| it.parse().unwrap()).collect();
            last = Some((stack.split_whitespace().map(|it| locations[it]).collect(), values));
        }
    }
    (types, between("\nPeriod: ", "\n").parse().unwrap(), rows)
}

fn ours(profile: &Profile) -> (Vec<String>, i64, Rows) {
    let types = profile.sample_types().iter().map(|it| format!("{}/{}", it.kind, it.unit)).collect();
    let bytes = profile.strings.find("bytes").unwrap();
    let mut rows = Rows::new();
    for sample in profile.samples.iter() {
        let stack = sample.stack.iter().map(|&id| profile.location(id).address).collect();
        add(&mut rows, (stack, sample.number(bytes).unwrap()), sample.values);
    }
    (types, profile.period, rows)
}

#[test]
fn every_value_of_go_is_read() {
    let path = golden("go/sampled/heap.txt");
    let profile = read(&path);
    assert!(profile.samples.len() > 10);
    for go in Go::ALL {
        assert_eq!(ours(&profile), raw(go, &path), "{go:?}");
    }
}

#[test]
fn every_value_of_gperftools_is_read() {
    for name in ["gperftools/exact/heap", "gperftools/sampled/heap"] {
        let path = golden(name);
        let profile = read(&path);
        assert!(profile.samples.len() > 12);
        for go in Go::ALL {
            assert_eq!(ours(&profile), raw(go, &path), "{name} {go:?}");
        }
    }
}

#[test]
fn names_equal_gos_own() {
    // The same profile, which Go wrote at the same moment as protobuf.
    let text = pprof(
        Go::Debian,
        &[
            "-top",
            "-cum",
            "-unit=bytes",
            "-nodecount=1000000",
            "-nodefraction=0",
            "-sample_index=inuse_space",
        ],
        &golden("go/sampled/heap.pb.gz"),
    );
    let rows = text.lines().skip_while(|line| !line.contains("flat%")).skip(1);
    let theirs: BTreeMap<String, i64> = rows
        .filter_map(|row| {
            let fields: Vec<&str> = row.split_whitespace().collect();
            let name = fields.get(5)?.strip_prefix("main.")?;
            Some((name.to_owned(), fields[3].trim_end_matches('B').parse().ok()?))
        })
        .collect();
    let all = functions(&golden("go/sampled/heap.txt"), &["--sample", "live-bytes"]);
    let ours: BTreeMap<String, i64> = all
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("main.")?.to_owned(), *value)))
        .collect();
    assert!(theirs.len() >= 6, "{text}");
    assert_eq!(top(&ours), top(&theirs));
    assert_eq!(ours, theirs);
}

#[test]
fn a_planted_fault_is_noticed() {
    let path = golden("go/sampled/heap.txt");
    let text = fs::read_to_string(&path).unwrap();
    let theirs = raw(Go::Debian, &path);
    // The interval, a number of blocks, and an address (with its name, which must stay with the address).
    for (from, to) in [("@ heap/131072", "@ heap/131070"), ("\n1: ", "\n2: "), (" 0x4", " 0x5")] {
        let wrong = text
            .replacen(from, to, 1)
            .lines()
            .filter(|it| !it.starts_with('#'))
            .fold(String::new(), |text, line| text + line + "\n");
        let profile = highwater_profile::read(wrong.as_bytes(), &Limits::default()).unwrap();
        assert_ne!(ours(&profile), theirs, "{from}");
    }
}
