//! Profiles converted to other formats.

use std::fs;
use std::path::Path;

use highwater_profile::{Format, Limits, Line, Location, Profile, file};

use crate::support::{Place, demo, push_values, without_binary};

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
fn only_written_rows_are_counted() {
    let place = Place::new();
    let mut profile = demo(8);
    let stack = profile.samples.get(0).stack.to_vec();
    // One row with nothing live, and one with a stack that another row has too.
    push_values(&mut profile, &stack, [3, 0], 64);
    push_values(&mut profile, &stack, [1, 1], 128);
    place.profile("in.pb.gz", &profile);
    for (name, rows) in [
        ("out.folded", 3),
        ("out.pb.gz", 4),
        ("out.dhat.json", 2),
        ("out.speedscope.json", 4),
        ("out.csv", 4),
    ] {
        let json = place.run(&format!("convert in.pb.gz {name} --json")).json();
        assert_eq!(json["samples"], rows, "{name}");
        let kinds = if name == "out.folded" { 1 } else { 4 };
        assert_eq!(json["totals"].as_array().unwrap().len(), kinds, "{name}");
    }
    assert_eq!(fs::read_to_string(place.path("out.folded")).unwrap().lines().count(), 3);
    // If all values of the kind are 0, there is nothing to write.
    let mut dead = demo(0);
    dead.samples = Profile::new(dead.sample_types().to_vec()).samples;
    push_values(&mut dead, &stack, [3, 0], 64);
    place.profile("dead.pb.gz", &dead);
    for command in ["convert dead.pb.gz dead.folded", "flame dead.pb.gz -o dead.svg"] {
        let run = place.run(command);
        assert!(
            run.error().ends_with("the file has alloc-blocks, alloc-bytes (choose with --sample)"),
            "{}",
            run.stderr
        );
    }
    for command in ["top", "tree", "peek add", "list --sample live-bytes add"] {
        let run = place.run(&format!("{command} dead.pb.gz"));
        assert!(
            run.answer().contains("the file has alloc-blocks, alloc-bytes (choose with --sample)"),
            "{command}: {}",
            run.stdout
        );
    }
    assert!(place.run("convert dead.pb.gz dead.folded --sample alloc-bytes").answer().contains("1 rows"));
}

#[test]
fn unsupported_outputs_are_refused() {
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

#[test]
fn a_document_on_standard_output_is_not_mixed_with_messages() {
    let place = Place::new();
    place.profile("in.pb.gz", &demo(8));
    place.run("convert in.pb.gz out.folded").answer();
    let expected = fs::read_to_string(place.path("out.folded")).unwrap();
    let outputs: &[&str] =
        if cfg!(target_os = "linux") { &["-", "/dev/stdout", "/proc/self/fd/1"] } else { &["-"] };
    for output in outputs {
        let run = place.run(&format!("convert in.pb.gz {output} --to folded"));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), expected.as_str()), "{output}");
        assert!(run.stderr.starts_with(&format!("wrote {output} (folded, ")), "{}", run.stderr);
        for flame in ["flame in.pb.gz --output", "flame in.pb.gz --json --output"] {
            let run = place.run(&format!("{flame} {output}"));
            assert!(run.code == Some(0) && run.stderr == format!("wrote {output}\n"), "{}", run.stderr);
            assert!(run.stdout.starts_with(['<', '{']), "{}", run.stdout);
        }
    }
    // No file with the name `-` was created.
    assert!(!place.path("-").exists());
}

#[cfg(unix)]
#[test]
fn devices_and_links_are_not_replaced() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    place.profile("in.pb.gz", &demo(8));
    symlink("target.folded", place.path("link.folded")).unwrap();
    symlink("/dev/null", place.path("null.folded")).unwrap();
    for output in ["link.folded", "null.folded"] {
        place.run(&format!("convert in.pb.gz {output}")).answer();
        assert!(fs::symlink_metadata(place.path(output)).unwrap().is_symlink());
    }
    assert!(fs::read_to_string(place.path("target.folded")).unwrap().contains(';'));
    fs::create_dir(place.path("directory.folded")).unwrap();
    let refused = place.run("convert in.pb.gz directory.folded");
    assert!(refused.error().contains("directory.folded: it is a directory"), "{}", refused.stderr);
}

/// As in a release build with fat LTO and debug information: at one address, the recorder's functions are
/// inlined into the program's functions, so the recorder cannot cut them off when it captures a stack.
#[test]
fn no_format_names_a_recorder_that_was_inlined() {
    let place = Place::new();
    let golden =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/pprof/highwater/sampled.pb.gz");
    let golden = file::read(&golden, &Limits::default()).unwrap();
    let mut profile = demo(8);
    (profile.drop_frames, profile.keep_frames) = (golden.drop_frames, golden.keep_frames);
    let names = [
        "<highwater_recorder::alloc::Alloc<std::alloc::System> as core::alloc::global::GlobalAlloc>::realloc",
        "__rustc::__rust_realloc",
        "<alloc::alloc::Global as core::alloc::Allocator>::grow",
        "demo::grow_lists",
    ];
    let lines = names.map(|name| Line::new(profile.add_function(name, name, "src/main.rs"), 3)).to_vec();
    let stack = [profile.add_location(Location::symbolized(lines))];
    push_values(&mut profile, &stack, [2, 2], 1 << 20);
    place.profile("in.pb.gz", &profile);
    for name in ["out.folded", "out.speedscope.json", "out.dhat.json", "callgrind.out.1", "out.csv"] {
        let written = |option: &str| {
            place.run(&format!("convert in.pb.gz {name}{option}")).answer();
            fs::read_to_string(place.path(name)).unwrap()
        };
        let text = written("");
        assert!(text.contains("grow_lists"), "{name}");
        for unwanted in ["highwater_recorder", "__rust_realloc", "Global as"] {
            assert!(!text.contains(unwanted), "{unwanted} in {name}: {text}");
        }
        // The planted fault: with all frames they are there.
        assert!(written(" --all-frames").contains("highwater_recorder"), "{name}");
    }
}

/// The CSV column that attributes a value to a line holds what `top` shows, with any options.
#[test]
fn a_csv_row_has_the_line_of_top() {
    let place = Place::new();
    place.profile("in.pb.gz", &demo(8));
    for option in ["", " --leaf", " --through demo"] {
        let top = place.run(&format!("top in.pb.gz --json --limit 0 --min-fraction 0{option}")).json();
        place.run(&format!("convert in.pb.gz out.csv{option}")).answer();
        let text = fs::read_to_string(place.path("out.csv")).unwrap();
        assert!(text.lines().next().unwrap().ends_with(",stack,where"), "{text}");
        for row in top["rows"].as_array().unwrap() {
            let label = row["key"]["label"].as_str().or(row["label"].as_str()).unwrap();
            let ending = [format!(",{label}"), format!(",\"{label}\"")];
            assert!(
                text.lines().any(|it| ending.iter().any(|end| it.ends_with(end))),
                "{label}{option}: {text}"
            );
        }
    }
}
