//! Watches of a directory into which a program writes its snapshots.

use std::fs;

use super::{Going, Program, names, of_kind, quiet, watched};
use crate::support::Place;

#[test]
fn files_are_read_as_they_appear() {
    let place = Place::new();
    fs::create_dir(place.path("snapshots")).unwrap();
    let file = |number: usize| format!("snapshots/heap-{:013}.pb.gz", 1_700_000_000_000 + number);
    let mut program = Program::new(Some(1));
    place.bytes("snapshots/notes.txt", b"theirs");
    place.bytes("snapshots/.highwater-x.tmp", b"half");
    for (number, body) in quiet(&mut program, 3).iter().enumerate() {
        place.bytes(&file(number), body);
    }
    let mut going = Going::start(&place, "snapshots --every 10ms");
    let passed_over = going.wait_for("passed_over");
    assert_eq!(passed_over["file"], "snapshots/notes.txt");
    for number in 3..8 {
        let burst = if number == 6 { 400 } else { 0 };
        // The file appears as a whole, like the recorder's files.
        place.bytes("part", &program.step(0, burst));
        fs::rename(place.path("part"), place.path(&file(number))).unwrap();
        loop {
            if going.wait_for("snapshot")["number"] == number + 1 {
                break;
            }
        }
        // The program keeps only a few files.
        fs::remove_file(place.path(&file(number - 3))).unwrap();
    }
    let (_, events) = going.interrupt();
    let incidents = of_kind(&events, "incident");
    assert_eq!(incidents.len(), 1, "{events:#?}");
    let before = names(&place.path(incidents[0]["folder"].as_str().unwrap()));
    assert!(before.contains(&"flame.svg".to_owned()), "the program's file is gone, the ring's is not");
    assert_eq!(names(&place.path("highwater-watch/ring")).len(), 8);
    assert_eq!(of_kind(&events, "passed_over").len(), 1, "once is enough");
    assert!(place.path("snapshots/notes.txt").exists());
}

#[test]
fn present_files_are_read_in_order_of_time() {
    let place = Place::new();
    fs::create_dir(place.path("snapshots")).unwrap();
    // The order of the names is the reverse of the order in time.
    for (number, body) in quiet(&mut Program::new(Some(1)), 5).iter().enumerate() {
        place.bytes(&format!("snapshots/{}.pb.gz", 9 - number), body);
    }
    let events = watched(&place, "snapshots --max-snapshots 5");
    let allocated: Vec<i64> =
        of_kind(&events, "snapshot").iter().map(|it| it["alloc_bytes"].as_i64().unwrap() >> 20).collect();
    assert_eq!(allocated, [55, 60, 65, 70, 75]);
    assert!(of_kind(&events, "new_series").is_empty());
}

#[test]
fn an_older_file_is_skipped() {
    let place = Place::new();
    fs::create_dir(place.path("snapshots")).unwrap();
    let bodies = quiet(&mut Program::new(Some(1)), 2);
    place.bytes("snapshots/b.pb.gz", &bodies[1]);
    let mut going = Going::start(&place, "snapshots --every 10ms");
    going.wait_for("snapshot");
    place.bytes("part", &bodies[0]);
    fs::rename(place.path("part"), place.path("snapshots/a.pb.gz")).unwrap();
    let event = going.wait_for("passed_over");
    assert_eq!(event["reason"], "it is older than the previous snapshot");
    drop(going);
}
