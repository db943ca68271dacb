//! `highwater check`: verdicts as exit codes, for GitHub, and as JUnit XML that other tools can read.

use std::fs;
use std::process::Command;

use highwater_profile::Profile;

use crate::support::{Place, Run, demo, frame, push};

/// A baseline with 40 blocks of 1 MiB, and a new profile with `blocks`.
fn place(blocks: i64) -> Place {
    let place = Place::new();
    place.profile("base.pb.gz", &demo(40));
    place.profile("new.pb.gz", &demo(blocks));
    place
}

const CHECK: &str = "check new.pb.gz --baseline base.pb.gz --max-growth";

#[track_caller]
fn verdict(run: &Run, code: i32, word: &str) {
    assert_eq!((run.code, run.stderr.as_str()), (Some(code), ""), "{}", run.stdout);
    assert!(run.stdout.starts_with(&format!("check: {word}\n")), "{}", run.stdout);
}

#[test]
fn the_exit_code_is_the_verdict() {
    verdict(&place(40).run(&format!("{CHECK} 40%")), 0, "pass");
    verdict(&place(80).run(&format!("{CHECK} 5%")), 1, "regression");
    verdict(&place(80).run(&format!("{CHECK} 1GiB")), 0, "pass");
    verdict(&place(80).run(&format!("{CHECK} 10MiB")), 1, "regression");
    verdict(&place(44).run(&format!("{CHECK} 5%")), 3, "inconclusive");
    let run = place(80).run(&format!("{CHECK} 5%"));
    let row = run.stdout.lines().find(|it| it.contains("index.rs:88")).expect("the row");
    assert!(row.starts_with("+40.0 MiB"), "{row}");
    assert!(place(44).run(&format!("{CHECK} 5%")).stdout.contains("\nto decide: "));
}

#[test]
fn json_has_the_verdict_and_its_reasons() {
    let run = place(80).run(&format!("{CHECK} 5% --json --sample live-bytes --sample alloc-blocks"));
    assert_eq!(run.code, Some(1));
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&json["kind"], &json["verdict"]), (&"check".into(), &"regression".into()));
    assert_eq!(json["max_growth"]["share"], 0.05);
    let samples = json["checks"].as_array().unwrap().iter().map(|it| it["new"]["sample"].clone());
    assert_eq!(samples.collect::<Vec<_>>(), ["live-bytes", "alloc-blocks"]);
    assert_eq!(json["checks"][0]["total"]["growth"]["value"], 40 << 20);
    assert_eq!(json["checks"][0]["regressions"][0]["growth"]["value"], 40 << 20);

    let run = place(44).run(&format!("{CHECK} 5% --json"));
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(json["checks"][0]["doubt"]["too_few_samples"]["interval_bytes"].is_number(), "{json}");
}

#[test]
fn intervals_may_differ_without_force() {
    let place = place(80);
    let mut other = demo(80);
    other.period = 64 << 10;
    place.profile("new.pb.gz", &other);
    verdict(&place.run(&format!("{CHECK} 5%")), 1, "regression");
}

#[test]
fn github_gets_annotations_and_a_summary() {
    let place = place(80);
    fs::create_dir(place.path(".git")).unwrap();
    let summary = place.bytes("summary.md", b"before\n");
    let run = |arguments: &str| {
        let mut command = place.command();
        command
            .args(arguments.split(' '))
            .env("GITHUB_STEP_SUMMARY", &summary)
            .env_remove("GITHUB_WORKSPACE");
        command.output().unwrap()
    };
    let output = run(&format!("{CHECK} 5% --github"));
    assert_eq!(output.status.code(), Some(1));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("\n::error file=src/index.rs,line=88,title=highwater check::"), "{stdout}");
    let text = fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("before\n### Memory: regression\n"), "{text}");
    assert!(text.contains("| +40.0 MiB"), "{text}");

    let output = run(&format!("{CHECK} 5% --github --json"));
    serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("::error file=src/index.rs,"));

    let mut command = place.command();
    let without = command.args(format!("{CHECK} 90% --github").split(' ')).env_remove("GITHUB_STEP_SUMMARY");
    let stderr = String::from_utf8(without.output().unwrap().stderr).unwrap();
    assert!(stderr.contains("GITHUB_STEP_SUMMARY is not set"), "{stderr}");
}

/// Reads the XML with Python's parser, and returns what a CI system would show: names, counts and cases.
fn read_junit(place: &Place, name: &str) -> String {
    const READER: &str = r#"
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == "testsuites", root.tag
for suite in root:
    assert suite.tag == "testsuite", suite.tag
    cases = list(suite)
    assert all(it.tag == "testcase" and it.get("name") and it.get("classname") for it in cases)
    count = lambda tag: sum(it.find(tag) is not None for it in cases)
    assert [int(suite.get(it)) for it in ("tests", "failures", "errors")] == [len(cases), count("failure"), count("error")]
    for case in cases:
        bad = [it for it in case if it.tag in ("failure", "error")]
        print(suite.get("name"), case.get("name"), [(it.tag, bool(it.get("message"))) for it in bad])
"#;
    let output = Command::new("python3").args(["-c", READER]).arg(place.path(name)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The demo profile with another line, whose name contains all characters that have a meaning in XML.
fn special_characters(blocks: i64) -> Profile {
    let mut profile = demo(40);
    let special = frame(&mut profile, "<a::B<'c> as \"d\" & e>::]]>f\u{1b}", "src/odd.rs", 9);
    push(&mut profile, &[special], blocks, 1 << 20);
    profile
}

#[test]
fn other_tools_read_the_junit_file() {
    let place = place(40);
    place.profile("new.pb.gz", &special_characters(80));
    assert_eq!(place.run(&format!("{CHECK} 5% --junit out.xml")).code, Some(1));
    let read = read_junit(&place, "out.xml");
    let lines: Vec<&str> = read.lines().collect();
    assert_eq!(lines.len(), 2, "{read}");
    assert_eq!(lines[0], "live-bytes total [('failure', True)]");
    assert!(lines[1].contains("<a::B<'c> as \"d\" & e>::]]>f\u{fffd} [('failure', True)]"), "{read}");

    place.profile("new.pb.gz", &demo(44));
    assert_eq!(place.run(&format!("{CHECK} 5% --junit out.xml")).code, Some(3));
    assert_eq!(read_junit(&place, "out.xml"), "live-bytes total [('error', True)]\n");
    assert_eq!(place.run(&format!("{CHECK} 90% --junit out.xml")).code, Some(0));
    assert_eq!(read_junit(&place, "out.xml"), "live-bytes total []\n");
}

#[test]
fn errors_are_explained() {
    let place = place(40);
    for (arguments, expected) in [
        ("check new.pb.gz --max-growth 5%", "--baseline"),
        ("check new.pb.gz --baseline base.pb.gz", "--max-growth"),
        (&format!("{CHECK} 5pc"), "5%"),
        (&format!("{CHECK} -5%"), "-5"),
        (&format!("{CHECK} 5% --fdr 2"), "--fdr"),
        (&format!("{CHECK} 5% --sample bogus"), "bogus"),
        (&format!("{CHECK} 5% --junit nowhere/out.xml"), "cannot write nowhere/out.xml"),
        ("check nowhere.pb.gz --baseline base.pb.gz --max-growth 5%", "nowhere.pb.gz"),
        ("top --sample live-bytes --sample alloc-bytes new.pb.gz", "--sample"),
    ] {
        let run = place.run(arguments);
        assert!(run.error().contains(expected), "{arguments}: {}", run.stderr);
    }
    assert_eq!(place.files(), ["base.pb.gz", "new.pb.gz"]);
}
