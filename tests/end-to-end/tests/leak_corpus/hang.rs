//! Tests that hang: the harness names what holds them, although they never end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::build;
use crate::run;

/// A program that never ends by itself; dropping this kills it.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A test's stderr up to the line that begins with `end`.
fn said_until(test: &str, limit: &str, end: &str) -> String {
    let mut command = Command::new(build::program("hanging"));
    run::clear(&mut command);
    command.current_dir(build::directory()).args(["--exact", test]).env("HIGHWATER_LEAKTEST_HANG", limit);
    let started = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut program = Ended(started.expect("the program starts"));
    let lines = BufReader::new(program.0.stderr.take().expect("it is piped")).lines();
    let mut said = String::new();
    for line in lines.map_while(Result::ok) {
        said += &line;
        said.push('\n');
        if line.starts_with(end) {
            return said;
        }
    }
    panic!("{test} ended without a line {end:?}: {said}");
}

/// The program's line that is marked as holding `test`, and the name of what is held there.
fn held_by(test: &str) -> (String, String) {
    let text = fs::read_to_string(build::directory().join("programs/hanging.rs")).expect("it can be read");
    let behind = text.lines().enumerate().skip_while(|(_, it)| !it.contains(&format!("fn {test}()")));
    let (index, line) = behind.into_iter().find(|(_, it)| it.contains("// hang: ")).expect("it is marked");
    let (_, what) = line.split_once("// hang: ").expect("it has the mark");
    (format!("programs/hanging.rs:{} ", index + 1), what.to_owned())
}

#[test]
fn the_cause_of_a_hanging_test_is_named() {
    for test in ["drops_a_runtime_with_a_blocking_call", "joins_a_thread_that_stays"] {
        let said = said_until(test, "300ms", "  this is alive of what it started");
        let (place, what) = held_by(test);
        let what = what.split_once(' ').map_or(what.as_str(), |(_, name)| name);
        for words in [&format!("HANG  {test}   (has run for "), what, &place, "  now     "] {
            assert!(said.contains(words), "{words:?} is missing from {said}");
        }
    }
}

/// The limit is never reached here.
#[test]
fn the_verdict_comes_before_the_wait() {
    let test = "leaves_a_blocking_call_with_the_attribute";
    let said = said_until(test, "off", "  fix: ");
    let (place, _) = held_by(test);
    assert!(said.contains(&format!("LEAK  {test} ")) && said.contains(&place), "{said}");
}

#[test]
fn a_slow_test_is_not_reported_as_hanging() {
    let output = |limit| {
        let mut command = Command::new(build::program("hanging"));
        run::clear(&mut command);
        command.current_dir(build::directory()).args(["--exact", "takes_its_time"]);
        let output = command.env("HIGHWATER_LEAKTEST_HANG", limit).output().expect("the program starts");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_eq!(output("60s"), "");
    // On a busy machine, the watching thread may be too late once.
    let is_said = (0..5).any(|_| output("100ms").contains("HANG  takes_its_time "));
    assert!(is_said, "beyond the limit it is said, and passes");
}
