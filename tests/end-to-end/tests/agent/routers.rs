//! The agent's pages, served by an application's own servers.

use std::io::Write;

use highwater_tests::go::Go;

use crate::clients::{pprof, pprof_by};
use crate::hostile::State;
use crate::pages::links;
use crate::service::{Response, Service, ask, ask_with, connect, receive};

const TOKEN: &str = "correct-horse-battery";

fn get(service: &Service, path: &str) -> Response {
    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    ask_with(service.agent, &format!("GET {path} HTTP/1.1"), &token, b"")
}

fn check(by: &str, visit: &str) {
    let service = Service::with_pages(by);
    for _ in 0..20 {
        ask(service.address, visit);
    }
    let page = |name| format!("http://highwater:{TOKEN}@{}/debug/pprof/{name}", service.agent);
    for name in ["heap", "allocs", "heap?seconds=1"] {
        let top = pprof(&["-top"], &page(name));
        assert!(top.contains("keep"), "{by} {name}: {top}");
    }
    let threads = pprof(&["-tags"], &page("threads"));
    assert!(threads.contains("highwater-snap"), "{threads}");
    let cpu = pprof(&["-top"], &page("profile?seconds=1"));
    assert!(cpu.contains("Type: cpu"), "{cpu}");
    let index = get(&service, "/debug/pprof/").text();
    for path in links(&index) {
        let path = path.as_str();
        let status = get(&service, path).status;
        assert_eq!(status, if path == "/purge" { 405 } else { 200 }, "{by} {path}");
    }
    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    let set = |body: &[u8]| ask_with(service.agent, "POST /interval HTTP/1.1", &token, body);
    assert_eq!(set(b"exact").text(), "exact -> exact\n");
    assert_eq!(set(&[b'1'; 1 << 20]).status, 413);
    let origin = format!("{token}Origin: http://evil.example\r\n");
    assert_eq!(ask_with(service.agent, "POST /interval HTTP/1.1", &origin, b"off").status, 403);
    // Clients without the token get nothing, whatever host name they use.
    for page in ["heap", "profile", "cmdline", ""] {
        assert_eq!(ask(service.agent, &format!("GET /debug/pprof/{page} HTTP/1.1")).status, 401);
    }
}

#[test]
fn axum_answers_for_the_agent() {
    check("axum", "GET /keep HTTP/1.1");
}

#[test]
fn hyper_answers_for_the_agent() {
    check("hyper", "GET /debug/pprof/ HTTP/1.1");
}

/// Requests all pages below a path, with the links of the index and with both versions of Go.
fn check_below(service: &Service) {
    let index = get(service, "/internal/debug/pprof/").text();
    for path in links(&index) {
        let status = get(service, &format!("/internal{path}")).status;
        assert_eq!(status, if path == "/purge" { 405 } else { 200 }, "{path}");
    }
    let moved = get(service, "/internal/debug/pprof");
    assert!(moved.status == 308 && moved.head.contains("location: pprof/\r\n"), "{}", moved.head);
    let heap = format!("http://highwater:{TOKEN}@{}/internal/debug/pprof/heap", service.agent);
    for go in Go::ALL {
        let top = pprof_by(go, &["-top", "-symbolize=remote"], &heap);
        assert!(top.contains("Type: inuse_space") && top.contains("routers"), "{go:?}: {top}");
    }
}

#[test]
fn pages_lie_below_a_path_of_axum() {
    let service = Service::with_pages("nested");
    check_below(&service);
    assert_eq!(get(&service, "/debug/pprof/heap").status, 404);
    // The service's own page is not replaced, and the agent's page of that name needs no token.
    assert_eq!(ask(service.agent, "GET /healthz HTTP/1.1").text(), "the service is well\n");
    assert_eq!(ask(service.agent, "GET /internal/healthz HTTP/1.1").text(), "ok\n");
}

#[test]
fn pages_lie_below_a_prefix_of_hyper() {
    let service = Service::with_pages_at("hyper", "prefix:/internal");
    check_below(&service);
    for outside in
        ["/debug/pprof/heap", "/internal", "/internalx/debug/pprof/heap", "/internal/internal/metrics"]
    {
        assert_eq!(get(&service, outside).status, 404, "{outside}");
    }
}

/// axum removes the body of an answer to `HEAD` and would state a length of 0. The page is not empty.
#[test]
fn a_head_through_axum_states_no_length_that_is_not_known() {
    let service = Service::with_pages("axum");
    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    let head = |path: &str| ask_with(service.agent, &format!("HEAD {path} HTTP/1.1"), &token, b"");
    let heap = head("/debug/pprof/heap");
    assert!(
        heap.status == 200 && heap.body.is_empty() && !heap.head.contains("content-length"),
        "{}",
        heap.head
    );
    let index = get(&service, "/debug/pprof/").body.len();
    let shown = head("/debug/pprof/");
    assert!(
        shown.head.contains(&format!("content-length: {index}\r\n")) && shown.body.is_empty(),
        "{}",
        shown.head
    );
    // If the application has a page with the same path, its page is kept when the routers are merged.
    assert_eq!(ask(service.agent, "GET /healthz HTTP/1.1").text(), "the service is well\n");
}

/// A router's answers are not made in the program's memory, except for requests and response heads, which the
/// application's server handles.
#[test]
fn a_profile_is_not_made_in_the_memory_of_the_program() {
    let service = Service::with_pages("axum");
    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    let state = || {
        let metric = |name| {
            let text = get(&service, "/metrics").text();
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.unwrap().parse().unwrap()
        };
        State {
            live_bytes: metric("highwater_live_bytes"),
            alloc_bytes: metric("highwater_alloc_bytes_total"),
        }
    };
    let text = get(&service, "/debug/pprof/heap?debug=1").body.len();
    let before = state();
    for _ in 0..2 {
        assert_eq!(get(&service, "/debug/pprof/heap").status, 200);
        assert_eq!(get(&service, "/debug/pprof/heap?debug=1").status, 200);
        // A client that does not wait for the answer.
        let mut gone = connect(service.agent);
        write!(gone, "GET /debug/pprof/heap?seconds=1 HTTP/1.1\r\nHost: localhost\r\n{token}\r\n").unwrap();
    }
    let mut refused = connect(service.agent);
    refused.write_all(b"GET /debug/pprof/heap HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    drop(receive(&mut refused));
    let after = state();
    // The text has more than one MiB, and making it needs several times as much. A connection costs hyper and
    // axum 50 KiB.
    assert!(text > 1 << 20, "{text}");
    assert!(after.alloc_bytes - before.alloc_bytes < 2 << 20, "{before:?} {after:?}");
    assert!(after.live_bytes.abs_diff(before.live_bytes) < 100_000, "{before:?} {after:?}");
}
