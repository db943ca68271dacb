//! Where processor time goes: the right function is named, and nothing goes on when it is over.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use highwater_profile::Limits;

use crate::clients::pprof;
use crate::service::{Service, ask, connect};

/// Keeps the service at work for as long as `look` takes.
fn busy<R: Send>(service: &Service, look: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| {
        let looking = scope.spawn(look);
        while !looking.is_finished() {
            assert_eq!(ask(service.address, "GET /compute/200 HTTP/1.1").status, 200);
        }
        looking.join().unwrap()
    })
}

/// What the kernel says of the process: of signals that are caught, and the thread's names.
fn catches_profiling(service: &Service) -> bool {
    const SIGPROF: u32 = 27;
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap();
    u64::from_str_radix(caught, 16).unwrap() >> (SIGPROF - 1) & 1 == 1
}

#[test]
fn go_names_the_busy_function() {
    let service = Service::start();
    let page = format!("http://{}/debug/pprof/profile", service.agent);
    // The address goes last, and what the profile holds is asked for by number of seconds.
    let top = busy(&service, || pprof(&["-top", "-cum", "-seconds=2"], &page));
    assert!(top.contains("Type: cpu") && top.contains("grind"), "{top}");
    // With all that it calls it has most of the time: the rest is the service, and the agent itself.
    let row = top.lines().find(|line| line.ends_with("grind")).unwrap_or_else(|| panic!("{top}"));
    let share: f64 = row.split_whitespace().nth(4).unwrap().trim_end_matches('%').parse().unwrap();
    assert!(share > 60.0, "{top}");
}

#[test]
fn one_at_a_time_and_nothing_runs_on() {
    let service = Service::start();
    assert!(!catches_profiling(&service));
    let overhead = service.metric("highwater_overhead_bytes");
    let first = thread::scope(|scope| {
        let first = scope.spawn(|| service.get("/debug/pprof/profile?seconds=3"));
        while !catches_profiling(&service) {
            assert!(!first.is_finished(), "{first:?}");
        }
        let second = service.get("/debug/pprof/profile?seconds=1");
        assert_eq!(second.status, 503, "{}", String::from_utf8_lossy(&second.body));
        first.join().unwrap()
    });
    assert_eq!(first.status, 200);
    let profile = highwater_profile::read(&first.body, &Limits::default()).unwrap();
    assert!(profile.duration_ns >= 3_000_000_000 && profile.period == 10_000_000);
    assert!(!catches_profiling(&service));
    // Room for the samples is 8 MiB, of which nothing stays.
    let left = service.metric("highwater_overhead_bytes");
    assert!(left < overhead + (4 << 20), "{overhead} bytes became {left}");
    assert_eq!(service.get("/debug/pprof/profile?seconds=301").status, 400);
}

#[test]
fn a_client_that_goes_ends_it() {
    let service = Service::start();
    let mut client = connect(service.agent);
    client.write_all(b"GET /debug/pprof/profile?seconds=300 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    wait(|| catches_profiling(&service));
    drop(client);
    wait(|| !catches_profiling(&service));
    assert_eq!(service.get("/debug/pprof/profile?seconds=1").status, 200);
}

/// Signals hit the recorder in the middle of its work, and its work is all that the service does.
#[test]
fn a_service_that_does_nothing_but_allocate_goes_on() {
    let mut service = Service::start();
    thread::scope(|scope| {
        let looking = scope.spawn(|| service.get("/debug/pprof/profile?seconds=3"));
        while !looking.is_finished() {
            let asking: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        assert_eq!(ask(service.address, "GET /work HTTP/1.1").status, 200);
                        assert_eq!(service.get("/debug/pprof/heap").status, 200);
                    })
                })
                .collect();
            asking.into_iter().for_each(|it| it.join().unwrap());
        }
        assert_eq!(looking.join().unwrap().status, 200);
    });
    assert!(service.is_running());
}

fn wait(is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(60));
        thread::sleep(Duration::from_millis(20));
    }
}
