//! The content of the pages.

use std::thread;

use highwater_profile::{Label, LabelValue, Limits, Profile};

use crate::service::{Service, ask_with};

fn read(bytes: &[u8]) -> Profile {
    highwater_profile::read(bytes, &Limits::default()).unwrap()
}

fn total(profile: &Profile, kind: &str) -> i64 {
    profile.samples.total(profile.sample_type(kind).unwrap())
}

/// The profile's value for the blocks that the service keeps; no other blocks have their size.
fn visits(profile: &Profile, kind: &str) -> i64 {
    let column = profile.sample_type(kind).unwrap();
    let is_visit = |label: &Label| {
        profile.string(label.key) == "bytes" && matches!(label.value, LabelValue::Number(3_000, _))
    };
    profile.samples.iter().filter(|it| it.labels.iter().any(is_visit)).map(|it| it.values[column]).sum()
}

#[test]
fn live_values_equal_the_services_counts() {
    let service = Service::start();
    service.visit(20);
    // The service may still be closing the last visitor's connection.
    let is_equal = |_| {
        let profile = read(&service.get("/debug/pprof/heap").body);
        assert_eq!(visits(&profile, "inuse_space"), 20 * 3_000);
        total(&profile, "inuse_space") == i64::try_from(service.metric("highwater_live_bytes")).unwrap()
    };
    assert!((0..100).any(is_equal));
}

/// The visits in a row of the text: `2: 6000 [2: 6000] @ …`, followed by the names of its frames.
fn visits_in_text(row: &str) -> Option<u64> {
    let (blocks, rest) = row.split_once(": ")?;
    let blocks: u64 = blocks.parse().ok()?;
    let name = row.lines().find(|line| line.contains("::remember"))?;
    assert!(name.contains("service.rs:"), "{name}");
    rest.starts_with(&format!("{} [", 3_000 * blocks)).then_some(blocks)
}

#[test]
fn the_text_names_the_line() {
    let service = Service::start();
    service.visit(20);
    let response = service.get("/debug/pprof/heap?debug=1");
    assert!(response.head.contains("content-type: text/plain"), "{}", response.head);
    let text = response.text();
    // One row for each call path to the line; the service's threads reach it by different paths.
    let (_, rows) = text.split_once('\n').unwrap();
    let visits: u64 =
        rows.split("\n\n").filter(|row| row.contains("::remember")).filter_map(visits_in_text).sum();
    assert_eq!(visits, 20, "{text}");
    let profile = read(&response.body);
    assert!(total(&profile, "inuse_space") >= 60_000);
}

#[test]
fn a_difference_has_new_allocations_and_all_live_blocks() {
    let service = Service::start();
    service.visit(10);
    let profile = thread::scope(|scope| {
        let asked = scope.spawn(|| read(&service.get("/debug/pprof/heap?seconds=2").body));
        while !asked.is_finished() {
            service.visit(1);
        }
        asked.join().unwrap()
    });
    let (live, allocated) = (visits(&profile, "inuse_objects"), visits(&profile, "alloc_objects"));
    // Blocks from before the first snapshot are in the live values but not in the difference.
    assert!(live >= allocated + 10, "{live} {allocated}");
    assert!(allocated > 0);
    assert!(total(&profile, "alloc_space") > 3_000 * allocated);
    assert!(profile.duration_ns >= 2_000_000_000, "{}", profile.duration_ns);
}

#[test]
fn the_interval_can_be_changed_while_the_service_runs() {
    let service = Service::start();
    assert_eq!(service.get("/interval").text(), "exact\n");
    let set = |body: &[u8]| ask_with(service.agent, "POST /interval HTTP/1.1", "", body);
    assert_eq!(set(b"64KiB\n").text(), "exact -> 65536\n");
    assert_eq!(service.metric("highwater_interval_bytes"), 65536);
    assert_eq!(set(b"sometimes").status, 400);
    assert_eq!(service.get("/interval").text(), "65536\n");
}

#[test]
fn free_memory_is_given_back() {
    let service = Service::start();
    let said = ask_with(service.agent, "POST /purge HTTP/1.1", "", b"").text();
    assert!(
        said.starts_with("rss_bytes ") && said.contains(" -> ") && said.contains("live_bytes "),
        "{said}"
    );
    assert_eq!(service.get("/purge").status, 405);
}

/// The paths of the index's links, resolved against the path of the index.
pub fn links(index: &str) -> Vec<String> {
    let links = index.split("href=\"").skip(1).map(|it| it.split('"').next().unwrap());
    links
        .map(|link| match link.strip_prefix("../..") {
            Some(path) => path.to_owned(),
            None => format!("/debug/pprof/{}", link.strip_prefix("./").unwrap_or(link)),
        })
        .collect()
}

#[test]
fn every_page_that_is_listed_is_there() {
    let service = Service::start();
    let index = service.get("/debug/pprof/").text();
    let paths = links(&index);
    assert!(paths.len() >= 9, "{index}");
    for path in paths {
        let path = path.as_str();
        let status = service.get(path).status;
        assert_eq!(status, if path == "/purge" { 405 } else { 200 }, "{path}");
    }
    let words = service.get("/debug/pprof/cmdline").text();
    assert!(words.ends_with("agent_service\u{0}127.0.0.1:0\u{0}127.0.0.1:0"), "{words}");
}

#[test]
fn what_is_resident_adds_up_to_what_the_kernel_says() {
    let service = Service::start();
    service.visit(200);
    let profile = read(&service.get("/debug/pprof/rss").body);
    assert_eq!(profile.default_sample_type, profile.sample_type("resident_space"));
    let resident = total(&profile, "resident_space");
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kilobytes: i64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    // The snapshot itself takes memory, which is given back later.
    assert!((resident - kilobytes * 1024).abs() < 24 << 20, "{resident} and {line}");
    assert_eq!(visits(&profile, "inuse_space"), 200 * 3_000);
    let ledger = profile.strings.find("ledger").unwrap();
    let unnamed = profile.strings.find("unnamed");
    let is_unnamed = |it: &highwater_profile::Sample<'_>| unnamed.is_some() && it.text(ledger) == unnamed;
    let column = profile.sample_type("resident_space").unwrap();
    let unnamed: i64 = profile.samples.iter().filter(is_unnamed).map(|it| it.values[column]).sum();
    assert!(unnamed * 100 <= resident * 3, "{unnamed} of {resident} bytes have no name");
}
