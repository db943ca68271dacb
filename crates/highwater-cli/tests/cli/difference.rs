//! Differences of profiles: with signs, from files and from folded stacks.

use std::fs;

use highwater_profile::{Limits, Profile, ValueType, file};

use crate::support::{Place, frame};

/// Two functions: one shrank by 5 MiB, the other grew by 2.
fn difference() -> Profile {
    let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
    profile.time_ns = 1_700_000_000_000_000_000;
    profile.period_type = Some(ValueType::new("space", "bytes"));
    profile.period = 512 << 10;
    let main = frame(&mut profile, "demo::main", "src/main.rs", 1);
    for (name, value) in [("demo::free", -(5 << 20)), ("demo::grow", 2 << 20)] {
        let leaf = frame(&mut profile, name, "src/main.rs", 7);
        profile.samples.push(&[leaf, main], &[value], &[]);
    }
    profile
}

#[test]
fn values_are_shown_with_their_signs_and_without_errors() {
    let place = Place::new();
    place.profile("d.pb.gz", &difference());
    assert_eq!(
        place.run("top d.pb.gz").answer(),
        "\
live-bytes -3.0 MiB
the difference of two profiles: values have signs, and no sampling error can be given

live-bytes       %       cum    cum%  where
  -5.0 MiB  -71.4%  -5.0 MiB  -71.4%  src/main.rs:7 demo::free
  +2.0 MiB   28.6%  +2.0 MiB   28.6%  src/main.rs:7 demo::grow
"
    );
    let json = place.run("top --json d.pb.gz").json();
    assert_eq!(json["header"]["difference"], true);
    assert_eq!(json["header"]["total"]["standard_error"], serde_json::Value::Null);
    assert!(place.run("tree d.pb.gz").answer().contains("  -3.0 MiB  -42.9%            [root]"));
    assert!(place.run("info d.pb.gz").answer().contains("the difference of two profiles"));
    assert!(place.run("list demo d.pb.gz").answer().contains("-5.0 MiB"));
}

#[test]
fn a_difference_is_drawn_as_growth_and_shrinkage() {
    let place = Place::new();
    place.profile("d.pb.gz", &difference());
    place.run("flame d.pb.gz -o d.svg").answer();
    let drawing = fs::read_to_string(place.path("d.svg")).unwrap();
    assert!(
        drawing.contains("<title>demo::free (-5,242,880 bytes ± ?: 0 grown, 5,242,880 shrunk)"),
        "{drawing}"
    );
    assert!(
        drawing.contains("<title>demo::grow (+2,097,152 bytes ± ?: 2,097,152 grown, 0 shrunk)"),
        "{drawing}"
    );
    place.run("report d.pb.gz -o d.html").answer();
}

#[test]
fn a_difference_is_written_to_formats_with_signs() {
    let place = Place::new();
    place.profile("d.pb.gz", &difference());
    for name in ["again.pb.gz", "again.folded"] {
        place.run(&format!("convert d.pb.gz {name}")).answer();
        let again = file::read(&place.path(name), &Limits::default()).unwrap();
        assert!(again.is_difference(), "{name}");
        assert_eq!(again.samples.total(0), -(3 << 20), "{name}");
    }
    for name in ["again.json", "again.csv"] {
        place.run(&format!("convert d.pb.gz {name}")).answer();
        assert!(fs::read_to_string(place.path(name)).unwrap().contains("-5242880"), "{name}");
    }
    for name in ["x.dhat.json", "x.speedscope.json", "x.callgrind"] {
        let run = place.run(&format!("convert d.pb.gz {name}"));
        assert!(run.error().contains("cannot hold that; write pprof or folded"), "{}", run.stderr);
        assert!(!place.path(name).exists());
    }
    place.run("merge d.pb.gz d.pb.gz -o sum.pb.gz").answer();
    assert_eq!(
        file::read(&place.path("sum.pb.gz"), &Limits::default()).unwrap().samples.total(0),
        -(6 << 20)
    );
}

#[test]
fn commands_that_need_a_heap_refuse_a_difference() {
    let place = Place::new();
    place.profile("d.pb.gz", &difference());
    for command in [
        "diff d.pb.gz d.pb.gz",
        "trend d.pb.gz d.pb.gz d.pb.gz",
        "spikes d.pb.gz d.pb.gz",
        "check d.pb.gz --baseline d.pb.gz --max-growth 5%",
        "leaks d.pb.gz",
        "advise d.pb.gz",
        "plot d.pb.gz d.pb.gz -o x.svg",
        "flame --diff d.pb.gz d.pb.gz -o x.svg",
    ] {
        let run = place.run(command);
        let message = run.error();
        assert!(message.starts_with("d.pb.gz"), "{command}: {message}");
        assert!(message.contains("this is the difference of two profiles, and "), "{command}: {message}");
    }
    assert_eq!(place.files(), ["d.pb.gz"]);
}

#[test]
fn two_numbers_on_a_line_are_a_folded_difference() {
    let place = Place::new();
    place.bytes("base.folded", b"main;a 10\nmain;b 5\n");
    place.bytes("new.folded", b"main;a 4\nmain;c 7\n");
    place.run("flame --diff base.folded new.folded --force --format folded -o both.folded").answer();
    assert_eq!(
        fs::read_to_string(place.path("both.folded")).unwrap(),
        "main;a 10 4\nmain;b 5 0\nmain;c 0 7\n"
    );
    let json = place.run("top --json both.folded").json();
    assert_eq!(json["header"]["total"]["value"], -4);
    // Shares are of the base.
    assert_eq!(json["rows"][0]["flat_fraction"], 7.0 / 15.0);
    place.run("convert both.folded both.pb.gz").answer();
    place.run("convert both.pb.gz again.folded").answer();
    assert_eq!(
        fs::read_to_string(place.path("again.folded")).unwrap(),
        fs::read_to_string(place.path("both.folded")).unwrap()
    );
    place.run("flame both.folded -o one.svg").answer();
    let drawing = fs::read_to_string(place.path("one.svg")).unwrap();
    assert!(drawing.contains("<title>a (-6 blocks ± ?: 0 grown, 6 shrunk)"), "{drawing}");
}
