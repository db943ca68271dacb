//! Kinds of values and units as other programs call them, in the words of this crate.
//!
//! tcmalloc and V8 call live blocks `objects` and live bytes `space`. Any unit of memory that pprof knows may
//! stand for bytes.

use crate::profile::Profile;
use crate::sample::{Label, LabelValue};

/// Names of live values in files that have both of them, and none of Highwater's names.
const LIVE: [(&str, &str); 2] = [("objects", "inuse_objects"), ("space", "inuse_space")];

/// How many bytes a unit is, if it is one of memory. pprof's units are multiples of 1024, whatever they are
/// called.
fn bytes_of(unit: &str) -> Option<i64> {
    const SHIFTS: [(&str, &str, u32); 6] = [
        ("", "", 0),
        ("k", "kilo", 10),
        ("m", "mega", 20),
        ("g", "giga", 30),
        ("t", "tera", 40),
        ("p", "peta", 50),
    ];
    // Every string of a file is asked whether it is one.
    if unit.len() > "gigabytes".len() + 1 {
        return None;
    }
    let unit = unit.to_ascii_lowercase();
    let unit = unit.strip_suffix('s').filter(|it| !it.is_empty()).unwrap_or(&unit);
    let is_named = |(letter, word, _): &&(&str, &str, u32)| {
        let binary = word.get(..2).map(|it| format!("{it}bibyte"));
        ["b", "ib", "byte"].iter().any(|end| unit == format!("{letter}{end}"))
            || unit == format!("{word}byte")
            || binary.is_some_and(|it| unit == it)
    };
    // "ib" alone is no unit.
    SHIFTS.iter().filter(|_| unit != "ib").find(is_named).map(|it| 1 << it.2)
}

/// Has a profile that was just read say what it counts in this crate's words.
pub(in crate::format) fn unify(profile: &mut Profile) {
    // Other files have one of both, and do not say what it is of.
    let is_live = LIVE
        .iter()
        .all(|(name, live)| profile.sample_type(name).is_some() && profile.sample_type(live).is_none());
    for column in 0..profile.sample_types().len() {
        let it = &mut profile.sample_types_mut()[column];
        if let Some(live) = LIVE.iter().find(|live| is_live && live.0 == it.kind) {
            live.1.clone_into(&mut it.kind);
        }
        let Some(factor) = bytes_of(&it.unit) else { continue };
        if factor == 1 || profile.samples.multiply(column, factor) {
            "bytes".clone_into(&mut profile.sample_types_mut()[column].unit);
        }
    }
    if let Some(period_type) = &mut profile.period_type
        && let Some(factor) = bytes_of(&period_type.unit)
        && let Some(period) = profile.period.checked_mul(factor)
    {
        profile.period = period;
        "bytes".clone_into(&mut period_type.unit);
    }
    labels(profile);
}

/// Numbers of labels, such as the size of blocks.
fn labels(profile: &mut Profile) {
    let factors: Vec<Option<i64>> =
        profile.strings.iter().map(|it| bytes_of(it).filter(|factor| *factor != 1)).collect();
    if factors.iter().all(Option::is_none) {
        return;
    }
    let bytes = profile.strings.intern("bytes");
    profile.samples.replace_labels(|label| match label.value {
        LabelValue::Number(number, unit) => {
            let scaled = factors.get(unit.index()).copied().flatten().and_then(|it| number.checked_mul(it));
            let value = scaled.map_or(label.value, |it| LabelValue::Number(it, bytes));
            Label { value, ..label }
        }
        LabelValue::Text(_) => label,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueType;

    #[test]
    fn units_of_memory_are_known_however_they_are_spelt() {
        for (unit, expected) in [
            ("bytes", Some(1)),
            ("B", Some(1)),
            ("byte", Some(1)),
            ("kilobytes", Some(1 << 10)),
            ("kb", Some(1 << 10)),
            ("KiB", Some(1 << 10)),
            ("kibibytes", Some(1 << 10)),
            ("kbyte", Some(1 << 10)),
            ("MB", Some(1 << 20)),
            ("MiB", Some(1 << 20)),
            ("mebibyte", Some(1 << 20)),
            ("gigabyte", Some(1 << 30)),
            ("TiB", Some(1 << 40)),
            ("pb", Some(1 << 50)),
            ("nanoseconds", None),
            ("count", None),
            ("ib", None),
            ("s", None),
            ("", None),
        ] {
            assert_eq!(bytes_of(unit), expected, "{unit}");
        }
    }

    #[test]
    fn other_units_become_bytes_and_other_names_ours() {
        let types = [("objects", "count"), ("space", "kilobytes"), ("delay", "nanoseconds")];
        let mut profile = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
        profile.period_type = Some(ValueType::new("space", "kb"));
        profile.period = 512;
        let [key, unit] = ["bytes", "kilobytes"].map(|it| profile.strings.intern(it));
        profile.samples.push(&[], &[2, 3, 7], &[Label { key, value: LabelValue::Number(4, unit) }]);
        unify(&mut profile);
        let kinds = [("inuse_objects", "count"), ("inuse_space", "bytes"), ("delay", "nanoseconds")];
        assert_eq!(profile.sample_types(), kinds.map(|(kind, unit)| ValueType::new(kind, unit)));
        assert_eq!(profile.samples.get(0).values, [2, 3072, 7]);
        assert_eq!((profile.period, profile.samples.get(0).number(key)), (512 << 10, Some(4096)));
    }

    #[test]
    fn what_would_not_fit_keeps_its_unit() {
        let mut profile = Profile::new(vec![ValueType::new("inuse_space", "megabytes")]);
        profile.samples.push(&[], &[1], &[]);
        profile.samples.push(&[], &[i64::MAX >> 10], &[]);
        unify(&mut profile);
        assert_eq!(profile.sample_types()[0].unit, "megabytes");
        assert_eq!(profile.samples.get(0).values, [1]);
    }
}
