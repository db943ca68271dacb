//! speedscope in Chromium. Its export shows what it has read.

use std::fs;

use highwater_profile::{Format, Profile};
use serde_json::Value;

use crate::model::{
    Values, by_hand, by_leaf, by_stack, file, golden, npm_package, profiles, read, same, top_ten, total,
    totals, unit, with_one_more, written,
};
use highwater_tests::chromium::{script_string, text_of};

/// The page with which goldens are generated, too.
const PAGE: &str = include_str!("../../../golden/speedscope/page.html");

/// speedscope's export after it opened a file with this content.
fn exported(content: &str) -> Value {
    let release = npm_package("speedscope").join("dist/release");
    let script = fs::read_dir(&release)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| name.starts_with("speedscope-") && name.ends_with(".js"))
        .expect("the program of speedscope");
    let page = PAGE.replace("@RELEASE@", &release.display().to_string()).replace("@SCRIPT@", &script);
    // speedscope's own command passes files in this way.
    let load = format!(
        "speedscope.loadFileFromBase64('profile.json', btoa(unescape(encodeURIComponent({}))))",
        script_string(content)
    );
    let (_directory, path) = file("load.js", load.as_bytes());
    let fragment = format!("#localProfilePath={}", path.display());
    serde_json::from_str(&text_of(&page, &fragment, "exported")).unwrap()
}

/// A profile in an export.
struct One {
    name: String,
    unit: String,
    total: i64,
    /// Values by stack, leaf first and joined by `;`.
    stacks: Values,
}

/// Adds up the events of each profile in the simplest way.
fn all(export: &Value) -> Vec<One> {
    let frames = export["shared"]["frames"].as_array().unwrap();
    let number = |value: &Value| value.as_i64().unwrap_or_else(|| panic!("{value} is no whole number"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |profile: &Value| {
        assert_eq!(profile["type"], "evented");
        let (mut stacks, mut open, mut before) = (Values::new(), Vec::new(), 0);
        for event in profile["events"].as_array().unwrap() {
            let at = number(&event["at"]);
            if at > before {
                let stack: Vec<String> = open.iter().rev().cloned().collect();
                *stacks.entry(stack.join(";")).or_default() += at - before;
            }
            before = at;
            if event["type"] == "O" {
                open.push(text(&frames[number(&event["frame"]) as usize]["name"]));
            } else {
                open.pop();
            }
        }
        let total = number(&profile["endValue"]) - number(&profile["startValue"]);
        // Time without an open frame belongs to the empty stack, including the time at the end.
        *stacks.entry(String::new()).or_default() += total - before;
        One { name: text(&profile["name"]), unit: text(&profile["unit"]), total, stacks }
    };
    export["profiles"].as_array().unwrap().iter().map(one).collect()
}

/// Compares one profile of an export with a column.
fn compare(profile: &Profile, kind: &str, theirs: &One) -> Result<(), String> {
    same(kind, &total(profile, kind), &theirs.total)?;
    same(kind, &top_ten(&by_stack(profile, kind)), &top_ten(&theirs.stacks))?;
    same(kind, &by_leaf(profile, kind).values().sum::<i64>(), &theirs.stacks.values().sum())
}

fn compare_all(profile: &Profile, text: &str) -> Result<(), String> {
    let all = all(&exported(text));
    let names: Vec<&String> = all.iter().map(|it| &it.name).collect();
    same("names", &profile.sample_types().iter().map(|it| &it.kind).collect(), &names)?;
    for one in &all {
        same(
            "unit",
            &if unit(profile, &one.name) == "bytes" { "bytes" } else { "none" },
            &one.unit.as_str(),
        )?;
        compare(profile, &one.name, one)?;
    }
    Ok(())
}

#[test]
fn written_files_are_opened_with_the_same_totals() {
    for (what, profile) in profiles() {
        compare_all(&profile, &written(&profile, Format::Speedscope))
            .unwrap_or_else(|it| panic!("{what}: {it}"));
    }
}

#[test]
fn a_value_that_was_changed_is_noticed() {
    let profile = by_hand();
    let changed = with_one_more(&written(&profile, Format::Speedscope), "\"weights\":[", 10_000_000_019);
    assert!(compare_all(&profile, &changed).unwrap_err().starts_with("alloc_space"));
}

#[test]
fn speedscopes_exports_are_read_with_its_totals() {
    for (case, kind, expected_unit) in [("bytes", "space", "bytes"), ("counts", "samples", "count")] {
        let path = golden(&format!("speedscope/{case}/profile.json"));
        let profile = read(&path);
        assert_eq!((totals(&profile).len(), unit(&profile, kind)), (1, expected_unit));
        let text = fs::read_to_string(path).unwrap();
        compare(&profile, kind, &all(&exported(&text))[0]).unwrap();
    }
    // The numbers of the stacks from which the second profile was made.
    let profile = read(&golden("speedscope/counts/profile.json"));
    assert_eq!(by_stack(&profile, "samples")["push;grow;parse;main"], 1_048_576);
    assert_eq!(total(&profile, "samples"), 4096 + 1_048_576 + 17 + 3);
}

#[test]
fn a_heap_of_go_is_the_same_by_way_of_speedscope() {
    let profile = read(&golden("speedscope/bytes/profile.json"));
    let go = read(&golden("speedscope/bytes/heap.pb.gz"));
    assert_eq!(total(&profile, "space"), total(&go, "inuse_space"));
}
