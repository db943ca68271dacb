//! Difficulties of a watch that are not the service's: nothing to draw, other processes, a replaced program
//! file; and the memory that the watch needs itself.

use std::fs;
use std::process::Command;

use crate::service::{ADDRESSES, PROGRAM, Service};
use crate::watch::{first_line, incidents, line_of_hoard, paths, wait_until, watched};

#[test]
fn an_incident_with_nothing_to_draw_is_recorded_once() {
    let directory = tempfile::tempdir().unwrap();
    let setting = format!("dir:{},watch:1MiB,every:20ms,cooldown:0s", directory.path().display());
    // The interval is so long that no block is sampled.
    let environment = [("HIGHWATER", "interval:64GiB"), ("HIGHWATER_AGENT", setting.as_str())];
    let service = Service::start_with(&environment);
    wait_until("an incident", || service.metric("highwater_watch_incidents_total") > 0);
    let readings = || service.metric("highwater_watch_readings_total");
    let before = readings();
    wait_until("further readings", || readings() > before + 20);
    assert_eq!(service.metric("highwater_watch_incidents_total"), 1);
    let folders = incidents(directory.path());
    assert_eq!(folders.len(), 1, "{folders:?}");
    let about = fs::read(folders[0].join("incident.json")).unwrap();
    let about: serde_json::Value = serde_json::from_slice(&about).unwrap();
    assert_eq!(about["failures"][0]["part"], "flame.svg", "{about}");
    assert_eq!(about["limit_kind"].as_str().map(|it| !it.is_empty()), Some(true), "{about}");
    assert!(folders[0].join("growth.txt").exists() && folders[0].join("spike.pb.gz").exists());
}

#[test]
fn a_second_process_watches_into_its_own_directory() {
    let directory = tempfile::tempdir().unwrap();
    let services = [0, 1].map(|_| watched(directory.path(), "every:1min"));
    for service in &services {
        wait_until("a snapshot", || service.metric("highwater_watch_snapshots_total") > 0);
    }
    for place in [directory.path().to_owned(), directory.path().join("worker-2")] {
        let ring = paths(&place.join("ring"));
        assert_eq!(ring.len(), 1, "{ring:?}");
    }
}

#[test]
fn a_program_that_was_replaced_has_its_own_names() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("service");
    fs::copy(PROGRAM, &program).unwrap();
    let setting = format!("dir:{},watch:100MiB,every:20ms", directory.path().join("watch").display());
    let mut command = Command::new(&program);
    command.args(ADDRESSES).env("HIGHWATER", "exact").env("HIGHWATER_AGENT", setting);
    let service = Service::spawn(command);
    fs::remove_file(&program).unwrap();
    fs::write(&program, "another one").unwrap();
    wait_until("a snapshot", || service.metric("highwater_watch_snapshots_total") > 0);
    assert!(service.hoard(120));
    let watch = directory.path().join("watch");
    wait_until("the end of an incident", || service.metric("highwater_watch_incidents_total") > 0);
    let growth = fs::read_to_string(incidents(&watch)[0].join("growth.txt")).unwrap();
    assert_eq!(first_line(&growth), format!("service.rs:{}", line_of_hoard()), "{growth}");
}

const MIB: u64 = 1 << 20;

/// Resident memory that a watch may need compared to a service without one, in bytes; its reserve is 8 MiB of
/// that.
const WATCH_BYTES: u64 = 12 * MIB;

/// Resident memory that a page of text may need while it is made, in bytes.
const TEXT_BYTES: u64 = 16 * MIB;

#[test]
fn the_watch_needs_little_memory_and_frees_that_of_names() {
    let resident = |service: &Service| service.status_bytes("VmRSS");
    let without = Service::start_with(&[("HIGHWATER", "interval:64KiB")]);
    let setting = |directory: &std::path::Path| format!("dir:{},watch:1MiB,every:20ms", directory.display());
    let directory = tempfile::tempdir().unwrap();
    let setting = setting(directory.path());
    let with = Service::start_with(&[("HIGHWATER", "interval:64KiB"), ("HIGHWATER_AGENT", &setting)]);
    wait_until("an incident", || with.metric("highwater_watch_incidents_total") > 0);
    wait_until("the reserve", || with.metric("highwater_overhead_bytes") > 8 * MIB);
    for service in [&without, &with] {
        service.visit(20);
    }
    let (base, watched) = (resident(&without), resident(&with));
    println!("resident: {base} bytes without a watch, {watched} with one and an incident");
    assert!(watched <= base + WATCH_BYTES, "{base} {watched}");
    // Resets the maximum of the resident set.
    fs::write(format!("/proc/{}/clear_refs", without.id()), "5").unwrap();
    let text = without.get("/debug/pprof/heap?debug=1").text();
    assert!(text.contains("service.rs:"), "{text}");
    let (highest, after) = (without.status_bytes("VmHWM"), resident(&without));
    println!("{highest} at the most while a page of text is made, {after} after it");
    assert!(highest <= base + TEXT_BYTES, "{base} {highest}");
    assert!(after <= base + 3 * MIB, "{base} {after}");
}
