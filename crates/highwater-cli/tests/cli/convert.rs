//! One profile in other formats.

use std::fs;

use highwater_profile::{Format, Limits, file};

use crate::support::{Place, demo, without_binary};

#[test]
fn the_outputs_name_says_the_format() {
    let place = Place::new();
    place.profile("in.pb.gz", &demo(8));
    for (name, format) in [
        ("out.pb.gz", Format::Pprof),
        ("out.folded", Format::Folded),
        ("out.speedscope.json", Format::Speedscope),
        ("out.dhat.json", Format::Dhat),
    ] {
        let run = place.run(&format!("convert in.pb.gz {name}"));
        assert!(run.answer().starts_with(&format!("wrote {name} ({format}, ")), "{}", run.stdout);
        let again = file::read(&place.path(name), &Limits::default()).unwrap();
        assert_eq!(again.source.format, format, "{name}");
        let column = again.default_sample_type.unwrap_or(again.sample_types().len() - 1);
        if format != Format::Dhat {
            assert_eq!(again.samples.total(column), (8 + 8) << 20, "{name}");
        }
    }
    for (name, start) in [("callgrind.out.1", "# callgrind format"), ("out.json", "{"), ("out.csv", "")] {
        place.run(&format!("convert in.pb.gz {name}")).answer();
        assert!(fs::read_to_string(place.path(name)).unwrap().starts_with(start), "{name}");
    }
}

#[test]
fn the_inputs_content_says_its_format() {
    let place = Place::new();
    place.bytes("in.pb.gz", b"main;f;g 12\nmain;f 30\n");
    place.run("convert in.pb.gz out.pb.gz").answer();
    let again = file::read(&place.path("out.pb.gz"), &Limits::default()).unwrap();
    assert_eq!((again.source.format, again.samples.total(0)), (Format::Pprof, 42));
}

#[test]
fn an_option_says_the_format_and_another_the_values() {
    let place = Place::new();
    place.profile("in.pb.gz", &demo(8));
    let json = place.run("convert in.pb.gz out.txt --to folded --sample alloc-blocks --json").json();
    assert_eq!((&json["kind"], &json["format"]), (&"convert".into(), &"folded".into()));
    assert_eq!(json["totals"][0]["value"], 24);
    let folded = fs::read_to_string(place.path("out.txt")).unwrap();
    let sum =
        folded.lines().map(|line| line.rsplit(' ').next().unwrap().parse::<i64>().unwrap()).sum::<i64>();
    assert_eq!(sum, 24, "{folded}");
}

#[test]
fn what_cannot_be_written_is_said() {
    let place = Place::new();
    place.profile("in.pb.gz", &demo(8));
    let nameless = place.run("convert in.pb.gz out.xyz");
    assert!(nameless.error().contains("choose a format with --to: pprof, "), "{}", nameless.stderr);
    let read_only = place.run("convert in.pb.gz out --to heaptrack");
    assert!(read_only.error().contains("read and not written"), "{}", read_only.stderr);
    let unknown = place.run("convert in.pb.gz out --to xml");
    assert!(unknown.error().contains("the format is one of pprof, "), "{}", unknown.stderr);
    assert_eq!(place.files(), ["in.pb.gz"]);
}

#[test]
fn addresses_stay_in_pprof_and_need_names_elsewhere() {
    let place = Place::new();
    place.profile("in.pb.gz", &without_binary());
    place.run("convert in.pb.gz out.pb.gz").answer();
    let missing = place.run("convert in.pb.gz out.folded");
    assert!(missing.error().contains("--addresses"), "{}", missing.stderr);
    let run = place.run("convert in.pb.gz out.folded --addresses");
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.contains("not found; 1 address stays an address"), "{}", run.stderr);
    assert!(fs::read_to_string(place.path("out.folded")).unwrap().contains("demo+0x"));
}
