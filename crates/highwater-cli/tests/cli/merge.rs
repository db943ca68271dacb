//! Several profiles as one, by the command.

use highwater_profile::{Limits, Meta, Profile, ValueType, file};

use crate::support::{INTERVAL, Place, demo};

fn of_process(process: i64, blocks: i64) -> Profile {
    let mut profile = demo(blocks);
    profile.meta = Some(Meta { format: Some(1), process: Some(process), ..Meta::default() });
    profile
}

#[test]
fn totals_are_the_sums() {
    let place = Place::new();
    for (name, blocks) in [("a.pb.gz", 8), ("b.pb.gz", 20), ("c.pb.gz", 1)] {
        place.profile(name, &of_process(blocks, blocks));
    }
    let run = place.run("merge a.pb.gz b.pb.gz c.pb.gz -o all.pb.gz");
    assert_eq!(run.answer(), "wrote all.pb.gz (pprof, 2 rows)\n");
    let json = place.run("top --json all.pb.gz").json();
    assert_eq!(json["header"]["total"]["value"], (29 + 3 * 8) << 20);
    assert_eq!(json["rows"][0]["flat"]["value"], 29 << 20);
    assert_eq!(json["header"]["interval_bytes"], INTERVAL);
    place.run("merge a.pb.gz b.pb.gz -o both.folded").answer();
    let both = file::read(&place.path("both.folded"), &Limits::default()).unwrap();
    assert_eq!(both.samples.total(0), (28 + 2 * 8) << 20);
}

#[test]
fn each_row_keeps_its_sampling_interval() {
    let place = Place::new();
    place.profile("a.pb.gz", &of_process(1, 8));
    let mut exact = of_process(2, 8);
    exact.period = 1;
    place.profile("b.pb.gz", &exact);
    place.run("merge a.pb.gz b.pb.gz -o all.pb.gz").answer();
    let error = |file: &str| {
        let json = place.run(&format!("top --json {file}")).json();
        json["header"]["total"]["standard_error"].as_f64().unwrap()
    };
    assert_eq!(error("b.pb.gz"), 0.0);
    assert!(error("a.pb.gz") > 0.0);
    assert_eq!(error("all.pb.gz"), error("a.pb.gz"), "the exact half has no error");
}

#[test]
fn snapshots_of_one_process_are_pointed_out() {
    let place = Place::new();
    place.profile("a.pb.gz", &of_process(1, 8));
    place.profile("b.pb.gz", &of_process(1, 9));
    let run = place.run("merge a.pb.gz b.pb.gz -o all.pb.gz");
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.starts_with("highwater: note: a.pb.gz and b.pb.gz are snapshots of one process"));
}

#[test]
fn kinds_of_only_some_profiles_are_left_out_and_named() {
    let place = Place::new();
    place.profile("a.pb.gz", &demo(8));
    let mut live = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
    live.samples.push(&[], &[5], &[]);
    place.profile("b.pb.gz", &live);
    let run = place.run("merge a.pb.gz b.pb.gz -o all.pb.gz");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        run.stderr,
        "highwater: note: a.pb.gz: alloc_objects, alloc_space, inuse_objects left out, because not all of the profiles have it\n"
    );
    let all = file::read(&place.path("all.pb.gz"), &Limits::default()).unwrap();
    assert_eq!((all.sample_types().len(), all.samples.total(0)), (1, (16 << 20) + 5));
}

#[test]
fn profiles_that_cannot_be_merged_are_named() {
    let place = Place::new();
    place.profile("a.pb.gz", &demo(8));
    place.profile("cpu.pb.gz", &Profile::new(vec![ValueType::new("cpu", "nanoseconds")]));
    let run = place.run("merge a.pb.gz a.pb.gz cpu.pb.gz -o all.pb.gz");
    let message = run.error();
    assert!(
        message
            .starts_with("a.pb.gz and cpu.pb.gz: cannot be merged: they have no kind of values in common: "),
        "{message}"
    );
    assert!(place.run("merge -o all.pb.gz").error().contains("required"));
    assert!(place.run("merge a.pb.gz missing.pb.gz -o all.pb.gz").error().contains("missing.pb.gz"));
    assert!(place.run("merge a.pb.gz -o all --to go").error().contains("read and not written"));
    assert_eq!(place.files(), ["a.pb.gz", "cpu.pb.gz"]);
}
