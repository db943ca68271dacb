//! Threads and tasks: the pages name the lines that started them.

use std::time::{Duration, Instant};

use crate::clients::pprof;
use crate::service::{Service, ask, ask_with};

/// The number of the example's first line that contains `text`.
fn line_of(text: &str) -> usize {
    let source = include_str!("../../../../crates/highwater-agent/examples/service.rs");
    1 + source.lines().position(|line| line.contains(text)).unwrap()
}

/// Makes the service leave this many tasks behind.
fn leave(service: &Service, tasks: usize) {
    for _ in 0..tasks {
        assert_eq!(ask(service.address, "GET /impatient HTTP/1.1").status, 200);
    }
}

/// The heads of a text's rows whose innermost call is at this line: counts and errors. There is one row for
/// each call path to the line.
fn rows(text: &str, line: &str) -> Vec<(f64, f64)> {
    let lines: Vec<_> = text.lines().collect();
    let heads = lines.windows(2).filter(|it| it[0].contains(" @ ") && it[1].ends_with(line)).map(|it| it[0]);
    let counts = heads.map(|head| {
        let numbers = head.split(" @ ").next().unwrap();
        let (count, error) = numbers.split_once(" ± ").unwrap_or((numbers, "0"));
        (count.parse().unwrap(), error.parse().unwrap())
    });
    counts.collect()
}

fn count(text: &str, line: &str) -> f64 {
    rows(text, line).iter().map(|it| it.0).sum()
}

#[test]
fn a_forgotten_task_is_named_by_its_spawn_line() {
    let service = Service::start();
    let line = format!("service.rs:{}", line_of("tokio::spawn(ask_backend())"));
    let before = service.get("/debug/pprof/tasks?debug=1").text();
    assert!(!before.contains(&line), "{before}");
    leave(&service, 23);
    let text = service.get("/debug/pprof/tasks?debug=1").text();
    assert_eq!(count(&text, &line), 23.0, "{text}");
    assert!(text.contains("every task is counted"), "{text}");
    let page = format!("http://{}/debug/pprof/tasks", service.agent);
    let top = pprof(&["-top", "-lines"], &page);
    assert!(top.contains("Type: tasks"), "{top}");
    let leaf = top.lines().find(|it| it.contains(&line)).unwrap_or_else(|| panic!("{top}"));
    assert_eq!(leaf.split_whitespace().next(), Some("23"), "{top}");
}

#[test]
fn sampled_tasks_come_with_their_error() {
    let service = Service::start_with(&[("HIGHWATER", "interval:4KiB")]);
    leave(&service, 400);
    let text = service.get("/debug/pprof/tasks?debug=1").text();
    let line = format!("service.rs:{}", line_of("tokio::spawn(ask_backend())"));
    let rows = rows(&text, &line);
    let count: f64 = rows.iter().map(|it| it.0).sum();
    let error = rows.iter().fold(0.0, |sum, it| sum + it.1 * it.1).sqrt();
    // Sampling is random: a deviation of six standard errors occurs once in a billion runs.
    assert!(error > 1.0 && (count - 400.0).abs() < 6.0 * error.max(50.0), "{text}");
    assert!(text.contains("one in 4096 bytes allocated"), "{text}");
    let set = ask_with(service.agent, "POST /interval HTTP/1.1", "", b"exact");
    assert_eq!(set.text(), "4096 -> exact\n");
}

#[test]
fn a_thread_is_named_by_the_line_that_started_it() {
    let service = Service::start();
    let line = format!("service.rs:{}", line_of("thread::spawn(move || runtime.block_on"));
    // The service prints its address before it starts that thread.
    let begin = Instant::now();
    let mut text = String::new();
    while !text.contains(&line) && begin.elapsed() < Duration::from_secs(60) {
        text = service.get("/debug/pprof/threads?debug=1").text();
    }
    assert_eq!(count(&text, &line), 1.0, "{text}");
    // The main thread started before.
    assert!(text.starts_with("threads profile: total ") && text.contains("1 @ agent_service\n"), "{text}");
    let page = format!("http://{}/debug/pprof/threads", service.agent);
    let top = pprof(&["-top", "-lines", "-cum"], &page);
    assert!(top.contains(&line) && top.contains("Type: threads"), "{top}");
    // Frames between the program and the system are left out, so the program's own line is the leaf.
    assert!(!top.contains("highwater_hooks"), "{top}");
}
