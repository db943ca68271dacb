//! Values as a line of small bars.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The values, from 0 to the highest, as at most `width` bars. If several values share a bar, the last one is
/// shown, so that the line ends with the last value.
pub(crate) fn sparkline(levels: &[i64], width: usize) -> String {
    let highest = levels.iter().copied().max().unwrap_or(0).max(1) as f64;
    let bars = levels.len().min(width);
    let shown = (1..=bars).map(|at| levels[(at * levels.len()).div_ceil(bars) - 1]);
    let bar = |level: i64| {
        let share = level.max(0) as f64 / highest;
        BARS[((share * BARS.len() as f64) as usize).min(BARS.len() - 1)]
    };
    shown.map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_drawn_to_the_highest() {
        assert_eq!(sparkline(&[0, 1, 2, 3, 4, 5, 6, 8], 12), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[0, 0, 0], 12), "▁▁▁");
        assert_eq!(sparkline(&[-5, i64::MAX], 12), "▁█");
        assert_eq!(sparkline(&[], 12), "");
    }

    #[test]
    fn a_long_history_keeps_its_end() {
        let mut levels = vec![0; 99];
        levels.push(7);
        let line = sparkline(&levels, 10);
        assert_eq!((line.chars().count(), line.chars().last()), (10, Some('█')));
    }
}
