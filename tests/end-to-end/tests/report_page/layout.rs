//! The page at every width, in both themes: nothing is wider than the window, no text covers another, and
//! nothing is cut.

use highwater_tests::chromium::{picture, script_string, text_of};
use serde_json::Value;

use crate::pages::Place;

/// Widths of phones, tablets and screens in pixels.
const WIDTHS: [u32; 12] = [320, 360, 390, 414, 600, 641, 768, 1024, 1280, 1440, 1920, 2560];

/// Measures the page in frames of all widths.
const SCRIPT: &str = r##"
<!doctype html>
<body>
<script>
  const faults = [];
  const counts = { pages: 0, texts: 0, frames: 0 };
  const covers = (one, other) =>
    Math.min(one.right, other.right) - Math.max(one.left, other.left) > 1 && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 1;
  const measure = (frame, width, theme) => {
    const { document, innerWidth } = frame.contentWindow;
    document.documentElement.dataset.theme = theme;
    counts.pages += 1;
    const fault = (what, it) => faults.push(`${width} ${theme}: ${what}: ${(it?.outerHTML ?? "").slice(0, 120)}`);
    if (document.documentElement.scrollWidth > innerWidth) fault("wider than the window");
    const groups = [document.querySelectorAll("#timeline text"), document.querySelectorAll("#figures > div"), document.querySelectorAll(".card"), document.querySelectorAll(".frame")];
    for (const card of document.querySelectorAll(".card")) groups.push(card.querySelectorAll(".head > *, :scope > .place, dd, dt"));
    for (const row of document.querySelectorAll("tbody tr")) groups.push(row.querySelectorAll("td"));
    for (const group of groups) {
      const boxes = [...group].filter((it) => it.textContent !== "").map((it) => [it, it.getBoundingClientRect()]);
      counts.texts += boxes.length;
      boxes.forEach(([it, box], at) => {
        if (box.left < -1 || box.right > innerWidth + 1) fault("outside", it);
        for (const [other, others] of boxes.slice(at + 1)) if (covers(box, others)) fault(`covers ${other.textContent.slice(0, 40)}`, it);
      });
    }
    for (const it of document.querySelectorAll(".frame")) {
      counts.frames += 1;
      if (it.textContent !== "" && it.scrollWidth > it.clientWidth + 1) fault("cut", it);
    }
  };
  const pages = @PAGES@;
  const widths = @WIDTHS@;
  let waiting = pages.length * widths.length;
  for (const page of pages) {
    for (const width of widths) {
      const frame = document.createElement("iframe");
      frame.style.cssText = `width:${width}px;height:900px;border:0`;
      frame.srcdoc = page;
      frame.onload = () => {
        for (const theme of ["light", "dark"]) measure(frame, width, theme);
        waiting -= 1;
        if (waiting > 0) return;
        const answer = document.createElement("pre");
        answer.id = "answer";
        answer.textContent = JSON.stringify({ faults, ...counts });
        document.body.append(answer);
      };
      document.body.append(frame);
    }
  }
</script>
"##;

fn measured(pages: &[&str], widths: &[u32]) -> Value {
    let pages: Vec<String> = pages.iter().map(|it| script_string(it)).collect();
    let script = SCRIPT.replace("@WIDTHS@", &format!("{widths:?}"));
    let script = script.replace("@PAGES@", &format!("[{}]", pages.join(",")));
    serde_json::from_str(&text_of(&script, "", "answer")).unwrap()
}

#[test]
fn nothing_covers_anything_at_any_width() {
    let place = Place::new();
    place.long_names("long.pb.gz");
    let (series, long) = (place.page("0.pb.gz 1.pb.gz 2.pb.gz 3.pb.gz"), place.page("long.pb.gz"));
    let found = measured(&[&series, &long], &WIDTHS);
    assert_eq!(found["faults"], Value::Array(Vec::new()), "{found:#}");
    assert_eq!(found["pages"], 2 * 2 * WIDTHS.len());
    assert!(found["texts"].as_u64().unwrap() > 1_000 && found["frames"].as_u64().unwrap() > 200, "{found:#}");
}

#[test]
fn planted_faults_of_the_layout_are_seen() {
    let place = Place::new();
    let page = place.page("0.pb.gz 1.pb.gz 2.pb.gz 3.pb.gz");
    for (style, expected) in [
        ("#timeline text { font-size: 60px !important; }", "covers"),
        (".card { min-width: 1200px !important; }", "wider than the window"),
        (".frame { letter-spacing: 200px; }", "cut"),
        ("#figures > div { margin-right: -6em; }", "covers"),
    ] {
        let broken = page.replace("</style>", &format!("{style}</style>"));
        let faults = measured(&[&broken], &[390])["faults"].to_string();
        assert!(faults.contains(expected), "{style}: {faults}");
    }
}

/// One picture for people: the page on a phone, a tablet and two screens, light and dark.
#[test]
fn a_contact_sheet_is_made() {
    let place = Place::new();
    let page = place.page("0.pb.gz 1.pb.gz 2.pb.gz 3.pb.gz");
    let dark = page.replace("</body>", "<script>document.getElementById('theme').click()</script></body>");
    let mut sheet = "<!doctype html><body style='margin:0;background:#777'>".to_owned();
    let mut left = 10.0;
    for width in [390_u32, 1024, 1440, 2560] {
        let scale = 0.4;
        for (row, document) in [&page, &dark].into_iter().enumerate() {
            let text = document.replace('&', "&amp;").replace('"', "&quot;");
            sheet.push_str(&format!(
                "<iframe style='position:absolute;border:0;transform-origin:0 0;transform:scale({scale});left:{left}px;top:{}px;width:{width}px;height:1700px' srcdoc=\"{text}\"></iframe>",
                10 + row * 700
            ));
        }
        left += f64::from(width) * scale + 10.0;
    }
    picture("contact-sheet", &sheet, false, (2230, 1410));
}
