//! Hostile clients. Whatever they do, the service's own memory does not change by a byte, the agent's memory
//! returns to its size, no file descriptor stays open, and the next client is served.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::service::{Service, ask, ask_with, connect, exchange, receive};

/// The state that an attack must not change.
#[derive(Debug, PartialEq, Eq)]
pub struct State {
    pub live_bytes: u64,
    pub alloc_bytes: u64,
}

impl State {
    fn read(service: &Service) -> Self {
        Self {
            live_bytes: service.metric("highwater_live_bytes"),
            alloc_bytes: service.metric("highwater_alloc_bytes_total"),
        }
    }
}

/// The growth that is allowed for the agent's own memory after an attack: tables that grew and stay.
const TOLERANCE_BYTES: u64 = 256 * 1024;

/// Runs an attack twice and compares the service's state before and after the second time. During the first
/// time, tables grow to their size.
fn attack(service: &mut Service, attack: impl Fn(&Service)) {
    service.visit(1);
    service.get("/debug/pprof/heap");
    attack(service);
    settle(service);
    let (before, own_before) = (State::read(service), service.metric("highwater_overhead_bytes"));
    let descriptors = settle(service);
    attack(service);
    let left_open = settle(service);
    assert!(left_open <= descriptors, "{descriptors} file descriptors have become {left_open}");
    assert!(service.is_running());
    assert_eq!(State::read(service), before);
    let own = service.metric("highwater_overhead_bytes");
    assert!(own <= own_before + TOLERANCE_BYTES, "{own_before} bytes of the agent's own have become {own}");
    assert_eq!(service.get("/debug/pprof/heap").status, 200);
}

/// Waits until the agent has noticed that its clients are gone. Returns the number of open file descriptors.
fn settle(service: &Service) -> usize {
    let begin = Instant::now();
    let mut last = usize::MAX;
    while begin.elapsed() < Duration::from_secs(60) {
        let now = service.descriptors();
        if now == last {
            break;
        }
        last = now;
        thread::sleep(Duration::from_millis(300));
    }
    last
}

#[test]
fn a_thousand_silent_connections_block_nobody() {
    attack(&mut Service::start(), |service| {
        let silent: Vec<_> = (0..1_000).map(|_| connect(service.agent)).collect();
        let begin = Instant::now();
        assert_eq!(service.get("/debug/pprof/heap").status, 200);
        // The answer must come before the silent connections time out.
        assert!(begin.elapsed() < Duration::from_secs(9), "{:?}", begin.elapsed());
        assert!(service.descriptors() < 400, "{}", service.descriptors());
        drop(silent);
    });
}

#[test]
fn a_silent_connection_ends() {
    let service = Service::start();
    let mut silent = connect(service.agent);
    silent.write_all(b"GET /debug/pprof/heap HT").unwrap();
    assert_eq!(receive(&mut silent).status, 0);
    assert!(service.metric("highwater_agent_dropped_connections_total") >= 1);
}

#[test]
fn oversized_heads_are_refused() {
    attack(&mut Service::start(), |service| {
        let long = "a".repeat(1 << 20);
        let many: String = (0..1_000).map(|index| format!("X-{index}: a\r\n")).collect();
        for request in [
            format!("GET /debug/pprof/heap HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}\r\n\r\n"),
            format!("GET /debug/pprof/heap HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"),
            format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            long.clone(),
            "\u{0}\u{1}\u{2}\r\n\r\n".to_owned(),
        ] {
            let status = exchange(service.agent, request.as_bytes()).status;
            // The connection may be reset before the answer is read.
            assert!([0, 400, 414, 431].contains(&status), "{status}");
        }
    });
}

#[test]
fn bodies_that_are_large_or_never_come_are_refused() {
    let mut service = Service::start();
    attack(&mut service, |service| {
        let large = ask_with(service.agent, "POST /interval HTTP/1.1", "", &vec![b'1'; 1 << 20]);
        assert!([0, 413].contains(&large.status), "{}", large.status);
        let line = "POST /interval HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = format!("10000\r\n{}\r\n", "1".repeat(0x10000)).repeat(16);
        let chunked = exchange(service.agent, format!("{line}{chunk}0\r\n\r\n").as_bytes());
        assert!([0, 413].contains(&chunked.status), "{}", chunked.status);
    });
    let mut slow = connect(service.agent);
    slow.write_all(b"POST /interval HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nex").unwrap();
    assert_eq!(service.get("/interval").status, 200);
    assert_eq!(receive(&mut slow).status, 408);
    assert_eq!(service.get("/interval").text(), "exact\n");
}

#[test]
fn a_hundred_captures_at_a_time_are_answered_or_refused() {
    attack(&mut Service::start(), |service| {
        let statuses: Vec<u16> = thread::scope(|scope| {
            let asked: Vec<_> =
                (0..100).map(|_| scope.spawn(|| service.get("/debug/pprof/heap").status)).collect();
            asked.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let count = |status| statuses.iter().filter(|&&it| it == status).count();
        assert!(count(200) >= 8, "{statuses:?}");
        assert_eq!(count(200) + count(503), 100, "{statuses:?}");
    });
}

#[test]
fn differences_are_few_at_a_time_and_end_with_their_client() {
    attack(&mut Service::start(), |service| {
        let mut asked: Vec<_> = (0..10)
            .map(|_| {
                let mut stream = connect(service.agent);
                let request = b"GET /debug/pprof/heap?seconds=300 HTTP/1.1\r\nHost: localhost\r\n\r\n";
                stream.write_all(request).unwrap();
                stream
            })
            .collect();
        // Excess requests are refused at once; the others are abandoned.
        let refused = asked.split_off(4).iter_mut().map(|stream| receive(stream).status).collect::<Vec<_>>();
        assert_eq!(refused, [503; 6]);
    });
    let service = Service::start();
    for bad in ["seconds=301", "seconds=-1", "seconds=x", "debug=x", "seconds=18446744073709551616"] {
        assert_eq!(service.get(&format!("/debug/pprof/heap?{bad}")).status, 400, "{bad}");
    }
}

#[test]
fn wrong_tokens_open_nothing() {
    let mut service = Service::start_with(&[("HIGHWATER_AGENT", "token:correct-horse-battery")]);
    let pages = ["/", "/debug/pprof/", "/debug/pprof/heap", "/metrics", "/interval", "/debug/pprof/nothing"];
    for page in pages {
        for header in
            ["", "Authorization: Bearer correct-horse-batterx\r\n", "Authorization: Basic OmNvcnJlY3Q=\r\n"]
        {
            let line = format!("GET {page} HTTP/1.1");
            let response = ask_with(service.agent, &line, header, b"");
            assert_eq!(response.status, 401, "{page} {header}");
            assert!(!String::from_utf8_lossy(&response.body).contains("horse"));
        }
    }
    let right = "Authorization: Bearer correct-horse-battery\r\n";
    assert_eq!(ask_with(service.agent, "GET /debug/pprof/heap HTTP/1.1", right, b"").status, 200);
    assert!(service.is_running());
}

#[test]
fn path_tricks_lead_nowhere() {
    attack(&mut Service::start(), |service| {
        for path in [
            "/debug/pprof/../../etc/passwd",
            "/debug/pprof/%2e%2e/%2e%2e/etc/passwd",
            "//etc/passwd",
            "/debug/pprof//heap",
            "/debug/pprof/heap/",
            "/debug/pprof/heap%00",
            "/debug/pprof/%68eap",
            "/debug/pprof/heap;x",
            "/%",
        ] {
            assert_eq!(service.get(path).status, 404, "{path}");
        }
        let strange = ask(service.agent, "GET http://evil.example/debug/pprof/heap HTTP/1.1");
        assert!([200, 400, 403, 404].contains(&strange.status), "{}", strange.status);
        for method in ["PUT", "DELETE", "TRACE", "CONNECT", "OPTIONS"] {
            let status = ask(service.agent, &format!("{method} /debug/pprof/heap HTTP/1.1")).status;
            assert!([400, 404, 405].contains(&status), "{method} {status}");
        }
    });
}

#[test]
fn a_page_in_a_browser_reaches_nothing() {
    let service = Service::start();
    let foreign = "GET /debug/pprof/heap HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    assert_eq!(exchange(service.agent, foreign.as_bytes()).status, 403);
    let origin = "Origin: http://evil.example\r\n";
    let changed = ask_with(service.agent, "POST /interval HTTP/1.1", origin, b"off");
    assert_eq!(changed.status, 403);
    assert_eq!(service.get("/interval").text(), "exact\n");
}
