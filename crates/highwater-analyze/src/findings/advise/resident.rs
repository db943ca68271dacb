//! *Compact* and *trim*: parts of the resident set that no live byte needs. They are advised of profiles that say what is resident, and
//! of nothing that was not measured.

use highwater_profile::Profile;

use crate::findings::advise::advice::{Advice, Measure, Saving};
use crate::group::{GroupBy, RowKey};
use crate::queries::residency::{Residency, residency};
use crate::queries::top::{TopRow, top};
use crate::query::Query;
use crate::sample_kind::SampleKind;
use crate::statistics::estimate::Estimate;

/// Smaller parts of the resident set are not worth a change.
const LEAST_BYTES: f64 = (1 << 20) as f64;

/// The least share of the resident set.
const LEAST_FRACTION: f64 = 0.05;

/// What could be done about the resident set of the process in `profile`.
pub(super) fn find(profile: &Profile, query: &Query) -> Vec<Advice> {
    // A library's line is passed over for the program's, which decides what lives beside what.
    let query =
        Query { by: GroupBy::Line, through_libraries: true, limit: None, min_fraction: 0.0, ..query.clone() };
    let Ok(answer) = residency(profile, &query) else { return Vec::new() };
    let least = LEAST_BYTES.max(LEAST_FRACTION * answer.resident_bytes as f64);
    let live = top(profile, &Query { sample: Some(SampleKind::LiveBytes), ..query.clone() });
    let live = live.map_or_else(|_| Vec::new(), |it| it.rows);
    let mut findings: Vec<Advice> =
        answer.held.rows.iter().filter_map(|row| compact(row, &live, least)).collect();
    findings.extend(trim(&answer, least));
    findings
}

/// Blocks that hold more beside them than they have.
fn compact(row: &TopRow, live: &[TopRow], least: f64) -> Option<Advice> {
    let held = row.flat;
    let live_bytes = live.iter().find(|it| it.key == row.key).map_or(0, |it| it.flat.value);
    let certain = held.lower95()?;
    if certain < least || certain < live_bytes as f64 {
        return None;
    }
    Some(Advice {
        key: row.key.clone(),
        measure: Measure::Compact { live_bytes },
        in_library: false,
        called_from: None,
        saves_bytes: Saving { total: held, per_second: None },
        saves_blocks: None,
        stack: row.stack.clone(),
    })
}

/// Free memory that the allocator has not given back.
fn trim(answer: &Residency, least: f64) -> Option<Advice> {
    let of_kind = |kind: &str| {
        answer
            .lines
            .iter()
            .filter(|it| it.kind == kind)
            .fold(0, |sum: i64, it| sum.saturating_add(it.bytes.value))
    };
    let (free_bytes, cached_bytes) = (of_kind("free"), of_kind("cached"));
    if (free_bytes as f64) < least {
        return None;
    }
    let allocator = answer.lines.iter().find(|it| it.kind == "free")?.name.clone();
    Some(Advice {
        key: RowKey { label: format!("the free memory of {allocator}"), ..RowKey::default() },
        measure: Measure::Trim { allocator, cached_bytes },
        in_library: false,
        called_from: None,
        saves_bytes: Saving { total: Estimate::exact(free_bytes), per_second: None },
        saves_blocks: None,
        stack: Vec::new(),
    })
}
