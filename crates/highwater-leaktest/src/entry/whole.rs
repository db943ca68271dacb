//! Every test of a program: those that libtest runs, each of them in a thread of its own.
//!
//! libtest starts these threads from the main thread, names them after their tests, and joins each before it
//! prints the result. So a test's thread is judged as the last thing it does, and what is said stands beside
//! the right line. By then the thread no longer knows its name; a thread-local that is older than its threads
//! and tasks takes it down before.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::thread as std_thread;

use highwater_hooks::{Inherited, Observer, Thread, observe};
use highwater_ledger as ledger;

use super::hang::{self, Watch};
use crate::evidence::constants;
use crate::evidence::symbols;
use crate::finding::{Frame, Origin, Verdict};
use crate::judge::{self, memory};
use crate::limits::Limits;
use crate::message;
use crate::options::Allowed;
use crate::outcomes;
use crate::report::{self, Way};
use crate::scope::{self, TestScope};
use crate::settings::rules::{Blocks, Which};
use crate::settings::settings;

/// Sees all threads from the start of the process.
const OBSERVER: Observer = Observer { starts, started: scope::started, notes: open, began, ends };

/// Whether every test of the program is checked.
static IS_WHOLE: AtomicBool = AtomicBool::new(false);
/// Whether the scope of a test is opened with its thread, since any block of it may be of interest.
static IS_EAGER: AtomicBool = AtomicBool::new(false);
/// Whether the program has libtest, so that what the main thread starts are tests.
static HAS_LIBTEST: AtomicBool = AtomicBool::new(false);

/// Where the main thread started its first thread.
static MAIN_STACK: OnceLock<Box<[usize]>> = OnceLock::new();

/// The scope of a thread that may be a test, and what watches how long it runs.
type Watched = (Arc<TestScope>, Watch);

thread_local! {
    /// Whether this thread may be a test, and has done nothing yet for which it would need a scope.
    static IS_IDLE: Cell<bool> = const { Cell::new(false) };
    /// The scope of a thread that may be a test. Nothing is destroyed with the thread: it is taken out as the
    /// last thing.
    static SCOPE: Cell<Option<ManuallyDrop<Watched>>> = const { Cell::new(None) };
    static IS_MEMORY_JUDGED: Cell<bool> = const { Cell::new(false) };
    static NAME_TAKER: NameTaker = const { NameTaker(OnceLock::new()) };
}

/// Follows the threads of this process from now on.
pub(crate) fn begin() {
    if settings().which == Which::All {
        let least_align = settings().blocks.least_align();
        let is_eager = least_align.is_some_and(|it| it < constants::WIDE);
        if let Some(least_align) = least_align.filter(|_| !is_eager) {
            ledger::open_when_wanted(least_align, open);
        }
        HAS_LIBTEST.store(constants::has_libtest(), Ordering::Relaxed);
        IS_EAGER.store(is_eager, Ordering::Relaxed);
        IS_WHOLE.store(true, Ordering::Relaxed);
    }
    observe(OBSERVER);
}

struct NameTaker(OnceLock<Thread>);

impl Drop for NameTaker {
    fn drop(&mut self) {
        // A copy of the name is none of the test's blocks.
        let _unrecorded = ledger::pause();
        if let (Some(thread), Some(name)) = (self.0.get(), std_thread::current().name()) {
            thread.set_label(name);
        }
    }
}

fn starts() -> Option<Inherited> {
    if IS_WHOLE.load(Ordering::Relaxed) {
        open();
        hang::start();
    }
    scope::starts()
}

fn began(thread: &Thread) {
    scope::began(thread);
    if !IS_WHOLE.load(Ordering::Relaxed) || !thread.is_of_main() || thread.is_in_scope() {
        return;
    }
    if !thread.spawn_stack().is_empty() {
        let _ = MAIN_STACK.set(thread.spawn_stack().into());
    }
    IS_IDLE.set(true);
    if IS_EAGER.load(Ordering::Relaxed) {
        open();
    }
}

/// A new scope inside of the calling thread's test, whose own scope is opened first: it is around all others.
pub(crate) fn new_scope() -> TestScope {
    open();
    TestScope::new()
}

/// Opens the scope of the calling thread's test, which is about to start a thread or a child, to open a
/// descriptor or to make a task. Most tests do none of these, and pay for none.
pub(crate) fn open() {
    if !IS_IDLE.get() {
        return;
    }
    IS_IDLE.set(false);
    let _ = panic::catch_unwind(|| {
        let Some(thread) = highwater_hooks::current() else { return };
        NAME_TAKER.with(|it| it.0.set(thread.clone()).unwrap_or(()));
        let scope = Arc::new(TestScope::new());
        let watch = hang::watch(&thread, None, &scope);
        scope.enter_for_good();
        SCOPE.set(Some(ManuallyDrop::new((scope, watch))));
    });
}

fn ends(thread: &Thread) {
    scope::ends(thread);
    if IS_IDLE.get() {
        IS_IDLE.set(false);
        return match HAS_LIBTEST.load(Ordering::Relaxed) {
            true => outcomes::note_idle_test(),
            false => outcomes::note_foreign(),
        };
    }
    let Some((scope, watch)) = SCOPE.take().map(ManuallyDrop::into_inner) else { return };
    drop(watch);
    let _ = panic::catch_unwind(|| judge_test(thread, &scope));
}

fn judge_test(thread: &Thread, scope: &TestScope) {
    // A test that did nothing before the destructors of its thread-locals has lost its name to them, but for
    // what the kernel keeps.
    let kept = || thread.read().filter(|_| HAS_LIBTEST.load(Ordering::Relaxed)).map(|it| it.name);
    let Some(test) = thread.label().map(str::to_owned).or_else(kept) else { return outcomes::note_foreign() };
    let test = test.as_str();
    judge_memory(test, scope);
    if judge::is_clean(scope) {
        return outcomes::note_test(&Verdict::default());
    }
    if !is_libtest() {
        return outcomes::note_foreign();
    }
    let nothing: [&str; 0] = [];
    let verdict = judge::judge(test, scope, None, Allowed::of_nothing(&nothing));
    outcomes::note_test(&verdict);
    if !verdict.leaks.is_empty() {
        message::say(&report::text(&verdict.leaks, Way::Attribute));
    }
}

/// The limits of a test, with those that are set for all.
pub(crate) fn with_rules(mut limits: Limits) -> Limits {
    limits.denies_blocks |= settings().blocks == Blocks::Deny;
    limits
}

/// The calling thread's test has had its verdict on memory, or fails anyway.
pub(crate) fn memory_is_judged() {
    IS_MEMORY_JUDGED.set(true);
}

/// A test without the attribute, when no test may leave blocks.
fn judge_memory(test: &str, scope: &TestScope) {
    let limits = with_rules(Limits::default());
    let Some(ledger) = scope.ledger().filter(|_| limits.is_any() && !IS_MEMORY_JUDGED.get()) else { return };
    let found = memory::judge(test, ledger, limits, &[""; 0], settings().grace);
    outcomes::note_memory(&found);
    if !found.is_empty() {
        message::say(&report::memory_text(&found, Way::Attribute));
    }
}

/// Whether the test program itself has debug information.
pub(crate) fn has_lines() -> bool {
    symbols::have_lines(MAIN_STACK.get().map_or(&[], |it| it))
}

/// Whether the main thread runs libtest. Where nothing has a name, the names of threads have to do.
fn is_libtest() -> bool {
    static IS_LIBTEST: LazyLock<bool> = LazyLock::new(|| {
        let stack = MAIN_STACK.get().map_or(&[][..], |it| it);
        let is_harness = |it: &Frame| (it.origin == Origin::TestHarness).then_some(());
        symbols::first_of(stack, is_harness).is_some()
            || symbols::spawn_frames(stack).iter().all(|it| it.origin == Origin::System)
    });
    *IS_LIBTEST
}
