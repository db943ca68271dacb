//! Live bytes that rise and fall again, in one step or in many.

/// A rise that was followed by a fall of half of it at the least. Positions are those of levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hump {
    /// The last level before the rise.
    pub(super) before: usize,
    /// The highest level.
    pub(super) peak: usize,
    /// The lowest level behind it, until the next rise.
    pub(super) behind: usize,
}

/// Share of a rise that is taken for its foot, and not for a part of it.
const FOOT: f64 = 0.1;

/// Intervals without a lower level after which a fall is over.
const REST: usize = 2;

/// Finds the humps. `is_rise` says of two positions whether what is between them is a rise that is worth telling.
pub(super) fn humps(levels: &[f64], is_rise: impl Fn(usize, usize) -> bool) -> Vec<Hump> {
    let mut found = Vec::new();
    let (mut low, mut high, mut behind) = (0, 0, None);
    for (at, &level) in levels.iter().enumerate() {
        match behind {
            None if level > levels[high] => high = at,
            None if level <= (levels[low] + levels[high]) / 2.0 && is_rise(low, high) => behind = Some(at),
            None if level < levels[low] => (low, high) = (at, at),
            None => {}
            Some(foot) if level < levels[foot] => behind = Some(at),
            Some(foot) => {
                // A rise in the middle of a fall has to make up for half of it.
                let is_down = levels[foot] <= levels[low] + FOOT * (levels[high] - levels[low]);
                let is_half = level >= (levels[foot] + levels[high]) / 2.0;
                if (is_down || is_half || at - foot > REST) && is_rise(foot, at) {
                    found.extend(trimmed(levels, low, high, foot));
                    (low, high, behind) = (foot, at, None);
                }
            }
        }
    }
    found.extend(behind.and_then(|foot| trimmed(levels, low, high, foot)));
    found.retain(|it| is_rise(it.before, it.peak));
    found
}

/// The hump above the higher one of its feet: what led there slowly, or before, is not a part of it.
fn trimmed(levels: &[f64], low: usize, peak: usize, behind: usize) -> Option<Hump> {
    let base = levels[low].max(levels[behind]);
    let foot = base + FOOT * (levels[peak] - base);
    let before = (low..peak).rev().find(|&at| levels[at] <= foot)?;
    let behind = (peak..=behind).find(|&at| levels[at] <= foot).unwrap_or(behind);
    Some(Hump { before, peak, behind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(levels: &[i32]) -> Vec<[usize; 3]> {
        let levels: Vec<f64> = levels.iter().copied().map(f64::from).collect();
        let is_rise = |low: usize, high: usize| levels[high] - levels[low] > 0.1 * levels[low];
        humps(&levels, is_rise).iter().map(|it| [it.before, it.peak, it.behind]).collect()
    }

    #[test]
    fn rises_that_fall_again_are_found_whole() {
        assert_eq!(found(&[100, 100, 150, 100, 100]), [[1, 2, 3]]);
        assert_eq!(found(&[100, 100, 108, 116, 124, 116, 109, 101, 100]), [[1, 4, 7]]);
        assert_eq!(found(&[100, 150, 140, 150, 100]), [[0, 1, 4]], "a dip is no end");
        assert_eq!(found(&[100, 150, 100, 150, 100]), [[0, 1, 2], [2, 3, 4]]);
        assert_eq!(found(&[100, 150, 150, 300, 150]), [[2, 3, 4]], "what stays is no part of it");
        assert_eq!(found(&[100, 130, 160, 110, 60, 60]), [[0, 2, 4]]);
        assert_eq!(found(&[100, 150, 90, 90]), [[0, 1, 2]]);
        assert_eq!(found(&[100, 300, 100, 120, 100]), [[0, 1, 2], [2, 3, 4]], "a small one behind");
        assert_eq!(found(&[100, 300, 200, 230, 100]), [[0, 1, 4]], "a dip of the fall");
        assert_eq!(found(&[100, 300, 150, 150, 150, 180, 150]), [[0, 1, 2], [4, 5, 6]], "on a step");
    }

    #[test]
    fn what_does_not_fall_or_hardly_rises_is_no_hump() {
        for levels in [&[][..], &[7], &[100, 150, 200], &[200, 150, 100], &[100, 200, 190], &[100, 109, 100]]
        {
            assert_eq!(found(levels), [[0; 3]; 0], "{levels:?}");
        }
    }
}
