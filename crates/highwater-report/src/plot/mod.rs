//! Memory over time as a drawing: the largest rows stacked, the process's resident set and limit as lines,
//! spikes marked.

mod draw;
mod drawing;
mod picture;

use highwater_analyze::Timeline;
use plotters::prelude::SVGBackend;

use drawing::{Drawing, SIZE};
pub use drawing::{MOST_ROWS, PlotError};

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
