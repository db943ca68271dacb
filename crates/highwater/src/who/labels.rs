//! Labels in an environment variable: `key=value`, separated by commas, with percent-encoded separators.
//!
//! This is the form of `OTEL_RESOURCE_ATTRIBUTES`:
//! <https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable>

use std::collections::BTreeMap;

/// Maximum number of labels.
const MAX_LABELS: usize = 32;

/// Maximum bytes of a key and of a value.
const MAX_KEY: usize = 64;
const MAX_VALUE: usize = 256;

/// Maximum number of remarks, and characters of a label that a remark shows.
const MAX_NOTES: usize = 8;
const MAX_SHOWN: usize = 40;

/// Labels by key, and the parts that could not be used.
#[derive(Debug, Default)]
pub(super) struct Labels {
    pub known: BTreeMap<String, String>,
    pub notes: Vec<String>,
}

impl Labels {
    /// Adds the labels of a variable. A key from an earlier variable keeps its value; if a key comes twice in
    /// this variable, the last value is used.
    pub fn add(&mut self, variable: &str, text: &str) {
        let mut new = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            match parse(part) {
                Ok((key, value)) => drop(new.insert(key, value)),
                Err(reason) => self.note(variable, part, &reason),
            }
        }
        for (key, value) in new {
            if self.known.contains_key(&key) {
                continue;
            }
            if self.known.len() >= MAX_LABELS {
                self.note(variable, &key, &format!("there are {MAX_LABELS} labels already"));
                continue;
            }
            self.known.insert(key, value);
        }
    }

    fn note(&mut self, variable: &str, part: &str, reason: &str) {
        if self.notes.len() < MAX_NOTES {
            let end = part.char_indices().nth(MAX_SHOWN);
            let shown = end.map_or_else(|| part.to_owned(), |(at, _)| format!("{}…", &part[..at]));
            let shown = shown.replace(char::is_control, "\u{fffd}");
            self.notes.push(format!("{variable}: `{shown}` is left out: {reason}"));
        }
    }
}

/// Key and value of a part.
///
/// # Errors
/// Why the part is not a label.
fn parse(part: &str) -> Result<(String, String), String> {
    let (key, value) = part.split_once('=').ok_or("a label is key=value")?;
    let [key, value] = [key, value].map(|it| decoded(it.trim()));
    let (key, value) = (key?, value?);
    if key.is_empty() || key.chars().any(|it| it.is_control() || it.is_whitespace()) {
        return Err("a key is a word of characters that can be seen".to_owned());
    }
    for (what, length, most) in [("key", key.len(), MAX_KEY), ("value", value.len(), MAX_VALUE)] {
        if length > most {
            return Err(format!("a {what} has at most {most} bytes, and this one has {length}"));
        }
    }
    Ok((key, value))
}

/// Percent-decodes text.
fn decoded(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|&it| char::from(it).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err("two hexadecimal digits follow a percent sign; %25 stands for the sign itself");
        };
        bytes.push((high * 16 + low) as u8);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| "what the percent signs stand for is no UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> (Vec<(String, String)>, Vec<String>) {
        let mut labels = Labels::default();
        labels.add("HIGHWATER_LABELS", text);
        (labels.known.into_iter().collect(), labels.notes)
    }

    fn one(key: &str, value: &str) -> Vec<(String, String)> {
        vec![(key.to_owned(), value.to_owned())]
    }

    #[test]
    fn labels_are_decoded() {
        for (text, key, value) in [
            ("team=core", "team", "core"),
            (" team = core ,", "team", "core"),
            ("team=", "team", ""),
            ("a=b=c", "a", "b=c"),
            ("a=x%2Cy%3Dz%25", "a", "x,y=z%"),
            ("a=%C3%BC", "a", "ü"),
            ("a%2Cb=1", "a,b", "1"),
            ("a=1,a=2", "a", "2"),
            ("a=%0A%22%3Cb%3E", "a", "\n\"<b>"),
        ] {
            assert_eq!(labels(text), (one(key, value), vec![]), "{text}");
        }
    }

    #[test]
    fn invalid_labels_are_named_and_the_others_kept() {
        let long = "v".repeat(MAX_VALUE + 1);
        for (bad, reason) in [
            ("nonsense", "key=value"),
            ("=x", "a key is"),
            ("a b=x", "a key is"),
            ("a%0A=x", "a key is"),
            ("a=%", "hexadecimal"),
            ("a=%4", "hexadecimal"),
            ("a=%+1", "hexadecimal"),
            ("a=%ff", "UTF-8"),
            (&format!("a={long}"), "at most 256 bytes, and this one has 257"),
        ] {
            let (known, notes) = labels(&format!("{bad},team=core"));
            assert_eq!(known, one("team", "core"), "{bad}");
            assert!(notes.len() == 1 && notes[0].starts_with("HIGHWATER_LABELS: `"), "{notes:?}");
            assert!(notes[0].contains(reason) && notes[0].len() < 250, "{notes:?}");
        }
    }

    #[test]
    fn labels_and_remarks_are_bounded() {
        let text: String = (0..1_000).map(|it| format!("k{it:04}=v,bad{it},")).collect();
        let (known, notes) = labels(&text);
        assert_eq!((known.len(), notes.len()), (MAX_LABELS, MAX_NOTES));
        // New labels do not displace known ones.
        assert_eq!(known[0].0, "k0000");
    }
}
