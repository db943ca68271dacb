//! Memory over time as a drawing: the largest rows stacked, the process's resident set and limit as lines,
//! spikes marked.

mod draw;
mod picture;

use highwater_analyze::{RowKey, Timeline, Unit};
use plotters::prelude::*;

use crate::header::lost;
use crate::label::{Label, clean};
use crate::number;

/// Width and height of the drawing, in pixels.
const SIZE: (u32, u32) = (1100, 600);

/// Maximum characters of a row's name in the legend.
const NAME: usize = 60;

/// Colours of the layers from the bottom up; the last is for all other rows together.
const LAYERS: [RGBColor; 9] = [
    RGBColor(78, 121, 167),
    RGBColor(242, 142, 43),
    RGBColor(89, 161, 79),
    RGBColor(176, 122, 161),
    RGBColor(237, 201, 72),
    RGBColor(118, 183, 178),
    RGBColor(255, 157, 167),
    RGBColor(156, 117, 95),
    RGBColor(190, 190, 190),
];

/// Maximum rows with a layer of their own.
pub const MOST_ROWS: usize = LAYERS.len() - 1;

/// The names of the process's lines.
const RESIDENT: &str = "resident";
const LIMIT: &str = "limit";

/// If the limit is more than this many times above all other values, a text mentions it, and it is not drawn.
const TIMES_ABOVE: f64 = 4.0;

/// Why there is no drawing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// No snapshot has a value.
    #[error("there is nothing to draw: no snapshot has a value")]
    Empty,
    /// The drawing failed.
    #[error("cannot draw: {0}")]
    Drawing(String),
}

/// A line over the layers.
struct Line {
    name: String,
    values: Vec<Option<i64>>,
    colour: RGBColor,
}

/// Draws a series as an SVG, with at most [`MOST_ROWS`] layers for single rows. Equal answers and titles give
/// equal files.
///
/// # Errors
/// When there is nothing to draw.
pub fn plot(timeline: &Timeline, title: &str) -> Result<String, PlotError> {
    let drawing = Drawing::new(timeline, title)?;
    let mut svg = String::new();
    drawing.on(SVGBackend::with_string(&mut svg, SIZE))?;
    Ok(svg)
}

/// Draws the same as [`plot`] as a PNG file, with a built-in font: no font of the system is used.
///
/// # Errors
/// When there is nothing to draw.
pub fn plot_png(timeline: &Timeline, title: &str) -> Result<Vec<u8>, PlotError> {
    picture::png(&Drawing::new(timeline, title)?)
}

/// The prepared content of a drawing.
struct Drawing<'a> {
    timeline: &'a Timeline,
    layers: Vec<Layer>,
    lines: Vec<Line>,
    /// The highest value of all.
    most: f64,
    caption: String,
}

impl<'a> Drawing<'a> {
    fn new(timeline: &'a Timeline, title: &str) -> Result<Self, PlotError> {
        let layers = layers(timeline);
        let own = layers.last().map_or(0.0, |it| highest(it.tops.iter().copied()));
        let lines = lines(timeline);
        let rss = highest(lines.iter().filter(|it| it.name == RESIDENT).flat_map(numbers));
        let most = own.max(rss);
        if most <= 0.0 {
            return Err(PlotError::Empty);
        }
        let is_near = |it: &Line| highest(numbers(it)) <= TIMES_ABOVE * most;
        let (near, far): (Vec<Line>, Vec<Line>) = lines.into_iter().partition(is_near);
        let most = near.iter().map(|it| highest(numbers(it))).fold(most, f64::max);
        let far: String = far.iter().map(|it| format!("; {}", above(it))).collect();
        let sample = clean(&timeline.header.sample);
        let lost = timeline
            .header
            .lost
            .as_ref()
            .map(|it| format!("; {}", lost(it, &timeline.header.sample, &timeline.header.unit)));
        let caption = format!("{sample}, {}{far}{}", clean(title), lost.unwrap_or_default());
        Ok(Self { timeline, layers, lines: near, most, caption })
    }
}

/// A layer on top of those below it: its lower and upper edge at each moment.
struct Layer {
    name: String,
    bottoms: Vec<f64>,
    tops: Vec<f64>,
}

fn layers(timeline: &Timeline) -> Vec<Layer> {
    let name = |key: &RowKey| Label::from_key(key).fit(NAME);
    let (shown, more) = timeline.rows.split_at(timeline.rows.len().min(MOST_ROWS));
    let mut rest = timeline.others.clone();
    for row in more {
        rest.iter_mut().zip(&row.values).for_each(|(sum, value)| *sum = sum.saturating_add(*value));
    }
    let rows = shown.iter().map(|it| (name(&it.key), &it.values));
    let others = Some(("all other rows".to_owned(), &rest)).filter(|it| it.1.iter().any(|it| *it > 0));
    let mut bottoms = vec![0.0; timeline.moments.len()];
    rows.chain(others)
        .map(|(name, values)| {
            let tops = bottoms.iter().zip(values).map(|(bottom, value)| bottom + (*value).max(0) as f64);
            let tops: Vec<f64> = tops.collect();
            let bottoms = std::mem::replace(&mut bottoms, tops.clone());
            Layer { name, bottoms, tops }
        })
        .collect()
}

fn lines(timeline: &Timeline) -> Vec<Line> {
    let moments = &timeline.moments;
    let own = moments.iter().map(|it| Some(it.value.value)).collect();
    let mut lines =
        vec![Line { name: clean(&timeline.header.sample), values: own, colour: RGBColor(20, 70, 160) }];
    if timeline.header.unit == Unit::Bytes {
        let resident = moments.iter().map(|it| it.rss_bytes).collect();
        let limit = moments.iter().map(|it| it.cgroup_limit_bytes).collect();
        lines.extend([
            Line { name: RESIDENT.to_owned(), values: resident, colour: RGBColor(60, 60, 60) },
            Line { name: LIMIT.to_owned(), values: limit, colour: RGBColor(200, 30, 30) },
        ]);
    }
    lines.into_iter().filter(|it| it.values.iter().any(Option::is_some)).collect()
}

fn numbers(line: &Line) -> impl Iterator<Item = f64> + '_ {
    line.values.iter().flatten().map(|it| *it as f64)
}

fn highest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, f64::max)
}

fn above(line: &Line) -> String {
    format!(
        "{} {} is above the picture",
        line.name,
        number::amount(highest(numbers(line)) as i64, &Unit::Bytes)
    )
}

#[cfg(test)]
mod tests {
    use highwater_analyze::{Moment, Spike, Spikes, TimelineRow};

    use super::*;
    use crate::samples::{estimate, header, line_key};

    pub(super) fn timeline(rows: usize) -> Timeline {
        let moment = |at: i64| Moment {
            time_ns: 1_700_000_000_000_000_000 + at * 60_000_000_000,
            value: estimate(at << 20, 0.0),
            rss_bytes: Some(100 << 20),
            cgroup_used_bytes: None,
            cgroup_limit_bytes: Some(64 << 30),
        };
        let row = |at: usize| TimelineRow {
            key: line_key("src/<evil>.rs", at as i64, "demo::add"),
            values: vec![10 << 20, 20 << 20, 40 << 20],
        };
        let spike = Spike {
            before: 0,
            peak: 1,
            after: 1,
            last: 1,
            signs: Vec::new(),
            elapsed_ns: 1,
            live_change_bytes: 0,
            peak_above_live_bytes: None,
            alloc_bytes: None,
            usual_alloc_bytes: None,
        };
        Timeline {
            header: header(),
            moments: (0..3).map(moment).collect(),
            rows: (1..=rows).map(row).collect(),
            others: vec![0, 0, 1 << 20],
            spikes: Spikes { snapshots: Vec::new(), spikes: vec![spike], omitted: 0, only_live: false },
        }
    }

    /// The outlines of the layers, from the bottom up.
    fn polygons(svg: &str) -> Vec<Vec<(i32, i32)>> {
        let points =
            svg.split("<polygon ").skip(1).filter_map(|it| it.split_once("points=\"")?.1.split_once('"'));
        let outline = |text: &str| {
            let pairs = text.split_whitespace().filter_map(|it| it.split_once(','));
            pairs.map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).collect::<Vec<(i32, i32)>>()
        };
        points.map(|it| outline(it.0)).filter(|it| it.len() == 6).collect()
    }

    #[test]
    fn rows_are_stacked_on_each_other() {
        let svg = plot(&timeline(2), "a to b").unwrap();
        let layers = polygons(&svg);
        assert_eq!(layers.len(), 3, "{svg}");
        let top = |layer: usize| layers[layer][..3].to_vec();
        let bottom = |layer: usize| layers[layer][3..].iter().rev().copied().collect::<Vec<_>>();
        assert_eq!(top(0), bottom(1));
        assert_eq!(top(1), bottom(2));
        // Both rows have the same height, and grow fourfold. In an SVG, y grows downwards.
        let height = |layer: usize, at: usize| bottom(layer)[at].1 - top(layer)[at].1;
        assert!((height(0, 2) - height(1, 2)).abs() <= 1 && (height(0, 2) - 4 * height(0, 0)).abs() <= 4);
        for name in
            ["src/&lt;evil&gt;.rs:1 demo::add", "all other rows", "resident", "spike", "live-bytes, a to b"]
        {
            assert!(svg.contains(name), "{name} in {svg}");
        }
        assert!(svg.contains("limit 64.0 GiB is above the picture") && svg.contains(" MiB"), "{svg}");
        assert!(svg.contains("2 min 0 s") || svg.contains("1 min"), "{svg}");
        assert_eq!(svg, plot(&timeline(2), "a to b").unwrap());
    }

    #[test]
    fn a_near_limit_is_drawn() {
        let mut near = timeline(1);
        near.moments.iter_mut().for_each(|it| it.cgroup_limit_bytes = Some(128 << 20));
        let svg = plot(&near, "").unwrap();
        assert!(svg.contains("limit") && !svg.contains("above the picture"), "{svg}");
    }

    #[test]
    fn more_rows_than_colours_are_others() {
        let many = plot(&timeline(20), "").unwrap();
        assert_eq!(polygons(&many).len(), MOST_ROWS + 1);
    }

    #[test]
    fn an_empty_series_is_an_error_and_one_moment_is_drawn() {
        let mut none = timeline(0);
        none.others.fill(0);
        none.moments.iter_mut().for_each(|it| it.rss_bytes = None);
        assert!(matches!(plot(&none, ""), Err(PlotError::Empty)));
        let mut one = timeline(1);
        one.moments.truncate(1);
        one.rows[0].values.truncate(1);
        one.others.truncate(1);
        one.spikes.spikes.clear();
        assert!(plot(&one, "").is_ok());
    }
}
