//! Answers as JSON for programs.

use std::io;

use serde::Serialize;

/// Version of the documents. It rises when a field is removed or changes its meaning, not when one is added.
pub(crate) const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a, T> {
    highwater: u32,
    kind: &'a str,
    #[serde(flatten)]
    answer: &'a T,
}

/// The answer as one JSON object: `{"highwater": 1, "kind": "top", …}`, followed by the answer's own fields.
///
/// # Errors
/// When the answer cannot be serialized. The answers of `highwater-analyze` always can.
pub fn json(kind: &str, answer: &impl Serialize) -> io::Result<String> {
    let mut text = serde_json::to_string_pretty(&Document { highwater: VERSION, kind, answer })?;
    text.push('\n');
    Ok(text)
}

/// Like [`json`], on one line: for commands that print many answers.
///
/// # Errors
/// As for [`json`].
pub fn json_line(kind: &str, answer: &impl Serialize) -> io::Result<String> {
    let mut text = serde_json::to_string(&Document { highwater: VERSION, kind, answer })?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_names_its_version_and_kind() {
        let text = json("top", &crate::samples::header()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["highwater"], &value["kind"]), (&1.into(), &"top".into()));
        assert_eq!(value["total"]["value"], 16 << 20);
        assert_eq!(value["unit"], "bytes");
        assert!(text.starts_with("{\n  \"highwater\": 1,\n  \"kind\": \"top\",\n"), "{text}");
        let line = json_line("top", &crate::samples::header()).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
        assert_eq!(line.find('\n'), Some(line.len() - 1));
    }
}
