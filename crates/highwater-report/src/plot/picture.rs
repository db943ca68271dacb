//! Drawings as PNG pictures, for chats, documents and terminals that cannot show an SVG.

use plotters::prelude::BitMapBackend;

use super::drawing::{Drawing, PlotError, SIZE};

/// The drawing as a PNG file.
pub(super) fn png(drawing: &Drawing<'_>) -> Result<Vec<u8>, PlotError> {
    let (width, height) = SIZE;
    let mut dots = vec![0; width as usize * height as usize * 3];
    drawing.on(BitMapBackend::with_buffer(&mut dots, SIZE))?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let written = encoder.write_header().and_then(|mut it| it.write_image_data(&dots));
    written.map_err(|error| PlotError::Drawing(error.to_string()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::super::tests::timeline;
    use super::*;

    /// The pixels of a PNG file.
    fn dots(file: &[u8]) -> Vec<u8> {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut dots = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut dots).unwrap();
        assert_eq!((frame.width, frame.height), SIZE);
        dots
    }

    fn dots_of(dots: &[u8], colour: [u8; 3]) -> usize {
        dots.chunks_exact(3).filter(|it| *it == colour).count()
    }

    #[test]
    fn the_legend_avoids_lines() {
        // The resident set is high from the beginning, and live memory is far below it.
        let high = dots(&crate::plot_png(&timeline(1), "").unwrap());
        let row = |y: usize| &high[y * SIZE.0 as usize * 3..][..SIZE.0 as usize * 3];
        // The longest dark line is as long as the drawing is wide, without the axis and the margins.
        let longest = (0..SIZE.1 as usize).map(|y| dots_of(row(y), [60, 60, 60])).max().unwrap();
        assert!(longest > 950, "{longest}");
    }

    #[test]
    fn a_picture_has_layers_lines_marks_and_text() {
        let timeline = timeline(2);
        let file = crate::plot_png(&timeline, "a to b").unwrap();
        assert_eq!(file, crate::plot_png(&timeline, "a to b").unwrap(), "equal answers give equal files");
        let with = dots(&file);
        // The line of the resident set and the mark of a spike have their own colours.
        assert!(dots_of(&with, [60, 60, 60]) > 500 && dots_of(&with, [190, 0, 190]) > 20);
        let calm = {
            let mut it = timeline.clone();
            it.spikes.spikes.clear();
            dots(&crate::plot_png(&it, "a to b").unwrap())
        };
        assert_eq!(dots_of(&calm, [190, 0, 190]), 0);
        let untitled = dots(&crate::plot_png(&timeline, "").unwrap());
        assert_ne!(with, untitled, "words are drawn");
    }
}
