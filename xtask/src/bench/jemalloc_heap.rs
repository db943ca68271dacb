//! The totals of jemalloc's own heap profile. The file holds raw samples, which its reader has to scale up.

use super::truth::Estimate;

/// The totals of a profile in the format `heap_v2`; `None` for another format.
///
/// A stack's samples are scaled with their mean size, like in `jeprof`. The errors are computed for small
/// blocks at the same interval, since the file does not have the sizes within a stack.
pub fn totals(text: &str) -> Option<Estimate> {
    let mut lines = text.lines();
    let interval: f64 = lines.next()?.strip_prefix("heap_v2/")?.parse().ok()?;
    let mut in_stack = false;
    let mut totals = Estimate::default();
    for line in lines {
        let line = line.trim();
        if line.starts_with("MAPPED_LIBRARIES") {
            break;
        }
        in_stack |= line.starts_with('@');
        // The sums over all threads. The sums before the first stack are for the whole process, and not
        // scaled.
        if let Some(sums) = line.strip_prefix("t*:").filter(|_| in_stack) {
            let numbers: Vec<f64> = sums
                .split(|c: char| !c.is_ascii_digit())
                .filter(|word| !word.is_empty())
                .map_while(|word| word.parse().ok())
                .collect();
            let [live_blocks, live_bytes, blocks, bytes] = numbers[..] else { return None };
            totals.live_bytes += scaled(live_blocks, live_bytes, interval);
            totals.alloc_bytes += scaled(blocks, bytes, interval);
        }
    }
    totals.live_error = (totals.live_bytes * interval).sqrt();
    totals.alloc_error = (totals.alloc_bytes * interval).sqrt();
    Some(totals)
}

fn scaled(blocks: f64, bytes: f64, interval: f64) -> f64 {
    if blocks > 0.0 { bytes / -(-bytes / blocks / interval).exp_m1() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "heap_v2/524288\n  t*: 9: 900 [99: 9900]\n  t0: 9: 900 [99: 9900]\n\
        @ 0x1 0x2\n  t*: 1: 64 [10: 640]\n  t0: 1: 64 [10: 640]\n\
        @ 0x3\n  t*: 0: 0 [1: 1073741824]\n\nMAPPED_LIBRARIES:\n  t*: 5: 5 [5: 5]\n";

    #[test]
    fn stacks_are_scaled_and_added() {
        let totals = totals(PROFILE).unwrap();
        // One small sample stands for one interval; a block much larger than the interval stands for itself.
        assert!((totals.live_bytes / 524_288.0 - 1.0).abs() < 0.001, "{totals:?}");
        let expected = 10.0 * 524_288.0 + 1_073_741_824.0;
        assert!((totals.alloc_bytes / expected - 1.0).abs() < 0.001, "{totals:?}");
    }

    #[test]
    fn another_format_is_refused() {
        assert_eq!(totals("heap profile: 1: 64 [1: 64] @ heapprofile\n"), None);
    }
}
