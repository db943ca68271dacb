//! How a screen ends, and why there may be none: exit codes, messages, and a restored terminal.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use highwater_tests::codeindex::Series;
use highwater_tests::terminal::Terminal;
use highwater_tests::{highwater, succeed};

use super::Live;

/// Runs the screen in a shell that afterwards prints the terminal's state and the exit code.
fn below_shell(target: &Path, pid_file: &Path) -> Terminal {
    let inner = "echo $$ > \"$0\"; exec \"$@\"";
    let script = format!("sh -c '{inner}' \"$@\"; code=$?; stty -a; echo \"code $code\"; read line");
    let [highwater, target, pid_file] = [highwater(), target, pid_file].map(|it| it.to_str().unwrap());
    let arguments = ["-c", &script, "sh", pid_file, highwater, "live", target, "--no-cache"];
    Terminal::run(Path::new("sh"), &arguments, &[], (80, 24))
}

#[track_caller]
fn assert_restored(terminal: &Terminal) {
    let text = terminal.wait_for("code 0");
    assert!(!terminal.is_taken() && !terminal.hides_cursor(), "{text}");
    for mode in ["icanon", "echo", "isig", "icrnl", "opost"] {
        assert!(text.split_whitespace().any(|it| it == mode), "{mode}: {text}");
    }
}

#[test]
fn every_end_restores_the_terminal() {
    let series = Series::with_fault("leak");
    let place = tempfile::tempdir().unwrap();
    let pid_file = place.path().join("pid");
    for way in ["q", "\x03", "TERM", "INT", "HUP"] {
        let mut terminal = below_shell(series.path(), &pid_file);
        terminal.wait_for("? help");
        assert!(terminal.is_taken() && terminal.hides_cursor(), "{way:?}");
        if way.len() == 1 {
            terminal.press(way);
        } else {
            let pid = fs::read_to_string(&pid_file).unwrap();
            succeed(Command::new("sh").args(["-c", &format!("kill -{way} {pid}")]));
        }
        assert_restored(&terminal);
    }
}

#[test]
fn another_size_is_another_layout() {
    let series = Series::with_fault("leak");
    let mut live = Live::start(series.path().to_str().unwrap(), &[], (80, 24));
    live.settled("following");
    live.terminal.resize(30, 8);
    live.terminal.wait_for("is too small");
    live.terminal.resize(120, 40);
    live.terminal.wait_for("of at most 120");
    live.terminal.resize(60, 15);
    let is_low =
        |it: &str| it.contains("following") && it.contains("1 live") && !it.contains("heaviest stack");
    live.terminal.wait("a low screen", is_low);
}

#[test]
fn colours_are_left_out_on_request() {
    let series = Series::with_fault("leak");
    let target = series.path().to_str().unwrap();
    let live = Live::start(target, &[], (80, 24));
    live.settled("following");
    assert!(live.terminal.has_colours());
    let live = Live::start_with(target, &[], &[("NO_COLOR", "1")], (80, 24));
    live.settled("following");
    assert!(!live.terminal.has_colours());
}

/// Runs a command that cannot show a screen, and returns its message.
#[track_caller]
fn refused(target: &str, environment: &[(&str, &str)]) -> String {
    let mut terminal = Terminal::run(highwater(), &["live", target], environment, (240, 24));
    let code = terminal.end().exit_code();
    let text = terminal.wait_for("highwater: error: ");
    assert_eq!((code, terminal.is_taken()), (2, false), "{text}");
    let text = terminal.wait("the whole line", |it| it.trim_end().lines().count() == 1);
    text.trim_end().to_owned()
}

#[test]
fn without_a_snapshot_there_is_no_screen() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().to_str().unwrap();
    assert!(refused(directory, &[]).ends_with(": there is no profile in this directory"));
    fs::write(place.path().join("notes.txt"), "words").unwrap();
    assert!(refused(directory, &[]).ends_with(", only 1 of other content"));
    fs::write(place.path().join("heap.pb.gz"), [0x1f, 0x8b, 8, 0, 1]).unwrap();
    let text = refused(directory, &[]);
    assert!(text.contains("no snapshot arrived: ") && text.contains("heap.pb.gz"), "{text}");
    assert!(refused("/nonexistent/place", &[]).contains("there is no such directory"));

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert!(refused(&url, &[]).contains("no snapshot arrived: Connection refused"));
    assert!(refused(directory, &[("TERM", "dumb")]).contains("TERM=dumb"));
}
