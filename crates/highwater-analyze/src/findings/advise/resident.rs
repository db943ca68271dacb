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
        container: None,
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
        container: None,
        saves_bytes: Saving { total: Estimate::exact(free_bytes), per_second: None },
        saves_blocks: None,
        stack: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use highwater_profile::{Label, LabelValue, Line, Location, Profile, ValueType};

    use super::*;

    const MIB: i64 = 1 << 20;

    /// A process of 100 MiB: blocks with these live bytes keep 40 MiB, and this much is free.
    fn profile(live: i64, free: i64) -> Profile {
        let mut profile = crate::queries::residency::tests::profile();
        let mut row = |frames: &[&str], values: [i64; 8], ledger: Option<&str>| {
            let stack: Vec<_> = frames
                .iter()
                .map(|frame| {
                    let function = profile.add_function(frame, frame, "src/keep.rs");
                    profile.add_location(Location::symbolized(vec![Line::new(function, 3)]))
                })
                .collect();
            let mut label = |key, value: Option<&str>| {
                let key = profile.strings.intern(key);
                let value = match value {
                    Some(text) => LabelValue::Text(profile.strings.intern(text)),
                    None => LabelValue::Number(64, key),
                };
                Label { key, value }
            };
            let label = if ledger.is_some() { label("ledger", ledger) } else { label("bytes", None) };
            profile.samples.push(&stack, &values, &[label]);
        };
        row(&["keep"], [live / 64, live, live / 64, 40 * MIB, 0, 0, 0, 0], None);
        let rest = 60 * MIB - free;
        row(&["glibc", "freed", "resident set"], [0, 0, 0, 0, 0, 0, free, 0], Some("free"));
        row(&["glibc", "empty", "resident set"], [0, 0, 0, 0, 0, 0, 40 * MIB, 0], Some("held"));
        row(&["glibc", "cached", "resident set"], [0, 0, 0, 0, 0, 0, rest, 0], Some("cached"));
        profile
    }

    fn measures(profile: &Profile) -> Vec<Measure> {
        find(profile, &Query::default()).into_iter().map(|it| it.measure).collect()
    }

    #[test]
    fn what_no_live_byte_needs_is_to_be_compacted_and_trimmed() {
        let trim = Measure::Trim { allocator: "glibc".to_owned(), cached_bytes: 30 * MIB };
        let found = find(&profile(MIB, 30 * MIB), &Query::default());
        let [compact, other] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(compact.key.label, "src/keep.rs:3 keep");
        assert_eq!(compact.measure, Measure::Compact { live_bytes: MIB });
        assert_eq!(compact.saves_bytes.total.value, 40 * MIB);
        assert_eq!((&other.measure, other.saves_bytes.total.value), (&trim, 30 * MIB));
    }

    #[test]
    fn nothing_is_advised_where_it_saves_little_or_was_not_measured() {
        // Blocks that have more than they keep, and little that is free.
        assert_eq!(measures(&profile(50 * MIB, MIB)), []);
        assert_eq!(measures(&Profile::new(vec![ValueType::new("inuse_space", "bytes")])), []);
    }
}
