//! Addresses to functions, files and lines, in this process. Only asked of threads that are left, since the
//! first question reads the program's debug information.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::constants;
use super::front::{CREATE, functions_in_front};
use super::learnt;
use super::path::{behind, is_code};
use crate::finding::{Frame, Origin};
use highwater_names::qualified::qualified;
use highwater_names::source;
use highwater_resolver::Call;

/// The calls of a spawn stack, innermost first, inlined ones included, up to where the test harness begins.
/// What lies outside of that is not looked up: each file of a program whose lines are asked for is read, and
/// some are large.
pub(crate) fn spawn_frames(addresses: &[usize]) -> Vec<Frame> {
    frames_until(addresses, |frames, new| frames[new..].iter().any(|it| it.origin == Origin::TestHarness))
}

/// The innermost calls of a thread's present stack, as many as a report may show.
pub(crate) fn present_frames(addresses: &[usize]) -> Vec<Frame> {
    /// Calls of the project's own or of other crates.
    const ENOUGH: usize = 4;
    frames_until(addresses, |frames, _| {
        behind(frames, "ask").iter().filter(|it| is_code(it)).count() >= ENOUGH
    })
}

/// The innermost calls of the stack of an allocation, up to the first outside of the allocator.
pub(crate) fn allocation_frames(addresses: &[usize]) -> Vec<Frame> {
    allocation_frames_until(addresses, |frames| frames.last().is_some_and(is_outside))
}

/// Whether a call is outside of the allocator and of the standard library.
fn is_outside(frame: &Frame) -> bool {
    is_code(frame) && !is_of_recorder(frame) && !is_of_allocator(&frame.function)
}

/// The calls outside of the recorder's own, which took the stack down.
pub(crate) fn outside_of_recorder(mut frames: Vec<Frame>) -> Vec<Frame> {
    /// The recorder's own calls and what they call are the innermost ones.
    const MOST: usize = 40;
    let last = frames[..frames.len().min(MOST)].iter().rposition(is_of_recorder);
    frames.drain(..last.map_or(0, |it| it + 1));
    frames
}

/// The crates that take the stacks of blocks down: what their functions and their directories are called.
const RECORDER: [(&str, &str); 4] = [
    ("highwater_ledger::", "highwater-ledger"),
    ("highwater_lockfree::", "highwater-lockfree"),
    ("highwater_recorder::", "highwater-recorder"),
    ("highwater_unwind::", "highwater-unwind"),
];

/// Whether a function is one of an allocator. With line tables only it has no path.
pub(crate) fn is_of_allocator(function: &str) -> bool {
    function.contains("__rust_")
        || function.contains("GlobalAlloc>::")
        || ["alloc", "alloc_zeroed", "realloc"].contains(&function)
}

fn is_of_recorder(frame: &Frame) -> bool {
    let is_in = |file: &String| {
        let file = file.replace('\\', "/");
        let package = file.rsplit_once("/src/").and_then(|(package, _)| package.rsplit('/').next());
        package.is_some_and(|package| RECORDER.iter().any(|(_, it)| package.starts_with(it)))
    };
    // Asked of every call of every block: most are of other crates, and one look shows it.
    let is_own = frame.function.contains("highwater_");
    let is_in_front = || frame.function.starts_with("highwater_hooks::malloc::");
    let is_of_one = || RECORDER.iter().any(|(it, _)| frame.function.contains(it));
    is_own && (is_in_front() || is_of_one())
        || frame.file.as_ref().is_some_and(|it| it.contains("highwater-") && is_in(it))
}

/// The calls of a stack up to where they are enough. `are_enough` gets the calls so far, and how many of them
/// it has seen before. An address without a symbol yields none.
fn frames_until(addresses: &[usize], mut are_enough: impl FnMut(&[Frame], usize) -> bool) -> Vec<Frame> {
    static KNOWN: Mutex<BTreeMap<usize, Vec<Frame>>> = Mutex::new(BTreeMap::new());
    ASKED.store(true, Ordering::Relaxed);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut frames = Vec::new();
    for address in addresses {
        let seen = frames.len();
        frames.extend_from_slice(known.entry(*address).or_insert_with(|| resolve(*address)));
        if are_enough(&frames, seen) {
            break;
        }
    }
    frames
}

/// The calls at an address of a stack, innermost first.
pub(crate) fn calls_at(address: usize) -> Vec<Frame> {
    frames_until(&[address], |_, _| true)
}

/// The first answer to the calls of a spawn stack, innermost first, up to where the test harness begins. What
/// lies outside of the call that has it is not looked up.
pub(crate) fn first_of<T>(addresses: &[usize], ask: impl Fn(&Frame) -> Option<T>) -> Option<T> {
    let mut answer = None;
    frames_until(addresses, |frames, new| {
        answer = frames[new..].iter().find_map(&ask);
        answer.is_some() || frames[new..].iter().any(|it| it.origin == Origin::TestHarness)
    });
    answer
}

/// The calls of the stack of an allocation, outside of the recorder, up to where they are enough.
pub(crate) fn allocation_frames_until(
    addresses: &[usize],
    are_enough: impl Fn(&[Frame]) -> bool,
) -> Vec<Frame> {
    outside_of_recorder(frames_until(addresses, |frames, new| {
        frames[new..].iter().any(|it| it.origin == Origin::TestHarness)
            || frames[new..].iter().any(is_outside) && are_enough(frames)
    }))
}

/// Whether an address is in one of the C library's files.
pub(crate) fn is_of_system(address: usize) -> bool {
    highwater_hooks::file_of(address).is_some_and(|path| is_system_library(&path))
}

/// The calls at an address, from who has asked before, or out of the debug information.
fn resolve(address: usize) -> Vec<Frame> {
    learnt::frames(address, || look_up(address))
}

fn look_up(address: usize) -> Vec<Frame> {
    let mut frames = Vec::new();
    // Their calls are never shown, and where their debug information is installed, reading it takes longer
    // than all else.
    if is_of_system(address) {
        return frames;
    }
    for call in calls(address) {
        let file = Some(straight(&call.file)).filter(|it| !it.is_empty());
        let function = qualified(&call.function, file.as_deref());
        let origin = origin(&function, file.as_deref());
        frames.push(Frame { function, file, line: Some(call.line).filter(|it| *it > 0), origin });
    }
    frames
}

/// The calls at an address that is inside of a call.
fn calls(address: usize) -> Vec<Call> {
    // What is asked is where a call returns to, so that the byte before is looked up.
    highwater_resolver::calls_kept(address as u64 + 1)
}

/// Whether a function is one of those that stand in front of the C library's and start threads.
fn is_in_front(function: &str) -> bool {
    functions_in_front(CREATE).contains(&function)
}

/// Whether a file is one of the C library's.
fn is_system_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    ["libc.so", "libpthread.so", "ld-linux", "libgcc_s.so"].iter().any(|it| name.starts_with(it))
}

/// A path without the detours (`a/../`) that a `#[path]` attribute leaves in it.
fn straight(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            ("..", Some(&before)) if !matches!(before, "" | "." | "..") => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

fn origin(function: &str, file: Option<&str>) -> Origin {
    // The type of an impl stands in angle brackets in front of the path.
    let path = function.trim_start_matches(['<', '&']);
    let is_in = |krate: &str| path.strip_prefix(krate).is_some_and(|rest| rest.starts_with("::"));
    if is_in("highwater_hooks")
        || is_in("highwater_leaktest")
        || is_in("highwater_resolver")
        || RECORDER.iter().any(|(it, _)| path.starts_with(it))
        || is_in_front(path)
    {
        return Origin::Highwater;
    }
    if is_in("test") && file.is_none_or(|it| it.contains("library/test/")) {
        return Origin::TestHarness;
    }
    let Some(file) = file else {
        let is_system = !path.contains("::") || ["std", "core", "alloc"].into_iter().any(is_in);
        return match path.split("::").next() {
            _ if is_system => Origin::System,
            Some(krate) if is_dependency(krate) => Origin::Dependency,
            _ => Origin::Own,
        };
    };
    // The paths of system libraries begin where they were built.
    let is_system = |it: &str| source::is_in_toolchain(it) || it.starts_with("./") || it.starts_with("../");
    match file.replace('\\', "/") {
        file if is_system(&file) => Origin::System,
        file if source::is_fetched(&file) => Origin::Dependency,
        _ => Origin::Own,
    }
}

/// Whether a crate, of whose functions no file is known, is one from a registry.
fn is_dependency(krate: &str) -> bool {
    static KNOWN: Mutex<BTreeMap<String, bool>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known.entry(krate.to_owned()).or_insert_with_key(|it| constants::is_of_registry(it))
}

/// The demangled names of the functions that an address is in, with their types where they have some.
pub(crate) fn names(address: usize) -> Vec<String> {
    learnt::names(address, || calls(address).into_iter().map(|call| call.function).collect())
}

/// Whether some of these calls are of the project's own code and have lines.
pub(crate) fn have_lines(addresses: &[usize]) -> bool {
    let has_line = |it: &Frame| it.origin == Origin::Own && it.line.is_some();
    addresses.iter().any(|it| resolve(*it).iter().any(has_line))
}

/// Whether this program's functions have names. Without names nothing can be distinguished.
pub(crate) fn have_names() -> bool {
    !names(have_names as fn() -> bool as usize).is_empty()
}

/// Whether a stack was looked up.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Whether any stack was looked up, as is done when a test left something.
pub(crate) fn were_asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// What is said where functions have no names.
pub(crate) const NO_NAMES: &str = "this program has no symbol table, so what tests leave cannot be told apart and tasks cannot \
     be found; set `strip = \"none\"` in the profile that tests are built with";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_apart_by_its_place() {
        for (function, file, expected) in [
            ("pool::start", Some("/home/me/pool/src/lib.rs"), Origin::Own),
            ("mine::start", None, Origin::Own),
            ("<gimli::read::Unit as mine::T>::start", None, Origin::Dependency),
            (
                "rayon_core::registry::spawn",
                Some("/home/me/.cargo/registry/src/x/rayon-core-1/src/a.rs"),
                Origin::Dependency,
            ),
            ("std::thread::spawn", Some("/rustc/0123/library/std/src/thread/mod.rs"), Origin::System),
            (
                "<alloc::boxed::Box<F,A> as core::ops::function::FnOnce<Args>>::call_once",
                None,
                Origin::System,
            ),
            ("clock_nanosleep", None, Origin::System),
            ("addr2line::line::path_push", Some("/rust/deps/addr2line-0.25.1/src/line.rs"), Origin::System),
            ("start_thread", Some("./nptl/pthread_create.c"), Origin::System),
            ("work", Some("/home/me/pool/src/work.c"), Origin::Own),
            ("test::run_test", Some("/rustc/0123/library/test/src/lib.rs"), Origin::TestHarness),
            ("test::mine", Some("/home/me/test/src/lib.rs"), Origin::Own),
            (
                "highwater_hooks::create::start",
                Some("/x/crates/highwater-hooks/src/create.rs"),
                Origin::Highwater,
            ),
            ("highwater_leaktest_corpus::a", Some("/x/a.rs"), Origin::Own),
            ("pthread_create", Some("/x/create.rs"), Origin::Highwater),
        ] {
            assert_eq!(origin(function, file), expected, "{function} {file:?}");
        }
    }

    #[test]
    fn paths_are_straightened() {
        for (path, expected) in [
            ("/home/me/tests/programs/../cases/a.rs", "/home/me/tests/cases/a.rs"),
            ("/a/b/../../c.rs", "/c.rs"),
            ("./nptl/../sysdeps/a.c", "./sysdeps/a.c"),
            ("../a.c", "../a.c"),
            ("/../a.rs", "/../a.rs"),
            ("a.rs", "a.rs"),
        ] {
            assert_eq!(straight(path), expected, "{path}");
        }
    }

    #[test]
    fn this_function_is_found_with_its_line() {
        let mut frames = Vec::new();
        backtrace::trace(|frame| {
            frames.extend(super::spawn_frames(&[frame.ip().addr().saturating_sub(1)]));
            true
        });
        let own =
            frames.iter().find(|it| it.function.contains("this_function_is_found")).expect("this is a call");
        assert!(
            own.line.is_some() && own.file.as_deref().is_some_and(|it| it.ends_with("symbols.rs")),
            "{own:?}"
        );
    }
}
