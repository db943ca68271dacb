//! Files with known totals, from the file itself or from its tool: massif's from `ms_print`, the leak reports
//! of memcheck and LeakSanitizer, V8's tree, and tcmalloc's files about mappings and heap growth.

use std::fs;
use std::process::Command;

use highwater_profile::{Format, Limits, Profile};
use highwater_tests::{highwater, succeed};

use super::support::{functions, golden, read};

fn total(profile: &Profile, kind: &str) -> i64 {
    profile.samples.total(profile.sample_type(kind).unwrap_or_else(|| panic!("no {kind}")))
}

/// The number before `unit` in the first line with `start`, without separators.
fn number(text: &str, start: &str, unit: &str) -> i64 {
    let line = text.lines().find(|it| it.contains(start)).unwrap_or_else(|| panic!("no {start:?} in {text}"));
    let (before, _) = line.split_once(unit).unwrap_or_else(|| panic!("no {unit:?} in {line}"));
    let digits = before.rsplit(' ').next().unwrap_or_default().replace(',', "");
    digits.parse().unwrap_or_else(|_| panic!("{line}"))
}

#[test]
fn massifs_peak_equals_ms_prints() {
    let file = golden("massif/sites/massif.out");
    let text = succeed(Command::new("ms_print").arg(&file));
    // The text `18 (peak)`, and the line of that snapshot: number, time, total, useful, extra.
    let (before, _) = text.split_once(" (peak)").unwrap();
    let peak = before.rsplit([' ', '[']).next().unwrap();
    let row =
        |line: &&str| line.split_whitespace().next() == Some(peak) && line.split_whitespace().count() == 6;
    let row: Vec<&str> = text.lines().find(row).unwrap().split_whitespace().collect();
    let useful: i64 = row[3].replace(',', "").parse().unwrap();
    let profile = read(&file);
    assert_eq!((profile.source.format, total(&profile, "peak_space")), (Format::Massif, useful));
    // massif's value for a caller including its callees.
    let of_descend: i64 = text
        .lines()
        .filter_map(|line| line.split_once("descend (sites.c"))
        .filter_map(|(before, _)| before.split_once('(')?.1.split_once("B)").map(|it| it.0.replace(',', "")))
        .filter_map(|it| it.parse().ok())
        .max()
        .unwrap_or(0);
    let ours = functions(&file, &[]);
    assert!(ours["grab"] > ours.get("descend").copied().unwrap_or(0));
    assert!(ours.get("descend").copied().unwrap_or(0) <= of_descend.max(ours["main"]));
    assert!(ours["main"] <= useful && ours["site_0"] > 0, "{ours:?}");
}

#[test]
fn memchecks_totals_equal_its_summary() {
    let file = golden("memcheck/leaks/leaks.log");
    let text = fs::read_to_string(&file).unwrap();
    let profile = read(&file);
    for (kind, words) in [
        ("definitely_lost", "definitely lost: "),
        ("indirectly_lost", "indirectly lost: "),
        ("possibly_lost", "possibly lost: "),
        ("still_reachable", "still reachable: "),
    ] {
        assert_eq!(total(&profile, &format!("{kind}_space")), number(&text, words, " bytes in"), "{kind}");
        assert_eq!(total(&profile, &format!("{kind}_objects")), number(&text, words, " blocks"), "{kind}");
    }
    let in_use = number(&text, "in use at exit: ", " bytes in");
    assert_eq!(total(&profile, "inuse_space"), in_use);
    let definitely = functions(&file, &["--sample", "definitely_lost_space"]);
    assert_eq!((definitely["lose_blocks"], definitely["lose_list"]), (7021, 64));
    // The planted fault: one changed value gives another total.
    let wrong = text.replace("7,021 bytes in 7", "7,022 bytes in 7");
    let wrong = highwater_profile::read(wrong.as_bytes(), &Limits::default()).unwrap();
    assert_ne!(total(&wrong, "inuse_space"), in_use);
}

#[test]
fn leak_sanitizers_total_equals_its_summary() {
    let file = golden("lsan/leaks/leaks.log");
    let text = fs::read_to_string(&file).unwrap();
    let profile = read(&file);
    assert_eq!(total(&profile, "inuse_space"), number(&text, "SUMMARY: ", " byte(s)"));
    assert_eq!(total(&profile, "inuse_objects"), number(&text, "SUMMARY: ", " allocation(s)"));
    assert_eq!(total(&profile, "indirect_leak_space"), 256);
    let ours = functions(&file, &[]);
    assert_eq!((ours["lose_blocks"], ours["lose_list"]), (7021, 320));
    let top = succeed(Command::new(highwater()).args(["top", "--limit", "1"]).arg(&file));
    assert!(top.contains("leaks.c:"), "{top}");
}

#[test]
fn v8s_total_is_that_of_its_nodes() {
    let file = golden("v8/node/sites.heapprofile");
    // Only nodes have the field. They are nested deeper than a JSON library allows by default.
    let text = fs::read_to_string(&file).unwrap();
    let size = |it: &str| it.split([',', '}']).next().unwrap().trim().parse::<i64>().unwrap();
    let sum: i64 = text.split("\"selfSize\":").skip(1).map(size).sum();
    let profile = read(&file);
    assert_eq!(total(&profile, "inuse_space"), sum);
    let ours = functions(&file, &[]);
    assert!(ours["parse"] > 100_000, "{ours:?}");
    assert!(profile.locations().iter().any(|it| it.lines[0].column > 0));
}

#[test]
fn tcmallocs_mappings_and_growth_are_read() {
    let growth = golden("gperftools/growth/heap");
    let text = fs::read_to_string(&growth).unwrap();
    let header: i64 = text.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert_eq!(total(&read(&growth), "growth_space"), header);
    let mapped = read(&golden("gperftools/mapped/heap"));
    assert!(!mapped.is_difference());
    assert!(mapped.samples.iter().all(|it| it.values.iter().all(|value| *value >= 0)));
    // One partly freed mapping, and one complete mapping.
    let live = mapped.sample_type("inuse_space").unwrap();
    let sizes: Vec<i64> = mapped.samples.iter().map(|it| it.values[live]).collect();
    assert!(sizes.contains(&8192) && sizes.contains(&(1 << 20)), "{sizes:?}");
    assert!(mapped.comments.iter().any(|it| it.contains("count below 0")), "{:?}", mapped.comments);
}
