//! Tests that hang. A leak may keep its own verdict from being reached: a runtime that is dropped waits for
//! its blocking calls.
//!
//! A thread of the harness's looks now and then at how long tests have run. Of one that has run for longer
//! than is set, and sleeps, it is said once where it waits and what of its own is alive. The test goes on to
//! wait.

use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use highwater_hooks::{State, Thread, present_stack};
use highwater_ledger as ledger;

use crate::evidence::path;
use crate::evidence::symbols;
use crate::finding::{Frame, Kind, Leak, Origin};
use crate::judge;
use crate::message;
use crate::report;
use crate::scope::TestScope;
use crate::settings::rules::Hang;
use crate::settings::settings;

/// The shortest pause between two looks at all tests, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// A test that runs for less than a tenth of this time sleeps.
const WINDOW: Duration = Duration::from_millis(200);

static RUNNING: Mutex<Vec<Running>> = Mutex::new(Vec::new());

fn running() -> MutexGuard<'static, Vec<Running>> {
    // Each change is one push or removal, whole even when a test panicked around it.
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A test, or a part of one, that runs.
struct Running {
    number: u64,
    thread: Thread,
    /// Its full name, where that is known.
    test: Option<String>,
    scope: Arc<TestScope>,
    began: Instant,
    is_told: bool,
}

/// Has a test be watched until it is dropped.
#[derive(Debug)]
#[must_use = "the test is watched until this is dropped"]
pub(crate) struct Watch(u64);

impl Drop for Watch {
    fn drop(&mut self) {
        let _unrecorded = ledger::pause();
        let mut running = running();
        if let Some(place) = running.iter().position(|it| it.number == self.0) {
            let ended = running.remove(place);
            drop(running);
            drop(ended);
        }
    }
}

/// Watches the test that `thread` runs in `scope`.
pub(crate) fn watch(thread: &Thread, test: Option<&str>, scope: &Arc<TestScope>) -> Watch {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let _unrecorded = ledger::pause();
    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    let (thread, test, scope) = (thread.clone(), test.map(str::to_owned), Arc::clone(scope));
    // What has no name of its own is all that its thread does.
    let began = if test.is_some() { Instant::now() } else { thread.began() };
    running().push(Running { number, thread, test, scope, began, is_told: false });
    Watch(number)
}

/// Watches the test called `test`, which the calling thread runs in `scope`. `None` where that thread is not
/// known.
pub(crate) fn watch_current(test: &str, scope: &Arc<TestScope>) -> Option<Watch> {
    start();
    highwater_hooks::current().map(|thread| watch(&thread, Some(test), scope))
}

/// Starts the thread that watches, once.
pub(crate) fn start() {
    static IS_STARTED: AtomicBool = AtomicBool::new(false);
    let Hang::After(limit) = settings().hang else { return };
    if IS_STARTED.load(Ordering::Relaxed) || IS_STARTED.swap(true, Ordering::Relaxed) {
        return;
    }
    // The thread is of no test.
    let _unrecorded = ledger::pause();
    let nobody = highwater_hooks::Scope::new();
    let _outside = nobody.enter();
    // Without this thread no message about a hanging test appears. Nothing else is missing.
    let _ = thread::Builder::new().name("leaktest-watch".to_owned()).spawn(move || {
        let mut told = BTreeSet::new();
        loop {
            thread::sleep((limit / 8).clamp(PAUSES.0, PAUSES.1));
            let _ = panic::catch_unwind(AssertUnwindSafe(|| {
                look(limit);
                look_at_idle(&mut told, limit);
            }));
        }
    });
}

/// Reports the tests that have run for longer than `limit`, sleep, and have no scope, since they have no
/// threads and no tasks. `told` has the numbers of the threads whose tests were reported.
fn look_at_idle(told: &mut BTreeSet<u64>, limit: Duration) {
    let known: Vec<u64> = running().iter().map(|it| it.thread.number()).collect();
    let mut threads = highwater_hooks::threads();
    threads.retain(|it| it.is_of_main() && !it.is_in_scope() && it.began().elapsed() >= limit);
    threads.retain(|it| !known.contains(&it.number()) && !told.contains(&it.number()));
    for thread in threads {
        if sleeps(&thread) {
            told.insert(thread.number());
            tell(&thread, &[(None, Arc::new(TestScope::new()), thread.began())]);
        }
    }
}

/// Reports the tests that have run for longer than `limit`, and sleep.
fn look(limit: Duration) {
    for (thread, parts) in late(limit) {
        let sleeps = sleeps(&thread);
        // Looking takes time, in which it may have ended.
        let mut running = running();
        let mut own = running.iter_mut().filter(|it| it.thread.number() == thread.number()).peekable();
        if !sleeps || own.peek().is_none() {
            continue;
        }
        own.for_each(|it| it.is_told = true);
        drop(running);
        tell(&thread, &parts);
    }
}

/// What is said of a part of a test: its name where it is known, its scope, and when it began.
type Part = (Option<String>, Arc<TestScope>, Instant);

/// Threads of tests that have run for longer than `limit` and were not reported, with the parts of the tests,
/// the outer one first.
fn late(limit: Duration) -> Vec<(Thread, Vec<Part>)> {
    let mut late: Vec<(Thread, Vec<Part>)> = Vec::new();
    for each in running().iter().filter(|it| !it.is_told) {
        let part = || (each.test.clone(), Arc::clone(&each.scope), each.began);
        match late.iter_mut().find(|(thread, _)| thread.number() == each.thread.number()) {
            Some((_, parts)) => parts.push(part()),
            None if each.began.elapsed() >= limit => late.push((each.thread.clone(), vec![part()])),
            None => {}
        }
    }
    late
}

fn sleeps(thread: &Thread) -> bool {
    let Some(before) = thread.read() else { return false };
    thread::sleep(WINDOW);
    thread.read().is_some_and(|after| {
        let ran = Duration::from_nanos(after.busy_ns.saturating_sub(before.busy_ns));
        after.state != State::Running && ran * 10 < WINDOW
    })
}

fn tell(thread: &Thread, parts: &[Part]) {
    let name = thread.read().map(|it| it.name).unwrap_or_default();
    let frames = symbols::spawn_frames(&present_stack(thread).unwrap_or_default());
    let known = parts.iter().rev().find_map(|(test, ..)| test.clone());
    let test = known.unwrap_or_else(|| test_name(&name, &frames));
    let mut alive: Vec<Leak> = Vec::new();
    for (_, scope, _) in parts {
        alive.extend(judge::alive(&test, scope));
    }
    // Calls that may block come first: dropping their runtime waits for them, and its other threads only for
    // that.
    alive.sort_by_key(|it| it.kind != Kind::Task);
    let seconds = parts.first().map_or(0, |(.., began)| began.elapsed().as_secs());
    message::say(&report::hang(&test, seconds, &path::present_path(&frames), &alive));
}

/// The full name of a test. The kernel keeps its beginning as the name of the thread, so the outermost
/// function whose name begins so is the test.
fn test_name(thread: &str, frames: &[Frame]) -> String {
    let functions = frames.iter().rev().filter(|it| it.origin == Origin::Own);
    let paths = functions.filter_map(|it| Some(path::without_closures(&it.function).split_once("::")?.1));
    paths.into_iter().find(|it| it.starts_with(thread)).unwrap_or(thread).to_owned()
}

#[cfg(all(test, target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod tests {
    use super::*;
    use crate::entry::whole::new_scope;

    #[test]
    fn a_test_is_known_by_the_beginning_of_its_name() {
        let frame = |function: &str| Frame::without_place(function, Origin::Own);
        let frames = ["dependency::tests::a_lo", "mine::helper", "mine::tests::a_long_name::{{closure}}"];
        let frames = frames.map(frame);
        assert_eq!(test_name("tests::a_long_n", &frames), "tests::a_long_name");
        assert_eq!(test_name("tests::b", &frames), "tests::b");
    }

    #[test]
    fn only_tests_that_run_for_long_are_late() {
        let scope = Arc::new(new_scope());
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let number = thread::spawn({
            let scope = Arc::clone(&scope);
            move || {
                let thread = highwater_hooks::current().expect("it was seen to start");
                let (outer, inner) = (watch(&thread, None, &scope), watch_current("inner", &scope));
                let own = |limit| {
                    late(limit).into_iter().find(|it| it.0.number() == thread.number()).map(|it| it.1.len())
                };
                assert_eq!((own(Duration::ZERO), own(Duration::from_secs(3600))), (Some(2), None));
                drop((outer, inner));
                assert_eq!(own(Duration::ZERO), None);
                let _ = wait.recv_timeout(Duration::from_millis(1));
                thread.number()
            }
        });
        assert!(number.join().unwrap() > 0);
        drop(release);
    }
}
