//! Numbers for people: binary units, signs, sampling errors, times.

use highwater_analyze::{Estimate, Unit};

const BINARY_UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A value with its unit: `12.3 MiB`, `1,234` (blocks), `1.5 s` (of any unit of time), `5 pages`.
pub fn amount(value: i64, unit: &Unit) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", magnitude(value.unsigned_abs(), unit))
}

/// Like [`amount`], with a sign even if it is positive.
pub(crate) fn signed(value: i64, unit: &Unit) -> String {
    let sign = if value > 0 { "+" } else { "" };
    format!("{sign}{}", amount(value, unit))
}

/// The half-width of the 95 % interval; `?` if unknown. If both margins are alike, this is one number, the
/// longer margin. Otherwise it is both margins in the unit of the longer one: `+4.1 -0.9 MiB`.
pub(crate) fn margin(estimate: &Estimate, unit: &Unit) -> String {
    let Some(margins) = estimate.margins95() else { return "?".to_owned() };
    let [below, above] = margins.map(f64::round);
    let (shorter, longer) = (below.min(above), below.max(above));
    if shorter >= longer * ALIKE {
        return match unit {
            // A margin is itself an estimate, so three digits are enough.
            Unit::Bytes => binary(longer as u64, 100.0),
            _ => magnitude(longer as u64, unit),
        };
    }
    match unit {
        Unit::Bytes => {
            let (by, name) = scale(longer);
            let decimals = usize::from(by > 1.0 && longer / by < 100.0);
            format!("+{:.decimals$} -{:.decimals$} {name}", above / by, below / by)
        }
        _ => format!("+{} -{}", grouped(above as u64), magnitude(below as u64, unit)),
    }
}

/// Margins are alike if the shorter one is at least this fraction of the longer one.
const ALIKE: f64 = 0.85;

/// A value with its margins: `12.3 MiB ± 0.4 MiB`, `12.3 MiB (+4.1 -0.9 MiB)`. Without margins if there is no
/// error.
pub fn estimate(estimate: &Estimate, unit: &Unit) -> String {
    with_margin(amount(estimate.value, unit), estimate, unit)
}

/// A change with its margins: `+12.3 MiB ± 0.4 MiB`.
pub fn change(estimate: &Estimate, unit: &Unit) -> String {
    with_margin(signed(estimate.value, unit), estimate, unit)
}

fn with_margin(text: String, estimate: &Estimate, unit: &Unit) -> String {
    if !estimate.has_error() {
        return text;
    }
    let margin = margin(estimate, unit);
    if margin.starts_with('+') { format!("{text} ({margin})") } else { format!("{text} ± {margin}") }
}

/// A share: `45.1%`.
pub(crate) fn percent(fraction: f64) -> String {
    // Rounding first avoids "-0.0%".
    let tenths = (fraction * 1000.0).round() / 10.0 + 0.0;
    format!("{tenths:.1}%")
}

/// A share with its sign: `+45.1%`.
pub(crate) fn signed_percent(fraction: f64) -> String {
    let text = percent(fraction);
    if fraction > 0.0 { format!("+{text}") } else { text }
}

/// A probability: `0.031`, `<0.001`.
pub(crate) fn probability(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        ..0.001 => "<0.001".to_owned(),
        _ => format!("{value:.3}"),
    }
}

/// A round number of bytes, such as a sampling interval: `512 KiB`.
pub(crate) fn round_bytes(bytes: i64) -> String {
    amount(bytes, &Unit::Bytes).replacen(".0 ", " ", 1)
}

/// A whole number with separators: `1,234,567`.
pub(crate) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 row`, `1,234 rows`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number as u64))
}

fn magnitude(value: u64, unit: &Unit) -> String {
    match unit {
        Unit::Bytes => binary(value, f64::INFINITY),
        Unit::Count => grouped(value),
        Unit::Other(name) => match nanoseconds_in(name) {
            Some(unit_ns) => length(u128::from(value) * u128::from(unit_ns)),
            None => format!("{} {name}", grouped(value)),
        },
    }
}

/// The length of a unit of time in nanoseconds, by the names that profiles use.
fn nanoseconds_in(unit: &str) -> Option<u64> {
    Some(match unit {
        "nanoseconds" | "nanosecond" | "ns" => 1,
        "microseconds" | "microsecond" | "us" => 1_000,
        "milliseconds" | "millisecond" | "ms" => 1_000_000,
        "seconds" | "second" | "s" => 1_000_000_000,
        _ => return None,
    })
}

/// Processor time and other summed times, each with one unit: `1.25 s`, `40.0 ms`.
fn length(ns: u128) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..999_950 => format!("{:.1} µs", ns as f64 / 1e3),
        999_950..999_950_000 => format!("{:.1} ms", ns as f64 / 1e6),
        999_950_000..59_995_000_000 => format!("{:.2} s", ns as f64 / 1e9),
        _ => duration(i64::try_from(ns).unwrap_or(i64::MAX)),
    }
}

/// Bytes with a binary unit, and with a decimal if the number before the unit is below `whole_from`.
fn binary(bytes: u64, whole_from: f64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut scaled = bytes as f64;
    let mut unit = 0;
    // 1023.95 would be printed as 1024.0, which is 1.0 of the next unit.
    while scaled >= 1023.95 && unit + 1 < BINARY_UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(scaled < whole_from);
    format!("{scaled:.decimals$} {}", BINARY_UNITS[unit])
}

/// The divisor for bytes that puts `most` between 1 and 1023 of a binary unit, and that unit.
pub(crate) fn scale(most: f64) -> (f64, &'static str) {
    let steps = ((most.max(1.0).log2() / 10.0) as usize).min(BINARY_UNITS.len() - 1);
    (f64::from(1 << 10).powi(steps as i32), BINARY_UNITS[steps])
}

/// A duration: `1.5 s`, `2 min 5 s`, `3 h 4 min`.
pub fn duration(ns: i64) -> String {
    let seconds = ns / 1_000_000_000;
    match seconds {
        ..60 => format!("{:.1} s", ns as f64 / 1e9),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The lifetime of a block: like [`duration`], with smaller units below a second.
pub(crate) fn lifetime(ns: i64) -> String {
    match ns {
        ..1_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => duration(ns),
    }
}

/// A point in time: `2026-03-01 12:34:56 UTC`, from nanoseconds since 1970-01-01 UTC.
pub fn time(ns: i64) -> String {
    let seconds = ns.div_euclid(1_000_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second % 3600 / 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day for a number of days since 1970-01-01, in the Gregorian calendar. Years are counted
/// from March, so that the leap day is the last of a year, in cycles of 400 years.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_BEFORE_1970: i64 = 719_468;
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let days = days + DAYS_BEFORE_1970;
    let cycle = days.div_euclid(DAYS_OF_400_YEARS);
    let day = days.rem_euclid(DAYS_OF_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (400 * cycle + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_that_people_read() {
        let text = |value, unit: &str| amount(value, &Unit::Other(unit.to_owned()));
        for (ns, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_500, "1.5 µs"),
            (10_000_000, "10.0 ms"),
            (999_949_999, "999.9 ms"),
            (1_250_000_000, "1.25 s"),
            (-59_990_000_000, "-59.99 s"),
            (61_000_000_000, "1 min 1 s"),
        ] {
            assert_eq!(text(ns, "nanoseconds"), expected);
        }
        assert_eq!(text(1_250, "milliseconds"), "1.25 s");
        assert_eq!(text(i64::MAX, "seconds"), text(i64::MAX, "nanoseconds"));
        assert_eq!(text(5, "pages"), "5 pages");
    }

    #[test]
    fn bytes_have_binary_units() {
        let text = |bytes| amount(bytes, &Unit::Bytes);
        assert_eq!(text(0), "0 B");
        assert_eq!(text(1023), "1023 B");
        assert_eq!(text(1024), "1.0 KiB");
        assert_eq!(text(-12_900_000), "-12.3 MiB");
        assert_eq!(text((1 << 20) - 1), "1.0 MiB");
        assert_eq!(text(i64::MIN), "-8.0 EiB");
        assert_eq!(round_bytes(512 << 10), "512 KiB");
        assert_eq!(round_bytes(100_000), "97.7 KiB");
    }

    #[test]
    fn scales_leave_few_digits() {
        assert_eq!([0.0, 1023.0].map(scale), [(1.0, "B"); 2]);
        assert_eq!(scale(1024.0), (1024.0, "KiB"));
        assert_eq!(scale(5e9), (f64::from(1 << 30), "GiB"));
        assert_eq!(scale(f64::INFINITY).1, "EiB");
    }

    #[test]
    fn units_but_bytes_and_times_are_whole_numbers() {
        assert_eq!(amount(1_234_567, &Unit::Count), "1,234,567");
        assert_eq!(amount(-123, &Unit::Count), "-123");
        assert_eq!(amount(1000, &Unit::Other("pages".into())), "1,000 pages");
        assert_eq!(amount(1000, &Unit::Other("nanoseconds".into())), "1.0 µs");
        assert_eq!((count(1, "row"), count(2, "row")), ("1 row".into(), "2 rows".into()));
    }

    #[test]
    fn changes_have_signs_and_errors() {
        let it = |value, standard_error| change(&Estimate::normal(value, standard_error), &Unit::Bytes);
        assert_eq!(it(13 << 20, Some(214_000.0)), "+13.0 MiB ± 410 KiB");
        assert_eq!(it(-5, Some(0.0)), "-5 B");
        assert_eq!(it(0, None), "0 B ± ?");
    }

    #[test]
    fn margins_that_differ_are_both_shown() {
        let it = |value, low: f64, high: f64, unit| {
            let it = Estimate { value, standard_error: Some(1.0), low: Some(low), high: Some(high) };
            estimate(&it, unit)
        };
        let mib = f64::from(1 << 20);
        assert_eq!(it(4 << 20, 1.5 * mib, 9.0 * mib, &Unit::Bytes), "4.0 MiB (+5.0 -2.5 MiB)");
        assert_eq!(it(4 << 20, 4.0 * mib, 5.5 * mib, &Unit::Bytes), "4.0 MiB (+1.5 -0.0 MiB)");
        assert_eq!(it(0, 0.0, 300.0, &Unit::Bytes), "0 B (+300 -0 B)");
        assert_eq!(it(4 << 20, 3.0 * mib, 5.05 * mib, &Unit::Bytes), "4.0 MiB ± 1.1 MiB");
        assert_eq!(it(10, 4.0, 2000.0, &Unit::Count), "10 (+1,990 -6)");
    }

    #[test]
    fn shares_never_show_a_negative_zero() {
        assert_eq!(percent(0.4512), "45.1%");
        assert_eq!(percent(-0.0001), "0.0%");
        assert_eq!((signed_percent(0.5), signed_percent(-0.5)), ("+50.0%".into(), "-50.0%".into()));
    }

    #[test]
    fn small_probabilities_are_not_shown_as_0() {
        assert_eq!(
            [0.0, 1e-300, 0.000_99, 0.05, 1.0].map(probability),
            ["0", "<0.001", "<0.001", "0.050", "1.000"]
        );
    }

    #[test]
    fn times_follow_the_calendar() {
        assert_eq!(time(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(951_827_696_000_000_000), "2000-02-29 12:34:56 UTC");
        assert_eq!(time(4_107_542_400_000_000_000), "2100-03-01 00:00:00 UTC");
        assert_eq!(time(-1), "1969-12-31 23:59:59 UTC");
        assert!(time(i64::MAX).starts_with("2262-04-11"));
        assert_eq!(duration(1_500_000_000), "1.5 s");
        assert_eq!(duration(125_000_000_000), "2 min 5 s");
        assert_eq!((lifetime(1_500), lifetime(1_500_000)), ("1.5 µs".into(), "1.5 ms".into()));
        assert_eq!(lifetime(1_500_000_000), "1.5 s");
        assert_eq!(duration(11_040_000_000_000), "3 h 4 min");
    }
}
