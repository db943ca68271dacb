//! HTTP behaviour that clients expect: heads without bodies, content types and file names, and helpful
//! errors.

use std::process::Command;
use std::time::{Duration, Instant};

use highwater_tests::succeed;

use crate::pages::links;
use crate::service::{Service, ask};

/// curl's result: status, headers by their lower-case names, and the body.
pub struct Got {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Got {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|it| it.0 == name).map(|it| it.1.as_str())
    }
}

/// Makes a request with curl and these additional arguments.
pub fn curl(arguments: &[&str], url: &str) -> Got {
    let said = succeed(
        Command::new("curl").args(["-s", "-i", "--max-time", "120", "-o", "-"]).args(arguments).arg(url),
    );
    let (head, body) = said.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{said}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|it| it.split(' ').nth(1)?.parse().ok()).unwrap();
    let headers =
        lines.filter_map(|it| it.split_once(": ")).map(|(name, it)| (name.to_lowercase(), it.to_owned()));
    Got { status, headers: headers.collect(), body: body.to_owned() }
}

/// Pages with a constant length.
const CONSTANT: [&str; 4] = ["/debug/pprof/", "/healthz", "/debug/pprof/cmdline", "/interval"];

#[test]
fn a_head_is_the_page_without_its_body() {
    let service = Service::start();
    let url = |path: &str| format!("http://{}{path}", service.agent);
    let begin = Instant::now();
    let mut paths = links(&service.get("/debug/pprof/").text());
    let more = [
        "/debug/pprof",
        "/nothing",
        "/debug/pprof/heap?debug=1",
        "/debug/pprof/heap?seconds=1",
        "/debug/pprof/heap?debug=x",
    ];
    paths.extend(more.map(str::to_owned));
    for path in &paths {
        let head = curl(&["-I"], &url(path));
        assert_eq!(head.body, "", "{path}");
        // The head needs no half a minute of samples, and no second of waiting.
        if path.ends_with("/profile") {
            assert_eq!(head.status, 200);
            continue;
        }
        let page = ask(service.agent, &format!("GET {path} HTTP/1.1"));
        assert_eq!(head.status, page.status, "{path}");
        let length = head.header("content-length");
        if CONSTANT.contains(&path.as_str()) {
            assert_eq!(length, Some(page.body.len().to_string().as_str()), "{path}");
        }
        // A stated length must equal the page's.
        assert!(length.is_none_or(|it| it != "0"), "{path}");
        let others =
            |it: &&str| !it.starts_with("date:") && !it.starts_with("content-length:") && it.contains(": ");
        let shown = page.head.lines().filter(others).map(|it| it.split_once(": ").unwrap());
        for (name, value) in shown {
            assert_eq!(head.header(name), Some(value), "{path}: {name}");
        }
    }
    assert!(begin.elapsed() < Duration::from_secs(25), "{:?}", begin.elapsed());
}

#[test]
fn pages_have_types_and_downloads_have_names() {
    let service = Service::start();
    let pprof = |name: &str| {
        ("application/octet-stream".to_owned(), Some(format!("attachment; filename=\"{name}.pb.gz\"")))
    };
    let of_type = |it: &str| (it.to_owned(), None);
    let text = || of_type("text/plain; charset=utf-8");
    for (path, (content_type, name)) in [
        ("/debug/pprof/", of_type("text/html; charset=utf-8")),
        ("/debug/pprof/heap", pprof("heap")),
        ("/debug/pprof/heap?seconds=1", pprof("heap-delta")),
        ("/debug/pprof/heap?debug=1", text()),
        ("/debug/pprof/allocs", pprof("allocs")),
        ("/debug/pprof/allocs?seconds=1", pprof("allocs-delta")),
        ("/debug/pprof/profile", pprof("profile")),
        ("/debug/pprof/threads", pprof("threads")),
        ("/debug/pprof/threads?debug=1", text()),
        ("/debug/pprof/tasks", pprof("tasks")),
        ("/debug/pprof/tasks?debug=1", text()),
        ("/debug/pprof/cmdline", text()),
        ("/debug/pprof/symbol", text()),
        ("/metrics", of_type("text/plain; version=0.0.4; charset=utf-8")),
        ("/interval", text()),
        ("/healthz", text()),
        ("/nothing", text()),
    ] {
        let head = curl(&["-I"], &format!("http://{}{path}", service.agent));
        assert_eq!(head.header("content-type"), Some(content_type.as_str()), "{path}");
        assert_eq!(head.header("content-disposition"), name.as_deref(), "{path}");
    }
    // The file name under which a client saves the page.
    let directory = tempfile::tempdir().unwrap();
    let url = format!("http://{}/debug/pprof/heap", service.agent);
    succeed(Command::new("curl").current_dir(directory.path()).args(["-s", "-O", "-J", &url]));
    highwater_profile::file::read(&directory.path().join("heap.pb.gz"), &Default::default()).unwrap();
}

#[test]
fn missing_pages_are_answered_with_existing_ones() {
    let service = Service::start_with(&[("HIGHWATER_AGENT", "token:correct-horse-battery")]);
    // A probe has no token.
    assert_eq!(curl(&[], &format!("http://{}/healthz", service.agent)).body, "ok\n");
    assert_eq!(curl(&[], &format!("http://{}/metrics", service.agent)).status, 401);
    let asked = |method: &str, path: &str| {
        curl(
            &["-u", "highwater:correct-horse-battery", "-X", method],
            &format!("http://{}{path}", service.agent),
        )
    };
    let purge = asked("GET", "/purge");
    assert_eq!((purge.status, purge.header("allow")), (405, Some("POST")));
    let heap = asked("DELETE", "/debug/pprof/heap");
    assert_eq!((heap.status, heap.header("allow")), (405, Some("GET, HEAD")));
    let missing = asked("GET", "/debug/pprof/goroutine");
    assert!(missing.status == 404 && missing.body.contains("/debug/pprof/threads"), "{}", missing.body);
    let near = asked("GET", "/Metrics/");
    assert!(near.status == 404 && near.body.contains("did you mean /metrics?"), "{}", near.body);
    // curl follows the redirection to the index, from which links are relative.
    let index = format!("http://{}/debug/pprof", service.agent);
    let moved = curl(&["-u", "highwater:correct-horse-battery"], &index);
    assert_eq!((moved.status, moved.header("location")), (308, Some("pprof/")));
}

/// Tasks were spawned before and after the interval was changed, so some counts are estimates.
#[test]
fn every_task_is_never_claimed_next_to_an_error() {
    let service = Service::start_with(&[("HIGHWATER", "interval:256")]);
    let leave =
        || (0..30).for_each(|_| assert_eq!(ask(service.address, "GET /impatient HTTP/1.1").status, 200));
    leave();
    let url = format!("http://{}/interval", service.agent);
    assert_eq!(curl(&["-d", "exact"], &url).body, "256 -> exact\n");
    leave();
    let text = service.get("/debug/pprof/tasks?debug=1").text();
    assert!(!text.contains("every task") && text.contains("those from before are scaled up"), "{text}");
    assert!(text.contains("service.rs:"), "{text}");
}
