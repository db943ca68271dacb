//! The verdict on a scope: its threads are waited for, some of those that stay are excused, and the rest are leaks. Its tasks are
//! waited for meanwhile ([`crate::task_wait`]).
//!
//! Nothing is done for a scope without threads. Threads that are ending are polled for, at first every 50 µs. Only when some
//! stay for 20 ms are their stacks given names, which takes a while the first time.

use std::collections::{BTreeMap, BTreeSet};
use std::thread as std_thread;
use std::time::{Duration, Instant};

use highwater_hooks::{Spawner, Thread, present_stack};

use crate::busy::{Look, WINDOW, Watched};
use crate::classify;
use crate::finding::{Activity, Frame, Kind, Leak, PassedOver, Why};
use crate::held::{self, Denied};
use crate::known;
use crate::memory::Limits;
use crate::path;
use crate::pattern;
use crate::process;
use crate::rules::Rule;
use crate::scope::Scope;
use crate::settings::settings;
use crate::symbols;
use crate::task_wait::TaskWait;
use crate::tasks;

/// The first pause, and the longest.
pub(crate) const PAUSES: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(5));
/// From when on it is looked at who stays.
const LOOK_AFTER: Duration = Duration::from_millis(20);

/// Name of a thread of which the kernel says nothing.
const UNREAD: &str = "";

/// What a test itself asks for, from its attribute.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long to wait, instead of what is set for all tests.
    pub grace: Option<Duration>,
    /// Patterns of names of threads that may stay.
    pub allowed_threads: &'static [&'static str],
    /// Patterns of types of futures whose tasks may stay.
    pub allowed_tasks: &'static [&'static str],
    /// Patterns of functions and files whose blocks may stay.
    pub allowed_blocks: &'static [&'static str],
    /// Patterns of what descriptors may stay that lead there.
    pub allowed_descriptors: &'static [&'static str],
    /// Patterns of commands whose processes may stay.
    pub allowed_children: &'static [&'static str],
    /// Kinds that are judged although not all tests are judged by them.
    pub denied: Denied,
    /// What the test may do with memory.
    pub limits: Limits,
}

/// What a test itself allows to stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed<'a, A> {
    /// Patterns of names.
    pub(crate) threads: &'a [A],
    /// Patterns of types of futures.
    pub(crate) tasks: &'a [A],
    /// Patterns of what descriptors lead to.
    pub(crate) descriptors: &'a [A],
    /// Patterns of commands.
    pub(crate) children: &'a [A],
    /// What the test asks to be judged by.
    pub(crate) denied: Denied,
}

impl<'a, A> Allowed<'a, A> {
    /// For a test that says nothing; `nothing` is an empty list.
    pub(crate) fn of_nothing(nothing: &'a [A]) -> Self {
        let denied = Denied::default();
        Self { threads: nothing, tasks: nothing, descriptors: nothing, children: nothing, denied }
    }
}

/// What came of a scope.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) leaks: Vec<Leak>,
    pub(crate) passed_over: Vec<PassedOver>,
    /// Blocks that may be tasks, in words.
    pub(crate) unclassified_tasks: BTreeSet<String>,
    /// Tasks that were woken when their runtime was dropped, so that it cannot be told whether they would have ended.
    pub(crate) unjudged: Vec<Leak>,
    /// Whether a leak is a call that may block, for which a runtime waits that is dropped.
    pub(crate) holds_runtime: bool,
}

impl Verdict {
    /// Adds what came of something else in the same test.
    pub(crate) fn join(&mut self, other: Self) {
        self.leaks.extend(other.leaks);
        self.passed_over.extend(other.passed_over);
        self.unclassified_tasks.extend(other.unclassified_tasks);
        self.unjudged.extend(other.unjudged);
        self.holds_runtime |= other.holds_runtime;
    }
}

/// Whether nothing is left, as far as can be told at once.
pub(crate) fn is_clean(scope: &Scope) -> bool {
    scope.threads().live() == 0 && !tasks::may_be_left(scope.ledger()) && !held::may_be_left(scope)
}

/// Waits for what is left of `scope`, in which the test called `test` ran, and judges those that stay.
pub(crate) fn judge(
    test: &str,
    scope: &Scope,
    grace: Option<Duration>,
    allowed: Allowed<'_, impl AsRef<str>>,
) -> Verdict {
    if is_clean(scope) {
        return Verdict::default();
    }
    let began = Instant::now();
    let mut wait = TaskWait::new(test, grace, allowed.tasks);
    let mut of_tasks = wait.look(scope);
    let mut verdict = judge_threads(test, scope, grace, allowed.threads, || {
        of_tasks = of_tasks.take().or_else(|| wait.look(scope));
        of_tasks.is_some()
    });
    verdict.join(of_tasks.unwrap_or_default());
    if let Some(ledger) = scope.ledger() {
        let ended = tasks::ended(ledger);
        verdict.join(wait.verdict(ended.waiting));
        verdict.unjudged.extend(wait.alive(ended.woken));
    }
    if held::may_be_left(scope) {
        verdict.join(held::judge(test, scope, began, grace.unwrap_or(settings().grace), &allowed));
    }
    verdict
}

/// Waits for the threads, and until `are_tasks_judged` says so.
fn judge_threads(
    test: &str,
    scope: &Scope,
    grace: Option<Duration>,
    allowed: &[impl AsRef<str>],
    mut are_tasks_judged: impl FnMut() -> bool,
) -> Verdict {
    if scope.threads().live() == 0 && are_tasks_judged() {
        return Verdict::default();
    }
    let grace = grace.unwrap_or(settings().grace);
    let began = Instant::now();
    let mut pause = PAUSES.0;
    let mut bench = Bench { test, allowed, excused: BTreeMap::new(), watched: BTreeMap::new() };
    loop {
        std_thread::sleep(pause);
        pause = (pause * 2).min(PAUSES.1);
        let are_tasks_judged = are_tasks_judged();
        if scope.threads().live() == 0 {
            if !are_tasks_judged {
                continue;
            }
            return bench.verdict(Vec::new());
        }
        if began.elapsed() < LOOK_AFTER.min(grace) {
            continue;
        }
        let mut left = bench.look(scope);
        let waited = began.elapsed();
        let has_time = waited < settings().busy_grace.max(grace);
        let is_open = waited < grace
            || has_time && (bench.is_busy(&left) || !bench.has_watched(&left, WINDOW.min(grace)));
        if are_tasks_judged && (left.is_empty() || !is_open) {
            // The verdict comes first: looking at where threads are may end a wait of theirs, and them with it.
            left.retain(|it| !bench.is_at_rest(it));
            let mut found: Vec<(Thread, Leak)> =
                left.into_iter().map(|it| (it.clone(), bench.leak(&it, waited))).collect();
            // To take down all that takes a while, in which some may have ended.
            let alive = scope.threads().threads();
            found.retain(|(thread, leak)| {
                let is_alive = alive.iter().any(|it| it.number() == thread.number());
                is_alive && !bench.is_allowed_by_now(thread, &leak.name) && !bench.is_known(leak)
            });
            let leaks = found.into_iter().map(|(thread, leak)| Leak { now: now(&thread), ..leak }).collect();
            return bench.verdict(leaks);
        }
    }
}

/// What of the test called `test` is alive at this moment and not excused. Nothing is waited for, and it is no verdict.
pub(crate) fn alive(test: &str, scope: &Scope) -> Vec<Leak> {
    let allowed: &[&str] = &[];
    let mut bench = Bench { test, allowed, excused: BTreeMap::new(), watched: BTreeMap::new() };
    let mut left = bench.look(scope);
    left.retain(|it| !bench.is_at_rest(it));
    let threads = left.iter().map(|it| Leak { now: now(it), ..bench.leak(it, Duration::ZERO) });
    let mut alive: Vec<Leak> = threads.collect();
    if let Some(ledger) = scope.ledger() {
        alive.extend(TaskWait::new(test, None, allowed).alive(tasks::left(ledger).tasks));
    }
    alive.extend(held::alive(test, scope));
    alive
}

/// Where a thread is at this moment.
fn now(thread: &Thread) -> Vec<Frame> {
    let addresses = present_stack(thread).unwrap_or_default();
    path::present_path(&symbols::present_frames(&addresses))
}

/// Where the threads of one test wait for the verdict.
struct Bench<'a, A> {
    test: &'a str,
    allowed: &'a [A],
    /// By number; `None` for threads that belong to the test, as far as their stacks tell.
    excused: BTreeMap<u64, Option<PassedOver>>,
    watched: BTreeMap<u64, Watched>,
}

impl<A: AsRef<str>> Bench<'_, A> {
    fn verdict(self, leaks: Vec<Leak>) -> Verdict {
        let passed_over = self.excused.into_values().flatten().collect();
        Verdict { leaks, passed_over, ..Verdict::default() }
    }

    /// The threads that are left and not excused, each of them watched once more.
    fn look(&mut self, scope: &Scope) -> Vec<Thread> {
        let mut left = Vec::new();
        for thread in scope.threads().threads() {
            let known = self.excused.get(&thread.number());
            if known.is_some_and(Option::is_some) {
                continue;
            }
            // One that cannot be read may not have begun to run, on a busy machine. It is alive all the same.
            let reading = thread.read();
            let name = reading.as_ref().map_or(UNREAD, |it| it.name.as_str());
            let excuse = match known {
                Some(_) => None,
                None => classify::global(&thread).map(|place| (Why::Global, place.to_owned())),
            };
            let excuse = excuse.or_else(|| self.allowance(&thread, name));
            let excused = excuse.map(|(why, detail)| PassedOver {
                test: self.test.to_owned(),
                kind: Kind::Thread,
                name: name.to_owned(),
                why,
                detail,
            });
            if excused.is_none() {
                if let Some(reading) = reading {
                    let now = Look { at: Instant::now(), busy_ns: reading.busy_ns };
                    self.watched.entry(thread.number()).or_insert_with(|| Watched::from(now)).add(now);
                }
                left.push(thread.clone());
            }
            self.excused.insert(thread.number(), excused);
        }
        left
    }

    /// Whether a rule, or the test itself, allows a thread of this name.
    fn allowance(&self, thread: &Thread, name: &str) -> Option<(Why, String)> {
        let by_test = self.allowed.iter().find(|pattern| pattern::matches(pattern.as_ref(), name));
        if let Some(pattern) = by_test {
            return Some((Why::Test, pattern.as_ref().to_owned()));
        }
        let spawned = spawned(thread);
        let (program, kind) = (process::program(), Kind::Thread);
        let allows = |rule: &&Rule| rule.allows(kind, program, self.test, name, &spawned);
        let by_rule = settings().rules.iter().find(allows).map(|rule| (Why::Rule, rule.reason.clone()));
        by_rule.or_else(|| Some((Why::Global, known::reason(kind, program, self.test, name, &spawned)?)))
    }

    fn is_busy(&self, left: &[Thread]) -> bool {
        left.iter().filter_map(|thread| self.watched.get(&thread.number())).any(Watched::is_busy)
    }

    fn has_watched(&self, left: &[Thread], time: Duration) -> bool {
        let long = |it: &Watched| it.last.at.duration_since(it.first.at) >= time;
        left.iter().all(|thread| self.watched.get(&thread.number()).is_some_and(long))
    }

    /// Whether a thread is one that waits for work in a pool, of which where it is has to be known. What waits for work waits for a
    /// lock, and goes on to wait when it has been asked.
    fn is_at_rest(&mut self, thread: &Thread) -> bool {
        let spawned = spawned(thread);
        let pool = classify::pool(&spawned).and_then(|pool| {
            let now = present_stack(thread).unwrap_or_default();
            classify::is_at_rest(&now).then_some(pool)
        });
        let Some(pool) = pool else { return false };
        let (test, name) = (self.test.to_owned(), thread.read().map(|it| it.name).unwrap_or_default());
        let (why, detail) = (Why::Global, pool.to_owned());
        let excuse = PassedOver { test, kind: Kind::Thread, name, why, detail };
        self.excused.insert(thread.number(), Some(excuse));
        true
    }

    /// What there is to say of a thread that is left, but for where it is.
    fn leak(&self, thread: &Thread, waited: Duration) -> Leak {
        let reading = thread.read();
        let watched = self.watched.get(&thread.number());
        let parent = match thread.spawner() {
            Spawner::Thread(parent) if parent.is_in_scope() => parent.read().map(|it| it.name),
            _ => None,
        };
        let activity = watched.zip(reading.as_ref()).map(|(it, reading)| it.activity(reading.state));
        Leak {
            test: self.test.to_owned(),
            kind: Kind::Thread,
            name: reading.map_or_else(|| UNREAD.to_owned(), |it| it.name),
            activity: activity.unwrap_or(Activity::Unknown),
            waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
            parent,
            id: None,
            spawned: spawned(thread),
            now: Vec::new(),
        }
    }

    /// Whether a thread is allowed by the name that it has by now: on a busy machine it may have begun to run, and called itself
    /// so, only after it was last looked at.
    fn is_allowed_by_now(&mut self, thread: &Thread, name: &str) -> bool {
        let Some((why, detail)) = self.allowance(thread, name) else { return false };
        let (test, name) = (self.test.to_owned(), name.to_owned());
        self.excused
            .insert(thread.number(), Some(PassedOver { test, kind: Kind::Thread, name, why, detail }));
        true
    }

    /// Whether the baseline has this leak, which excuses it.
    fn is_known(&mut self, leak: &Leak) -> bool {
        let is_known = settings().baseline.has(process::program(), leak);
        if is_known {
            let (test, name) = (leak.test.clone(), leak.name.clone());
            let excuse =
                PassedOver { test, kind: leak.kind, name, why: Why::Baseline, detail: String::new() };
            // Numbers of threads count upwards, so this one is none of theirs.
            let place = u64::MAX - u64::try_from(self.excused.len()).unwrap_or(0);
            self.excused.insert(place, Some(excuse));
        }
        is_known
    }
}

fn spawned(thread: &Thread) -> Vec<Frame> {
    path::spawn_path(&symbols::spawn_frames(thread.spawn_stack()))
}
