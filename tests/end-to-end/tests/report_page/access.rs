//! The page without a mouse and with poor eyesight: the focus is visible, everything has a name, texts have
//! contrast.

use highwater_tests::chromium::text_of;
use serde_json::Value;

use crate::pages::Place;

/// Checks every control, and the colours of both themes.
const SCRIPT: &str = r##"
<script>
  const faults = [];
  const name = (it) => (it.getAttribute("aria-label") ?? [...(it.labels ?? [])].map((label) => label.textContent).join(" ")) || it.textContent;
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[0-9.]+/g).map((it) => Number(it) / 255).map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (it) => {
    const colour = getComputedStyle(it).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" && it.parentElement ? behind(it.parentElement) : colour;
  };
  const usable = [...document.querySelectorAll("button, input, select, [tabindex]")].filter((it) => it.offsetParent !== null);
  for (const it of usable) {
    if (name(it).trim() === "") faults.push(`no name: ${it.outerHTML.slice(0, 90)}`);
    if (it.tabIndex !== 0) faults.push(`out of the order: ${it.outerHTML.slice(0, 90)}`);
    it.focus();
    if (document.activeElement !== it) faults.push(`takes no focus: ${it.outerHTML.slice(0, 90)}`);
    const seen = it.id === "flame" ? it.querySelector(".active") : it;
    if (getComputedStyle(seen).outlineStyle === "none") faults.push(`focus is not seen: ${it.outerHTML.slice(0, 90)}`);
  }
  let texts = 0;
  for (const theme of ["light", "dark"]) {
    document.documentElement.dataset.theme = theme;
    for (const it of document.querySelectorAll("h1, h2, h3, p, td, th button, .row, .sort, #findings button, pre, label, button")) {
      if (it.offsetParent === null || it.textContent.trim() === "") continue;
      texts += 1;
      const ratio = contrast(getComputedStyle(it).color, behind(it));
      if (ratio < 4.5) faults.push(`${theme}: contrast ${ratio.toFixed(2)}: ${it.outerHTML.slice(0, 90)}`);
    }
  }
  const flame = document.getElementById("flame");
  const frames = [...flame.children];
  for (const it of frames) {
    if (it.getAttribute("role") !== "treeitem" || !it.getAttribute("aria-label") || !it.getAttribute("aria-level")) faults.push(`a frame: ${it.outerHTML.slice(0, 90)}`);
  }
  if (!document.getElementById(flame.getAttribute("aria-activedescendant"))) faults.push("no frame is the active one");
  for (const it of document.querySelectorAll("[aria-labelledby], [aria-describedby], label[for], output[for]")) {
    for (const attribute of ["aria-labelledby", "aria-describedby", "for"]) {
      const id = it.getAttribute(attribute);
      if (id && !document.getElementById(id)) faults.push(`${attribute} leads nowhere: ${id}`);
    }
  }
  const answer = document.createElement("pre");
  answer.id = "answer";
  answer.textContent = JSON.stringify({ faults, usable: usable.length, texts, frames: frames.length });
  document.body.append(answer);
</script>
"##;

fn looked_at(page: &str) -> Value {
    let page = page.replace("</body>", &format!("{SCRIPT}</body>"));
    serde_json::from_str(&text_of(&page, "", "answer")).unwrap()
}

#[test]
fn everything_can_be_used_with_the_keyboard_and_read() {
    let place = Place::new();
    let page = place.page("0.pb.gz 1.pb.gz 2.pb.gz 3.pb.gz");
    let found = looked_at(&page);
    assert_eq!(found["faults"], Value::Array(Vec::new()), "{found:#}");
    for (what, least) in [("usable", 20), ("texts", 60), ("frames", 4)] {
        assert!(found[what].as_u64().unwrap() >= least, "{what}: {found:#}");
    }
}

#[test]
fn planted_faults_are_seen() {
    let place = Place::new();
    let page = place.page("3.pb.gz");
    for (right, wrong, expected) in [
        (" aria-label=\"Dark or light\">◐", ">", "no name"),
        (":focus-visible { outline: 2px solid", ":focus-visible { outline: 2px none", "focus is not seen"),
        ("--faint: #596573", "--faint: #b0b8c0", "contrast"),
        ("role: \"treeitem\"", "role: \"none\"", "a frame"),
        ("aria-describedby=\"detail\"", "aria-describedby=\"gone\"", "leads nowhere"),
    ] {
        let broken = page.replace(right, wrong);
        assert_ne!(broken, page, "{right}");
        let faults = looked_at(&broken)["faults"].to_string();
        assert!(faults.contains(expected), "{expected}: {faults}");
    }
}
