//! Which buffers a line can neither size nor keep, because the standard library fills them.

use super::hoist::own_name;
use crate::Frame;
use crate::lives::{Life, Lives};

/// Methods of texts and slices that return a new text or list. They take no capacity and no buffer.
const OF_TEXTS: [&str; 11] = [
    "concat",
    "escape_debug",
    "from_utf16",
    "from_utf8_lossy",
    "repeat",
    "replace",
    "replacen",
    "to_ascii_lowercase",
    "to_ascii_uppercase",
    "to_lowercase",
    "to_uppercase",
];

/// Further functions that return a new text or list. A line can fill a buffer of its own in their place.
const MAKERS: [&str; 9] =
    ["collect", "format", "from", "from_iter", "into_string", "join", "to_owned", "to_string", "to_vec"];

/// Whether the buffer is a formatter's. Who formats has it, and not the line that writes.
pub(super) fn is_formatter(lives: &Lives<'_>, row: usize, life: &Life) -> bool {
    let is_format = |it: &Frame| it.function.as_ref().is_some_and(|it| it.starts_with("alloc::fmt::format"));
    let writes = |it| matches!(own_name(it), "fmt" | "write_fmt" | "write_str" | "write_char");
    lives.function(row).is_some_and(writes) || lives.asked(life).iter().any(is_format)
}

/// Whether a method of a text makes the buffer, and grows it.
pub(super) fn is_made_of_text(lives: &Lives<'_>, life: &Life) -> bool {
    asks_one_of(&OF_TEXTS, lives, life)
}

/// Whether one call makes the value whole, so that there is no buffer to be filled again.
pub(super) fn is_made_whole(lives: &Lives<'_>, life: &Life) -> bool {
    asks_one_of(&OF_TEXTS, lives, life) || asks_one_of(&MAKERS, lives, life)
}

fn asks_one_of(names: &[&str], lives: &Lives<'_>, life: &Life) -> bool {
    let is_one = |it: &Frame| it.function.as_deref().is_some_and(|it| names.contains(&own_name(it)));
    lives.asked(life).iter().any(is_one)
}
