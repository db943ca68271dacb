//! Servers that fail, answer wrongly or never finish, and directories that cannot be used.

use std::fs;

use super::server::{Answer, Server};
use super::{Going, Program, names, of_kind, quiet, watch, watched};
use crate::support::{Place, encoded};

/// Serves these answers and then a heap profile; returns the reported reason for each of them.
#[track_caller]
fn reasons(answers: Vec<Answer>, arguments: &str) -> Vec<String> {
    let place = Place::new();
    let count = answers.len();
    let mut program = Program::new(Some(1));
    let good = quiet(&mut program, 2).into_iter().map(Answer::Body);
    let server = Server::start(answers.into_iter().chain(good).collect());
    let events = watched(&place, &format!("{} --max-snapshots 2 {arguments}", server.url()));
    let failures = of_kind(&events, "failure");
    let consecutive: Vec<_> =
        failures.iter().map(|it| it["consecutive"].as_u64().unwrap() as usize).collect();
    assert_eq!(consecutive, (1..=count).collect::<Vec<_>>(), "{events:#?}");
    assert_eq!(events.last().unwrap()["failures"], count);
    assert_eq!(names(&place.path("highwater-watch/ring")).len(), 2, "nothing else was kept");
    failures.iter().map(|it| it["reason"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_failing_server_is_asked_again() {
    let answers = [500, 401, 404, 301].map(Answer::Status).to_vec();
    let reasons = reasons(answers, "");
    assert_eq!(reasons[0], "the server answered 500");
    assert!(reasons[1].contains("401; give a token in HIGHWATER_TOKEN"), "{reasons:?}");
    assert!(reasons[2].contains("404; give the whole address"), "{reasons:?}");
    assert!(!reasons[3].is_empty());
}

#[test]
fn only_heap_profiles_are_kept() {
    let cpu = highwater_profile::Profile::new(vec![highwater_profile::ValueType::new("cpu", "nanoseconds")]);
    let whole = Program::new(Some(9)).step(0, 0);
    let answers = vec![
        Answer::Body(b"<html>It works!</html>".to_vec()),
        Answer::Body(Vec::new()),
        Answer::Body(encoded(&cpu)),
        Answer::Body(whole[..whole.len() / 2].to_vec()),
        Answer::Short(whole.clone()),
        Answer::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        Answer::Raw(Vec::new()),
    ];
    let reasons = reasons(answers, "");
    for (reason, expected) in reasons.iter().zip([
        "the answer is no profile",
        "empty",
        "it has cpu; Go has its heap profile at /debug/pprof/heap",
        "cut off",
        "",
        "not valid HTTP",
        "",
    ]) {
        assert!(reason.contains(expected) && !reason.is_empty(), "{expected}: {reason}");
    }
}

#[test]
fn an_answer_without_end_is_bounded() {
    // The limit on memory ends it, not the timeout; slow machines get enough time.
    let reasons = reasons(vec![Answer::Endless], "--max-unpacked 1MiB --timeout 30s");
    assert_eq!(reasons, ["the answer has more than 1048576 bytes (--max-unpacked)"]);
}

#[test]
fn a_slow_answer_is_bounded() {
    let reasons = reasons(vec![Answer::Drip], "--timeout 2s");
    assert_eq!(reasons, ["the answer was not complete after 2 s (--timeout)"]);
}

#[test]
fn a_redirection_loop_ends() {
    let place = Place::new();
    // The first request and five redirections.
    let circle = vec![Answer::Redirect(None); 6];
    let good = quiet(&mut Program::new(Some(1)), 1).into_iter().map(Answer::Body);
    let server = Server::start(circle.into_iter().chain(good).collect());
    let events = watched(&place, &format!("{} --max-snapshots 1", server.url()));
    let failures = of_kind(&events, "failure");
    assert_eq!((failures.len(), server.requests().len()), (1, 7), "{events:#?}");
    assert!(failures[0]["reason"].as_str().unwrap().contains("redirects too often"), "{failures:?}");
}

#[test]
fn only_the_server_gets_the_token() {
    let place = Place::new();
    let other = Server::bodies(quiet(&mut Program::new(Some(1)), 1));
    let server = Server::start(vec![Answer::Redirect(Some(other.url()))]);
    let run = place
        .command()
        .args(["watch", "--every", "1ms", "--max-snapshots", "1", "--for", "60s", &server.url()])
        .env("HIGHWATER_TOKEN", "s3cret")
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(0));
    assert!(server.requests()[0].to_lowercase().contains("authorization: bearer s3cret"));
    assert!(!other.requests()[0].to_lowercase().contains("authorization"), "{:?}", other.requests());
    let output = [run.stdout, run.stderr].concat();
    assert!(!String::from_utf8_lossy(&output).contains("s3cret"));
    let with_option = Server::bodies(quiet(&mut Program::new(Some(1)), 1));
    watched(&place, &format!("{}/heap --token abc --max-snapshots 1", with_option.url()));
    let request = with_option.requests()[0].clone();
    assert!(request.starts_with("GET /heap HTTP/1.1") && request.contains("Bearer abc"), "{request}");
}

#[test]
fn nobody_answers() {
    let place = Place::new();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let run = place.run(&format!("watch http://127.0.0.1:{port} --every 1ms --for 100ms"));
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.starts_with(&format!(
            "highwater: error: http://127.0.0.1:{port}/debug/pprof/heap: no snapshot arrived: "
        )),
        "{}",
        run.stderr
    );
    assert_eq!(run.stderr.lines().count(), 1);
}

#[test]
fn an_output_that_cannot_be_used_ends_the_watch() {
    let server = Server::bodies(quiet(&mut Program::new(Some(1)), 1));
    let place = Place::new();
    place.bytes("file", b"");
    for out in ["file", "file/out"] {
        let run = place.run(&format!("watch {} --out {out}", server.url()));
        assert!(run.error().contains(&format!("cannot write {out}")), "{}", run.stderr);
    }
    assert!(server.requests().is_empty(), "nobody was asked in vain");
    // The path for incidents is a file.
    let mut program = Program::new(Some(1));
    let mut bodies = quiet(&mut program, 5);
    bodies.push(program.step(0, 400));
    let server = Server::bodies(bodies);
    fs::create_dir(place.path("out")).unwrap();
    place.bytes("out/incidents", b"theirs");
    let run = watch(&place, &format!("{} --out out --max-snapshots 6", server.url()));
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("cannot write out/incidents"), "{}", run.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_the_watch() {
    let place = Place::new();
    let mut noise = 1u32;
    // Longer than the limit below, compressed or not.
    let long = (0..20_000).map(|_| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + (noise >> 24) as u8 % 26)
    });
    let mut program = Program::new(Some(1));
    program.step(0, 0);
    let mut profile = program.profile();
    profile.comments.push(long.collect());
    let server = Server::bodies(vec![encoded(&profile)]);
    // The limit of about 4 KiB a file acts like a full disk.
    let script = format!("trap '' XFSZ; ulimit -f 8; exec \"$0\" watch {} --for 60s", server.url());
    let binary = env!("CARGO_BIN_EXE_highwater");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script, binary]).current_dir(place.path(""));
    let output = command.output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("cannot write highwater-watch/ring/watch-"), "{message}");
    assert!(names(&place.path("highwater-watch/ring")).is_empty(), "no half file");
}

#[test]
fn invalid_targets_have_a_helpful_error() {
    let place = Place::new();
    place.bytes("text", b"no number");
    place.bytes("app.pid", b"1");
    for (arguments, expected) in [
        ("https://host --cacert nowhere", "cannot read the authorities in nowhere"),
        ("ftp://host", "not an address"),
        ("localhost:6060", "an address begins with http://"),
        ("nowhere", "there is no such directory or file"),
        ("text", "there is no process id in this file"),
        ("http://user:pw@host", "HIGHWATER_TOKEN"),
        ("http://host --from .", "--from goes with a file"),
        ("app.pid --from nowhere", "nowhere"),
        ("http://host --every 90", "the unit is one of"),
        ("http://host --keep 1", "--keep"),
        ("http://host --min-rise 10%", "from 0 to 1"),
        ("http://host --max-snapshots 0", "--max-snapshots"),
        ("", "TARGET"),
    ] {
        let run = place.run(&format!("watch {arguments}"));
        let message = run.error();
        assert!(message.contains(expected), "{arguments}: {message}");
        assert!(!message.contains("pw"), "{message}");
    }
    assert_eq!(place.files(), ["app.pid", "text"]);
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_the_watch_with_a_summary() {
    let place = Place::new();
    let server = Server::bodies(quiet(&mut Program::new(Some(1)), 1));
    let mut going = Going::start(&place, &format!("{} --every 1h", server.url()));
    going.wait_for("snapshot");
    let (code, events) = going.interrupt();
    assert_eq!(code, Some(0));
    let last = events.last().unwrap();
    assert_eq!((&last["because"], &last["snapshots"]), (&"asked".into(), &1.into()));
    // Ctrl-C also works while a server delays its answer.
    let server = Server::start(vec![Answer::Status(500), Answer::Drip]);
    let mut going = Going::start(&place, &format!("{} --every 1ms --timeout 1h", server.url()));
    going.wait_for("failure");
    let (code, events) = going.interrupt();
    assert_eq!((code, &events.last().unwrap()["event"]), (Some(0), &"ended".into()));
}

#[test]
fn two_watches_do_not_share_a_directory() {
    let place = Place::new();
    let server = Server::bodies(quiet(&mut Program::new(Some(1)), 1));
    let mut going = Going::start(&place, &format!("{} --every 1h", server.url()));
    going.wait_for("snapshot");
    let run = place.run(&format!("watch {}", server.url()));
    assert!(run.error().contains("another watch writes here"), "{}", run.stderr);
}
