//! `HIGHWATER_AGENT` in the environment of the program: the builder's settings, for whoever cannot change the code.

use std::time::Duration;

use highwater_runtime::parse_size;

use crate::watch::{Growth, Watch};
use crate::{AgentBuilder, Error};

/// The name of the variable.
pub(crate) const VARIABLE: &str = "HIGHWATER_AGENT";

/// Applies settings to a builder: `name:value` or a name alone, separated by commas.
///
/// # Errors
/// The first part that is not understood.
pub(crate) fn apply(mut builder: AgentBuilder, settings: &str) -> Result<AgentBuilder, Error> {
    let parts = || settings.split(',').map(str::trim).filter(|part| !part.is_empty());
    let mut watch = None;
    for part in parts() {
        let (name, value) = part.split_once(':').unwrap_or((part, ""));
        let wrong = || Error::Setting { part: shown(name, value) };
        match name {
            "listen" => builder = builder.listen(value),
            "token" => builder = builder.token(value),
            "open" if value.is_empty() => builder = builder.open_to_anyone(),
            "dir" if !value.is_empty() => watch = Some(Watch::new(value)),
            _ if WATCH.contains(&name) => {}
            _ => return Err(wrong()),
        }
    }
    for part in parts() {
        let (name, value) = part.split_once(':').unwrap_or((part, ""));
        if WATCH.contains(&name) {
            let wrong = || Error::Setting { part: shown(name, value) };
            // Without a directory there is nowhere to write to.
            watch = Some(watched(watch.ok_or_else(wrong)?, name, value).ok_or_else(wrong)?);
        }
    }
    Ok(match watch {
        Some(watch) => builder.watch(watch),
        None => builder,
    })
}

/// Settings that change a watch, whose directory may be named after them.
const WATCH: &[&str] =
    &["watch", "growth", "every", "snapshots", "keep", "cooldown", "reserve", "post", "slack"];

fn watched(watch: Watch, name: &str, value: &str) -> Option<Watch> {
    match name {
        "watch" => match value.parse::<f64>() {
            Ok(fraction) if fraction > 0.0 && fraction <= 1.0 => Some(watch.at_fraction(fraction)),
            _ => parse_size(value.as_bytes()).filter(|&bytes| bytes > 1).map(|bytes| watch.at_bytes(bytes)),
        },
        "growth" => {
            let percent = value.parse::<f64>().ok().filter(|it| it.is_finite() && *it > 0.0)?;
            Some(watch.on_growth(Growth { percent, ..Growth::default() }))
        }
        "every" => duration(value).map(|period| watch.every(period)),
        "snapshots" => duration(value).map(|period| watch.snapshots_every(period)),
        "cooldown" => duration(value).map(|time| watch.cooldown(time)),
        "post" if value.starts_with("http://") => Some(watch.post(value)),
        "slack" if value.starts_with("http://") => Some(watch.post_to_slack(value)),
        "reserve" => {
            let bytes = parse_size(value.as_bytes()).and_then(|it| usize::try_from(it).ok())?;
            Some(watch.reserve(bytes))
        }
        "keep" => {
            let snapshots = value.parse().ok().filter(|&it| it > 0)?;
            Some(watch.keep(snapshots, u64::MAX))
        }
        _ => None,
    }
}

/// `250ms`, `30s`, `5min`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let unit_ms = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).map(Duration::from_millis)
}

/// A part as an error may show it.
fn shown(name: &str, value: &str) -> String {
    match (name, value) {
        ("token", _) => "token".to_owned(),
        (_, "") => name.to_owned(),
        _ => format!("{name}:{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<String, String> {
        let builder = apply(AgentBuilder::default(), text).map_err(|error| error.to_string())?;
        Ok(format!("{builder:?}"))
    }

    #[test]
    fn settings_reach_the_builder_in_any_order() {
        let text = "listen:127.0.0.1:0, watch:0.8,watch:64MiB,every:250ms,snapshots:5min,keep:3,dir:/tmp/x,growth:30";
        let shown = settings(text).unwrap();
        for part in [
            "\"127.0.0.1:0\"",
            "Fraction(0.8), Bytes(67108864)",
            "every: 250ms",
            "snapshots_every: 300s",
            "max_snapshots: 3",
            "percent: 30.0",
            "\"/tmp/x\"",
        ] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
        assert!(settings("open").unwrap().contains("is_open: true"));
        assert!(settings("").unwrap().contains("watch: None"));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (text, part) in [
            ("watch:0.8", "watch:0.8"),
            ("dir:/x,watch:80%", "watch:80%"),
            ("dir:/x,watch:0", "watch:0"),
            ("dir:/x,watch:-1", "watch:-1"),
            ("dir:/x,every:5", "every:5"),
            ("dir:/x,every:99999999999999999999s", "every:99999999999999999999s"),
            ("dir:/x,keep:0", "keep:0"),
            ("dir:/x,slack:https://example.org/", "slack:https://example.org/"),
            ("dir:", "dir"),
            ("open:yes", "open:yes"),
            ("nonsense", "nonsense"),
        ] {
            let error = settings(text).unwrap_err();
            assert!(error.contains(&format!("`{part}`")), "{error}");
        }
    }
}
