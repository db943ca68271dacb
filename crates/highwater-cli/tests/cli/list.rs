//! Annotated sources.

use std::fs;

use crate::support::{Place, demo};

fn source(place: &Place, directory: &str) {
    fs::create_dir_all(place.path(directory)).unwrap();
    let text: String = (1..=100).map(|line| format!("    // line {line}\n")).collect();
    fs::write(place.path(directory).join("index.rs"), text).unwrap();
}

#[test]
fn list_shows_each_line_with_its_memory() {
    let place = Place::new();
    place.profile("heap.pb.gz", &demo(200));
    source(&place, "src");
    let run = place.run("list Index::add heap.pb.gz");
    let lines: Vec<&str> = run.answer().lines().collect();
    assert!(lines.contains(&"demo::index::Index::add in src/index.rs"), "{}", run.stdout);
    assert!(lines.contains(&" 200.0 MiB    400.0 MiB  88  // line 88"), "{}", run.stdout);
    assert!(lines.contains(&"                         90  // line 90"), "{}", run.stdout);
    assert!(!run.stdout.contains("line 91") && !run.stdout.contains("line 85"), "{}", run.stdout);
    // The profile is from 2023, and the file from today.
    assert!(run.stdout.contains("the file is newer than the profile"), "{}", run.stdout);
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{}", run.stdout);

    let one = place.run("list --sample live-bytes main heap.pb.gz");
    let row = one.answer().lines().find(|it| it.ends_with("  7")).expect("the line that calls").to_owned();
    assert!(row.trim_start().starts_with('·') && row.contains("208.0 MiB"), "{row}");

    let json = place.run("list --json Index::add heap.pb.gz").json();
    assert_eq!((&json["kind"], &json["headers"][1]["sample"]), (&"list".into(), &"alloc-bytes".into()));
    let line = &json["functions"][0]["lines"][0];
    assert_eq!((&line["line"], &line["values"]["flat"][0]["value"]), (&88.into(), &(200 << 20).into()));
    assert!(place.run("list nobody heap.pb.gz").answer().ends_with("nothing matches\n"));
}

#[test]
fn a_missing_source_is_named_and_searched() {
    let place = Place::new();
    place.profile("heap.pb.gz", &demo(200));
    let run = place.run("list Index::add heap.pb.gz");
    let expected = "no source: it is not at src/index.rs; --source DIR names a directory to look in\n";
    assert!(run.answer().contains(expected), "{}", run.stdout);
    assert!(run.stdout.contains(" 200.0 MiB    400.0 MiB  88\n"), "{}", run.stdout);
    source(&place, "elsewhere");
    let found = place.run("list --source elsewhere Index::add heap.pb.gz");
    assert!(found.answer().contains("// line 88"), "{}", found.stdout);
    // A directory or a device is not read as a source.
    fs::create_dir_all(place.path("src/index.rs")).unwrap();
    assert!(place.run("list Index::add heap.pb.gz").answer().contains(expected));
    assert!(place.run("list --source nowhere x heap.pb.gz").error().contains("no such directory"));
}
