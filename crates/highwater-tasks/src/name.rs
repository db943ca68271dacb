//! Types inside the names of functions.

use highwater_names::brackets::first_argument;

/// What a cell holds, by the name of its constructor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Future {
    /// The type of the future or closure, as a reader would write it.
    pub name: String,
    /// Whether it is a call that may block.
    pub is_blocking: bool,
}

/// Types that wrap a future in a cell: the beginning of the name, and whether it means that the call may
/// block.
const WRAPPERS: &[(&str, bool)] = &[
    ("tokio::runtime::blocking::task::BlockingTask<", true),
    ("async_executor::AsyncCallOnDrop<", false),
    ("async_executor::CallOnDrop<", false),
    ("async_std::task::builder::SupportTaskLocals<", false),
    ("core::pin::Pin<", false),
    ("alloc::boxed::Box<", false),
];

/// Maximum nesting of wrappers.
const MOST_WRAPPERS: usize = 16;

/// The future in the name of a cell's constructor: the first type argument of the function called `name`, or
/// of the type `cell`.
pub(crate) fn future(constructor: &str, cell: &str, name: &str) -> Option<Future> {
    let types = match constructor.split_once(cell) {
        Some((_, rest)) => rest,
        None => constructor.strip_prefix(name)?.strip_prefix('<')?,
    };
    let mut name = first_argument(types)?;
    let mut is_blocking = false;
    for _ in 0..MOST_WRAPPERS {
        let Some((wrapper, blocks)) = WRAPPERS.iter().find(|(it, _)| name.starts_with(it)) else { break };
        is_blocking |= blocks;
        name = first_argument(&name[wrapper.len()..])?;
    }
    // A symbol table may only have the type parameter's name from the executor's sources.
    let is_parameter = name.bytes().all(|it| it.is_ascii_uppercase()) || name == "Fut";
    (!is_parameter).then(|| Future { name: readable(name), is_blocking })
}

/// `app::work::{async_fn_env#0}` is `app::work::{async_fn}`.
fn readable(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}').map(|it| open + it) else { break };
        let inside = &rest[open + 1..close];
        let inside = inside.split_once('#').map_or(inside, |(kind, _)| kind);
        text += &rest[..=open];
        text += inside.strip_suffix("_env").unwrap_or(inside);
        text.push('}');
        rest = &rest[close + 1..];
    }
    text += rest;
    text.replace(", alloc::alloc::Global>", ">")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKIO: (&str, &str) = ("tokio::runtime::task::core::Cell<", "new");
    const RAW_TASK: (&str, &str) = ("async_task::raw::RawTask<", "allocate");
    const UNORDERED: (&str, &str) = ("futures_util::stream::futures_unordered::FuturesUnordered<", "push");

    #[test]
    fn futures_are_taken_out_of_names() {
        for (function, (cell, constructor), expected, is_blocking) in [
            (
                "new<app::work::{async_fn_env#0}, alloc::sync::Arc<tokio::Handle>>",
                TOKIO,
                "app::work::{async_fn}",
                false,
            ),
            (
                "<tokio::runtime::task::core::Cell<app::work::{closure#0}, S>>::new",
                TOKIO,
                "app::work::{closure}",
                false,
            ),
            (
                "new<tokio::runtime::blocking::task::BlockingTask<app::main::{closure_env#1}>, tokio::Schedule>",
                TOKIO,
                "app::main::{closure}",
                true,
            ),
            (
                "allocate<async_executor::AsyncCallOnDrop<app::{impl#3}::run::{async_block_env#2}, x::{closure_env#0}<()>>, ()>",
                RAW_TASK,
                "app::{impl}::run::{async_block}",
                false,
            ),
            (
                "push<core::pin::Pin<alloc::boxed::Box<dyn core::future::future::Future<Output=u8>, alloc::alloc::Global>>>",
                UNORDERED,
                "dyn core::future::future::Future<Output=u8>",
                false,
            ),
            (
                "push<app::with<fn(u8) -> (u8, u8)>::{async_fn_env#0}>",
                UNORDERED,
                "app::with<fn(u8) -> (u8, u8)>::{async_fn}",
                false,
            ),
        ] {
            let name = expected.to_owned();
            assert_eq!(future(function, cell, constructor), Some(Future { name, is_blocking }), "{function}");
        }
    }

    #[test]
    fn names_without_types_have_no_future() {
        for function in [
            "tokio::runtime::task::core::Cell<T,S>::new",
            "async_task::raw::RawTask<F,T,S,M>::allocate",
            "futures_util::stream::futures_unordered::FuturesUnordered<Fut>::push",
            "new",
            "renew<app::work>",
            "<",
            "new<app::work",
            "",
        ] {
            for (cell, constructor) in [TOKIO, RAW_TASK, UNORDERED] {
                assert_eq!(future(function, cell, constructor), None, "{function}");
            }
        }
    }
}
