//! The types in the names that functions have. Names of the symbol table may leave them out, and debug
//! information has them.
//!
//! Only asked for tasks and blocks that are left. What cannot be read is not known, and nothing else depends
//! on it.

use highwater_names::types::{Judged, Named, Owner, Typist};
use highwater_tasks::Executor;

use super::symbols;
use crate::finding::{Frame, Origin};

/// How many of the innermost calls are asked. The constructor of a cell is a few calls outside of the
/// allocator.
const MOST_CALLS: usize = 24;

/// The type of the future of a task, by the stack that allocated its cell.
pub(crate) fn future(executor: Executor, stack: &[usize]) -> Option<String> {
    // The addresses are inside of their calls already.
    let addresses = || stack.iter().take(MOST_CALLS).map(|it| *it as u64 + 1);
    let known = highwater_resolver::described(addresses());
    let mut names = addresses().filter_map(|it| known.get(&it)).flatten();
    names.find_map(|name| highwater_tasks::future(executor, name)).map(|it| it.name)
}

/// The same by the names of the symbol table, which have types in one of the manglings.
pub(crate) fn future_by_symbols(executor: Executor, stack: &[usize]) -> Option<String> {
    let mut names = stack.iter().take(MOST_CALLS).flat_map(|address| symbols::names(*address));
    names.find_map(|name| highwater_tasks::future(executor, &name)).map(|it| it.name)
}

/// The collection or pointer that keeps the blocks that `stack` allocated: `Vec<demo::Entry>`.
pub(crate) fn container(stack: &[usize]) -> Option<String> {
    // The addresses are inside of their calls already.
    let known = highwater_resolver::described(stack.iter().take(MOST_CALLS).map(|it| *it as u64 + 1));
    let typist = Typist::default();
    let mut judged: Vec<Judged> = Vec::new();
    for address in stack.iter().take(MOST_CALLS) {
        let calls = symbols::calls_at(*address);
        // Both list the same calls, inlined ones first.
        let names = known.get(&(*address as u64 + 1)).filter(|names| names.len() == calls.len());
        for (at, call) in calls.iter().enumerate() {
            let function = names.map_or(call.function.as_str(), |names| names[at].as_str());
            let (owner, file) = (owner(call), call.file.as_deref());
            judged.push(typist.judge(&Named { function: Some(function), file, owner, is_rust: true }));
        }
    }
    Typist::type_of(judged.iter()).ok().map(|found| found.container)
}

fn owner(call: &Frame) -> Owner {
    match call.origin {
        _ if symbols::is_of_allocator(&call.function) => Owner::Allocator,
        Origin::Highwater => Owner::Allocator,
        Origin::System => Owner::Library,
        Origin::Own | Origin::Dependency | Origin::TestHarness => Owner::Program,
    }
}
