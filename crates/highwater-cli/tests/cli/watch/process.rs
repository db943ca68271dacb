//! Watches of a process by a pid file.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::{Child, Command};

use super::{Going, Program};
use crate::support::Place;

/// A process that only sleeps.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }

    fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes a file that appears as a whole.
fn write(place: &Place, name: &str, body: &[u8]) {
    place.bytes("part", body);
    fs::rename(place.path("part"), place.path(name)).unwrap();
}

#[test]
fn the_end_and_the_restart_of_a_process_are_reported() {
    let place = Place::new();
    fs::create_dir(place.path("run")).unwrap();
    let first = Sleeper::start();
    place.bytes("run/app.pid", format!("{}\n", first.id()).as_bytes());
    let mut program = Program::new(Some(1));
    place.bytes("run/1.pb.gz", &program.step(0, 0));
    let mut going = Going::start(&place, "run/app.pid --every 10ms");
    let snapshot = going.wait_for("snapshot");
    assert!(snapshot["rss_bytes"].as_i64().unwrap() > 4096, "{snapshot}");
    // The pid file may be written in two steps.
    place.bytes("run/app.pid", b"");
    write(&place, "run/2.pb.gz", &program.step(0, 0));
    assert_eq!(going.wait_for("snapshot")["series"], 1);
    let pid = first.id();
    place.bytes("run/app.pid", pid.to_string().as_bytes());
    drop(first);
    assert_eq!(going.wait_for("process_ended")["pid"], pid);
    let second = Sleeper::start();
    place.bytes("run/app.pid", second.id().to_string().as_bytes());
    assert_eq!(going.wait_for("new_series")["because"], "other_pid");
    // The last snapshot of the first process is not taken for one of the second.
    write(&place, "run/3.pb.gz", &program.step(0, 0));
    let reason = going.wait_for("passed_over")["reason"].to_string();
    assert!(reason.contains("of an earlier process"), "{reason}");
    write(&place, "run/4.pb.gz", &Program::new(Some(2)).step(0, 0));
    assert_eq!(going.wait_for("snapshot")["series"], 2);
    let (code, _) = going.interrupt();
    assert_eq!(code, Some(0));
}

#[test]
fn a_snapshot_may_show_a_restart_before_the_pid_file() {
    let place = Place::new();
    fs::create_dir(place.path("run")).unwrap();
    let processes = [Sleeper::start(), Sleeper::start()];
    let name = |at: usize| place.bytes("run/app.pid", processes[at].id().to_string().as_bytes());
    name(0);
    let (mut first, mut second) = (Program::new(Some(1)), Program::new(Some(2)));
    second.snapshots = 1;
    place.bytes("run/1.pb.gz", &first.step(0, 0));
    let mut going = Going::start(&place, "run/app.pid --every 10ms");
    going.wait_for("snapshot");
    write(&place, "run/2.pb.gz", &second.step(0, 0));
    assert_eq!(going.wait_for("new_series")["because"], "other_process");
    going.wait_for("snapshot");
    name(1);
    write(&place, "run/3.pb.gz", &second.step(0, 0));
    let snapshot = going.wait_for("snapshot");
    assert_eq!((&snapshot["series"], &snapshot["number"]), (&2.into(), &3.into()));
    let (_, events) = going.interrupt();
    assert_eq!(super::of_kind(&events, "new_series").len(), 1, "{events:#?}");
}
