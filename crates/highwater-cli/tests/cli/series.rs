//! Series of profiles: the answers of trend and spikes, and the input they refuse.

use std::fs;

use highwater_profile::{Meta, Profile};

use crate::support::{Place, demo, encoded, frame, push_values};

const HOUR: i64 = 3600 * 1_000_000_000;

/// The snapshot after this many hours: one line holds `blocks` MiB, another always eight.
fn snapshot(hour: i64, blocks: i64) -> Profile {
    let mut profile = demo(blocks);
    profile.time_ns += hour * HOUR;
    profile.period = 1;
    let facts = Meta { format: Some(1), process: Some(7), epoch: Some(hour + 1), ..Meta::default() };
    profile.meta = Some(Meta { rss_bytes: Some(100 << 20), exact: Some(1), ..facts });
    profile
}

/// A directory with a series that leaks a MiB per hour.
fn leaking(count: i64) -> Place {
    let place = Place::new();
    fs::create_dir(place.path("series")).unwrap();
    for hour in 0..count {
        place.profile(&format!("series/heap-{hour:02}.pb.gz"), &snapshot(hour, 10 + hour));
    }
    place
}

#[test]
fn snapshots_are_in_order_after_the_clock_was_set_back() {
    // File names in the order in which the snapshots were taken, then in another order.
    let ordered = ["00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11"];
    let mixed = ["07", "01", "09", "03", "00", "05", "06", "11", "08", "02", "10", "04"];
    for names in [ordered, mixed] {
        let place = Place::new();
        fs::create_dir(place.path("series")).unwrap();
        for (hour, name) in (0_i64..).zip(names) {
            let mut profile = snapshot(hour, 10 + hour);
            // The clock is set back five hours before the seventh snapshot.
            profile.time_ns -= if hour >= 6 { 5 * HOUR } else { 0 };
            place.profile(&format!("series/heap-{name}.pb.gz"), &profile);
        }
        for command in [
            "trend series --limit 200MiB",
            "spikes series",
            "plot series -o plot.svg",
            "leaks series",
            "report series -o page.html",
        ] {
            let run = place.run(command);
            // `leaks` exits with 1 because there is a leak.
            let expected = i32::from(command.starts_with("leaks"));
            assert_eq!(run.code, Some(expected), "{command}: {}", run.stderr);
            for said in ["the clock was set back", "the usual step is assumed"] {
                assert!(run.stderr.contains(said), "{command}: {}", run.stderr);
            }
            assert!(!run.stderr.contains("no t"), "{command}: {}", run.stderr);
        }
        let text = place.run("trend series --limit 200MiB").stdout;
        assert!(text.starts_with("12 snapshots in 11 h 0 min"), "{text}");
        let row = text.lines().find(|line| line.contains("index.rs:88")).unwrap();
        assert!(row.contains("+1.0 MiB") && row.contains("leak"), "{text}");
    }
}

#[test]
fn a_leak_has_its_rate_and_the_remaining_time() {
    let place = leaking(13);
    let run = place.run("trend series --limit 200MiB");
    let text = run.answer();
    assert!(text.starts_with("13 snapshots in 12 h 0 min: live-bytes 30.0 MiB\n"), "{text}");
    assert!(text.contains("limit 200.0 MiB, 100.0 MiB resident: reached in 100 h 0 min"), "{text}");
    let row = text.lines().find(|line| line.contains("index.rs:88")).unwrap();
    assert!(row.contains("+1.0 MiB") && row.contains("leak") && row.contains('█'), "{text}");
    assert!(text.contains("+1.0 MiB, +1.0 MiB, +1.0 MiB per hour in turn"), "{text}");
    assert!(text.contains("steady  "), "{text}");

    let answer = place.run("trend series --limit 200MiB --rows 1 --json").json();
    assert_eq!(answer["rows"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(answer["rows"][0]["evidence"]["class"], "leak");
    assert_eq!(answer["rows"][0]["growth_per_hour"]["value"], 1 << 20);
    assert_eq!(answer["forecast"]["hours"], 100.0);
    assert_eq!(answer["omitted"]["rows"], 1);
}

#[test]
fn a_directory_is_sorted_and_other_files_are_skipped() {
    let place = leaking(9);
    let expected = place.run("trend series").answer().to_owned();
    // File names in another order than the times.
    for hour in 0..9 {
        let (old, new) =
            (format!("series/heap-{hour:02}.pb.gz"), format!("series/x-{}.pb.gz", (hour * 4) % 9));
        fs::rename(place.path(&old), place.path(&new)).unwrap();
    }
    assert_eq!(place.run("trend series").answer(), expected);
    place.bytes("series/.highwater-abc.tmp", b"half");
    place.bytes("series/heap-09.pb.gz.tmp", b"half");
    fs::create_dir(place.path("series/more")).unwrap();
    assert_eq!(place.run("trend series").answer(), expected);
    place.bytes("series/notes.txt", b"These are notes.\n");
    for command in ["trend series", "spikes series"] {
        let run = place.run(command);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let note = "highwater: note: series: 1 file that is no profile was passed over, such as notes.txt\n";
        assert_eq!(run.stderr, note);
    }
    assert_eq!(place.run("trend series").stdout, expected);
}

/// Runs trend and spikes on the files and returns their message, which must be the same.
#[track_caller]
fn refusal(place: &Place, files: &str) -> String {
    let messages = ["trend", "spikes"].map(|it| place.run(&format!("{it} {files}")).error().to_owned());
    assert_eq!(messages[0], messages[1]);
    let [message, _] = messages;
    message
}

#[test]
fn an_invalid_series_is_refused_with_its_file() {
    let place = leaking(4);
    let files = |order: [usize; 3]| order.map(|it| format!("series/heap-0{it}.pb.gz")).join(" ");
    let message = refusal(&place, &files([0, 2, 1]));
    assert!(message.starts_with("series/heap-01.pb.gz, behind series/heap-02.pb.gz: "), "{message}");
    assert!(message.contains("in order of time, or the directory"), "{message}");
    let message = refusal(&place, &files([0, 1, 1]));
    assert!(message.contains("same snapshot") && message.contains("--force"), "{message}");
    let message = refusal(&place, "series/heap-00.pb.gz");
    assert!(message.contains("series/heap-00.pb.gz: a series needs at least two snapshots"), "{message}");
    let message = refusal(&place, "series series/heap-00.pb.gz");
    assert!(message.contains("one directory or files"), "{message}");

    let change = |name: &str, change: fn(&mut Profile)| {
        let mut profile = snapshot(4, 14);
        change(&mut profile);
        place.profile(name, &profile);
    };
    change("series/heap-04.pb.gz", |it| it.period = 512 << 10);
    let message = refusal(&place, "series");
    assert!(message.contains("heap-04.pb.gz, behind series/heap-03.pb.gz"), "{message}");
    assert!(message.contains("sampling intervals") && message.contains("--force"), "{message}");
    change("series/heap-04.pb.gz", |it| it.meta.as_mut().unwrap().process = Some(8));
    let message = refusal(&place, "series");
    assert!(message.contains("restarted") && message.contains("--force"), "{message}");
    // The clock went back: by its number the snapshot is the last, by its time the first. A directory is
    // sorted by the numbers.
    change("series/heap-04.pb.gz", |it| it.time_ns -= 40 * HOUR);
    assert_eq!(place.run("trend series").code, Some(0));
    let message = refusal(&place, "series/heap-03.pb.gz series/heap-04.pb.gz");
    assert!(message.contains("clock was set back") && message.contains("heap-04.pb.gz"), "{message}");

    fs::create_dir(place.path("empty")).unwrap();
    assert_eq!(refusal(&place, "empty"), "empty: there is no profile in this directory");
    fs::create_dir(place.path("text")).unwrap();
    place.bytes("text/notes.txt", b"These are notes.\n");
    assert!(refusal(&place, "text").contains("only 1 of other content"));
    assert!(refusal(&place, "nowhere").contains("cannot read nowhere"));
}

#[test]
fn one_damaged_file_among_forty_is_named() {
    let place = leaking(40);
    let whole = encoded(&snapshot(17, 27));
    place.bytes("series/heap-17.pb.gz", &whole[..whole.len() / 2]);
    let message = refusal(&place, "series");
    assert!(message.contains("series/heap-17.pb.gz: the compressed data is cut off"), "{message}");
    assert!(message.ends_with("--force continues without the file"), "{message}");
    let run = place.run("trend series --force");
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.contains("series/heap-17.pb.gz") && run.stderr.contains("left out"), "{}", run.stderr);
    assert!(run.stdout.starts_with("39 snapshots"), "{}", run.stdout);
}

#[test]
fn force_leaves_a_note() {
    let place = leaking(5);
    let mut other = snapshot(5, 15);
    other.meta.as_mut().unwrap().process = Some(8);
    place.profile("series/heap-05.pb.gz", &other);
    fs::copy(place.path("series/heap-04.pb.gz"), place.path("series/heap-04-copy.pb.gz")).unwrap();
    for command in ["trend series --force", "spikes series --force"] {
        let run = place.run(command);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let notes: Vec<&str> = run.stderr.lines().collect();
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes.iter().any(|it| it.contains("same snapshot") && it.ends_with("left out (--force)")));
        assert!(notes.iter().any(|it| it.contains("restarted") && it.ends_with("(--force)")), "{notes:?}");
    }
}

/// A series whose second line allocates 400 MiB between the fourth and the fifth snapshot, and frees it
/// again.
fn spiking() -> Place {
    let place = Place::new();
    for hour in 0..9 {
        let base = snapshot(hour, 10);
        let mut profile = Profile::new(base.sample_types().to_vec());
        profile.period_type.clone_from(&base.period_type);
        (profile.period, profile.time_ns, profile.meta) = (1, base.time_ns, base.meta);
        let main = frame(&mut profile, "demo::main", "src/main.rs", 7);
        let add = frame(&mut profile, "demo::index::Index::add", "src/index.rs", 88);
        let inflate = frame(&mut profile, "demo::load::inflate", "src/load.rs", 30);
        let mib = |it: i64| it << 20;
        let spike = if hour > 3 { 400 } else { 0 };
        profile.samples.push(&[add, main], &[20 + hour, mib(20 + hour), 10, mib(10)], &[]);
        profile.samples.push(&[inflate, main], &[1 + spike, mib(1 + spike), 1, mib(1)], &[]);
        place.profile(&format!("heap-{hour}.pb.gz"), &profile);
    }
    place
}

#[test]
fn a_spike_is_found_where_live_bytes_are_flat() {
    let place = spiking();
    let run = place.run("spikes .");
    let text = run.answer();
    assert!(
        text.contains("spike after 3 h 0 min, within 1 h 0 min: 401.0 MiB allocated (usual 1.0 MiB)"),
        "{text}"
    );
    assert!(text.contains("./heap-3.pb.gz → ./heap-4.pb.gz"), "{text}");
    assert!(
        text.contains("more: highwater diff ./heap-3.pb.gz ./heap-4.pb.gz --sample alloc-bytes\n"),
        "{text}"
    );
    let row = text.lines().find(|line| line.contains("src/load.rs:30")).unwrap();
    assert!(row.starts_with("+400.0 MiB") && row.contains("0 B"), "{text}");
    assert!(!text.contains("src/index.rs"), "{text}");

    let answer = place.run("spikes --json .").json();
    assert_eq!(answer["spikes"][0]["before"], 3, "{answer}");
    assert_eq!(answer["files"][0][1], "./heap-4.pb.gz");
    assert_eq!(answer["suspects"]["rows"][0]["key"]["line"], 30);

    // Without the interval of the spike, there is nothing to report.
    let quiet = place.run("spikes heap-0.pb.gz heap-1.pb.gz heap-2.pb.gz heap-3.pb.gz");
    assert!(quiet.answer().ends_with("no spike: no interval stands out from the others\n"));
}

/// A directory with a series of these live MiB, without other allocations.
fn levels(live: &[i64]) -> Place {
    let place = Place::new();
    fs::create_dir(place.path("series")).unwrap();
    let mut allocated = 0;
    for ((hour, &now), &before) in (0..).zip(live).zip([0].iter().chain(live)) {
        allocated += (now - before).max(0);
        let base = snapshot(hour, 10);
        let mut profile = Profile::new(base.sample_types().to_vec());
        profile.period_type.clone_from(&base.period_type);
        (profile.period, profile.time_ns, profile.meta) = (1, base.time_ns, base.meta);
        let add = frame(&mut profile, "demo::index::Index::add", "src/index.rs", 88);
        push_values(&mut profile, &[add], [allocated, now], 1 << 20);
        place.profile(&format!("series/heap-{hour:02}.pb.gz"), &profile);
    }
    place
}

#[test]
fn all_spikes_are_shown_or_counted() {
    let mut live = vec![100; 30];
    for (at, height) in [(4, 50), (9, 90), (14, 60), (19, 80), (24, 70), (27, 40)] {
        live[at] += height;
    }
    let place = levels(&live);
    let run = place.run("spikes series");
    assert_eq!(run.answer().matches("live +").count(), 6, "{}", run.stdout);
    assert!(!run.stdout.contains("left out"), "{}", run.stdout);
    let run = place.run("spikes series --limit 2");
    assert!(run.answer().contains("\n4 smaller spikes left out; --limit 0 shows all\n"), "{}", run.stdout);
    let answer = place.run("spikes series --limit 2 --json").json();
    let peaks: Vec<_> = answer["spikes"].as_array().unwrap().iter().map(|it| it["peak"].clone()).collect();
    assert_eq!((peaks, &answer["omitted"]), (vec![9.into(), 19.into()], &4.into()));
    // The drawings mark all spikes.
    let plotted = place.run("plot series --json -o -");
    let plotted: serde_json::Value = serde_json::from_str(&plotted.stdout).unwrap();
    assert_eq!(plotted["spikes"]["spikes"].as_array().unwrap().len(), 6);
    let page = place.run("report series --json -o -");
    let page: serde_json::Value = serde_json::from_str(&page.stdout).unwrap();
    let findings: Vec<String> =
        page["findings"].as_array().unwrap().iter().map(|it| it["text"].to_string()).collect();
    let said = findings.iter().any(|it| it.contains("1 smaller spike more in the time line"));
    assert!(said, "{findings:?}");
    // `--min-rise` decides which spikes count.
    let answer = place.run("spikes series --min-rise 0.65 --json").json();
    assert_eq!(answer["spikes"].as_array().unwrap().len(), 3, "{answer}");
}

#[test]
fn a_spike_over_several_intervals_is_shown_as_a_whole() {
    let place = levels(&[100, 100, 100, 113, 140, 100, 100, 100]);
    let run = place.run("spikes series");
    let text = run.answer();
    assert!(text.contains("spike after 2 h 0 min, within 2 h 0 min: live +40.0 MiB"), "{text}");
    assert!(text.contains("series/heap-02.pb.gz → series/heap-04.pb.gz\n"), "{text}");
    let row = text.lines().find(|line| line.contains("src/index.rs:88")).unwrap();
    assert!(row.starts_with("+40.0 MiB"), "{text}");
}

/// A directory with a series that leaks four sessions of a MiB per hour, and has 300 more once.
fn of_sessions(more_at: Option<i64>) -> Place {
    let place = Place::new();
    fs::create_dir(place.path("series")).unwrap();
    for hour in 0..12 {
        let mut profile = snapshot(hour, 10);
        let library = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src/boxed.rs";
        let new = frame(&mut profile, "alloc::boxed::Box<demo::Session>::new", library, 260);
        let open = frame(&mut profile, "demo::open", "src/open.rs", 4);
        let live = 10 + 4 * hour + if more_at == Some(hour) { 300 } else { 0 };
        push_values(&mut profile, &[new, open], [1000 + 400 * hour + live, live], 1 << 20);
        place.profile(&format!("series/heap-{hour:02}.pb.gz"), &profile);
    }
    place
}

#[test]
fn every_view_has_rows_of_types() {
    let place = of_sessions(None);
    for by in ["type", "container"] {
        for command in [
            "top LAST",
            "tree LAST --limit 0",
            "diff FIRST LAST",
            "check --baseline FIRST --max-growth 5% LAST",
            "trend series",
            "leaks series",
            "plot series -o -",
            "flame LAST -o -",
            "flame --diff FIRST LAST -o -",
            "report series -o -",
            "types LAST",
            "types FIRST LAST",
        ] {
            let command = command.replace("FIRST", "series/heap-00.pb.gz");
            let command = command.replace("LAST", "series/heap-11.pb.gz");
            for form in ["", " --json"] {
                let run = place.run(&format!("{command} --by {by}{form}"));
                assert!(matches!(run.code, Some(0 | 1)), "{command}: {}", run.stderr);
                // A drawing writes the brackets of the container in its own way.
                let names = if by == "type" { &["demo::Session"][..] } else { &["Box", "demo::Session"] };
                for name in names {
                    assert!(run.stdout.contains(name), "{command} by {by}{form}: {}", run.stdout);
                }
            }
        }
    }
    let place = of_sessions(Some(6));
    for form in ["", " --json"] {
        let run = place.run(&format!("spikes series --by type{form}"));
        assert!(run.answer().contains("demo::Session"), "{}", run.stdout);
    }
    // The page has types without being asked for them.
    let run = place.run("report series/heap-11.pb.gz --json -o -");
    let data: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let views = data["snapshots"][0]["views"].as_array().unwrap().clone();
    assert!(views.iter().any(|view| view["by"] == "type"), "{views:?}");
}
