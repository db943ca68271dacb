//! Findings in words: beside a test's result, at the end of the process, and as annotations of a GitHub workflow.

mod github;

pub(crate) use github::annotations;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write;

use crate::finding::{Activity, Findings, Frame, Kind, Leak, Origin, Why};

/// How many calls of a path are shown.
const MOST_CALLS: usize = 4;

/// The leaks of one test, or of one guard.
pub(crate) fn text(leaks: &[Leak]) -> String {
    let Some(first) = leaks.first() else { return String::new() };
    let mut text = format!("LEAK  {}   (waited {} ms)\n", first.test, first.waited_ms);
    text += &each(leaks);
    let has_thread = leaks.iter().any(|it| it.kind == Kind::Thread);
    text += if has_thread {
        "  fix: end and join it, or allow it in highwater.toml with a reason\n"
    } else {
        "  fix: await it, or have it end with whoever needs it, or allow it in highwater.toml with a reason\n"
    };
    text
}

/// A test that has run for `seconds` and sleeps, the calls that it is in, and what of its own is alive.
pub(crate) fn hang(test: &str, seconds: u64, now: &[Frame], alive: &[Leak]) -> String {
    let mut text = format!("HANG  {test}   (has run for {seconds} s, and sleeps)\n");
    if !now.is_empty() {
        let _ = writeln!(text, "  now     {}", path(now));
    }
    text += &each(alive);
    text += match alive.is_empty() {
        true => "  nothing that it started is alive\n",
        false => {
            "  this is alive of what it started; a runtime that is dropped waits for its blocking calls\n"
        }
    };
    text
}

/// Threads and tasks, one after the other; tasks of one line are one.
fn each(leaks: &[Leak]) -> String {
    let mut text = String::new();
    for (place, leak) in leaks.iter().enumerate() {
        let is_same = |it: &&Leak| {
            leak.kind == Kind::Task
                && (it.kind, &it.name, it.activity, &it.spawned)
                    == (leak.kind, &leak.name, leak.activity, &leak.spawned)
        };
        if leaks[..place].iter().any(|it| is_same(&it)) {
            continue;
        }
        let _ = match leak.kind {
            Kind::Thread => write!(text, "  thread  {:?}  {}", leak.name, activity(leak.activity)),
            Kind::Task if leak.name.is_empty() => write!(text, "  task    {}", activity(leak.activity)),
            Kind::Task => write!(text, "  task    {}  {}", leak.name, activity(leak.activity)),
        };
        let same = leaks.iter().filter(is_same).count();
        if same > 1 {
            let _ = write!(text, "   ({same} of them)");
        }
        if let Some(parent) = &leak.parent {
            let _ = write!(text, "   started by thread {parent:?}");
        }
        text.push('\n');
        if !leak.spawned.is_empty() {
            let _ = writeln!(text, "          spawned {}", path(&leak.spawned));
        }
        if !leak.now.is_empty() {
            let _ = writeln!(text, "          now     {}", path(&leak.now));
        }
    }
    text
}

/// What was left: `threads`, `tasks`, or both.
pub(crate) fn what(leaks: &[Leak]) -> &'static str {
    let has = |kind| leaks.iter().any(|it| it.kind == kind);
    match (has(Kind::Thread), has(Kind::Task)) {
        (true, true) => "threads and tasks",
        (false, true) => "tasks",
        _ => "threads",
    }
}

fn activity(activity: Activity) -> &'static str {
    match activity {
        Activity::Asleep => "asleep for the whole grace",
        Activity::Waking => "waking now and then",
        Activity::Busy => "busy",
        Activity::Unknown => "alive",
        Activity::Pending => "waiting",
        Activity::Ready => "running, or about to",
        Activity::ShutDown => "waiting until its runtime was dropped",
    }
}

/// Calls, innermost first. Several calls of a dependency in a row are one.
pub(crate) fn path(frames: &[Frame]) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut before = None;
    for frame in frames {
        let is_inside = before == Some(Origin::Dependency) && frame.origin == Origin::Dependency;
        before = Some(frame.origin);
        if is_inside {
            continue;
        }
        if shown.len() == MOST_CALLS {
            shown.push("…".to_owned());
            break;
        }
        shown.push(call(frame));
    }
    shown.join(" < ")
}

/// Where a call is, for those who can change it; its function alone for others.
fn call(frame: &Frame) -> String {
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) if frame.origin == Origin::Own => {
            format!("{}:{line} {}", relative(file), frame.function)
        }
        _ => frame.function.clone(),
    }
}

/// A file as seen from the directory the tests run in.
fn relative(file: &str) -> String {
    let here = env::current_dir().unwrap_or_default();
    std::path::Path::new(file)
        .strip_prefix(here)
        .map_or_else(|_| file.to_owned(), |it| it.display().to_string())
}

/// What is to be said when the process exits: nothing if there is nothing.
pub(crate) fn conclusion(findings: &Findings, unused_rules: &[String], faults: &[String]) -> String {
    let mut text = String::new();
    let mut line = |words: &str| {
        let _ = writeln!(text, "highwater-leaktest: {words}");
    };
    for fault in faults {
        line(&format!("error: {fault}"));
    }
    let leaking: BTreeSet<&str> = findings.leaks.iter().map(|it| it.test.as_str()).collect();
    if !leaking.is_empty() {
        let names: Vec<&str> = leaking.iter().copied().collect();
        line(&format!(
            "{} of {} left {} alive: {}",
            leaking.len(),
            count(findings.tests.max(leaking.len()), "test"),
            what(&findings.leaks),
            names.join(", ")
        ));
    }
    let has_line = |leak: &Leak| leak.spawned.iter().any(|it| it.line.is_some() && it.origin == Origin::Own);
    if !findings.leaks.is_empty() && !findings.leaks.iter().any(has_line) {
        line(
            "where they were started is known by debug information: set `debug = \"line-tables-only\"` in the profile that tests \
             are built with",
        );
    }
    let exceeding: BTreeSet<&str> = findings.memory.iter().map(|it| it.test.as_str()).collect();
    if !exceeding.is_empty() {
        let names: Vec<&str> = exceeding.iter().copied().collect();
        line(&format!(
            "{} of {} did not keep their limits for memory: {}",
            exceeding.len(),
            count(findings.tests.max(exceeding.len()), "test"),
            names.join(", ")
        ));
    }
    let mut passed: BTreeMap<(u8, &str, bool), usize> = BTreeMap::new();
    for each in &findings.passed_over {
        let (why, detail) = match each.why {
            Why::Global => (0, each.detail.as_str()),
            Why::Rule => (1, each.detail.as_str()),
            Why::Test => (2, each.detail.as_str()),
            Why::Baseline => (3, ""),
        };
        *passed.entry((why, detail, each.kind == Kind::Task)).or_default() += 1;
    }
    for ((why, detail, is_task), number) in passed {
        let threads = count(number, if is_task { "task" } else { "thread" });
        line(&match why {
            0 => format!("passed over {threads} of the process ({detail})"),
            1 => format!("passed over {threads} that highwater.toml allows ({detail})"),
            2 => format!("passed over {threads} that a test allows ({detail})"),
            _ => format!("passed over {threads} of the baseline"),
        });
    }
    if let Some(first) = findings.unjudged.first() {
        let tests: BTreeSet<&str> = findings.unjudged.iter().map(|it| it.test.as_str()).collect();
        let name = if first.name.is_empty() { "a task" } else { &first.name };
        line(&format!(
            "not judged: {} of {} had been woken, or had not begun, when the runtime was dropped, so it cannot be told whether \
             they would have ended. #[highwater_leaktest::test] gives the tasks of a test their time. The first: {name} of {}, \
             spawned {}",
            count(findings.unjudged.len(), "task"),
            count(tests.len(), "test"),
            first.test,
            path(&first.spawned)
        ));
    }
    if findings.lacks_futures {
        line(
            "not judged: the futures of a FuturesUnordered are known by debug information, which this program lacks: set \
             `debug = \"line-tables-only\"` in the profile that tests are built with",
        );
    }
    for rule in unused_rules {
        line(&format!(
            "warning: a rule of highwater.toml allowed nothing here: {rule}. Delete it, or add `program = \"…\"` if it is \
             for another test program."
        ));
    }
    if !findings.unclassified.is_empty() {
        line(&format!(
            "warning: unclassified: {} alive that was not seen to start, and no test is blamed: {}",
            count(findings.unclassified.len(), "thread"),
            findings.unclassified.join(", ")
        ));
    }
    for each in &findings.unclassified_tasks {
        line(&format!(
            "warning: unclassified: a block that may be a task is alive, and no test is blamed, because this version of \
             highwater-leaktest does not know {each}"
        ));
    }
    text
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::PassedOver;

    fn frame(function: &str, file: &str, line: u32, origin: Origin) -> Frame {
        Frame { function: function.to_owned(), file: Some(file.to_owned()), line: Some(line), origin }
    }

    fn leak() -> Leak {
        let here = env::current_dir().unwrap().join("src/worker.rs").display().to_string();
        Leak {
            test: "tests::a".to_owned(),
            kind: Kind::Thread,
            name: "kid".to_owned(),
            activity: Activity::Asleep,
            waited_ms: 512,
            parent: Some("outer".to_owned()),
            spawned: vec![
                frame("pool::spawn", "/x/registry/src/y/pool.rs", 3, Origin::Dependency),
                frame("pool::new", "/x/registry/src/y/pool.rs", 9, Origin::Dependency),
                frame("worker::start", &here, 41, Origin::Own),
            ],
            now: vec![
                Frame {
                    function: "std::thread::sleep".to_owned(),
                    file: None,
                    line: None,
                    origin: Origin::System,
                },
                frame("worker::run", &here, 19, Origin::Own),
            ],
        }
    }

    #[test]
    fn a_leak_is_worded_with_both_stacks() {
        assert_eq!(
            text(&[leak()]),
            "LEAK  tests::a   (waited 512 ms)\n\
             \x20 thread  \"kid\"  asleep for the whole grace   started by thread \"outer\"\n\
             \x20         spawned pool::spawn < src/worker.rs:41 worker::start\n\
             \x20         now     std::thread::sleep < src/worker.rs:19 worker::run\n\
             \x20 fix: end and join it, or allow it in highwater.toml with a reason\n"
        );
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn a_long_path_is_cut() {
        let frames: Vec<Frame> = (0..9).map(|line| frame("f", "a.rs", line, Origin::Own)).collect();
        assert_eq!(path(&frames), "a.rs:0 f < a.rs:1 f < a.rs:2 f < a.rs:3 f < …");
    }

    #[test]
    fn the_conclusion_says_what_there_is_and_else_nothing() {
        assert_eq!(conclusion(&Findings { tests: 3, ..Findings::default() }, &[], &[]), "");
        let passed = PassedOver {
            test: "b".to_owned(),
            kind: Kind::Thread,
            name: "pool".to_owned(),
            why: Why::Global,
            detail: "std::sync::Once".to_owned(),
        };
        let findings = Findings {
            memory: vec![],
            program: "p".to_owned(),
            tests: 3,
            leaks: vec![leak(), leak()],
            passed_over: vec![passed.clone(), passed],
            unclassified: vec!["raw".to_owned()],
            unclassified_tasks: vec!["tokio 2.0".to_owned()],
            unjudged: vec![leak(), leak()],
            lacks_futures: true,
        };
        let said = conclusion(&findings, &["threads = \"x\"".to_owned()], &["a fault".to_owned()]);
        for words in [
            "error: a fault\n",
            "1 of 3 tests left threads alive: tests::a\n",
            "passed over 2 threads of the process (std::sync::Once)\n",
            "allowed nothing here: threads = \"x\".",
            "does not know tokio 2.0\n",
            "not judged: the futures of a FuturesUnordered are known by debug information",
            "not judged: 2 tasks of 1 test had been woken, or had not begun, when the runtime was dropped, ",
            "The first: kid of tests::a, spawned pool::spawn < src/worker.rs:41 worker::start\n",
            "1 thread alive that was not seen to start, and no test is blamed: raw\n",
        ] {
            assert!(said.contains(words), "{words:?} is missing from {said}");
        }
    }
}
