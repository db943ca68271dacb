//! Each command's answer, as text and as JSON.

use std::fs;

use highwater_profile::Meta;

use crate::support::{Place, demo};

fn place() -> Place {
    let place = Place::new();
    place.profile("old.pb.gz", &demo(8));
    place.profile("new.pb.gz", &demo(200));
    place
}

#[test]
fn top_names_the_line_that_a_reader_can_change() {
    let place = place();
    let run = place.run("top new.pb.gz");
    let lines: Vec<&str> = run.answer().lines().collect();
    assert!(lines[0].starts_with("live-bytes 208.0 MiB (+"), "{}", lines[0]);
    assert!(lines[1].starts_with("sampling interval 512 KiB"), "{}", lines[1]);
    assert!(lines[3].starts_with("live-bytes ") && lines[3].ends_with("  where"), "{}", lines[3]);
    assert!(lines[4].trim_start().starts_with("200.0 MiB "), "{}", lines[4]);
    assert!(
        lines[4].ends_with("src/index.rs:88 …::Index::add") || lines[4].ends_with("Index::add"),
        "{}",
        lines[4]
    );
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{}", run.stdout);

    let json = place.run("top --json new.pb.gz").json();
    assert_eq!((&json["highwater"], &json["kind"]), (&1.into(), &"top".into()));
    assert_eq!(json["rows"][0]["key"]["file"], "src/index.rs");
    assert_eq!(json["rows"][0]["key"]["line"], 88);
    assert_eq!(json["rows"][0]["flat"]["value"], 200 << 20);
    assert_eq!(json["header"]["total"]["value"], 208 << 20);
}

#[test]
fn types_have_rows_of_their_own() {
    let place = place();
    let text = place.run("types new.pb.gz");
    assert!(text.answer().lines().all(|line| line.chars().count() <= 80), "{}", text.stdout);
    let json = place.run("types --json new.pb.gz").json();
    assert_eq!(json["kind"], "types");
    let by_type = place.run("top --by type --json new.pb.gz").json();
    assert_eq!(json["rows"][0]["bytes"], by_type["rows"][0]["flat"]);
    assert_eq!(json["rows"][0]["key"], by_type["rows"][0]["key"]);
    // Its names have no type arguments.
    assert_eq!(json["rows"][0]["key"]["label"], "[no type: names without type arguments]");
    fs::write(
        place.path("highwater.toml"),
        "[[types.container]]\npath = \"demo::index::Index\"\nelement = \"Posting\"\n",
    )
    .unwrap();
    let labels = |arguments: &str| {
        let json = place.run(arguments).json();
        let rows = json["rows"].as_array().unwrap().iter();
        rows.map(|row| row["key"]["label"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(labels("types --json new.pb.gz")[0], "Posting");
    assert_eq!(labels("types --json old.pb.gz new.pb.gz")[0], "Posting");
    let json = place.run("top --by container --json new.pb.gz").json();
    assert!(json["rows"].as_array().is_some_and(|rows| !rows.is_empty()), "{json}");
    fs::write(place.path("highwater.toml"), "[[types.container]]\npath = 7\n").unwrap();
    assert!(place.run("top --by type new.pb.gz").error().contains("highwater.toml"));
    assert_eq!(place.run("top new.pb.gz").code, Some(0), "who asks for no types does not need the rules");
}

#[test]
fn a_profile_without_a_ledger_says_how_to_get_one() {
    let place = place();
    let error = place.run("rss new.pb.gz").error().to_owned();
    assert!(error.contains("new.pb.gz") && error.contains("/debug/pprof/rss"), "{error}");
}

#[test]
fn options_change_the_question() {
    let place = place();
    let first = |arguments: &str| {
        let json = place.run(&format!("top --json {arguments} new.pb.gz")).json();
        (
            json["rows"][0]["key"]["label"].as_str().unwrap().to_owned(),
            json["rows"][0]["flat"]["value"].clone(),
        )
    };
    assert_eq!(first("--sample alloc-blocks").1, 400);
    assert_eq!(first("--sample alloc_objects").1, 400);
    assert!(first("--leaf").0.contains("finish_grow"));
    assert_eq!(first("--by function").0, "demo::index::Index::add");
    assert_eq!(first("--by crate").0, "demo");
    assert_eq!(first("--by function --focus load").0, "demo::load::archive");
    assert_eq!(first("--by function --ignore index").0, "demo::load::archive");
    assert_eq!(first("--by function --through Index --through archive").0, "demo::main");
    assert_eq!(first("--by function --hide Index").0, "demo::main");
    assert_eq!(first("--by function --show main").0, "demo::main");
    let rows = |arguments: &str| {
        place.run(&format!("top --json {arguments} new.pb.gz")).json()["rows"].as_array().unwrap().len()
    };
    assert_eq!((rows("--limit 1"), rows("--limit 0"), rows("--min-fraction 0.5")), (1, 2, 1));
    assert_eq!(rows("--cumulative"), 3, "main holds nothing itself, but calls all of it");
    assert_eq!(first("--by function --cumulative").0, "demo::main");
    let left_out = place.run("top --limit 1 new.pb.gz");
    assert!(
        left_out.answer().ends_with("1 more row, 8.0 MiB together; --limit 0 --min-fraction 0 shows all\n")
    );
}

#[test]
fn diff_puts_growth_first_and_counts_noise() {
    let place = place();
    let run = place.run("diff old.pb.gz new.pb.gz");
    let text = run.answer();
    assert!(text.contains("\nchange +192.0 MiB ± "), "{text}");
    let row = text.lines().find(|line| line.contains("index.rs:88")).expect("the row that grew");
    assert!(row.trim_start().starts_with("+192.0 MiB"), "{row}");
    assert!(text.contains("cannot be distinguished from noise"), "{text}");

    let json = place.run("diff --json old.pb.gz new.pb.gz").json();
    assert_eq!(json["kind"], "diff");
    assert_eq!(json["rows"][0]["change"]["value"], 192 << 20);
    assert_eq!(json["total_change"]["change"]["value"], 192 << 20);

    // Nine blocks instead of eight: sampling noise could explain the difference.
    place.profile("next.pb.gz", &demo(9));
    let quiet = place.run("diff old.pb.gz next.pb.gz");
    assert!(quiet.answer().contains("no change that can be distinguished from noise\n"), "{}", quiet.stdout);
    assert!(
        quiet.stdout.contains("1 change may be noise, +1.0 MiB together; --noise shows them\n"),
        "{}",
        quiet.stdout
    );
    for option in ["--noise", "--limit 0"] {
        let listed = place.run(&format!("diff {option} old.pb.gz next.pb.gz"));
        assert!(listed.answer().contains("index.rs:88"), "{}", listed.stdout);
    }
}

#[test]
fn diff_percentages_refer_to_either_total() {
    let place = place();
    let fraction = |mode: &str| {
        let json = place.run(&format!("diff --json --base-mode {mode} old.pb.gz new.pb.gz")).json();
        json["rows"][0]["fraction"].as_f64().unwrap()
    };
    assert!((fraction("base") - 1.0).abs() < 1e-9);
    assert!((fraction("diff") - 12.0).abs() < 1e-9, "192 MiB of a base of 16 MiB");
}

#[test]
fn tree_shows_callers_above_callees() {
    let place = place();
    let run = place.run("tree --by function new.pb.gz");
    let text = run.answer();
    let at = |name: &str| text.find(name).unwrap_or_else(|| panic!("{name} in {text}"));
    assert!(at("[root]") < at("demo::main"));
    assert!(at("demo::main") < at("demo::index::Index::add"));
    assert!(at("demo::index::Index::add") < at("demo::load::archive"));
    let json = place.run("tree --json new.pb.gz").json();
    assert_eq!((&json["kind"], &json["nodes"][0]["depth"]), (&"tree".into(), &0.into()));
    assert_eq!(json["nodes"][0]["cumulative"]["value"], 208 << 20);
}

#[test]
fn peek_shows_a_function_between_its_neighbours() {
    let place = place();
    let run = place.run("peek Index::add --by function new.pb.gz");
    let text = run.answer();
    let at = |name: &str| text.find(name).unwrap_or_else(|| panic!("{name} in {text}"));
    assert!(at("from demo::main") < at("demo::index::Index::add"));
    let json = place.run("peek --json Index::add new.pb.gz").json();
    assert_eq!(json["kind"], "peek");
    assert_eq!(json["functions"][0]["cumulative"]["value"], 200 << 20);
    assert!(place.run("peek nobody new.pb.gz").answer().ends_with("nothing matches\n"));
}

#[test]
fn info_shows_the_content_of_a_file() {
    let place = place();
    let run = place.run("info new.pb.gz");
    for expected in
        ["sampling interval 512 KiB", "2023-11-14 22:13:20 UTC", "208.0 MiB  live-bytes (inuse_space)"]
    {
        assert!(run.answer().contains(expected), "{expected} in {}", run.stdout);
    }
    let json = place.run("info --json new.pb.gz").json();
    assert_eq!((&json["kind"], &json["interval_bytes"]), (&"info".into(), &(512 << 10).into()));
}

#[test]
fn flame_draws_one_profile_or_the_growth_between_two() {
    let place = place();
    assert_eq!(place.run("flame new.pb.gz -o out.svg").answer(), "wrote out.svg\n");
    let svg = fs::read_to_string(place.path("out.svg")).unwrap();
    assert!(svg.starts_with("<?xml") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("<title>demo::index::Index::add (209,715,200 bytes, 96.15%)</title>"), "{svg}");
    place.run("flame new.pb.gz -o again.svg").answer();
    assert_eq!(svg, fs::read_to_string(place.path("again.svg")).unwrap());

    assert_eq!(place.run("flame --diff old.pb.gz new.pb.gz -o growth.svg").answer(), "wrote growth.svg\n");
    let svg = fs::read_to_string(place.path("growth.svg")).unwrap();
    assert!(
        svg.contains("<title>demo::index::Index::add (+201,326,592 bytes ± ")
            && svg.contains(": 201,326,592 grown, 0 shrunk, q &lt;0.001)</title>"),
        "{svg}"
    );
    assert!(svg.contains("old.pb.gz to new.pb.gz: red grew, blue shrank, grey may be noise"));
    assert!(!svg.contains("demo::load::archive"), "what did not change has no width");

    let json = |arguments: &str| -> serde_json::Value {
        place.run(&format!("flame --json {arguments} -o out.json")).answer();
        serde_json::from_slice(&fs::read(place.path("out.json")).unwrap()).unwrap()
    };
    let one = json("new.pb.gz");
    assert_eq!((&one["kind"], &one["sample"]), (&"flame".into(), &"live-bytes".into()));
    assert_eq!(one["stacks"].as_array().unwrap().len(), 2);
    let two = json("--diff old.pb.gz new.pb.gz");
    assert_eq!((&two["kind"], &two["new"]["sample"]), (&"flame-diff".into(), &"live-bytes".into()));
    assert_eq!(two["nodes"][2]["grown"], 192 << 20);
}

#[test]
fn flame_reports_the_losses_of_each_profile() {
    let place = place();
    let lossy = |blocks, samples| {
        let mut profile = demo(blocks);
        profile.meta = Some(Meta {
            dropped_samples: Some(samples),
            dropped_bytes: Some(3 << 20),
            ..profile.meta.unwrap()
        });
        profile
    };
    place.profile("a.pb.gz", &lossy(8, 5));
    place.profile("b.pb.gz", &lossy(200, 7));
    let words =
        |samples| format!("{samples} samples lost by the recorder: up to 3.0 MiB of live-bytes is missing");
    let [of_a, of_b] = [format!("a.pb.gz: {}", words(5)), format!("b.pb.gz: {}", words(7))];
    let written = |arguments: &str| {
        let run = place.run(&format!("flame {arguments} -o out"));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        (fs::read_to_string(place.path("out")).unwrap(), run.stderr)
    };
    assert!(written("a.pb.gz").0.contains(&words(5)));
    assert_eq!(written("--format folded a.pb.gz").1, format!("highwater: note: {}\n", words(5)));
    let (json, _) = written("--json a.pb.gz");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["lost"]["samples"], &json["lost"]["most"]), (&5.into(), &(3 << 20).into()));
    // Each of the two profiles may have lost something.
    let (svg, _) = written("--diff a.pb.gz b.pb.gz");
    assert!(svg.contains(&format!("{of_a}; {of_b}")), "{svg}");
    let (svg, _) = written("--diff a.pb.gz new.pb.gz");
    assert!(svg.contains(&of_a) && svg.matches("lost by the recorder").count() == 1, "{svg}");
    let (_, said) = written("--diff --format folded a.pb.gz b.pb.gz");
    assert_eq!(said, format!("highwater: note: {of_a}\nhighwater: note: {of_b}\n"));
    let (json, _) = written("--diff --json a.pb.gz b.pb.gz");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["base"]["lost"]["samples"], &json["new"]["lost"]["samples"]), (&5.into(), &7.into()));
    // The converted file does not hold that information.
    let run = place.run("convert a.pb.gz out.csv");
    assert_eq!(run.stderr, format!("highwater: note: {}\n", words(5)));
    place.run("convert a.pb.gz again.pb.gz").answer();
}

#[test]
fn flame_draws_vanished_frames_and_writes_folded_stacks() {
    let place = place();
    place.run("flame --diff --icicle new.pb.gz old.pb.gz -o gone.svg").answer();
    let svg = fs::read_to_string(place.path("gone.svg")).unwrap();
    assert!(svg.contains("<title>demo::index::Index::add (-201,326,592 bytes ± "), "{svg}");
    assert!(svg.contains(": 0 grown, 201,326,592 shrunk, q &lt;0.001)</title>"), "{svg}");
    let folded = |arguments: &str| {
        place.run(&format!("flame --format folded {arguments} -o out.folded")).answer();
        fs::read_to_string(place.path("out.folded")).unwrap()
    };
    assert_eq!(
        folded("new.pb.gz"),
        "demo::main;demo::index::Index::add 209715200\ndemo::main;demo::load::archive 8388608\n"
    );
    assert_eq!(
        folded("--diff old.pb.gz new.pb.gz"),
        "demo::main;demo::index::Index::add 8388608 209715200\ndemo::main;demo::load::archive 8388608 8388608\n"
    );
    let quiet = place.run("flame --diff old.pb.gz old.pb.gz -o none.svg");
    assert!(quiet.error().contains("there is nothing to draw"), "{}", quiet.stderr);
}

#[test]
fn different_intervals_are_compared_with_a_note() {
    let place = place();
    let mut other = demo(200);
    other.period = 1 << 20;
    place.profile("other.pb.gz", &other);
    let run = place.run("diff old.pb.gz other.pb.gz");
    let text = run.answer();
    assert!(text.contains("index.rs:88"), "{text}");
    assert!(text.contains("base: 524288 bytes, new: 1048576 bytes"), "{text}");
    assert!(place.run("flame --diff old.pb.gz other.pb.gz -o out.svg").answer().contains("out.svg"));
}
