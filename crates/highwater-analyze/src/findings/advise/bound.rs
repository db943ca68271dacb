//! *Bound*: what only grows, by a series of snapshots or by the births of what is live.

use crate::findings::advise::advice::{Measure, Rate, Saving};
use crate::findings::advise::ground::{Found, Ground};
use crate::findings::gap::Gap;
use crate::findings::history::History;
use crate::findings::leaks::never_freed;
use crate::findings::lives::value::Value;
use crate::findings::lives::{Life, Lives};

pub(super) fn find(ground: &Ground<'_>, row: usize, life: &Life) -> Option<Found> {
    let live = life.values[Value::LiveBytes];
    let certain = live.estimate().lower95()?;
    if certain <= 0.0 || certain < ground.min_fraction * ground.total.live_bytes.value() as f64 {
        return None;
    }
    let label = ground.lives.key(row).label;
    let growth_per_hour = ground.history.leaking_rows().get(label.as_str()).map(|it| it.growth_per_hour);
    if growth_per_hour.is_none() && never_freed::never_freed(life, ground.lives).is_none() {
        return None;
    }
    let per_second = growth_per_hour.map(|it| Rate::of(it, 3600.0));
    let bytes = Saving { total: live.estimate(), per_second };
    Some(Found { measure: Measure::Bound { growth_per_hour }, bytes, blocks: None })
}

/// What is missing for this to be found.
pub(super) fn gap(lives: &Lives<'_>, rows: &[Life], history: &History) -> Option<Gap> {
    match &history.trend {
        Some(trend) if !trend.few_snapshots => None,
        _ => never_freed::gap(lives, rows),
    }
}
