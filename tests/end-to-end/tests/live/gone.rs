//! Closed or hanging terminals, and signals, in every state of the screen: the program ends, and uses no
//! processor time.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use highwater_tests::terminal::Terminal;
use highwater_tests::{highwater, succeed};

/// Time for a program to end next to other busy processes. An idle machine needs less than a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ticks of the kernel's clock in a second.
const TICKS: u64 = 100;

/// A state of the screen: its name, the keys that lead there, and its text.
const SCREENS: [(&str, &str, &str); 4] = [
    ("table", "", "? help"),
    ("help", "?", "quit (as Ctrl-C)"),
    ("search", "/word", "/word"),
    // An incomplete key code keeps its reader waiting.
    ("half a key", "\x1b[", "? help"),
];

/// State and processor time (in ticks) of a process, which may be a zombie.
fn state(process: u32) -> (char, u64) {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name before may contain anything.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    (fields[0].chars().next().unwrap(), ticks(11) + ticks(12))
}

/// The processor time that a process uses until it ends, in ticks.
///
/// # Errors
/// When it does not end: the time used by then.
fn until_end(process: u32, patience: Duration) -> Result<u64, u64> {
    let before = state(process).1;
    let begin = Instant::now();
    loop {
        let (state, ticks) = state(process);
        if state == 'Z' {
            return Ok(ticks - before);
        }
        if begin.elapsed() > patience {
            return Err(ticks - before);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[track_caller]
fn assert_ends(name: &str, terminal: &mut Terminal) {
    let ticks = until_end(terminal.process(), PATIENCE);
    assert!(ticks.is_ok_and(|it| it < TICKS), "{name}: {ticks:?} ticks, still there if Err");
    assert_eq!(terminal.end().exit_code(), 0, "{name}");
}

/// A directory with one snapshot.
fn snapshots() -> tempfile::TempDir {
    let golden = highwater_tests::repository().join("tests/golden/pprof/go/heap.pb.gz");
    let place = tempfile::tempdir().unwrap();
    fs::copy(golden, place.path().join("heap-1.pb.gz")).unwrap();
    place
}

/// Runs a shell script in which `"$@"` is `highwater` with these arguments.
fn shell(script: &str, arguments: &[&str]) -> Terminal {
    let words = [&["-c", script, "sh", highwater().to_str().unwrap()], arguments].concat();
    Terminal::run(Path::new("sh"), &words, &[], (80, 24))
}

fn send(signal: &str, process: u32) {
    succeed(Command::new("sh").args(["-c", &format!("kill -{signal} {process}")]));
}

#[test]
fn a_screen_without_its_terminal_ends() {
    let place = snapshots();
    let target = place.path().to_str().unwrap();
    // Nobody answers there, so the screen waits for its first snapshot.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    // The signal of a closing terminal is not always delivered.
    let live = "trap '' HUP; exec \"$@\"";
    let mut all: Vec<(String, Terminal)> = Vec::new();
    for (name, keys, shows) in SCREENS {
        let mut terminal = shell(live, &["live", target, "--no-cache"]);
        terminal.wait_for("? help");
        terminal.press(keys);
        terminal.wait_for(shows);
        all.push((name.to_owned(), terminal));
    }
    let no_stdin = "trap '' HUP; exec \"$@\" < /dev/null";
    for (script, arguments, shows) in [
        (no_stdin, &["live", target, "--no-cache"][..], "? help"),
        (live, &["live", &url, "--no-cache"], "waiting for"),
        // `highwater watch` reads no keys, and nobody reads its output.
        (live, &["watch", target, "--out", target], "the next look"),
        (no_stdin, &["watch", target, "--out", &format!("{target}/2"), "--every", "1h"], "the next look"),
    ] {
        let terminal = shell(script, arguments);
        terminal.wait_for(shows);
        all.push((format!("{script} {arguments:?}"), terminal));
    }
    // The planted faults: two programs that ignore the end of their keys or do not notice it. If this test
    // itself is killed, the system ends the first one.
    let mut spins = shell("ulimit -t 20; trap '' HUP; echo ready; while :; do read -r key; done", &[]);
    let mut sleeps = shell("trap '' HUP; echo ready; sleep 60 > /dev/null", &[]);
    for planted in [&mut spins, &mut sleeps] {
        planted.wait_for("ready");
        planted.close("x");
    }
    for (_, terminal) in &mut all {
        // The blank completes the half of a key that was pressed.
        terminal.close(" ?");
    }
    for (name, terminal) in &mut all {
        assert_ends(name, terminal);
    }
    let ticks = until_end(spins.process(), Duration::from_millis(1500));
    assert!(ticks.is_err_and(|it| it > 0), "{ticks:?}");
    assert!(until_end(sleeps.process(), Duration::ZERO).is_err());
}

#[test]
fn signals_end_every_screen() {
    let place = snapshots();
    let target = place.path().to_str().unwrap();
    for (number, (name, keys, shows)) in SCREENS.into_iter().enumerate() {
        let mut terminal = shell("exec \"$@\"", &["live", target, "--no-cache"]);
        terminal.wait_for("? help");
        terminal.press(keys);
        terminal.wait_for(shows);
        let signal = ["HUP", "TERM", "INT"][number % 3];
        send(if name == "half a key" { "TERM" } else { signal }, terminal.process());
        assert_ends(name, &mut terminal);
        terminal.wait("the terminal as it was", |_| !terminal.is_taken() && !terminal.hides_cursor());
    }
}

/// How often a process has waited so far.
fn waits(process: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    status.lines().find(|it| it.starts_with("voluntary_ctxt_switches")).unwrap().to_owned()
}

#[test]
fn a_hanging_terminal_does_not_block_the_end() {
    let place = snapshots();
    let mut terminal = shell("exec \"$@\"", &["live", place.path().to_str().unwrap(), "--no-cache"]);
    terminal.wait_for("? help");
    terminal.hang("?");
    let process = terminal.process();
    let begin = Instant::now();
    loop {
        assert!(begin.elapsed() < PATIENCE, "it writes and writes");
        let before = waits(process);
        terminal.press("??????????");
        thread::sleep(Duration::from_millis(200));
        // Otherwise it waits for keys twenty times a second.
        if waits(process) == before {
            break;
        }
    }
    send("TERM", process);
    assert_ends("a terminal that hangs", &mut terminal);
}
