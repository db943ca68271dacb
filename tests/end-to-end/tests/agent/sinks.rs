//! Receivers of incidents. They are stubs on loopback, written from the published descriptions of each
//! interface.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::service::Service;
use crate::watch::{line_of_hoard, read, wait_until, watched};

/// A request as it came.
pub struct Request {
    /// Method, path and version.
    pub line: String,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl Request {
    /// Reads a request and answers it with this status.
    pub fn take(stream: impl Read + Write, status: &str) -> Self {
        let mut stream = BufReader::new(stream);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let header = |name: &str| {
            let found = head.iter().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            });
            found.unwrap_or_else(|| panic!("no {name} in {head:?}"))
        };
        let mut body = vec![0; header("content-length").parse().unwrap()];
        stream.read_exact(&mut body).unwrap();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
        Self { line: head[0].clone(), content_type: header("content-type"), body }
    }

    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.content_type, "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A receiver that accepts one request per connection.
pub struct Receiver(TcpListener);

impl Receiver {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    /// Accepts a request and answers it with this status.
    pub fn take(&self, status: &str) -> Request {
        Request::take(accept(&self.0), status)
    }
}

/// The next connection of a non-blocking listener.
pub fn accept(listener: &TcpListener) -> TcpStream {
    let mut accepted = None;
    wait_until("a request", || {
        accepted = listener.accept().ok();
        accepted.is_some()
    });
    let (stream, _) = accepted.unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// A service that sends incidents to these receivers.
pub fn telling(directory: &Path, sinks: &str) -> Service {
    let service = watched(directory, &format!("watch:150MiB,every:20ms,{sinks}"));
    wait_until("readings", || service.metric("highwater_watch_readings_total") >= 2);
    assert!(service.hoard(150));
    service
}

#[test]
fn an_incident_is_sent_again_until_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let (json, slack) = (Receiver::new(), Receiver::new());
    let sinks = format!("post:{}/hook,slack:{}", json.url(), slack.url());
    let service = telling(directory.path(), &sinks);
    let told = ["500 Oops", "429 Later", "200 OK"].map(|status| json.take(status));
    assert_eq!(told[0].line, "POST /hook HTTP/1.1");
    assert!(told[0].body == told[1].body && told[0].body == told[2].body);
    assert_eq!(told[0].json()["incident"]["reason"], "bytes");
    assert!(told[0].json()["growth"].as_str().unwrap().contains("hoard"), "{}", told[0].json());
    let told = slack.take("200 OK").json();
    assert!(told["text"].as_str().unwrap().contains("service.rs:"), "{told}");
    assert_eq!(service.metric("highwater_watch_failures_total"), 0);
}

#[test]
fn a_final_refusal_is_not_retried() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::new();
    let service = telling(directory.path(), &format!("post:{}", receiver.url()));
    receiver.take("400 No");
    wait_until("a failure", || service.metric("highwater_watch_failures_total") == 1);
}

#[test]
fn a_redirection_is_not_an_acceptance() {
    let directory = tempfile::tempdir().unwrap();
    let (receiver, elsewhere) = (Receiver::new(), Receiver::new());
    let service = telling(directory.path(), &format!("post:{}", receiver.url()));
    receiver.take(&format!("302 Found\r\nLocation: {}/", elsewhere.url()));
    wait_until("a failure", || service.metric("highwater_watch_failures_total") == 1);
    assert!(elsewhere.0.accept().is_err(), "nobody else is told");
}

#[test]
fn an_unreachable_receiver_delays_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    // One receiver accepts connections and never answers, and one does not exist.
    let (silent, heard) = (Receiver::new(), Receiver::new());
    let gone = Receiver::new().url();
    let sinks = format!("watch:350MiB,post:{},pyroscope:{gone},post:{}", silent.url(), heard.url());
    let service = telling(directory.path(), &sinks);
    heard.take("200 OK");
    assert!(service.hoard(250));
    wait_until("another incident", || service.metric("highwater_watch_incidents_total") == 2);
    heard.take("200 OK");
}

#[test]
fn pyroscope_gets_the_profile_with_names() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::new();
    let _service = telling(directory.path(), &format!("pyroscope:{}/", receiver.url()));
    let request = receiver.take("200 OK");
    let query =
        request.line.strip_prefix("POST /ingest?").and_then(|it| it.strip_suffix(" HTTP/1.1")).unwrap();
    let fields: Vec<_> = query.split('&').map(|it| it.split_once('=').unwrap()).collect();
    let field = |name: &str| fields.iter().find(|(key, _)| *key == name).unwrap().1;
    // The labels are percent-encoded: `agent_service{host=…}`.
    assert!(field("name").starts_with("agent_service%7B"), "{query}");
    assert_eq!(field("format"), "pprof");
    let second = |name| field(name).parse::<u64>().unwrap();
    assert!(second("from") < second("until") && second("until") > 1_700_000_000);
    let boundary = request.content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let parts = parts(&request.body, boundary);
    let part =
        |name: &str| &parts.iter().find(|(head, _)| head.contains(&format!("name=\"{name}\""))).unwrap().1;
    let kinds: serde_json::Value = serde_json::from_slice(part("sample_type_config")).unwrap();
    assert_eq!(kinds["inuse_space"]["units"], "bytes");
    let path = directory.path().join("received.pb.gz");
    std::fs::write(&path, part("profile")).unwrap();
    let profile = read(&path);
    let hoard = profile.functions().iter().find(|it| profile.string(it.name).ends_with("Visitors::hoard"));
    let hoard = hoard.expect("a function by its name");
    assert!(profile.string(hoard.file).ends_with("service.rs"));
    let lines = profile.locations().iter().flat_map(|it| &it.lines);
    assert!(lines.map(|it| it.line).any(|line| line == line_of_hoard() as i64));
}

/// Head and content of each part of a body.
fn parts(body: &[u8], boundary: &str) -> Vec<(String, Vec<u8>)> {
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|it| it == what);
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut rest = &body[find(body, delimiter.as_bytes()).unwrap() + delimiter.len()..];
    while let Some(end) = find(rest, delimiter.as_bytes()) {
        let part = &rest[2..end - 2];
        let head = find(part, b"\r\n\r\n").unwrap();
        parts.push((String::from_utf8(part[..head].to_vec()).unwrap(), part[head + 4..].to_vec()));
        rest = &rest[end + delimiter.len()..];
    }
    assert_eq!(rest, b"--\r\n", "the end");
    parts
}

#[test]
fn an_opentelemetry_collector_gets_the_profile_with_names() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::new();
    let _service = telling(directory.path(), &format!("otlp:{}", receiver.url()));
    let request = receiver.take("200 OK");
    assert_eq!(request.line, "POST /v1development/profiles HTTP/1.1");
    assert_eq!(request.content_type, "application/x-protobuf");
    // Another test checks that the message is complete; this one checks that it is about this service.
    let text = String::from_utf8_lossy(&request.body);
    for word in ["agent_service", "inuse_space", "Visitors::hoard", "service.rs"] {
        assert!(text.contains(word), "no {word}");
    }
    // Highwater can read the message too, with the totals of its source file.
    let sent = highwater_profile::read(&request.body, &Default::default()).unwrap();
    assert_eq!(sent.source.format, highwater_profile::Format::Otlp);
    let folders = std::fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().path());
    let nested = folders.flat_map(|it| std::fs::read_dir(it).into_iter().flatten());
    let kept = nested.map(|it| it.unwrap().path().join("spike.pb.gz")).find(|it| it.is_file()).unwrap();
    let kept = highwater_profile::file::read(&kept, &Default::default()).unwrap();
    for kind in ["inuse_objects", "inuse_space"] {
        let total = |profile: &highwater_profile::Profile| {
            profile.sample_type(kind).map(|column| profile.samples.total(column))
        };
        assert_eq!(total(&sent), total(&kept), "{kind}");
    }
}
