//! Words and lists that all parts of a report have in common.

use crate::finding::{Kind, Leak};

/// What was done to begin it.
pub(crate) fn verb(kind: Kind) -> &'static str {
    match kind {
        Kind::Thread | Kind::Task => "spawned",
        Kind::Descriptor => "opened",
        Kind::Child => "started",
    }
}

/// What was left, and how: `threads and tasks alive`, `descriptors open`.
pub(crate) fn what(leaks: &[Leak]) -> String {
    let has = |kind| leaks.iter().any(|it| it.kind == kind);
    let alive = match (has(Kind::Thread), has(Kind::Task)) {
        (true, true) => Some("threads and tasks alive"),
        (true, false) => Some("threads alive"),
        (false, true) => Some("tasks alive"),
        (false, false) => None,
    };
    let open = has(Kind::Descriptor).then_some("descriptors open");
    let children = has(Kind::Child).then_some("child processes behind");
    list(&[alive, open, children].into_iter().flatten().map(str::to_owned).collect::<Vec<_>>())
}

/// `a, b and c`.
pub(super) fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A number with its unit: `1 test`, `2 tests`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
