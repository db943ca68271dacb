//! The keys and what they do, in one table: for the program, for the help on the screen and for
//! `docs/READING.md`.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use highwater_analyze::GroupBy;

use super::ask::About;

/// The command of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    About(About),
    /// Moves down by this number of rows, or of frames while the stack has the keys.
    Step(isize),
    /// Moves down by this number of pages.
    Page(isize),
    /// Moves forward by this number of snapshots.
    Scrub(isize),
    Oldest,
    /// Shows the newest snapshot, and follows new ones.
    Follow,
    Pin,
    Save,
    Look,
    Search,
    NextOrder,
    Reverse,
    NextGrouping,
    NextValues,
    Stack,
    Focus,
    Cancel,
    Help,
    Quit,
}

/// The groupings, in the order in which the key goes through them.
const GROUPINGS: [GroupBy; 8] = [
    GroupBy::Line,
    GroupBy::Function,
    GroupBy::Type,
    GroupBy::Container,
    GroupBy::File,
    GroupBy::Crate,
    GroupBy::Module,
    GroupBy::Site,
];

/// The grouping that the key leads to.
pub(crate) fn next_grouping(by: GroupBy) -> GroupBy {
    let now = GROUPINGS.iter().position(|it| *it == by).unwrap_or(0);
    GROUPINGS[(now + 1) % GROUPINGS.len()]
}

/// A group of related keys, and what they do.
pub(crate) struct Group {
    pub(crate) keys: &'static [(KeyCode, Command)],
    pub(crate) does: &'static str,
}

/// All keys.
pub(crate) const GROUPS: &[Group] = &[
    Group {
        keys: &[
            (KeyCode::Char('1'), Command::About(About::Live)),
            (KeyCode::Char('2'), Command::About(About::Rate)),
            (KeyCode::Char('3'), Command::About(About::Growth)),
            (KeyCode::Char('4'), Command::About(About::Diff)),
        ],
        does: "live, rate, growth, diff",
    },
    Group {
        keys: &[
            (KeyCode::Up, Command::Step(-1)),
            (KeyCode::Down, Command::Step(1)),
            (KeyCode::Char('k'), Command::Step(-1)),
            (KeyCode::Char('j'), Command::Step(1)),
        ],
        does: "choose a row",
    },
    Group {
        keys: &[(KeyCode::PageUp, Command::Page(-1)), (KeyCode::PageDown, Command::Page(1))],
        does: "a screen of rows",
    },
    Group {
        keys: &[
            (KeyCode::Left, Command::Scrub(-1)),
            (KeyCode::Right, Command::Scrub(1)),
            (KeyCode::Char('h'), Command::Scrub(-1)),
            (KeyCode::Char('l'), Command::Scrub(1)),
        ],
        does: "older, newer snapshot",
    },
    Group { keys: &[(KeyCode::Home, Command::Oldest)], does: "the oldest snapshot" },
    Group {
        keys: &[(KeyCode::End, Command::Follow), (KeyCode::Char('f'), Command::Follow)],
        does: "follow the newest",
    },
    Group { keys: &[(KeyCode::Char('p'), Command::Pin)], does: "pin it: the base of 4" },
    Group { keys: &[(KeyCode::Char(' '), Command::Look)], does: "look for a new one now" },
    Group { keys: &[(KeyCode::Char('s'), Command::Save)], does: "save this snapshot" },
    Group { keys: &[(KeyCode::Char('/'), Command::Search)], does: "search" },
    Group {
        keys: &[(KeyCode::Char('o'), Command::NextOrder), (KeyCode::Char('r'), Command::Reverse)],
        does: "order, reverse",
    },
    Group { keys: &[(KeyCode::Char('b'), Command::NextGrouping)], does: "rows by type, …" },
    Group { keys: &[(KeyCode::Char('v'), Command::NextValues)], does: "other values" },
    Group { keys: &[(KeyCode::Enter, Command::Stack)], does: "stack, or none" },
    Group { keys: &[(KeyCode::Tab, Command::Focus)], does: "scroll the stack" },
    Group { keys: &[(KeyCode::Esc, Command::Cancel)], does: "end search" },
    Group { keys: &[(KeyCode::Char('?'), Command::Help)], does: "this help" },
    Group { keys: &[(KeyCode::Char('q'), Command::Quit)], does: "quit (as Ctrl-C)" },
];

/// The command of a key while no search is typed.
pub(crate) fn command(key: &KeyEvent) -> Option<Command> {
    if is_end(key) {
        return Some(Command::Quit);
    }
    if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
        return None;
    }
    let all = GROUPS.iter().flat_map(|it| it.keys);
    all.copied().find(|it| it.0 == key.code).map(|it| it.1)
}

/// Whether the key is Ctrl-C, which always ends the screen. In raw mode the terminal sends no signal for it.
pub(crate) fn is_end(key: &KeyEvent) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && matches!(key.code, KeyCode::Char('c' | 'C'))
}

/// The labels of a group's keys.
pub(crate) fn names(group: &Group) -> String {
    let name = |code: &KeyCode| match code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(letter) => letter.to_string(),
        KeyCode::Up => "↑".to_owned(),
        KeyCode::Down => "↓".to_owned(),
        KeyCode::Left => "←".to_owned(),
        KeyCode::Right => "→".to_owned(),
        KeyCode::PageUp => "PgUp".to_owned(),
        KeyCode::PageDown => "PgDn".to_owned(),
        other => format!("{other:?}"),
    };
    group.keys.iter().map(|it| name(&it.0)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_key_does_one_thing() {
        let mut seen = HashSet::new();
        for (code, does) in GROUPS.iter().flat_map(|it| it.keys) {
            assert!(seen.insert(*code), "{code:?} twice");
            assert_eq!(command(&KeyEvent::new(*code, KeyModifiers::NONE)), Some(*does));
        }
        assert_eq!(command(&KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL)), None);
        assert_eq!(command(&KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Command::Quit));
    }

    #[test]
    fn the_guide_has_the_keys() {
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/READING.md");
        let guide = fs::read_to_string(guide).unwrap();
        let section = guide.split("\n### ").find(|it| it.starts_with("Keys\n")).unwrap();
        let rows = section.lines().filter(|it| it.starts_with("| `"));
        let listed: Vec<String> = rows.map(|it| it.split(" | ").next().unwrap().to_owned()).collect();
        let expected: Vec<String> =
            GROUPS.iter().map(|it| format!("| `{}`", names(it).replace(' ', "` `"))).collect();
        assert_eq!(listed, expected);
    }
}
