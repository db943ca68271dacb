//! The identity of this process in the forms that others read: JSON for programs, a line for people, and the
//! naming conventions of servers.

use highwater::Who;
use serde_json::{Map, Value, json};

/// OpenTelemetry's names for some of `facts`.
#[cfg(feature = "otlp")]
const ATTRIBUTES: [(&str, &str); 6] = [
    ("program", "service.name"),
    ("version", "service.version"),
    ("host", "host.name"),
    ("pod", "k8s.pod.name"),
    ("namespace", "k8s.namespace.name"),
    ("container", "container.id"),
];

/// The identity as JSON, for `incident.json`.
pub(crate) fn as_json(who: &Who) -> Value {
    json!({
        "host": who.host,
        "pod": who.pod,
        "namespace": who.namespace,
        "container": who.container,
        "process": who.process,
        "program": who.program,
        "version": who.version,
        "labels": who.labels.iter().map(|(key, text)| (key.clone(), json!(text))).collect::<Map<_, _>>(),
        "notes": who.notes,
    })
}

/// A line for people: `checkout 1.4.2 on web-3, pod shop/checkout-7, process 4711; team=core`.
pub(crate) fn as_line(who: &Who) -> String {
    /// Number of digits of a build id or a container id that are enough to tell them apart.
    const SHOWN: usize = 12;
    let short =
        |it: &str| if it.len() > 2 * SHOWN { it.chars().take(SHOWN).collect() } else { it.to_owned() };
    let mut line = who.program.clone();
    if let Some(version) = &who.version {
        line.push_str(&format!(" {}", short(version)));
    }
    if let Some(host) = &who.host {
        line.push_str(&format!(" on {host}"));
    }
    match (&who.pod, &who.namespace) {
        (Some(pod), Some(namespace)) => line.push_str(&format!(", pod {namespace}/{pod}")),
        (Some(pod), None) => line.push_str(&format!(", pod {pod}")),
        _ => {}
    }
    if let Some(container) = &who.container {
        line.push_str(&format!(", container {}", short(container)));
    }
    line.push_str(&format!(", process {}", who.process));
    let labels: Vec<_> = who.labels.iter().map(|(key, text)| format!("{key}={text}")).collect();
    if !labels.is_empty() {
        line.push_str(&format!("; {}", labels.join(", ")));
    }
    line.replace(char::is_control, " ")
}

/// The name of a series for Pyroscope: `checkout{host=web-3,team=core}`. Keys consist of letters, digits and
/// underscores. In values, characters with a meaning become underscores.
pub(crate) fn as_series(who: &Who) -> String {
    let name = |text: &str| text.replace(|it: char| !it.is_ascii_alphanumeric() && !"._-".contains(it), "_");
    let key = |text: &str| {
        let key = text.replace(|it: char| !it.is_ascii_alphanumeric() && it != '_', "_");
        // Names with two leading underscores are reserved for the server.
        let key = if key.starts_with("__") { format!("label{key}") } else { key };
        if key.starts_with(|it: char| it.is_ascii_digit()) { format!("_{key}") } else { key }
    };
    let value = |text: &str| text.replace(|it: char| it.is_control() || r#",{}="\"#.contains(it), "_");
    let mut labels: Vec<(String, String)> = Vec::new();
    for (fact, text) in who.facts() {
        let key = key(fact.strip_prefix("label.").unwrap_or(&fact));
        // The program is already the name of the series. Two keys may become equal; the facts about the
        // process come first.
        if fact != "program" && !text.is_empty() && labels.iter().all(|it| it.0 != key) {
            labels.push((key, value(&text)));
        }
    }
    labels.sort();
    let labels: Vec<_> = labels.into_iter().map(|(key, text)| format!("{key}={text}")).collect();
    format!("{}{{{}}}", name(&who.program), labels.join(","))
}

/// Attributes of an OpenTelemetry resource, with the names of its conventions:
/// <https://opentelemetry.io/docs/specs/semconv/resource/>
#[cfg(feature = "otlp")]
pub(crate) fn as_attributes(who: &Who) -> Vec<(String, highwater_profile::otlp::Attribute)> {
    use highwater_profile::otlp::Attribute;
    let facts = who.facts();
    let named =
        ATTRIBUTES.iter().filter_map(|(fact, name)| Some(((*name).to_owned(), facts.get(*fact)?.clone())));
    let labels = who.labels.iter().map(|(key, text)| (key.clone(), text.clone()));
    let mut attributes: Vec<_> =
        named.chain(labels).map(|(key, text)| (key, Attribute::Text(text))).collect();
    attributes.push(("process.pid".to_owned(), Attribute::Number(who.process.into())));
    attributes
}

/// Text percent-encoded for a query.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~".contains(&it);
    text.bytes().map(|it| if plain(it) { char::from(it).to_string() } else { format!("%{it:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who() -> Who {
        let mut who = Who::default();
        who.program = "check out".to_owned();
        who.version = Some("0123456789abcdef0123456789abcdef01234567".to_owned());
        who.host = Some("web-3".to_owned());
        who.pod = Some("checkout-7".to_owned());
        who.namespace = Some("shop".to_owned());
        who.container = Some("f".repeat(64));
        who.process = 4711;
        for (key, text) in [
            ("team", "core, data"),
            ("a.b", "x\n\"{}"),
            ("a b", "other"),
            ("host", "evil"),
            ("1st", "é"),
            ("__name__", "evil"),
        ] {
            who.labels.insert(key.to_owned(), text.to_owned());
        }
        who
    }

    #[test]
    fn people_get_a_line() {
        let expected =
            "check out 0123456789ab on web-3, pod shop/checkout-7, container ffffffffffff, process 4711; ";
        let line = as_line(&who());
        assert!(line.starts_with(expected) && line.contains("team=core, data"), "{line}");
        assert!(!line.contains(char::is_control), "{line}");
        let mut alone = Who::default();
        alone.program = "service".to_owned();
        assert_eq!(as_line(&alone), "service, process 0");
    }

    #[test]
    fn programs_get_everything() {
        let json = as_json(&who());
        assert_eq!((&json["host"], &json["process"]), (&json!("web-3"), &json!(4711)));
        assert_eq!(json["labels"]["a.b"], "x\n\"{}");
    }

    #[test]
    fn a_series_has_no_character_that_ends_a_part() {
        let series = as_series(&who());
        let (name, labels) = series.strip_suffix('}').unwrap().split_once('{').unwrap();
        assert_eq!(name, "check_out");
        let labels: Vec<_> = labels.split(',').map(|it| it.split_once('=').unwrap()).collect();
        let value = |key| labels.iter().find(|it| it.0 == key).map(|it| it.1);
        assert_eq!((value("host"), value("team")), (Some("web-3"), Some("core_ data")));
        assert_eq!((value("a_b"), value("_1st")), (Some("other"), Some("é")));
        assert_eq!((value("__name__"), value("label__name__")), (None, Some("evil")));
        let keys: std::collections::BTreeSet<_> = labels.iter().map(|it| it.0).collect();
        assert_eq!(keys.len(), labels.len());
        assert_eq!(encoded("a{b=ü}"), "a%7Bb%3D%C3%BC%7D");
    }

    #[cfg(feature = "otlp")]
    #[test]
    fn attributes_have_the_names_of_the_conventions() {
        use highwater_profile::otlp::Attribute;
        let attributes = as_attributes(&who());
        let value = |key: &str| attributes.iter().find(|it| it.0 == key).map(|it| &it.1);
        assert_eq!(value("service.name"), Some(&Attribute::Text("check out".to_owned())));
        assert_eq!(value("k8s.pod.name"), Some(&Attribute::Text("checkout-7".to_owned())));
        assert_eq!(value("process.pid"), Some(&Attribute::Number(4711)));
        assert_eq!(value("a.b"), Some(&Attribute::Text("x\n\"{}".to_owned())));
    }
}
