//! Cuts texts that are too long for a page in the middle: names of generic code can be very long.

use serde_json::Value;

/// Replaces the part that was cut out.
const CUT: &str = "…";

/// The document with no text longer than `most` bytes, and with a note if a text was cut.
pub(crate) fn shorten(document: String, most: usize) -> String {
    if !has_longer(&document, most) {
        return document;
    }
    // The document was just written by this crate, so it can be parsed.
    let Ok(mut value) = serde_json::from_str(&document) else { return document };
    in_value(&mut value, most);
    if let Some(notes) = value.get_mut("notes").and_then(Value::as_array_mut) {
        notes.push(Value::String(format!("texts of more than {most} bytes are cut in their middle")));
    }
    value.to_string()
}

/// Whether a string of the document is longer than `most` bytes in its JSON form.
fn has_longer(document: &str, most: usize) -> bool {
    let (mut start, mut is_escaped) = (None, false);
    for (at, byte) in document.bytes().enumerate() {
        match (start, byte) {
            (None, b'"') => start = Some(at),
            (None, _) => {}
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(_), b'\\') => is_escaped = true,
            (Some(from), b'"') => {
                if at - from > most {
                    return true;
                }
                start = None;
            }
            (Some(_), _) => {}
        }
    }
    false
}

fn in_value(value: &mut Value, most: usize) {
    match value {
        Value::String(text) if text.len() > most => *text = cut(text, most),
        Value::Array(values) => values.iter_mut().for_each(|it| in_value(it, most)),
        Value::Object(fields) => fields.iter_mut().for_each(|it| in_value(it.1, most)),
        _ => {}
    }
}

/// Cuts equal texts equally, because the page finds rows by their names.
fn cut(text: &str, most: usize) -> String {
    let space = most.saturating_sub(CUT.len());
    let end = text.floor_char_boundary(space * 2 / 3);
    let start = text.ceil_char_boundary(text.len() - space / 3);
    format!("{}{CUT}{}", &text[..end], &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_texts_are_cut() {
        let document = r#"{"a":["short","a \"text\" of more than twelve bytes"],"notes":[]}"#;
        assert_eq!(shorten(document.to_owned(), 100), document);
        let cut = shorten(document.to_owned(), 12);
        assert!(cut.starts_with(r#"{"a":["short","a \"tex…tes"],"notes":["texts of"#), "{cut}");
        assert_eq!(super::cut(&"é".repeat(20), 12), "ééé…é");
    }
}
