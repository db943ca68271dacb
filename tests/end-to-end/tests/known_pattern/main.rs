//! The recorder against a program that knows its allocations: exact mode equals the truth, block for block;
//! sampled mode is within four standard errors of it.

mod check;
mod types;

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use highwater_profile::{Limits, Profile, file};

/// Sample types of the program's columns, in its order.
const COLUMNS: [&str; 6] =
    ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space", "peak_objects", "peak_space"];

/// Values of one site, each with the variance of its sampling error.
#[derive(Default)]
struct Recorded {
    values: [i64; 6],
    variances: [f64; 6],
}

struct Outcome {
    truth: HashMap<String, [i64; 6]>,
    recorded: HashMap<String, Recorded>,
    profile: Profile,
}

fn run(directory: &Path, mode: &str) -> Outcome {
    let path = directory.join("heap.pb.gz");
    let output = Command::new(env!("CARGO_BIN_EXE_known_pattern"))
        .arg(&path)
        .env("HIGHWATER", mode)
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let truth = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let (name, numbers) = line.split_once(' ').unwrap();
            let numbers: Vec<i64> = numbers.split(' ').map(|it| it.parse().unwrap()).collect();
            (name.to_owned(), numbers.try_into().unwrap())
        })
        .collect();
    let mut profile = file::read(&path, &Limits::default()).unwrap();
    highwater_symbol::symbolize(&mut profile, &highwater_symbol::Options::default()).unwrap();
    Outcome { truth, recorded: by_site(&profile), profile }
}

/// Adds up the samples by the function whose name begins with `site_`.
fn by_site(profile: &Profile) -> HashMap<String, Recorded> {
    let columns = COLUMNS.map(|kind| profile.sample_type(kind).unwrap());
    let size_key = profile.strings.find("bytes").unwrap();
    let mut sites: HashMap<String, Recorded> = HashMap::new();
    for sample in profile.samples.iter() {
        let functions = sample.stack.iter().flat_map(|&id| &profile.location(id).lines);
        let site =
            functions.map(|line| profile.string(profile.function(line.function).name)).find_map(|name| {
                let function = name.rsplit("::").next()?;
                function.starts_with("site_").then(|| function.to_owned())
            });
        let Some(site) = site else { continue };
        let size = sample.number(size_key).unwrap() as f64;
        let missed = (-size / profile.period as f64).exp();
        let recorded = sites.entry(site).or_default();
        for (index, &column) in columns.iter().enumerate() {
            let value = sample.values[column];
            recorded.values[index] += value;
            if profile.period > 1 {
                // n blocks, each sampled with probability p, have a variance of n(1-p)/p blocks²; see
                // docs/ACCURACY.md.
                let (blocks, unit) =
                    if index % 2 == 0 { (value as f64, 1.0) } else { (value as f64 / size, size) };
                recorded.variances[index] += blocks * missed / (1.0 - missed) * unit * unit;
            }
        }
    }
    sites
}

#[test]
fn exact_mode_is_equal_to_the_truth_block_for_block() {
    let directory = tempfile::tempdir().unwrap();
    let outcome = run(directory.path(), "exact");
    assert_eq!(outcome.profile.period, 1);
    assert_eq!(outcome.truth.len(), 7);
    for (site, truth) in &outcome.truth {
        assert_eq!(outcome.recorded[site].values, *truth, "{site}: {COLUMNS:?}");
    }
    // Nothing else is missing either: the sites add up to the process's exact counts.
    let meta = outcome.profile.meta.unwrap();
    let total = |kind| outcome.profile.samples.total(outcome.profile.sample_type(kind).unwrap());
    assert_eq!(Some(total("alloc_objects")), meta.alloc_blocks);
    assert_eq!(Some(total("alloc_space")), meta.alloc_bytes);
    assert_eq!(Some(total("inuse_space")), Some(meta.alloc_bytes.unwrap() - meta.freed_bytes.unwrap()));
    assert_eq!(Some(total("peak_space")), meta.peak_bytes);
    assert_eq!((meta.exact, meta.dropped_samples, meta.truncated_stacks), (Some(1), Some(0), Some(0)));
    // Every stack was walked with cached rules, which take a hundredth of the time.
    assert_eq!(meta.system_walks, Some(0));
}

#[test]
fn sampled_mode_is_within_four_standard_errors() {
    let directory = tempfile::tempdir().unwrap();
    let outcome = run(directory.path(), "interval:4KiB");
    assert_eq!(outcome.profile.period, 4096);
    let mut uncertain = 0;
    for (site, truth) in &outcome.truth {
        let recorded = &outcome.recorded[site];
        for (index, kind) in COLUMNS.iter().enumerate() {
            let difference = (recorded.values[index] - truth[index]) as f64;
            // Half a block for the rounding of each row is far below one standard error, unless the error is
            // 0.
            let error = recorded.variances[index].sqrt();
            assert!(
                difference.abs() <= 4.0 * error + 0.001 * truth[index] as f64,
                "{site} {kind}: {} recorded, {} true, standard error {error:.0}",
                recorded.values[index],
                truth[index],
            );
            uncertain += usize::from(difference != 0.0);
        }
    }
    assert!(uncertain > 10, "a sampled profile that is right to the block was not sampled");
}

#[test]
fn the_exact_totals_do_not_depend_on_the_interval() {
    let directory = tempfile::tempdir().unwrap();
    let truth: i64 = run(directory.path(), "exact").truth.values().map(|it| it[1]).sum();
    for mode in ["interval:64KiB", "off"] {
        let outcome = run(directory.path(), mode);
        let meta = outcome.profile.meta.unwrap();
        // The program's own strings, threads and channels are added to the pattern.
        let (allocated, peak) = (meta.alloc_bytes.unwrap(), meta.peak_bytes.unwrap());
        assert!((truth..truth + truth / 100).contains(&allocated), "{mode}: {allocated}, pattern {truth}");
        assert!(peak > 64 << 20, "{mode}: {peak}");
        assert_eq!(outcome.profile.samples.is_empty(), mode == "off");
    }
}

#[test]
fn a_sites_rows_distinguish_threads() {
    let directory = tempfile::tempdir().unwrap();
    let outcome = run(directory.path(), "exact");
    let profile = &outcome.profile;
    let key = profile.strings.find("thread").unwrap();
    let names: std::collections::BTreeSet<&str> =
        profile.samples.iter().filter_map(|it| it.text(key)).map(|id| profile.string(id)).collect();
    for number in 0..4 {
        assert!(names.contains(format!("worker-{number}").as_str()), "{names:?}");
    }
}

#[test]
fn a_bad_setting_is_reported_once_and_the_built_in_one_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("heap.pb.gz");
    let output = Command::new(env!("CARGO_BIN_EXE_known_pattern"))
        .arg(&path)
        .env("HIGHWATER", "interval:64kb")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success());
    assert_eq!(stderr.matches("interval:64kb").count(), 1, "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert_eq!(file::read(&path, &Limits::default()).unwrap().period, 1);
}

/// A recorder without memory states how much is missing: blocks, bytes, live bytes and bytes at the peak.
#[test]
fn a_full_recorder_reports_its_losses() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("heap.pb.gz");
    for mode in ["exact", "interval:64"] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_full_recorder"));
        highwater_tests::succeed(program.arg(&path).env("HIGHWATER", mode));
        let profile = file::read(&path, &Limits::default()).unwrap();
        let meta = profile.meta.unwrap();
        let total = |kind| profile.samples.total(profile.sample_type(kind).unwrap());
        let [dropped, blocks, bytes] =
            [meta.dropped_samples, meta.dropped_blocks, meta.dropped_bytes].map(Option::unwrap);
        assert!(dropped > 5_000, "{mode}: {dropped}");
        let missing_blocks = meta.alloc_blocks.unwrap() - total("alloc_objects");
        let missing_bytes = meta.alloc_bytes.unwrap() - total("alloc_space");
        if mode == "exact" {
            assert_eq!((dropped, blocks, bytes), (missing_blocks, missing_blocks, missing_bytes));
            assert_eq!(meta.exact, Some(1), "it was to be exact");
        } else {
            // Seven in eight blocks of 132 B are sampled.
            assert!((blocks - missing_blocks).abs() < missing_blocks / 20, "{blocks} for {missing_blocks}");
            assert!((bytes - missing_bytes).abs() < missing_bytes / 20, "{bytes} for {missing_bytes}");
        }
        let live = meta.alloc_bytes.unwrap() - meta.freed_bytes.unwrap() - total("inuse_space");
        let at_peak = meta.peak_bytes.unwrap() - total("peak_space");
        assert!(live > bytes / 4 && live < bytes / 2, "{mode}: a third of {bytes} is kept, {live} missing");
        assert!((at_peak - live).abs() < bytes / 20, "{mode}: the peak is at the end, {at_peak} for {live}");
    }
}
