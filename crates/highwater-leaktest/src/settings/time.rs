//! Times as people write them: `500ms`, `2s`.

use std::time::Duration;

use highwater_recorder::leading_number;

/// The time that a number with a unit behind it says; `None` for anything else. Constant, so that an
/// attribute's time is read by the compiler.
pub(crate) const fn parse(text: &str) -> Option<Duration> {
    let Some((number, unit)) = leading_number(text.as_bytes()) else { return None };
    match unit {
        b"us" => Some(Duration::from_micros(number)),
        b"ms" => Some(Duration::from_millis(number)),
        b"s" => Some(Duration::from_secs(number)),
        _ => None,
    }
}

/// As [`parse`], for the attribute.
///
/// # Panics
/// When it is no time; in a constant that is an error of compilation.
pub const fn time(text: &str) -> Duration {
    match parse(text) {
        Some(time) => time,
        None => panic!("write a time as a number with a unit: \"500ms\", \"2s\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, expected) in [
            ("50us", Some(Duration::from_micros(50))),
            ("500ms", Some(Duration::from_millis(500))),
            ("2s", Some(Duration::from_secs(2))),
            ("500", None),
            ("s", None),
            ("", None),
            ("2 s", None),
            ("-2s", None),
            ("2m", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }
}
