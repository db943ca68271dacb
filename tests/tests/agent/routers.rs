//! The agent's pages, answered by servers of the application's.

use std::io::Write;

use crate::clients::pprof;
use crate::hostile::State;
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
    for path in index.split("href=\"").skip(1).map(|it| it.split('"').next().unwrap()) {
        let status = get(&service, path).status;
        assert_eq!(status, if path == "/purge" { 405 } else { 200 }, "{by} {path}");
    }
    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    let set = |body: &[u8]| ask_with(service.agent, "POST /interval HTTP/1.1", &token, body);
    assert_eq!(set(b"exact").text(), "exact -> exact\n");
    assert_eq!(set(&[b'1'; 1 << 20]).status, 413);
    let origin = format!("{token}Origin: http://evil.example\r\n");
    assert_eq!(ask_with(service.agent, "POST /interval HTTP/1.1", &origin, b"off").status, 403);
    // Nobody else gets anything, whatever the name that he calls the machine by.
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

/// What a router's answers are made of is not the program's memory, but for the requests and heads of responses that the
/// server around it handles.
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
        // One who does not wait for the answer.
        let mut gone = connect(service.agent);
        write!(gone, "GET /debug/pprof/heap?seconds=1 HTTP/1.1\r\nHost: localhost\r\n{token}\r\n").unwrap();
    }
    let mut refused = connect(service.agent);
    refused.write_all(b"GET /debug/pprof/heap HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    drop(receive(&mut refused));
    let after = state();
    // The text is more than a MiB each time, and making it takes a multiple. A connection takes hyper and axum 50 KiB.
    assert!(text > 1 << 20, "{text}");
    assert!(after.alloc_bytes - before.alloc_bytes < 2 << 20, "{before:?} {after:?}");
    assert!(after.live_bytes.abs_diff(before.live_bytes) < 100_000, "{before:?} {after:?}");
}
