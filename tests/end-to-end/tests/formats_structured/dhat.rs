//! `dh_view.html`, valgrind's page for DHAT files, in Chromium.

use std::collections::BTreeMap;
use std::fs;

use highwater_profile::{Format, Profile};
use serde::Deserialize;

use crate::model::{
    by_hand, by_stack, golden, profiles, read, same, top_ten, total, totals, unit, with_one_more, written,
};
use highwater_tests::chromium::{script_string, text_of};

/// Where Debian's valgrind has the page.
const PAGES: &str = "/usr/libexec/valgrind";

/// The script for the page: it chooses the file like a user, and when the tree is built it returns the
/// content and the displayed text.
const SCRIPT: &str = r#"
<script>
  window.addEventListener("load", () => {
    const files = new DataTransfer();
    files.items.add(new File([@FILE@], "profile.json"));
    const input = document.querySelector("input[type=file]");
    input.files = files.files;
    input.dispatchEvent(new Event("change"));
  });
  const values = (node) => ({
    tb: node._totalBytes, tbk: node._totalBlocks, gb: node._atTGmaxBytes, gbk: node._atTGmaxBlocks,
    eb: node._atTEndBytes, ebk: node._atTEndBlocks, mb: node._maxBytes, mbk: node._maxBlocks,
    rb: node._readsBytes, wb: node._writesBytes, tl: node._totalLifetimes,
  });
  const leaves = (node, above, found) => {
    const frames = above.concat(node._frames.map((frame) => gData.ftbl[frame]));
    if (node._kids) node._kids.forEach((kid) => leaves(kid, frames, found));
    else found.push({ frames: frames.slice(1), values: values(node) });
    return found;
  };
  const timer = setInterval(() => {
    const failed = document.querySelector(".error");
    if (!failed && !gRoot) return;
    clearInterval(timer);
    const answer = document.createElement("pre");
    answer.id = "answer";
    answer.textContent = JSON.stringify({
      error: failed ? failed.textContent : null,
      shown: document.querySelector(".lt100, .leaf, .internal")?.textContent ?? "",
      root: gRoot ? values(gRoot) : {},
      leaves: gRoot ? leaves(gRoot, [], []) : [],
    });
    document.body.appendChild(answer);
  }, 20);
</script>
"#;

/// The page's data. Numbers that the file does not have are null.
#[derive(Debug, Deserialize)]
struct View {
    error: Option<String>,
    /// The displayed text of the root.
    shown: String,
    root: BTreeMap<String, Option<i64>>,
    leaves: Vec<Leaf>,
}

#[derive(Debug, Deserialize)]
struct Leaf {
    /// Leaf first.
    frames: Vec<String>,
    values: BTreeMap<String, Option<i64>>,
}

fn view(file: &str) -> View {
    let page = fs::read_to_string(format!("{PAGES}/dh_view.html")).unwrap_or_else(|error| {
        panic!("{PAGES}/dh_view.html: {error}; `cargo xtask test` installs valgrind, whose page it is")
    });
    let page = page.replacen("<head>", &format!("<head><base href=\"file://{PAGES}/\">"), 1);
    let page = format!("{page}{}", SCRIPT.replace("@FILE@", &script_string(file)));
    serde_json::from_str(&text_of(&page, "", "answer")).unwrap()
}

/// DHAT's fields for each kind of values.
const FIELDS: [(&str, &str); 13] = [
    ("alloc_space", "tb"),
    ("alloc_objects", "tbk"),
    ("peak_space", "gb"),
    ("peak_objects", "gbk"),
    ("inuse_space", "eb"),
    ("inuse_objects", "ebk"),
    ("copy_space", "tb"),
    ("copy_objects", "tbk"),
    ("units", "tb"),
    ("events", "tbk"),
    ("read_space", "rb"),
    ("written_space", "wb"),
    ("lifetime", "tl"),
];

/// Compares totals and the ten largest stacks with the page's own sums, and the totals with the displayed
/// text.
fn compare(profile: &Profile, view: &View) -> Result<(), String> {
    same("error", &None, &view.error)?;
    let fields = FIELDS.iter().filter(|(kind, _)| profile.sample_type(kind).is_some());
    for (kind, field) in fields {
        same(kind, &Some(total(profile, kind)), &view.root[*field])?;
        let theirs = view.leaves.iter().filter_map(|leaf| {
            let names: Vec<String> = leaf.frames.iter().map(|it| name(it)).collect();
            leaf.values[*field].filter(|it| *it != 0).map(|value| (names.join(";"), value))
        });
        let mut sums = BTreeMap::new();
        theirs.for_each(|(stack, value)| *sums.entry(stack).or_default() += value);
        let ours = by_stack(profile, kind).into_iter().map(|(stack, value)| (without_places(&stack), value));
        let mut our_sums = BTreeMap::new();
        ours.for_each(|(stack, value)| *our_sums.entry(stack).or_default() += value);
        same(kind, &top_ten(&our_sums), &top_ten(&sums))?;
    }
    for (kind, title) in [("alloc", "Total:"), ("peak", "At t-gmax:"), ("inuse", "At t-end:")] {
        let kinds = ["_space", "_objects"].map(|it| format!("{kind}{it}"));
        if profile.sample_type(&kinds[0]).is_some() {
            let shown = shown(&view.shown, title);
            same(title, &kinds.map(|it| total(profile, &it)), &shown?)?;
        }
    }
    Ok(())
}

/// The bytes and blocks on the line of the page's root that begins with `title`.
fn shown(text: &str, title: &str) -> Result<[i64; 2], String> {
    let missing = || format!("no {title} in\n{text}");
    let line = text.lines().find_map(|line| line.split_once(title)).ok_or_else(missing)?.1;
    let number = |text: &str| text.trim().split(' ').next()?.replace(',', "").parse().ok();
    let (bytes, blocks) = line.split_once(" in ").ok_or_else(missing)?;
    Ok([number(bytes).ok_or_else(missing)?, number(blocks).ok_or_else(missing)?])
}

/// The name in a frame's text; empty if it has none.
fn name(text: &str) -> String {
    let name = text.split_once(": ").map_or(text, |(_, rest)| rest);
    let name = if name.ends_with(')') { name.rsplit_once(" (").map_or(name, |(name, _)| name) } else { name };
    if name == "???" { String::new() } else { name.to_owned() }
}

/// A stack without the places that replace missing names, because DHAT has no such names.
fn without_places(stack: &str) -> String {
    let is_place = |name: &str| name.contains("+0x") || name.starts_with("0x") || name == "[unknown]";
    stack.split(';').map(|name| if is_place(name) { "" } else { name }).collect::<Vec<_>>().join(";")
}

#[test]
fn the_page_opens_written_files_with_the_same_totals() {
    for (what, profile) in profiles() {
        let text = written(&profile, Format::Dhat);
        compare(&profile, &view(&text)).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

#[test]
fn a_value_that_was_changed_is_noticed() {
    let profile = by_hand();
    let text = written(&profile, Format::Dhat);
    for (field, value, what) in
        [("\"tb\":", 300, "alloc_space"), ("\"gb\":", 4444, "peak_space"), ("\"ebk\":", 6, "inuse_objects")]
    {
        let changed = with_one_more(&text, field, value);
        let error = compare(&profile, &view(&changed)).unwrap_err();
        assert!(error.starts_with(what), "{error}");
    }
}

#[test]
fn a_file_that_is_no_dhat_file_is_an_error_of_the_page() {
    let text = written(&by_hand(), Format::Dhat).replacen("\"bklt\"", "\"bkltt\"", 1);
    assert!(view(&text).error.unwrap().contains("bklt"));
}

#[test]
fn goldens_of_valgrind_and_dhat_rs_have_the_same_totals_and_stacks() {
    for (name, columns) in [
        ("dhat/valgrind_heap", 11),
        ("dhat/valgrind_copy", 2),
        ("dhat/dhat_rs_heap", 9),
        ("dhat/dhat_rs_ad_hoc", 2),
    ] {
        let path = golden(&format!("{name}/profile.json"));
        let profile = read(&path);
        assert_eq!(totals(&profile).len(), columns, "{name}");
        let view = view(&fs::read_to_string(path).unwrap());
        compare(&profile, &view).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!view.leaves.is_empty());
    }
}

#[test]
fn units_come_from_the_file() {
    let heap = read(&golden("dhat/valgrind_heap/profile.json"));
    assert_eq!(unit(&heap, "alloc_space"), "bytes");
    assert_eq!(unit(&heap, "lifetime"), "instructions");
    let rust = read(&golden("dhat/dhat_rs_heap/profile.json"));
    assert_eq!(unit(&rust, "lifetime"), "microseconds");
    let events = read(&golden("dhat/dhat_rs_ad_hoc/profile.json"));
    assert_eq!((unit(&events, "units"), unit(&events, "events")), ("units", "count"));
    // According to the program: 1 + 2 + … + 10 and 1,000.
    assert_eq!((total(&events, "units"), total(&events, "events")), (1055, 11));
}

#[test]
fn a_golden_that_was_changed_is_noticed() {
    let path = golden("dhat/dhat_rs_heap/profile.json");
    let profile = read(&path);
    let changed = with_one_more(&fs::read_to_string(path).unwrap(), "\"gb\": ", 65536);
    assert!(compare(&profile, &view(&changed)).unwrap_err().starts_with("peak_space"));
}
