//! The types in the names that functions have. Those of the symbol table may leave them out, and debug information has them.
//!
//! Only asked for tasks that are left. What cannot be read is not known, and nothing else depends on it.

use highwater_tasks::Executor;

use crate::symbols;

/// How many of the innermost calls are asked. The constructor of a cell is a few calls outside of the allocator.
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
