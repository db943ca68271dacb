//! The leaks of one test, and what is alive in a test that hangs, in words.

use std::fmt::Write;

use super::calls::path;
use super::fix::{self, Way};
use super::group;
use super::phrases::verb;
use crate::finding::{Activity, Frame, Kind, Leak};

/// Of how many lines is shown what is alive in a test that hangs.
const MOST_LINES: usize = 8;

/// The leaks of one test, or of one guard, and what can be done in the `way` that it was checked.
pub(crate) fn text(leaks: &[Leak], way: Way) -> String {
    let Some(first) = leaks.first() else { return String::new() };
    let groups = group::leaks(leaks);
    let mut text = format!("LEAK  {}   (waited {} ms)\n", first.test, first.waited_ms);
    groups.iter().for_each(|it| text += &paragraph(it));
    text + &fix::of_leaks(&groups, way)
}

/// A test that has run for `seconds` and sleeps, the calls that it is in, and what of its own is alive.
pub(crate) fn hang(test: &str, seconds: u64, now: &[Frame], alive: &[Leak]) -> String {
    let mut text = format!("HANG  {test}   (has run for {seconds} s, and sleeps)\n");
    if !now.is_empty() {
        let _ = writeln!(text, "  now     {}", path(now));
    }
    let groups = group::leaks(alive);
    groups.iter().take(MOST_LINES).for_each(|it| text += &paragraph(it));
    if groups.len() > MOST_LINES {
        let more: Vec<&Leak> = groups[MOST_LINES..].iter().flatten().copied().collect();
        let _ = writeln!(text, "  … and {} more", group::number(&more));
    }
    text += match alive.is_empty() {
        true => "  nothing that it started is alive\n",
        false => {
            "  this is alive of what it started; a runtime that is dropped waits for its blocking calls\n"
        }
    };
    text
}

/// The threads and tasks of one line: their number where there are several, and the first.
fn paragraph(leaks: &[&Leak]) -> String {
    let Some(first) = leaks.first() else { return String::new() };
    let are_tasks = leaks.iter().all(|it| it.kind == Kind::Task);
    let is_of_one_kind = leaks.iter().all(|it| it.kind == first.kind);
    let mut text = String::from("  ");
    if leaks.len() == 1 {
        text += &match (first.kind, first.id) {
            (Kind::Thread, _) => "thread  ".to_owned(),
            (Kind::Task, _) => "task    ".to_owned(),
            (Kind::Descriptor, id) => format!("fd {:<5}", id.map_or_else(String::new, |it| it.to_string())),
            (Kind::Child, id) => format!("child {} ", id.map_or_else(String::new, |it| it.to_string())),
        };
    } else {
        text += &group::number(leaks);
        let types = group::different(leaks, |it| it.name.as_str()).len();
        if are_tasks && types > 1 {
            let _ = write!(text, " of {types} types");
        }
        text += if is_of_one_kind { "  for example " } else { "  for example the " };
        text += match first.kind {
            _ if is_of_one_kind => "",
            Kind::Thread => "thread ",
            Kind::Task => "task ",
            Kind::Descriptor => "descriptor of the ",
            Kind::Child => "child ",
        };
    }
    let _ = match first.kind {
        Kind::Thread => write!(text, "{:?}  {}", first.name, activity(first.activity)),
        Kind::Task if first.name.is_empty() => {
            write!(text, "of a type that is not known  {}", activity(first.activity))
        }
        Kind::Task | Kind::Descriptor => write!(text, "{}  {}", first.name, activity(first.activity)),
        Kind::Child => write!(text, "`{}`  {}", first.name, activity(first.activity)),
    };
    if let Some(parent) = &first.parent {
        let _ = write!(
            text,
            "   {} by thread {parent:?}",
            if first.kind == Kind::Descriptor { "opened" } else { "started" }
        );
    }
    text.push('\n');
    if !first.spawned.is_empty() {
        let _ = write!(text, "          {:<7} {}", verb(first.kind), path(&first.spawned));
        let paths = group::different(leaks, |it| path(&it.spawned)).len();
        if paths > 1 {
            let _ = write!(text, "   (one of {paths} ways)");
        }
        text.push('\n');
    }
    if !first.now.is_empty() {
        let _ = writeln!(text, "          now     {}", path(&first.now));
    }
    text
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
        Activity::Open => "open",
        Activity::Running => "running",
        Activity::Zombie => "ended, and nobody has waited for it",
    }
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;
    use crate::finding::Origin;

    fn leak() -> Leak {
        let here = env::current_dir().unwrap().join("src/worker.rs").display().to_string();
        Leak {
            test: "tests::a".to_owned(),
            kind: Kind::Thread,
            name: "kid".to_owned(),
            activity: Activity::Asleep,
            waited_ms: 512,
            parent: Some("outer".to_owned()),
            id: None,
            spawned: vec![
                Frame::at("pool::spawn", "/x/registry/src/y/pool.rs", 3, Origin::Dependency),
                Frame::at("pool::new", "/x/registry/src/y/pool.rs", 9, Origin::Dependency),
                Frame::at("worker::start", &here, 41, Origin::Own),
            ],
            now: vec![
                Frame {
                    function: "std::thread::sleep".to_owned(),
                    file: None,
                    line: None,
                    origin: Origin::System,
                },
                Frame::at("worker::run", &here, 19, Origin::Own),
            ],
        }
    }

    #[test]
    fn a_path_has_one_call_of_every_crate() {
        let of = |krate: &str, function: &str| {
            Frame::at(function, &format!("/x/registry/src/y/{krate}/src/a.rs"), 3, Origin::Dependency)
        };
        let own = |line| Frame::at("mine::a", "/x/mine/src/a.rs", line, Origin::Own);
        let frames = [
            of("tokio-1.54.1", "tokio::task::spawn::spawn"),
            of("tokio-1.54.1", "tokio::runtime::Handle::spawn"),
            of("hyper-util-0.1.0", "<T as hyper_util::rt::Executor>::execute"),
            of("reqwest-0.12.0", "reqwest::connect"),
            own(1),
            of("tower-0.5.0", "tower::call"),
            of("tokio-1.54.1", "tokio::runtime::task::raw::poll"),
            own(2),
        ];
        let crates =
            "tokio::task::spawn::spawn < <T as hyper_util::rt::Executor>::execute < reqwest::connect";
        let rest = "/x/mine/src/a.rs:1 mine::a < tower::call < /x/mine/src/a.rs:2 mine::a";
        assert_eq!(path(&frames), format!("{crates} < {rest}"));
        // Own calls may be many. No crate behind them is left out.
        let long: Vec<Frame> = (1..9).map(own).chain([of("late-1.0.0", "late::run")]).collect();
        assert!(path(&long).ends_with("a.rs:4 mine::a < … < late::run"), "{}", path(&long));
        // Without debug information the names of functions tell.
        let bare = ["a::x", "a::y", "<b::T>::z"].map(|it| Frame { file: None, ..of("", it) });
        assert_eq!(path(&bare), "a::x < <b::T>::z");
    }

    #[test]
    fn a_leak_is_worded_with_both_stacks() {
        assert_eq!(
            text(&[leak()], Way::Attribute),
            "LEAK  tests::a   (waited 512 ms)\n\
             \x20 thread  \"kid\"  asleep for the whole grace   started by thread \"outer\"\n\
             \x20         spawned pool::spawn < src/worker.rs:41 worker::start\n\
             \x20         now     std::thread::sleep < src/worker.rs:19 worker::run\n\
             \x20 fix: end and join it; or allow it, in highwater.toml:\n\
             \x20         [[leaktest.allow]]\n\
             \x20         threads = \"kid\"\n\
             \x20         spawned = \"worker::start\"\n\
             \x20         reason = \"why this may stay\"\n\
             \x20      or in this test:\n\
             \x20         #[highwater_leaktest::test(allow(threads = \"kid\"))]\n"
        );
        assert_eq!(text(&[], Way::Attribute), "");
    }

    fn task(name: &str, line: u32) -> Leak {
        let mut task =
            Leak { kind: Kind::Task, name: name.to_owned(), activity: Activity::Pending, ..leak() };
        task.parent = None;
        task.now = vec![];
        task.spawned[2].line = Some(line);
        task
    }

    /// The paragraphs of a text, without what can be done.
    fn paragraphs(leaks: &[Leak]) -> String {
        let text = text(leaks, Way::Attribute);
        let begin = text.find('\n').expect("it has a first line") + 1;
        text[begin..text.find("  fix: ").expect("it says what can be done")].to_owned()
    }

    #[test]
    fn what_one_line_started_is_one_paragraph() {
        assert_eq!(
            paragraphs(&vec![task("db::ask::{async_fn}", 7); 24]),
            "  24 tasks  for example db::ask::{async_fn}  waiting\n\
             \x20         spawned pool::spawn < src/worker.rs:7 worker::start\n"
        );
        let mut other = task("db::tell::{async_fn}", 7);
        other.spawned.push(Frame::at("tests::a", "a.rs", 5, Origin::Own));
        assert_eq!(
            paragraphs(&[task("db::ask::{async_fn}", 7), task("", 8), other]),
            "  2 tasks of 2 types  for example db::ask::{async_fn}  waiting\n\
             \x20         spawned pool::spawn < src/worker.rs:7 worker::start   (one of 2 ways)\n\
             \x20 task    of a type that is not known  waiting\n\
             \x20         spawned pool::spawn < src/worker.rs:8 worker::start\n"
        );
        let mixed = paragraphs(&[leak(), task("t", 41), Leak { name: "other".to_owned(), ..leak() }]);
        assert!(
            mixed.starts_with("  2 threads and 1 task  for example the thread \"kid\"  asleep "),
            "{mixed}"
        );
        assert_eq!(mixed.matches("spawned").count(), 1, "{mixed}");
    }

    #[test]
    fn what_other_crates_started_in_different_ways_is_not_put_together() {
        let of_others = |outer: &str| {
            let spawned = [("tokio::spawn", 9), (outer, 4)];
            let spawned =
                spawned.map(|(it, line)| Frame::at(it, "/x/registry/src/y/a.rs", line, Origin::Dependency));
            Leak { spawned: spawned.into(), ..task("t", 1) }
        };
        let said = paragraphs(&[of_others("db::open"), of_others("web::serve"), of_others("db::open")]);
        assert!(said.contains("  2 tasks  for example t  ") && said.contains("  task    t  "), "{said}");
    }

    #[test]
    fn what_is_alive_in_a_test_that_hangs_is_counted_and_cut() {
        let alive: Vec<Leak> = (0..30).map(|it| task("t", it % 10)).collect();
        let said = hang("tests::a", 20, &[], &alive);
        assert_eq!(said.matches("  3 tasks  for example t  waiting\n").count(), MOST_LINES, "{said}");
        assert!(said.contains("  … and 6 tasks more\n"), "{said}");
    }

    #[test]
    fn a_long_path_is_cut() {
        let frames: Vec<Frame> = (0..9).map(|line| Frame::at("f", "a.rs", line, Origin::Own)).collect();
        assert_eq!(path(&frames), "a.rs:0 f < a.rs:1 f < a.rs:2 f < a.rs:3 f < …");
    }
}
