//! Pages for a browser; and that all views of an answer have the same numbers.

use std::fs;

use highwater_analyze::Unit;
use highwater_profile::Profile;
use serde_json::Value;

use crate::support::{Place, demo};

/// Snapshot number `at` of a growing process.
fn moment(at: i64) -> Profile {
    let mut profile = demo(8 + 40 * at);
    profile.time_ns += at * 60_000_000_000;
    if let Some(meta) = &mut profile.meta {
        (meta.process, meta.epoch) = (Some(7), Some(at + 1));
        (meta.rss_bytes, meta.cgroup_limit_bytes) = (Some(300 << 20), Some(1 << 30));
    }
    profile
}

fn place() -> Place {
    let place = Place::new();
    for at in 0..4 {
        place.profile(&format!("{at}.pb.gz"), &moment(at));
    }
    place
}

/// The data inside a page.
fn data(place: &Place, arguments: &str) -> Value {
    let run = place.run(&format!("report {arguments} -o page.html"));
    assert_eq!(run.stdout, "wrote page.html\n", "{}", run.stderr);
    let html = fs::read_to_string(place.path("page.html")).unwrap();
    assert!(html.len() <= 2 << 20);
    let (_, rest) = html.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn view<'a>(views: &'a Value, sample: &str, by: &str) -> &'a Value {
    let mut all = views.as_array().unwrap().iter();
    all.find(|it| it["sample"] == sample && it["by"] == by).unwrap_or_else(|| panic!("{sample} {by}"))
}

fn label<'a>(data: &'a Value, id: &Value) -> &'a str {
    data["labels"][usize::try_from(id.as_u64().unwrap()).unwrap()].as_str().unwrap()
}

/// Checks that the rows of a view equal the answer's, and that their cells equal the text's.
fn same_rows(data: &Value, view: &Value, answer: &Value, text: &str, value: &str) {
    let (rows, expected) = (view["rows"].as_array().unwrap(), answer["rows"].as_array().unwrap());
    assert!(!rows.is_empty());
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(expected) {
        let name = label(data, &row["label"]);
        assert_eq!(name, expected["key"]["label"].as_str().unwrap());
        assert_eq!(row["value"], expected[value]["value"], "{name}");
        let cells = row["cells"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
        let cells: Vec<&str> = cells.flat_map(str::split_whitespace).collect();
        let line = text.lines().find(|it| it.ends_with(name)).unwrap_or_else(|| panic!("{name} in {text}"));
        let columns: Vec<&str> = line.strip_suffix(name).unwrap().split_whitespace().collect();
        assert_eq!(cells, columns, "{name}");
    }
}

fn wide(place: &Place, arguments: &str) -> String {
    let output = place.command().args(arguments.split_whitespace()).env("COLUMNS", "300").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn svg(place: &Place, arguments: &str) -> String {
    place.run(&format!("flame {arguments} -o out.svg")).answer();
    fs::read_to_string(place.path("out.svg")).unwrap()
}

fn grouped(value: &Value) -> String {
    let digits = value.as_i64().unwrap().unsigned_abs().to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    groups.iter().map(|it| std::str::from_utf8(it).unwrap()).collect::<Vec<_>>().join(",")
}

#[test]
fn page_json_text_and_drawing_have_the_same_numbers() {
    let place = place();
    let data = data(&place, "3.pb.gz");
    for sample in ["live-bytes", "alloc-bytes", "live-blocks", "alloc-blocks"] {
        for by in ["function", "line", "type"] {
            let question = format!("--sample {sample} --by {by} --min-fraction 0 3.pb.gz");
            let view = view(&data["snapshots"][0]["views"], sample, by);
            let top = place.run(&format!("top --json {question}")).json();
            let text = wide(&place, &format!("top {question}"));
            same_rows(&data, view, &top, &text, "flat");
            assert_eq!(view["header"], top["header"]);
            assert!(text.starts_with(view["summary"].as_str().unwrap()), "{text}");

            let tree = place.run(&format!("tree --json --limit 0 {question}")).json();
            let drawing = svg(&place, &question);
            let (nodes, expected) = (view["nodes"].as_array().unwrap(), tree["nodes"].as_array().unwrap());
            assert_eq!(nodes.len(), expected.len());
            for (node, expected) in nodes.iter().zip(expected) {
                let name = label(&data, &node[1]);
                assert_eq!((&node[0], name), (&expected["depth"], expected["label"].as_str().unwrap()));
                assert_eq!(
                    (&node[2], &node[3]),
                    (&expected["cumulative"]["value"], &expected["flat"]["value"])
                );
                let name = if name == "[root]" { "all" } else { name };
                let title = format!("<title>{name} ({} b", grouped(&node[2]));
                assert!(drawing.contains(&title), "{title} in {drawing}");
            }
        }
    }
}

#[test]
fn changes_are_the_same_in_every_view() {
    let place = place();
    let data = data(&place, "0.pb.gz 3.pb.gz");
    for by in ["function", "line", "type"] {
        let question = format!("--by {by} 0.pb.gz 3.pb.gz");
        let view = view(&data["snapshots"][1]["changed"], "live-bytes", by);
        let diff = place.run(&format!("diff --json {question}")).json();
        let text = wide(&place, &format!("diff {question}"));
        same_rows(&data, view, &diff, &text, "change");
        assert_eq!(view["total_change"], diff["total_change"]);
        assert!(text.starts_with(view["summary"].as_str().unwrap()), "{text}");

        place.run(&format!("flame --diff --json {question} -o out.json")).answer();
        let growth: Value = serde_json::from_slice(&fs::read(place.path("out.json")).unwrap()).unwrap();
        let drawing = svg(&place, &format!("--diff {question}"));
        let (nodes, expected) = (view["nodes"].as_array().unwrap(), growth["nodes"].as_array().unwrap());
        assert_eq!(nodes.len(), expected.len());
        for (node, expected) in nodes.iter().zip(expected) {
            let name = label(&data, &node[1]);
            assert_eq!((&node[0], name), (&expected["depth"], expected["label"].as_str().unwrap()));
            assert_eq!(
                [&node[2], &node[3], &node[4]],
                [&expected["change"]["value"], &expected["grown"], &expected["shrunk"]]
            );
            let words = format!(": {} grown, {} shrunk", grouped(&node[3]), grouped(&node[4]));
            let title = format!("<title>{name} (+{} bytes ± ", grouped(&node[2]));
            let drawn = drawing.split_once(&title).is_some_and(|(_, rest)| {
                rest.split_once("</title>").is_some_and(|(it, _)| it.contains(&words))
            });
            assert!(drawn || name == "[root]", "{title} {words} in {drawing}");
        }
    }
    assert_eq!(data["findings"][0]["sort"], "growth");
}

#[test]
fn a_series_has_a_time_line_a_trend_and_every_snapshot() {
    let place = place();
    let data = data(&place, "0.pb.gz 1.pb.gz 2.pb.gz 3.pb.gz");
    assert_eq!(data["snapshots"].as_array().unwrap().len(), 4);
    assert_eq!(data["moments"], serde_json::json!([0, 1, 2, 3]));
    for at in 0..4 {
        let top = place.run(&format!("top --json {at}.pb.gz")).json();
        let view = view(&data["snapshots"][at]["views"], "live-bytes", "line");
        assert_eq!(view["header"]["total"], top["header"]["total"]);
        assert_eq!(data["timeline"]["moments"][at]["value"], top["header"]["total"]);
    }
    let text = data["moment_texts"][0].as_str().unwrap();
    assert!(text.starts_with("2023-11-14 22:13:20 UTC, live-bytes 16.0 MiB (+"), "{text}");
    assert!(text.ends_with(", resident 300.0 MiB, limit 1.0 GiB"), "{text}");
    assert_eq!(data["trend"]["snapshots"], 4);
    let row = &data["trend"]["rows"][0];
    assert!(label(&data, &row["label"]).contains("index.rs:88"), "{row}");

    // Each snapshot is compared with the first.
    assert!(data["snapshots"][0]["changed"].as_array().unwrap().is_empty());
    for at in 1..4 {
        let view = view(&data["snapshots"][at]["changed"], "live-bytes", "line");
        let diff = place.run(&format!("diff --json 0.pb.gz {at}.pb.gz")).json();
        assert_eq!(view["total_change"], diff["total_change"], "{at}");
        assert_eq!(view["new"], diff["new"], "{at}");
    }

    // Out of order there is neither a time line nor a trend, and the page reports both. Two files may be in
    // any order.
    let run = place.run("report 3.pb.gz 1.pb.gz 2.pb.gz -o page.html");
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "wrote page.html\n"), "{}", run.stderr);
    for expected in ["no time line: 1.pb.gz: it was taken before", "no trend: 1.pb.gz: "] {
        assert!(run.stderr.contains(expected), "{expected} in {}", run.stderr);
    }
}

#[test]
fn report_writes_data_alone_and_one_grouping() {
    let place = place();
    place.run("report --json --sample live-bytes --by crate 0.pb.gz 3.pb.gz -o data.json").answer();
    let data: Value = serde_json::from_slice(&fs::read(place.path("data.json")).unwrap()).unwrap();
    assert_eq!((&data["kind"], &data["snapshots"][1]["views"][0]["by"]), (&"report".into(), &"crate".into()));
    assert_eq!(data["snapshots"][1]["views"].as_array().unwrap().len(), 1);
    place.run("flame --format html 3.pb.gz -o page.html").answer();
    let html = fs::read_to_string(place.path("page.html")).unwrap();
    assert!(html.contains("id=\"flame\"") && html.contains("Index::add"));
    place.run("flame --format html --diff 0.pb.gz 3.pb.gz -o page.html").answer();
    assert!(place.run("report gone.pb.gz -o page.html").error().contains("gone.pb.gz"));
    assert!(place.run("report 0.pb.gz").error().contains("--output"));
    assert!(place.run("report 0.pb.gz -o nowhere/page.html").error().contains("nowhere"));
}

#[test]
fn plot_draws_the_numbers_of_its_json() {
    let place = place();
    let files = "0.pb.gz 1.pb.gz 2.pb.gz 3.pb.gz";
    place.run(&format!("plot {files} -o memory.svg")).answer();
    let svg = fs::read_to_string(place.path("memory.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("live-bytes, 0.pb.gz to 3.pb.gz"), "{svg}");
    assert!(svg.contains("src/index.rs:88 demo::index::Index::add"), "{svg}");
    place.run(&format!("plot --json {files} -o memory.json")).answer();
    let json: Value = serde_json::from_slice(&fs::read(place.path("memory.json")).unwrap()).unwrap();
    assert_eq!(json["kind"], "plot");
    assert_eq!(json["rows"][0]["values"], serde_json::json!([8 << 20, 48 << 20, 88 << 20, 128 << 20]));
    // A page of the same files has the same data.
    let page = data(&place, files);
    assert_eq!(page["timeline"]["moments"], json["moments"]);
    assert_eq!(page["timeline"]["rows"], json["rows"]);

    let wrong = place.run("plot 1.pb.gz 0.pb.gz -o x.svg");
    let expected = "0.pb.gz: it was taken before the one before it; give the files in order of time";
    assert!(wrong.error().starts_with(expected), "{}", wrong.stderr);
    // A directory is a series too, whatever the order of its file names.
    fs::create_dir(place.path("series")).unwrap();
    for (at, name) in ["d", "a", "c", "b"].iter().enumerate() {
        fs::copy(place.path(&format!("{at}.pb.gz")), place.path(&format!("series/{name}.pb.gz"))).unwrap();
    }
    place.run("plot --json series -o series.json").answer();
    let series: Value = serde_json::from_slice(&fs::read(place.path("series.json")).unwrap()).unwrap();
    assert_eq!(series["rows"], json["rows"]);
    place.run(&format!("plot {files} -o memory.png")).answer();
    assert!(fs::read(place.path("memory.png")).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!(place.run("plot --sample delay 1.pb.gz -o x.svg").error().contains("--sample"));
}

#[test]
fn a_planted_difference_is_detected() {
    let place = place();
    let right = data(&place, "3.pb.gz");
    let question = "--sample live-bytes --by line --min-fraction 0 3.pb.gz";
    let top = place.run(&format!("top --json {question}")).json();
    let text = wide(&place, &format!("top {question}"));
    let agree = |data: &Value, top: &Value, text: &str| {
        let view = view(&data["snapshots"][0]["views"], "live-bytes", "line");
        let (data, top, text) = (data.clone(), top.clone(), text.to_owned());
        let view = view.clone();
        std::panic::catch_unwind(move || same_rows(&data, &view, &top, &text, "flat")).is_ok()
    };
    assert!(agree(&right, &top, &text));
    let position = right["snapshots"][0]["views"].as_array().unwrap();
    let position = position.iter().position(|it| it["sample"] == "live-bytes" && it["by"] == "line").unwrap();
    let mut wrong = right.clone();
    wrong["snapshots"][0]["views"][position]["rows"][0]["value"] = 17.into();
    assert!(!agree(&wrong, &top, &text), "the page's number");
    let mut wrong = right.clone();
    wrong["snapshots"][0]["views"][position]["rows"][0]["cells"][0] = "17 B".into();
    assert!(!agree(&wrong, &top, &text), "the page's text");
    let mut wrong = top.clone();
    wrong["rows"][0]["flat"]["value"] = 17.into();
    assert!(!agree(&right, &wrong, &text), "the answer's number");
    assert!(!agree(&right, &top, &text.replacen("MiB", "KiB", 99)), "the terminal's text");
}

#[test]
fn a_tree_and_its_neighbours_have_the_numbers_of_their_json() {
    let place = place();
    let amount = |it: &Value| highwater_report::amount(it["value"].as_i64().unwrap(), &Unit::Bytes);
    let question = "--by function --min-fraction 0 --limit 0 3.pb.gz";
    let tree = place.run(&format!("tree --json {question}")).json();
    let text = wide(&place, &format!("tree {question}"));
    let rows: Vec<&str> = text.lines().skip_while(|it| !it.ends_with("where")).skip(1).collect();
    let nodes = tree["nodes"].as_array().unwrap();
    assert_eq!(rows.len(), nodes.len(), "{text}");
    for (row, node) in rows.iter().zip(nodes) {
        assert!(row.trim_start().starts_with(&amount(&node["cumulative"])), "{row} {node}");
        assert!(row.ends_with(node["label"].as_str().unwrap()), "{row} {node}");
    }
    let peek = place.run(&format!("peek main --json {question}")).json();
    let text = wide(&place, &format!("peek main {question}"));
    let function = &peek["functions"][0];
    for (edge, sign) in [("callers", "from "), ("callees", "to   ")] {
        for it in function[edge].as_array().unwrap() {
            let end = format!("{sign}{}", it["key"]["label"].as_str().unwrap());
            let row =
                text.lines().find(|row| row.ends_with(&end)).unwrap_or_else(|| panic!("{end} in {text}"));
            assert!(row.trim_start().starts_with(&amount(&it["value"])), "{row} {it}");
        }
    }
    assert!(!function["callees"].as_array().unwrap().is_empty(), "{function}");
}
