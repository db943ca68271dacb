//! Differential flame graphs. The width of a frame is its growth plus its shrinkage, so frames that vanished
//! stay visible. The colour shows the net change of the frame and everything it calls; grey may be noise.
//!
//! inferno chooses colours and titles by the frames' names. So each frame gets a unique name, with marks from
//! the private-use area at its end. The marks are removed from the drawing.

use std::io::Write;

use highwater_analyze::{Estimate, Growth, GrowthNode, Unit};
use inferno::flamegraph::color::{Color, PaletteMap};
use inferno::flamegraph::{FuncFrameAttrsMap, from_lines};

use crate::flame::{FlameError, FlameText, MOST, designed, harmless_name, options};
use crate::number;

/// The digits of marks.
const MARKS: std::ops::RangeInclusive<char> = '\u{e000}'..='\u{e00f}';

/// The colour of changes that may be noise.
const GREY: (u8, u8, u8) = (205, 205, 205);

/// Draws the change between two profiles as an SVG. Equal answers and texts give equal files.
///
/// # Errors
/// When nothing changed, or `out` fails.
pub fn flame_growth(growth: &Growth, text: &FlameText, mut out: impl Write) -> Result<(), FlameError> {
    let widths: Vec<i64> = growth.nodes.iter().map(|it| it.grown.saturating_add(it.shrunk)).collect();
    match widths.first() {
        None | Some(..=0) => return Err(FlameError::Empty),
        Some(1..=MOST) => {}
        Some(_) => return Err(FlameError::TooLarge),
    }
    let (mut colours, mut titles) = (PaletteMap::default(), String::new());
    colours.insert("", colour(&growth.nodes[0]));
    let mut names = Vec::with_capacity(growth.nodes.len());
    for (at, node) in growth.nodes.iter().enumerate() {
        let name = harmless_name(&node.label).replace(|it| MARKS.contains(&it), "\u{fffd}");
        let marked = format!("{name}{}", mark(at));
        titles.push_str(&format!("{marked}\ttitle={name} ({})\n", words(node, text)));
        colours.insert(&marked, colour(node));
        names.push(marked);
    }

    let mut options = options(text);
    options.palette_map = Some(&mut colours);
    options.func_frameattrs = FuncFrameAttrsMap::from_reader(titles.as_bytes())?;
    let mut drawing = Vec::new();
    // The chart mode expects the latest line first.
    let mut lines = lines(growth, &names, &widths);
    lines.reverse();
    from_lines(&mut options, lines.iter().map(String::as_str), &mut drawing)?;
    let drawing = String::from_utf8_lossy(&drawing).replace(|it| MARKS.contains(&it), "");
    Ok(out.write_all(designed(&drawing).as_bytes())?)
}

/// One line for each node whose width is not covered by its children: its stack, and the remaining width.
fn lines(growth: &Growth, names: &[String], widths: &[i64]) -> Vec<String> {
    let mut own = widths.to_vec();
    // Positions of the nodes from the root to the current one.
    let mut path: Vec<usize> = Vec::new();
    for (at, node) in growth.nodes.iter().enumerate() {
        path.truncate(node.depth);
        if let Some(&parent) = path.last() {
            own[parent] = own[parent].saturating_sub(widths[at]);
        }
        path.push(at);
    }
    // A stack is written only where a line ends, because it may have tens of thousands of frames.
    let mut lines = Vec::new();
    for (at, node) in growth.nodes.iter().enumerate() {
        path.truncate(node.depth);
        path.push(at);
        // Changes in omitted stacks belong to the root itself, for which inferno has no line.
        if at > 0 && own[at] > 0 {
            let stack: Vec<&str> = path.iter().skip(1).map(|&it| names[it].as_str()).collect();
            lines.push(format!("{} {}", stack.join(";"), own[at]));
        }
    }
    lines
}

/// A number written in digits that no name contains.
fn mark(number: usize) -> String {
    let digit = |shift: u32| char::from_u32(u32::from(*MARKS.start()) + ((number >> shift) & 15) as u32);
    (0..8).map(|it| it * 4).filter(|it| *it == 0 || number >> it > 0).filter_map(digit).collect()
}

fn words(node: &GrowthNode, text: &FlameText) -> String {
    let sign = match node.change.value {
        ..0 => "-",
        0 => "",
        1.. => "+",
    };
    let count = |value: i64| number::grouped(value.unsigned_abs());
    format!(
        "{sign}{} {}{}: {} grown, {} shrunk{}",
        count(node.change.value),
        crate::label::clean(&text.unit),
        margin(&node.change),
        count(node.grown),
        count(node.shrunk),
        chance(node)
    )
}

/// The probability that sampling alone causes the change, if it could be tested.
fn chance(node: &GrowthNode) -> String {
    let noise = if node.significant || node.change.value == 0 { "" } else { ", may be noise" };
    let q_value = node.q_value.map(|it| format!(", q {}", number::probability(it)));
    format!("{noise}{}", q_value.unwrap_or_default())
}

fn margin(change: &Estimate) -> String {
    if !change.has_error() {
        return String::new();
    }
    let margin = number::margin(change, &Unit::Count);
    if margin.starts_with('+') { format!(" ({margin})") } else { format!(" ± {margin}") }
}

/// Red for growth and blue for shrinkage, paler if both occur; grey may be noise.
fn colour(node: &GrowthNode) -> Color {
    let width = node.grown.saturating_add(node.shrunk).max(1) as f64;
    let one_sided = (node.change.value as f64 / width).abs().min(1.0);
    let faded = (215.0 - 145.0 * one_sided) as u8;
    let (r, g, b) = match node.change.value {
        _ if !node.significant => GREY,
        ..0 => (faded, faded, 255),
        0 => (245, 245, 245),
        1.. => (255, faded, faded),
    };
    Color { r, g, b }
}

#[cfg(test)]
mod tests {
    use highwater_analyze::{Change, Omitted, Overlap};

    use super::*;
    use crate::samples::{estimate, header};

    fn node(depth: usize, label: &str, grown: i64, shrunk: i64) -> GrowthNode {
        GrowthNode {
            depth,
            label: label.to_owned(),
            base: estimate(shrunk, 0.0),
            new: estimate(grown, 0.0),
            change: estimate(grown - shrunk, 0.0),
            grown,
            shrunk,
            q_value: Some(0.0),
            significant: true,
        }
    }

    fn growth(nodes: Vec<GrowthNode>) -> Growth {
        let change = nodes.first().map_or(estimate(0, 0.0), |it| it.change);
        Growth {
            base: header(),
            new: header(),
            overlap: Overlap::Independent,
            caveats: Vec::new(),
            total_change: Change { change, fraction: 0.0, p_value: None, significant: true, cohorts: None },
            fdr: 0.05,
            tested: nodes.len(),
            nodes,
            omitted: Omitted::default(),
        }
    }

    fn drawn(nodes: Vec<GrowthNode>) -> Result<String, FlameError> {
        let text = FlameText { title: "t".into(), unit: "bytes".into(), ..FlameText::default() };
        let mut out = Vec::new();
        flame_growth(&growth(nodes), &text, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    /// The width in per cent and the colour of each frame with this title.
    fn frames(svg: &str, title: &str) -> Vec<(f64, String)> {
        let title = format!("<title>{title}</title>");
        let behind = svg.split(&title).skip(1);
        let value = |text: &str, name: &str| {
            let rest = text.split_once(&format!(" {name}=\"")).unwrap().1;
            rest.split_once('"').unwrap().0.to_owned()
        };
        behind
            .map(|it| (value(it, "width").trim_end_matches('%').parse().unwrap(), value(it, "fill")))
            .collect()
    }

    #[test]
    fn vanished_frames_are_as_wide_as_new_ones() {
        let svg = drawn(vec![
            node(0, "[root]", 60, 40),
            node(1, "main", 60, 40),
            node(2, "new;code", 60, 0),
            node(2, "gone", 0, 40),
        ])
        .unwrap();
        let red = "rgb(255,70,70)".to_owned();
        assert_eq!(frames(&svg, "new,code (+60 bytes: 60 grown, 0 shrunk, q 0)"), [(60.0, red)]);
        let blue = "rgb(70,70,255)".to_owned();
        assert_eq!(frames(&svg, "gone (-40 bytes: 0 grown, 40 shrunk, q 0)"), [(40.0, blue)]);
        let mixed = "rgb(255,186,186)".to_owned();
        assert_eq!(frames(&svg, "main (+20 bytes: 60 grown, 40 shrunk, q 0)"), [(100.0, mixed.clone())]);
        assert_eq!(frames(&svg, "all (100 bytes, 100%)"), [(100.0, mixed)]);
        assert!(!svg.contains(|it| MARKS.contains(&it)), "marks are taken out");
    }

    #[test]
    fn the_same_function_has_the_colour_of_each_place() {
        let noise = GrowthNode {
            significant: false,
            q_value: Some(0.4),
            change: estimate(30, 50.0 / 1.96),
            ..node(2, "push", 30, 0)
        };
        let svg = drawn(vec![
            node(0, "[root]", 60, 40),
            node(1, "a", 60, 0),
            node(2, "push", 30, 0),
            node(3, "own", 30, 0),
            node(1, "b", 0, 40),
            GrowthNode { depth: 2, ..noise },
        ])
        .unwrap();
        assert_eq!(frames(&svg, "push (+30 bytes: 30 grown, 0 shrunk, q 0)")[0].1, "rgb(255,70,70)");
        let grey = frames(&svg, "push (+30 bytes ± 50: 30 grown, 0 shrunk, may be noise, q 0.400)");
        assert_eq!(grey[0].1, "rgb(205,205,205)");
    }

    #[test]
    fn marks_inside_names_are_replaced() {
        let svg = drawn(vec![node(0, "[root]", 1, 0), node(1, "x\u{e001}\ty", 1, 0)]).unwrap();
        assert!(svg.contains("<title>x\u{fffd}\u{fffd}y (+1 bytes"), "{svg}");
        assert_eq!((mark(0), mark(0x21)), ("\u{e000}".to_owned(), "\u{e001}\u{e002}".to_owned()));
    }

    #[test]
    fn a_very_deep_stack_is_drawn() {
        let deep = (0..20_000).map(|depth| node(depth, &format!("f{depth}x"), 1, 0));
        assert!(drawn(deep.collect()).unwrap().contains("<title>f19999x (+1 bytes"));
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        assert!(matches!(drawn(vec![node(0, "[root]", 0, 0)]), Err(FlameError::Empty)));
        assert!(matches!(drawn(Vec::new()), Err(FlameError::Empty)));
        assert!(matches!(drawn(vec![node(0, "[root]", i64::MAX, 1)]), Err(FlameError::TooLarge)));
    }
}
