//! The results as text: one table of all medians, and one table with details for each workload.
//!
//! The terminal and docs/BENCHMARKS.md show the same text; in the document it is a code block.

use std::fmt::Write;

use super::measure::{Measured, ResultOf, Setting};
use super::ratio::{Spread, ratio};
use super::truth::{Accuracy, Deviation};

/// All tables, at most 100 columns wide.
pub fn all(measured: &[Measured], setting: Setting) -> String {
    let mut text = summary(measured, setting);
    for each in measured {
        text.push('\n');
        text.push_str(&details(each));
    }
    text
}

/// The ratio to the reference, workload by workload. A reference has its time instead.
fn summary(measured: &[Measured], setting: Setting) -> String {
    let mut text = format!(
        "Time as a ratio to the reference of each group, median of {} rounds; references in ns per operation.\n\n",
        setting.rounds
    );
    let mut names: Vec<&str> = Vec::new();
    for result in measured.iter().flat_map(|each| &each.results) {
        if !names.contains(&result.name) {
            names.push(result.name);
        }
    }
    names.sort_by_key(|name| super::contestants::ALL.iter().position(|it| it.name == *name));
    let _ = write!(text, "{:<18}", "");
    for each in measured {
        let _ = write!(text, " {:>9}", each.workload);
    }
    text.push('\n');
    for name in names {
        let mut row = format!("{name:<18}");
        for each in measured {
            let result = each.results.iter().find(|result| result.name == name);
            let cell = result.map_or_else(String::new, |result| match result.ratio {
                _ if result.reference == name => time(median(&result.rounds_ns)),
                Some(spread) => ratio(spread.median),
                None => String::new(),
            });
            let _ = write!(row, " {cell:>9}");
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

fn details(measured: &Measured) -> String {
    let mut text = format!("{}: {}\n", measured.workload, measured.operation);
    let _ = writeln!(
        text,
        "{:<18} {:>9} {:>5} {:>11} {:>9}  {:<6} {:<16} live",
        "", "ns/op", "ratio", "range", "peak RSS", "counts", "profile: total"
    );
    for result in &measured.results {
        text.push_str(row(result).trim_end());
        text.push('\n');
    }
    text
}

fn row(result: &ResultOf) -> String {
    let (middle, range) = match result.ratio {
        Some(spread) if result.reference != result.name => (ratio(spread.median), spread.to_string()),
        _ => (String::new(), String::new()),
    };
    let memory = result.report.as_ref().and_then(|report| report.peak_rss_bytes);
    let memory = memory.map_or_else(String::new, |bytes| mebibytes(bytes as f64 / 1_048_576.0));
    let verdict = result.verdict.unwrap_or_default();
    format!(
        "{:<18} {:>9} {:>5} {:>11} {:>9}  {:<6} {:<16} {}",
        result.name,
        time(median(&result.rounds_ns)),
        middle,
        range,
        memory,
        counts(&verdict),
        verdict.alloc.map_or_else(String::new, off),
        verdict.live.map_or_else(String::new, off)
    )
}

fn mebibytes(value: f64) -> String {
    if value < 1000.0 { format!("{value:.1} MiB") } else { format!("{value:.0} MiB") }
}

fn median(values: &[f64]) -> f64 {
    Spread::new(values.iter().copied()).map_or(f64::NAN, |spread| spread.median)
}

/// Nanoseconds, with about four digits.
fn time(ns: f64) -> String {
    match ns {
        ..100.0 => format!("{ns:.2}"),
        ..1e5 => format!("{ns:.0}"),
        _ => format!("{:.1} ms", ns / 1e6),
    }
}

fn counts(verdict: &Accuracy) -> String {
    match (verdict.counts_hold, verdict.counted_bytes_off) {
        (Some(true), _) => "equal".to_owned(),
        (Some(false), Some(bytes)) => format!("{bytes:+} B"),
        _ => String::new(),
    }
}

/// The deviation of a profile: `+1.2 %, 0.8 SE`.
fn off(deviation: Deviation) -> String {
    if deviation.standard_errors == 0.0 {
        return "equal".to_owned();
    }
    let errors = deviation.standard_errors.abs();
    if errors.is_infinite() {
        return format!("{:+.2} %, WRONG", deviation.share * 100.0);
    }
    if errors < 0.05 {
        // The live bytes are so few that a percentage has no meaning.
        return "0.0 SE".to_owned();
    }
    format!("{:+.1} %, {errors:.1} SE", deviation.share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let result = |name, reference| ResultOf::example(name, reference, 123_456_789.0);
        let measured =
            Measured::example(vec![result("no-op", "no-op"), result("mimalloc-highwater", "no-op")]);
        let text = all(&[measured], Setting { rounds: 7, millis: 1 });
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(text.contains("123.5 ms"), "{text}");
        assert!(text.contains("+1.2 %, 0.8 SE"), "{text}");
    }

    #[test]
    fn times_keep_their_digits() {
        assert_eq!([9.876, 123.4, 1.5e8].map(time), ["9.88", "123", "150.0 ms"]);
    }

    #[test]
    fn counts_that_differ_are_shown() {
        let verdict =
            Accuracy { counts_hold: Some(false), counted_bytes_off: Some(-64), ..Accuracy::default() };
        assert_eq!(counts(&verdict), "-64 B");
        assert_eq!(counts(&Accuracy { counts_hold: Some(true), ..verdict }), "equal");
    }
}
