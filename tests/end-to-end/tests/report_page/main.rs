//! The page of `highwater report` in Chromium: its content after each action, against the answers of
//! `--json`; its layout at every width; and screenshots, in the target directory's `screenshots`.

mod access;
mod layout;
mod network;
mod pages;
mod screenshots;

use serde::Deserialize;
use serde_json::Value;

use highwater_tests::chromium::{script_string, text_of};
use pages::Place;

/// Performs a reader's actions, and reports the page's content under the name of each step.
const SCRIPT: &str = r##"
<script>
  const shown = {};
  const rows = (id) => [...document.querySelectorAll(`#${id} tbody tr[data-label]`)].map((row) => ({
    label: row.dataset.label,
    value: Number(row.dataset.value),
    cells: [...row.querySelectorAll("td")].slice(0, -1).map((it) => it.textContent),
  }));
  const tell = (step) => {
    shown[step] = {
      rows: rows("table"),
      trend: rows("trend"),
      frames: [...document.querySelectorAll(".frame:not(.above)")].map((it) => ({ name: it.dataset.name, value: Number(it.dataset.value) })),
      hits: document.querySelectorAll(".frame.hit").length,
      summary: document.getElementById("summary").textContent,
      moment: document.getElementById("moment").textContent,
      detail: document.getElementById("detail").textContent,
      stack: [...document.querySelectorAll("#table tr.stack li")].map((it) => it.textContent),
      focus: document.activeElement.closest("tr")?.dataset.label ?? document.activeElement.id,
      sparks: [...document.querySelectorAll("#table tr[data-label] .spark circle")].map((it) => Number(it.dataset.value)),
      wide: document.documentElement.scrollWidth > window.innerWidth,
    };
  };
  const get = (id) => document.getElementById(id);
  const set = (id, value, event) => {
    get(id).value = value;
    get(id).dispatchEvent(new Event(event, { bubbles: true }));
  };
  const press = (key, target = document.activeElement) =>
    target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const frame = (name) => [...document.querySelectorAll(".frame")].find((it) => it.dataset.name === name);
  try {
    @STEPS@
  } catch (error) {
    shown.error = { detail: String(error.stack) };
  }
  const answer = document.createElement("pre");
  answer.id = "answer";
  answer.textContent = JSON.stringify(shown);
  document.body.append(answer);
</script>
"##;

/// The page's content after a step.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shown {
    rows: Vec<Row>,
    trend: Vec<Row>,
    frames: Vec<Frame>,
    hits: usize,
    summary: String,
    moment: String,
    detail: String,
    stack: Vec<String>,
    focus: String,
    /// The slider's position on the lines of the table's rows.
    sparks: Vec<i64>,
    wide: bool,
}

#[derive(Debug, Deserialize)]
struct Row {
    label: String,
    value: i64,
    cells: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Frame {
    name: String,
    value: i64,
}

/// Uses a page, and returns its content after each step.
fn used(page: &str, steps: &str) -> impl Fn(&str) -> Shown {
    let page = page.replace("</body>", &format!("{}</body>", SCRIPT.replace("@STEPS@", steps)));
    let answer: Value = serde_json::from_str(&text_of(&page, "", "answer")).unwrap();
    assert_eq!(answer["error"], Value::Null, "{answer:#}");
    move |step| {
        let shown = answer.get(step).unwrap_or_else(|| panic!("no step {step}"));
        serde_json::from_value(shown.clone()).unwrap()
    }
}

/// Checks that a table has the rows of an answer, in the same order.
#[track_caller]
fn same(shown: &Shown, answer: &Value, value: &str) {
    let expected = answer["rows"].as_array().unwrap().iter();
    let expected: Vec<(&str, i64)> = expected
        .map(|it| (it["key"]["label"].as_str().unwrap(), it[value]["value"].as_i64().unwrap()))
        .collect();
    let rows: Vec<(&str, i64)> = shown.rows.iter().map(|it| (it.label.as_str(), it.value)).collect();
    assert_eq!(rows, expected);
    assert!(!rows.is_empty());
}

#[test]
fn the_page_equals_json() {
    let place = Place::new();
    let page = place.page("0.pb.gz 1.pb.gz 2.pb.gz 3.pb.gz");
    let shown = used(
        &page,
        r##"
        tell("begin");
        set("sample", "alloc-bytes", "change"); tell("alloc");
        set("by", "line", "change"); tell("line");
        set("find", "archive", "input"); tell("found");
        press("/", document.body); tell("slash");
        press("Escape"); set("sample", "live-bytes", "change"); set("by", "function", "change"); tell("back");
        set("slider", 1, "input"); tell("slid");
        document.querySelector("#table tbody .row").click(); tell("opened");
        document.querySelectorAll("#table th button")[0].click();
        document.querySelectorAll("#table th button")[0].click(); tell("sorted");
        frame("shop::index::Index::add").click(); tell("zoomed");
        press("Escape", get("flame")); get("flame").focus();
        press("ArrowDown"); press("ArrowDown"); press("ArrowRight"); tell("walked");
        press("Enter"); tell("entered");
        get("mode-changed").click(); tell("changed early");
        set("slider", 0, "input"); tell("unchanged");
        set("slider", 3, "input"); tell("changed");
        document.querySelector("#findings li[data-sort$=leak] button").click(); tell("finding");
        "##,
    );
    let top = |arguments: &str| place.json(&format!("top --json --min-fraction 0 {arguments}"));

    same(&shown("begin"), &top("--by function 3.pb.gz"), "flat");
    assert!(!shown("begin").wide, "nothing is wider than the window");
    let alloc = top("--sample alloc-bytes --by function 3.pb.gz");
    same(&shown("alloc"), &alloc, "flat");
    same(&shown("line"), &top("--sample alloc-bytes --by line 3.pb.gz"), "flat");
    assert!(shown("alloc").summary.starts_with("alloc-bytes "), "{:?}", shown("alloc"));

    let found = shown("found");
    assert_eq!(found.rows.len(), 1, "{found:?}");
    assert!(found.rows[0].label.contains("archive") && found.hits == 1, "{found:?}");
    assert!(found.detail.starts_with("1 of the frames that are drawn match, with "), "{found:?}");
    assert_eq!(shown("slash").focus, "find");
    same(&shown("back"), &top("--by function 3.pb.gz"), "flat");

    let first = top("--by function 1.pb.gz");
    let slid = shown("slid");
    same(&slid, &first, "flat");
    let values: Vec<i64> = slid.rows.iter().map(|it| it.value).collect();
    assert_eq!(slid.sparks, values, "the line of each row has its value where the slider is");
    assert!(slid.moment.starts_with("1.pb.gz: 2023-11-14 22:14:20 UTC, live-bytes "), "{}", slid.moment);
    let tree = place.json("tree --json --by function --limit 0 --min-fraction 0 1.pb.gz");
    let nodes = tree["nodes"].as_array().unwrap().iter().skip(1);
    let nodes: Vec<(&str, i64)> = nodes
        .map(|it| (it["label"].as_str().unwrap(), it["cumulative"]["value"].as_i64().unwrap()))
        .collect();
    let frames: Vec<(&str, i64)> =
        slid.frames.iter().skip(1).map(|it| (it.name.as_str(), it.value)).collect();
    assert_eq!(frames, nodes);

    let opened = shown("opened");
    let stack = first["rows"][0]["stack"].as_array().unwrap();
    assert_eq!(opened.stack.len(), stack.len(), "{opened:?}");
    assert_eq!(opened.stack.last().map(String::as_str), Some("src/main.rs:7 shop::main"));
    let sorted: Vec<i64> = shown("sorted").rows.iter().map(|it| it.value).collect();
    assert!(sorted.is_sorted() && sorted.len() > 1, "smallest first: {sorted:?}");
    let zoomed = shown("zoomed");
    assert_eq!(zoomed.frames.len(), 1, "{zoomed:?}");
    assert_eq!(zoomed.frames[0].name, "shop::index::Index::add");
    assert!(shown("walked").detail.starts_with("shop::load::archive ("), "{}", shown("walked").detail);
    assert_eq!(shown("entered").frames[0].name, "shop::load::archive");

    let significant = |file: &str| {
        let mut diff = place.json(&format!("diff --json --by function --min-fraction 0 0.pb.gz {file}"));
        diff["rows"].as_array_mut().unwrap().retain(|it| it["significant"] == true);
        diff
    };
    same(&shown("changed early"), &significant("1.pb.gz"), "change");
    assert!(shown("unchanged").rows.is_empty() && shown("unchanged").frames.is_empty());
    assert!(shown("unchanged").summary.contains("first snapshot"), "{:?}", shown("unchanged"));
    same(&shown("changed"), &significant("3.pb.gz"), "change");
    assert!(shown("changed").summary.contains("two snapshots of one process"), "{:?}", shown("changed"));
    let finding = shown("finding");
    assert_eq!(finding.trend[0].cells[0], "leak", "{finding:?}");
    assert_eq!(finding.focus, finding.trend[0].label);
}

#[test]
fn frames_of_libraries_are_folded_and_open() {
    let place = Place::new();
    place.long_names("long.pb.gz");
    let page = place.page("long.pb.gz");
    let shown = used(
        &page,
        r##"
        tell("folded");
        document.querySelector(".frame.fold").click(); tell("opened");
        press("Escape"); get("unfold").click(); tell("all");
        get("unfold").click(); get("flame").focus(); press("Home"); press("ArrowDown"); press("ArrowDown"); tell("on the fold");
        press("ArrowDown"); tell("below the fold"); press("ArrowUp"); tell("back");
        document.querySelector("#table tbody .row").click(); tell("row");
        document.querySelector("#table tr.stack li.fold button").click(); tell("stack");
        "##,
    );
    let names = |step: &str| shown(step).frames.into_iter().map(|it| it.name).collect::<Vec<_>>();
    // The root, `main`, and for each of six stacks a fold and the function below it.
    assert_eq!(names("folded").len(), 2 + 6 * 2, "{:?}", names("folded"));
    assert_eq!(names("folded")[2], "⋯ 20 frames of tokio");
    assert_eq!(names("opened").len(), 2 + 6 * 2 + 19);
    assert_eq!(names("all").len(), 2 + 6 * 21);
    let value = |step: &str| shown(step).frames.iter().map(|it| it.value).max();
    assert_eq!(value("all"), value("folded"), "folding changes no value");
    assert!(
        shown("on the fold").detail.starts_with("tokio::"),
        "opened before: {}",
        shown("on the fold").detail
    );
    assert_ne!(shown("below the fold").detail, shown("on the fold").detail);
    assert_eq!(shown("back").detail, shown("on the fold").detail);
    assert_eq!(shown("row").stack.len(), 3, "{:?}", shown("row").stack);
    assert_eq!(shown("stack").stack.len(), 22);
}

#[test]
fn an_address_leads_to_a_view() {
    let place = Place::new();
    let page = place.page("0.pb.gz 1.pb.gz 2.pb.gz 3.pb.gz");
    let script = "<script>const answer = document.createElement('pre'); answer.id = 'answer';
        answer.textContent = JSON.stringify([get('sample').value, get('by').value, get('slider').value, get('mode-changed').ariaPressed]);
        document.body.append(answer);</script></body>";
    let page = page.replace("</body>", &script.replace("get(", "document.getElementById("));
    let opened = |fragment: &str| text_of(&page, fragment, "answer");
    assert_eq!(opened(""), r#"["live-bytes","function","3","false"]"#);
    assert_eq!(
        opened("#view=changed&values=alloc-bytes&by=line&at=1"),
        r#"["alloc-bytes","line","1","true"]"#
    );
    assert_eq!(opened("#view=evil&values=none&at=99"), r#"["live-bytes","function","3","false"]"#);
}

#[test]
fn a_line_of_code_has_one_card() {
    let place = Place::new();
    let page = place.page("0.pb.gz 1.pb.gz 2.pb.gz 3.pb.gz");
    let script = "<script>const answer = document.createElement('pre'); answer.id = 'answer';
        answer.textContent = JSON.stringify([...document.querySelectorAll('.card')].map((it) => [it.querySelector('.title').textContent, it.querySelectorAll('dd').length]));
        document.body.append(answer);</script></body>";
    let cards: Vec<(String, usize)> =
        serde_json::from_str(&text_of(&page.replace("</body>", script), "", "answer")).unwrap();
    assert_eq!(cards, [("Index::add".to_owned(), 2)], "what leaks and what grew is one line");
}

#[test]
fn hostile_names_are_shown_and_do_nothing() {
    let place = Place::new();
    let page = place.page("hostile.pb.gz");
    let shown = used(
        &page,
        r#"set("by", "function", "change"); set("find", "/(/", "input"); tell("broken"); press("Escape"); tell("all");"#,
    );
    assert!(shown("broken").rows.is_empty(), "an expression that is none finds nothing");
    let labels: Vec<String> = shown("all").rows.into_iter().map(|it| it.label).collect();
    assert_eq!(labels, [pages::HOSTILE.replace('\n', "\u{fffd}")]);
    assert!(!page.contains(pages::HOSTILE));
    assert_eq!(script_string("</script>"), "\"<\\/script>\"");
}

#[test]
fn a_planted_fault_is_seen() {
    let place = Place::new();
    let page = place.page("3.pb.gz");
    let expected = place.json("top --json --by function --min-fraction 0 3.pb.gz");
    let value = expected["rows"][0]["flat"]["value"].to_string();
    let changed = page.replace(&format!("],\"value\":{value},"), "],\"value\":17,");
    assert_ne!(changed, page);
    let shown = used(&changed, "tell('begin');");
    assert_eq!(shown("begin").rows[0].value, 17);
    assert!(std::panic::catch_unwind(|| same(&shown("begin"), &expected, "flat")).is_err());
}
