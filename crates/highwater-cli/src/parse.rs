//! Parses argument values, and shortens clap's errors to one line.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use highwater_analyze::{Allowance, SampleKind};
use regex::Regex;

/// A kind of values. Any name is valid here: only the file says which kinds it has.
pub(crate) fn sample(text: &str) -> Result<SampleKind, Infallible> {
    text.parse()
}

/// A regular expression. An error is one line, without the drawing that points to the place.
pub(crate) fn regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| {
        let message = error.to_string();
        let last = message.lines().last().unwrap_or_default().trim();
        last.strip_prefix("error: ").unwrap_or(last).to_owned()
    })
}

pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    let fraction = text.parse().ok().filter(|it| (0.0..=1.0).contains(it));
    fraction.ok_or_else(|| "a number from 0 to 1 is expected, such as 0.01 for one per cent".to_owned())
}

/// A share between 0 and 1, with or without a per cent sign.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim_end().parse().ok().map(|it: f64| it / 100.0),
        None => text.parse().ok(),
    };
    share
        .filter(|it| (0.0..=1.0).contains(it))
        .ok_or_else(|| "a share is expected, such as 5% or 0.05".to_owned())
}

/// Allowed growth: a share of the base (5%) or a number (10MiB, 1000).
pub(crate) fn allowance(text: &str) -> Result<Allowance, String> {
    if let Some(percent) = text.strip_suffix('%') {
        let percent = percent.trim_end().parse().ok().filter(|it: &f64| it.is_finite() && *it >= 0.0);
        return percent
            .map(|it| Allowance::Share(it / 100.0))
            .ok_or_else(|| "a share is expected, such as 5%".to_owned());
    }
    let number = size(text).map_err(|error| format!("{error}, or a share, such as 5%"))?;
    i64::try_from(number).map(Allowance::Fixed).map_err(|_| "that is more than can be counted".to_owned())
}

pub(crate) fn directory(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("there is no such directory".to_owned()) }
}

/// A number of bytes, with or without a binary unit.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return Err("the unit is one of B, KiB, MiB, GiB and TiB".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "a number is expected, such as 512MiB".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "that is more than can be counted".to_owned())
}

/// A duration with its unit: `90s`, `5min`, `2h`, `500ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_ms: u64 = match unit.trim_start() {
        "ms" => 1,
        "s" => 1000,
        "min" | "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("the unit is one of ms, s, min, h and d".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "a number is expected, such as 90s".to_owned())?;
    let ms = number.checked_mul(unit_ms).ok_or_else(|| "that is more than can be counted".to_owned())?;
    if ms == 0 { Err("no time at all is too little".to_owned()) } else { Ok(Duration::from_millis(ms)) }
}

/// A memory size. The unit is required, since a plain number could be meant as a number of rows.
pub(crate) fn memory(text: &str) -> Result<u64, String> {
    if text.bytes().all(|it| it.is_ascii_digit()) {
        return Err("a size with its unit is expected, such as 2GiB (--rows limits the rows)".to_owned());
    }
    size(text)
}

/// clap's error in one line, without its usage text: `--help` shows that.
pub(crate) fn usage_error(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let message = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ").replace(" tip: ", "; ");
    let message = message.strip_prefix("error: ").unwrap_or(&message).to_owned();
    match error.kind() {
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => message,
        _ => format!("{message}; see highwater --help"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(size("0"), Ok(0));
        assert_eq!(size("17B"), Ok(17));
        assert_eq!(size("512MiB"), Ok(512 << 20));
        assert_eq!(size("2 GiB"), Ok(2 << 30));
        for wrong in ["", "MiB", "-1", "1.5GiB", "1MB", "99999999999TiB", "1 G iB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500 ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("5min"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for wrong in ["", "90", "0s", "-1s", "1.5h", "s", "99999999999999999999s", "9999999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_limit_on_memory_has_a_unit() {
        assert_eq!(memory("2GiB"), Ok(2 << 30));
        assert!(memory("20").unwrap_err().contains("--rows"));
        assert!(memory("").is_err() && memory("x").is_err());
    }

    #[test]
    fn fractions_are_shares() {
        assert_eq!(fraction("0.01"), Ok(0.01));
        for wrong in ["", "-0.1", "1.1", "NaN", "inf", "1%"] {
            assert!(fraction(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn growth_is_a_share_or_a_number() {
        assert_eq!(allowance("5%"), Ok(Allowance::Share(0.05)));
        assert_eq!(allowance("150 %"), Ok(Allowance::Share(1.5)));
        assert_eq!(allowance("10MiB"), Ok(Allowance::Fixed(10 << 20)));
        assert_eq!(allowance("0"), Ok(Allowance::Fixed(0)));
        for wrong in ["", "%", "-5%", "NaN%", "inf%", "5 percent", "0.05", "-1", "9223372036854775808"] {
            assert!(allowance(wrong).is_err(), "{wrong}");
        }
        assert_eq!((share("5%"), share("0.05")), (Ok(0.05), Ok(0.05)));
        for wrong in ["", "%", "101%", "-1%", "5"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_expression_is_explained_in_one_line() {
        assert_eq!(regex("a(b").unwrap_err(), "unclosed group");
        assert!(!regex(&"(a{1000}){1000}".repeat(9)).unwrap_err().contains('\n'));
        assert!(regex("^demo::").is_ok());
    }
}
