//! What can be done about leaks. The rule for `highwater.toml` and what the test itself can say are ready to
//! be pasted.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{group, phrases};
use crate::finding::{Frame, Kind, Leak, Origin, innermost_own};

/// How many rules are shown.
const MOST_RULES: usize = 8;
/// In front of what is to be pasted.
const INDENT: &str = "          ";

/// How a test itself can allow what it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In the attribute.
    Attribute,
    /// By calls on its guard, which does not know of the attribute.
    Guard,
}

/// For the leaks of one test, grouped by line.
pub(super) fn of_leaks(groups: &[Vec<&Leak>], way: Way) -> String {
    let all: Vec<&Leak> = groups.iter().flatten().copied().collect();
    let has = |kind| all.iter().any(|it| it.kind == kind);
    let them = if all.len() == 1 { "it" } else { "them" };
    let kinds = [Kind::Thread, Kind::Task, Kind::Descriptor, Kind::Child].map(has);
    let mend = match kinds {
        [true, true, false, false] => "end and join the threads, and await the tasks".to_owned(),
        [true, false, false, false] => format!("end and join {them}"),
        [false, true, false, false] => format!("await {them}, or end {them} with what needs {them}"),
        [false, false, true, false] => format!("close {them}"),
        [false, false, false, true] => format!("end {them}, and wait for {them}"),
        _ => {
            let each = [
                "end and join the threads",
                "await the tasks",
                "close the descriptors",
                "wait for the children",
            ];
            let each: Vec<String> =
                kinds.iter().zip(each).filter(|(has, _)| **has).map(|(_, it)| it.to_owned()).collect();
            phrases::list(&each)
        }
    };
    let rules = groups.iter().flat_map(|it| rules(it)).collect();
    let allowed = all.iter().map(|it| (key(it.kind), pattern(it))).collect();
    words(&format!("{mend}; or allow {them}"), rules, &allowed, way)
}

/// For blocks that were left, by the calls that allocated them.
pub(crate) fn of_blocks<'a>(allocated: impl Iterator<Item = &'a [Frame]>, way: Way) -> String {
    let functions: BTreeSet<&str> =
        allocated.filter_map(|it| Some(innermost_own(it)?.function.as_str())).collect();
    let rules = functions.iter().map(|it| vec![("blocks", (*it).to_owned())]).collect();
    let allowed = functions.iter().map(|it| ("blocks", (*it).to_owned())).collect();
    words("free them; or allow them", rules, &allowed, way)
}

/// The patterns of a rule, by their keys.
type Patterns = Vec<(&'static str, String)>;

fn words(mend: &str, rules: Vec<Patterns>, allowed: &BTreeSet<(&str, String)>, way: Way) -> String {
    let mut different: Vec<Patterns> = Vec::new();
    for rule in rules {
        if !different.contains(&rule) {
            different.push(rule);
        }
    }
    let mut text = format!("  fix: {mend}");
    if different.is_empty() {
        text.push('\n');
        return text;
    }
    text += ", in highwater.toml:\n";
    for rule in different.iter().take(MOST_RULES) {
        let _ = writeln!(text, "{INDENT}[[leaktest.allow]]");
        for (key, pattern) in rule {
            let _ = writeln!(text, "{INDENT}{key} = {}", quoted(pattern));
        }
        let _ = writeln!(text, "{INDENT}reason = \"why this may stay\"");
    }
    if different.len() > MOST_RULES {
        let _ = writeln!(text, "{INDENT}# … and {} rules more", different.len() - MOST_RULES);
    }
    // What stands for anything stands for the others, too.
    let is_needed = |it: &&(&str, String)| it.1 == "*" || !allowed.contains(&(it.0, "*".to_owned()));
    let allowed = allowed.iter().filter(is_needed);
    let _ = match way {
        Way::Attribute => {
            let allowed: Vec<String> = allowed.map(|(key, it)| format!("{key} = {it:?}")).collect();
            writeln!(
                text,
                "       or in this test:\n{INDENT}#[highwater_leaktest::test(allow({}))]",
                allowed.join(", ")
            )
        }
        Way::Guard => {
            let allowed: String = allowed.map(|(key, it)| format!(".allow_{key}({it:?})")).collect();
            writeln!(text, "       or in this guard:\n{INDENT}check(){allowed}")
        }
    };
    text
}

/// Rules that allow all of a line.
fn rules(group: &[&Leak]) -> Vec<Patterns> {
    let Some(first) = group.first() else { return Vec::new() };
    let names = group::different(group, |it| (key(it.kind), pattern(it)));
    let are_names_enough = group.iter().all(|it| it.has_own_name()) && names.iter().all(|it| it.1 != "*");
    let own = first.site().filter(|it| it.origin == Origin::Own);
    match own {
        Some(site) if are_names_enough && names.len() == 1 => {
            vec![names.into_iter().chain([(place(first.kind), site.function.clone())]).collect()]
        }
        Some(site) => vec![vec![("spawned", site.function.clone())]],
        // A function of another crate starts much: it is no use by itself.
        None if are_names_enough => names.into_iter().map(|it| vec![it]).collect(),
        None => {
            let tests = ("tests", first.test.clone());
            match first.spawned.last() {
                Some(outermost) => vec![vec![("spawned", outermost.function.clone()), tests]],
                None => names.into_iter().map(|it| vec![it, tests.clone()]).collect(),
            }
        }
    }
}

/// The key of a rule for where something began.
fn place(kind: Kind) -> &'static str {
    if kind == Kind::Descriptor { "opened" } else { "spawned" }
}

fn key(kind: Kind) -> &'static str {
    match kind {
        Kind::Thread => "threads",
        Kind::Task => "tasks",
        Kind::Descriptor => "descriptors",
        Kind::Child => "children",
    }
}

/// A pattern for the name of what is left.
fn pattern(leak: &Leak) -> String {
    if leak.name.is_empty() { "*".to_owned() } else { leak.name_without_numbers() }
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            _ if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Activity;
    use crate::settings::rules;

    fn leak(kind: Kind, name: &str, spawned: &[(&str, Origin)]) -> Leak {
        let frame = |it: &(&str, Origin)| Frame::at(it.0, "/home/me/src/a.rs", 4, it.1);
        Leak {
            test: "tests::a_long_name".to_owned(),
            kind,
            name: name.to_owned(),
            activity: Activity::Asleep,
            waited_ms: 500,
            parent: None,
            id: None,
            spawned: spawned.iter().map(frame).collect(),
            now: vec![],
        }
    }

    const OWN: &[(&str, Origin)] =
        &[("pool::spawn", Origin::Dependency), ("<mine::Pool as mine::Grow>::grow", Origin::Own)];
    const OTHERS: &[(&str, Origin)] =
        &[("tokio::spawn", Origin::Dependency), ("db::open", Origin::Dependency)];

    /// What is shown for the leaks, and the rules that are shown, as the harness reads them.
    fn shown(leaks: &[Leak], way: Way) -> (String, Vec<rules::Rule>) {
        let text = of_leaks(&group::leaks(leaks), way);
        let begin = text.find("[[").expect("it shows a rule");
        let end = text.find("       or in this ").expect("it says what the test can allow");
        let section = rules::parse(&text[begin..end]).unwrap_or_else(|fault| panic!("{fault}: {text}"));
        (text, section.allow)
    }

    #[test]
    fn the_rules_shown_allow_what_was_found_and_no_more() {
        let (thread, task) = (Kind::Thread, Kind::Task);
        for (leaks, expected) in [
            (vec![leak(thread, "kid", OWN)], 1),
            (vec![leak(thread, "pool-1", OWN), leak(thread, "pool-17", OWN)], 1),
            (vec![leak(thread, "a", OWN), leak(thread, "b", OWN), leak(task, "mine::f", OWN)], 1),
            (vec![leak(thread, "tests::a_long_n", OWN)], 1),
            (vec![leak(task, "", OWN)], 1),
            (vec![leak(task, "db::f", OTHERS), leak(task, "db::g", OTHERS)], 2),
            (vec![leak(task, "", OTHERS), leak(task, "db::g", OTHERS)], 1),
            (vec![leak(thread, "", &[])], 1),
            (vec![leak(thread, "a\"\\\u{1b}ü", &[])], 1),
            (vec![leak(thread, "a", OWN), leak(task, "db::g", OTHERS)], 2),
        ] {
            let (text, rules) = shown(&leaks, Way::Attribute);
            assert_eq!(rules.len(), expected, "{text}");
            for it in &leaks {
                let allows = |test: &str, name: &str, spawned: &[Frame]| {
                    rules.iter().any(|rule| rule.allows(it.kind, "program", test, name, spawned))
                };
                assert!(allows(&it.test, &it.name, &it.spawned), "{it:?} is not allowed by {text}");
                assert!(!allows("other", "other", &[]), "anything is allowed by {text}");
            }
            assert!(rules.iter().all(|it| !it.is_unused("program")), "{text}");
        }
    }

    #[test]
    fn a_rule_has_the_name_and_the_function() {
        let (text, _) = shown(&[leak(Kind::Thread, "pool-3", OWN)], Way::Attribute);
        assert_eq!(
            text,
            "  fix: end and join it; or allow it, in highwater.toml:\n\
             \x20         [[leaktest.allow]]\n\
             \x20         threads = \"pool-*\"\n\
             \x20         spawned = \"<mine::Pool as mine::Grow>::grow\"\n\
             \x20         reason = \"why this may stay\"\n\
             \x20      or in this test:\n\
             \x20         #[highwater_leaktest::test(allow(threads = \"pool-*\"))]\n"
        );
        // Such a thread has no name of its own: it has the name of the test's thread.
        let (text, _) = shown(&[leak(Kind::Thread, "tests::a_long_n", OWN)], Way::Guard);
        assert!(!text.contains("threads = "), "{text}");
        assert!(text.ends_with("  check().allow_threads(\"tests::a_long_n\")\n"), "{text}");
    }

    #[test]
    fn the_attribute_allows_all_kinds() {
        let leaks = [
            leak(Kind::Thread, "a", OWN),
            leak(Kind::Thread, "", OWN),
            leak(Kind::Task, "mine::f<[u8; 32]>", OWN),
        ];
        let (text, _) = shown(&leaks, Way::Attribute);
        let attribute =
            "#[highwater_leaktest::test(allow(tasks = \"mine::f<[u8; 32]>\", threads = \"*\"))]\n";
        assert!(text.ends_with(attribute), "{text}");
        let (text, _) = shown(&leaks, Way::Guard);
        assert!(
            text.ends_with("check().allow_tasks(\"mine::f<[u8; 32]>\").allow_threads(\"*\")\n"),
            "{text}"
        );
    }

    #[test]
    fn many_rules_are_cut_and_counted() {
        let functions: Vec<String> = (0..11).map(|it| format!("mine::f{it}")).collect();
        let frames: Vec<Vec<Frame>> =
            functions.iter().map(|it| leak(Kind::Task, "", &[(it, Origin::Own)]).spawned).collect();
        let text = of_blocks(frames.iter().map(Vec::as_slice), Way::Attribute);
        assert_eq!(text.matches("[[leaktest.allow]]").count(), MOST_RULES, "{text}");
        assert!(text.contains("# … and 3 rules more\n") && text.contains("blocks = \"mine::f0\""), "{text}");
        assert_eq!(of_blocks(std::iter::empty(), Way::Guard), "  fix: free them; or allow them\n");
    }
}
