//! The environment variable `HIGHWATER_AGENT`: the builder's settings, for users who cannot change the code.

use std::time::Duration;

use highwater_recorder::parse_size;

use crate::agent::AgentBuilder;
use crate::error::Error;
use crate::watch::{Growth, Watch};

/// The name of the variable.
const VARIABLE: &str = "HIGHWATER_AGENT";

impl AgentBuilder {
    /// Applies the settings of the environment variable `HIGHWATER_AGENT`, if it is set, such as
    /// `listen:127.0.0.1:6060,dir:/var/lib/service,watch:0.8`; docs/PRODUCTION.md has a table of them. What
    /// it says of the watch takes the place of [`Self::watch`].
    ///
    /// # Errors
    /// When a part of the variable is not valid.
    pub fn from_environment(self) -> Result<Self, Error> {
        match std::env::var(VARIABLE) {
            Ok(settings) => apply(self, &settings),
            Err(_) => Ok(self),
        }
    }
}

/// Applies settings to a builder: `name:value` or a name alone, separated by commas.
///
/// # Errors
/// When a part is not valid: the first such part.
fn apply(mut builder: AgentBuilder, settings: &str) -> Result<AgentBuilder, Error> {
    let parts = || settings.split(',').map(str::trim).filter(|part| !part.is_empty());
    let mut watch = None;
    for part in parts() {
        let (name, value) = part.split_once(':').unwrap_or((part, ""));
        let wrong = || Error::Setting { part: shown(name, value) };
        match name {
            "listen" => builder = builder.listen(value),
            "prefix" => builder = builder.prefix(value),
            "version" if !value.is_empty() => builder = builder.version(value),
            "token" => builder = builder.token(value),
            "open" if value.is_empty() => builder = builder.open_to_anyone(),
            #[cfg(feature = "pprof-engine")]
            "cpu" if value == "pprof" => builder = builder.cpu_by_pprof(),
            "dir" if !value.is_empty() => watch = Some(Watch::new(value)),
            _ if WATCH.contains(&name) => {}
            _ if BUILDER.contains(&name) => return Err(wrong()),
            _ => {
                let known = [BUILDER, WATCH].concat().join(", ");
                return Err(Error::UnknownSetting { name: name.to_owned(), known });
            }
        }
    }
    for part in parts() {
        let (name, value) = part.split_once(':').unwrap_or((part, ""));
        if WATCH.contains(&name) {
            let wrong = || Error::Setting { part: shown(name, value) };
            // Without a directory there is no place to write to.
            watch = Some(watched(watch.ok_or_else(wrong)?, name, value).ok_or_else(wrong)?);
        }
    }
    Ok(match watch {
        Some(watch) => builder.watch(watch),
        None => builder,
    })
}

/// Settings of the builder.
const BUILDER: &[&str] = &[
    "listen",
    "prefix",
    "token",
    "open",
    "version",
    "dir",
    #[cfg(feature = "pprof-engine")]
    "cpu",
];

/// Settings of a watch. They may come before the setting that names its directory.
const WATCH: &[&str] = &[
    "watch",
    "growth",
    "every",
    "snapshots",
    "keep",
    "incidents",
    "peak",
    "reserve",
    "cooldown",
    "post",
    "slack",
    "pyroscope",
    #[cfg(feature = "otlp")]
    "otlp",
    #[cfg(feature = "tls")]
    "cacert",
];

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
        "post" if is_address(value) => Some(watch.post(value)),
        "slack" if is_address(value) => Some(watch.post_to_slack(value)),
        "pyroscope" if is_address(value) => Some(watch.post_to_pyroscope(value)),
        #[cfg(feature = "otlp")]
        "otlp" if is_address(value) => Some(watch.post_to_otlp(value)),
        #[cfg(feature = "tls")]
        "cacert" if !value.is_empty() => Some(watch.cacert(value)),
        "reserve" => {
            let bytes = parse_size(value.as_bytes()).and_then(|it| usize::try_from(it).ok())?;
            Some(watch.reserve(bytes))
        }
        "incidents" => value.parse().ok().filter(|&it| it > 0).map(|most| watch.keep_incidents(most)),
        "peak" => {
            let factor = value.parse::<f64>().ok().filter(|it| it.is_finite() && *it > 1.0)?;
            Some(watch.peak_factor(factor))
        }
        "keep" => {
            let snapshots = value.parse().ok().filter(|&it| it > 0)?;
            Some(watch.keep(snapshots, u64::MAX))
        }
        _ => None,
    }
}

/// Whether this can be a receiver's address. The watch checks further requirements when it starts.
fn is_address(value: &str) -> bool {
    value.starts_with("http://") || value.starts_with("https://")
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

/// A part, in the form that an error may show.
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
    fn invalid_settings_are_named() {
        for (text, part) in [
            ("watch:0.8", "watch:0.8"),
            ("dir:/x,watch:80%", "watch:80%"),
            ("dir:/x,watch:0", "watch:0"),
            ("dir:/x,watch:-1", "watch:-1"),
            ("dir:/x,every:5", "every:5"),
            ("dir:/x,every:99999999999999999999s", "every:99999999999999999999s"),
            ("dir:/x,keep:0", "keep:0"),
            ("dir:/x,slack:example.org", "slack:example.org"),
            ("dir:", "dir"),
            ("open:yes", "open:yes"),
            #[cfg(feature = "pprof-engine")]
            ("cpu:perf", "cpu:perf"),
            ("dir:/x,reserve:much", "reserve:much"),
            ("dir:/x,incidents:0", "incidents:0"),
            ("dir:/x,peak:1", "peak:1"),
        ] {
            let error = settings(text).unwrap_err();
            assert!(error.contains(&format!("`{part}`")), "{error}");
        }
    }

    #[test]
    fn an_unknown_setting_lists_the_known_ones() {
        let error = settings("dir:/x,wach:0.8").unwrap_err();
        assert!(
            error.starts_with(
                "HIGHWATER_AGENT has no setting `wach`; the settings are listen, prefix, token, "
            ),
            "{error}"
        );
        assert!(error.contains(", watch, "), "{error}");
    }

    /// The texts in backticks in a table cell.
    fn quoted(cell: &str) -> Vec<&str> {
        cell.split('`').skip(1).step_by(2).collect()
    }

    /// The rows of a guide's table of settings: settings, and methods.
    fn table(guide: &str) -> Vec<(Vec<&str>, Vec<&str>)> {
        let section = guide.split("\n## ").find(|it| it.starts_with("Settings in the environment")).unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
        rows.map(|row| {
            let mut cells = row.split('|').skip(1);
            (quoted(cells.next().unwrap()), quoted(cells.next().unwrap()))
        })
        .collect()
    }

    /// The texts in backticks in the first cells of a section's table.
    fn first_cells<'a>(guide: &'a str, section: &str) -> Vec<&'a str> {
        let section = guide.split("\n## ").find(|it| it.starts_with(section)).unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| `") || line.starts_with("| …"));
        rows.flat_map(|row| quoted(row.split('|').nth(1).unwrap())).collect()
    }

    /// The differences between the guide's and the code's lists of pages and environment variables.
    fn disagreement_beside_settings(guide: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, said: Vec<&str>, known: Vec<&str>| {
            let missing =
                known.iter().filter(|it| !said.contains(it)).map(|it| format!("{what} {it} is not there"));
            let wrong = said.iter().filter(|it| !known.contains(it)).map(|it| format!("{it} is no {what}"));
            found.extend(missing.chain(wrong));
        };
        let pages = first_cells(guide, "Pages");
        let paths =
            pages.iter().map(|it| it.split(' ').next_back().unwrap()).filter(|it| it.starts_with('/'));
        compare("page", paths.collect(), crate::endpoint::table::ENTRIES.iter().map(|it| it.path).collect());
        compare("variable", first_cells(guide, "Who it is"), highwater::IDENTITY_VARIABLES.to_vec());
        found
    }

    /// All differences between the guide and the code.
    fn disagreement(guide: &str) -> Vec<String> {
        let rows = table(guide);
        let mut found = disagreement_beside_settings(guide);
        let names: Vec<_> =
            rows.iter().flat_map(|row| &row.0).map(|it| it.split(':').next().unwrap()).collect();
        let known = [BUILDER, WATCH].concat();
        found.extend(known.iter().filter(|it| !names.contains(it)).map(|it| format!("{it} is not there")));
        // The guide also names settings that need a feature which this build lacks.
        let is_known = |name: &str| known.contains(&name) || ["cacert", "cpu", "otlp"].contains(&name);
        found.extend(names.iter().filter(|it| !is_known(it)).map(|it| format!("{it} is no setting")));
        // Values that are literal in the table are accepted.
        for &setting in rows.iter().flat_map(|row| &row.0) {
            let is_example = setting
                .split_once(':')
                .is_some_and(|(_, value)| value.starts_with(|it: char| it.is_ascii_digit()));
            if is_example && let Err(error) = settings(&format!("dir:/x,{setting}")) {
                found.push(error);
            }
        }
        let methods: Vec<_> =
            rows.iter().flat_map(|row| &row.1).map(|it| it.split('(').next().unwrap()).collect();
        let sources = [include_str!("agent.rs"), include_str!("watch/settings.rs")].concat();
        let setters: Vec<_> = sources
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("pub fn ")?.split_once("(mut self,"))
            .map(|(name, _)| name)
            .chain(["open_to_anyone", "cpu_by_pprof"])
            .collect();
        assert!(setters.len() > 10, "{setters:?}");
        found
            .extend(setters.iter().filter(|it| !methods.contains(it)).map(|it| format!("{it} is not there")));
        found
            .extend(methods.iter().filter(|it| !setters.contains(it)).map(|it| format!("{it} is no method")));
        found
    }

    #[test]
    fn the_guide_has_one_table_of_all_settings_and_no_other() {
        let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/PRODUCTION.md");
        let guide = std::fs::read_to_string(guide).unwrap();
        assert_eq!(disagreement(&guide), [""; 0]);
        // The planted faults: the test notices each change of the guide.
        for (right, wrong) in [
            ("`every:1s`", "`evry:1s`"),
            ("`every:1s`", "`every:1h`"),
            ("| `every` |", "| `evry` |"),
            ("| `GET /healthz` |", "| `GET /health` |"),
            ("| `HIGHWATER_LABELS` |", "| `HIGHWATER_LABEL` |"),
            ("| `POD_NAME`, `POD_NAMESPACE` |", "| `POD_NAME` |"),
        ] {
            assert!(guide.contains(right));
            assert_ne!(disagreement(&guide.replace(right, wrong)), [""; 0], "{wrong}");
        }
    }
}
