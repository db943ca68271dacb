//! Profiles from standard input and from servers.

use std::io::Write;
use std::process::Stdio;

use highwater_profile::Meta;

use crate::support::{Place, Run, demo, encoded};
use crate::watch::server::{Answer, Server};

/// Runs the command with these bytes on its standard input.
fn piped(place: &Place, arguments: &str, input: &[u8]) -> Run {
    let mut command = place.command();
    command.args(arguments.split_whitespace());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Every command that reads one profile; `IN` stands for the profile.
const COMMANDS: [&str; 14] = [
    "top IN",
    "tree IN",
    "peek add IN",
    "list add IN",
    "info IN",
    "leaks IN",
    "advise IN",
    "flame IN -o out.svg",
    "report IN -o out.html",
    "convert IN out.folded",
    "symbolize IN -o out.pb.gz",
    "merge IN base.pb.gz -o out.pb.gz",
    "diff --force base.pb.gz IN",
    "check IN --baseline base.pb.gz --max-growth 500%",
];

#[test]
fn every_command_reads_standard_input_and_servers() {
    let place = Place::new();
    place.profile("base.pb.gz", &demo(8));
    let bytes = encoded(&demo(20));
    let server = Server::bodies(vec![bytes.clone()]);
    place.bytes("in.pb.gz", &bytes);
    for command in COMMANDS {
        let expected = place.run(&command.replace("IN", "in.pb.gz"));
        assert!(expected.code.is_some_and(|it| it != 2), "{command}: {}", expected.stderr);
        let from_input = piped(&place, &command.replace("IN", "-"), &bytes);
        let from_server = place.run(&command.replace("IN", &server.url()));
        for run in [from_input, from_server] {
            assert_eq!(run.code, expected.code, "{command}: {}", run.stderr);
            // Only titles contain the name of an input.
            assert_eq!(run.stdout, expected.stdout, "{command}");
        }
    }
    assert!(server.requests().iter().all(|it| it.starts_with("GET /debug/pprof/heap ")));
    assert_eq!(server.requests().len(), COMMANDS.len(), "a server is asked once");
}

/// Every command that reads a series.
const OF_SERIES: [&str; 3] =
    ["trend 0.pb.gz 1.pb.gz IN", "spikes 0.pb.gz 1.pb.gz IN", "plot 0.pb.gz 1.pb.gz IN -o out.svg"];

#[test]
fn a_series_may_end_with_standard_input_or_a_server() {
    let place = Place::new();
    let shot = |at: i64| {
        let mut profile = demo(8 + at);
        profile.time_ns += at * 60_000_000_000;
        profile.meta = Some(Meta { process: Some(7), epoch: Some(1 + at), ..profile.meta.unwrap() });
        profile
    };
    for at in 0..3 {
        place.profile(&format!("{at}.pb.gz"), &shot(at));
    }
    let bytes = encoded(&shot(2));
    for command in OF_SERIES {
        let expected = place.run(&command.replace("IN", "2.pb.gz"));
        assert_eq!(expected.code, Some(0), "{command}: {}", expected.stderr);
        let server = Server::bodies(vec![bytes.clone()]);
        let from_input = piped(&place, &command.replace("IN", "-"), &bytes);
        let from_server = place.run(&command.replace("IN", &server.url()));
        for (run, name) in [(from_input, "standard input".to_owned()), (from_server, server.url())] {
            assert_eq!(run.code, expected.code, "{command}: {}", run.stderr);
            let shown = run.stdout.replace(&name, "2.pb.gz").replace("2.pb.gz/debug/pprof/heap", "2.pb.gz");
            assert_eq!(shown, expected.stdout, "{command}");
        }
    }
}

#[test]
fn the_help_of_every_command_says_where_profiles_come_from() {
    let place = Place::new();
    for command in COMMANDS.iter().chain(&OF_SERIES) {
        let run = place.run(&format!("{} --help", command.split(' ').next().unwrap()));
        let words: Vec<&str> = run.answer().split_whitespace().collect();
        let help = words.join(" ");
        assert!(
            help.contains("- for standard input, or an address")
                || help.contains("- for standard input, or addresses"),
            "{command}: {help}"
        );
    }
}

#[test]
fn standard_input_is_one_profile() {
    let place = Place::new();
    let bytes = encoded(&demo(8));
    assert!(piped(&place, "diff - -", &bytes).error().contains("standard input: it can be one of two"));
    assert!(
        piped(&place, "top -", b"hello world")
            .error()
            .starts_with("standard input: this is not a heap profile")
    );
    assert!(piped(&place, "top -", b"").error().contains("standard input: the file is empty"));
    let limited = piped(&place, "top --max-memory 1KiB -", &vec![b'x'; 4096]);
    assert!(limited.error().contains("--max-memory"), "{}", limited.stderr);
}

#[test]
fn servers_are_kept_within_bounds() {
    let place = Place::new();
    let error = |answer: Answer, options: &str| {
        let server = Server::start(vec![answer]);
        let run = place.run(&format!("top {options} {}/heap?key=s3cret", server.url()));
        let message = run.error().to_owned();
        assert!(message.starts_with(&format!("{}/heap?…: ", server.url())), "{message}");
        message
    };
    assert!(error(Answer::Endless, "--max-unpacked 1MiB").contains("more than 1048576 bytes"));
    assert!(error(Answer::Drip, "--timeout 500ms").contains("not complete after 0.5 s (--timeout)"));
    assert!(error(Answer::Redirect(None), "").contains("redirects too often"));
    assert!(error(Answer::Status(500), "").ends_with("the server answered 500"));
    let said = Answer::Raw(b"HTTP/1.1 503 x\r\nConnection: close\r\n\r\nprofiling is off\nx".to_vec());
    assert!(
        error(said, "").ends_with("the server answered 503 with plain text that begins `profiling is off`")
    );
    let page = Answer::Body(b"<html><title>Login</title></html>".to_vec());
    assert!(error(page, "").contains("this is not a heap profile: a page in HTML with the title `Login`"));
    let unsure = place.run("top --cacert nowhere https://host:6060");
    assert!(unsure.error().contains("cannot read the authorities in nowhere"), "{}", unsure.stderr);
    assert!(place.run("top http://u:p@host").error().starts_with("the address: "));
}
