//! An incident as a message for people, in the form of Slack's incoming webhooks and many others.

use serde_json::{Value, json};

/// Maximum bytes of `growth.txt` in a message.
const MAX_SHOWN_BYTES: usize = 2_000;

/// The message `{"text": …}`. `who` and `growth` are text for people; `place` says where the folder is.
pub(super) fn message(about: &Value, who: &str, place: &str, growth: &str) -> Value {
    let size = |name: &str| about[name].as_u64().map(size);
    let used = match (size("used_bytes"), size("limit_bytes")) {
        (Some(used), Some(limit)) => format!("{used} of {limit} in use"),
        (Some(used), None) => format!("{used} in use"),
        _ => "how much is in use could not be read".to_owned(),
    };
    // Other processes may use a part of what counts against the limit.
    let own = size("own_bytes").filter(|_| about["own_bytes"] != about["used_bytes"]);
    let own = own.map(|it| format!(", {it} by the service itself")).unwrap_or_default();
    let reason = about["reason"].as_str().unwrap_or("unknown");
    let mut shown = growth.to_owned();
    if shown.len() > MAX_SHOWN_BYTES {
        shown.truncate(shown.floor_char_boundary(MAX_SHOWN_BYTES));
        shown.push('…');
    }
    let text = format!(
        "Memory: {used}{own} (rule {reason}).\n{}\n{}\n```\n{}\n```",
        inline(who),
        escaped(place).replace(char::is_control, " "),
        escaped(&shown).replace("```", "\'\'\'")
    );
    json!({ "text": text })
}

/// Escapes Slack's special characters: <https://docs.slack.dev/messaging/formatting-message-text#escaping>.
/// Without this, a label could notify people (`<!channel>`), and a type would lose its arguments.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Text that Slack shows unchanged within a line, where some characters mean bold and the like. A zero-width
/// space separates them from the text they would format. An underscore within a word has no effect.
fn inline(text: &str) -> String {
    let mut shown = String::new();
    let escaped = escaped(text);
    let mut rest = escaped.chars().peekable();
    let mut is_in_word = false;
    while let Some(it) = rest.next() {
        let is_word = |it: char| it.is_alphanumeric() || it == '_';
        let is_inner = it == '_' && is_in_word && rest.peek().is_some_and(|&it| is_word(it));
        if matches!(it, '*' | '_' | '~' | '`') && !is_inner {
            shown.push('\u{200b}');
        }
        shown.push(if it.is_control() { ' ' } else { it });
        is_in_word = is_word(it);
    }
    shown
}

/// A size for people: `512 B`, `1.2 GiB`.
fn size(bytes: u64) -> String {
    let mut scaled = bytes as f64;
    let mut units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].into_iter();
    let mut unit = "B";
    // 1023.95 would be printed as 1024.0, which is 1.0 of the next unit.
    while scaled >= if unit == "B" { 1024.0 } else { 1023.95 }
        && let Some(next) = units.next()
    {
        scaled /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{scaled:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(about: Value, who: &str, growth: &str) -> String {
        message(&about, who, "/var/lib/service/incidents/1-bytes", growth)["text"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn sizes_have_the_usual_units() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (1_288_490_189, "1.2 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
        let about =
            json!({ "reason": "fraction", "used_bytes": 1_288_490_189, "limit_bytes": 1_610_612_736 });
        assert!(text(about, "", "").starts_with("Memory: 1.2 GiB of 1.5 GiB in use (rule fraction).\n"));
        let shared =
            json!({ "reason": "bytes", "used_bytes": 3 << 20, "limit_bytes": 4 << 20, "own_bytes": 1 << 20 });
        let expected = "Memory: 3.0 MiB of 4.0 MiB in use, 1.0 MiB by the service itself (rule bytes).\n";
        assert!(text(shared, "", "").starts_with(expected));
        let unlimited = json!({ "reason": "bytes", "used_bytes": 7, "limit_bytes": null });
        assert!(text(unlimited, "", "").starts_with("Memory: 7 B in use (rule bytes)."));
    }

    #[test]
    fn slacks_special_characters_are_escaped() {
        let shown = text(json!({}), "<!channel> a&b\n*bold* `code`", "alloc::Vec<u8>\n```");
        assert!(shown.contains("&lt;!channel&gt; a&amp;b \u{200b}*bold\u{200b}* \u{200b}`code"), "{shown}");
        assert!(shown.contains("alloc::Vec&lt;u8&gt;"), "{shown}");
        assert_eq!(shown.matches("```").count(), 2, "{shown}");
        assert!(!shown.contains('<'), "{shown}");
        // Names and paths can be copied.
        assert_eq!(inline("agent_service a_b_c"), "agent_service a_b_c");
        assert_eq!(inline("_a_ ~b~"), "\u{200b}_a\u{200b}_ \u{200b}~b\u{200b}~");
        let path = message(&json!({}), "", "/var/lib/a_b/*~", "");
        assert!(path["text"].as_str().unwrap().contains("/var/lib/a_b/*~\n"), "{path}");
    }

    #[test]
    fn a_message_is_short_and_its_code_block_complete() {
        let shown = text(json!({}), "", &format!("```{}", "ä".repeat(MAX_SHOWN_BYTES)));
        assert!(shown.len() < MAX_SHOWN_BYTES + 300, "{}", shown.len());
        assert_eq!(shown.matches("```").count(), 2);
    }
}
