//! The environments of a service: systemd, Kubernetes, Docker, and a collector next to it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{fed, file, python, top, yaml};
use crate::service::{PROGRAM, Service, ask, ask_with};
use crate::watch::wait_until;

const UNIT: &str = "highwater-example.service";

/// The directory of the watch in all of them.
const DIRECTORY: &str = "/var/lib/service";

/// The objections of `systemd-analyze` to a unit.
fn faults_of_unit(unit: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(UNIT);
    fs::write(&path, unit.replace("/usr/local/bin/service", PROGRAM)).unwrap();
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(path).output();
    let output = output.expect("systemd-analyze is there; `cargo xtask test` installs what the tests need");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    if output.status.success() { said } else { format!("{} {said}", output.status) }
}

/// The value of a line of a unit.
fn value_in<'a>(unit: &'a str, key: &str) -> &'a str {
    unit.lines().find_map(|it| it.strip_prefix(key)?.strip_prefix('=')).unwrap_or_else(|| panic!("no {key}"))
}

#[test]
fn systemd_finds_no_fault_with_the_unit() {
    let unit = file(UNIT);
    assert_eq!(faults_of_unit(&unit), "");
    assert_eq!(format!("/var/lib/{}", value_in(&unit, "StateDirectory")), DIRECTORY);
    for (right, wrong) in [("Restart=on-failure", "Restart=failure"), ("/bin/service", "/bin/other")] {
        assert_ne!(faults_of_unit(&unit.replace(right, wrong)), "", "{wrong}");
    }
}

/// The objections of `kubernetes-validate` to a manifest.
fn faults_of_manifest(manifest: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("manifest.yaml");
    fs::write(&path, manifest).unwrap();
    let output = python("kubernetes-validate").args(["--strict", "--quiet"]).arg(path).output();
    let output =
        output.expect("kubernetes-validate is there; `cargo xtask test` installs what the tests need");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    if output.status.success() { String::new() } else { said }
}

/// The container in a manifest, and the pod's spec.
fn container(manifest: &str) -> (Value, Value) {
    let pod =
        yaml(manifest).into_iter().find(|it| it["kind"] == "Deployment").unwrap()["spec"]["template"]["spec"]
            .clone();
    (pod["containers"][0].clone(), pod)
}

/// The value of a container's environment variable.
fn variable<'a>(container: &'a Value, name: &str) -> &'a Value {
    container["env"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap()
}

#[test]
fn kubernetes_finds_no_fault_with_the_manifest() {
    let manifest = file("kubernetes.yaml");
    assert_eq!(faults_of_manifest(&manifest), "");
    for (right, wrong) in [
        ("livenessProbe:", "livenessProbes:"),
        ("replicas: 1", "replicas: one"),
        ("port: agent}", "port: {}}"),
    ] {
        assert_ne!(faults_of_manifest(&manifest.replace(right, wrong)), "", "{wrong}");
    }
    // A schema does not check names that refer to other parts.
    let (container, pod) = container(&manifest);
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        assert_eq!(container[probe]["httpGet"], serde_json::json!({ "path": "/healthz", "port": "agent" }));
    }
    let agent = container["ports"].as_array().unwrap().iter().find(|it| it["name"] == "agent").unwrap();
    assert!(container["args"][1].as_str().unwrap().ends_with(&format!(":{}", agent["containerPort"])));
    let mount = &container["volumeMounts"][0];
    assert_eq!((&mount["mountPath"], &mount["name"]), (&DIRECTORY.into(), &pod["volumes"][0]["name"]));
    let documents = yaml(&manifest);
    let has = |kind: &str, name: &Value| {
        documents.iter().any(|it| it["kind"] == kind && it["metadata"]["name"] == *name)
    };
    assert!(has("PersistentVolumeClaim", &pod["volumes"][0]["persistentVolumeClaim"]["claimName"]));
    assert!(has("Secret", &variable(&container, "HIGHWATER_TOKEN")["valueFrom"]["secretKeyRef"]["name"]));
}

#[test]
fn the_agent_takes_the_settings_of_the_unit_and_of_the_manifest() {
    let unit = file(UNIT);
    let of_unit = value_in(&unit, "Environment").strip_prefix("HIGHWATER_AGENT=").unwrap().to_owned();
    let (container, _) = container(&file("kubernetes.yaml"));
    let of_manifest = variable(&container, "HIGHWATER_AGENT")["value"].as_str().unwrap().to_owned();
    let token = "correct-horse-battery";
    for settings in [of_unit, of_manifest.replace("$(HIGHWATER_TOKEN)", token)] {
        let directory = tempfile::tempdir().unwrap();
        assert!(settings.contains(&format!("dir:{DIRECTORY},")), "{settings}");
        let settings = settings.replace(DIRECTORY, &directory.path().display().to_string());
        let _service = Service::start_with(&[("HIGHWATER_AGENT", &settings)]);
        wait_until("a snapshot", || directory.path().join("ring").read_dir().is_ok_and(|it| it.count() > 0));
    }
}

/// Like under systemd and Docker.
#[test]
fn the_example_goes_on_without_an_input() {
    let mut service = Command::new(PROGRAM);
    service.args(crate::service::ADDRESSES).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut service = service.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(service.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split_whitespace().next().unwrap().parse().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let ended = service.try_wait().unwrap();
    assert!(ended.is_none(), "{ended:?}");
    assert_eq!(ask(address, "GET /work HTTP/1.1").status, 200);
    service.kill().unwrap();
    service.wait().unwrap();
}

/// The objections of hadolint to a Dockerfile.
fn faults_of_image(dockerfile: &str) -> String {
    let output = fed(python("hadolint").args(["--no-color", "-"]), dockerfile);
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// Paths that a Dockerfile copies from the repository and that do not exist.
fn not_there(dockerfile: &str) -> Vec<&str> {
    let copies =
        dockerfile.lines().filter_map(|it| it.strip_prefix("COPY ")).filter(|it| !it.starts_with("--from"));
    let sources = copies.flat_map(|it| it.split(' ').rev().skip(1));
    sources.filter(|it| !top().join(it).exists()).collect()
}

#[test]
fn hadolint_finds_no_fault_and_the_image_builds_existing_files() {
    let dockerfile = file("Dockerfile");
    assert_eq!(faults_of_image(&dockerfile), "");
    assert_ne!(faults_of_image(&dockerfile.replace("debian:bookworm-slim", "debian")), "");
    assert_eq!(not_there(&dockerfile), [""; 0]);
    assert_eq!(not_there(&dockerfile.replace("COPY crates", "COPY kates")), ["kates"]);
    // The whole workspace, with the required compiler, and the example as the agent's guide runs it.
    let manifest = fs::read_to_string(top().join("Cargo.toml")).unwrap();
    let line = |key: &str| manifest.lines().find_map(|it| it.strip_prefix(key)).unwrap();
    for member in line("members = ").trim_matches(['[', ']']).split(", ") {
        let folder = member.trim_matches('"').split('/').next().unwrap();
        assert!(dockerfile.contains(&format!("COPY {folder} {folder}\n")), "{folder}");
    }
    assert!(dockerfile.contains(&format!("FROM rust:{}-", line("rust-version = ").trim_matches('"'))));
    let guide = fs::read_to_string(top().join("docs/PRODUCTION.md")).unwrap();
    let example = "-p highwater-agent --example service";
    assert!(guide.contains(&format!("cargo run --release {example} ")));
    assert!(dockerfile.contains(&format!("cargo build --release --locked {example}\n")));
    assert!(dockerfile.contains("/target/release/examples/service /usr/local/bin/service\n"));
}

/// The keys that the documentation of the receiver `pprof` and of `confighttp` allows in a section `remote`.
const REMOTE: &[&str] = &[
    "endpoint",
    "collection_interval",
    "initial_delay",
    "timeout",
    "headers",
    "tls",
    "auth",
    "compression",
    "proxy_url",
];

/// The faults in a collector's configuration according to its documentation: no installable package contains
/// a collector.
fn faults_of_collector(text: &str) -> Vec<String> {
    let config = yaml(text).remove(0);
    let mut faults = Vec::new();
    let pipelines = config["service"]["pipelines"].as_object().unwrap();
    for (name, pipeline) in pipelines {
        for kind in ["receivers", "exporters"] {
            let parts = pipeline[kind].as_array().filter(|it| !it.is_empty());
            let Some(parts) = parts else {
                faults.push(format!("{name} has no {kind}"));
                continue;
            };
            let missing = parts.iter().filter(|it| config[kind].get(it.as_str().unwrap()).is_none());
            faults.extend(missing.map(|it| format!("{it} is none of the {kind}")));
        }
    }
    let remote = config["receivers"]["pprof"]["remote"].as_object().unwrap();
    faults.extend(
        remote.keys().filter(|it| !REMOTE.contains(&it.as_str())).map(|it| format!("remote has no {it}")),
    );
    faults
}

#[test]
fn the_collector_asks_for_a_page_that_there_is() {
    let text = file("otel-collector.yaml");
    assert_eq!(faults_of_collector(&text), [""; 0]);
    let wrong = text.replace("collection_interval", "interval").replace("[pprof, otlp]", "[prof, otlp]");
    assert_eq!(faults_of_collector(&wrong), ["\"prof\" is none of the receivers", "remote has no interval"]);
    let token = "correct-horse-battery";
    let service = Service::start_with(&[("HIGHWATER_AGENT", &format!("token:{token}"))]);
    service.visit(3);
    let remote = &yaml(&text)[0]["receivers"]["pprof"]["remote"];
    let (_, page) = remote["endpoint"].as_str().unwrap().split_once(":6060").unwrap();
    let header =
        remote["headers"]["Authorization"].as_str().unwrap().replace("${env:HIGHWATER_TOKEN}", token);
    let get = |page: &str| {
        ask_with(service.agent, &format!("GET {page} HTTP/1.1"), &format!("Authorization: {header}\r\n"), b"")
    };
    let answer = get(page);
    assert_eq!(answer.status, 200);
    assert!(
        highwater_profile::read(&answer.body, &Default::default()).is_ok_and(|it| !it.samples.is_empty())
    );
    assert_eq!(get("/debug/pprof/heaps").status, 404);
}
