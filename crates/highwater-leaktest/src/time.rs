//! Times as people write them: `500ms`, `2s`.

use std::time::Duration;

/// The time that a number with a unit behind it says; `None` for anything else. Constant, so that an attribute's time is
/// read by the compiler.
pub(crate) const fn parse(text: &str) -> Option<Duration> {
    let bytes = text.as_bytes();
    let (mut number, mut index) = (0_u64, 0);
    while index < bytes.len() && bytes[index].is_ascii_digit() {
        let Some(tens) = number.checked_mul(10) else { return None };
        let Some(sum) = tens.checked_add((bytes[index] - b'0') as u64) else { return None };
        number = sum;
        index += 1;
    }
    if index == 0 {
        return None;
    }
    match bytes.split_at(index).1 {
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
