//! The files that a watch leaves when its service ends, normally or not.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use highwater_profile::{Limits, Profile};

use crate::service::Service;

pub fn read(path: &Path) -> Profile {
    highwater_profile::file::read(path, &Limits::default()).unwrap()
}

fn live_bytes(profile: &Profile) -> i64 {
    profile.samples.total(profile.sample_type("inuse_space").unwrap())
}

pub fn paths(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The folders of incidents, and any other entries.
pub fn incidents(directory: &Path) -> Vec<PathBuf> {
    paths(&directory.join("incidents"))
}

pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

pub fn watched(directory: &Path, settings: &str) -> Service {
    let setting = format!("dir:{},{settings}", directory.display());
    Service::start_with(&[("HIGHWATER_AGENT", &setting)])
}

/// Maximum bytes of requests in progress: what they hold in the earlier snapshot alone makes growth smaller.
const REQUESTS_BYTES: i64 = 64 << 10;

/// Checks that an incident folder is complete and that its growth is the hoard.
pub fn check_incident(folder: &Path, least_growth: i64) {
    let about: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("incident.json")).unwrap()).unwrap();
    let (before, spike) = (read(&folder.join("before.pb.gz")), read(&folder.join("spike.pb.gz")));
    assert_eq!(before.meta.unwrap().process, spike.meta.unwrap().process);
    let growth = live_bytes(&spike) - live_bytes(&before);
    assert!(growth >= least_growth.saturating_sub(REQUESTS_BYTES), "{growth} {about}");
    let metrics = fs::read_to_string(folder.join("metrics.csv")).unwrap();
    assert!(metrics.lines().count() >= 2, "{metrics}");
    let last = metrics.lines().last().unwrap().split(',').nth(1).unwrap();
    assert_eq!(last, about["used_bytes"].to_string());
}

/// Checks that the drawing shows the hoard, as growth.
pub fn check_flame(folder: &Path) {
    let flame = fs::read_to_string(folder.join("flame.svg")).unwrap();
    let titles = flame.split("<title>").filter_map(|it| it.split_once("</title>"));
    let hoard =
        titles.map(|(title, _)| title).find(|it| it.contains("Visitors::hoard")).unwrap_or("no such frame");
    assert!(hoard.contains("%; +") && flame.trim_end().ends_with("</svg>"), "{hoard}");
}

/// File and line of the first row of `growth.txt`.
pub fn first_line(growth: &str) -> &str {
    let first = growth.lines().skip_while(|line| !line.starts_with('+')).nth(1).unwrap_or_default();
    first.rsplit('/').next().unwrap_or_default()
}

pub fn line_of_hoard() -> usize {
    let source = include_str!("../../../../crates/highwater-agent/examples/service.rs");
    1 + source.lines().position(|line| line.contains("vec![1; mib << 20]")).unwrap()
}

#[test]
fn a_spike_leaves_a_folder_that_names_the_line() {
    let directory = tempfile::tempdir().unwrap();
    let service = watched(directory.path(), "watch:100MiB,every:20ms,snapshots:100ms,keep:10");
    // Memory from before the first snapshot is not growth.
    assert!(service.hoard(40));
    let snapshots = || service.metric("highwater_watch_snapshots_total");
    let before = snapshots();
    wait_until("snapshots of it alone in the ring", || snapshots() > before + 11);
    assert!(incidents(directory.path()).is_empty());
    assert!(service.hoard(80));
    let folder = || incidents(directory.path()).pop();
    wait_until("flame.svg", || folder().is_some_and(|it| it.join("flame.svg").exists()));
    let folder = folder().unwrap();
    assert!(folder.to_str().unwrap().ends_with("-bytes"), "{folder:?}");
    check_incident(&folder, 80 << 20);
    let growth = fs::read_to_string(folder.join("growth.txt")).unwrap();
    assert_eq!(first_line(&growth), format!("service.rs:{}", line_of_hoard()), "{growth}");
    let grown = growth.lines().find_map(|it| it.strip_prefix('+')?.split_once(' ')?.0.parse::<u64>().ok());
    assert!(grown.is_some_and(|it| (70 << 20..90 << 20).contains(&it)), "{growth}");
    check_flame(&folder);
    // One spike is one incident, and the high-water mark has its profile.
    wait_until("the end of it", || service.metric("highwater_watch_incidents_total") == 1);
    assert_eq!(service.metric("highwater_watch_failures_total"), 0);
    let peak = directory.path().join("peak.pb.gz");
    wait_until("the peak", || peak.exists());
    let peak = read(&peak);
    assert!(peak.samples.total(peak.sample_type("peak_space").unwrap()) >= 120 << 20);
}

#[test]
fn growth_is_noticed_without_a_threshold() {
    let directory = tempfile::tempdir().unwrap();
    let service = watched(directory.path(), "growth:50,every:20ms");
    wait_until("readings", || service.metric("highwater_watch_readings_total") >= 5);
    assert!(service.hoard(150));
    wait_until("the end of an incident", || service.metric("highwater_watch_incidents_total") > 0);
    let folder = &incidents(directory.path())[0];
    assert!(folder.to_str().unwrap().ends_with("-growth"), "{folder:?}");
    check_incident(folder, 150 << 20);
}

#[test]
fn the_ring_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let service = watched(directory.path(), "every:5ms,snapshots:5ms,keep:3");
    wait_until("ten snapshots", || service.metric("highwater_watch_snapshots_total") >= 10);
    let kept = paths(&directory.path().join("ring"));
    let kept = kept.iter().filter(|path| path.to_str().unwrap().ends_with(".pb.gz")).count();
    // There is one more than three while the next one is being added.
    assert!((3..=4).contains(&kept), "{kept}");
}

/// Times in milliseconds at which the service is killed. They are arbitrary, but the same in every run.
fn moments() -> impl Iterator<Item = u64> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    (0..20).map(move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        10 + (state >> 40) % 800
    })
}

#[test]
fn a_killed_service_leaves_no_half_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let mut snapshots = 0;
    for moment in moments() {
        let settings = "watch:40MiB,cooldown:0s,every:1ms,snapshots:1ms,keep:10";
        let mut service = watched(directory.path(), settings);
        service.hoard(60);
        thread::sleep(Duration::from_millis(moment));
        service.kill();
        for path in paths(&directory.path().join("ring")) {
            if path.to_str().unwrap().ends_with(".pb.gz") {
                read(&path);
                snapshots += 1;
            }
        }
        for folder in incidents(directory.path()) {
            let name = folder.file_name().unwrap().to_str().unwrap();
            if !name.starts_with(".unfinished-") {
                // The service may hold slightly less than a moment before.
                check_incident(&folder, i64::MIN);
            }
        }
    }
    assert!(snapshots >= 20, "{snapshots}");
    // The next watch removes what the others left.
    let service = watched(directory.path(), "every:1min");
    wait_until("its snapshot", || service.metric("highwater_watch_snapshots_total") > 0);
    let ring = paths(&directory.path().join("ring"));
    assert!(ring.iter().all(|path| path.extension().unwrap() == "gz"), "{ring:?}");
}
