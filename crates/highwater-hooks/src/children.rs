//! The child processes that were seen to start, and what has become of them.
//!
//! A child is there until the program has waited for it, in any way. So no wait is watched, and the kernel is
//! asked. The kernel may use a number again: the time at which the process was started distinguishes the two.

use std::collections::BTreeMap;
use std::fs;
#[cfg(hooked)]
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::live::{Counted, Live};
use crate::thread::Thread;

/// A child that was started in a scope, and is still there.
#[derive(Clone, Debug)]
pub struct Child {
    process: u32,
    serial: u64,
    command: Box<str>,
    is_over: bool,
    starter: Option<Thread>,
    stack: Box<[usize]>,
}

impl Child {
    /// The number of the process.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// Its place among all children that were seen to start, from 1. Never used twice.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The words of the command that was started, with a space between them.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Whether it has ended, and nobody has waited for it.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The thread that started it, if that was seen to start.
    pub fn starter(&self) -> Option<&Thread> {
        self.starter.as_ref()
    }

    /// Where it was started, as [`Thread::spawn_stack`] has it.
    pub fn start_stack(&self) -> &[usize] {
        &self.stack
    }
}

/// What is known of a child.
struct Record {
    serial: u64,
    scope: u64,
    live: Option<&'static Live>,
    /// The kernel's clock before and after it was started, in nanoseconds.
    started_ns: (u64, u64),
    command: Box<str>,
    starter: u64,
    stack: Box<[usize]>,
}

struct Children {
    last_serial: u64,
    by_process: BTreeMap<u32, Record>,
}

static CHILDREN: Mutex<Children> = Mutex::new(Children { last_serial: 0, by_process: BTreeMap::new() });

fn children() -> MutexGuard<'static, Children> {
    // Each change is one of the map's, and whole.
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(hooked)]
static FOLLOWS: AtomicBool = AtomicBool::new(false);

/// From now on children are followed.
pub fn follow_children() {
    #[cfg(hooked)]
    FOLLOWS.store(true, Ordering::Relaxed);
}

/// The clock by which the kernel says when a process was started.
#[cfg(hooked)]
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the record is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    let [seconds, rest] = [time.tv_sec, time.tv_nsec].map(|it| u64::try_from(it).unwrap_or(0));
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

/// A function in front of the C library's has started this child, after it was `begun`.
#[cfg(hooked)]
pub(crate) fn started(child: libc::pid_t, begun: u64, command: impl FnOnce() -> Box<str>) {
    use crate::{calling_thread, observer, registry, stack};

    let Ok(process) = u32::try_from(child) else { return };
    // Asked by an allocator that starts processes, or by a child of `fork`.
    if !FOLLOWS.load(Ordering::Relaxed) || registry::is_disowned() || registry::is_held_here() {
        return;
    }
    observer::notes();
    let (scope, live) = calling_thread::scope();
    let live = live.filter(|it| scope != 0 && it.add_one(scope, Counted::Children));
    let stack = if live.is_some() { stack::walk_all() } else { Box::default() };
    let command = if live.is_some() { command() } else { Box::default() };
    let starter = calling_thread::number().unwrap_or(0);
    let started_ns = (begun, now());
    let mut children = children();
    children.last_serial += 1;
    let serial = children.last_serial;
    let record = Record { serial, scope, live, started_ns, command, starter, stack };
    let before = children.by_process.insert(process, record);
    drop(children);
    if let Some(before) = before {
        before.count_out();
    }
}

impl Record {
    fn count_out(&self) {
        if let Some(live) = self.live {
            live.remove_one(Counted::Children);
        }
    }

    /// Whether a process with this number is the one that was started: the kernel counts in hundredths of a
    /// second.
    fn is(&self, process: &Process) -> bool {
        const TICK_NS: u64 = 10_000_000;
        let (begun, ended) = self.started_ns;
        let started = process.started_ticks.saturating_mul(TICK_NS);
        started.saturating_add(TICK_NS) >= begun && started <= ended.saturating_add(TICK_NS)
    }
}

/// The children of a scope that are still there.
pub(crate) fn in_scope(scope: u64) -> Vec<Child> {
    // The lock may be held by a thread that a child of `fork` does not have.
    if crate::registry::is_disowned() {
        return Vec::new();
    }
    let mut children = children();
    let mut found = Vec::new();
    let mut gone = Vec::new();
    for (process, record) in children.by_process.iter().filter(|(_, it)| it.scope == scope) {
        match read(*process).filter(|it| record.is(it)) {
            Some(state) => found.push((
                record.starter,
                Child {
                    process: *process,
                    serial: record.serial,
                    command: record.command.clone(),
                    is_over: state.is_over,
                    starter: None,
                    stack: record.stack.clone(),
                },
            )),
            None => gone.push(*process),
        }
    }
    for process in gone {
        if let Some(record) = children.by_process.remove(&process) {
            record.count_out();
        }
    }
    drop(children);
    found.sort_unstable_by_key(|(_, it)| it.serial);
    found
        .into_iter()
        .map(|(starter, child)| Child { starter: crate::registry::thread(starter), ..child })
        .collect()
}

/// What the kernel says of a process.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    is_over: bool,
    started_ticks: u64,
}

fn read(process: u32) -> Option<Process> {
    parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// State and time of start. `None` for a process that is all but gone.
fn parse(stat: &str) -> Option<Process> {
    // A name may itself have brackets and spaces in it.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let is_over = match fields.next()? {
        "Z" => true,
        "X" | "x" => return None,
        _ => false,
    };
    // The state is the 3rd field of the line, and this is the 22nd.
    let started_ticks = fields.nth(18)?.parse().ok()?;
    Some(Process { is_over, started_ticks })
}

/// A child of this process that was not seen to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnseenChild {
    /// The number of the process.
    pub process: u32,
    /// Its name, cut to 15 bytes by the kernel.
    pub name: String,
}

/// Children that came into being past the hooks, for example by `system`. Empty where the kernel does not
/// list children.
pub fn unseen_children() -> Vec<UnseenChild> {
    #[cfg(hooked)]
    if !has_any() {
        return Vec::new();
    }
    if crate::registry::is_disowned() {
        return Vec::new();
    }
    let tasks = crate::proc::tids();
    let lists =
        tasks.iter().filter_map(|it| fs::read_to_string(format!("/proc/self/task/{it}/children")).ok());
    let all: Vec<u32> = lists
        .flat_map(|it| it.split_ascii_whitespace().filter_map(|it| it.parse().ok()).collect::<Vec<_>>())
        .collect();
    let known = children();
    let unknown: Vec<u32> = all.into_iter().filter(|it| !known.by_process.contains_key(it)).collect();
    drop(known);
    let named = |process: u32| {
        let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
        Some(UnseenChild { process, name: name.trim_end().to_owned() })
    };
    unknown.into_iter().filter_map(named).collect()
}

/// Whether this process has a child of any kind. One system call, where the lists of children take several
/// for each thread.
#[cfg(hooked)]
fn has_any() -> bool {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    // SAFETY: nothing but integers and pointers, for which zero is a value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let error = crate::next::error_number();
    // SAFETY: the record is ours. A child that has ended is left as it is, for its parent to wait for.
    let result = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) };
    let has_none = result != 0 && crate::next::error_number() == libc::ECHILD;
    crate::next::set_error_number(error);
    !has_none
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_understood() {
        let rest = "1 17 17 0 -1 4194368 95 0 0 0 3 4 0 0 20 0 2 0 4711 0 0";
        let process = |is_over| Some(Process { is_over, started_ticks: 4711 });
        assert_eq!(parse(&format!("17 (a) b (c) S {rest}")), process(false));
        assert_eq!(parse(&format!("17 (sh) Z {rest}")), process(true));
        assert_eq!(parse(&format!("17 (sh) X {rest}")), None);
        for broken in ["", "17", "17 (a", "17 (a) R 1 2"] {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }

    #[cfg(hooked)]
    #[test]
    fn a_child_is_there_until_it_is_waited_for() {
        use std::process::{Command, Stdio};

        follow_children();
        let scope = crate::Scope::new();
        let entered = scope.enter();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        drop(entered);
        let found = scope.children();
        assert_eq!(found.iter().map(Child::process).collect::<Vec<_>>(), [child.id()]);
        assert_eq!((found[0].command(), found[0].is_over()), ("cat", false));
        assert!(found[0].start_stack().len() > 3);
        drop(child.stdin.take());
        while !scope.children().iter().all(Child::is_over) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert_eq!(scope.live_children(), 1, "it has ended and nobody has waited for it");
        assert!(has_any());
        child.wait().unwrap();
        assert_eq!((scope.children().len(), scope.live_children()), (0, 0));
    }

    #[test]
    fn a_number_that_is_used_again_is_another_process() {
        let record = Record {
            serial: 1,
            scope: 1,
            live: None,
            started_ns: (1_000_000_000, 1_002_000_000),
            command: Box::default(),
            starter: 0,
            stack: Box::default(),
        };
        for (started_ticks, expected) in [(100, true), (99, true), (101, true), (98, false), (103, false)] {
            assert_eq!(record.is(&Process { is_over: false, started_ticks }), expected, "{started_ticks}");
        }
    }
}
