//! The verdict on what a test holds of the system's: descriptors that are open, and child processes that are
//! there.
//!
//! They have what is left of the grace, since a thread may be about to close them. The stack that
//! opened or started something, and the thread that did so, show whether it belongs to the process.

use std::collections::BTreeSet;
use std::thread as std_thread;
use std::time::{Duration, Instant};

use highwater_hooks::{Child, Descriptor, Thread, about_descriptor, is_in_once};

use crate::evidence::classify;
use crate::evidence::path;
use crate::evidence::symbols;
use crate::finding::{Activity, Frame, Kind, Leak, PassedOver, Verdict, Why};
use crate::options::{Allowed, Denied};
use crate::pauses::Pauses;
use crate::program;
use crate::scope::TestScope;
use crate::settings::known;
use crate::settings::pattern;
use crate::settings::rules::{Policy, Rule};
use crate::settings::settings;

/// From when on stacks are given names, which takes a while the first time.
const LOOK_AFTER: Duration = Duration::from_millis(20);

/// Whether there may be any. Two loads.
pub(crate) fn may_be_left(scope: &TestScope) -> bool {
    scope.threads().live_descriptors() > 0 || scope.threads().live_children() > 0
}

/// A descriptor or a child.
enum Held {
    Descriptor(Descriptor),
    Child(Child),
}

impl Held {
    fn kind(&self) -> Kind {
        match self {
            Self::Descriptor(_) => Kind::Descriptor,
            Self::Child(_) => Kind::Child,
        }
    }

    /// What tells it from all others of its kind.
    fn key(&self) -> (bool, u64) {
        match self {
            Self::Descriptor(it) => (false, it.serial()),
            Self::Child(it) => (true, it.serial()),
        }
    }

    /// The kernel's number for it.
    fn number(&self) -> u32 {
        match self {
            Self::Descriptor(it) => it.number(),
            Self::Child(it) => it.process(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Descriptor(it) => about_descriptor(it.number()).unwrap_or_default(),
            Self::Child(it) => it.command().to_owned(),
        }
    }

    fn activity(&self) -> Activity {
        match self {
            Self::Descriptor(_) => Activity::Open,
            Self::Child(it) if it.is_over() => Activity::Zombie,
            Self::Child(_) => Activity::Running,
        }
    }

    /// The thread that it comes from.
    fn origin(&self) -> Option<&Thread> {
        match self {
            Self::Descriptor(it) => it.opener(),
            Self::Child(it) => it.starter(),
        }
    }

    fn stack(&self) -> &[usize] {
        match self {
            Self::Descriptor(it) => it.open_stack(),
            Self::Child(it) => it.start_stack(),
        }
    }

    /// What of its stack is worth showing.
    fn path(&self, frames: &[Frame]) -> Vec<Frame> {
        match self {
            Self::Descriptor(_) => path::open_path(frames),
            Self::Child(_) => path::start_path(frames),
        }
    }
}

/// What is there of the kinds that are denied.
fn held(scope: &TestScope, denied: Denied) -> Vec<Held> {
    let threads = scope.threads();
    let mut held = Vec::new();
    if denied.descriptors && threads.live_descriptors() > 0 {
        held.extend(threads.descriptors().into_iter().map(Held::Descriptor));
    }
    if denied.children && threads.live_children() > 0 {
        held.extend(threads.children().into_iter().map(Held::Child));
    }
    held
}

/// Waits for the descriptors and children of `scope`, in which the test called `test` ran, until `grace` has
/// passed since it `began` to be waited for, and judges those that stay.
pub(crate) fn judge(
    test: &str,
    scope: &TestScope,
    began: Instant,
    grace: Duration,
    allowed: &Allowed<'_, impl AsRef<str>>,
) -> Verdict {
    let denied = allowed.denied.with_settings();
    let mut pauses = Pauses::new();
    // What was excused, so that it need not be looked at again.
    let mut excused = BTreeSet::new();
    let mut verdict = Verdict::default();
    loop {
        let mut held = held(scope, denied);
        held.retain(|it| !excused.contains(&it.key()));
        if held.is_empty() {
            return verdict;
        }
        let waited = began.elapsed();
        for each in &held {
            // Names are not needed for most of what belongs to the process.
            let quick = quick_excuse(each);
            if quick.is_none() && waited < LOOK_AFTER.min(grace) {
                continue;
            }
            let frames = if quick.is_none() { symbols::spawn_frames(each.stack()) } else { Vec::new() };
            let path = each.path(&frames);
            let name = each.name();
            let excuse = quick
                .map(|place| (Why::Global, place.to_owned()))
                .or_else(|| self::excuse(each, test, &name, &frames, &path, allowed));
            if let Some((why, detail)) = excuse {
                excused.insert(each.key());
                let (test, kind) = (test.to_owned(), each.kind());
                verdict.passed_over.push(PassedOver { test, kind, name, why, detail });
            } else if waited >= grace {
                let leak = leak(each, test, name, path, waited);
                if settings().baseline.has(program::name(), &leak) {
                    let Leak { test, kind, name, .. } = leak;
                    let (why, detail) = (Why::Baseline, String::new());
                    verdict.passed_over.push(PassedOver { test, kind, name, why, detail });
                } else {
                    verdict.leaks.push(leak);
                }
            }
        }
        if waited >= grace {
            return verdict;
        }
        std_thread::sleep(pauses.next());
    }
}

/// What of the test called `test` is there at this moment and not excused. Nothing is waited for, and it is
/// no verdict.
pub(crate) fn alive(test: &str, scope: &TestScope) -> Vec<Leak> {
    let nothing: [&str; 0] = [];
    let allowed = Allowed::of_nothing(&nothing);
    let mut alive = Vec::new();
    // A call that waits for a child is what hangs; one that reads from a descriptor is on the stack.
    for each in held(scope, Denied { descriptors: false, children: settings().children != Policy::Off }) {
        let frames = symbols::spawn_frames(each.stack());
        let (path, name) = (each.path(&frames), each.name());
        if excuse(&each, test, &name, &frames, &path, &allowed).is_none() {
            alive.push(leak(&each, test, name, path, Duration::ZERO));
        }
    }
    alive
}

fn leak(held: &Held, test: &str, name: String, spawned: Vec<Frame>, waited: Duration) -> Leak {
    let parent = held.origin().filter(|it| it.is_in_scope()).and_then(|it| it.read()).map(|it| it.name);
    Leak {
        test: test.to_owned(),
        kind: held.kind(),
        name,
        activity: held.activity(),
        waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
        parent,
        id: Some(held.number()),
        spawned,
        now: Vec::new(),
    }
}

/// What tells without names that it belongs to the process.
fn quick_excuse(held: &Held) -> Option<&'static str> {
    if matches!(held, Held::Descriptor(it) if it.number() <= 2) {
        return Some("a standard stream");
    }
    let is_of_process = || held.origin().is_some_and(|it| it.is_in_scope() && is_in_once(it.spawn_stack()));
    (is_in_once(held.stack()) || is_of_process()).then_some("std::sync::Once")
}

/// Why it may stay, if it may.
fn excuse(
    held: &Held,
    test: &str,
    name: &str,
    frames: &[Frame],
    path: &[Frame],
    allowed: &Allowed<'_, impl AsRef<str>>,
) -> Option<(Why, String)> {
    let global = |place: &str| Some((Why::Global, place.to_owned()));
    if let Some(place) = classify::passes_through(frames) {
        return global(place);
    }
    if frames.iter().any(|it| it.function.contains("std::sys::thread_local::")) {
        return global("a thread-local");
    }
    let is_of_tokio = || path.iter().any(|it| it.function.contains("tokio::process::"));
    if matches!(held, Held::Child(it) if it.is_over()) && is_of_tokio() {
        return global("tokio, whose next runtime waits for its children that have ended");
    }
    if let Some(origin) = held.origin()
        && let Some(excuse) = thread_excuse(origin, test, allowed)
    {
        return Some(excuse);
    }
    let kind = held.kind();
    let patterns = if kind == Kind::Child { allowed.children } else { allowed.descriptors };
    if let Some(it) = patterns.iter().find(|it| pattern::matches_a_name(it.as_ref(), kind, name)) {
        return Some((Why::Test, it.as_ref().to_owned()));
    }
    let program = program::name();
    let allows = |rule: &&Rule| rule.allows(kind, program, test, name, path);
    let by_rule = settings().rules.iter().find(allows).map(|rule| (Why::Rule, rule.reason.clone()));
    by_rule.or_else(|| Some((Why::Global, known::reason(kind, program, test, name, path)?)))
}

/// Why a thread may stay: then so may what it has opened or started.
fn thread_excuse(
    thread: &Thread,
    test: &str,
    allowed: &Allowed<'_, impl AsRef<str>>,
) -> Option<(Why, String)> {
    if !thread.is_in_scope() {
        // The test's own thread.
        return None;
    }
    if let Some(place) = classify::global(thread) {
        return Some((Why::Global, place.to_owned()));
    }
    let name = thread.read()?.name;
    if let Some(it) = allowed.threads.iter().find(|it| pattern::matches(it.as_ref(), &name)) {
        return Some((Why::Test, it.as_ref().to_owned()));
    }
    let spawned = path::spawn_path(&symbols::spawn_frames(thread.spawn_stack()));
    let program = program::name();
    let allows = |rule: &&Rule| rule.allows(Kind::Thread, program, test, &name, &spawned);
    let by_rule = settings().rules.iter().find(allows).map(|rule| (Why::Rule, rule.reason.clone()));
    by_rule.or_else(|| Some((Why::Global, known::reason(Kind::Thread, program, test, &name, &spawned)?)))
}
