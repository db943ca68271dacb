//! Profiles of processor time: the right function is named, and sampling ends with the request.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use highwater_profile::Limits;
use highwater_tests::go::Go;
use highwater_tests::{highwater, succeed};

use crate::clients::pprof;
use crate::service::{Service, ask, connect};

/// Keeps the service busy while `look` runs.
fn busy<R: Send>(service: &Service, look: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| {
        let looking = scope.spawn(look);
        while !looking.is_finished() {
            assert_eq!(ask(service.address, "GET /compute/200 HTTP/1.1").status, 200);
        }
        looking.join().unwrap()
    })
}

/// The kernel's information about the process: whether it catches profiling signals.
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
    // The address is the last argument; the duration is a number of seconds.
    let top = busy(&service, || pprof(&["-top", "-cum", "-seconds=2"], &page));
    assert!(top.contains("Type: cpu") && top.contains("grind"), "{top}");
    // Including its callees, this function has most of the time; the rest is the service and the agent.
    let row = top.lines().find(|line| line.ends_with("grind")).unwrap_or_else(|| panic!("{top}"));
    let share: f64 = row.split_whitespace().nth(4).unwrap().trim_end_matches('%').parse().unwrap();
    assert!(share > 60.0, "{top}");
}

/// The profile of a program with known shares: 6, 3 and 1 tenths. Checked for the recorder's own walk and for
/// the crate pprof.
#[test]
fn shares_are_true_and_equal_the_crate_pprofs() {
    /// Enough to distinguish 6 tenths from 3. On a busy machine the program gets little time, so it may need
    /// several rounds.
    const LEAST_SAMPLES: f64 = 200.0;
    let look = |settings: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_busy"));
        command.env("HIGHWATER_AGENT", settings);
        let program = Service::spawn(command);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("profile.pb.gz");
        let mut seconds = [0.0; 3];
        while seconds.iter().sum::<f64>() < LEAST_SAMPLES * 0.01 {
            let profile = program.get("/debug/pprof/profile?seconds=3");
            assert_eq!(profile.status, 200, "{}", String::from_utf8_lossy(&profile.body));
            std::fs::write(&file, profile.body).unwrap();
            let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
            let top = Go::Debian.pprof(directory.path(), temporary, &["-top", "-cum"], &[&file]);
            for (sum, more) in seconds.iter_mut().zip(seconds_of_parts(&top)) {
                *sum += more;
            }
        }
        Shares::new(seconds)
    };
    let [own, theirs] = thread::scope(|scope| {
        ["", "cpu:pprof"].map(|it| scope.spawn(move || look(it))).map(|it| it.join().unwrap())
    });
    for (index, truth) in [0.6, 0.3, 0.1].into_iter().enumerate() {
        for shares in [&own, &theirs] {
            let error = shares.error(truth);
            assert!((shares.parts[index] - truth).abs() < 5.0 * error, "{index}: {own:?} {theirs:?}");
        }
        let error = own.error(truth).hypot(theirs.error(truth));
        assert!((own.parts[index] - theirs.parts[index]).abs() < 5.0 * error, "{index}: {own:?} {theirs:?}");
    }
    // The planted fault: another function's share does not fit.
    assert!((own.parts[0] - 0.3).abs() > 4.0 * own.error(0.3), "{own:?}");
}

/// The times that Go shows for the three functions including their callees, in seconds.
fn seconds_of_parts(top: &str) -> [f64; 3] {
    assert!(top.contains("Type: cpu"), "{top}");
    ["six_parts", "three_parts", "one_part"].map(|function| {
        // A function without samples has no row.
        let Some(row) = top.lines().find(|it| it.ends_with(function)) else { return 0.0 };
        let shown = row.split_whitespace().nth(3).unwrap();
        let digits = shown.trim_end_matches(|it: char| it.is_ascii_alphabetic());
        let unit = match &shown[digits.len()..] {
            "s" => 1.0,
            "ms" => 1e-3,
            _ => panic!("{shown} is no time in\n{top}"),
        };
        unit * digits.parse::<f64>().unwrap()
    })
}

/// The shares of three functions in the time.
#[derive(Debug)]
struct Shares {
    parts: [f64; 3],
    samples: f64,
}

impl Shares {
    fn new(seconds: [f64; 3]) -> Self {
        let sum: f64 = seconds.iter().sum();
        Self { parts: seconds.map(|it| it / sum), samples: sum / 0.01 }
    }

    /// Standard error of this share, for a number of independent samples.
    fn error(&self, share: f64) -> f64 {
        (share * (1.0 - share) / self.samples).sqrt()
    }
}

#[test]
fn times_are_read_as_times() {
    let service = Service::start();
    let page = format!("http://{}/debug/pprof/profile?seconds=1", service.agent);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("profile.pb.gz");
    busy(&service, || succeed(Command::new("curl").args(["-s", "-o"]).arg(&file).arg(&page)));
    let raw = Go::Python.pprof(directory.path(), Path::new(env!("CARGO_TARGET_TMPDIR")), &["-raw"], &[&file]);
    assert!(raw.contains("PeriodType: cpu nanoseconds\n") && raw.contains("Period: 10000000\n"), "{raw}");
    assert!(raw.contains("samples/count cpu/nanoseconds[dflt]"), "{raw}");
    let top = succeed(Command::new(highwater()).arg("top").arg(&file));
    let head = top.lines().next().unwrap();
    assert!(head.starts_with("cpu ") && (head.contains(" s ") || head.contains(" ms ")), "{top}");
    assert!(
        top.contains("one sample every 10.0 ms of cpu; ± gives") && !top.contains("nanoseconds"),
        "{top}"
    );
    let info = succeed(Command::new(highwater()).arg("info").arg(&file));
    assert!(
        info.contains("one sample every 10.0 ms of cpu") && !info.contains("sampling interval"),
        "{info}"
    );
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
    // The buffer for samples has 8 MiB, and all of it is freed.
    let left = service.metric("highwater_overhead_bytes");
    assert!(left < overhead + (4 << 20), "{overhead} bytes became {left}");
    assert_eq!(service.get("/debug/pprof/profile?seconds=301").status, 400);
}

#[test]
fn a_client_that_disconnects_ends_sampling() {
    let service = Service::start();
    let mut client = connect(service.agent);
    client.write_all(b"GET /debug/pprof/profile?seconds=300 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    wait(|| catches_profiling(&service));
    drop(client);
    wait(|| !catches_profiling(&service));
    assert_eq!(service.get("/debug/pprof/profile?seconds=1").status, 200);
}

/// Signals interrupt the recorder during its work, because the service only allocates.
#[test]
fn a_service_that_only_allocates_survives_sampling() {
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
