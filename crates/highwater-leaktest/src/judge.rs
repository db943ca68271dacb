//! The verdict on a scope: its threads are waited for, some of those that stay are excused, and the rest are leaks. Its tasks are
//! waited for meanwhile ([`crate::task_wait`]).
//!
//! Nothing is done for a scope without threads. Threads that are ending are polled for, at first every 50 µs. Only when some
//! stay for 20 ms are their stacks given names, which takes a while the first time.

use std::collections::{BTreeMap, BTreeSet};
use std::thread as std_thread;
use std::time::{Duration, Instant};

use highwater_hooks::{Spawner, State, Thread, present_stack};

use crate::classify;
use crate::finding::{Activity, Frame, Kind, Leak, PassedOver, Why};
use crate::memory::Limits;
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
/// What is watched for being busy is watched for this long at least.
const WINDOW: Duration = Duration::from_millis(100);
/// From which part of its time on a thread counts as busy: 1 in this many.
const BUSY_PART: u128 = 10;

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
}

/// What came of a scope.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) leaks: Vec<Leak>,
    pub(crate) passed_over: Vec<PassedOver>,
    /// Blocks that may be tasks, in words.
    pub(crate) unclassified_tasks: BTreeSet<String>,
}

impl Verdict {
    /// Adds what came of something else in the same test.
    pub(crate) fn join(&mut self, other: Self) {
        self.leaks.extend(other.leaks);
        self.passed_over.extend(other.passed_over);
        self.unclassified_tasks.extend(other.unclassified_tasks);
    }
}

/// Whether nothing is left, as far as can be told at once.
pub(crate) fn is_clean(scope: &Scope) -> bool {
    scope.threads().live() == 0 && !tasks::may_be_left(scope.ledger())
}

/// Waits for the threads and tasks of `scope`, in which the test called `test` ran, and judges those that stay.
pub(crate) fn judge(
    test: &str,
    scope: &Scope,
    grace: Option<Duration>,
    allowed: Allowed<'_, impl AsRef<str>>,
) -> Verdict {
    if is_clean(scope) {
        return Verdict::default();
    }
    let mut wait = TaskWait::new(test, grace, allowed.tasks);
    let mut of_tasks = wait.look(scope);
    let mut verdict = judge_threads(test, scope, grace, allowed.threads, || {
        of_tasks = of_tasks.take().or_else(|| wait.look(scope));
        of_tasks.is_some()
    });
    verdict.join(of_tasks.unwrap_or_default());
    if let Some(ledger) = scope.ledger() {
        let ended = tasks::ended(ledger);
        verdict.join(wait.verdict(ended));
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
            let mut leaks: Vec<Leak> = Vec::new();
            left.retain(|it| bench.leak(it, waited).map(|leak| leaks.push(leak)).is_some());
            // To take down all that takes a while, in which some may have ended.
            let alive = scope.threads().threads();
            let is_alive = |thread: &Thread| alive.iter().any(|it| it.number() == thread.number());
            let mut threads = left.iter();
            leaks.retain(|leak| {
                let thread = threads.next().filter(|it| is_alive(it));
                thread.is_some_and(|it| !bench.is_allowed_by_now(it, &leak.name)) && !bench.is_known(leak)
            });
            return bench.verdict(leaks);
        }
    }
}

/// Where the threads of one test wait for the verdict.
struct Bench<'a, A> {
    test: &'a str,
    allowed: &'a [A],
    /// By number; `None` for threads that belong to the test, as far as their stacks tell.
    excused: BTreeMap<u64, Option<PassedOver>>,
    watched: BTreeMap<u64, Watched>,
}

/// How busy a thread was at the moments when it was looked at.
struct Watched {
    first: Look,
    /// One or two windows ago.
    earlier: Look,
    /// Less than a window ago.
    later: Look,
    last: Look,
}

#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    busy_ns: u64,
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
        let rules = &settings().rules;
        if rules.is_empty() {
            return None;
        }
        let spawned = spawned(thread);
        let allows = |rule: &&Rule| rule.allows(Kind::Thread, process::program(), self.test, name, &spawned);
        let rule = rules.iter().find(allows);
        rule.map(|rule| (Why::Rule, rule.reason.clone()))
    }

    fn is_busy(&self, left: &[Thread]) -> bool {
        left.iter().filter_map(|thread| self.watched.get(&thread.number())).any(Watched::is_busy)
    }

    fn has_watched(&self, left: &[Thread], time: Duration) -> bool {
        let long = |it: &Watched| it.last.at.duration_since(it.first.at) >= time;
        left.iter().all(|thread| self.watched.get(&thread.number()).is_some_and(long))
    }

    /// What there is to say of a thread that is left. `None` when it turns out to be one that waits for work in a pool.
    fn leak(&mut self, thread: &Thread, waited: Duration) -> Option<Leak> {
        let now = present_stack(thread).unwrap_or_default();
        if let Some(pool) = classify::pool_at_rest(&spawned(thread), &now) {
            let (test, name) = (self.test.to_owned(), thread.read().map(|it| it.name).unwrap_or_default());
            let (why, detail) = (Why::Global, pool.to_owned());
            let excuse = PassedOver { test, kind: Kind::Thread, name, why, detail };
            self.excused.insert(thread.number(), Some(excuse));
            return None;
        }
        let reading = thread.read();
        let watched = self.watched.get(&thread.number());
        let parent = match thread.spawner() {
            Spawner::Thread(parent) if parent.is_in_scope() => parent.read().map(|it| it.name),
            _ => None,
        };
        let activity = watched.zip(reading.as_ref()).map(|(it, reading)| it.activity(reading.state));
        Some(Leak {
            test: self.test.to_owned(),
            kind: Kind::Thread,
            name: reading.map_or_else(|| UNREAD.to_owned(), |it| it.name),
            activity: activity.unwrap_or(Activity::Unknown),
            waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
            parent,
            spawned: spawned(thread),
            now: symbols::present_path(&symbols::present_frames(&now)),
        })
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
    symbols::spawn_path(&symbols::spawn_frames(thread.spawn_stack()))
}

impl Watched {
    fn from(look: Look) -> Self {
        Self { first: look, earlier: look, later: look, last: look }
    }

    fn add(&mut self, look: Look) {
        if look.at.duration_since(self.later.at) >= WINDOW {
            self.earlier = self.later;
            self.later = look;
        }
        self.last = look;
    }

    /// Whether it was lately.
    fn is_busy(&self) -> bool {
        is_busy_between(self.earlier, self.last)
    }

    /// What it did since it was first looked at.
    fn activity(&self, state: State) -> Activity {
        if is_busy_between(self.first, self.last) {
            Activity::Busy
        } else if self.last.busy_ns == self.first.busy_ns && state != State::Running {
            Activity::Asleep
        } else {
            Activity::Waking
        }
    }
}

fn is_busy_between(from: Look, to: Look) -> bool {
    let busy_ns = u128::from(to.busy_ns.saturating_sub(from.busy_ns));
    let passed_ns = to.at.duration_since(from.at).as_nanos();
    passed_ns > 0 && busy_ns * BUSY_PART >= passed_ns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(looks: &[(u64, u64)]) -> Watched {
        let start = Instant::now();
        let look = |&(at_ms, busy_ms): &(u64, u64)| Look {
            at: start + Duration::from_millis(at_ms),
            busy_ns: busy_ms * 1_000_000,
        };
        let mut watched = Watched::from(look(&looks[0]));
        looks[1..].iter().for_each(|it| watched.add(look(it)));
        watched
    }

    #[test]
    fn a_thread_is_busy_while_it_runs_a_tenth_of_the_time() {
        let busy = watched(&[(0, 0), (100, 10), (200, 20)]);
        assert!(busy.is_busy());
        assert_eq!(busy.activity(State::Asleep), Activity::Busy);
        let waking = watched(&[(0, 0), (100, 1), (200, 2)]);
        assert!(!waking.is_busy());
        assert_eq!(waking.activity(State::Asleep), Activity::Waking);
        assert_eq!(watched(&[(0, 5), (500, 5)]).activity(State::Asleep), Activity::Asleep);
        assert_eq!(watched(&[(0, 5), (500, 5)]).activity(State::Running), Activity::Waking);
    }

    #[test]
    fn a_thread_that_was_busy_long_ago_is_not() {
        let settled = watched(&[(0, 0), (100, 100), (200, 200), (300, 200), (400, 200), (450, 200)]);
        assert!(!settled.is_busy());
    }

    #[test]
    fn one_look_tells_nothing() {
        assert!(!watched(&[(0, 7)]).is_busy());
    }
}
