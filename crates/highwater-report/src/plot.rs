//! Memory over time as a drawing: the largest rows stacked, the process's resident set and limit as lines, spikes marked.

use std::iter;

use highwater_analyze::{RowKey, Timeline, Unit};
use plotters::prelude::*;
use plotters::series::LineSeries;

use crate::label::{Label, clean};
use crate::number;

/// Width and height of the drawing.
const SIZE: (u32, u32) = (1100, 600);

/// Characters of a row's name in the legend.
const NAME: usize = 60;

/// Layers from the ground up; the last is that of all other rows.
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

/// Most rows that a drawing tells apart.
pub const MOST_ROWS: usize = LAYERS.len() - 1;

/// A limit further above everything else than this is said, and not drawn.
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
    name: &'static str,
    values: Vec<Option<i64>>,
    colour: RGBColor,
}

/// Draws a series as an SVG; no more than [`MOST_ROWS`] rows are told apart. Equal answers and titles give equal files.
///
/// # Errors
/// When there is nothing to draw.
pub fn plot(timeline: &Timeline, title: &str) -> Result<String, PlotError> {
    let layers = layers(timeline);
    let own = layers.last().map_or(0.0, |it| highest(it.tops.iter().copied()));
    let lines = lines(timeline);
    let rss = highest(lines.iter().filter(|it| it.name == "resident").flat_map(numbers));
    let most = own.max(rss);
    if most <= 0.0 {
        return Err(PlotError::Empty);
    }
    let is_near = |it: &&Line| highest(numbers(it)) <= TIMES_ABOVE * most;
    let far: Vec<String> = lines.iter().filter(|it| !is_near(it)).map(above).collect();
    let near: Vec<&Line> = lines.iter().filter(is_near).collect();
    let most = near.iter().map(|it| highest(numbers(it))).fold(most, f64::max);
    let far = if far.is_empty() { String::new() } else { format!("; {}", far.join(", ")) };
    let sample = clean(&timeline.header.sample);
    let caption = format!("{sample}, {}{far}", clean(title));
    let mut svg = String::new();
    draw(&mut svg, timeline, (&layers, &near), most, &caption)
        .map_err(|error| PlotError::Drawing(error.to_string()))?;
    Ok(svg)
}

/// A row over those below it: its lower and upper ends at each moment.
struct Layer {
    name: String,
    bottoms: Vec<f64>,
    tops: Vec<f64>,
}

fn layers(timeline: &Timeline) -> Vec<Layer> {
    let name = |key: &RowKey| Label::of(key).fit(NAME);
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
    if timeline.header.unit != Unit::Bytes {
        return Vec::new();
    }
    let moments = &timeline.moments;
    let resident = moments.iter().map(|it| it.rss_bytes).collect();
    let limit = moments.iter().map(|it| it.cgroup_limit_bytes).collect();
    let lines = [
        Line { name: "resident", values: resident, colour: RGBColor(60, 60, 60) },
        Line { name: "limit", values: limit, colour: RGBColor(200, 30, 30) },
    ];
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

type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn draw<'a>(
    svg: &'a mut String,
    timeline: &Timeline,
    (layers, lines): (&[Layer], &[&Line]),
    most: f64,
    caption: &str,
) -> Drawn<'a> {
    let start = timeline.moments.first().map_or(0, |it| it.time_ns);
    let seconds: Vec<f64> = timeline.moments.iter().map(|it| (it.time_ns - start) as f64 / 1e9).collect();
    let span = highest(seconds.iter().copied()).max(f64::MIN_POSITIVE);
    let (divisor, unit) = match timeline.header.unit {
        Unit::Bytes => number::scale(most),
        _ => (1.0, ""),
    };
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(caption, ("sans-serif", 16))
        .margin(14)
        .x_label_area_size(34)
        .y_label_area_size(86)
        .build_cartesian_2d(0.0..span, 0.0..(1.08 * most / divisor))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_label_formatter(&|it| number::duration((it * 1e9) as i64))
        .y_label_formatter(&|it| format!("{it} {unit}"))
        .draw()?;
    for (at, layer) in layers.iter().enumerate() {
        let colour = if layer.name == "all other rows" { LAYERS[MOST_ROWS] } else { LAYERS[at % MOST_ROWS] };
        let up = seconds.iter().zip(&layer.tops).map(|(x, y)| (*x, y / divisor));
        let back = seconds.iter().zip(&layer.bottoms).rev().map(|(x, y)| (*x, y / divisor));
        let outline: Vec<(f64, f64)> = up.chain(back).collect();
        chart
            .draw_series(iter::once(Polygon::new(outline, colour.mix(0.85).filled())))?
            .label(layer.name.clone())
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
    }
    for line in lines {
        let points = seconds.iter().zip(&line.values).filter_map(|(x, y)| Some((*x, (*y)? as f64 / divisor)));
        let style = line.colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 12, y)], style));
    }
    let spikes: Vec<f64> =
        timeline.spikes.spikes.iter().filter_map(|it| seconds.get(it.before + 1).copied()).collect();
    if !spikes.is_empty() {
        let style = RGBColor(190, 0, 190);
        let mark = move |x: f64| TriangleMarker::new((x, 0.015 * most / divisor), 6, style.filled());
        chart
            .draw_series(spikes.into_iter().map(mark))?
            .label("spike")
            .legend(move |(x, y)| TriangleMarker::new((x + 6, y), 6, style.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    root.present()
}

#[cfg(test)]
mod tests {
    use highwater_analyze::{Moment, Spike, Spikes, TimelineRow};

    use super::*;
    use crate::samples::{estimate, header, line_key};

    fn timeline(rows: usize) -> Timeline {
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
            spikes: Spikes { snapshots: Vec::new(), spikes: vec![spike], only_live: false },
        }
    }

    /// The outlines of the layers, from the ground up.
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
        // Both rows are as high, and grow fourfold; drawings count downwards.
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
    fn nothing_is_an_error_and_one_moment_is_none() {
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
