//! Watches of a process by a file with its id.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::{Child, Command};

use super::{Going, Program};
use crate::support::Place;

/// A process that does nothing for long.
fn sleeper() -> Child {
    Command::new("sleep").arg("600").spawn().unwrap()
}

#[test]
fn the_end_and_the_restart_of_a_process_are_told() {
    let place = Place::new();
    fs::create_dir(place.path("run")).unwrap();
    let mut first = sleeper();
    place.bytes("run/app.pid", format!("{}\n", first.id()).as_bytes());
    let mut program = Program::new(Some(1));
    place.bytes("run/1.pb.gz", &program.step(0, 0));
    let mut going = Going::start(&place, "run/app.pid --every 10ms");
    let snapshot = going.wait_for("snapshot");
    assert!(snapshot["rss_bytes"].as_i64().unwrap() > 4096, "{snapshot}");
    let pid = first.id();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(going.wait_for("process_ended")["pid"], pid);
    let mut second = sleeper();
    place.bytes("run/app.pid", second.id().to_string().as_bytes());
    assert_eq!(going.wait_for("new_series")["because"], "other_pid");
    // What the first process wrote last is not taken for the second's.
    let write = |name: &str, body: &[u8]| {
        place.bytes("part", body);
        fs::rename(place.path("part"), place.path(name)).unwrap();
    };
    write("run/2.pb.gz", &program.step(0, 0));
    let reason = going.wait_for("passed_over")["reason"].to_string();
    assert!(reason.contains("another one has followed"), "{reason}");
    write("run/3.pb.gz", &Program::new(Some(2)).step(0, 0));
    assert_eq!(going.wait_for("snapshot")["series"], 2);
    let (code, _) = going.interrupt();
    second.kill().unwrap();
    second.wait().unwrap();
    assert_eq!(code, Some(0));
}
