//! `highwater leaks` and `highwater advise`: files and directories, rules that accept findings, exit codes.

use std::fs;

use highwater_profile::{Label, LabelValue, Meta, Profile, ValueType};

use crate::support::{Place, demo, frame};

const TYPES: [(&str, &str); 9] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
    ("temp_objects", "count"),
    ("temp_space", "bytes"),
    ("realloc_objects", "count"),
    ("realloc_space", "bytes"),
    ("realloc_doublings", "count"),
];

/// Snapshot `epoch` of a process: a cache gains 64 MiB a minute and keeps them, and a buffer grows and
/// shrinks.
fn snapshot(process: i64, epoch: i64) -> Profile {
    let mut profile = Profile::new(TYPES.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
    profile.default_sample_type = Some(3);
    profile.period_type = Some(ValueType::new("space", "bytes"));
    profile.period = 512 << 10;
    profile.duration_ns = epoch * 60_000_000_000;
    profile.time_ns = 1_700_000_000_000_000_000 + profile.duration_ns;
    profile.meta =
        Some(Meta { format: Some(1), process: Some(process), epoch: Some(epoch), ..Meta::default() });
    let put = frame(&mut profile, "demo::cache::put", "src/cache.rs", 10);
    let read = frame(&mut profile, "demo::load::read", "src/load.rs", 20);
    let main = frame(&mut profile, "demo::main", "src/main.rs", 3);
    let [bytes, birth] = ["bytes", "birth_epoch"].map(|it| profile.strings.intern(it));
    let label = |key, value| Label { key, value: LabelValue::Number(value, key) };
    for born in 1..=epoch {
        let blocks = 1024;
        let values = [blocks, blocks << 16, blocks, blocks << 16, 0, 0, 0, 0, 0];
        profile.samples.push(&[put, main], &values, &[label(bytes, 1 << 16), label(birth, born)]);
    }
    let grown = 100 * epoch;
    let values = [grown, grown << 20, 0, 0, 0, 0, grown, grown << 19, grown];
    profile.samples.push(&[read, main], &values, &[label(bytes, 1 << 20)]);
    profile
}

/// A directory `series` with this many snapshots, and `last.pb.gz`, the last of them.
fn place(snapshots: i64) -> Place {
    let place = Place::new();
    fs::create_dir(place.path("series")).unwrap();
    for epoch in 1..=snapshots {
        place.profile(&format!("series/{epoch:02}.pb.gz"), &snapshot(7, epoch));
    }
    place.profile("last.pb.gz", &snapshot(7, snapshots));
    place
}

#[test]
fn leaks_judges_a_file_and_a_directory() {
    let place = place(13);
    let file = place.run("leaks last.pb.gz");
    assert_eq!((file.code, file.stderr.as_str()), (Some(1), ""));
    assert!(file.stdout.contains("\npiles up and is never freed\n"), "{}", file.stdout);
    assert!(
        file.stdout.contains("src/cache.rs:10 demo::cache::put\n    12 snapshots saw"),
        "{}",
        file.stdout
    );
    assert!(file.stdout.contains("not looked for: what grows without end: "), "{}", file.stdout);

    let series = place.run("leaks series");
    assert_eq!((series.code, series.stderr.as_str()), (Some(1), ""));
    assert!(series.stdout.contains("\ngrows without end\n"), "{}", series.stdout);
    assert!(series.stdout.contains("over 13 snapshots in 12 min 0 s"), "{}", series.stdout);
    assert!(!series.stdout.contains("what grows without end: "), "{}", series.stdout);

    let json: serde_json::Value = serde_json::from_str(&place.run("leaks --json series").stdout).unwrap();
    assert_eq!(
        (&json["kind"], &json["findings"][0]["cause"]),
        (&"leaks".into(), &"grows_without_end".into())
    );
    assert_eq!(json["findings"][0]["key"]["line"], 10);
}

#[test]
fn leaks_without_findings_exits_with_0() {
    let place = place(2);
    assert!(place.run("leaks last.pb.gz").answer().contains("nothing that looks like a leak\n"));
    assert!(place.run("leaks series --focus load").answer().contains("nothing that looks like a leak\n"));
}

#[test]
fn rules_are_found_in_parents_and_unused_ones_reported() {
    let place = place(13);
    place.bytes(
        "highwater.toml",
        b"[[leaks.suppress]]\npattern = 'cache::put'\nreason = 'bounded by disk'\n\n[[leaks.suppress]]\npattern = 'gone'\nreason = 'was needed once'\n",
    );
    let run = |arguments: &[&str], directory: &str| {
        let mut command = place.command();
        let output = command.current_dir(place.path(directory)).args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, stdout, stderr) = run(&["leaks", "."], "series");
    assert_eq!(code, Some(0), "{stdout}");
    assert!(stdout.contains("suppressed: 1 finding, 832.0 MiB: bounded by disk\n"), "{stdout}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.contains("highwater.toml: the rule for `gone` (was needed once) accepts nothing"),
        "{stderr}"
    );

    place.bytes("other.toml", b"");
    assert_eq!(run(&["leaks", ".", "--config", "../other.toml"], "series").0, Some(1));
}

#[test]
fn rules_that_are_wrong_are_errors_with_their_line() {
    let place = place(2);
    for (text, expected) in [
        ("[[leaks.suppress]]\npattern = 'x'\n", "highwater.toml:1: "),
        (
            "[[leaks.suppress]]\npattern = 'x'\nreason = 'r'\nresaon = 'r'\n",
            "highwater.toml:4: unknown field `resaon`",
        ),
        ("[leaks]\nsupress = []\n", "highwater.toml:2: unknown field `supress`"),
        (
            "[[leaks.suppress]]\npattern = '('\nreason = 'r'\n",
            "highwater.toml:2: `pattern` is no regular expression",
        ),
        ("[[leaks.suppress]]\npattern = 'x'\nreason = ''\n", "highwater.toml:3: `reason` is empty"),
        ("\n[[\n", "highwater.toml:2: "),
    ] {
        place.bytes("highwater.toml", text.as_bytes());
        let run = place.run("leaks last.pb.gz");
        assert!(run.error().contains(expected), "{expected}: {}", run.stderr);
    }
    place.bytes("highwater.toml", b"\xff\n");
    assert!(place.run("leaks last.pb.gz").error().contains("cannot read "));
    assert!(place.run("leaks last.pb.gz --config nowhere.toml").error().contains("cannot read nowhere.toml"));
}

#[test]
fn advise_says_what_to_do_and_what_it_saves() {
    let place = place(13);
    let file = place.run("advise last.pb.gz");
    assert!(file.answer().contains("in 13 min 0 s\n"), "{}", file.stdout);
    assert!(file.stdout.contains("\nbound: what only grows\n"), "{}", file.stdout);
    assert!(file.stdout.contains("\nreserve: what grows by reallocation\n"), "{}", file.stdout);
    assert!(file.stdout.contains("ask for a capacity of 1 MiB at once"), "{}", file.stdout);

    let series = place.run("advise series");
    assert!(series.answer().contains("in 12 min 0 s\n"), "{}", series.stdout);
    assert!(series.stdout.contains("give it a bound: it grows by 3.8 GiB"), "{}", series.stdout);
    let json = place.run("advise series --json").json();
    let reserve = json["findings"].as_array().unwrap().iter().find(|it| it["measure"] == "reserve").unwrap();
    assert_eq!(json["kind"], "advise");
    assert_eq!(reserve["key"]["label"], "src/load.rs:20 demo::load::read");
    assert_eq!(reserve["saves_blocks"]["total"]["value"], 1200, "of the last twelve minutes");
    assert!((reserve["saves_blocks"]["per_second"]["value"].as_f64().unwrap() - 1200.0 / 720.0).abs() < 1e-9);
}

#[test]
fn advise_uses_the_data_that_a_profile_has() {
    let place = Place::new();
    place.profile("heap.pb.gz", &demo(40));
    let run = place.run("advise heap.pb.gz");
    assert!(
        run.answer().contains("not looked for: reserve: the file does not say what was reallocated\n"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("not looked for: reuse: the file does not say which blocks were temporary\n")
    );
    place.bytes("stacks.folded", b"main;load;read 4096\nmain;parse 100\n");
    let run = place.run("advise stacks.folded");
    assert!(run.answer().contains("nothing to advise\nnot looked for: bound: "), "{}", run.stdout);
    assert!(place.run("leaks stacks.folded").answer().contains("nothing that looks like a leak\n"));
}

#[test]
fn errors_are_explained() {
    let place = place(4);
    fs::create_dir(place.path("empty")).unwrap();
    fs::create_dir(place.path("two")).unwrap();
    for (name, process, epoch) in [("a", 7, 3), ("b", 8, 4), ("c", 8, 5)] {
        place.profile(&format!("two/{name}.pb.gz"), &snapshot(process, epoch));
    }
    place.bytes("bad.pb.gz", b"x");
    for command in ["leaks", "advise"] {
        assert!(place.run(&format!("{command} empty")).error().contains("empty"));
        assert!(place.run(&format!("{command} nowhere")).error().contains("cannot read nowhere"));
        assert!(place.run(&format!("{command} bad.pb.gz")).error().contains("bad.pb.gz"));
        assert!(place.run(command).error().contains("PATH"));
        let run = place.run(&format!("{command} two"));
        assert!(run.error().contains("two/b.pb.gz") && run.stderr.contains("restarted"), "{}", run.stderr);
        let forced = place.run(&format!("{command} two --force"));
        assert_eq!(forced.stderr.matches("highwater: note: ").count(), forced.stderr.lines().count());
        assert!(forced.stderr.contains("different processes"), "{}", forced.stderr);
        assert_ne!(forced.code, Some(2), "{}", forced.stderr);
    }
}

/// The findings at the top of a page, by kind.
fn page_findings(place: &Place, arguments: &str) -> serde_json::Value {
    place.run(&format!("report --json {arguments} -o page.json")).answer();
    serde_json::from_slice(&fs::read(place.path("page.json")).unwrap()).unwrap()
}

#[test]
fn a_page_begins_with_the_findings_of_the_commands() {
    let place = place(13);
    let data = page_findings(&place, "series");
    let labels_of = |sort: &str| -> Vec<String> {
        let all = data["findings"].as_array().unwrap().iter().filter(|it| it["sort"] == sort);
        all.map(|it| it["label"].as_str().unwrap().to_owned()).collect()
    };
    for (command, sort) in [("leaks", "leak"), ("advise", "advice")] {
        let answer: serde_json::Value =
            serde_json::from_str(&place.run(&format!("{command} --json series")).stdout).unwrap();
        let expected = answer["findings"].as_array().unwrap().iter();
        let expected: Vec<&str> = expected.map(|it| it["key"]["label"].as_str().unwrap()).collect();
        assert!(!expected.is_empty());
        assert_eq!(labels_of(sort), expected);
    }
    // Each finding links to something on the page.
    let labels = data["labels"].as_array().unwrap();
    for it in data["findings"].as_array().unwrap().iter().filter(|it| it["place"]["view"] != "moment") {
        assert!(labels.contains(&it["place"]["label"]), "{it}");
    }
}

#[test]
fn a_page_honours_the_rules_that_accept_leaks() {
    let place = place(13);
    let leaks = |data: &serde_json::Value| {
        let all = data["findings"].as_array().unwrap().iter();
        all.filter(|it| it["sort"].as_str().unwrap().ends_with("leak")).count()
    };
    assert_eq!(leaks(&page_findings(&place, "series")), 1);
    fs::write(
        place.path("highwater.toml"),
        "[[leaks.suppress]]\npattern = 'cache::put'\nreason = 'kept for the life of the process'\n",
    )
    .unwrap();
    let data = page_findings(&place, "series");
    assert_eq!(leaks(&data), 0);
    let note = data["notes"].as_array().unwrap().iter().find(|it| it.as_str().unwrap().contains("kept for"));
    assert!(note.unwrap().as_str().unwrap().starts_with("suppressed: 1 finding, "), "{note:?}");
    // The rules also hold if there are too few snapshots for a verdict.
    let few = "series/01.pb.gz series/02.pb.gz series/03.pb.gz";
    assert_eq!(leaks(&page_findings(&place, few)), 0);
    fs::write(place.path("none.toml"), "").unwrap();
    assert!(leaks(&page_findings(&place, &format!("--config none.toml {few}"))) > 0);
    assert!(place.run("report --config gone.toml series -o x.html").error().contains("gone.toml"));
}
