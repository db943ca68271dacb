//! An agent under hostile clients and under the project's own leak harness: the agent's resources end with
//! it.
//!
//! The test has a process of its own, because the agent runs in the test itself and its sockets are counted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use highwater_agent::Agent;

/// Makes the test leave an agent behind, to check that the harness reports it.
const PLANT: &str = "HIGHWATER_TEST_PLANT";

/// Sends a request, or a part of one.
fn send(agent: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(agent).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    // The server may refuse the request before it is complete.
    let _ = stream.write_all(request.as_bytes());
    stream
}

fn answer(agent: SocketAddr, request: &str) -> String {
    let mut answer = Vec::new();
    // A reset connection has no more data.
    let _ = send(agent, request).read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(page: &str) -> String {
    format!("GET {page} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// Each kind of hostile client once. All clients are gone at the end, and none has waited for its answer.
fn attack(agent: SocketAddr) {
    let silent: Vec<_> = (0..1_000).map(|_| send(agent, "")).collect();
    let slow = send(agent, "POST /interval HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nex");
    let waiting: Vec<_> = (0..10).map(|_| send(agent, &get("/debug/pprof/heap?seconds=300"))).collect();
    let looking = send(agent, &get("/debug/pprof/profile?seconds=300"));
    let long = "a".repeat(1 << 20);
    answer(agent, &format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {long}\r\n\r\n"));
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| answer(agent, &get("/debug/pprof/heap")));
        }
    });
    for refused in ["/debug/pprof/../../etc/passwd", "/debug/pprof/%68eap", "//debug/pprof/heap"] {
        assert!(answer(agent, &get(refused)).starts_with("HTTP/1.1 404 "));
    }
    let foreign = "GET /debug/pprof/heap HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    assert!(answer(agent, foreign).starts_with("HTTP/1.1 403 "));
    drop((silent, slow, waiting, looking));
}

/// Sockets of this process, and other descriptors of an event loop.
fn descriptors() -> Vec<String> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let targets = targets.map(|it| it.to_string_lossy().into_owned());
    targets.filter(|it| it.starts_with("socket:") || it.starts_with("anon_inode:")).collect()
}

#[test]
fn nothing_is_left_of_an_agent_that_was_attacked() {
    let is_planted = std::env::var_os(PLANT).is_some();
    let before = descriptors();
    {
        // When this is dropped, every thread started since then must have ended, or the test fails.
        let _leaks = highwater_leaktest::check().grace(Duration::from_secs(if is_planted { 1 } else { 60 }));
        let agent = Agent::builder().listen("127.0.0.1:0").start().unwrap();
        if is_planted {
            std::mem::forget(agent);
            return;
        }
        let address = agent.address().network().unwrap();
        attack(address);
        assert!(answer(address, &get("/debug/pprof/")).starts_with("HTTP/1.1 200 "));
        agent.stop();
    }
    let begin = Instant::now();
    while descriptors().len() > before.len() && begin.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(descriptors().len(), before.len(), "{before:?} {:?}", descriptors());
}

#[test]
fn the_harness_does_not_overlook_an_agent() {
    let test = "nothing_is_left_of_an_agent_that_was_attacked";
    let mut planted = Command::new(std::env::current_exe().unwrap());
    let output = planted.args([test, "--exact", "--nocapture"]).env(PLANT, "1").output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(!output.status.success() && said.contains("highwater-agent"), "{said}");
}
