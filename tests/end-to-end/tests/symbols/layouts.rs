//! Layouts of types: as the compiler made them, joined with what is alive.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_profile::{Line, Location, Profile, ValueType, file, pprof};
use highwater_tests::{build_library, highwater, repository, succeed};
use serde_json::Value;

/// A profile with blocks of each of these types: name, number, and bytes of each.
fn profile(path: &Path, blocks: &[(&str, i64, i64)]) {
    let types = [("inuse_objects", "count"), ("inuse_space", "bytes")];
    let mut profile = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
    profile.period = 1;
    let mut frame = |name: &str, file: &str| {
        let function = profile.add_function(name, name, file);
        profile.add_location(Location::symbolized(vec![Line::new(function, 1)]))
    };
    let main = frame("demo::main", "src/main.rs");
    let made: Vec<_> = blocks
        .iter()
        .map(|(name, ..)| {
            frame(&format!("alloc::boxed::Box<{name}>::new"), "/rustc/1/library/alloc/src/boxed.rs")
        })
        .collect();
    for (at, (_, count, bytes)) in blocks.iter().enumerate() {
        profile.samples.push(&[made[at], main], &[*count, count * bytes], &[]);
    }
    file::write_atomically(path, |out| pprof::write(&profile, out)).unwrap();
}

struct Place {
    own: tempfile::TempDir,
    profile: PathBuf,
}

fn place() -> Place {
    let own = tempfile::tempdir().unwrap();
    let path = own.path().join("heap.pb.gz");
    let blocks = [
        ("layouts::Event", 1000, 320),
        ("layouts::Entry", 100, 328),
        ("layouts::Padded", 10, 32),
        ("layouts::Even", 10, 40),
        ("layouts::serve::{async_fn_env#0}", 10, 400),
        ("demo::Elsewhere", 1, 8),
    ];
    profile(&path, &blocks);
    Place { own, profile: path }
}

impl Place {
    fn library(&self, options: &[&str]) -> PathBuf {
        let path = self.own.path().join("liblayouts.so");
        build_library("layouts", &path, options);
        path
    }

    fn command(&self, library: &Path) -> Command {
        let mut command = Command::new(highwater());
        command.args(["types", "--min-fraction", "0", "--layout-file"]).arg(library).arg(&self.profile);
        command
    }
}

fn row<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let mut rows = answer["rows"].as_array().unwrap().iter();
    rows.find(|row| row["key"]["label"] == name).unwrap_or_else(|| panic!("{name} in {answer}"))
}

#[test]
fn what_layouts_cost_is_said_of_what_is_alive() {
    let place = place();
    let library = place.library(&["-g"]);
    let answer: Value = serde_json::from_str(&succeed(place.command(&library).arg("--json"))).unwrap();

    let event = row(&answer, "layouts::Event");
    assert_eq!((&event["size"], &event["values"]["value"]), (&320.into(), &1000.into()));
    let boxed = &event["boxed"];
    assert_eq!((&boxed["variant"], &boxed["variant_bytes"]), (&"Frame".into(), &312.into()));
    assert_eq!((&boxed["size_then"], &boxed["next_bytes"]), (&16.into(), &4.into()));
    assert_eq!(boxed["saves_up_to"]["value"], 1000 * (320 - 16));
    let variants: Vec<&str> =
        event["variants"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(variants, ["Frame", "Tick", "Key"]);

    // An enum inside of what is allocated counts too, and one with even variants does not.
    let inside = &row(&answer, "layouts::Entry")["boxed"];
    assert_eq!(
        (&inside["type_name"], &inside["saves_up_to"]["value"]),
        (&"layouts::Event".into(), &30_400.into())
    );
    assert_eq!(row(&answer, "layouts::Even")["boxed"], Value::Null);

    assert_eq!(row(&answer, "layouts::Padded")["padding"], 16);

    // The variables that a future keeps, by the lines of its awaits.
    let serve = row(&answer, "layouts::serve::{async_fn}");
    let source = fs::read_to_string(repository().join("tests/programs/layouts.rs")).unwrap();
    let line = source.lines().position(|line| line.contains("// await: keeps numbers")).unwrap() + 1;
    let first = &serve["variants"][0];
    assert_eq!((&first["line"], &first["fields"][0]["name"]), (&line.into(), &"numbers".into()));
    assert_eq!(first["fields"][0]["size"], 320);
    assert_eq!(serve["variants"].as_array().unwrap().len(), 2, "two awaits");

    assert_eq!((&answer["unknown"]["rows"], &answer["unknown"]["value"]), (&1.into(), &8.into()));
    let text = succeed(&mut place.command(&library));
    assert!(text.contains("layouts::Event is 320 B because of one variant, Frame, of 312 B"), "{text}");
    assert!(text.contains("up to 296.9 KiB"), "{text}");
}

#[test]
fn debug_information_without_types_is_said_with_what_to_do() {
    let place = place();
    let library = place.library(&["-Cdebuginfo=line-tables-only"]);
    let output = place.command(&library).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("liblayouts.so") && error.contains("no fields of types"), "{error}");
    assert!(error.contains("debug = \"full\"") && error.contains("--layout-file"), "{error}");
}
