//! What of a stack is worth showing: the calls of the project, and one of each other crate that is passed
//! through.

use super::front::{CREATE, OPENING, STARTING, functions_in_front};
use crate::finding::{Frame, Origin};

/// What of a spawn stack is worth showing: from the function that the hooks stand in front of up to where the
/// test harness begins, without the calls of the standard library.
pub(crate) fn spawn_path(frames: &[Frame]) -> Vec<Frame> {
    path(behind(frames, CREATE))
}

/// The same of the stack on which a descriptor was opened.
pub(crate) fn open_path(frames: &[Frame]) -> Vec<Frame> {
    path(behind(frames, OPENING))
}

/// The same of the stack on which a child process was started.
pub(crate) fn start_path(frames: &[Frame]) -> Vec<Frame> {
    path(behind(frames, STARTING))
}

/// What of the calls that spawned a task is worth showing.
pub(crate) fn task_path(frames: &[Frame]) -> Vec<Frame> {
    path(frames)
}

/// What is worth showing of the calls that allocated a block, outside of the allocator.
pub(crate) fn allocation_path(frames: &[Frame]) -> Vec<Frame> {
    path(frames)
}

/// Calls up to where the test harness begins, without calls of the standard library.
fn path(frames: &[Frame]) -> Vec<Frame> {
    let inside = frames.iter().take_while(|it| it.origin != Origin::TestHarness);
    let mut path: Vec<Frame> = Vec::new();
    for frame in inside.filter(|it| is_code(it)) {
        // A function and its closures are one place, and its innermost call says most. Attributes that make
        // tests put closures around them.
        let is_same_place = |inner: &Frame| {
            inner.origin == Origin::Own
                && without_closures(&inner.function) == without_closures(&frame.function)
        };
        if !path.last().is_some_and(is_same_place) {
            path.push(frame.clone());
        }
    }
    path
}

/// What of a present stack is worth showing: the standard library's last call before the first call of other
/// code, and that code's.
pub(crate) fn present_path(frames: &[Frame]) -> Vec<Frame> {
    let frames = behind(frames, "ask");
    let begin = frames.iter().position(is_code).unwrap_or(frames.len());
    let system = frames[..begin].iter().rfind(|it| it.origin == Origin::System && it.function.contains("::"));
    system.into_iter().chain(frames[begin..].iter().filter(|it| is_code(it))).cloned().collect()
}

/// The function in which a closure stands.
pub(crate) fn without_closures(mut function: &str) -> &str {
    while let Some(outer) = function.strip_suffix("::{{closure}}") {
        function = outer;
    }
    function
}

/// Whether a call is code of the project or of a dependency.
pub(crate) fn is_code(frame: &Frame) -> bool {
    matches!(frame.origin, Origin::Own | Origin::Dependency)
}

/// The calls outside of the hooks' own, which took the stack down: they are in the file `module` of the
/// hooks, and what they call is further inside.
pub(crate) fn behind<'a>(frames: &'a [Frame], module: &str) -> &'a [Frame] {
    let (file, path) = (format!("/src/{module}.rs"), format!("highwater_hooks::{module}::"));
    let is_ours = |it: &Frame| match &it.file {
        Some(it) => it.contains("/highwater-hooks") && it.replace('\\', "/").ends_with(&file),
        // Where functions have no file, functions of the hooks may be inlined into the one in front of the C
        // library's.
        None => it.function.contains(&path) || functions_in_front(module).contains(&it.function.as_str()),
    };
    let Some(first) = frames.iter().position(is_ours) else { return frames };
    let outside = frames[first..].iter().position(|it| it.origin != Origin::Highwater && !is_ours(it));
    outside.map_or(&[], |it| &frames[first + it..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(function: &str, origin: Origin) -> Frame {
        let file = (origin == Origin::Highwater).then(|| format!("/x/highwater-hooks/src/{function}.rs"));
        Frame { function: function.to_owned(), file, line: None, origin }
    }

    #[test]
    fn paths_keep_what_a_reader_can_change() {
        let stack = [
            frame("backtrace::trace", Origin::Dependency),
            frame("stack", Origin::Highwater),
            frame("create", Origin::Highwater),
            frame("std::thread::spawn", Origin::System),
            frame("threadpool::new", Origin::Dependency),
            frame("mine::start", Origin::Own),
            frame("core::ops::function::FnOnce::call_once", Origin::System),
            frame("mine::tests::a", Origin::Own),
            frame("around", Origin::Highwater),
            frame("mine::tests::a::{{closure}}", Origin::Own),
            frame("test::run", Origin::TestHarness),
            frame("main", Origin::Own),
        ];
        let names = |frames: Vec<Frame>| frames.into_iter().map(|it| it.function).collect::<Vec<_>>();
        assert_eq!(names(spawn_path(&stack)), ["threadpool::new", "mine::start", "mine::tests::a"]);
        assert_eq!(names(spawn_path(&stack[3..6])), ["threadpool::new", "mine::start"]);
        let now = [
            frame("backtrace::trace", Origin::Dependency),
            frame("ask", Origin::Highwater),
            frame("__restore_rt", Origin::System),
            frame("std::thread::park", Origin::System),
            frame("clock_nanosleep", Origin::System),
            frame("mine::wait", Origin::Own),
            frame("create", Origin::Highwater),
        ];
        assert_eq!(names(present_path(&now)), ["std::thread::park", "mine::wait"]);
        assert_eq!(names(present_path(&now[..2])), [""; 0]);
    }
}
