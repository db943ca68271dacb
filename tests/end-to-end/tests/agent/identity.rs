//! The identity of a process: the same in snapshots, incidents, messages and metrics, with any characters.

use std::process::Command;

use highwater_profile::otlp;
use highwater_tests::{highwater, succeed};

use crate::service::Service;
use crate::sinks::Receiver;
use crate::watch::wait_until;

/// A label with all characters that have a meaning to some receiver.
const HOSTILE: &str = "%3C!channel%3E%22%7B%7D%2C%3D%0A";
const HOSTILE_TEXT: &str = "<!channel>\"{},=\n";

#[test]
fn receivers_get_the_identity() {
    let directory = tempfile::tempdir().unwrap();
    let [json, slack, pyroscope, otlp] = [(); 4].map(|()| Receiver::new());
    let settings = format!(
        "dir:{},version:1.4.2,watch:150MiB,every:20ms,post:{},slack:{},pyroscope:{},otlp:{}",
        directory.path().display(),
        json.url(),
        slack.url(),
        pyroscope.url(),
        otlp.url()
    );
    let service = Service::start_with(&[
        ("HIGHWATER_AGENT", &settings),
        ("OTEL_SERVICE_NAME", "checkout"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=pro%64uction,service.version=0.1,broken%"),
        ("HIGHWATER_LABELS", &format!("team=core,note={HOSTILE}")),
        ("POD_NAME", "checkout-7"),
        ("POD_NAMESPACE", "shop"),
    ]);
    wait_until("readings", || service.metric("highwater_watch_readings_total") >= 2);
    assert!(service.hoard(150));
    let process = service.id();

    let incident = json.take("200 OK").json()["incident"].clone();
    let who = &incident["who"];
    for (name, expected) in
        [("program", "checkout"), ("version", "1.4.2"), ("pod", "checkout-7"), ("namespace", "shop")]
    {
        assert_eq!(who[name], expected, "{who}");
    }
    assert_eq!((&who["process"], &who["labels"]["note"]), (&process.into(), &HOSTILE_TEXT.into()), "{who}");
    assert_eq!(who["labels"]["deployment.environment.name"], "production", "{who}");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(who["host"], host.trim(), "{who}");
    assert!(who["notes"][0].as_str().unwrap().contains("OTEL_RESOURCE_ATTRIBUTES: `broken%`"), "{who}");

    let text = slack.take("200 OK").json()["text"].as_str().unwrap().to_owned();
    let first = text.lines().next().unwrap();
    assert!(first.contains("iB of ") && first.contains(" MiB by the service itself"), "{text}");
    assert!(text.contains("checkout 1.4.2 on ") && text.contains("pod shop/checkout-7"), "{text}");
    assert!(text.contains("&lt;!channel&gt;") && !text.contains('<'), "{text}");

    let line = pyroscope.take("200 OK").line;
    let name = line.split_once("name=").unwrap().1.split('&').next().unwrap();
    let name = decoded(name);
    let labels = name
        .strip_prefix("checkout{")
        .and_then(|it| it.strip_suffix('}'))
        .unwrap_or_else(|| panic!("{name}"));
    let labels: Vec<_> = labels.split(',').map(|it| it.split_once('=').unwrap()).collect();
    let process = process.to_string();
    for expected in [
        ("team", "core"),
        ("pod", "checkout-7"),
        ("process_id", &process),
        ("deployment_environment_name", "production"),
        ("note", "<!channel>______"),
    ] {
        assert!(labels.contains(&expected), "{expected:?} is not in {name}");
    }

    let message = otlp.take("200 OK").body;
    let message = String::from_utf8_lossy(&message);
    for word in [
        "service.name",
        "checkout",
        "k8s.pod.name",
        "process.pid",
        "deployment.environment.name",
        HOSTILE_TEXT,
    ] {
        assert!(message.contains(word), "no {word} in the message for {}", otlp::PATH);
    }

    // Every profile has the same identity: those in the ring and those that are requested.
    let ring = std::fs::read_dir(directory.path().join("ring")).unwrap().next().unwrap().unwrap().path();
    let mut shown = Vec::new();
    for page in ["heap", "threads", "tasks", "profile?seconds=1"] {
        let profile = service.get(&format!("/debug/pprof/{page}")).body;
        shown.push(highwater_profile::read(&profile, &Default::default()).unwrap().identity);
    }
    shown.push(highwater_profile::file::read(&ring, &Default::default()).unwrap().identity);
    assert!(shown.windows(2).all(|it| it[0] == it[1]), "{shown:?}");
    let info = |more: &[&str]| succeed(Command::new(highwater()).arg("info").args(more).arg(&ring));
    let text = info(&[]);
    for line in ["process_id ", "label.team ", "checkout-7", "`broken%` is left out"] {
        assert!(text.contains(line), "{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&info(&["--json"])).unwrap();
    assert_eq!(json["identity"]["label.note"], HOSTILE_TEXT, "{json}");

    let metrics = service.get("/metrics").text();
    assert!(metrics.contains("program=\"checkout\",program_version=\"1.4.2\"} 1\n"), "{metrics}");
    let started = metrics.lines().find_map(|it| it.strip_prefix("process_start_time_seconds ")).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((0.0..600.0).contains(&(now + 1.0 - started.parse::<f64>().unwrap())), "{started}");
}

/// Percent-decodes a query's text.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}
