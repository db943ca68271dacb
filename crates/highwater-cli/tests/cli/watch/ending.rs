//! How a watch ends: after a signal, or because nobody reads its output any more.
#![cfg(unix)]

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::server::{Answer, Server};
use super::{Going, Program, names, quiet};
use crate::support::Place;

/// Far longer than a watch needs, even if other programs use the processor.
const PATIENCE: Duration = Duration::from_secs(20);

fn send(signal: &str, process: u32) {
    let kill = Command::new("sh").args(["-c", &format!("kill -{signal} {process}")]).status();
    assert!(kill.unwrap().success());
}

/// The exit code of a process; `None` when it does not end.
fn end(child: &mut Child, patience: Duration) -> Option<i32> {
    let begin = Instant::now();
    while begin.elapsed() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(Duration::from_millis(10));
    }
    None
}

/// Removes the process at the end of a test that fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // The process has ended already unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn every_ending_signal_releases_the_directory() {
    let place = Place::new();
    for signal in ["HUP", "TERM", "INT"] {
        let server = Server::bodies(quiet(&mut Program::new(Some(1)), 1));
        // The tests themselves may have been started by `nohup`, which a watch below them would respect.
        let mut command = Command::new("env");
        command.arg("--default-signal").arg(env!("CARGO_BIN_EXE_highwater"));
        command.args(["watch", "--json", "--for", "60s", "--every", "1h", &server.url()]);
        let mut going = Going::spawn(command.current_dir(place.path("")));
        going.wait_for("snapshot");
        send(signal, going.child.id());
        assert_eq!(going.wait_for("ended")["because"], "asked", "{signal}");
        assert_eq!(end(&mut going.child, PATIENCE), Some(0), "{signal}");
    }
    // The three watches used the directory one after the other.
    assert_eq!(names(&place.path("highwater-watch/ring")).len(), 3);
}

#[test]
fn a_watch_below_cargo_gets_the_signals_itself() {
    let place = Place::new();
    let server = Server::bodies(quiet(&mut Program::new(Some(1)), 1));
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-highwater"));
    command.args(["highwater", "watch", "--json", "--for", "60s", "--every", "1h", &server.url()]);
    let mut going = Going::spawn(command.current_dir(place.path("")));
    going.wait_for("snapshot");
    send("TERM", going.child.id());
    assert_eq!(going.wait_for("ended")["because"], "asked");
    assert_eq!(end(&mut going.child, PATIENCE), Some(0));
}

#[test]
fn nohup_keeps_a_watch_running() {
    let place = Place::new();
    let server = Server::bodies(quiet(&mut Program::new(Some(1)), 40));
    let script = "trap '' HUP; exec \"$0\" watch --json --every 20ms --for 60s \"$1\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_highwater"), &server.url()]).current_dir(place.path(""));
    let mut going = Going::spawn(&mut shell);
    going.wait_for("snapshot");
    send("HUP", going.child.id());
    // The planted fault (SIGHUP not ignored) would end the watch here.
    for _ in 0..10 {
        going.wait_for("snapshot");
    }
    let (code, events) = going.interrupt();
    assert_eq!((code, &events.last().unwrap()["because"]), (Some(0), &"asked".into()));
}

#[test]
fn a_watch_without_a_reader_ends() {
    let place = Place::new();
    let server = Server::bodies(quiet(&mut Program::new(Some(1)), 1));
    let mut going = Going::start(&place, &format!("{} --every 1h", server.url()));
    going.wait_for("snapshot");
    going.lines = None;
    assert_eq!(end(&mut going.child, PATIENCE), Some(0));
    // A file has no reader, so the watch goes on.
    let file = fs::File::create(place.path("events.json")).unwrap();
    let mut command = place.command();
    command.args(["watch", "--every", "1h", "--for", "300ms", &server.url()]).stdout(file);
    assert_eq!(end(&mut Killed(command.spawn().unwrap()).0, PATIENCE), Some(0));
    assert!(fs::read_to_string(place.path("events.json")).unwrap().contains("the time is up"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_pipe_does_not_block_the_end() {
    let waits = |process: u32| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        status.lines().find(|it| it.starts_with("voluntary_ctxt_switches")).unwrap().to_owned()
    };
    let place = Place::new();
    let server = Server::start(vec![Answer::Status(500)]);
    let mut command = place.command();
    command.args(["watch", "--json", "--every", "1ms", "--for", "60s", &server.url()]);
    let mut watch = Killed(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let process = watch.0.id();
    let begin = Instant::now();
    loop {
        assert!(begin.elapsed() < PATIENCE, "it goes on");
        let before = waits(process);
        thread::sleep(Duration::from_millis(250));
        if waits(process) == before {
            break;
        }
    }
    assert_eq!(end(&mut watch.0, Duration::ZERO), None, "it waits for its reader");
    // A folder as a watch leaves it when it ends in the middle of an incident.
    fs::create_dir_all(place.path("highwater-watch/incidents/.unfinished-x")).unwrap();
    send("TERM", process);
    assert_eq!(end(&mut watch.0, PATIENCE), Some(0));
    assert_eq!(names(&place.path("highwater-watch/incidents")), [""; 0], "no half of an incident");
}
