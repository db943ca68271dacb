//! Answers for the tests of the views.

use highwater_analyze::{Estimate, Header, RowKey, Unit};

pub(crate) fn estimate(value: i64, standard_error: f64) -> Estimate {
    Estimate::normal(value, Some(standard_error))
}

pub(crate) fn header() -> Header {
    let total = estimate(16 << 20, 409.6 * 1024.0 / 1.96);
    Header {
        sample: "live-bytes".to_owned(),
        unit: Unit::Bytes,
        interval_bytes: Some(512 << 10),
        period: None,
        exact: false,
        lost: None,
        difference: false,
        total,
        shown_total: total,
        samples: 42,
        kinds_with_values: vec!["live-bytes".to_owned()],
        time_ns: None,
        duration_ns: None,
        meta: None,
        notes: Vec::new(),
    }
}

pub(crate) fn line_key(file: &str, line: i64, function: &str) -> RowKey {
    RowKey {
        label: format!("{file}:{line} {function}"),
        function: Some(function.to_owned()),
        file: Some(file.to_owned()),
        line: Some(line),
        ..RowKey::default()
    }
}
