//! Draws a plot on any backend.

use std::iter;
use std::sync::Once;

use highwater_analyze::Unit;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::series::LineSeries;
use plotters::style::{FontStyle, register_font};

use super::drawing::{Drawing, LAYERS, MOST_ROWS, PlotError, highest};
use crate::number;

/// The font of drawings, so that they do not depend on the system's fonts. `font/LICENSE` names its source.
static FONT: &[u8] = include_bytes!("../../font/DejaVuSans.ttf");

/// Share of the drawing's width and height that the legend takes.
const LEGEND: (f64, f64) = (0.4, 0.38);

/// Height of the drawing, as a multiple of the highest value.
const HEADROOM: f64 = 1.08;

impl Drawing<'_> {
    /// Draws on a backend.
    pub(super) fn on<DB: DrawingBackend>(&self, backend: DB) -> Result<(), PlotError> {
        static REGISTERED: Once = Once::new();
        // Registering fails only if the file is not a font; then drawing returns the error.
        REGISTERED.call_once(|| drop(register_font("sans-serif", FontStyle::Normal, FONT)));
        let root = backend.into_drawing_area();
        let drawn = self.draw(&root).and_then(|()| root.present());
        drawn.map_err(|error| PlotError::Drawing(error.to_string()))
    }

    fn draw<DB: DrawingBackend>(
        &self,
        root: &DrawingArea<DB, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
        let start = self.timeline.moments.first().map_or(0, |it| it.time_ns);
        let seconds: Vec<f64> =
            self.timeline.moments.iter().map(|it| (it.time_ns - start) as f64 / 1e9).collect();
        let span = highest(seconds.iter().copied()).max(f64::MIN_POSITIVE);
        let (divisor, unit) = match self.timeline.header.unit {
            Unit::Bytes => number::scale(self.most),
            _ => (1.0, ""),
        };
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(root)
            .caption(&self.caption, ("sans-serif", 16))
            .margin(14)
            .x_label_area_size(34)
            .y_label_area_size(86)
            .build_cartesian_2d(0.0..span, 0.0..(HEADROOM * self.most / divisor))?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .x_label_formatter(&|it| number::duration((it * 1e9) as i64))
            .y_label_formatter(&|it| format!("{it} {unit}"))
            .draw()?;
        for (at, layer) in self.layers.iter().enumerate() {
            let colour =
                if layer.name == "all other rows" { LAYERS[MOST_ROWS] } else { LAYERS[at % MOST_ROWS] };
            let up = seconds.iter().zip(&layer.tops).map(|(x, y)| (*x, y / divisor));
            let back = seconds.iter().zip(&layer.bottoms).rev().map(|(x, y)| (*x, y / divisor));
            let outline: Vec<(f64, f64)> = up.chain(back).collect();
            chart
                .draw_series(iter::once(Polygon::new(outline, colour.mix(0.85).filled())))?
                .label(layer.name.clone())
                .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
        }
        for line in &self.lines {
            let points =
                seconds.iter().zip(&line.values).filter_map(|(x, y)| Some((*x, (*y)? as f64 / divisor)));
            let style = line.colour.stroke_width(2);
            chart
                .draw_series(LineSeries::new(points, style))?
                .label(line.name.clone())
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 12, y)], style));
        }
        let spikes: Vec<f64> =
            self.timeline.spikes.spikes.iter().filter_map(|it| seconds.get(it.peak).copied()).collect();
        if !spikes.is_empty() {
            let style = RGBColor(190, 0, 190);
            let mark = move |x: f64| TriangleMarker::new((x, 0.015 * self.most / divisor), 6, style.filled());
            chart
                .draw_series(spikes.into_iter().map(mark))?
                .label("spike")
                .legend(move |(x, y)| TriangleMarker::new((x + 6, y), 6, style.filled()));
        }
        chart
            .configure_series_labels()
            .position(self.legend(&seconds, span))
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        Ok(())
    }

    /// The position at which the legend hides least. Its size is about [`LEGEND`] of the drawing.
    fn legend(&self, seconds: &[f64], span: f64) -> SeriesLabelPosition {
        let (width, height) = LEGEND;
        let top = self.layers.last().map_or(&[][..], |it| it.tops.as_slice());
        let near = |at: usize| seconds[at] <= width * span;
        let is_free = |low: f64| {
            let (low, high) = (low * HEADROOM * self.most, (low + height) * HEADROOM * self.most);
            let is_hit = |value: f64| low <= value && value <= high;
            let lines = self.lines.iter().flat_map(|it| it.values.iter().enumerate());
            let mut lines = lines.filter(|(at, _)| near(*at)).filter_map(|(_, value)| *value);
            let mut layers = top.iter().enumerate().filter(|(at, _)| near(*at));
            !lines.any(|it| is_hit(it as f64)) && !layers.any(|(_, it)| *it >= low)
        };
        if !is_free(1.0 - height) && is_free((1.0 - height) / 2.0) {
            SeriesLabelPosition::MiddleLeft
        } else {
            SeriesLabelPosition::UpperLeft
        }
    }
}
