//! The verdict on the threads of a scope.
//!
//! Threads that are ending are polled for, at first every 50 µs. Only when some stay for 20 ms are their
//! stacks given names, which takes a while the first time.

use std::collections::BTreeMap;
use std::thread as std_thread;
use std::time::{Duration, Instant};

use highwater_hooks::{Spawner, Thread, present_stack};

use super::busy::{Look, WINDOW, Watched};
use crate::evidence::classify;
use crate::evidence::path;
use crate::evidence::symbols;
use crate::finding::{Activity, Frame, Kind, Leak, PassedOver, Verdict, Why};
use crate::pauses::Pauses;
use crate::program;
use crate::scope::TestScope;
use crate::settings::known;
use crate::settings::pattern;
use crate::settings::rules::Rule;
use crate::settings::settings;

/// From when on it is looked at who stays.
const LOOK_AFTER: Duration = Duration::from_millis(20);

/// Name of a thread that the kernel does not describe.
const UNREAD: &str = "";

/// Waits for the threads, and until `are_tasks_judged` says so.
pub(super) fn judge(
    test: &str,
    scope: &TestScope,
    grace: Option<Duration>,
    allowed: &[impl AsRef<str>],
    mut are_tasks_judged: impl FnMut() -> bool,
) -> Verdict {
    if scope.threads().live() == 0 && are_tasks_judged() {
        return Verdict::default();
    }
    let grace = grace.unwrap_or(settings().grace);
    let began = Instant::now();
    let mut pauses = Pauses::new();
    let mut waiting = Waiting { test, allowed, excused: BTreeMap::new(), watched: BTreeMap::new() };
    loop {
        std_thread::sleep(pauses.next());
        let are_tasks_judged = are_tasks_judged();
        if scope.threads().live() == 0 {
            if !are_tasks_judged {
                continue;
            }
            return waiting.verdict(Vec::new());
        }
        if began.elapsed() < LOOK_AFTER.min(grace) {
            continue;
        }
        let mut left = waiting.look(scope);
        let waited = began.elapsed();
        let has_time = waited < settings().busy_grace.max(grace);
        let is_open = waited < grace
            || has_time && (waiting.is_busy(&left) || !waiting.has_watched(&left, WINDOW.min(grace)));
        if are_tasks_judged && (left.is_empty() || !is_open) {
            // The verdict comes first: looking at where threads are may end a wait of theirs, and them with
            // it.
            left.retain(|it| !waiting.is_at_rest(it));
            let mut found: Vec<(Thread, Leak)> =
                left.into_iter().map(|it| (it.clone(), waiting.leak(&it, waited))).collect();
            // To take down all that takes a while, in which some may have ended.
            let alive = scope.threads().threads();
            found.retain(|(thread, leak)| {
                let is_alive = alive.iter().any(|it| it.number() == thread.number());
                is_alive && !waiting.is_allowed_by_now(thread, &leak.name) && !waiting.is_known(leak)
            });
            let leaks = found.into_iter().map(|(thread, leak)| Leak { now: now(&thread), ..leak }).collect();
            return waiting.verdict(leaks);
        }
    }
}

/// What of the threads of the test called `test` is alive at this moment and not excused.
pub(super) fn alive(test: &str, scope: &TestScope) -> Vec<Leak> {
    let allowed: &[&str] = &[];
    let mut waiting = Waiting { test, allowed, excused: BTreeMap::new(), watched: BTreeMap::new() };
    let mut left = waiting.look(scope);
    left.retain(|it| !waiting.is_at_rest(it));
    left.iter().map(|it| Leak { now: now(it), ..waiting.leak(it, Duration::ZERO) }).collect()
}

/// Where a thread is at this moment.
fn now(thread: &Thread) -> Vec<Frame> {
    let addresses = present_stack(thread).unwrap_or_default();
    path::present_path(&symbols::present_frames(&addresses))
}

/// The threads of one test that wait for the verdict.
struct Waiting<'a, A> {
    test: &'a str,
    allowed: &'a [A],
    /// By number; `None` for threads that belong to the test, as far as their stacks tell.
    excused: BTreeMap<u64, Option<PassedOver>>,
    watched: BTreeMap<u64, Watched>,
}

impl<A: AsRef<str>> Waiting<'_, A> {
    fn verdict(self, leaks: Vec<Leak>) -> Verdict {
        let passed_over = self.excused.into_values().flatten().collect();
        Verdict { leaks, passed_over, ..Verdict::default() }
    }

    /// The threads that are left and not excused, each of them watched once more.
    fn look(&mut self, scope: &TestScope) -> Vec<Thread> {
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
        let (program, kind) = (program::name(), Kind::Thread);
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

    /// Whether a thread waits for work in a pool, which its present calls show. A thread that waits for work
    /// waits for a lock, and goes on to wait when it has been asked.
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

    /// Whether a thread is allowed by the name that it has by now: on a busy machine it may have begun to
    /// run, and called itself so, only after it was last looked at.
    fn is_allowed_by_now(&mut self, thread: &Thread, name: &str) -> bool {
        let Some((why, detail)) = self.allowance(thread, name) else { return false };
        let (test, name) = (self.test.to_owned(), name.to_owned());
        self.excused
            .insert(thread.number(), Some(PassedOver { test, kind: Kind::Thread, name, why, detail }));
        true
    }

    /// Whether the baseline has this leak, which excuses it.
    fn is_known(&mut self, leak: &Leak) -> bool {
        let is_known = settings().baseline.has(program::name(), leak);
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
