//! A service written in Go, watched from outside: its leak and its burst are named, and Go's own reader
//! agrees.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use highwater_profile::{Limits, file};
use highwater_tests::go::{Go, Top};
use highwater_tests::{highwater, run_with_timeout, succeed};
use serde_json::Value;
use tempfile::TempDir;

/// The work between snapshots: a leak, replaced pages of a cache, and immediate garbage.
const LEAK: &str = "leak=200,cache=100";
const LEAK_AND_BURST: &str = "leak=200,cache=100,burst=3000";
/// The same work without the leak: each session is closed.
const CLOSE: &str = "close=200,cache=100";

/// Number of snapshots in a watch.
const SNAPSHOTS: usize = 14;

fn temporary() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The running service.
struct Service {
    child: Child,
    address: String,
}

impl Service {
    fn start(steps: &[&str]) -> Self {
        static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
        let program = PROGRAM.get_or_init(|| {
            let directory = temporary().join("go-service");
            fs::create_dir_all(&directory).unwrap();
            let source = highwater_tests::repository().join("tests/programs/go/service.go");
            Go::Debian.build(&directory, temporary(), &source)
        });
        let mut child =
            Command::new(program).args(steps).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().to_owned() }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The service would also end when this test closes the pipe.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The files that a watch of the service wrote.
struct Watched {
    directory: TempDir,
    events: Vec<Value>,
}

impl Watched {
    fn watch(steps: &[&str]) -> Self {
        let service = Service::start(steps);
        let directory = tempfile::tempdir().unwrap();
        let mut watch = Command::new(highwater());
        watch.current_dir(directory.path()).arg("watch").arg(format!("http://{}", service.address));
        // The rate of each interval is compared with the others. So the intervals must mostly consist of
        // waiting.
        watch.args(["--json", "--every", "250ms", "--max-snapshots", &SNAPSHOTS.to_string()]);
        let output = run_with_timeout(&mut watch, Duration::from_secs(60)).unwrap();
        let events = output.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        Self { directory, events }
    }

    fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|it| it["event"] == kind).collect()
    }

    /// Incidents of this kind.
    fn incidents(&self, kind: &str) -> Vec<&Value> {
        self.of_kind("incident").into_iter().filter(|it| it["kind"] == kind).collect()
    }

    /// The files of the ring, oldest first.
    fn ring(&self) -> Vec<PathBuf> {
        let snapshots = self.of_kind("snapshot");
        snapshots.iter().map(|it| self.directory.path().join(it["file"].as_str().unwrap())).collect()
    }

    /// The command's JSON answer about files.
    fn ask(&self, arguments: &[&str], files: &[&Path]) -> Value {
        let mut command = Command::new(highwater());
        command.current_dir(self.directory.path()).args(arguments).arg("--json").args(files);
        serde_json::from_str(&succeed(&mut command)).unwrap()
    }

    /// The output of `go tool pprof -top` for one kind of values in the last of the files, or for their
    /// change.
    fn pprof(&self, kind: &str, new: &Path, base: Option<&Path>) -> Top {
        let kind = format!("-sample_index={kind}");
        let base = base.map(|it| format!("-diff_base={}", it.display()));
        let mut arguments = Top::ARGUMENTS.to_vec();
        arguments.push(&kind);
        arguments.extend(base.as_deref());
        Top::parse(&Go::Debian.pprof(self.directory.path(), temporary(), &arguments, &[new]))
    }
}

fn function(row: &Value) -> &str {
    row["key"]["label"].as_str().unwrap()
}

#[test]
fn the_leak_and_the_burst_are_named() {
    let mut steps = [LEAK; SNAPSHOTS];
    steps[9] = LEAK_AND_BURST;
    let watched = Watched::watch(&steps);
    assert_eq!(watched.of_kind("failure"), Vec::<&Value>::new());
    let ring = watched.ring();
    assert_eq!(ring.len(), SNAPSHOTS);

    let named = |kind: &str, function: &str| {
        let incidents = watched.incidents(kind);
        let summary = |it: &&Value| it["summary"].as_str().is_some_and(|it| it.contains(function));
        assert!(!incidents.is_empty() && incidents.iter().all(summary), "{kind}: {:#?}", watched.events);
        incidents
    };
    named("growth", "main.leakSession");
    let spike = named("spike", "main.burstReport");
    assert_eq!(spike.len(), 1, "{spike:#?}");
    let pair = ["before", "after"].map(|it| watched.directory.path().join(spike[0][it].as_str().unwrap()));
    assert_eq!(pair, [ring[8].clone(), ring[9].clone()]);

    let folder = watched.directory.path().join(spike[0]["folder"].as_str().unwrap());
    for (name, expected) in [
        ("README.md", "main.burstReport"),
        ("diff.txt", "main.burstReport"),
        ("diff.json", "main.burstReport"),
        ("flame.svg", "main.burstReport"),
        ("incident.json", "main.burstReport"),
    ] {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        assert!(text.contains(expected), "{name}: {text}");
    }
    assert_eq!(fs::read(folder.join("after.pb.gz")).unwrap(), fs::read(&ring[9]).unwrap());

    let (first, last) = (ring[0].as_path(), ring[SNAPSHOTS - 1].as_path());
    let growth = watched.ask(&["diff", "--by", "function"], &[first, last]);
    assert_eq!(function(&growth["rows"][0]), "main.leakSession", "{growth:#}");
    // 200 sessions of 2 KiB in each step, and the list of them.
    let grown = growth["rows"][0]["change"]["value"].as_f64().unwrap() / (SNAPSHOTS - 1) as f64;
    assert!((300e3..700e3).contains(&grown), "{growth:#}");
    let burst = watched.ask(&["diff", "--by", "function", "--sample", "alloc-bytes"], &[&pair[0], &pair[1]]);
    assert_eq!(function(&burst["rows"][0]), "main.burstReport", "{burst:#}");

    let ring_directory = ring[0].parent().unwrap();
    let spikes = watched.ask(&["spikes"], &[ring_directory]);
    assert_eq!(spikes["spikes"][0]["before"], 8, "{spikes:#}");
    assert!(function(&spikes["suspects"]["rows"][0]).contains("main.burstReport"), "{spikes:#}");
    let trend = watched.ask(&["trend", "--by", "function"], &[ring_directory]);
    assert_eq!(function(&trend["rows"][0]), "main.leakSession", "{trend:#}");
    assert_eq!(leaks(&trend), ["main.leakSession"], "{trend:#}");

    totals_equal_pprofs(&watched, first, last);
}

/// The functions that leak according to a trend.
fn leaks(trend: &Value) -> Vec<&str> {
    let rows = trend["rows"].as_array().unwrap().iter();
    rows.filter(|it| it["evidence"]["class"] == "leak").map(function).collect()
}

#[track_caller]
fn totals_equal_pprofs(watched: &Watched, first: &Path, last: &Path) {
    let profile = file::read(last, &Limits::default()).unwrap();
    let kinds: Vec<&str> = profile.sample_types().iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]);
    for kind in kinds {
        let theirs = watched.pprof(kind, last, None);
        let ours = watched.ask(&["top", "--sample", kind], &[last]);
        let ours = ours["header"]["total"]["value"].as_i64().unwrap();
        assert_eq!((theirs.kind.as_str(), theirs.total, theirs.flat), (kind, ours, ours));
        let theirs = watched.pprof(kind, last, Some(first));
        let ours = watched.ask(&["diff", "--sample", kind], &[first, last]);
        assert_eq!(theirs.flat, ours["total_change"]["change"]["value"].as_i64().unwrap(), "{kind}");
    }
}

/// A difference made by Go itself: `heap?seconds=1` while the service drops its cache.
#[test]
fn a_service_is_asked_by_its_address() {
    let service = Service::start(&[LEAK]);
    let url = format!("http://{}", service.address);
    let directory = tempfile::tempdir().unwrap();
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(highwater());
        command.current_dir(directory.path()).args(arguments).arg("--json");
        serde_json::from_str::<Value>(&succeed(&mut command)).unwrap()
    };
    let now = ask(&["top", &url]);
    assert!(now["header"]["total"]["value"].as_i64().unwrap() > 0, "{now:#}");
    assert_eq!(now["header"]["difference"], false);
    succeed(Command::new(highwater()).current_dir(directory.path()).args(["convert", &url, "before.pb.gz"]));
    let change = ask(&["diff", "before.pb.gz", &url]);
    assert!(change["total_change"]["change"]["value"].is_i64(), "{change:#}");
    let seconds = ask(&["info", &format!("{url}/debug/pprof/heap?seconds=1")]);
    assert_eq!(seconds["source"]["format"], "pprof", "{seconds:#}");
    let missing = Command::new(highwater()).args(["top", &format!("{url}/nothing")]).output().unwrap();
    let message = String::from_utf8(missing.stderr).unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        message.contains("the server answered 404 with plain text that begins `404 page not found`"),
        "{message}"
    );
}

#[test]
fn without_the_leak_and_the_burst_nothing_is_reported() {
    let watched = Watched::watch(&[CLOSE; SNAPSHOTS]);
    assert_eq!(watched.of_kind("incident"), Vec::<&Value>::new());
    assert_eq!(watched.of_kind("snapshot").len(), SNAPSHOTS);
    assert!(!watched.directory.path().join("highwater-watch/incidents").exists());
    let ring = watched.directory.path().join("highwater-watch/ring");
    let spikes = watched.ask(&["spikes"], &[&ring]);
    assert_eq!(spikes["spikes"], serde_json::json!([]));
    let trend = watched.ask(&["trend", "--by", "function"], &[&ring]);
    assert_eq!(leaks(&trend), Vec::<&str>::new(), "{trend:#}");
}
