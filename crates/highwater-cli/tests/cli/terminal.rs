//! Colours, closed pipes, help.

use crate::support::{Place, demo};

#[test]
fn a_pipe_gets_no_escape_codes() {
    let place = Place::new();
    place.profile("old.pb.gz", &demo(8));
    place.profile("new.pb.gz", &demo(200));
    let commands = [
        "top new.pb.gz",
        "diff old.pb.gz new.pb.gz",
        "tree new.pb.gz",
        "peek main new.pb.gz",
        "list main new.pb.gz",
        "info new.pb.gz",
        "--help",
    ];
    for command in commands {
        assert!(!place.run(command).answer().contains('\u{1b}'), "{command}");
        let arguments = command.split_whitespace();
        let forced = place.command().args(arguments).env("CLICOLOR_FORCE", "1").output().unwrap();
        assert!(forced.stdout.contains(&0x1b), "{command}: colours are there when forced");
    }
}

#[test]
fn names_in_a_profile_cannot_steer_a_terminal() {
    let place = Place::new();
    let mut hostile = demo(8);
    let frame = crate::support::frame(&mut hostile, "evil\u{1b}[2J\nname", "a\rb.rs", 1);
    crate::support::push(&mut hostile, &[frame], 100, 1 << 20);
    place.profile("hostile.pb.gz", &hostile);
    for command in ["top", "tree", "peek evil", "list evil", "info"] {
        let run = place.run(&format!("{command} hostile.pb.gz"));
        assert!(!run.answer().contains(['\u{1b}', '\r']), "{command}: {:?}", run.stdout);
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = Place::new();
    place.profile("heap.pb.gz", &demo(8));
    for command in [
        "top heap.pb.gz",
        "info --json heap.pb.gz",
        "report heap.pb.gz -o -",
        "plot heap.pb.gz -o -",
        "plot heap.pb.gz --json -o -",
        "flame heap.pb.gz -o -",
        "convert heap.pb.gz - --to folded",
        "--help",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let arguments = command.split_whitespace();
        let output = place.command().args(arguments).stdout(writer).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{command}: {said}");
        // If a document goes to stdout, stderr says that it was written.
        assert!(said.is_empty() || said.starts_with("wrote -"), "{command}: {said}");
    }
}

#[test]
fn help_is_complete() {
    let place = Place::new();
    let run = place.run("--help");
    for command in ["top", "diff", "tree", "peek", "list", "flame", "report", "plot", "live", "info"] {
        assert!(run.answer().contains(&format!("\n  {command} ")), "{command}");
        let help = place.run(&format!("{command} --help"));
        for option in
            ["--sample", "--by", "--focus", "--through", "--json", "--binary", "--addresses", "Examples:"]
        {
            assert!(help.answer().contains(option), "{command} {option}");
        }
    }
    assert!(place.run("--version").answer().starts_with("highwater 0."));
}

#[test]
fn a_screen_needs_a_terminal() {
    let place = Place::new();
    place.profile("heap.pb.gz", &demo(8));
    let run = place.run("live .");
    assert!(run.error().contains("stdout is no terminal; highwater top"), "{}", run.stderr);
    assert!(place.run("live nowhere").error().contains("there is no such directory"));
    let unsure = place.run("live --cacert nowhere https://host");
    assert!(unsure.error().contains("cannot read the authorities in nowhere"), "{}", unsure.stderr);
    assert!(place.run("live --out nowhere .").error().contains("there is no such directory"));
}
