//! The main clients of the agent's pages: `go tool pprof` and Prometheus.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use highwater_tests::go::Go;
use serde_json::Value;

use crate::service::{Service, ask, ask_with};

pub fn pprof(arguments: &[&str], url: &str) -> String {
    pprof_by(Go::Debian, arguments, url)
}

/// Like [`pprof`], with one of the two versions of Go, which find a program's functions in different ways.
pub fn pprof_by(go: Go, arguments: &[&str], url: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    go.pprof(directory.path(), temporary, arguments, &[&PathBuf::from(url)])
}

#[test]
fn go_names_the_memory_that_the_service_keeps() {
    let service = Service::start();
    service.visit(40);
    let page = |name| format!("http://{}/debug/pprof/{name}", service.agent);
    for go in Go::ALL {
        let top = pprof_by(go, &["-top", "-unit=bytes"], &page("heap"));
        assert!(top.contains("Type: inuse_space"), "{go:?}: {top}");
        let row =
            top.lines().find(|line| line.contains("remember")).unwrap_or_else(|| panic!("{go:?}: {top}"));
        // Cumulative: 40 visits, and the list of them.
        let cumulated = row.split_whitespace().nth(3).and_then(|it| it.strip_suffix('B')).unwrap();
        let cumulated: u64 = cumulated.parse().unwrap();
        assert!((120_000..130_000).contains(&cumulated), "{go:?}: {top}");
        let allocs = pprof_by(go, &["-top"], &page("allocs"));
        assert!(allocs.contains("Type: alloc_space") && allocs.contains("remember"), "{go:?}: {allocs}");
    }
    // Threads that started before the hooks have their name as a frame; the others have it as a tag.
    assert!(pprof(&["-top"], &page("threads")).contains("Type: threads"));
    let names = pprof(&["-tags"], &page("threads"));
    assert!(names.contains("highwater-agent") && names.contains("agent_service"), "{names}");
}

#[test]
fn go_takes_a_difference_and_names_from_afar() {
    let service = Service::start();
    service.visit(3);
    let heap = format!("http://{}/debug/pprof/heap?seconds=1", service.agent);
    let top = pprof(&["-top", "-sample_index=alloc_objects"], &heap);
    assert!(!top.contains("remember"), "{top}");
    for go in Go::ALL {
        let live = pprof_by(go, &["-top", "-symbolize=remote"], &heap);
        assert!(live.contains("Visitors") && live.contains("remember"), "{go:?}: {live}");
    }
}

#[test]
fn go_sends_the_token() {
    let token = "correct-horse-battery";
    let service = Service::start_with(&[("HIGHWATER_AGENT", &format!("token:{token}"))]);
    service.visit(2);
    let heap = format!("http://highwater:{token}@{}/debug/pprof/heap", service.agent);
    assert!(pprof(&["-top"], &heap).contains("remember"));
}

#[test]
fn prometheus_finds_no_fault_with_the_metrics() {
    let service = Service::start();
    let metrics = service.get("/metrics").text();
    let (has_passed, said) = check_metrics(&metrics);
    assert!(has_passed, "{said}\n{metrics}");
    assert!(metrics.contains("\nprocess_start_time_seconds "), "{metrics}");
    assert!(metrics.contains("\nhighwater_build_info{version=\""), "{metrics}");
    // The planted fault: it does find one.
    let (has_passed, said) = check_metrics(&metrics.replace("_total", "_count"));
    assert!(!has_passed, "{said}");
}

/// The output of `promtool check metrics`.
fn check_metrics(metrics: &str) -> (bool, String) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there; `cargo xtask test` installs what the tests need");
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success() && said.is_empty(), String::from_utf8(said).unwrap())
}

#[test]
fn prometheus_gets_open_metrics_on_request() {
    let service = Service::start();
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let response = ask_with(service.agent, "GET /metrics HTTP/1.1", accept, b"");
    assert!(response.head.contains("content-type: application/openmetrics-text; version=1.0.0"));
    let text = response.text();
    assert!(text.contains("\n# UNIT highwater_live_bytes bytes\n") && text.ends_with("\n# EOF\n"), "{text}");
}

/// A Prometheus that is killed when this is dropped.
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts Prometheus in a directory, with this configuration.
    pub fn start(directory: &Path, config: &str) -> Self {
        let path = directory.join("prometheus.yml");
        fs::write(&path, config).unwrap();
        // Prometheus does not report the port it chose, so the test chooses one.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is there; `cargo xtask test` installs what the tests need");
        Self { child, address }
    }

    /// Prometheus's answer as JSON; null as long as it does not listen.
    pub fn get(&self, path: &str) -> Value {
        let is_there = TcpStream::connect(self.address).is_ok();
        let body = is_there.then(|| ask(self.address, &format!("GET {path} HTTP/1.0")).body);
        body.and_then(|it| serde_json::from_slice(&it).ok()).unwrap_or_default()
    }

    /// The present value of a PromQL expression.
    pub fn query(&self, expression: &str) -> Vec<Value> {
        let encoded: String = expression.bytes().map(|it| format!("%{it:02x}")).collect();
        let answer = self.get(&format!("/api/v1/query?query={encoded}"));
        assert_ne!(answer["status"], "error", "{expression}: {answer}");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn prometheus_scrapes_the_service() {
    let service = Service::start();
    service.visit(10);
    let directory = tempfile::tempdir().unwrap();
    let target = service.agent;
    let job = format!(
        "scrape_configs: [{{job_name: a, scrape_interval: 1s, static_configs: [{{targets: ['{target}']}}]}}]"
    );
    let prometheus = Prometheus::start(directory.path(), &job);
    let query = |name: &str| {
        let result = prometheus.query(name);
        result.first()?.pointer("/value/1")?.as_str()?.parse::<f64>().ok()
    };
    let begin = Instant::now();
    let mut scraped = None;
    while scraped.is_none() && begin.elapsed() < Duration::from_secs(120) {
        thread::sleep(Duration::from_millis(200));
        scraped = query("highwater_live_bytes");
    }
    assert!(scraped.is_some_and(|bytes| bytes >= 30_000.0), "{scraped:?}");
    // Counters keep their suffix.
    assert!(query("highwater_alloc_bytes_total").is_some_and(|bytes| bytes >= 30_000.0));
}
