//! Bad input of every kind: each case prints one helpful line, exits with code 2 and leaves no file behind.

use std::fs;

use highwater_profile::Meta;

use crate::support::{Place, demo, encoded, text, without_binary};

/// Every command that reads the file.
const COMMANDS: [&str; 12] = [
    "top FILE",
    "tree FILE",
    "peek main FILE",
    "info FILE",
    "flame FILE -o out.svg",
    "diff FILE good.pb.gz",
    "diff good.pb.gz FILE",
    "flame --diff good.pb.gz FILE -o out.svg",
    "check FILE --baseline good.pb.gz --max-growth 5%",
    "check good.pb.gz --baseline FILE --max-growth 5%",
    "leaks FILE",
    "advise FILE",
];

/// Runs every command on a file with this content and returns the message, which is the same for all.
#[track_caller]
fn message(content: &[u8]) -> String {
    let place = Place::new();
    place.profile("good.pb.gz", &demo(8));
    place.bytes("bad.pb.gz", content);
    let mut messages: Vec<String> = COMMANDS
        .iter()
        .map(|command| place.run(&command.replace("FILE", "bad.pb.gz")).error().to_owned())
        .collect();
    assert_eq!(place.files(), ["bad.pb.gz", "good.pb.gz"], "no output and no temporary file");
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
    let message = messages.remove(0);
    assert!(message.contains("bad.pb.gz"), "the message names the file: {message}");
    message
}

#[test]
fn a_truncated_file() {
    let whole = encoded(&demo(8));
    for length in [1, 2, 5, 10, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        let message = message(&whole[..length]);
        assert!(message.contains("cut off"), "{length}: {message}");
    }
}

#[test]
fn a_corrupted_file() {
    let place = Place::new();
    let whole = encoded(&demo(8));
    // After the header every byte is covered by the checksum, and the checksum by itself.
    for at in (10..whole.len()).step_by(5) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        place.bytes("bad.pb.gz", &bytes);
        assert!(place.run("top bad.pb.gz").error().contains("bad.pb.gz"), "byte {at}");
    }
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    message(&bytes);
}

#[test]
fn damage_inside_the_compressed_data() {
    // Valid protobuf whose sample refers to a missing location: sample_type, string table, sample.
    let bytes = [0x0a, 0x00, 0x12, 0x06, 0x0a, 0x01, 0x09, 0x12, 0x01, 0xff, 0x01, 0x32, 0x00];
    let message = message(&bytes);
    assert!(message.contains("damaged") || message.contains("not a heap profile"), "{message}");
}

#[test]
fn an_empty_file() {
    assert!(message(b"").contains("empty"));
}

#[test]
fn other_files_than_profiles() {
    assert!(message(b"This is a text.\n").contains("plain text"));
    assert!(message(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0]).contains("the compressed data is cut off"));
    assert!(message(b"\x7fELF\x02\x01\x01").contains("ELF"));
    assert!(message(b"{\"a\": 1}").contains("JSON"));
    assert!(message(&[0xff; 300]).contains("binary data"));
}

#[test]
fn a_file_of_a_later_version() {
    let mut later = demo(8);
    later.meta.as_mut().unwrap().format = Some(2);
    assert!(message(&encoded(&later)).contains("format version 2"));
}

#[test]
fn a_file_that_unpacks_to_too_much() {
    let place = Place::new();
    place.profile("heap.pb.gz", &demo(8));
    let run = place.run("top --max-unpacked 100B heap.pb.gz");
    assert!(
        run.error().contains("more than 100 bytes") && run.stderr.contains("--max-unpacked"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_file_without_the_wanted_values() {
    let place = Place::new();
    place.profile("heap.pb.gz", &demo(8));
    for command in
        ["top FILE", "tree FILE", "peek x FILE", "info FILE", "flame FILE -o out.svg", "diff FILE FILE"]
    {
        let run = place.run(&format!("{} --sample peak-bytes", command.replace("FILE", "heap.pb.gz")));
        let message = run.error();
        assert!(message.starts_with("heap.pb.gz: the profile has no sample type peak-bytes"), "{message}");
        assert!(message.contains("live-bytes") && message.contains("--sample"), "{message}");
    }
    assert!(place.run("top --sample bogus heap.pb.gz").error().contains("bogus"));
    assert_eq!(place.files(), ["heap.pb.gz"]);
}

#[test]
fn a_missing_binary() {
    let place = Place::new();
    place.profile("heap.pb.gz", &without_binary());
    for command in ["top FILE", "tree FILE", "peek x FILE", "flame FILE -o out.svg", "diff FILE FILE"] {
        let run = place.run(&command.replace("FILE", "heap.pb.gz"));
        let message = run.error();
        for expected in [
            "heap.pb.gz",
            "/nonexistent/demo",
            "00112233445566778899aabbccddeeff00112233",
            "--binary PATH",
            "--addresses",
        ] {
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }
    assert_eq!(place.files(), ["heap.pb.gz"]);
    let run = place.run("top --addresses heap.pb.gz");
    assert!(run.answer().contains("demo+0x234"), "{}", run.stdout);
    assert!(place.run("info heap.pb.gz").answer().contains("/nonexistent/demo"));
}

#[test]
fn a_useless_binary_or_directory() {
    let place = Place::new();
    place.profile("heap.pb.gz", &without_binary());
    place.bytes("text", b"no binary");
    assert!(place.run("top --binary text heap.pb.gz").error().contains("text: cannot be used as a binary"));
    assert!(
        place.run("top --binary nowhere heap.pb.gz").error().contains("nowhere: cannot be used as a binary")
    );
    assert!(place.run("top --debug-dir nowhere heap.pb.gz").error().contains("no such directory"));
    let own = std::env::current_exe().unwrap();
    let run = place.run_all(&["top", "--binary", text(&own), "heap.pb.gz"]);
    assert!(run.error().contains("/nonexistent/demo"), "another program's names are not taken");
}

#[test]
fn a_file_that_is_not_there() {
    let place = Place::new();
    assert!(place.run("top nowhere.pb.gz").error().contains("cannot read nowhere.pb.gz"));
    assert!(place.run("top .").error().contains("cannot read ."));
    assert!(place.run("flame nowhere.pb.gz -o out.svg").error().contains("nowhere.pb.gz"));
    assert!(place.files().is_empty());
}

#[test]
fn an_output_that_cannot_be_written() {
    let place = Place::new();
    place.profile("heap.pb.gz", &demo(8));
    for output in ["nowhere/out.svg", "heap.pb.gz/out.svg"] {
        let run = place.run(&format!("flame heap.pb.gz -o {output}"));
        assert!(run.error().contains(&format!("cannot write {output}")), "{}", run.stderr);
    }
    // A directory cannot be replaced. The drawing is complete by then, and has to be removed.
    fs::create_dir(place.path("dir")).unwrap();
    assert!(place.run("flame heap.pb.gz -o dir").error().contains("cannot write dir"));
    assert_eq!(place.files(), ["dir", "heap.pb.gz"]);
    assert_eq!(fs::read_dir(place.path("dir")).unwrap().count(), 0);
}

#[test]
fn a_failure_leaves_the_old_output() {
    let place = Place::new();
    place.bytes("bad.pb.gz", b"x");
    place.bytes("out.svg", b"old");
    place.run("flame bad.pb.gz -o out.svg").error();
    assert_eq!(fs::read(place.path("out.svg")).unwrap(), b"old");
    assert_eq!(place.files(), ["bad.pb.gz", "out.svg"]);
}

#[test]
fn nothing_to_draw() {
    let place = Place::new();
    let mut empty = demo(8);
    empty = highwater_profile::Profile::new(empty.sample_types().to_vec());
    place.profile("empty.pb.gz", &empty);
    assert!(place.run("flame empty.pb.gz -o out.svg").error().contains("nothing to draw"));
    assert!(place.run("top empty.pb.gz").answer().contains("no values to show"));
    assert_eq!(place.files(), ["empty.pb.gz"]);
}

#[test]
fn values_at_the_ends_of_their_range() {
    let place = Place::new();
    let mut huge = demo(8);
    let stack: Vec<_> = huge.location_ids().collect();
    for value in [i64::MAX, i64::MAX, 0, i64::MAX] {
        huge.samples.push(&stack, &[value; 4], &[]);
    }
    place.profile("huge.pb.gz", &huge);
    for command in
        ["top FILE", "tree FILE", "peek main FILE", "info FILE", "diff FILE FILE", "top --json FILE"]
    {
        place.run(&command.replace("FILE", "huge.pb.gz")).answer();
    }
    // 2^63 in a file reads as a negative number.
    let mut negative = demo(8);
    negative.samples.push(&stack, &[1, 1, i64::MIN, 1], &[]);
    place.profile("negative.pb.gz", &negative);
    let difference = place.run("top --sample live-blocks negative.pb.gz");
    assert!(difference.answer().contains("-9,223,372,036,854,775,"), "{}", difference.stdout);
    for command in ["tree", "info", "peek main", "flame -o negative.svg"] {
        let run = place.run(&format!("{command} negative.pb.gz"));
        assert!(matches!(run.code, Some(0 | 2)) && !run.stderr.contains("internal fault"), "{}", run.stderr);
    }
    let mut large = demo(8);
    large.samples.push(&stack, &[i64::MAX; 4], &[]);
    place.profile("large.pb.gz", &large);
    assert!(place.run("flame large.pb.gz -o out.svg").error().contains("cannot be drawn"));
}

#[test]
fn wrong_arguments() {
    let place = Place::new();
    place.profile("heap.pb.gz", &demo(8));
    let cases = [
        ("top --focus a(b heap.pb.gz", "unclosed group"),
        ("peek * heap.pb.gz", "repetition operator missing expression"),
        ("top --by colour heap.pb.gz", "line, file, module"),
        ("top --min-fraction 2 heap.pb.gz", "from 0 to 1"),
        ("top --limit many heap.pb.gz", "--limit"),
        ("top --max-unpacked 3parsec heap.pb.gz", "MiB"),
        ("top", "FILE"),
        ("diff heap.pb.gz", "NEW"),
        ("flame heap.pb.gz", "--output"),
        ("flame --diff heap.pb.gz -o out.svg", "two profiles"),
        ("flame heap.pb.gz heap.pb.gz -o out.svg", "--diff"),
        ("top --colour heap.pb.gz", "--colour"),
        ("bogus", "bogus"),
        ("", "subcommand"),
    ];
    for (arguments, expected) in cases {
        let run = place.run(arguments);
        assert!(run.error().contains(expected), "{arguments}: {}", run.stderr);
    }
    assert_eq!(place.files(), ["heap.pb.gz"]);
}

#[test]
fn snapshots_whose_difference_means_little() {
    let place = Place::new();
    let snapshot = |name: &str, process, epoch, time_ns| {
        let mut profile = demo(epoch * 8);
        profile.time_ns = time_ns;
        profile.meta = Some(Meta { process: Some(process), epoch: Some(epoch), ..Meta::default() });
        place.profile(name, &profile);
    };
    snapshot("first.pb.gz", 1, 1, 1_700_000_000_000_000_000);
    snapshot("second.pb.gz", 1, 2, 1_700_000_060_000_000_000);
    snapshot("early.pb.gz", 1, 3, 1_600_000_000_000_000_000);
    snapshot("other.pb.gz", 2, 1, 1_700_000_060_000_000_000);
    for (files, reason) in [
        ("second.pb.gz first.pb.gz", "the new profile is the older one (snapshot 1"),
        ("first.pb.gz other.pb.gz", "two processes"),
        ("first.pb.gz early.pb.gz", "the clock went back"),
    ] {
        let run = place.run(&format!("diff {files}"));
        let note = run.answer().lines().find(|it| it.starts_with("note: ") && it.contains(reason));
        assert!(note.is_some(), "{}", run.stdout);
    }
    assert!(place.run("diff first.pb.gz second.pb.gz").answer().contains(" new, "));
    let same = place.run("diff first.pb.gz first.pb.gz");
    assert!(same.answer().ends_with("no change that can be distinguished from noise\n"), "{}", same.stdout);
    assert!(place.run("diff --fdr 2 first.pb.gz second.pb.gz").error().contains("--fdr"));
}
