//! Pages from answers made by hand.

use highwater_analyze::{GroupBy, Holding, Omitted, SampleKind, Top, TopRow, Tree, TreeNode};

use super::*;
use crate::samples::{estimate, header, line_key};

fn holding(label: &str, nodes: usize) -> Holding {
    let row = TopRow {
        key: line_key("src/a.rs", 7, label),
        flat: estimate(3 << 20, 1000.0),
        flat_fraction: 0.1875,
        cumulative: estimate(5 << 20, 1000.0),
        cumulative_fraction: 0.3125,
        stack: vec![highwater_analyze::Frame { function: Some(label.to_owned()), ..Default::default() }],
    };
    let node = |at: usize| TreeNode {
        depth: usize::from(at > 0),
        label: if at == 0 { "[root]".to_owned() } else { format!("{label}{at}") },
        frame: None,
        cumulative: estimate(i64::try_from(1_000_000 - at).unwrap(), 0.0),
        flat: estimate(7, 0.0),
        fraction: 0.0,
    };
    Holding {
        sample: SampleKind::LiveBytes,
        by: GroupBy::Line,
        top: Top { header: header(), rows: vec![row], omitted: Omitted { rows: 2, value: 9 } },
        tree: Tree { header: header(), nodes: (0..nodes).map(node).collect(), omitted: Omitted::default() },
    }
}

fn page(label: &str, nodes: usize) -> Page {
    let snapshots = vec![Snapshot {
        name: "heap.pb.gz".to_owned(),
        holdings: vec![holding(label, nodes)],
        changed: Vec::new(),
    }];
    Page { title: label.to_owned(), snapshots, ..Page::default() }
}

fn data(page: &Page) -> serde_json::Value {
    serde_json::from_str(&page.data()).unwrap()
}

#[test]
fn tables_have_the_texts_of_the_terminal() {
    let page = page("demo::add", 3);
    let data = data(&page);
    let view = &data["snapshots"][0]["views"][0];
    let answer = &page.snapshots[0].holdings[0].top;
    let text = crate::top(answer, &crate::View { width: 200, ..crate::View::default() });
    assert!(text.starts_with(view["summary"].as_str().unwrap()), "{text}");
    let row = &view["rows"][0];
    let cells: Vec<&str> = row["cells"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let line = text.lines().find(|it| it.contains("demo::add")).unwrap();
    assert_eq!(line.trim(), format!("{}  src/a.rs:7 demo::add", cells.join("  ")).as_str().trim());
    assert_eq!(row["values"].as_array().unwrap().len(), cells.len());
    assert_eq!((&row["value"], &view["omitted"]["rows"]), (&(3 << 20).into(), &2.into()));
    assert_eq!(data["labels"][row["label"].as_u64().unwrap() as usize], "src/a.rs:7 demo::add");
    assert_eq!(view["nodes"][1], serde_json::json!([1, 3, 999_999, 7]));
    assert_eq!(data["findings"][0]["sort"], "largest");
}

#[test]
fn names_cannot_end_the_script() {
    let evil = "</script><script>alert(1)</script><!-- @DATA@ @SCRIPT@ \u{1b}[2J \u{2028}";
    let html = page(evil, 2).html();
    assert_eq!(html.matches("<script").count(), 2, "the page's own");
    assert_eq!(html.matches("</script>").count(), 2);
    assert!(!html.contains("<!--") && !html.contains('\u{1b}') && !html.contains('\u{2028}'));
    let start = html.find("id=\"data\">").unwrap() + "id=\"data\">".len();
    let json = &html[start..start + html[start..].find("</script>").unwrap()];
    let data: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(data["title"].as_str(), Some(clean(evil).as_str()));
}

#[test]
fn a_page_needs_no_other_files() {
    let html = page("x", 2).html();
    assert!(html.starts_with("<!doctype html>") && html.contains("default-src 'none'"));
    let own = html.replace("http://www.w3.org/2000/svg", "");
    for elsewhere in ["http:", "https:", "src=", "url(", "@import", "fetch(", "XMLHttpRequest", "import("] {
        assert!(!own.contains(elsewhere), "{elsewhere}");
    }
    for place in ["@TITLE@", "@STYLE@", "@SCRIPT@", "@DATA@"] {
        assert!(!html.contains(place), "{place}");
    }
}

#[test]
fn a_large_page_is_cut_and_says_so() {
    let long = "very::long::name::".repeat(40);
    let page = page(&long, 50_000);
    let html = page.html();
    assert!(html.len() <= MOST_BYTES && html.len() > MOST_BYTES / 4, "{}", html.len());
    let data = data(&page);
    let view = &data["snapshots"][0]["views"][0];
    let (shown, cut) = (view["nodes"].as_array().unwrap().len(), view["nodes_left_out"].as_u64().unwrap());
    assert!(cut > 0 && shown as u64 + cut == 50_000, "{shown} {cut}");
    let note = data["notes"][0].as_str().unwrap();
    assert!(note.starts_with("flame graphs have at most ") && note.contains("frames each"), "{note}");
    assert!(self::data(&self::page("x", 2))["notes"].as_array().unwrap().is_empty());
}

#[test]
fn no_name_makes_a_page_too_large() {
    for (length, nodes) in [(200_000, 20), (6_000, 500), (3 << 20, 2)] {
        let page = page(&"x".repeat(length), nodes);
        let html = page.html();
        assert!(html.len() <= MOST_BYTES, "{length}: {}", html.len());
        let data = data(&page);
        let notes = data["notes"].as_array().unwrap();
        let note = |it: &&serde_json::Value| it.as_str().unwrap().starts_with("texts of more than ");
        assert!(notes.iter().any(|it| note(&it)), "{notes:?}");
        assert!(data["snapshots"][0]["views"][0]["nodes"].as_array().unwrap().len() >= nodes.min(50));
    }
    let mut deep = page("x", 2);
    let frame = |at: usize| highwater_analyze::Frame {
        function: Some(format!("{at}{}", "y".repeat(400))),
        ..Default::default()
    };
    deep.snapshots[0].holdings[0].top.rows[0].stack = (0..6_000).map(frame).collect();
    assert!(deep.html().len() <= MOST_BYTES);
    assert!(data(&deep)["stacks"][0].as_array().unwrap().len() == 1001);
}

#[test]
fn findings_lead_to_existing_places() {
    let data = data(&page("demo::add", 3));
    let place = &data["findings"][0]["place"];
    assert_eq!(
        (&place["view"], &place["sample"], &place["by"]),
        (&"holding".into(), &"live-bytes".into(), &"line".into())
    );
    let labels = data["labels"].as_array().unwrap();
    assert!(labels.contains(&place["label"]), "{place}");
}

/// The value of a token in `tokens.css`: the light one, or the dark one.
pub(crate) fn token(name: &str, is_dark: bool) -> String {
    let tokens = STYLES[0];
    let (light, dark) = tokens.split_once("[data-theme=\"dark\"]").unwrap();
    let theme = if is_dark { dark } else { light };
    let value = theme.split_once(&format!("--{name}: ")).unwrap_or_else(|| panic!("no token {name}")).1;
    value[..value.find(';').unwrap()].to_owned()
}

#[test]
fn the_page_about_the_design_has_the_tokens_colours() {
    let text = include_str!("../../../../docs/DESIGN.md");
    let rows = text.lines().filter(|it| it.starts_with("| `") && it.contains("`#"));
    let rows: Vec<Vec<&str>> =
        rows.map(|it| it.split('|').map(|it| it.trim().trim_matches('`')).collect()).collect();
    assert!(rows.len() >= 12, "{rows:?}");
    for row in rows {
        assert_eq!([token(row[1], false), token(row[1], true)], [row[3], row[4]], "{}", row[1]);
    }
}
