//! Which changes are incidents, and the content of an incident's folder.

use std::fs;

use highwater_profile::{Limits, file};

use super::server::Server;
use super::{Program, events, names, of_kind, quiet, watch, watched};
use crate::support::Place;

#[test]
fn a_spike_becomes_a_folder_though_live_bytes_are_flat() {
    let place = Place::new();
    let mut program = Program::new(Some(1));
    let mut bodies = quiet(&mut program, 5);
    bodies.push(program.step(0, 400));
    bodies.extend(quiet(&mut program, 2));
    let server = Server::bodies(bodies.clone());
    let events = watched(&place, &format!("{} --max-snapshots 8", server.url()));

    let incidents = of_kind(&events, "incident");
    assert_eq!(incidents.len(), 1, "{events:#?}");
    let incident = &incidents[0];
    assert_eq!(incident["kind"], "spike");
    assert!(incident["summary"].as_str().unwrap().contains("demo::burst_report"), "{incident}");
    assert_eq!(incident["missing"], serde_json::json!([]));
    let folder = place.path(incident["folder"].as_str().unwrap());
    assert_eq!(
        names(&folder),
        ["README.md", "after.pb.gz", "before.pb.gz", "diff.json", "diff.txt", "flame.svg", "incident.json"]
    );
    let content = |name: &str| fs::read(folder.join(name)).unwrap();
    assert_eq!((content("before.pb.gz"), content("after.pb.gz")), (bodies[4].clone(), bodies[5].clone()));
    let text = |name: &str| String::from_utf8(content(name)).unwrap();
    let diff = text("diff.txt");
    let first = diff.lines().skip_while(|it| !it.contains("where")).nth(1).unwrap();
    assert!(first.contains("+400.0 MiB") && first.contains("demo::burst_report"), "{diff}");
    let diff: serde_json::Value = serde_json::from_str(&text("diff.json")).unwrap();
    assert_eq!(diff["rows"][0]["change"]["value"], 400 << 20);
    assert!(text("flame.svg").contains("burst_report"));
    let readme = text("README.md");
    for expected in ["# Spike: ", "405.0 MiB allocated", "5.0 MiB are usual", "2023-11-14", "highwater diff"]
    {
        assert!(readme.contains(expected), "{expected}: {readme}");
    }
    let document: serde_json::Value = serde_json::from_str(&text("incident.json")).unwrap();
    assert_eq!((&document["kind"], &document["incident"]), (&"incident".into(), &"spike".into()));
    assert_eq!(document["detail"]["spike"]["suspects"]["rows"][0]["excess"]["value"], 400 << 20);
    assert_eq!(document["after"]["file"], "after.pb.gz");
    // The commands that the folder names work from any directory.
    let again = place
        .run(&format!("diff --json --sample alloc-bytes {0}/before.pb.gz {0}/after.pb.gz", folder.display()));
    assert_eq!(again.json()["rows"], diff["rows"]);
}

#[test]
fn steady_memory_reports_nothing() {
    let place = Place::new();
    let server = Server::bodies(quiet(&mut Program::new(Some(1)), 30));
    let events = watched(&place, &format!("{} --keep 20 --max-snapshots 30", server.url()));
    assert!(of_kind(&events, "incident").is_empty(), "{events:#?}");
    assert_eq!(names(&place.path("highwater-watch")), ["ring", "watch.lock"]);
}

#[test]
fn growth_is_reported_once_and_again_when_doubled() {
    let place = Place::new();
    let mut program = Program::new(Some(1));
    let bodies = (0..40).map(|_| program.step(4, 0)).collect();
    let server = Server::bodies(bodies);
    let events = watched(&place, &format!("{} --keep 20 --max-snapshots 40", server.url()));
    let incidents = of_kind(&events, "incident");
    assert!(incidents.iter().all(|it| it["kind"] == "growth"), "{incidents:#?}");
    // Reported at 32 MiB at the earliest, then at 64 MiB and 128 MiB; the watch ends at 160 MiB.
    assert_eq!(incidents.len(), 3, "{incidents:#?}");
    for incident in &incidents {
        assert!(incident["summary"].as_str().unwrap().contains("demo::leak_session"), "{incident}");
        let folder = place.path(incident["folder"].as_str().unwrap());
        let document = fs::read_to_string(folder.join("incident.json")).unwrap();
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        let row = &document["detail"]["growth"]["rows"][0];
        assert_eq!(row["evidence"]["class"], "leak");
        // The growth is 4 MiB every 90 s.
        assert_eq!(row["growth_per_hour"]["value"], 160 << 20);
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(readme.contains("# Sustained growth") && readme.contains("live-bytes"), "{readme}");
    }
}

#[test]
fn fast_growth_is_no_jump() {
    let place = Place::new();
    let mut program = Program::new(Some(1));
    // Each step grows by a fifth of the initial live bytes.
    let server = Server::bodies((0..12).map(|_| program.step(10, 0)).collect());
    let events = watched(&place, &format!("{} --keep 20 --max-snapshots 12", server.url()));
    let incidents = of_kind(&events, "incident");
    assert!(!incidents.is_empty() && incidents.iter().all(|it| it["kind"] == "growth"), "{incidents:#?}");
}

#[test]
fn a_jump_of_live_bytes_shows_live_values() {
    let place = Place::new();
    let mut program = Program::new(Some(1));
    let mut bodies = quiet(&mut program, 5);
    // The same amount is allocated as always, but it stays live.
    program.work -= 5;
    bodies.push(program.step(8, 0));
    bodies.extend(quiet(&mut program, 2));
    let server = Server::bodies(bodies);
    let events = watched(&place, &format!("{} --max-snapshots 8", server.url()));
    let incidents = of_kind(&events, "incident");
    assert_eq!(incidents.len(), 1, "{incidents:#?}");
    let summary = incidents[0]["summary"].as_str().unwrap();
    assert!(summary.starts_with("live bytes +8.0 MiB in 1 min 30 s, most of it by "), "{summary}");
    assert!(summary.contains("demo::leak_session"), "{summary}");
    let folder = place.path(incidents[0]["folder"].as_str().unwrap());
    let diff: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("diff.json")).unwrap()).unwrap();
    assert_eq!(diff["new"]["sample"], "live-bytes");
    assert_eq!(diff["rows"][0]["change"]["value"], 8 << 20);
}

#[test]
fn a_continuing_spike_is_reported_once() {
    let place = Place::new();
    let mut program = Program::new(Some(1));
    let mut bodies = quiet(&mut program, 9);
    for _ in 0..3 {
        bodies.push(program.step(0, 400));
    }
    bodies.extend(quiet(&mut program, 3));
    // The next spike is a new one.
    bodies.push(program.step(0, 400));
    let server = Server::bodies(bodies);
    let events = watched(&place, &format!("{} --max-snapshots 16", server.url()));
    assert_eq!(of_kind(&events, "incident").len(), 2, "{events:#?}");
}

#[test]
fn a_spikes_folder_has_its_peak() {
    let place = Place::new();
    let mut program = Program::new(Some(1));
    let mut bodies = quiet(&mut program, 5);
    for leak in [13, 27, 1] {
        bodies.push(program.step(leak, 0));
    }
    program.leak.1 = 0;
    bodies.extend(quiet(&mut program, 3));
    let server = Server::bodies(bodies.clone());
    let events = watched(&place, &format!("{} --max-snapshots 11", server.url()));
    let [incidents, larger] = ["incident", "incident_goes_on"].map(|it| of_kind(&events, it));
    // One more MiB is not reported at once, but at the end of the spike.
    assert_eq!((incidents.len(), larger.len()), (1, 2), "{events:#?}");
    assert_eq!(events.last().unwrap()["incidents"], 1);
    let folder = incidents[0]["folder"].as_str().unwrap();
    assert!(larger.iter().all(|it| it["folder"] == folder), "{events:#?}");
    assert_eq!(names(&place.path("highwater-watch/incidents")).len(), 1);
    let content = |name: &str| fs::read(place.path(folder).join(name)).unwrap();
    assert_eq!((content("before.pb.gz"), content("after.pb.gz")), (bodies[4].clone(), bodies[7].clone()));
    let document: serde_json::Value = serde_json::from_slice(&content("incident.json")).unwrap();
    assert_eq!(document["detail"]["spike"]["spike"]["live_change_bytes"], 41 << 20);
    assert!(String::from_utf8(content("README.md")).unwrap().contains("live bytes changed by +41.0 MiB"));
    // `spikes` finds the reported spike in the ring, with the same two snapshots.
    let found = place.run("spikes --json highwater-watch/ring").json();
    let last = larger.last().unwrap();
    assert_eq!(found["files"], serde_json::json!([[last["before"], last["after"]]]));
    // The text for people says that it is the same spike.
    let server = Server::bodies(bodies);
    let run = place.run(&format!("watch --every 1ms --max-snapshots 11 --out two {}", server.url()));
    assert_eq!(run.answer().matches("  SPIKE goes on: ").count(), 2, "{}", run.stdout);
}

#[test]
fn on_spike_tell_writes_no_folder() {
    let place = Place::new();
    let mut program = Program::new(Some(1));
    let mut bodies = quiet(&mut program, 5);
    bodies.push(program.step(0, 400));
    let server = Server::bodies(bodies);
    let events = watched(&place, &format!("{} --max-snapshots 6 --on-spike tell", server.url()));
    let incident = &of_kind(&events, "incident")[0];
    assert!(incident["folder"].is_null(), "{incident}");
    assert!(place.path(incident["after"].as_str().unwrap()).exists());
    assert_eq!(names(&place.path("highwater-watch")), ["ring", "watch.lock"]);
}

#[test]
fn a_restart_begins_a_new_series() {
    for (process, because) in [(Some(1), "other_process"), (None, "allocated_less")] {
        let place = Place::new();
        let mut first = Program::new(process);
        let mut bodies = quiet(&mut first, 6);
        // The second process starts with much more live memory, which is not a jump of the first process.
        let mut second = Program::new(process.map(|it| it + 1));
        second.leak = (500, 500);
        second.snapshots = first.snapshots;
        if process.is_none() {
            // If the process has no id, its cumulative allocations show the restart.
            let mut large = Program { work: 5000, ..first.clone() };
            bodies = quiet(&mut large, 6);
            second.snapshots = large.snapshots;
        }
        bodies.extend(quiet(&mut second, 6));
        let server = Server::bodies(bodies);
        let events = watched(&place, &format!("{} --max-snapshots 12", server.url()));
        let series = of_kind(&events, "new_series");
        assert_eq!(series.len(), 1, "{events:#?}");
        assert_eq!((&series[0]["because"], &series[0]["series"]), (&because.into(), &2.into()));
        assert!(of_kind(&events, "incident").is_empty(), "{events:#?}");
        let numbers: Vec<_> = of_kind(&events, "snapshot").iter().map(|it| it["series"].clone()).collect();
        assert_eq!(numbers[5..7], [1, 2]);
    }
}

#[test]
fn processes_behind_one_address_are_not_mixed() {
    let place = Place::new();
    let (mut one, mut two) = (Program::new(Some(1)), Program::new(Some(2)));
    two.leak = (500, 500);
    let bodies = (0..12).map(|at| if at % 2 == 0 { one.step(0, 0) } else { two.step(0, 0) }).collect();
    let server = Server::bodies(bodies);
    let events = watched(&place, &format!("{} --max-snapshots 7", server.url()));
    assert!(of_kind(&events, "incident").is_empty(), "{events:#?}");
    assert_eq!(of_kind(&events, "new_series").len(), 1, "one leads to two and none back");
    let failures = of_kind(&events, "failure");
    assert!(failures[0]["reason"].as_str().unwrap().contains("watch each process by itself"), "{failures:?}");
}

#[test]
fn the_ring_keeps_the_newest() {
    let place = Place::new();
    fs::create_dir_all(place.path("out/ring")).unwrap();
    place.bytes("out/ring/notes.pb.gz", b"theirs");
    let bodies = quiet(&mut Program::new(Some(1)), 19);
    let server = Server::bodies(bodies.clone());
    let events = watched(&place, &format!("{} --max-snapshots 19 --keep 8 --out out", server.url()));
    let ring = names(&place.path("out/ring"));
    assert_eq!((ring.len(), ring[0].as_str()), (9, "notes.pb.gz"));
    for (name, body) in ring[1..].iter().zip(&bodies[11..]) {
        assert_eq!(&fs::read(place.path("out/ring").join(name)).unwrap(), body, "as it was sent");
    }
    let last = of_kind(&events, "snapshot")[18].clone();
    assert_eq!(last["file"].as_str().unwrap(), format!("out/ring/{}", ring[8]));
    // The ring is a series for other commands.
    let newest = file::read(&place.path("out/ring").join(&ring[8]), &Limits::default()).unwrap();
    assert_eq!(newest.meta.unwrap().epoch, Some(19));
}

#[test]
fn people_read_lines() {
    let place = Place::new();
    let mut program = Program::new(Some(1));
    let mut bodies = quiet(&mut program, 5);
    bodies.push(program.step(0, 400));
    let server = Server::bodies(bodies);
    let run = place.run(&format!("watch --every 1ms --for 60s --max-snapshots 6 {}", server.url()));
    let text = run.answer();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].contains("watching http://127.0.0.1:") && lines[0].contains("/debug/pprof/heap every 0.0 s")
    );
    assert!(lines[1].ends_with("snapshot 1: 50.0 MiB live, 55.0 MiB allocated so far"), "{text}");
    assert!(
        lines[7].contains("  SPIKE: 405.0 MiB allocated in 1 min 30 s, where 5.0 MiB are usual"),
        "{text}"
    );
    assert!(lines[8].contains("6 snapshots, 0 failures and 1 incidents in "), "{text}");
}

#[test]
fn a_missing_binary_does_not_keep_an_incident_from_being_written() {
    use highwater_profile::{Location, Mapping};
    let place = Place::new();
    let mut program = Program::new(Some(1));
    let mut bodies = Vec::new();
    for step in 0..6 {
        program.step(0, 0);
        let mut profile = program.profile();
        let file = profile.strings.intern("/nonexistent/demo");
        let build_id = profile.strings.intern("00112233445566778899aabbccddeeff00112233");
        let mapping = Mapping { start: 0x1000, limit: 0x9000, file, build_id, ..Mapping::default() };
        let mapping = profile.add_mapping(mapping);
        let location = profile.add_location(Location::at(Some(mapping), 0x1234));
        let blocks = if step == 5 { 400 } else { 1 };
        crate::support::push_values(&mut profile, &[location], [blocks, 0], 1 << 20);
        bodies.push(crate::support::encoded(&profile));
    }
    let server = Server::bodies(bodies);
    let run = watch(&place, &format!("{} --max-snapshots 6", server.url()));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let incident = of_kind(&events(&run.stdout), "incident")[0].clone();
    assert!(incident["summary"].as_str().unwrap().contains("demo+0x234"), "{incident}");
    let readme = place.path(incident["folder"].as_str().unwrap()).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    assert!(readme.contains("What is missing") && readme.contains("/nonexistent/demo"), "{readme}");
    assert!(readme.contains("--binary PATH"), "{readme}");
}
