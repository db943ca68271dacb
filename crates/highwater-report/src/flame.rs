//! Flame graphs, drawn by inferno.
//!
//! inferno reads stacks as lines of text (`root;leaf 42`). Some characters of names have a meaning there, so
//! names are escaped first. Lines are ordered by frame, not by text, because inferno merges only adjacent
//! frames.

use std::collections::BTreeSet;
use std::io::{self, Write};

use highwater_analyze::{Code, FoldedStack};
use inferno::flamegraph::color::{Color, PaletteMap};
use inferno::flamegraph::{Direction, Options, from_lines};

use crate::label::clean;
use crate::whose;

/// The largest total that inferno can multiply without overflow: 32 PiB.
pub(crate) const MOST: i64 = i64::MAX >> 8;

/// What the drawings have from the design of the page (docs/DESIGN.md): their ground follows the viewer's
/// preference for light or dark, and the search is seen.
const STYLE: &str = "
rect[fill=\"url(#background)\"] { fill: #ffffff; }
#search { opacity: 1; text-decoration: underline; }
@media (prefers-color-scheme: dark) {
  rect[fill=\"url(#background)\"] { fill: #181d23; }
  #title, #subtitle, #details, #search, #unzoom, #matched { fill: #e5eaef; }
}
";

/// Two tints for each kind of code tell neighbours apart.
const OWN: [Color; 2] = [Color { r: 242, g: 163, b: 94 }, Color { r: 245, g: 186, b: 131 }];
const DEPENDENCY: [Color; 2] = [Color { r: 205, g: 220, b: 236 }, Color { r: 190, g: 209, b: 229 }];
const RUNTIME: [Color; 2] = [Color { r: 227, g: 231, b: 236 }, Color { r: 214, g: 219, b: 226 }];

/// The text around a flame graph's frames, and its direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlameText {
    /// Title.
    pub title: String,
    /// Line below the title; none if empty.
    pub subtitle: String,
    /// Unit of the values, such as `bytes`.
    pub unit: String,
    /// Roots at the top. Default no.
    pub icicle: bool,
}

/// Why a flame graph cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlameError {
    /// No stack has a positive value, so no frame has a width.
    #[error("there is nothing to draw: no stack has a positive value")]
    Empty,
    /// The values are too large to be plausible.
    #[error("the values add up to more than 32 PiB and cannot be drawn")]
    TooLarge,
    /// The output failed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Draws the stacks as an SVG. Equal stacks and texts give equal files.
///
/// # Errors
/// When nothing has a width, or `out` fails.
pub fn flame(stacks: &[FoldedStack], text: &FlameText, out: impl Write) -> Result<(), FlameError> {
    let stacks = stacks.iter().filter(|it| it.value > 0);
    let mut lines: Vec<(Vec<String>, i64, String)> =
        stacks.map(|it| (harmless(&it.frames), it.value, it.value.to_string())).collect();
    draw(&mut lines, text, out)
}

/// The stacks as lines of text, `root;leaf 42`, which many tools read. A line with two values is `root;leaf
/// 40 42`: before and after.
pub fn folded_lines<'a>(stacks: impl Iterator<Item = (&'a [String], Vec<i64>)>) -> String {
    let mut text = String::new();
    for (frames, values) in stacks {
        text.push_str(&harmless(frames).join(";"));
        for value in values {
            text.push_str(&format!(" {value}"));
        }
        text.push('\n');
    }
    text
}

fn draw(
    lines: &mut [(Vec<String>, i64, String)],
    text: &FlameText,
    out: impl Write,
) -> Result<(), FlameError> {
    match lines.iter().fold(0, |sum: i64, line| sum.saturating_add(line.1)) {
        0 => return Err(FlameError::Empty),
        1..=MOST => {}
        _ => return Err(FlameError::TooLarge),
    }
    // Sorted backwards: the chart mode, in which inferno does not sort by text, expects the latest line
    // first.
    lines.sort_by(|a, b| b.cmp(a));
    let frames: BTreeSet<String> = lines.iter().flat_map(|it| it.0.iter().cloned()).collect();
    let lines: Vec<String> =
        lines.iter().map(|(frames, _, values)| format!("{} {values}", frames.join(";"))).collect();
    let mut colours = colours(frames);
    let mut options = options(text);
    options.palette_map = Some(&mut colours);
    let mut drawing = Vec::new();
    from_lines(&mut options, lines.iter().map(String::as_str), &mut drawing)?;
    let mut out = out;
    Ok(out.write_all(designed(&String::from_utf8_lossy(&drawing)).as_bytes())?)
}

/// The colours of frames, by whose code they are.
fn colours(frames: BTreeSet<String>) -> PaletteMap {
    let mut colours = PaletteMap::default();
    // The root has no name.
    colours.insert("", RUNTIME[0]);
    let names: Vec<String> = frames.into_iter().collect();
    let codes = whose::codes(&names, &vec![None; names.len()]);
    for (at, (name, code)) in names.iter().zip(codes).enumerate() {
        let tints = match code {
            Code::Own => OWN,
            Code::Dependency => DEPENDENCY,
            _ => RUNTIME,
        };
        colours.insert(name, tints[at % 2]);
    }
    colours
}

/// The drawing with the style of the design behind inferno's own.
pub(crate) fn designed(drawing: &str) -> String {
    drawing.replacen("</style>", &format!("{STYLE}</style>"), 1)
}

/// The options that all drawings share.
pub(crate) fn options<'a>(text: &FlameText) -> Options<'a> {
    let mut options = Options::default();
    options.flame_chart = true;
    options.deterministic = true;
    options.title = clean(&text.title);
    options.subtitle = Some(clean(&text.subtitle)).filter(|it| !it.is_empty());
    options.count_name = clean(&text.unit);
    options.direction = if text.icicle { Direction::Inverted } else { Direction::Straight };
    options
}

fn harmless(frames: &[String]) -> Vec<String> {
    if frames.is_empty() {
        return vec!["[unknown]".to_owned()];
    }
    frames.iter().map(|frame| harmless_name(frame)).collect()
}

/// The name without inferno's syntax: `;` separates frames, a number at the end would be read as a value, and
/// `# ` begins a comment.
pub(crate) fn harmless_name(name: &str) -> String {
    const NO_BREAK_SPACE: &str = "\u{a0}";
    let name = clean(name).replace(';', ",");
    let name = name.trim();
    let is_number = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match name.rsplit_once(' ') {
        _ if name.is_empty() => "[unknown]".to_owned(),
        Some((start, end)) if is_number(end) => format!("{start}{NO_BREAK_SPACE}{end}"),
        _ if name.starts_with("# ") => name.replacen(' ', NO_BREAK_SPACE, 1),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> FlameText {
        FlameText {
            title: "live <bytes>".into(),
            subtitle: "demo".into(),
            unit: "bytes".into(),
            icicle: false,
        }
    }

    fn stack(frames: &[&str], value: i64) -> FoldedStack {
        FoldedStack { frames: frames.iter().map(|it| (*it).to_owned()).collect(), value }
    }

    fn svg(stacks: &[FoldedStack]) -> String {
        let mut out = Vec::new();
        flame(stacks, &text(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_frame_is_drawn_once() {
        // In text order, "a-b" is between "a 1" and "a;b 1", which would split the frame a.
        let svg = svg(&[stack(&["a"], 5), stack(&["a", "b"], 70), stack(&["a-b"], 25)]);
        assert!(svg.contains("<title>a (75 bytes, 75.00%)</title>"), "{svg}");
        assert!(svg.contains("<title>b (70 bytes, 70.00%)</title>"));
        assert!(svg.contains("<title>a-b (25 bytes, 25.00%)</title>"));
        assert!(svg.contains("<title>all (100 bytes, 100%)</title>"));
        assert!(svg.contains("live &lt;bytes&gt;"));
    }

    #[test]
    fn colours_say_whose_code_it_is() {
        let svg = svg(&[stack(&["std::rt::lang_start", "shop::main", "tokio::run"], 5)]);
        let fill = |name: &str| {
            let rest = svg.split_once(&format!("<title>{name} (")).unwrap().1;
            rest.split_once("fill=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
        };
        let among = |tints: [Color; 2], fill: &str| {
            tints.iter().any(|it| fill == format!("rgb({},{},{})", it.r, it.g, it.b))
        };
        assert!(among(RUNTIME, &fill("std::rt::lang_start")), "{svg}");
        assert!(among(OWN, &fill("shop::main")) && among(DEPENDENCY, &fill("tokio::run")), "{svg}");
        assert!(svg.contains("prefers-color-scheme: dark"));
        for (tints, name) in [(OWN, "own"), (DEPENDENCY, "dependency"), (RUNTIME, "runtime")] {
            let first = format!("#{:02x}{:02x}{:02x}", tints[0].r, tints[0].g, tints[0].b);
            assert_eq!(first, crate::page::tests::token(name, false), "{name}");
        }
    }

    #[test]
    fn equal_stacks_give_equal_files() {
        let stacks = [stack(&["x", "y"], 3), stack(&["x", "z"], 4)];
        assert_eq!(svg(&stacks), svg(&stacks));
        assert_eq!(svg(&stacks), svg(&[stacks[1].clone(), stacks[0].clone()]));
    }

    #[test]
    fn names_are_not_read_as_syntax() {
        let svg = svg(&[
            stack(&["# remark", "<[u8; 4]>::f", "version 12"], 100),
            stack(&["", "b\u{1b}[0m", "7"], 20),
            stack(&[], 3),
        ]);
        for title in ["#\u{a0}remark", "&lt;[u8, 4]&gt;::f", "version\u{a0}12", "b\u{fffd}[0m", "7"] {
            assert!(svg.contains(&format!("<title>{title} (")), "{title}: {svg}");
        }
        assert!(svg.contains("<title>[unknown] (23 bytes"), "{svg}");
    }

    #[test]
    fn icicles_hang() {
        let mut out = Vec::new();
        let text = FlameText { icicle: true, ..text() };
        flame(&[stack(&["a", "b"], 7)], &text, &mut out).unwrap();
        let hanging = String::from_utf8(out).unwrap();
        let height = |svg: &str, name: &str| {
            let rect = svg.split_once(&format!("<title>{name} ")).unwrap().1;
            rect.split_once("y=\"").unwrap().1.split_once('"').unwrap().0.parse::<u32>().unwrap()
        };
        assert!(height(&hanging, "a") < height(&hanging, "b"), "{hanging}");
        let standing = svg(&[stack(&["a", "b"], 7)]);
        assert!(height(&standing, "a") > height(&standing, "b"), "{standing}");
    }

    #[test]
    fn folded_stacks_are_lines() {
        let frames = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let (one, two) = (frames(&["a;b", "c 1"]), frames(&[]));
        let lines = folded_lines([(one.as_slice(), vec![5]), (two.as_slice(), vec![6, 7])].into_iter());
        assert_eq!(lines, "a,b;c\u{a0}1 5\n[unknown] 6 7\n");
    }

    #[test]
    fn graphs_that_cannot_be_drawn_are_errors() {
        let result = |value| flame(&[stack(&["a"], value)], &text(), Vec::new());
        assert!(matches!(result(0), Err(FlameError::Empty)));
        assert!(matches!(result(-5), Err(FlameError::Empty)));
        assert!(matches!(result(i64::MAX), Err(FlameError::TooLarge)));
    }

    #[test]
    fn a_very_deep_stack_is_drawn() {
        let deep = FoldedStack { frames: (0..20_000).map(|it| format!("f{it}x")).collect(), value: 1 };
        assert!(svg(&[deep]).contains("<title>f19999x ("));
    }
}
