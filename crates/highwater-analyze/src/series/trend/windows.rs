//! The windows of time in which growth has to last, and what a row gained in each.

use crate::series::flow::{Bucket, Flow, RowHistory};
use crate::statistics::estimate::{Estimate, Z95};

pub(crate) const HOUR_NS: f64 = 3.6e12;

/// Windows after the warm-up.
const WINDOWS: usize = 3;

/// Standard errors by which growth in all windows together has to stand out.
const CERTAIN_Z: f64 = 3.0;

/// Standard errors by which the growth in a window may be below an even one.
const EVEN_Z: f64 = 1.5;

/// Which stretches of time belong to which window.
#[derive(Debug)]
pub(crate) struct Windows {
    /// Lengths of all stretches in nanoseconds.
    lengths: Vec<f64>,
    /// First stretch after the warm-up.
    pub first: usize,
    /// The window of each stretch after the warm-up.
    window: Vec<usize>,
    /// The same with all stretches taken for equally long.
    counted: Option<Box<Self>>,
}

impl Windows {
    /// The first quarter of the time is the warm-up, and what follows are three windows of one length, as nearly as the
    /// stretches allow. Of three stretches or fewer each is a window.
    pub fn of(lengths: &[f64]) -> Self {
        let counted = Self::by(&vec![1.0; lengths.len()]);
        Self { counted: Some(Box::new(counted)), ..Self::by(lengths) }
    }

    fn by(lengths: &[f64]) -> Self {
        let few = lengths.len() <= WINDOWS;
        let span: f64 = lengths.iter().sum();
        let warm_up = if few { 0.0 } else { span / (WINDOWS + 1) as f64 };
        let mut windows = Self { lengths: lengths.to_vec(), first: 0, window: Vec::new(), counted: None };
        let mut start = 0.0;
        for (at, &length) in lengths.iter().enumerate() {
            let middle = start + length / 2.0;
            start += length;
            if middle < warm_up {
                windows.first = at + 1;
                continue;
            }
            let share = (middle - warm_up) / (span - warm_up).max(1.0);
            let window = if few { at } else { (share * WINDOWS as f64) as usize };
            windows.window.push(window.min(WINDOWS - 1));
        }
        windows
    }

    /// Length of the whole series in nanoseconds.
    pub fn span_ns(&self) -> f64 {
        self.lengths.iter().sum()
    }

    /// Lengths of all stretches in nanoseconds.
    pub fn lengths(&self) -> &[f64] {
        &self.lengths
    }

    /// There are too few stretches for a warm-up and windows after it.
    pub fn are_few(&self) -> bool {
        self.lengths.len() <= WINDOWS
    }

    /// What a row gained per hour in each window.
    pub fn gains(&self, history: &RowHistory) -> Vec<Estimate> {
        self.nets(history).into_iter().map(|(flow, ns)| rate(flow, ns)).collect()
    }

    /// What a row gained per hour after the warm-up.
    pub fn growth(&self, history: &RowHistory) -> Estimate {
        let (flow, ns) = whole(&self.nets(history));
        rate(flow, ns)
    }

    /// The least that a row gained per hour in any window, at the lower end of its interval; not a number where errors are
    /// not known.
    pub fn sustained(&self, history: &RowHistory) -> f64 {
        self.nets(history).into_iter().fold(f64::INFINITY, |least, (flow, ns)| {
            let lower = flow.lower(Z95) * HOUR_NS / ns;
            if lower.is_nan() || least.is_nan() { f64::NAN } else { least.min(lower) }
        })
    }

    /// Whether a row grows on and on: certainly in all windows together, more than blocks that come and go could bring
    /// about, and in each beyond what sampling explains and by half the mean, or no less than an even growth would. Growth that dies away
    /// is none of a leak. Without errors every growth counts.
    ///
    /// By time, or snapshot by snapshot: a process that was stopped for a while did nothing meanwhile, and leaks none the less.
    pub fn is_leak(&self, history: &RowHistory) -> bool {
        self.lasts(history) || self.counted.as_ref().is_some_and(|it| it.lasts(history))
    }

    fn lasts(&self, history: &RowHistory) -> bool {
        let nets = self.nets(history);
        let whole = whole(&nets);
        let error = if whole.0.variance.is_nan() { 0.0 } else { whole.0.variance.sqrt() };
        if whole.0.net <= CERTAIN_Z * error || self.slows_down(history) {
            return false;
        }
        let grows = |it: &(Flow, f64)| {
            let lower = it.0.lower(Z95);
            let enough = it.0.net >= whole.0.net * it.1 / whole.1 / 2.0;
            enough && (lower > 0.0 || (lower.is_nan() && it.0.net > 0.0))
        };
        let even = |it: &(Flow, f64)| {
            let share = it.1 / whole.1;
            let error = (whole.0.variance * share).sqrt();
            it.0.net > 0.0 && it.0.net >= whole.0.net * share - EVEN_Z * error
        };
        nets.iter().all(|it| grows(it) || even(it))
    }

    /// Whether growth died away: each window had less than half of what the one before had, beyond what sampling explains.
    pub fn slows_down(&self, history: &RowHistory) -> bool {
        let nets = self.nets(history);
        let (Some(first), Some(last)) = (nets.first(), nets.last()) else { return false };
        let rate = |it: &(Flow, f64)| it.0.net / it.1;
        let error = |it: &(Flow, f64)| if it.0.variance.is_nan() { 0.0 } else { it.0.variance.sqrt() / it.1 };
        let falls = nets.windows(2).all(|pair| rate(&pair[1]) <= rate(&pair[0]) / 2.0);
        let share = rate(first) / 4.0 - rate(last);
        nets.len() == WINDOWS && falls && share > error(last).hypot(error(first) / 4.0)
    }

    /// What a row gained per hour in each stretch of time after the warm-up.
    pub fn rates(&self, history: &RowHistory) -> Vec<f64> {
        let flows = history.all().zip(&self.lengths).skip(self.first);
        flows.filter(|it| *it.1 > 0.0).map(|(bucket, ns)| bucket.flow.net * HOUR_NS / ns).collect()
    }

    /// What flowed in each window, and its length in nanoseconds.
    fn nets(&self, history: &RowHistory) -> Vec<(Flow, f64)> {
        let mut nets: Vec<(Flow, f64)> = Vec::with_capacity(WINDOWS);
        let buckets: Vec<Bucket> = history.all().skip(self.first).collect();
        for ((bucket, &window), length) in buckets.iter().zip(&self.window).zip(&self.lengths[self.first..]) {
            if window >= nets.len() {
                nets.resize(window + 1, (Flow::default(), 0.0));
            }
            nets[window].0 = nets[window].0.and(bucket.flow);
            nets[window].1 += length;
        }
        nets.retain(|it| it.1 > 0.0);
        nets
    }
}

/// What flowed in all of them, and their length.
fn whole(nets: &[(Flow, f64)]) -> (Flow, f64) {
    nets.iter().fold((Flow::default(), 0.0), |sum, it| (sum.0.and(it.0), sum.1 + it.1))
}

fn rate(flow: Flow, ns: f64) -> Estimate {
    let per_hour = HOUR_NS / ns.max(1.0);
    let value = (flow.net * per_hour).round() as i64;
    Estimate { value, ..flow.spread().estimate(flow.net.round() as i64).scaled(per_hour) }
}
