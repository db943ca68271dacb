//! What a drawing shows: the layers and lines, how high it is, and its caption.

use highwater_analyze::{RowKey, Timeline, Unit};
use plotters::prelude::*;

use crate::header::lost;
use crate::label::{Label, clean};
use crate::number;

/// Width and height of the drawing, in pixels.
pub(super) const SIZE: (u32, u32) = (1100, 600);

/// Maximum characters of a row's name in the legend.
const NAME: usize = 60;

/// Colours of the layers from the bottom up; the last is for all other rows together.
pub(super) const LAYERS: [RGBColor; 9] = [
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
pub(super) struct Line {
    pub(super) name: String,
    pub(super) values: Vec<Option<i64>>,
    pub(super) colour: RGBColor,
}

/// The prepared content of a drawing.
pub(super) struct Drawing<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) layers: Vec<Layer>,
    pub(super) lines: Vec<Line>,
    /// The highest value of all.
    pub(super) most: f64,
    pub(super) caption: String,
}

impl<'a> Drawing<'a> {
    pub(super) fn new(timeline: &'a Timeline, title: &str) -> Result<Self, PlotError> {
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
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) bottoms: Vec<f64>,
    pub(super) tops: Vec<f64>,
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

pub(super) fn highest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, f64::max)
}

fn above(line: &Line) -> String {
    format!(
        "{} {} is above the picture",
        line.name,
        number::amount(highest(numbers(line)) as i64, &Unit::Bytes)
    )
}
