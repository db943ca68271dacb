//! `highwater compare`: groups of processes, from files to answer.

use highwater_profile::{Meta, Profile};

use crate::support::{INTERVAL, Place, frame, heap, push_values};

/// A process: `cache` is the number of 4 KiB blocks of one line; ten other lines hold 2,000 each. The number
/// of the process decides by how many per cent its lines deviate.
fn process(number: i64, cache: i64) -> Profile {
    let mut profile = heap(INTERVAL / 64);
    profile.duration_ns = 60_000_000_000;
    profile.meta = Some(Meta { process: Some(number), epoch: Some(1), ..Meta::default() });
    let main = frame(&mut profile, "demo::main", "src/main.rs", 7);
    let vary = |at: i64, blocks: i64| blocks + blocks * ((number * 37 + at * 101) % 17 - 8) / 100;
    let leaf = frame(&mut profile, "demo::cache", "src/cache.rs", 5);
    push_values(&mut profile, &[leaf, main], [2 * cache, vary(0, cache)], 4096);
    for at in 1..=10 {
        let leaf = frame(&mut profile, &format!("demo::index{at}"), "src/index.rs", at);
        push_values(&mut profile, &[leaf, main], [4000, vary(at, 2000)], 4096);
    }
    profile
}

/// Two directories with five processes each. The new processes hold this many blocks in the cache.
fn groups(cache: i64) -> Place {
    let place = Place::new();
    for (name, from, cache) in [("v1", 1, 2000), ("v2", 100, cache)] {
        std::fs::create_dir(place.path(name)).unwrap();
        for number in from..from + 5 {
            place.profile(&format!("{name}/pod-{number}.pb.gz"), &process(number, cache));
        }
    }
    place
}

#[test]
fn a_line_that_grew_in_every_process_is_called_and_no_other() {
    let place = groups(3000);
    let text = place.run_all(&["compare", "--base", "v1/*.pb.gz", "--new", "v2/*.pb.gz"]);
    let text = text.answer();
    let rows: Vec<&str> = text.lines().filter(|it| it.contains("src/")).collect();
    assert!(rows.len() == 1 && rows[0].contains("src/cache.rs:5 demo::cache"), "{text}");
    assert!(text.starts_with("base: live-bytes "), "{text}");
    assert!(text.contains("the mean of 5 processes\n") && text.contains("\n10 rows are not shown"), "{text}");
    assert!(text.contains("four of five changes are found by 5 a side ±"), "{text}");
    let json = place.run("compare --json --base v1 --new v2").json();
    assert_eq!(json["called"], 1);
    let row = &json["rows"][0];
    assert_eq!((row["key"]["line"].as_i64(), row["called"].as_bool()), (Some(5), Some(true)));
    let ratio = &row["ratio"];
    assert!(ratio["low"].as_f64() > Some(1.2) && ratio["high"].as_f64() < Some(1.8), "{ratio}");
    assert_eq!(row["values"].as_array().unwrap().len(), 10);
    let all = place.run("compare --noise --base v1 --new v2");
    assert_eq!(all.answer().matches("src/index.rs").count(), 10);
}

#[test]
fn equal_groups_have_nothing_called() {
    let place = groups(2000);
    let text = place.run("compare --base v1 --new v2");
    assert!(text.answer().contains("\nno row differs beyond what the processes of a group differ\n"));
}

#[test]
fn one_process_a_side_says_what_it_is_worth() {
    let place = groups(3000);
    let text = place.run("compare --base v1/pod-1.pb.gz --new v2/pod-100.pb.gz");
    let text = text.answer();
    assert!(text.contains("note: one process a side: intervals have sampling error alone"), "{text}");
    assert!(text.contains("src/cache.rs:5") && text.contains("(sampling error alone)"), "{text}");
    let json = place.run("compare --json --base v1/pod-1.pb.gz --new v2/pod-100.pb.gz").json();
    assert_eq!((json["called"].as_i64(), &json["rows"][0]["q_value"]), (Some(0), &serde_json::Value::Null));
    assert_eq!(json["notes"][0]["kind"], "one_each");
}

#[test]
fn processes_are_divided_by_a_number_of_a_list() {
    let place = Place::new();
    let (mut lists, requests) = ([String::new(), String::new()], [1000, 2000]);
    for number in 0..12 {
        let side = number / 6;
        // The new processes serve twice as many requests, and hold twice as much for them.
        let mut profile = process(number as i64 + 1, 2000);
        if side == 1 {
            profile = highwater_profile::merge(&[profile.clone(), profile]).unwrap();
            profile.meta = Some(Meta { process: Some(number as i64 + 1), epoch: Some(1), ..Meta::default() });
        }
        place.profile(&format!("pod {number}.pb.gz"), &profile);
        lists[side] += &format!("pod {number}.pb.gz requests={}\n", requests[side]);
    }
    place.bytes("base.txt", format!("# stable\n\n{}", lists[0]).as_bytes());
    place.bytes("new.txt", lists[1].as_bytes());
    let plain = place.run("compare --json --base @base.txt --new @new.txt").json();
    assert_eq!(plain["called"], 11, "{plain}");
    let scaled = place.run("compare --json --base @base.txt --new @new.txt --normalize requests").json();
    assert_eq!((scaled["called"].as_i64(), &scaled["normalized"]["counter"]), (Some(0), &"requests".into()));
    assert_eq!(scaled["processes"][0]["factor"], 1.5);
    let missing = place.run("compare --base @base.txt --new @new.txt --normalize queries");
    assert_eq!(
        missing.error(),
        "pod 0.pb.gz: it cannot be normalized: there is no queries=NUMBER above 0 for it in a list"
    );
}

#[test]
fn an_unusual_process_and_unequal_ages_are_named() {
    let place = groups(2000);
    let mut odd = process(7, 40_000);
    odd.duration_ns = 60_000_000_000;
    place.profile("v1/pod-7.pb.gz", &odd);
    for number in 100..105 {
        let mut old = process(number, 2000);
        old.duration_ns = 600_000_000_000;
        place.profile(&format!("v2/pod-{number}.pb.gz"), &old);
    }
    let text = place.run("compare --base v1 --new v2");
    let text = text.answer();
    assert!(text.contains("note: unusual: base v1/pod-7.pb.gz holds 2.66 times the median"), "{text}");
    assert!(text.contains("the median base process had run 60 s, the new one 600 s"), "{text}");
}

#[test]
fn snapshots_of_one_process_are_one_process() {
    let place = groups(2000);
    let mut later = process(1, 2000);
    later.meta = Some(Meta { process: Some(1), epoch: Some(2), ..Meta::default() });
    place.profile("v1/later.pb.gz", &later);
    let json = place.run("compare --json --base v1 --new v2").json();
    assert_eq!(json["processes"].as_array().unwrap().len(), 10);
    assert_eq!(json["processes"][0]["name"], "v1/later.pb.gz");
    assert_eq!(json["notes"][0]["kind"], "earlier_snapshots");
    place.profile("v2/later.pb.gz", &later);
    let both = place.run("compare --base v1 --new v2");
    assert_eq!(
        both.error(),
        "v1/later.pb.gz and v2/later.pb.gz: they are snapshots of one process, which cannot be in both groups (highwater diff compares them)"
    );
}

#[test]
fn wrong_groups_are_errors_that_name_them() {
    let place = groups(2000);
    place.bytes("v1/notes.txt", b"not a profile");
    place.bytes("list.txt", b"# nothing\n");
    for (arguments, message) in [
        ("--base v3/*.pb.gz --new v2", "v3/*.pb.gz: no file matches this pattern"),
        ("--base v1/[ --new v2", "v1/[: this is no pattern: invalid range pattern"),
        ("--base @list.txt --new v2", "list.txt: this list names no file"),
        (
            "--base v1/pod-1.pb.gz --new v1/pod-1.pb.gz",
            "v1/pod-1.pb.gz: it is in both groups; a process belongs to one",
        ),
        ("--base v1/notes.txt --new v2", "v1/notes.txt: "),
    ] {
        let run = place.run(&format!("compare {arguments}"));
        assert!(run.error().starts_with(message), "{}", run.stderr);
    }
    let run = place.run("compare --base v1 --new v2");
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (Some(0), "highwater: note: v1: files that are no profiles were passed over: 1\n")
    );
}

#[test]
fn the_gate_judges_several_runs() {
    for (cache, growth, code, word) in
        [(2000, "10%", 0, "pass"), (8000, "5%", 1, "regression"), (2000, "1%", 3, "inconclusive")]
    {
        let place = groups(cache);
        let arguments = ["check", "v2/*.pb.gz", "--baseline", "v1", "--max-growth", growth];
        let run = place.run_all(&arguments);
        assert_eq!((run.code, run.stderr.as_str()), (Some(code), ""), "{}", run.stdout);
        assert!(run.stdout.starts_with(&format!("check: {word}\nlive-bytes: ")), "{}", run.stdout);
        assert_eq!(run.stdout.contains("cache.rs:5"), code == 1, "{}", run.stdout);
        assert_eq!(run.stdout.contains("to decide: "), code == 3, "{}", run.stdout);
        let json = place.run_all(&[&arguments[..], &["--json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!((json["verdict"].as_str(), json["runs"][0]["verdict"].as_str()), (Some(word), Some(word)));
        if code == 3 {
            assert!(json["runs"][0]["needed"].as_u64() > Some(5), "{json}");
        }
    }
    let place = groups(2000);
    let run = place.run("check v2 --baseline v1 --max-growth 5% --github");
    assert!(run.error().starts_with("several runs: they are judged without --github"), "{}", run.stderr);
}

#[test]
fn diff_points_to_the_comparison_of_groups() {
    let place = groups(2000);
    for arguments in ["diff v1 v2", "diff v1/pod-1.pb.gz v1/pod-2.pb.gz v2/pod-100.pb.gz"] {
        assert!(
            place.run(arguments).error().contains("highwater compare --base FILES --new FILES"),
            "{arguments}"
        );
    }
}
